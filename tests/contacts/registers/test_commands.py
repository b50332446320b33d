"""`beredskap sync` as people and scripts run it."""

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
from contacts.commands.sync import app
from tests.contacts.imports.importing import Importer
from tests.contacts.imports.krr_files import PHONE, active, contacts, entries
from tests.contacts.imports.pifu_files import KARI_NIN, NORA_NIN
from tests.contacts.registers.asking import KARI_NAME, Asking
from tests.services.registers import Answered, PublicRegisters
from tests.services.schema import all_tables
from tests.services.server import free_port

Run = Callable[..., Result]


@pytest.fixture
def asking(
    registers: PublicRegisters, sqlite_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Asking]:
    """An initialised installation whose settings name the registers."""
    monkeypatch.setenv("BEREDSKAP_STORE__DATABASE_URL", sqlite_url)
    monkeypatch.setenv("BEREDSKAP_STORE__KEY_FILE", str(tmp_path / "beredskap.key"))
    create_key_file(tmp_path / "beredskap.key")
    database = Database(sqlite_url)
    upgrade(database, all_tables())
    asking = Asking(Importer(database, load_keys(tmp_path / "beredskap.key"), tmp_path), registers)
    for section, values in registers.settings(asking.key_file).items():
        for name, value in values.items():
            monkeypatch.setenv(f"BEREDSKAP_{section}__{name}".upper(), value)
    yield asking
    database.dispose()


@pytest.fixture
def run(asking: Asking) -> Run:
    def call(*arguments: str) -> Result:
        with bound_db_now(asking.importer.now):
            return CliRunner().invoke(app, arguments)

    return call


def test_a_preview_and_then_the_whole(asking: Asking, run: Run) -> None:
    asking.registers.krr[KARI_NIN] = active(KARI_NIN, kontaktinformasjon=contacts(PHONE))
    dry = run("krr", "--dry-run")
    assert (dry.exit_code, entries(asking.importer)) == (ExitStatus.OK, {})
    assert "contact points" in dry.stdout and "Dry run: nothing was changed." in dry.stdout
    done = run("krr", "--json")
    told = json.loads(done.stdout)
    assert (done.exit_code, told["asked"], told["applied"], told["files"]) == (ExitStatus.OK, 2, True, ["127.0.0.1"])
    assert told["counts"]["contact_points"] == {"added": 1, "changed": 0, "ended": 0}
    assert KARI_NAME in entries(asking.importer)
    assert "Nothing to change" in run("krr").stdout


def test_an_answer_that_is_refused_in_part(asking: Asking, run: Run) -> None:
    asking.registers.krr[KARI_NIN] = active(KARI_NIN, status="UKJENT")
    done = run("krr")
    assert done.exit_code == ExitStatus.PARTLY
    assert "answer 1, person 1: its status is none of" in " ".join(done.stdout.split())
    assert KARI_NIN not in done.output


def test_events_after_a_full_round(asking: Asking, run: Run) -> None:
    early = run("freg", "--events")
    assert (early.exit_code, "Do a full round first: beredskap sync freg." in early.stderr) == (ExitStatus.FAILED, True)
    asking.known()
    assert run("freg").stdout.endswith("Applied.\n")
    asking.registers.events = [(1, NORA_NIN)]
    assert run("freg", "--events").stdout.endswith("Events read: 1. Asked about: 1.\n")
    asking.registers.events.append((2, NORA_NIN))
    told = json.loads(run("freg", "--events", "--json").stdout)
    assert (told["events"], [one["asked"] for one in told["rounds"]]) == (1, [1])
    assert run("freg", "--events", "--dry-run").exit_code == ExitStatus.UNUSABLE


@pytest.mark.parametrize(
    ("name", "value", "status", "told"),
    [
        ("CLIENT_ID", "", ExitStatus.UNUSABLE, "cannot be asked: krr.client_id is not set."),
        ("BASE_URL", "http://krr.example", ExitStatus.UNUSABLE, "krr.base_url cannot be used: it must be an https"),
        ("BASE_URL", "http://127.0.0.1:{port}", ExitStatus.FAILED, "does not answer (ClientConnectorError)."),
    ],
)
def test_errors_are_one_sentence_and_a_status(
    name: str, value: str, status: ExitStatus, told: str, asking: Asking, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(f"BEREDSKAP_KRR__{name}", value.format(port=free_port()))
    before = asking.contents()
    failed = run("krr")
    assert (failed.exit_code, failed.stdout, told in failed.stderr) == (status, "", True)
    assert "Traceback" not in failed.stderr
    assert asking.contents() == before


def test_events_of_a_register_that_is_not_set(asking: Asking, run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    """Which a full round would not help."""
    monkeypatch.setenv("BEREDSKAP_FREG__CLIENT_ID", "")
    failed = run("freg", "--events")
    assert (failed.exit_code, "freg.client_id is not set" in failed.stderr) == (ExitStatus.UNUSABLE, True)
    assert asking.registers.paths == []


def test_a_refused_token(asking: Asking, run: Run) -> None:
    asking.registers.next["token"] = [Answered(400, body={"error": "invalid_scope"})]
    failed = run("krr", "--json")
    assert failed.exit_code == ExitStatus.FAILED
    assert json.loads(failed.stdout)["error"]["what"] == (
        "Maskinporten refused access to the contact register (KRR) (status 400, invalid_scope)."
    )
