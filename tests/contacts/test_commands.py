"""`beredskap contacts` as people type it: words, exit statuses, JSON, and nothing that must not be shown."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select, text
from typer.testing import CliRunner, Result

from config.audit import current_operator
from config.audit_reading import Wanted, newest_entries
from config.clock import oslo_date
from config.database import Database
from config.errors import ExitStatus
from config.keys import create_key_file, load_keys
from config.migrations import upgrade
from contacts import tables
from contacts.codes import ConsentPurpose, NameFrom, Protection
from contacts.commands.people import app
from contacts.invitation_entry import Entrant, Entry, enter_code
from contacts.invitations import Made, make_invitation
from contacts.national_id import NationalId
from contacts.verification import code_for, open_challenge
from tests.contacts.store import ContactStore
from tests.services.schema import all_tables

Run = Callable[..., Result]


@pytest.fixture
def installed(database_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Database]:
    """A store as `beredskap init` leaves it, which the commands find through the environment."""
    monkeypatch.setenv("BEREDSKAP_STORE__DATABASE_URL", database_url)
    monkeypatch.setenv("BEREDSKAP_STORE__KEY_FILE", str(tmp_path / "beredskap.key"))
    create_key_file(tmp_path / "beredskap.key")
    database = Database(database_url)
    upgrade(database, all_tables())
    yield database
    database.dispose()


@pytest.fixture
def run(installed: Database) -> Run:
    def call(*arguments: str) -> Result:
        return CliRunner().invoke(app, arguments)

    return call


@pytest.fixture
def people(installed: Database) -> dict[str, Any]:
    """A child, an adult and a protected student with one guardian, by the words the commands take."""
    today = oslo_date(installed.now())
    with installed.write() as connection:
        store = ContactStore(connection)
        school = store.school()
        child = store.student("1A-001", school=school, birth_date=today - timedelta(days=16 * 365))
        adult = store.student("3A-001", school=school, birth_date=today - timedelta(days=19 * 366))
        protected = store.student("1A-002", school=school, protection=Protection.CONFIDENTIAL)
        guardian = store.guardian(child, adult, protected)
    return {"guardian": f"G-{guardian}", "guardian_id": guardian, "today": today}


def ok(result: Result) -> Any:
    assert result.exit_code == ExitStatus.OK, result.output
    return json.loads(result.stdout)


def test_explain_in_words_and_as_json(run: Run, people: dict[str, Any]) -> None:
    result = run("explain", "1A-001")
    assert result.exit_code == ExitStatus.OK
    assert "entitled" in result.stdout and "Eksempel vgs" in result.stdout
    told = ok(run("explain", "1A-001", "--json"))
    assert [one["reason"] for one in told["guardians"]] == ["custody"]
    later = ok(run("explain", "1A-001", "--on", str(people["today"] + timedelta(days=3 * 366)), "--json"))
    assert [one["reason"] for one in later["guardians"]] == ["adult_without_consent"]


def test_who_looked_a_student_up_is_on_record(run: Run, people: dict[str, Any], installed: Database) -> None:
    ok(run("explain", "1a-001", "--on", "2026-11-23", "--json"))
    run("explain", "1A-999")
    with installed.read() as connection:
        (entry,) = newest_entries(connection, Wanted(), 10)
    assert (entry.operator, entry.act, entry.subject) == (current_operator(), "student.look_up", "student 1A-001")
    assert entry.details == {"on": "2026-11-23"}


def test_nothing_is_shown_of_a_look_up_that_cannot_be_recorded(
    run: Run, people: dict[str, Any], installed: Database
) -> None:
    with installed.write() as connection:
        connection.execute(text("DROP TABLE audit_entry"))
    for options in ((), ("--json",)):
        result = run("explain", "1A-001", *options)
        assert result.exit_code != ExitStatus.OK
        assert "entitled" not in result.output and "custody" not in result.output


def test_an_unknown_student_is_exit_status_two(run: Run, people: dict[str, Any]) -> None:
    result = run("explain", "1A-999")
    assert result.exit_code == ExitStatus.UNUSABLE
    assert "1A-999" in result.stderr and "Traceback" not in result.output
    told = run("explain", "1A-999", "--json")
    assert told.exit_code == ExitStatus.UNUSABLE
    assert json.loads(told.stdout)["error"]["what"].startswith("No student")


def test_held_and_released_and_held_again(run: Run, people: dict[str, Any]) -> None:
    tomorrow = str(people["today"] + timedelta(days=1))
    assert ok(run("held", "--json"))["held"] == [{"student": "1A-002", "reason": "protected_hold"}]
    assert "1A-002" in run("held", "--school", "eksempel vgs").stdout
    released = ("release", "1A-002", "--reason", "agreed", "--until", tomorrow, "--json")
    assert ok(run(*released))["changed"] is True
    assert ok(run(*released))["changed"] is False
    assert ok(run("held", "--json"))["held"] == []
    assert "Nobody is held" in run("held").stdout
    assert ok(run("hold", "1A-002", "--reason", "mistake", "--json"))["changed"] is True
    assert len(ok(run("held", "--json"))["held"]) == 1


def test_consent_given_and_withdrawn(run: Run, people: dict[str, Any]) -> None:
    def reason() -> str:
        return str(ok(run("explain", "3A-001", "--json"))["guardians"][0]["reason"])

    words = ("3A-001", people["guardian"], "--evidence", "form 7", "--json")
    assert reason() == "adult_without_consent"
    assert ok(run("consent", "give", *words, "--purpose", "portal"))["changed"] is True
    assert reason() == "adult_without_consent"
    assert ok(run("consent", "give", *words))["changed"] is True
    assert reason() == "consented"
    assert ok(run("consent", "withdraw", *words))["changed"] is True
    assert reason() == "consent_withdrawn"
    assert run("consent", "give", "1A-001", *words[1:]).exit_code == ExitStatus.UNUSABLE


def test_blocked_and_unblocked(run: Run, people: dict[str, Any]) -> None:
    def reasons() -> list[str]:
        return [ok(run("explain", ref, "--json"))["guardians"][0]["reason"] for ref in ("1A-001", "3A-001")]

    words = (people["guardian"], "--decision", "2026/113", "--json")
    assert ok(run("block", *words, "--student", "1A-001"))["changed"] is True
    assert reasons() == ["blocked", "adult_without_consent"]
    assert ok(run("unblock", *words, "--student", "1A-001"))["changed"] is True
    assert reasons() == ["custody", "adult_without_consent"]
    assert ok(run("block", *words, "--from", str(people["today"]), "--to", str(people["today"])))["changed"] is True
    assert reasons() == ["blocked", "blocked"]


def test_a_number_is_added_and_confirmed_by_its_code(
    run: Run, people: dict[str, Any], installed: Database, tmp_path: Path
) -> None:
    guardian = people["guardian"]
    added = run("add", guardian, "--phone", "999 99 912")
    assert added.exit_code == ExitStatus.OK
    assert "+47 9xx xx x12" in added.stdout and "99999912" not in added.output
    assert run("add", guardian).exit_code == ExitStatus.UNUSABLE
    assert run("add", guardian, "--phone", "123").exit_code == ExitStatus.UNUSABLE
    assert run("confirm", guardian, "012345").exit_code == ExitStatus.UNUSABLE  # none was sent

    with installed.write() as connection:
        point = connection.scalars(select(tables.CONTACT_POINT.c.id)).one()
        challenge = open_challenge(connection, point)
    code = code_for(load_keys(tmp_path / "beredskap.key"), challenge.id, challenge.nonce)
    wrong = f"{(int(code) + 1) % 1_000_000:06d}"
    assert run("confirm", guardian, "12345").exit_code == ExitStatus.UNUSABLE
    refused = run("confirm", guardian, wrong)
    assert refused.exit_code == ExitStatus.FAILED
    assert "4 tries are left" in refused.stderr  # counted once, and kept, though the command failed
    with installed.read() as connection:
        assert connection.scalars(select(tables.CHALLENGE.c.tries)).one() == 1
    confirmed = run("confirm", guardian, code, "--phone", "99999912")
    assert confirmed.exit_code == ExitStatus.OK
    assert code not in confirmed.output
    (point_now,) = ok(run("explain", "1A-001", "--json"))["guardians"][0]["points"]
    assert (point_now["verified_by"], point_now["unused"]) == ("code", None)
    assert run("remove", guardian).exit_code == ExitStatus.UNUSABLE
    removed = run("remove", guardian, "--phone", "999 99 912")
    assert removed.exit_code == ExitStatus.OK and "99999912" not in removed.output
    assert "No verified contact point is left." in removed.stdout
    assert ok(run("explain", "1A-001", "--json"))["guardians"][0]["points"] == []
    again = run("remove", guardian, "--phone", "999 99 912")
    assert again.exit_code == ExitStatus.UNUSABLE and "no such contact point" in again.stderr


@pytest.mark.parametrize(
    "command",
    [
        "explain",
        "held",
        "release",
        "hold",
        "block",
        "unblock",
        "add",
        "remove",
        "confirm",
        "consent give",
        "consent withdraw",
    ],
)
def test_every_help_has_an_example(command: str) -> None:
    result = CliRunner().invoke(app, [*command.split(), "--help"])
    assert result.exit_code == ExitStatus.OK
    assert f"beredskap contacts {command}" in " ".join(result.stdout.split())


def test_the_quality_of_the_store(run: Run, people: dict[str, Any], tmp_path: Path) -> None:
    assert "Eksempel vgs   3 students" in run("quality").stdout
    told = ok(run("quality", "--school", "Eksempel vgs", "--json"))
    assert [one["figures"]["students"] for one in told["schools"]] == [
        {"two_channels": 0, "one_channel": 0, "no_channel": 1, "nobody_entitled": 2}
    ]
    file = tmp_path / "quality.html"
    assert run("quality", "--html", str(file)).stdout == f"Written to {file}.\n"
    assert file.read_text(encoding="utf-8").startswith("<!DOCTYPE html>")
    nowhere = run("quality", "--html", str(tmp_path / "none" / "quality.html"))
    assert nowhere.exit_code == ExitStatus.UNUSABLE and "cannot be written" in nowhere.output
    assert run("quality", "--school", "Ukjent").exit_code == ExitStatus.UNUSABLE


def test_stop_and_failures_of_an_address(run: Run, installed: Database, people: dict[str, Any]) -> None:
    with installed.write() as connection:
        ContactStore(connection).point(people["guardian_id"], "+4799999912", failures=3, failing_since=installed.now())
    why = ("--evidence", "case 2026/91", "--json")
    assert "failing" in run("explain", "1A-001").stdout
    assert ok(run("forget-failures", people["guardian"], "--phone", "999 99 912", *why))["changed"]
    assert ok(run("opt-out", people["guardian"], *why))["changed"]
    assert "has answered STOP" in run("explain", "1A-001").stdout
    assert ok(run("opt-in", people["guardian"], *why))["changed"]
    assert run("opt-in", people["guardian"], "--evidence", "case").exit_code == ExitStatus.UNUSABLE
    assert run("opt-out", people["guardian"], "--phone", "nobody", "--evidence", "x").exit_code == ExitStatus.UNUSABLE


def test_the_main_school_of_a_student(run: Run, people: dict[str, Any]) -> None:
    told = ok(run("main-school", "1A-001", "Eksempel vgs", "--json"))
    assert (told["changed"], told["words"]) == (True, "The main school of student 1A-001 is Eksempel vgs.")
    assert ok(run("main-school", "1A-001", "--as-told", "--json"))["changed"]
    for wrong in ((), ("Eksempel vgs", "--as-told"), ("Ukjent vgs",)):
        assert run("main-school", "1A-001", *wrong).exit_code == ExitStatus.UNUSABLE
    assert run("main-school", "1A-002", "Eksempel vgs").exit_code == ExitStatus.UNUSABLE


def test_an_invitation_is_listed_and_confirmed_on_paper(
    run: Run, people: dict[str, Any], installed: Database, tmp_path: Path
) -> None:
    keys = load_keys(tmp_path / "beredskap.key")
    assert "No invitation waits" in run("invitations", "list").stdout
    with installed.write() as connection:
        student = ContactStore(connection).found_student("3A-001")
        made = make_invitation(connection, keys, student, [ConsentPurpose.ALERTS], people["today"])
        assert isinstance(made, Made)
        liv = Entrant(NationalId("10838290049"), "Liv", "Venn", NameFrom.THEMSELVES)
        assert enter_code(connection, keys, liv, made.code, people["today"]) is Entry.ENTERED
    (shown,) = ok(run("invitations", "list", "--school", "Eksempel vgs", "--json"))["waiting"]
    assert (shown["student"], shown["invitation"], shown["name"]) == ("3A-001", made.id, "Liv Venn")
    listed = run("invitations", "list").stdout
    assert "Liv Venn (typed by themselves)" in " ".join(listed.split()) and made.code not in listed
    for arguments in (("3A-001", "999"), ("1A-001", str(made.id)), ("3A-001", str(made.id), "--evidence", " ")):
        evidence = () if "--evidence" in arguments else ("--evidence", "form 7")
        assert run("invitations", "confirm", *arguments, *evidence).exit_code == ExitStatus.UNUSABLE
    done = run("invitations", "confirm", "3A-001", str(made.id), "--evidence", "form 7")
    assert done.exit_code == ExitStatus.OK and done.stdout.startswith("Confirmed: G-")
    told = ok(run("explain", "3A-001", "--json"))["guardians"]
    assert sorted(one["reason"] for one in told) == ["adult_without_consent", "consented"]
