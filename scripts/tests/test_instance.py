"""The journeys must start from codes that nobody used."""

import sqlite3

import pytest

import instance
import services

PEOPLE = {"clinics": [{"slug": "lakeside", "portal_origin": "http://p", "console_origin": "http://c", "people": [
    {"role": role, "email": f"{name}@example.com", "totp_secret": name.upper()}
    for role, name in (("patient", "ana"), ("patient", "tom"), ("clinician", "ingrid"), ("admin", "helen"))]}]}


@pytest.fixture
def database(tmp_path):
    """Accounts of two clinics, as far as the instance asks for them."""
    path = tmp_path / "cloister.db"
    connection = sqlite3.connect(path)
    connection.executescript("""
        CREATE TABLE tenants (id blob, slug text);
        CREATE TABLE credentials (tenant_id blob, totp_last_step integer);
        INSERT INTO tenants VALUES (x'01', 'lakeside'), (x'02', 'riverside'), (x'03', 'empty');
        INSERT INTO credentials VALUES (x'01', 7), (x'01', 9), (x'02', 12);""")
    connection.close()
    return path


def test_the_last_step_is_the_clinics_own(database):
    assert [instance.last_step(database, slug) for slug in ("lakeside", "riverside")] == [9, 12]


def test_a_clinic_where_nobody_can_sign_in_is_said(database):
    with pytest.raises(services.ServiceError, match="nobody of empty"):
        instance.last_step(database, "empty")


def test_the_fixture_names_two_patients_and_one_of_each_other_kind():
    made = instance.fixture(PEOPLE, "pw", {"lakeside": 9}.get)
    assert made["patient"] == {"email": "ana@example.com", "password": "pw", "totp_secret": "ANA", "last_step": 9}
    assert [made[kind]["email"] for kind in ("other_patient", "clinician", "admin")] == [
        "tom@example.com", "ingrid@example.com", "helen@example.com"]
    assert (made["portal_origin"], made["console_origin"]) == ("http://p", "http://c")


def test_a_demo_that_calls_itself_well_too_early_is_an_error(tmp_path, monkeypatch):
    log = tmp_path / "log"
    log.write_text("Lakeside Family Clinic: staff\n")
    well = iter([False, True])
    monkeypatch.setattr(instance, "healthy", lambda port: next(well))
    assert not instance.is_ready(1, tmp_path, log)
    with pytest.raises(services.ServiceError, match="before anybody can sign in"):
        instance.is_ready(1, tmp_path, log)


def test_a_demo_is_ready_when_it_says_so_and_is_well(tmp_path, monkeypatch):
    log = tmp_path / "log"
    log.write_text("Ready.\n")
    (tmp_path / "people.json").write_text("{}")
    monkeypatch.setattr(instance, "healthy", lambda port: True)
    assert instance.is_ready(1, tmp_path, log)
