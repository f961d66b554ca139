"""Whether the chart tells the programs what they know and need: by their own tables, and by their own reading."""

import json
import os
import pathlib
import re
import subprocess
import tempfile

from deploy import chart
from deploy.outcome import NotRun, Refused

# Process: its program, and what has the program read the settings of that process.
PROCESSES = {
    "portal": ("cloister", ["settings", "--check", "serve"]),
    "worker": ("cloister", ["settings", "--check", "work"]),
    "migrate": ("cloister", ["settings", "--check", "migrate"]),
    "tenant-admin": ("cloister-admin", ["settings", "--check"]),
}
TABLES = {"cloister": ["settings", "--json"], "cloister-admin": ["--json", "settings"]}
# Secrets that somebody else keeps hold what docs/deploy.md says.
KEPT = {"database-url": "postgres://someone:secret@postgres.example:5432/cloister?sslmode=verify-full",
        "redis-url": "rediss://default:secret@redis.example:6379/", "mail-password": "secret"}
POLICY = json.dumps({"Version": "2012-10-17", "Statement": [{"Effect": "Allow"}]})
# Values that the value files leave alone, so that what they become is looked at too.
EVERYTHING = ["--set", "aws.kmsEndpoint=https://kms.example,portal.appOrigins={https://app.example},"
              "portal.limits.anonymous=20,portal.limits.flowPages=70,portal.limits.signedIn=200,portal.limits.bearer=700,"
              "portal.limits.machine=400,network.operatorsBehindProxy=false",
              "--set-json", f'keys.policies={json.dumps(dict.fromkeys(("tenant", "tenantLog"), POLICY))}',
              "--set-string", "redis.authority=-----BEGIN CERTIFICATE-----", "--set-string", "tls.oldest=1.2"]
NAMES = re.compile(r"\bCLOISTER_[A-Z][A-Z0-9_]*[A-Z0-9]\b")


def program(root, name):
    folder = pathlib.Path(os.environ.get("CLOISTER_TEST_BINARIES") or root / "target/bin")
    if not (folder / name).is_file():
        raise NotRun(f"{name} is not built; make check-deploy builds it")
    return folder / name


def run(root, name, arguments, environment):
    """Runs a program with these variables and no others of ours."""
    ended = subprocess.run([program(root, name), *arguments], env={"PATH": os.environ["PATH"], **environment}, text=True,
                           stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=60)
    return ended.returncode, ended.stdout


def table(root, name):
    """What a program can be told: whether it is a secret, by variable."""
    code, output = run(root, name, TABLES[name], {})
    if code:
        raise Refused(f"{name} does not list its settings:\n{output[-1000:]}")
    return {row["variable"]: row["secret"] for row in json.loads(output)["items"]}


def check(root, sizes=chart.SIZES):
    """Every value file: no name that the program does not know, secrets as files, and nothing left out that it needs."""
    tables = {name: table(root, name) for name in TABLES}
    problems = []
    for name, size, more in [*((size, size, ()) for size in sizes), ("production with everything set", "production", EVERYTHING)]:
        for pod in pods(chart.render(root, size, *more)):
            program_name, _ = PROCESSES[pod.process]
            found = unknown(pod, tables[program_name]) or unreadable(root, pod)
            problems += [f"{name}, {pod.process}: {problem}" for problem in found]
    problems += elsewhere(root, tables)
    if problems:
        raise Refused("\n".join(problems))


class Pod:
    """One process as the chart describes it: its variables, and where its files come from."""

    def __init__(self, process, variables, files):
        self.process, self.variables, self.files = process, variables, files

    def placed(self, folder, more=None):
        """Its variables, with its files written below a folder and named there."""
        for path, text in self.files.items():
            file = folder / path.lstrip("/")
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text((more or {}).get(path, text), encoding="utf-8")
        return {name: str(folder / value.lstrip("/")) if value.startswith("/etc/cloister/") else value
                for name, value in self.variables.items()}


def pods(documents, store=None):
    """The processes of a rendered chart. `store` stands for the secret store: (name, property) to value."""
    maps = {document["metadata"]["name"]: document["data"] for document in documents if document["kind"] == "ConfigMap"}
    secrets = {document["spec"]["target"]["name"]: filled(document["spec"], store) for document in documents
               if document["kind"] == "ExternalSecret"}
    found = []
    for name, metadata, spec in chart.pod_templates(documents):
        process = metadata["labels"]["app.kubernetes.io/component"]
        if process not in PROCESSES:
            continue
        container = spec["containers"][0]
        variables = {item["name"]: str(item["value"]) for item in container.get("env", [])}
        for source in container.get("envFrom", []):
            if "configMapRef" not in source:
                raise Refused(f"{name}: variables come from something else than a ConfigMap")
            variables |= {key: str(value) for key, value in maps[source["configMapRef"]["name"]].items()}
        mounts = {mount["name"]: mount["mountPath"] for mount in container["volumeMounts"]}
        files = {}
        for volume in spec["volumes"]:
            if "configMap" in volume:
                held = maps[volume["configMap"]["name"]]
            elif volume["secret"]["secretName"].endswith(("-tls", "-certificate")):
                held = {"tls.crt": "", "tls.key": "", "ca.crt": ""}
            else:
                held = secrets.get(volume["secret"]["secretName"], KEPT)
            files |= {f"{mounts[volume['name']]}/{key}": text for key, text in held.items()}
        found.append(Pod(process, variables, files))
    if {pod.process for pod in found} != set(PROCESSES):
        raise Refused(f"the chart runs {sorted(pod.process for pod in found)}")
    return found


def filled(spec, store):
    """What the External Secrets Operator would make of an ExternalSecret's template."""
    values = {item["secretKey"]: (store or {}).get((item["remoteRef"]["key"], item["remoteRef"]["property"]), "secret")
              for item in spec["data"]}

    def fill(text):
        return re.sub(r"\{\{ \.(\w+)(?: \| urlquery)? \}\}", lambda match: values[match[1]], text)

    made = {key: fill(text) for key, text in spec["target"]["template"]["data"].items()}
    if left := [key for key, text in made.items() if "{{" in text]:
        raise Refused(f"{spec['target']['name']}: nobody fills {', '.join(left)}")
    return made


def unknown(pod, known):
    found = []
    for variable in pod.variables:
        setting = variable.removesuffix("_FILE")
        if variable in known and not known[variable] or variable != setting and known.get(setting):
            continue
        found.append(f"{variable} is a secret and no file" if known.get(variable) else f"{variable} is not a setting")
    return found


def unreadable(root, pod):
    """What the program itself says to these settings. It opens nothing."""
    name, arguments = PROCESSES[pod.process]
    with tempfile.TemporaryDirectory(prefix="cloister-settings-") as folder:
        variables = pod.placed(pathlib.Path(folder))
        missing = [path for path in variables.values() if path.startswith(folder) and not pathlib.Path(path).is_file()]
        code, output = run(root, name, arguments, variables)
    return [f"{path.removeprefix(folder)} is mounted by nobody" for path in missing] + ([output.strip()] if code else [])


def elsewhere(root, tables):
    """Settings that Terraform or the documentation of the deployment name."""
    known = {variable for rows in tables.values() for variable in rows}
    known |= {f"{variable}_FILE" for rows in tables.values() for variable, secret in rows.items() if secret}
    known |= {"CLOISTER_CONFIG", "CLOISTER_ADMIN_CONFIG", "CLOISTER_ADMIN_TOKEN"}
    files = [*sorted((root / "terraform").rglob("*.tf")), root / "docs/deploy.md", root / "image/Dockerfile"]
    return [f"{file.relative_to(root)}: {name} is not a setting" for file in files if file.is_file()
            for name in sorted(set(NAMES.findall(file.read_text(encoding="utf-8"))) - known)]
