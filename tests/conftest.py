"""What every test gets: a clean environment, no way off this machine, and real servers when it asks for them."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TypeVar

import pytest
from hypothesis import settings as hypothesis_settings
from hypothesis.database import DirectoryBasedExampleDatabase

from config.database import Database
from tests.services.binaries import MissingServerError
from tests.services.guard import loopback
from tests.services.inside import Inside
from tests.services.kept import KeptPostgres, KeptSqlite
from tests.services.nursery import Nursery
from tests.services.postgres import PostgresServer
from tests.services.processes import COMMAND, Processes, clean_environment, guarded
from tests.services.redis import RedisServer
from tests.services.schema import all_tables
from tests.services.terminal import Terminal

ROOT = Path(__file__).parents[1]
SAMPLES = Path(os.environ.get("BEREDSKAP_SAMPLES", ROOT.parent / "shared" / "samples"))
ServerKind = TypeVar("ServerKind", PostgresServer, RedisServer)
_LEFT_OUT = pytest.StashKey[int]()

loopback.install()
# A run that is told to end (by a CI server) stops its servers, as after Ctrl-C.
signal.signal(signal.SIGTERM, signal.default_int_handler)
# No test depends on how fast this machine is; examples that failed are tried first the next time.
hypothesis_settings.register_profile(
    "beredskap", deadline=None, database=DirectoryBasedExampleDatabase(ROOT / ".hypothesis" / "examples")
)
hypothesis_settings.load_profile("beredskap")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Without the sample files, tests of them are left out, and the closing lines say so."""
    if SAMPLES.is_dir():
        return
    without = [item for item in items if "samples" in getattr(item, "fixturenames", ())]
    items[:] = [item for item in items if item not in without]
    config.stash[_LEFT_OUT] = len(without)
    config.hook.pytest_deselected(items=without)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    left_out = config.stash.get(_LEFT_OUT, 0)
    if left_out:
        terminalreporter.write_line(
            f"{left_out} tests left out: sample files not present ({SAMPLES}); "
            "the repository's own fixtures cover the same ground."
        )


@pytest.fixture(scope="session")
def samples() -> Path:
    """The directory of the samples of real formats. Tests that ask for it are left out when there is none."""
    return SAMPLES


@pytest.fixture(autouse=True)
def clean_surroundings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty working directory, a home of its own, and no setting that leaks in. Returns that directory."""
    for name in list(os.environ):
        if name.startswith(("BEREDSKAP_", "TWILIO_", "DRAMATIQ_", "dramatiq_")) or name == "NO_COLOR":
            monkeypatch.delenv(name)
    for name, value in clean_environment(tmp_path / "home").items():
        monkeypatch.setenv(name, value)
    (tmp_path / "home").mkdir(exist_ok=True)
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture(autouse=True)
def only_loopback() -> Iterator[None]:
    """Fails a test that tried to leave this machine, even when the code under test swallowed the refusal."""
    loopback.attempts.clear()
    yield
    assert not loopback.attempts, f"tried to leave this machine: {loopback.attempts}"


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[PostgresServer]:
    """A running PostgreSQL. A test that kills or stops it uses `postgres_url` alone and starts it again."""
    yield from _served(PostgresServer)


@pytest.fixture(scope="session")
def redis_server() -> Iterator[RedisServer]:
    """A running Redis, shared by all tests: see `redis_url`."""
    yield from _served(RedisServer)


@pytest.fixture
def redis_url(redis_server: RedisServer) -> str:
    """The address of an empty Redis."""
    if not redis_server.running:
        redis_server.start()
    redis_server.flush()
    return redis_server.url


@pytest.fixture
def postgres_url(postgres_server: PostgresServer) -> Iterator[str]:
    """The address of a new, empty PostgreSQL database."""
    yield from _fresh_database(postgres_server, "template1")


@pytest.fixture
def sqlite_url(tmp_path: Path) -> str:
    """The address of an SQLite database whose file does not exist yet."""
    return f"sqlite:///{tmp_path / 'beredskap.db'}"


@pytest.fixture(params=["sqlite", "postgresql"])
def database_url(request: pytest.FixtureRequest) -> str:
    """The address of an empty database; the test runs once on each kind."""
    url: str = request.getfixturevalue("sqlite_url" if request.param == "sqlite" else "postgres_url")
    return url


@pytest.fixture(scope="session")
def _sqlite_template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    file = tmp_path_factory.mktemp("template") / "template.db"
    _create_tables(f"sqlite:///{file}")
    return file


@pytest.fixture(scope="session")
def _postgres_template(postgres_server: PostgresServer) -> str:
    name = postgres_server.create_database()
    _create_tables(postgres_server.url(name))
    return name


@pytest.fixture(scope="session")
def _kept_sqlite(_sqlite_template: Path) -> KeptSqlite:
    return KeptSqlite(_sqlite_template, _sqlite_template.with_name("with-tables.db"))


@pytest.fixture(scope="session")
def _kept_postgres(_postgres_template: str, postgres_server: PostgresServer) -> Iterator[KeptPostgres]:
    kept = KeptPostgres(postgres_server, _postgres_template)
    yield kept
    kept.discard()


@pytest.fixture
def without_statistics(_kept_postgres: KeptPostgres) -> None:
    """For tests of PostgreSQL's plans: the next database is a new one, of whose tables it has seen nothing yet."""
    _kept_postgres.discard()


@pytest.fixture
def sqlite_database(_kept_sqlite: KeptSqlite) -> Iterator[Database]:
    """An SQLite database with all tables, and no rows."""
    yield _kept_sqlite.take()
    _kept_sqlite.give_back()


@pytest.fixture
def postgres_database(_kept_postgres: KeptPostgres) -> Iterator[Database]:
    """A PostgreSQL database with all tables, and no rows."""
    yield _kept_postgres.take()
    _kept_postgres.give_back()


@pytest.fixture(params=["sqlite", "postgresql"])
def database(request: pytest.FixtureRequest) -> Database:
    """A database with all tables, and no rows; the test runs once on each kind."""
    name = "sqlite_database" if request.param == "sqlite" else "postgres_database"
    database: Database = request.getfixturevalue(name)
    return database


@pytest.fixture
def inside(sqlite_database: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Inside:
    """An initialised installation whose commands run in this process."""
    return Inside(sqlite_database, tmp_path, monkeypatch)


@pytest.fixture(scope="session")
def _nursery(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Nursery]:
    nursery = Nursery(guarded(clean_environment(tmp_path_factory.mktemp("nursery"))))
    yield nursery
    nursery.close()


@pytest.fixture
def started_cold() -> None:
    """For tests of how a command starts, or what the system shows of it: see `processes`."""


@pytest.fixture
def processes(clean_surroundings: Path, request: pytest.FixtureRequest) -> Iterator[Processes]:
    """Starts `beredskap` commands in the test's directory; all of them, detached ones too, are gone at its end.

    They come from a process that has loaded the program, unless the test asks for `started_cold`.
    """
    nursery = None if "started_cold" in request.fixturenames else request.getfixturevalue("_nursery")
    processes = Processes(clean_surroundings, clean_environment(clean_surroundings / "home"), nursery)
    yield processes
    processes.end_all()


@pytest.fixture
def terminal(processes: Processes) -> Iterator[Callable[..., Terminal]]:
    """Runs `beredskap ARGUMENTS…` on a terminal: `terminal("alert", "send", …)`."""
    opened: list[Terminal] = []

    def run(*arguments: str | Path, command: str | Path = COMMAND) -> Terminal:
        opened.append(Terminal([command, *arguments], cwd=processes.directory, environment=processes.environment))
        return opened[-1]

    yield run
    for each in opened:
        each.__exit__(None, None, None)


def _served(kind: type[ServerKind]) -> Iterator[ServerKind]:
    try:
        server = kind()
    except MissingServerError as error:
        pytest.fail(str(error), pytrace=False)
    try:
        server.start()
        yield server
    finally:
        server.discard()


def _fresh_database(server: PostgresServer, template: str) -> Iterator[str]:
    if not server.running:
        server.start()
    name = server.create_database(template)
    yield server.url(name)
    if not server.running:
        server.start()
    server.drop_database(name)


def _create_tables(url: str) -> None:
    database = Database(url)
    all_tables().create_all(database.engine)
    database.dispose()
