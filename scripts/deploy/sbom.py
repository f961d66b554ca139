"""What is linked into the programs and into the pages they serve, as CycloneDX: target/sbom/cloister.cdx.json."""

import base64
import hashlib
import json
import pathlib
import re
import subprocess
import uuid

from deploy import tools
from deploy.outcome import Refused

WRITTEN = pathlib.Path("target/sbom/cloister.cdx.json")
PROGRAMS = ("cloister-platform", "cloister-tenant-admin")


def crates(root):
    """Components and dependencies of everything that the two programs link on Linux, as Cargo resolves it when it builds them and
    nothing else: `cargo metadata` would add what the features of the rest of the workspace turn on."""
    linked = linked_crates(listed(root, "tree", "--edges=normal", "--prefix=depth", "--format={p}",
                                  "--target=x86_64-unknown-linux-gnu", *(f"--package={name}" for name in PROGRAMS)).splitlines())
    metadata = json.loads(listed(root, "metadata", "--format-version=1", "--filter-platform=x86_64-unknown-linux-gnu"))
    packages = {(package["name"], package["version"]): package for package in metadata["packages"]}
    checksums = {(name, version): digest for name, version, digest in re.findall(
        r'name = "([^"]+)"\nversion = "([^"]+)"\nsource = "[^"]+"\nchecksum = "([0-9a-f]{64})"', (root / "Cargo.lock").read_text())}
    dependencies = [{"ref": reference(*name), "dependsOn": sorted(reference(*inner) for inner in needs)}
                    for name, needs in linked.items()]
    return [crate(packages[name], checksums) for name in linked], dependencies


def listed(root, command, *options):
    """What Cargo says of the lock file."""
    return subprocess.run(["cargo", command, "--locked", "--offline", *options], cwd=root, check=True, capture_output=True,
                          text=True).stdout


def linked_crates(lines):
    """Name and version of each crate of a tree, with those that it needs. A crate is unfolded where it comes first."""
    needs, above = {}, []
    for line in lines:
        if not (found := re.match(r"(\d+)(\S+) v(\S+)", line)):
            continue
        depth, name = int(found[1]), (found[2], found[3])
        needs.setdefault(name, set())
        del above[depth:]
        if above:
            needs[above[-1]].add(name)
        above.append(name)
    return needs


def reference(name, version):
    return f"cargo:{name}@{version}"


def crate(package, checksums):
    name, version = package["name"], package["version"]
    made = {"type": "library", "bom-ref": reference(name, version), "name": name, "version": version,
            "purl": f"pkg:cargo/{name}@{version}"}
    if package.get("license"):
        made["licenses"] = [{"expression": package["license"].replace("/", " OR ")}]
    if digest := checksums.get((name, version)):
        made["hashes"] = [{"alg": "SHA-256", "content": digest}]
    return made


def pages(root):
    """What the browser apps are built from, but for what only builds them."""
    lock = json.loads((root / "platform/web/package-lock.json").read_text(encoding="utf-8"))
    made = {}
    for path, package in lock["packages"].items():
        if not path.rpartition("node_modules/")[1] or package.get("dev") or package.get("link"):
            continue
        name, version = path.rpartition("node_modules/")[2], package["version"]
        component = {"type": "library", "bom-ref": f"npm:{name}@{version}", "name": name, "version": version,
                     "purl": f"pkg:npm/{name.replace('@', '%40')}@{version}"}
        if package.get("integrity", "").startswith("sha512-"):
            digest = base64.b64decode(package["integrity"].removeprefix("sha512-")).hex()
            component["hashes"] = [{"alg": "SHA-512", "content": digest}]
        made[component["bom-ref"]] = component
    return [made[ref] for ref in sorted(made)]


def bill(root):
    """The whole bill. The same lock files give the same bill, its serial number included."""
    libraries, dependencies = crates(root)
    components = sorted(libraries, key=lambda component: component["bom-ref"]) + pages(root)
    told = json.dumps(components, sort_keys=True).encode()
    version = next(component["version"] for component in libraries if component["name"] == PROGRAMS[0])
    return {
        "$schema": "http://cyclonedx.org/schema/bom-1.6.schema.json", "bomFormat": "CycloneDX", "specVersion": "1.6", "version": 1,
        "serialNumber": f"urn:uuid:{uuid.UUID(bytes=hashlib.sha256(told).digest()[:16], version=4)}",
        "metadata": {"component": {"type": "application", "bom-ref": "cloister", "name": "cloister", "version": version}},
        "components": components,
        "dependencies": [{"ref": "cloister", "dependsOn": [reference(name, version) for name in PROGRAMS]},
                         *sorted(dependencies, key=lambda dependency: dependency["ref"])],
    }


def check(root):
    """Writes the bill, and asks CycloneDX' own schema about it."""
    made = bill(root)
    problems = problems_of(made)
    if problems:
        raise Refused("\n".join(problems[:20]))
    (root / WRITTEN).parent.mkdir(parents=True, exist_ok=True)
    (root / WRITTEN).write_text(json.dumps(made, indent=1) + "\n", encoding="utf-8")


def problems_of(made):
    import jsonschema
    import referencing

    folder = next(tools.installed("checkov").parent.parent.glob("lib/python*/site-packages/cyclonedx/schema/_res"))
    schemas = {name: json.loads((folder / f"{name}.SNAPSHOT.schema.json").read_text(encoding="utf-8"))
               for name in ("bom-1.6", "spdx", "jsf-0.82")}
    registry = referencing.Registry().with_resources(
        [(schema["$id"], referencing.Resource.from_contents(schema)) for schema in schemas.values()])
    validator = jsonschema.Draft7Validator(schemas["bom-1.6"], registry=registry)
    found = [f"{'/'.join(map(str, error.absolute_path))}: {error.message[:200]}" for error in validator.iter_errors(made)]
    held = {component.get("name") for component in made["components"]}
    found += [f"{name} is not in the bill" for name in (*PROGRAMS, "rustls", "aws-lc-rs", "sqlx-postgres", "react")
              if name not in held]
    refs = {component["bom-ref"] for component in made["components"]}
    return found + [f"{ref} is depended on and not in the bill" for dependency in made["dependencies"]
                    for ref in dependency["dependsOn"] if ref not in refs]
