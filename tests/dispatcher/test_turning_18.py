"""`beredskap contacts turning-18` as people type it: the list, the preview of asking, and who may ask."""

from __future__ import annotations

import io
import json
from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console
from sqlalchemy import text
from typer.testing import CliRunner, Result

from cli import app
from config.database import Database
from config.errors import ExitStatus
from config.keys import create_key_file
from config.migrations import head_revision
from contacts.codes import Protection
from contacts.coming_of_age import ComingOfAge, ComingOfAges
from contacts.consent_questions import Question
from dispatcher.codes import DeliveryState
from dispatcher.commands.turning_18 import draw, question_words
from dispatcher.routine.consent_questions import Sent
from dispatcher.tables import NOTICE
from providers.base import Channel
from tests.dispatcher.world import World

ASKED = datetime(2026, 11, 24, 8, 0, tzinfo=UTC)


def one(question: Question, asked_at: datetime | None = None) -> ComingOfAge:
    return ComingOfAge(7, "3A-001", date(2026, 12, 1), "Eksempel vgs", 2, question, asked_at)


@pytest.mark.parametrize(
    ("student", "sent", "words"),
    [
        (one(Question.TO_ASK), None, "to be asked"),
        (one(Question.ANSWERED, ASKED), Sent(Channel.SMS, DeliveryState.DELIVERED, None), "answered"),
        (one(Question.NO_ADDRESS), None, "no address: ask in person"),
        (one(Question.SHARED_ADDRESS), None, "address shared with others: ask in person"),
        (one(Question.ASKED, ASKED), None, "asked 2026-11-24"),
        (
            one(Question.ASKED, ASKED),
            Sent(Channel.SMS, DeliveryState.DELIVERED, None),
            "asked 2026-11-24, SMS: delivered",
        ),
        (
            one(Question.ASKED, ASKED),
            Sent(Channel.EMAIL, DeliveryState.ACCEPTED, None),
            "asked 2026-11-24, e-mail: handed over, not confirmed",
        ),
        (
            one(Question.ASKED, ASKED),
            Sent(Channel.EMAIL, DeliveryState.REJECTED, "550 5.1.1"),
            "asked 2026-11-24, e-mail: refused; ask in person",
        ),
    ],
)
def test_how_it_stands_in_words(student: ComingOfAge, sent: Sent | None, words: str) -> None:
    assert question_words(student, sent) == words


def test_every_question_has_words() -> None:
    for question in set(Question) - {Question.GONE, Question.HELD, Question.NOT_DUE, Question.ASKED}:
        assert question_words(one(question), None)


def page(students: tuple[ComingOfAge, ...], protected: int | None) -> list[str]:
    drawn = io.StringIO()
    found = ComingOfAges(date(2026, 11, 23), date(2026, 12, 23), students, protected)
    draw(found, {}, Console(file=drawn, width=80, highlight=False))
    return [" ".join(line.split()) for line in drawn.getvalue().splitlines()]


def test_the_page() -> None:
    lines = page((one(Question.TO_ASK),), 1)
    assert "2026-12-01 3A-001 Eksempel vgs 2 to be asked" in lines
    assert any("1 of whom nothing is shown" in line for line in lines)
    assert page((), None) == ["Nobody who may be shown turns 18 from 2026-11-23 to 2026-12-23."]


@dataclass
class Office:
    world: World
    directory: Path

    def run(self, *arguments: str) -> Result:
        with self.world.clock():
            return CliRunner().invoke(app, ["contacts", "turning-18", *arguments])

    def json(self, *arguments: str) -> Any:
        result = self.run(*arguments, "--json")
        assert result.exit_code == ExitStatus.OK, result.output
        return json.loads(result.stdout)

    def student(self, ref: str, *addresses: str, **values: Any) -> None:
        with self.world.store() as store:
            student = store.student(ref, school=self.world.school, birth_date=date(2008, 12, 1), **values)
            store.guardian(student)
            for address in addresses:
                store.point(student, address, verified=None, source="pifu:x")

    def questions(self) -> int:
        return len(self.world.rows(NOTICE))


@pytest.fixture
def office(sqlite_database: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Office:
    """An initialised store with one student to ask, one without an address and a protected one; no drainer starts."""
    with sqlite_database.write() as connection:
        connection.execute(text("CREATE TABLE alembic_version (version_num VARCHAR(32) NOT NULL)"))
        connection.execute(text("INSERT INTO alembic_version VALUES (:head)"), {"head": head_revision()})
    create_key_file(tmp_path / "beredskap.key")
    monkeypatch.setenv("BEREDSKAP_STORE__DATABASE_URL", str(sqlite_database.engine.url))
    monkeypatch.setenv("BEREDSKAP_STORE__KEY_FILE", str(tmp_path / "beredskap.key"))

    class NoDrainer:
        ended = False

        def ring(self) -> None: ...
        def close(self) -> None: ...

    monkeypatch.setattr("dispatcher.running.delivering.start_drainer", NoDrainer)
    office = Office(World(sqlite_database), tmp_path)
    office.student("3A-001", "nora@example.com")
    office.student("3A-002")
    office.student("3A-003", "kari@example.com", protection=Protection.CONFIDENTIAL)
    return office


def test_the_list_and_the_asking(office: Office) -> None:
    found = office.json()
    assert [(row["student"], row["on"], row["question"]) for row in found["students"]] == [
        ("3A-001", "2026-12-01", "to_ask"),
        ("3A-002", "2026-12-01", "no_address"),
    ]
    assert (found["protected"], found["until"]) == (1, "2026-12-23")
    preview = office.json("--ask", "--dry-run")
    assert (preview["to_ask"], preview["asked"], office.questions()) == (1, None, 0)
    done = office.json("--ask", "--apply")
    assert (done["to_ask"], done["asked"], office.questions()) == (1, 1, 1)
    row = done["students"][0]
    assert (row["question"], row["message"]) == ("asked", {"channel": "email", "state": "queued", "code": None})
    again = office.run("--ask", "--apply")
    assert (again.exit_code, office.questions()) == (ExitStatus.OK, 1)
    assert "Nobody is to be asked now." in again.stdout
    assert "nora@example.com" not in again.stdout + json.dumps(done)


def test_in_words(office: Office) -> None:
    dry = office.run("--ask", "--dry-run")
    assert "Dry run: 1 would be asked, nobody was." in dry.stdout
    # Nobody can type an answer here.
    assert office.run("--ask").exit_code == ExitStatus.UNUSABLE
    assert office.questions() == 0
    assert "Asked: 1 by e-mail." in office.run("--ask", "--apply").stdout


def test_while_nobody_has_turned_it_on_it_says_so(office: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    assert office.json()["asks_by_itself"] is False
    assert "Nobody is asked unless somebody does it (coming_of_age.ask is false)" in office.run().stdout
    monkeypatch.setenv("BEREDSKAP_COMING_OF_AGE__ASK", "true")
    assert office.json()["asks_by_itself"] is True
    assert "coming_of_age" not in office.run().stdout


def test_how_far_it_looks(office: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BEREDSKAP_COMING_OF_AGE__DAYS_BEFORE", "7")
    assert office.json()["students"] == []
    assert len(office.json("--days", "30", "--school", "Eksempel vgs")["students"]) == 2
    for wrong in (
        ("--days", "-1"),
        ("--apply",),
        ("--dry-run",),
        ("--ask", "--json"),
        ("--ask", "--apply", "--dry-run"),
    ):
        assert office.run(*wrong).exit_code == ExitStatus.UNUSABLE
    assert office.questions() == 0


def test_who_may_look_and_not_write(office: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    settings = office.directory / "roles.toml"
    settings.write_text('[operators."leder"]\nroles = ["school_leader"]\nschools = ["Eksempel vgs"]\n')
    monkeypatch.setenv("BEREDSKAP_CONFIG", str(settings))
    monkeypatch.setattr("config.operators.os_user", lambda: "leder")
    assert len(office.json()["students"]) == 2
    refused = office.run("--ask", "--apply")
    assert (refused.exit_code, office.questions()) == (ExitStatus.NOT_PERMITTED, 0)
