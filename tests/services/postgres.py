"""A PostgreSQL server of the tests, over TCP, so that it can be killed and come back at the same address."""

from __future__ import annotations

import secrets
import shutil
import signal
import subprocess
from pathlib import Path

import psycopg

from tests.services.binaries import postgres_directory
from tests.services.server import Server, reachable

SUPERUSER = "beredskap"
# Commits reach the operating system as they do in production, so that kill -9 is a fair test. Only the wait for the
# disk itself is left out.
SETTINGS = {
    "listen_addresses": "127.0.0.1",
    "unix_socket_directories": "",
    "fsync": "off",
    "full_page_writes": "off",
    "synchronous_commit": "on",
    "max_connections": "200",
    "shared_buffers": "64MB",
    "max_wal_size": "256MB",
    "autovacuum": "on",
    "timezone": "UTC",
    "lc_messages": "C",
}


class PostgresServer(Server):
    """`stop(signal.SIGINT)` is PostgreSQL's fast shutdown, SIGQUIT its immediate one, SIGTERM waits for sessions."""

    name = "postgres"

    def __init__(self, binaries: Path | None = None) -> None:
        super().__init__()
        self.binaries = self._enterable(binaries or postgres_directory())
        self.data = self.directory / "data"
        options = self.as_owner()
        initdb = [
            str(self.binaries / "initdb"),
            "--pgdata",
            str(self.data),
            *("--username", SUPERUSER, "--auth", "trust", "--encoding", "UTF8", "--locale", "C", "--no-sync"),
        ]
        result = subprocess.run(initdb, capture_output=True, check=False, **options)
        if result.returncode != 0:
            raise RuntimeError(f"initdb failed:\n{result.stderr.decode(errors='replace')[-2000:]}")

    def command(self) -> list[str]:
        settings = [f"-c{name}={value}" for name, value in SETTINGS.items()]
        return [str(self.binaries / "postgres"), "-D", str(self.data), "-p", str(self.port), *settings]

    def answers(self) -> bool:
        try:
            self.execute("SELECT 1")
        except psycopg.OperationalError:
            return False
        return True

    def stop(self, how: signal.Signals = signal.SIGINT) -> None:
        super().stop(how)

    def restart(self, how: signal.Signals = signal.SIGINT) -> None:
        super().restart(how)

    def url(self, database: str = "postgres") -> str:
        return f"postgresql+psycopg://{SUPERUSER}@127.0.0.1:{self.port}/{database}"

    def execute(self, statement: str) -> None:
        """Run one statement as the superuser, outside any transaction."""
        with psycopg.connect(
            host="127.0.0.1",
            port=self.port,
            user=SUPERUSER,
            dbname="postgres",
            autocommit=True,
            connect_timeout=5,
        ) as connection:
            connection.execute(statement.encode())

    def create_database(self, template: str = "template1") -> str:
        """The name of a new database, a copy of `template`."""
        name = f"test_{secrets.token_hex(6)}"
        self.execute(f'CREATE DATABASE "{name}" TEMPLATE "{template}"')
        return name

    def drop_database(self, name: str) -> None:
        self.execute(f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)')

    def _enterable(self, binaries: Path) -> Path:
        # As root the server runs as another user, who may not be let into the checkout with its environment.
        if self.owner is None or reachable(binaries):
            return binaries
        copy = self.directory / "postgresql"
        shutil.copytree(binaries.parent, copy, symlinks=True)
        copy.chmod(0o755)
        return copy / "bin"
