"""Plants each violation and sees it caught."""

import check_dependencies as rules


def workspace(**uses):
    """Metadata of a workspace: `store=["sqlx", ("testkit", "dev")]`, cloister- is added for known crates."""
    packages = []
    members = {name for names in rules.LAYERS for name in names}
    for name in sorted(members | {user.replace("_", "-") for user in uses}):
        dependencies = []
        for used in uses.get(name.replace("-", "_"), []):
            used, kind = used if isinstance(used, tuple) else (used, None)
            dependencies.append({"name": f"cloister-{used}" if used in members else used, "kind": kind})
        packages.append({"id": name, "name": f"cloister-{name}", "dependencies": dependencies})
    return {"workspace_members": [package["id"] for package in packages], "packages": packages}


def test_an_orderly_workspace_passes():
    orderly = workspace(vault=["kernel", "aes-gcm"], store=["kernel", "vault", "sqlx", ("testkit", "dev")],
                        clinical=["store", "fhir"], platform=["clinical", "poem"], tests=["testkit", "sqlx"])
    assert rules.check_workspace(orderly) == []


def test_a_lower_crate_cannot_use_a_higher_one():
    assert "vault uses store" in rules.check_workspace(workspace(vault=["store"]))[0]


def test_crates_of_one_layer_cannot_use_each_other():
    assert "clinical uses tenancy" in rules.check_workspace(workspace(clinical=["tenancy"]))[0]


def test_direction_holds_for_build_and_dev_dependencies():
    assert rules.check_workspace(workspace(kernel=[("store", "build")]))
    assert rules.check_workspace(workspace(kernel=[("store", "dev")]))


def test_a_crate_may_name_itself_for_its_tests():
    assert rules.check_workspace(workspace(vault=[("vault", "dev")])) == []


def test_test_code_is_never_shipped():
    assert "test code" in rules.check_workspace(workspace(platform=["testkit"]))[0]


def test_an_unknown_crate_has_to_be_placed():
    assert "not in the list of layers" in rules.check_workspace(workspace(billing=[]))[0]


def test_each_dangerous_tool_has_its_owner():
    planted = {"sqlx": "clinical", "sea-orm": "identity", "sea-orm-migration": "platform", "aes-gcm": "identity",
               "xaes-256-gcm": "store", "aws-sdk-kms": "tenancy", "aws-sdk-s3": "clinical", "casbin": "grants",
               "poem": "clinical", "poem-openapi": "jobs", "deadpool-redis": "identity", "lettre": "tenancy"}
    for used, user in planted.items():
        found = rules.check_workspace(workspace(**{user: [used]}))
        assert len(found) == 1 and found[0].startswith(f"{user} uses {used}: only "), (used, found)


def test_tests_may_look_underneath_and_build_scripts_may_not():
    assert rules.check_workspace(workspace(tenancy=[("sqlx", "dev")])) == []
    assert rules.check_workspace(workspace(tenancy=[("sqlx", "build")]))


def test_a_second_crypto_provider_is_found_however_deep():
    assert rules.check_graph("serde v1.0.0\nring v0.17.14\n")
    assert rules.check_graph("openssl-sys v0.9.1\nring-buffer v1.0.0\n") == [
        "openssl-sys is in the build: one TLS and crypto provider only (aws-lc-rs)"]
    assert rules.check_graph("aws-lc-rs v1.1.0\nring-buffer v1.0.0\n") == []


def test_the_operators_binary_links_no_clinical_code_and_no_opener():
    orderly = 'cloister-vault v0.1.0 (crates/vault)\ncloister-vault feature "issuer"\ncloister-store v0.1.0\n'
    assert rules.check_tenant_admin(orderly) == []
    for planted in ("cloister-clinical v0.1.0 (crates/clinical)", 'cloister-vault feature "opener"',
                    'cloister-store feature "tenant" (*)', "cloister-platform v0.1.0"):
        assert len(rules.check_tenant_admin(f"{orderly}{planted}\n")) == 1, planted
