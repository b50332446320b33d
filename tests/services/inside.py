"""An installation whose commands run in this process: fast, and what would start another process only says so."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select, text
from typer.testing import CliRunner, Result

from cli import app
from config.clock import bound_db_now
from config.database import Database
from config.keys import Keys, create_key_file, load_keys
from config.migrations import head_revision
from tests.dispatcher.world import World
from tests.services.schema import all_tables
from tests.services.server import free_port


class _Nobody:
    """In the place of a drainer: takes the ring, and sends nothing."""

    ended = False

    def ring(self) -> None:
        return None

    def close(self) -> None:
        return None


class Inside:
    """`world` is the store; the settings name providers on ports of this machine where nobody listens."""

    def __init__(self, database: Database, directory: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        with database.write() as connection:
            connection.execute(text("CREATE TABLE alembic_version (version_num VARCHAR(32) NOT NULL)"))
            connection.execute(text("INSERT INTO alembic_version VALUES (:head)"), {"head": head_revision()})
        self.directory = directory
        self.world = World(database)
        self.key_file = directory / "beredskap.key"
        create_key_file(self.key_file)
        self.keys: Keys = load_keys(self.key_file)
        port = free_port()
        for name, value in {
            "STORE__DATABASE_URL": database.engine.url.render_as_string(hide_password=False),
            "STORE__KEY_FILE": str(self.key_file),
            "STORE__DATA_DIR": str(directory / "data"),
            "SMS__ACCOUNT_SID": "AC0",
            "SMS__API_BASE_URL": f"http://127.0.0.1:{port}",
            "SMS__SENDER": "PROVEDAL",
            "SMTP__HOST": "127.0.0.1",
            "SMTP__PORT": str(port),
            "SMTP__FROM_ADDRESS": "varsling@provedal.example",
        }.items():
            monkeypatch.setenv(f"BEREDSKAP_{name}", value)
        for module in ("dispatcher.running.delivering", "dispatcher.running.drainer_process"):
            monkeypatch.setattr(f"{module}.start_drainer", _Nobody)

    def run(self, *arguments: str | Path, environment: Mapping[str, str] | None = None) -> Result:
        """`beredskap ARGUMENTS…`, at the time of the world."""
        with bound_db_now(self.world.now):
            return CliRunner().invoke(app, [str(one) for one in arguments], env=environment)

    def contents(self) -> dict[str, list[tuple[Any, ...]]]:
        """Every row of every table."""
        with self.world.database.read() as connection:
            return {
                table.name: [tuple(row) for row in connection.execute(select(table))]
                for table in all_tables().sorted_tables
            }

    def json(self, *arguments: str | Path) -> Any:
        """What it prints with --json, whatever its exit status."""
        return json.loads(self.run(*arguments, "--json").stdout)
