"""One installation of Beredskap, used as its owner uses it: a settings file, commands, worker processes."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from types import TracebackType

from sqlalchemy import func, select

from config.database import Database
from dispatcher.tables import PROCESS
from tests.services.server import die_with_parent
from tests.services.waiting import eventually

# Look-ups of receipts are kept out of the figures: in production the provider's callbacks bring them.
_SETTINGS = """\
[store]
data_dir = "{data}"
database_url = "{database_url}"
redis_url = "{redis_url}"
[organisation]
name = "Eksempel fylkeskommune"
[sms]
account_sid = "AC00000000000000000000000000000001"
auth_token = "bench"
api_base_url = "{sms_url}"
sender = "BENCH"
segments_per_second = {segments_per_second}
callback_base_url = "{callback_base_url}"
[smtp]
host = "127.0.0.1"
port = {smtp_port}
security = "none"
from_address = "bench@example.com"
connections = {smtp_connections}
messages_per_second = 1000000.0
[dispatch]
receipt_poll_seconds = 7200.0
expires_minutes = 600
"""
SENDER = "BENCH"
CALLBACK_BASE_URL = "https://beredskap.example"
UNLIMITED = 1_000_000.0


class MeasurementError(RuntimeError):
    """Something did not go as it must for a figure to be worth anything; the text says what."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Surroundings:
    """What an installation stands in. Empty `database_url`: embedded."""

    database_url: str
    redis_url: str
    sms_url: str
    smtp_port: int
    smtp_connections: int
    segments_per_second: float = UNLIMITED


class Installation:
    """Its folder, its store and its processes. Leaving the `with` block ends them all and closes the store."""

    def __init__(self, folder: Path, surroundings: Surroundings) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.folder = folder
        self.data = folder / "data"
        self.surroundings = surroundings
        settings = folder / "beredskap.toml"
        settings.touch(mode=0o600)
        settings.write_text(
            _SETTINGS.format(
                data=self.data.as_posix(),
                callback_base_url=CALLBACK_BASE_URL,
                **{name: getattr(surroundings, name) for name in Surroundings.__slots__},
            ),
            "utf-8",
        )
        self.workers: list[subprocess.Popen[bytes]] = []

    def __enter__(self) -> Installation:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop_workers()
        if "database" in self.__dict__:
            self.database.dispose()

    @property
    def log(self) -> Path:
        """What its workers say."""
        return self.folder / "workers.log"

    @cached_property
    def database(self) -> Database:
        """Its store, to look at from outside."""
        return Database(self.surroundings.database_url or f"sqlite:///{self.data / 'beredskap.db'}")

    def run(self, *arguments: str) -> dict[str, object]:
        """Run a command to its end: the JSON that it printed, or nothing. Raises MeasurementError when it failed."""
        ended = subprocess.run(
            command(*arguments), cwd=self.folder, env=environment(), stdin=subprocess.DEVNULL, capture_output=True
        )
        if ended.returncode not in (0, 3):
            said = ended.stderr.decode(errors="replace")
            raise MeasurementError(f"beredskap {' '.join(arguments)} ended with {ended.returncode}:\n{said}")
        try:
            answer: dict[str, object] = json.loads(ended.stdout)
        except ValueError:
            return {}
        return answer

    def start_workers(self, count: int, lane: str = "alerts") -> Sequence[int]:
        """Start `beredskap worker` for a lane so many times and wait until all are at work: the process ids of all."""
        with self.log.open("ab") as log:
            for _ in range(count):
                self.workers.append(
                    subprocess.Popen(
                        command("worker", "--lane", lane),
                        cwd=self.folder,
                        env=environment(),
                        stdin=subprocess.DEVNULL,
                        stdout=log,
                        stderr=log,
                        preexec_fn=die_with_parent,
                    )
                )
        eventually(lambda: self._alive() >= len(self.workers), 60, what=f"{len(self.workers)} workers are at work")
        # Their first looks at the database are over, and each knows of all the others.
        time.sleep(3.0)
        return [worker.pid for worker in self.workers]

    def stop_workers(self) -> None:
        for worker in self.workers:
            worker.send_signal(signal.SIGTERM)
        for worker in self.workers:
            try:
                worker.wait(30)
            except subprocess.TimeoutExpired:
                worker.kill()
                worker.wait(30)
        self.workers.clear()

    def _alive(self) -> int:
        if any(worker.poll() is not None for worker in self.workers):
            raise MeasurementError(f"A worker ended by itself:\n{self.log.read_text(errors='replace')[-2000:]}")
        with self.database.read() as connection:
            statement = select(func.count()).select_from(PROCESS).where(PROCESS.c.kind == "worker")
            return int(connection.execute(statement).scalar_one())


def command(*arguments: str) -> list[str]:
    """A command line of `beredskap`, in the environment that the benchmark runs in."""
    return [str(Path(sys.executable).with_name("beredskap")), *arguments]


def environment() -> Mapping[str, str]:
    """The surroundings of a started process: nothing of another installation, and Python keeps its compiled files."""
    dropped = ("PYTHONDONTWRITEBYTECODE", "TWILIO_EDGE", "TWILIO_REGION")
    return {k: v for k, v in os.environ.items() if not k.startswith("BEREDSKAP_") and k not in dropped}
