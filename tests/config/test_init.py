"""`beredskap init` makes what is missing, keeps what is there, and never makes keys for data that has lost its own."""

from __future__ import annotations

import json
import stat
from pathlib import Path

import pytest
from sqlalchemy import MetaData, create_engine, inspect

from config.database import open_database
from config.errors import UsageError
from config.initialise import initialise
from config.keys import load_keys
from config.migrations import head_revision, is_current
from config.settings import load_settings
from dispatcher.metadata import complete_metadata
from tests.services.processes import Processes


@pytest.fixture
def metadata() -> MetaData:
    return complete_metadata()


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def test_a_new_installation_is_its_owners_alone(metadata: MetaData) -> None:
    settings = load_settings()
    done = initialise(settings, metadata)
    assert (done.data_dir_made, done.key_file_made, done.database_made, done.upgraded) == (True, True, True, False)
    assert not done.exposed
    assert done.revision == head_revision()
    assert mode(settings.data_dir) == 0o700
    assert {file.name: mode(file) for file in settings.data_dir.iterdir()} == {
        "beredskap.key": 0o600,
        "beredskap.db": 0o600,
    }
    database = open_database(settings)
    assert is_current(database)
    with database.read():
        # The companions of a database that is open.
        assert {mode(file) for file in settings.data_dir.iterdir()} == {0o600}
    database.dispose()


def test_doing_it_again_changes_nothing(metadata: MetaData) -> None:
    settings = load_settings()
    initialise(settings, metadata)
    before = settings.key_file.read_bytes()
    done = initialise(settings, metadata)
    assert (done.data_dir_made, done.key_file_made, done.database_made, done.upgraded) == (False,) * 4
    assert settings.key_file.read_bytes() == before


def test_a_server_gets_the_same_tables(postgres_url: str, monkeypatch: pytest.MonkeyPatch, metadata: MetaData) -> None:
    monkeypatch.setenv("BEREDSKAP_STORE__DATABASE_URL", postgres_url.replace("beredskap@", "beredskap:geheim@"))
    done = initialise(load_settings(), metadata)
    assert done.database_made
    assert done.database.startswith("PostgreSQL database test_")
    assert "geheim" not in repr(done)
    engine = create_engine(postgres_url)
    assert {"alert", "delivery", "person", "counter", "audit_entry"} < set(inspect(engine).get_table_names())
    engine.dispose()


def test_a_database_without_its_keys_gets_no_new_ones(metadata: MetaData) -> None:
    settings = load_settings()
    initialise(settings, metadata)
    settings.key_file.unlink()
    with pytest.raises(UsageError, match="its key file is not at"):
        initialise(settings, metadata)
    assert not settings.key_file.exists()


def test_a_server_that_is_away_leaves_no_key_file_behind(processes: Processes, clean_surroundings: Path) -> None:
    away = {"BEREDSKAP_STORE__DATABASE_URL": "postgresql+psycopg://nobody@127.0.0.1:1/nothing"}
    ended = processes.run("init", environment=away)
    assert ended.status == 1
    assert "does not answer" in ended.err
    assert "Traceback" not in ended.err
    assert list(clean_surroundings.rglob("*.key")) == []


def test_a_key_file_that_others_can_read_is_not_used(metadata: MetaData) -> None:
    settings = load_settings()
    initialise(settings, metadata)
    settings.key_file.chmod(0o644)
    with pytest.raises(UsageError, match="other users"):
        initialise(settings, metadata)


def test_a_directory_that_others_may_enter_is_told(metadata: MetaData, processes: Processes) -> None:
    settings = load_settings()
    settings.data_dir.mkdir(parents=True, mode=0o755)
    settings.data_dir.chmod(0o755)
    assert initialise(settings, metadata).exposed
    assert mode(settings.data_dir) == 0o755
    assert "chmod 700" in processes.run("init").out


@pytest.mark.parametrize("url", ["mysql://x/y", "nonsense", "postgresql+psycopg://h:x/y"])
def test_an_address_that_is_none_makes_nothing(monkeypatch: pytest.MonkeyPatch, metadata: MetaData, url: str) -> None:
    monkeypatch.setenv("BEREDSKAP_STORE__DATABASE_URL", url)
    with pytest.raises(UsageError, match=r"store\.database_url"):
        initialise(load_settings(), metadata)
    assert not load_settings().data_dir.exists()


def test_where_nothing_can_be_made_nothing_is(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, metadata: MetaData
) -> None:
    (tmp_path / "file").write_text("in the way")
    monkeypatch.setenv("BEREDSKAP_STORE__DATA_DIR", str(tmp_path / "file" / "data"))
    with pytest.raises(UsageError, match="cannot be made"):
        initialise(load_settings(), metadata)


def test_the_command_says_what_it_made_and_what_comes_next(processes: Processes) -> None:
    first, second = processes.run("init"), processes.run("init")
    assert (first.status, second.status) == (0, 0)
    assert first.out.count("made   ") == 3
    assert "beredskap doctor" in first.out
    assert "Back the key file up" in first.out
    assert second.out.count("kept   ") == 3
    assert "Next" not in second.out
    assert max(map(len, first.out.splitlines())) < 200


def test_the_command_in_json(processes: Processes) -> None:
    ended = processes.run("init", "--json")
    document = json.loads(ended.out)
    assert document["database_made"] is True
    assert document["revision"] == head_revision()
    settings = load_settings()
    assert document["key_file"] == str(settings.key_file)
    load_keys(settings.key_file)
