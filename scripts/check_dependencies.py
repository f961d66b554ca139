"""Which crate may use which: imports run one way, and dangerous tools have one owner each.

Reads `cargo metadata` and `cargo tree`, so what it judges is what Cargo resolves.
"""

import json
import pathlib
import re
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent

# A crate may use crates of lower layers only.
LAYERS = [
    {"kernel"},
    {"vault", "audit", "access", "fhir", "migrations"},
    {"store", "ephemeral", "objects", "notify"},
    {"identity", "grants"},
    {"clinical", "tenancy", "oversight"},
    {"jobs", "edge"},
    {"platform", "tenant-admin"},
    {"testkit"},
    {"bench"},
    {"tests", "campaign"},
    {"hostile"},
]
TEST_ONLY = {"testkit", "tests", "bench", "campaign", "hostile"}
# Crates outside the workspace that only the named ones may use in what they ship.
OWNERS = [
    (r"sea-orm(-.*)?|sea-query(-.*)?|sqlx(-.*)?|rusqlite|libsqlite3-sys|tokio-postgres|diesel",
     {"store", "migrations"} | TEST_ONLY),
    (r"aead|aes(-.*)?|xaes-256-gcm|chacha20(poly1305)?|ghash|polyval|aws-sdk-kms", {"vault"}),
    (r"aws-config", {"vault", "objects", "oversight"}),
    (r"aws-sdk-s3", {"objects"}),
    (r"aws-sdk-cloudwatchlogs", {"oversight"}),
    (r"casbin", {"access"}),
    (r"poem(-.*)?", {"edge", "platform", "tenant-admin"} | TEST_ONLY),
    (r"deadpool-redis|redis", {"ephemeral"} | TEST_ONLY),
    (r"lettre", {"notify"} | TEST_ONLY),
    (r"argon2|totp-rs|zxcvbn", {"identity"} | TEST_ONLY),
]
BANNED_ANYWHERE = {"ring", "openssl", "openssl-sys", "native-tls", "boring-sys"}
# What the operators' binary must not contain, as `cargo tree -e normal,features` prints it.
TENANT_ADMIN_WITHOUT = [
    (r"cloister-clinical v", "clinical code"),
    (r"cloister-platform v", "the portal"),
    (r'cloister-vault feature "opener"', "the key opener"),
    (r'cloister-store feature "tenant"', "access to tenant tables"),
]


def short(name):
    return name.removeprefix("cloister-")


def layer(name):
    return next((index for index, names in enumerate(LAYERS) if name in names), None)


def check_workspace(metadata):
    """Rules about what the workspace's manifests name."""
    members = set(metadata["workspace_members"])
    packages = [package for package in metadata["packages"] if package["id"] in members]
    names = {package["name"] for package in packages}
    found = []
    for package in packages:
        user = short(package["name"])
        if layer(user) is None:
            found.append(f"{user}: not in the list of layers; add it where it belongs")
            continue
        for dependency in package["dependencies"]:
            used, development = dependency["name"], dependency["kind"] == "dev"
            if used in names:
                found += check_direction(user, short(used), development)
            elif not development:  # tests may look underneath
                found += [f"{user} uses {used}: only {', '.join(sorted(owners - TEST_ONLY))} may"
                          for pattern, owners in OWNERS if re.fullmatch(pattern, used) and user not in owners]
    return found


def check_direction(user, used, development):
    if used in TEST_ONLY and not development and user not in TEST_ONLY:
        return [f"{user} uses {used}: test code, only as a dev-dependency"]
    if development and used in TEST_ONLY | {user}:  # a crate may name itself to turn on features for its tests
        return []
    if layer(used) is not None and layer(used) >= layer(user):
        return [f"{user} uses {used}: imports run one way, and {used} stands at or above {user}"]
    return []


def check_graph(tree):
    """Rules about everything that is built, however far down; `tree` has one `name version` a line."""
    linked = {line.split(" ")[0] for line in tree.splitlines()}
    return [f"{name} is in the build: one TLS and crypto provider only (aws-lc-rs)"
            for name in sorted(BANNED_ANYWHERE & linked)]


def check_tenant_admin(tree):
    """Rules about the operators' binary, from its own feature tree."""
    return [f"tenant-admin links {what}: {match.group()}"
            for pattern, what in TENANT_ADMIN_WITHOUT if (match := re.search(pattern, tree))]


def cargo(*arguments):
    return subprocess.run(["cargo", *arguments], cwd=ROOT, check=True, capture_output=True, text=True).stdout


def main():
    try:
        metadata = json.loads(cargo("metadata", "--format-version=1", "--locked", "--no-deps"))
        everything = cargo("tree", "--locked", "--workspace", "--prefix=none", "--format={p}")
        operators = cargo("tree", "--locked", "-p", "cloister-tenant-admin", "-e", "normal,features", "--prefix=none")
    except subprocess.CalledProcessError as error:
        print(error.stderr)
        return 1
    found = check_workspace(metadata) + check_graph(everything) + check_tenant_admin(operators)
    print("\n".join(found) or "dependencies: all rules hold")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
