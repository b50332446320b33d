"""An installation of Beredskap beside a sandbox that counts what it takes; embedded or distributed."""

from __future__ import annotations

import json
import shutil
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.request import Request, urlopen

import pytest
from sqlalchemy import func, select

from config.database import Database
from dispatcher.codes import AlertState, DeliveryState
from dispatcher.running.presence import alive
from dispatcher.tables import ALERT, DELIVERY
from providers.base import Channel
from providers.sandbox.server import Sandbox, SandboxConfig
from providers.sandbox.twilio_api import MOST_PER_PAGE
from tests.services.postgres import PostgresServer
from tests.services.processes import Finished, Processes, Running, clean_environment
from tests.services.waiting import eventually

# Short times, each in the proportion that the real ones have.
DISPATCH: dict[str, object] = {
    "lease_seconds": 4.0,
    "settle_seconds": 0.5,
    "hold_seconds": 0.0,
    "poll_seconds": 0.5,
    "retry_seconds": 1.0,
    "receipt_poll_seconds": 0.5,
}
SENT = {DeliveryState.ACCEPTED, DeliveryState.DELIVERED, DeliveryState.UNDELIVERED}


@dataclass(slots=True)
class FarEnd:
    """The sandbox, as a test asks it over HTTP."""

    sandbox: Sandbox

    def counts(self) -> dict[str, Any]:
        return self._ask("counts")

    def sms(self, to: str = "") -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = self._ask("messages")["sms"]
        return [one for one in found if to in ("", one["to"])]

    def emails(self) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = self._ask("messages")["email"]
        return found

    def phone_calls(self) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = self._ask("messages")["voice"]
        return found

    def taken(self) -> int:
        """How many messages were taken so far."""
        counts = self.counts()
        return int(counts["sms"]) + int(counts["email"])

    def calls(self, what: str) -> list[dict[str, Any]]:
        """The API's calls of one kind (create, list or fetch), in the order in which they came."""
        found: list[dict[str, Any]] = self._ask("calls")["calls"]
        return [one for one in found if one["what"] == what]

    def behave(self, **wish: object) -> None:
        """Change its behaviour; see providers/sandbox/inspection.py."""
        self._ask("script", json.dumps(wish).encode())

    def _ask(self, what: str, body: bytes | None = None, method: str | None = None) -> dict[str, Any]:
        headers = {"Content-Type": "application/json"}
        request = Request(f"{self.sandbox.sms_url}/sandbox/{what}", data=body, headers=headers, method=method)
        with urlopen(request, timeout=30) as answer:
            result: dict[str, Any] = json.load(answer)
        return result

    def reset(self) -> None:
        self._ask("messages", method="DELETE")
        self.behave(latency=0.0, segments_per_second=0.0, delivery_seconds=0.1)
        self.behave(most_per_page=MOST_PER_PAGE, mails_per_connection=0)


@dataclass(slots=True)
class Installation:
    """One initialised installation: its settings file, its commands, its database seen from beside."""

    processes: Processes
    database: Database
    far_end: FarEnd
    settings: dict[str, dict[str, object]]
    data_dir: Path
    distributed: bool
    started: list[Running] = field(default_factory=list)

    def set(self, section: str, **values: object) -> None:
        self.settings.setdefault(section, {}).update(values)
        self.write_settings()

    def write_settings(self) -> None:
        lines = []
        for section, values in self.settings.items():
            lines.append(f"[{section}]")
            lines += [f"{name} = {json.dumps(value)}" for name, value in values.items()]
        (self.processes.directory / "beredskap.toml").write_text("\n".join(lines) + "\n", encoding="utf-8")

    def run(self, *arguments: str | Path, environment: Mapping[str, str] | None = None) -> Finished:
        return self.processes.run(*arguments, environment=environment)

    def start(self, *arguments: str | Path, environment: Mapping[str, str] | None = None) -> Running:
        running = self.processes.start(*arguments, environment=environment)
        self.started.append(running)
        return running

    def send(self, *more: str, **options: Any) -> Finished:
        """`alert send` of a lockdown to the whole school, confirmed, without a cancel window."""
        return self.run(*SEND, "--yes", "--hold", "0", *more, **options)

    def workers(self, *lanes: str) -> list[Running]:
        """Start one worker for each lane named, and wait until all of them are known to be alive."""
        running = [self.start("worker", "--lane", lane) for lane in lanes]
        eventually(lambda: self.alive("worker") >= len(lanes), 30, what="the workers are alive")
        return running

    def alive(self, *kinds: str) -> int:
        with self.database.read() as connection:
            return len(alive(connection, kinds))

    def alert_state(self) -> AlertState | None:
        """The state of the newest alert."""
        with self.database.read() as connection:
            state: AlertState | None = connection.execute(
                select(ALERT.c.state).order_by(ALERT.c.id.desc()).limit(1)
            ).scalar()
        return state

    def alerts(self) -> int:
        """How many alerts there are, drafts included."""
        with self.database.read() as connection:
            return int(connection.execute(select(func.count()).select_from(ALERT)).scalar_one())

    def states(self, channel: Channel | None = None) -> Counter[DeliveryState]:
        statement = select(DELIVERY.c.state, func.count().label("messages")).group_by(DELIVERY.c.state)
        if channel is not None:
            statement = statement.where(DELIVERY.c.channel == channel)
        with self.database.read() as connection:
            return Counter({row.state: int(row.messages) for row in connection.execute(statement)})

    def closed(self, seconds: float = 40.0) -> None:
        """Wait until the newest alert has ended by itself."""
        try:
            eventually(lambda: self.alert_state() is AlertState.CLOSED, seconds, what="the alert is closed")
        except AssertionError as late:
            late.add_note(f"messages: {self.states()}\nwritten:\n{self.logs()[-4000:]}")
            raise

    def drained(self) -> None:
        """Wait until the drainer has ended by itself, and nothing but what the test started lives."""
        own = {running.pid for running in self.started}
        eventually(
            lambda: not [one for one in self.processes.living() if one.pid not in own],
            30,
            what="the drainer ends by itself",
        )

    def logs(self) -> str:
        """All that any process of this test has written: its streams, the drainer's log, the faults."""
        files = [*self.processes.directory.glob(".process-*"), *self.data_dir.rglob("*.log")]
        return "\n".join(file.read_text(encoding="utf-8", errors="replace") for file in files)


SEND = ("alert", "send", "--school", "Prøvedal vgs", "--scenario", "lockdown", "--status", "actual")


@pytest.fixture(scope="session")
def _sandbox() -> Iterator[Sandbox]:
    with Sandbox(SandboxConfig(delivery_seconds=0.1)) as sandbox:
        yield sandbox


@pytest.fixture
def far_end(_sandbox: Sandbox) -> FarEnd:
    """The sandbox, empty."""
    far_end = FarEnd(_sandbox)
    far_end.reset()
    return far_end


@dataclass(frozen=True, slots=True)
class _Templates:
    directory: Path
    postgres: Callable[[], str]


@pytest.fixture(scope="session")
def _initialised(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A data directory as `beredskap init` makes it; tests get copies."""
    directory = tmp_path_factory.mktemp("initialised")
    processes = Processes(directory, clean_environment(directory / "home"))
    done = processes.run("init", environment={"BEREDSKAP_STORE__DATA_DIR": str(directory / "data")})
    assert done.status == 0, done.err
    return directory / "data"


@pytest.fixture(scope="session")
def _initialised_postgres(
    tmp_path_factory: pytest.TempPathFactory, _initialised: Path, postgres_server: PostgresServer
) -> str:
    """The name of a database as `beredskap init` makes it, with the same key file."""
    directory = tmp_path_factory.mktemp("initialised_postgres")
    name = postgres_server.create_database()
    shutil.copytree(_initialised, directory / "data")
    processes = Processes(directory, clean_environment(directory / "home"))
    done = processes.run(
        "init",
        environment={
            "BEREDSKAP_STORE__DATA_DIR": str(directory / "data"),
            "BEREDSKAP_STORE__DATABASE_URL": postgres_server.url(name),
        },
    )
    assert done.status == 0, done.err
    return name


def _settings(far_end: FarEnd, data_dir: Path) -> dict[str, dict[str, object]]:
    sandbox = far_end.sandbox
    return {
        "store": {"data_dir": str(data_dir)},
        "sms": {
            "account_sid": sandbox.config.account_sid,
            "auth_token": sandbox.config.auth_token,
            "api_base_url": sandbox.sms_url,
            "sender": "PROVEDAL",
            "routine_sender": "PROVEDAL2",
            "timeout_seconds": 1.0,
            "segments_per_second": 500.0,
        },
        "smtp": {
            "host": "127.0.0.1",
            "port": sandbox.smtp_port,
            "security": "none",
            "from_address": "varsling@provedal.example",
            "timeout_seconds": 1.0,
            "messages_per_second": 500.0,
        },
        "dispatch": dict(DISPATCH),
        "web": {"port": 0},
    }


@pytest.fixture
def embedded(processes: Processes, far_end: FarEnd, _initialised: Path) -> Iterator[Installation]:
    """An installation on the embedded store."""
    data_dir = processes.directory / "data"
    shutil.copytree(_initialised, data_dir)
    database = Database(f"sqlite:///{data_dir / 'beredskap.db'}")
    installation = Installation(processes, database, far_end, _settings(far_end, data_dir), data_dir, False)
    installation.write_settings()
    yield installation
    processes.end_all()
    database.dispose()


@pytest.fixture
def distributed(
    processes: Processes,
    far_end: FarEnd,
    _initialised: Path,
    _initialised_postgres: str,
    postgres_server: PostgresServer,
    redis_url: str,
) -> Iterator[Installation]:
    """An installation on PostgreSQL and Redis; nothing of it runs yet."""
    data_dir = processes.directory / "data"
    data_dir.mkdir(mode=0o700)
    shutil.copy2(_initialised / "beredskap.key", data_dir)
    name = postgres_server.create_database(_initialised_postgres)
    url = postgres_server.url(name)
    settings = _settings(far_end, data_dir)
    settings["store"] |= {"database_url": url, "redis_url": redis_url}
    database = Database(url)
    installation = Installation(processes, database, far_end, settings, data_dir, True)
    installation.write_settings()
    yield installation
    processes.end_all()
    database.dispose()
    postgres_server.drop_database(name)


@pytest.fixture(params=["embedded", "distributed"])
def installation(request: pytest.FixtureRequest) -> Installation:
    """One of each kind; the test runs twice."""
    chosen: Installation = request.getfixturevalue(request.param)
    return chosen
