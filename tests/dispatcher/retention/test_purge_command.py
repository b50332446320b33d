"""`beredskap contacts purge` as it is typed, and how the commands speak of an alert that was reduced to figures."""

from __future__ import annotations

import json
from datetime import UTC, datetime

from config.errors import ExitStatus
from tests.dispatcher.retention.conftest import Run
from tests.dispatcher.retention.test_purge import YEARS_LATER
from tests.dispatcher.retention.town import LAST_YEAR, Town, everything, found_in_tables


def test_preview_first_and_then_applied(run: Run, installed: Town) -> None:
    gone = installed.family(left_on=LAST_YEAR)
    before = everything(installed.database)
    result = run("contacts", "purge", "--dry-run")
    assert result.exit_code == ExitStatus.OK
    assert "1  students who left 12 months ago or more (2025-11-23)" in result.stdout
    assert "Dry run: nothing was changed." in result.stdout
    told = json.loads(run("contacts", "purge", "--dry-run", "--json").stdout)
    assert (told["applied"], told["preview"]["students"], told["preview"]["rows"]["consents"]) == (False, 1, 1)
    # Without a terminal nobody can answer.
    assert run("contacts", "purge").exit_code == ExitStatus.UNUSABLE
    assert run("contacts", "purge", "--json").exit_code == ExitStatus.UNUSABLE
    assert run("contacts", "purge", "--apply", "--dry-run").exit_code == ExitStatus.UNUSABLE
    assert everything(installed.database) == before

    told = json.loads(run("contacts", "purge", "--apply", "--json").stdout)
    assert told["done"] == told["preview"] and told["applied"] and told["overwritten"]
    assert found_in_tables(installed.database, gone.marks) == set()
    result = run("contacts", "purge", "--apply")
    assert (result.exit_code, result.stdout.splitlines()[-1]) == (ExitStatus.OK, "Nothing is to be forgotten.")


def test_not_beside_an_alert(run: Run, installed: Town) -> None:
    installed.family(left_on=LAST_YEAR)
    alert = installed.alert(installed.family(), ended=False)
    before = everything(installed.database)
    result = run("contacts", "purge", "--apply")
    assert result.exit_code == ExitStatus.UNUSABLE
    assert installed.number(alert) in result.stderr and "beside" in result.stderr
    assert everything(installed.database) == before


def test_a_reduced_alert_in_all_commands(run: Run, installed: Town) -> None:
    alert = installed.number(installed.alert(installed.family()))
    newer = installed.number(installed.alert(installed.family()))
    was = json.loads(run("report", alert, "--json").stdout)
    assert was["reduced"] is None
    installed.world.now = YEARS_LATER
    assert run("contacts", "purge", "--apply").exit_code == ExitStatus.OK

    now = json.loads(run("report", alert, "--json").stdout)
    assert now["reduced"]["schools"][0]["school"] == "Eksempel vgs"
    changed = {name for name in was if was[name] != now[name]}
    assert changed == {"reduced", "acts"}
    page = run("report", alert)
    assert page.exit_code == ExitStatus.OK
    assert "Reduced to figures 2029-01-08 10:00:00: who was told is no longer on record" in " ".join(
        page.stdout.split()
    )
    assert "Eksempel vgs   nobody reached 0   handed over 0   confirmed 1   of 1" in page.stdout
    assert "students of one school,Eksempel vgs,confirmed,1" in run("report", alert, "--format", "csv").stdout
    paper = run("report", alert, "--format", "html").stdout
    assert "Varselet ble redusert til tall 08.01.2029 kl. 10.00.00" in paper
    assert "<td>Eksempel vgs</td>" in paper
    assert not any(words in paper for words in ("Klassene", "De tregeste meldingene", "SMS har kostet"))
    assert "breakdown" not in json.loads(run("report", alert, "--json", "--breakdown").stdout)

    for arguments in (("report", alert, "--call-list"), ("alert", "watch", alert), ("alert", "watch", alert, "--json")):
        refused = run(*arguments)
        assert refused.exit_code == ExitStatus.UNUSABLE, arguments
        assert "reduced to figures on 2029-01-08" in refused.output
    lines = {line.split()[0]: line for line in run("alert", "list").stdout.splitlines()}
    assert lines[alert].endswith("(reduced to figures)") and "reduced" not in lines[newer]
    assert json.loads(run("alert", "show", alert, "--json").stdout)["reduced_at"] == "2029-01-08 10:00:00"
    assert "who was told is no longer on record" in run("alert", "show", alert).stdout
    assert json.loads(run("alert", "show", newer, "--json").stdout)["reduced_at"] is None
    assert run("audit", "--alert", alert).exit_code == ExitStatus.OK


def test_a_policy_of_ones_own(run: Run, installed: Town, monkeypatch) -> None:  # type: ignore[no-untyped-def]
    monkeypatch.setenv("BEREDSKAP_RETENTION__STUDENTS_MONTHS", "36")
    installed.family(left_on=LAST_YEAR)
    assert json.loads(run("contacts", "purge", "--dry-run", "--json").stdout)["preview"]["students"] == 0
    installed.world.now = datetime(2028, 7, 1, 12, tzinfo=UTC)
    assert json.loads(run("contacts", "purge", "--dry-run", "--json").stdout)["preview"]["students"] == 1
