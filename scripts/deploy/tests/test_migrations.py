"""Migrations under which the release before would fail."""

import pathlib

import pytest

from deploy import migrations
from deploy.outcome import Refused

ROOT = pathlib.Path(__file__).resolve().parents[3]
HEAD = "//! Contract: the column nickname, unused since 1.4.0.\n"
BREAKING = {
    '"ALTER TABLE accounts DROP COLUMN nickname"': "takes away",
    '"DROP TABLE accounts"': "takes away",
    "manager.drop_table(Table::drop().table(Accounts).to_owned()).await": "takes away",
    '"ALTER TABLE accounts RENAME COLUMN name TO full_name"': "renames",
    '"ALTER TABLE accounts RENAME TO people"': "renames",
    '"ALTER TABLE accounts ALTER COLUMN name SET NOT NULL"': "demands a value",
    '"ALTER TABLE accounts ALTER COLUMN age TYPE bigint"': "changes a type",
    '"ALTER TABLE accounts ADD COLUMN age bigint NOT NULL"': "does not fill",
    '"ALTER TABLE accounts ADD COLUMN age bigint \\\n     NOT NULL CHECK (age > 0)"': "does not fill",
    'add_tenant_column(manager, ACCOUNTS, number("age")).await?;': "does not fill",
    '"ALTER TABLE accounts ADD CONSTRAINT one UNIQUE (name)"': "may break",
    '"REVOKE INSERT ON accounts FROM cloister_serve"': "takes a right",
    '"TRUNCATE accounts"': "takes rows",
}
HARMLESS = [
    '"ALTER TABLE accounts ADD COLUMN age bigint"',
    '"ALTER TABLE accounts ADD COLUMN age bigint NOT NULL DEFAULT 0"',
    '"ALTER TABLE accounts ADD COLUMN age bigint DEFAULT 0 NOT NULL"',
    '"ALTER TABLE accounts ALTER COLUMN name DROP NOT NULL"',
    'add_tenant_column(manager, ACCOUNTS, number("age").optional()).await?;',
    "create_platform_table(manager, RAISED_NETWORKS).await",
    '"GRANT SELECT ON accounts TO cloister_work"',
    "// DROP TABLE accounts is for a later release",
]


@pytest.mark.parametrize("statement", BREAKING)
def test_what_the_release_before_cannot_live_with_is_refused(statement):
    found = migrations.findings(f"//! A migration.\n\nfn up() {{\n    {statement}\n}}\n")
    assert len(found) == 1 and found[0].startswith("4: ") and BREAKING[statement] in found[0], found


@pytest.mark.parametrize("statement", HARMLESS)
def test_what_only_adds_is_taken(statement):
    assert migrations.findings(f"//! A migration.\n\nfn up() {{\n    {statement}\n}}\n") == []


def test_a_migration_that_says_so_may_take_away_and_nothing_else():
    drop = '"ALTER TABLE accounts DROP COLUMN nickname"'
    assert migrations.findings(f"{HEAD}fn up() {{ {drop} }}") == []
    assert "two releases" in migrations.findings(f'{HEAD}fn up() {{ {drop}; "ALTER TABLE accounts ADD COLUMN age bigint" }}')[0]
    assert migrations.findings(f"//! Contract: the column nickname.\nfn up() {{ {drop} }}"), "it must say since when"


def test_a_planted_migration_is_found_by_its_place(tmp_path):
    (tmp_path / migrations.FOLDER).mkdir(parents=True)
    with pytest.raises(Refused, match="there are no migrations"):
        migrations.check(tmp_path)
    (tmp_path / migrations.FOLDER / "m0006_x.rs").write_text('fn up() {\n    "DROP TABLE events"\n}\n')
    with pytest.raises(Refused, match="migrations/src/m0006_x.rs:2: takes away"):
        migrations.check(tmp_path)
    migrations.check(ROOT)
