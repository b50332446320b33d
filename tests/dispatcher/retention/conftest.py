from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from sqlalchemy import text
from typer.testing import CliRunner, Result

from cli import app
from config.database import Database
from config.keys import Keys, create_key_file, load_keys
from config.migrations import head_revision
from tests.dispatcher.retention.town import Town

Run = Callable[..., Result]


@pytest.fixture
def town(database: Database, tmp_path: Path) -> Town:
    """A school without anybody in it, on each kind of database."""
    return Town(database, _keys(tmp_path))


@pytest.fixture
def sqlite_town(sqlite_database: Database, tmp_path: Path) -> Town:
    return Town(sqlite_database, _keys(tmp_path))


def _keys(directory: Path) -> Keys:
    create_key_file(directory / "town.key")
    return load_keys(directory / "town.key")


@pytest.fixture
def installed(database: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Town:
    """A town as `beredskap init` leaves it, which the commands find through the environment."""
    with database.write() as connection:
        connection.execute(text("CREATE TABLE alembic_version (version_num VARCHAR(32) NOT NULL)"))
        connection.execute(text("INSERT INTO alembic_version VALUES (:head)"), {"head": head_revision()})
    town = Town(database, _keys(tmp_path))
    monkeypatch.setenv("BEREDSKAP_STORE__DATABASE_URL", database.engine.url.render_as_string(hide_password=False))
    monkeypatch.setenv("BEREDSKAP_STORE__KEY_FILE", str(tmp_path / "town.key"))
    return town


@pytest.fixture
def run(installed: Town) -> Run:
    """`beredskap ARGUMENTS…` in this process, at the town's time."""

    def call(*arguments: str) -> Result:
        with installed.world.clock():
            return CliRunner().invoke(app, arguments)

    return call
