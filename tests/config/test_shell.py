"""What every command shares, seen as a user sees it: sentences, exit statuses, JSON, questions."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from config import migrations
from config.database import Database
from config.errors import ExitStatus, UsageError
from config.keys import create_key_file
from config.roles import Right
from config.settings import load_settings
from config.shell import RIGHT, open_store
from config.tables import metadata
from tests.services.processes import Processes
from tests.services.terminal import CTRL_C, Terminal

PROGRAM = """
from __future__ import annotations
import enum, os, signal, sys
from dataclasses import dataclass
from datetime import UTC, date, datetime
import typer
from config.errors import BeredskapError, ExitStatus
from config.roles import Right
from config.shell import JsonOption, command_errors, confirm_typed, console, open_store, print_json

app = typer.Typer()


@app.command()
@command_errors(Right.RUN)
def refuse(as_json: JsonOption = False) -> None:
    raise BeredskapError("It is full.", remedy="Empty it.", status=ExitStatus.REFUSED)


@app.command()
@command_errors(Right.RUN, interrupted="The alert goes on.")
def watch(as_json: JsonOption = False) -> None:
    print("watching", flush=True)
    signal.pause()


@app.command()
@command_errors(Right.RUN)
def linger() -> None:
    print("lingering", flush=True)
    signal.pause()


@app.command()
@command_errors(Right.RUN)
def fault(as_json: JsonOption = False) -> None:
    raise LookupError("Kari Nordmann 98765432")


@app.command()
@command_errors(Right.RUN)
def chat(lines: int = 100_000) -> None:
    for number in range(lines):
        print("line", number)


class Colour(enum.StrEnum):
    RED = "red"


@dataclass(frozen=True)
class Thing:
    when: datetime
    day: date
    colour: Colour
    names: frozenset[str]


@app.command()
@command_errors(Right.RUN)
def show(as_json: JsonOption = False) -> None:
    print_json([Thing(datetime(2026, 3, 29, 1, tzinfo=UTC), date(2026, 3, 29), Colour.RED, frozenset("øa"))])


@app.command()
@command_errors(Right.RUN)
def draw() -> None:
    console().print("[bold]1 744 guardians[/bold] " + "x" * 100)


@app.command()
@command_errors(Right.RUN)
def ask() -> None:
    confirm_typed("Type the school's name to send:", "Eksempel vgs", refused="Nothing was sent.")
    print("sent")


@app.command()
@command_errors(Right.RUN)
def store(as_json: JsonOption = False) -> None:
    with open_store(need_keys=False) as opened:
        print(opened.database.now().tzinfo)


if __name__ == "__main__":
    app()
"""


@pytest.fixture
def program(tmp_path: Path) -> Path:
    file = tmp_path / "program.py"
    file.write_text(PROGRAM, encoding="utf-8")
    return file


@pytest.fixture
def run(processes: Processes, program: Path):
    def run(*arguments: str, **environment: str):
        return processes.run(program, *arguments, command=sys.executable, environment=environment)

    return run


def test_a_mistake_is_told_on_stderr_in_two_lines_with_its_status(run) -> None:
    finished = run("refuse")
    assert (finished.status, finished.out) == (ExitStatus.REFUSED, "")
    assert finished.err == "It is full.\nNothing was changed. Empty it.\n"


def test_a_mistake_is_told_as_json_when_json_was_asked_for(run) -> None:
    finished = run("refuse", "--json")
    assert finished.status == ExitStatus.REFUSED
    assert finished.err == ""
    assert finished.json == {
        "error": {"what": "It is full.", "unchanged": "Nothing was changed.", "remedy": "Empty it."},
        "exit_status": 4,
    }


def test_a_fault_of_ours_is_told_with_a_reference_and_its_details_stay_in_the_log(run, tmp_path: Path) -> None:
    finished = run("fault", BEREDSKAP_STORE__DATA_DIR=str(tmp_path / "data"))
    assert finished.status == ExitStatus.FAILED
    assert "Traceback" not in finished.err
    reference = finished.err.split("reference ")[1][:8]
    log = (tmp_path / "data" / "faults.log").read_text(encoding="utf-8")
    assert reference in log
    assert "builtins.LookupError" in log
    assert "in fault" in log
    for text in (log, finished.err):
        assert "Kari" not in text
        assert "98765432" not in text
    assert len(run("fault", "--json", BEREDSKAP_STORE__DATA_DIR=str(tmp_path / "data")).json["error"]["what"]) > 10


def test_debugging_shows_the_traceback(run) -> None:
    finished = run("fault", BEREDSKAP_DEBUG="1")
    assert finished.status == 1
    assert "LookupError" in finished.err


def test_a_fault_that_cannot_be_logged_is_told_all_the_same(run, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    finished = run("fault", BEREDSKAP_STORE__DATA_DIR=str(tmp_path / "file" / "below"))
    assert finished.status == 1
    assert "This is a fault of Beredskap, reference" in finished.err
    assert "details are in" not in finished.err


@pytest.mark.parametrize(
    ("command", "ready", "told"),
    [("watch", "watching", "The alert goes on."), ("linger", "lingering", "Stopped. Nothing was changed.")],
)
def test_ctrl_c_ends_with_its_status_and_says_what_goes_on(
    processes: Processes, program: Path, command: str, ready: str, told: str
) -> None:
    running = processes.start(program, command, command=sys.executable)
    running.wait_for(ready)
    running.interrupt()
    finished = running.wait()
    assert finished.status == ExitStatus.INTERRUPTED
    assert finished.err.strip() == told


@pytest.mark.parametrize("lines", ["2", "100000"])
def test_a_reader_that_has_seen_enough_is_no_error(processes: Processes, program: Path, lines: str) -> None:
    pipe = f"{sys.executable} {program} chat --lines {lines} | true; echo ${{PIPESTATUS[0]}}"
    finished = processes.run("-c", pipe, command="bash")
    assert (finished.out, finished.err) == ("0\n", "")


def test_json_has_iso_times_plain_enums_and_norwegian_letters(run) -> None:
    finished = run("show", "--json")
    assert json.loads(finished.out) == [
        {"when": "2026-03-29T01:00:00+00:00", "day": "2026-03-29", "colour": "red", "names": ["a", "ø"]}
    ]
    assert "ø" in finished.out


def test_off_a_terminal_the_page_is_80_wide_and_without_colours(run) -> None:
    lines = run("draw", COLUMNS="200").out.splitlines()
    assert "\x1b" not in "".join(lines)
    assert max(map(len, lines)) <= 80


def test_on_a_terminal_there_are_colours_unless_no_color_is_set(
    terminal: Callable[..., Terminal], program: Path, processes: Processes
) -> None:
    coloured = terminal(program, "draw", command=sys.executable)
    assert coloured.wait() == 0
    assert "\x1b[1m" in coloured.screen
    processes.environment["NO_COLOR"] = "1"
    plain = terminal(program, "draw", command=sys.executable)
    assert plain.wait() == 0
    assert "\x1b[3" not in plain.screen


@pytest.mark.parametrize(
    ("typed", "status", "told"),
    [
        ("Eksempel vgs\n", 0, "sent"),
        ("  eksempel VGS \n", 0, "sent"),
        ("Eksempel\n", ExitStatus.NOT_CONFIRMED, "Nothing was sent."),
        ("\n", ExitStatus.NOT_CONFIRMED, "Nothing was sent."),
        ("\x04", ExitStatus.NOT_CONFIRMED, "Nothing was sent."),
        (CTRL_C, ExitStatus.INTERRUPTED, "Stopped. Nothing was changed."),
    ],
    ids=["exact", "capitals and spaces", "another name", "only Enter", "Ctrl-D", "Ctrl-C"],
)
def test_a_question_takes_one_answer(
    terminal: Callable[..., Terminal], program: Path, typed: str, status: int, told: str
) -> None:
    asked = terminal(program, "ask", command=sys.executable)
    asked.wait_for("Type the school's name to send:")
    asked.type(typed)
    assert asked.wait() == status
    assert told in asked.screen


def test_where_nobody_can_answer_yes_is_named(run) -> None:
    finished = run("ask")
    assert finished.status == ExitStatus.UNUSABLE
    assert "Nothing was sent." in finished.err
    assert "--yes" in finished.err


def test_a_store_that_was_never_initialised_is_told_and_not_made(run, tmp_path: Path) -> None:
    finished = run("store", BEREDSKAP_STORE__DATA_DIR=str(tmp_path / "data"))
    assert finished.status == ExitStatus.UNUSABLE
    assert "beredskap init" in finished.err
    assert not (tmp_path / "data").exists()


@pytest.fixture
def running() -> Iterator[None]:
    """As within a command that anybody may run."""
    token = RIGHT.set(Right.RUN)
    yield
    RIGHT.reset(token)


@pytest.fixture
def initialised(running: None, database_url: str, monkeypatch: pytest.MonkeyPatch) -> Database:
    """A store with its tables and keys, and one migration known."""
    monkeypatch.setenv("BEREDSKAP_STORE__DATABASE_URL", database_url)
    database = Database(database_url)
    metadata.create_all(database.engine)
    with database.write() as connection:
        connection.exec_driver_sql("CREATE TABLE alembic_version (version_num VARCHAR(32) NOT NULL)")
        connection.exec_driver_sql("INSERT INTO alembic_version VALUES ('0007')")
    monkeypatch.setattr(migrations, "head_revision", lambda: "0007")
    return database


def test_nothing_opens_the_store_without_saying_what_for() -> None:
    with pytest.raises(LookupError):
        open_store()


def test_an_initialised_store_opens_with_its_keys(initialised: Database) -> None:
    with pytest.raises(UsageError, match="no key file"):
        open_store()
    create_key_file(load_settings().key_file)
    with open_store() as store:
        assert store.keys.decrypt(store.keys.encrypt("x")) == "x"
        assert store.database.now() is not None
    initialised.dispose()


@pytest.mark.parametrize(
    ("head", "told"), [("9999", "beredskap init again"), ("0001", "newer version"), (None, "beredskap init")]
)
def test_tables_of_another_version_are_told(
    initialised: Database, head: str | None, told: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(migrations, "head_revision", lambda: head)
    with pytest.raises(UsageError) as caught:
        open_store(need_keys=False)
    assert told in str(caught.value)
    initialised.dispose()
