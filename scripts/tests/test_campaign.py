"""A campaign in which a rule was broken, or nothing happened, must not look green."""

import json
import stat

import pytest

import campaign
import junit

HELD = {"rules": {"acknowledged implies stored": 0, "no crossed answer": 0}, "violations": [], "rounds": campaign.ROUNDS,
        "seconds": 30, "kills": {"worker": 2}, "faults": {"mail": 1}, "checked": {"read": 5}}
VIOLATED = {**HELD, "rules": {**HELD["rules"], "no crossed answer": 1},
            "violations": [{"rule": "no crossed answer", "round": 1, "what": "reader 1 saw 2"}]}


def program(folder, report, code=0):
    """A folder with a program that leaves this report and ends with this code."""
    path = folder / "cloister-campaign"
    left = f"cat >$CAMPAIGN_OUTPUT/campaign.json <<'END'\n{json.dumps(report)}\nEND\n" if report else ""
    path.write_text(f"#!/bin/sh\n{left}exit {code}\n")
    path.chmod(path.stat().st_mode | stat.S_IXUSR)
    return folder


def test_a_campaign_whose_rules_held_passes_with_a_case_for_each(tmp_path):
    campaign.run(program(tmp_path, HELD), tmp_path / "out", tmp_path / "campaign.xml")
    told = junit.read(tmp_path / "campaign.xml")
    assert [case.outcome for case in told] == [junit.PASSED] * 3
    assert "campaign::no crossed answer" in [case.id for case in told]


def test_a_broken_rule_fails_its_case_and_the_step(tmp_path):
    with pytest.raises(campaign.Broken, match="no crossed answer"):
        campaign.run(program(tmp_path, VIOLATED, 1), tmp_path / "out", tmp_path / "campaign.xml")
    failed = [case for case in junit.read(tmp_path / "campaign.xml") if case.outcome == junit.FAILED]
    assert [(case.id, case.message) for case in failed] == [("campaign::no crossed answer", "reader 1 saw 2")]


@pytest.mark.parametrize("idle", [{"rounds": 1}, {"kills": {}, "faults": {}}, {"checked": {}}])
def test_a_campaign_that_did_nothing_fails(tmp_path, idle):
    with pytest.raises(campaign.Broken, match="rounds are played"):
        campaign.run(program(tmp_path, {**HELD, **idle}), tmp_path / "out", tmp_path / "campaign.xml")


@pytest.mark.parametrize(("report", "code"), [(None, 101), (HELD, 101)])
def test_a_program_that_crashed_fails_also_over_an_earlier_report(tmp_path, report, code):
    (tmp_path / "out").mkdir()
    (tmp_path / "out/campaign.json").write_text(json.dumps(HELD))
    with pytest.raises(campaign.Broken, match="101|the program"):
        campaign.run(program(tmp_path, report, code), tmp_path / "out", tmp_path / "campaign.xml")
