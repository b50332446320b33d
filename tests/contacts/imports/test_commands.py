"""`beredskap import` as people and scripts run it."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from config.clock import bound_db_now
from config.database import Database
from config.errors import ExitStatus
from config.keys import create_key_file, load_keys
from config.migrations import upgrade
from config.tables import core_table
from contacts import tables
from contacts.commands.imports import app
from contacts.models import ImportRun
from tests.contacts.imports.fint_files import roster
from tests.contacts.imports.importing import Importer
from tests.contacts.imports.krr_files import PHONE, active, contacts
from tests.contacts.imports.oneroster_files import folder, small_roster
from tests.contacts.imports.pifu_files import KARI_NIN, NORA, TEACHER, replace, school, small_school
from tests.contacts.imports.sds_files import small_sds
from tests.services.schema import all_tables

Run = Callable[..., Result]


@pytest.fixture
def installed(sqlite_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Importer]:
    monkeypatch.setenv("BEREDSKAP_STORE__DATABASE_URL", sqlite_url)
    monkeypatch.setenv("BEREDSKAP_STORE__KEY_FILE", str(tmp_path / "beredskap.key"))
    create_key_file(tmp_path / "beredskap.key")
    database = Database(sqlite_url)
    upgrade(database, all_tables())
    yield Importer(database, load_keys(tmp_path / "beredskap.key"), tmp_path)
    database.dispose()


@pytest.fixture
def run(installed: Importer) -> Run:
    def call(*arguments: object) -> Result:
        with bound_db_now(installed.now):
            return CliRunner().invoke(app, [str(argument) for argument in arguments])

    return call


def test_preview_then_apply(installed: Importer, run: Run) -> None:
    file = installed.file("elever.xml", small_school())
    dry = run("pifu", file, "--dry-run")
    assert (dry.exit_code, installed.people()) == (ExitStatus.OK, {})
    assert "students" in dry.stdout
    assert "not verified" in dry.stdout
    done = run("pifu", file, "--apply")
    assert done.exit_code == ExitStatus.OK
    assert len(installed.people()) == 4
    again = run("pifu", file, "--apply")
    assert "Nothing to change" in again.stdout
    assert len(done.stdout.splitlines()) <= 24


def test_of_the_contact_register_only_what_has_a_time_is_said_to_be_verified(installed: Importer, run: Run) -> None:
    installed.pifu(small_school())
    answer = active(KARI_NIN, kontaktinformasjon=contacts(PHONE, updated=None))
    preview = run("krr", installed.file("personer.json", {"personer": [answer]}), "--dry-run")
    assert "e-mail addresses that come with a time count as verified" in " ".join(preview.stdout.split())
    assert "it is not verified by this" in " ".join(preview.stdout.split())


def test_json(installed: Importer, run: Run) -> None:
    file = installed.file("elever.xml", small_school(kind="full").replace("14877510078", "14877510079"))
    told = run("pifu", file, "--apply", "--json")
    assert told.exit_code == ExitStatus.PARTLY
    document = json.loads(told.stdout)
    assert document["counts"]["students"] == {"added": 2, "changed": 0, "ended": 0}
    assert document["applied"] is True
    assert document["refusals"][0]["record"] == "person 3"
    assert len(installed.rows(tables.GUARDIANSHIP)) == 3


def test_json_asks_nothing(installed: Importer, run: Run) -> None:
    told = run("pifu", installed.file("elever.xml", small_school()), "--json")
    assert told.exit_code == ExitStatus.UNUSABLE
    assert installed.people() == {}


def test_without_a_terminal_nothing_is_applied(installed: Importer, run: Run) -> None:
    told = run("pifu", installed.file("elever.xml", small_school()))
    assert told.exit_code == ExitStatus.UNUSABLE
    assert installed.people() == {}


def test_too_much_would_end(installed: Importer, run: Run) -> None:
    run("pifu", installed.file("elever.xml", small_school()), "--apply")
    fewer = installed.file("elever.xml", school(replace(NORA, guardians=()), TEACHER, enrolled=("p1",)))
    told = run("pifu", fewer, "--apply")
    assert told.exit_code == ExitStatus.REFUSED
    assert "--allow-ending 3" in told.stderr
    assert len(installed.links()) == 3
    assert run("pifu", fewer, "--apply", "--allow-ending", "3").exit_code == ExitStatus.OK
    assert installed.links() == set()


@pytest.mark.parametrize(
    ("options", "basis", "words"),
    [
        ((), "contact_person", "enter as contact persons: OneRoster does not say who has custody"),
        (("--agents-as", "contact_person"), "contact_person", "enter as contact persons"),
        (("--agents-as", "custody"), "school_register", "count as having custody, because you say so"),
    ],
)
def test_a_roster(installed: Importer, run: Run, options: tuple[str, ...], basis: str, words: str) -> None:
    path = folder(installed.directory, small_roster())
    told = run("oneroster", path, "--apply", *options)
    assert told.exit_code == ExitStatus.OK
    assert words in " ".join(told.stdout.split())
    assert len(told.stdout.splitlines()) <= 24
    assert {link[2] for link in installed.links()} == {"contact_person", basis}
    first = [row.digest for row in installed.rows(core_table(ImportRun))]
    (path / "demographics.csv").write_text("sourcedId,birthDate\nnora,2009-05-18\n")
    run("oneroster", path, "--apply", *options)
    # The digest is of what the folder holds.
    assert len({*first, *(row.digest for row in installed.rows(core_table(ImportRun)))}) == 2


@pytest.mark.parametrize(
    ("options", "basis"), [((), "contact_person"), (("--agents-as", "custody"), "school_register")]
)
def test_school_data_sync(installed: Importer, run: Run, options: tuple[str, ...], basis: str) -> None:
    told = run("sds", folder(installed.directory, small_sds()), "--apply", *options)
    assert told.exit_code == ExitStatus.OK
    assert len(told.stdout.splitlines()) <= 24
    assert {link[2] for link in installed.links()} == {"contact_person", basis}


def test_agents_are_taken_for_nothing_else(installed: Importer, run: Run) -> None:
    told = run("oneroster", folder(installed.directory, small_roster()), "--apply", "--agents-as", "relative")
    assert told.exit_code == ExitStatus.UNUSABLE
    assert "--agents-as is neither custody nor contact_person" in told.stderr
    assert installed.people() == {}


def test_the_preview_says_whether_what_is_absent_ends(installed: Importer, run: Run) -> None:
    whole = run("fint", installed.folder("svar", **roster()), "--apply")
    assert whole.exit_code == ExitStatus.OK
    assert "fint full" in whole.stdout
    assert "what is absent ends" in whole.stdout
    assert "held until" in whole.stdout
    part = run("fint", installed.folder("svar", **roster(skole=None, person=None)), "--dry-run")
    assert "ends nothing" in part.stdout
    told = json.loads(run("fint", installed.folder("svar", **roster(elev=None)), "--dry-run", "--json").stdout)
    assert (told["full"], "elev is missing" in told["notes"][0]) == (False, True)


@pytest.mark.parametrize("command", ["pifu", "freg", "krr", "guardians", "oneroster", "fint"])
def test_unusable_files(installed: Importer, run: Run, command: str) -> None:
    for path in (installed.file("tom", b""), installed.directory / "finnes-ikke"):
        told = run(command, path, "--apply")
        assert told.exit_code == ExitStatus.UNUSABLE
        assert told.stderr.startswith("Import stopped: ")
        assert "Nothing was changed." in told.stderr
    as_json = run(command, path, "--apply", "--json")
    assert json.loads(as_json.stdout)["exit_status"] == ExitStatus.UNUSABLE
