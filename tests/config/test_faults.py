"""Real failures of real databases and of Redis, as sentences; never with the password."""

from __future__ import annotations

import resource
import threading
from collections.abc import Callable
from pathlib import Path

import psycopg
import pytest
import redis
from sqlalchemy import create_engine, text
from sqlalchemy.exc import DBAPIError, OperationalError

from config.database import Database
from config.errors import ExitStatus
from config.faults import explain, what_ails
from tests.services.postgres import PostgresServer
from tests.services.redis import RedisServer
from tests.services.server import free_port

PASSWORD = "hemmelig-passord"


def failure(act: Callable[[], object]) -> Exception:
    try:
        act()
    except Exception as error:  # noqa: BLE001 - any failure is what is asked for
        return error
    raise AssertionError("nothing failed")


def told(act: Callable[[], object]) -> str:
    explained = explain(failure(act))
    assert PASSWORD not in str(explained)
    return str(explained)


@pytest.fixture
def named(monkeypatch: pytest.MonkeyPatch) -> Callable[[str], str]:
    """Puts the address of a database into the settings, with a password."""

    def name(url: str) -> str:
        with_password = url.replace("beredskap@", f"beredskap:{PASSWORD}@")
        monkeypatch.setenv("BEREDSKAP_STORE__DATABASE_URL", with_password)
        return with_password

    return name


def test_a_postgresql_that_is_not_there(named) -> None:
    port = free_port()
    url = named(f"postgresql+psycopg://beredskap@127.0.0.1:{port}/alerts")
    sentence = told(lambda: Database(url).now())
    assert sentence.startswith(f"PostgreSQL at 127.0.0.1:{port} does not answer.")


def test_a_postgresql_that_ends_the_session(postgres_server: PostgresServer, postgres_url: str, named) -> None:
    database = Database(named(postgres_url))

    def ended_meanwhile() -> None:
        with database.write() as connection:
            pid = connection.execute(text("SELECT pg_backend_pid()")).scalar_one()
            postgres_server.execute(f"SELECT pg_terminate_backend({pid})")
            connection.execute(text("SELECT 1"))

    assert "does not answer" in told(ended_meanwhile)
    database.dispose()


def test_a_database_or_a_user_that_does_not_exist(postgres_url: str, named) -> None:
    url = named(postgres_url)
    assert "has no database of the name" in told(lambda: Database(url + "_absent").now())
    assert "does not accept the user" in told(lambda: Database(url.replace("//beredskap:", "//nobody:")).now())


def test_no_table_yet(database_url: str, named) -> None:
    database = Database(named(database_url))

    def ask() -> None:
        with database.read() as connection:
            connection.execute(text("SELECT 1 FROM alert"))

    explained = explain(failure(ask))
    assert "beredskap init" in explained.remedy
    assert explained.exit_status is ExitStatus.UNUSABLE
    database.dispose()


def test_two_that_wait_for_each_other(postgres_url: str, named) -> None:
    database = Database(named(postgres_url))
    with database.write() as connection:
        connection.execute(text("CREATE TABLE rows AS SELECT generate_series(1, 2) AS id"))
    both = threading.Barrier(2)
    failures: list[Exception] = []

    def lock(first: int, second: int) -> None:
        try:
            with database.write() as connection:
                connection.execute(text("SELECT 1 FROM rows WHERE id = :id FOR UPDATE"), {"id": first})
                both.wait(30)
                connection.execute(text("SELECT 1 FROM rows WHERE id = :id FOR UPDATE"), {"id": second})
        except Exception as error:  # noqa: BLE001 - looked at by the test's own thread
            failures.append(error)

    threads = [threading.Thread(target=lock, args=pair) for pair in ((1, 2), (2, 1))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(failures) == 1
    assert "is busy" in str(explain(failures[0]))
    database.dispose()


def test_a_locked_a_full_and_a_damaged_file(sqlite_url: str, tmp_path: Path, named) -> None:
    file = tmp_path / "beredskap.db"
    holder = Database(named(sqlite_url))
    impatient = create_engine(sqlite_url, connect_args={"timeout": 0, "isolation_level": None})

    def write() -> None:
        with impatient.connect() as connection:
            connection.exec_driver_sql("BEGIN IMMEDIATE")

    with holder.write():
        assert told(write).startswith(f"The database file {file} is locked")

    def fill() -> None:
        with holder.write() as connection:
            connection.exec_driver_sql("CREATE TABLE filled (t)")
            pages = connection.exec_driver_sql("PRAGMA page_count").scalar_one()
            connection.exec_driver_sql(f"PRAGMA max_page_count={pages}")
            connection.exec_driver_sql("INSERT INTO filled VALUES (zeroblob(1000000))")

    assert "is full" in told(fill)
    holder.dispose()
    impatient.dispose()
    file.write_bytes(b"This is not a database, but a text about one." * 100)
    assert "is damaged" in told(lambda: Database(sqlite_url).now())


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (psycopg.errors.DiskFull(), "The disk of PostgreSQL at 127.0.0.1:1 is full."),
        (
            psycopg.errors.IdleInTransactionSessionTimeout(),
            "PostgreSQL at 127.0.0.1:1 has ended a transaction in which this process stood still.",
        ),
    ],
)
def test_what_postgresql_says_of_itself(named, error: psycopg.Error, words: str) -> None:
    named("postgresql+psycopg://beredskap@127.0.0.1:1/alerts")
    told_by_driver = DBAPIError.instance("COMMIT", None, error, psycopg.Error)
    assert explain(told_by_driver).what == what_ails(told_by_driver) == words
    assert explain(told_by_driver).exit_status is ExitStatus.FAILED


def test_a_file_that_the_system_does_not_let_grow(sqlite_url: str, tmp_path: Path, named) -> None:
    database = Database(named(sqlite_url))
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    with pytest.raises(OperationalError) as raised, database.write() as connection:
        connection.exec_driver_sql("CREATE TABLE filled (t)")
        resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, before[1]))
        try:
            connection.exec_driver_sql("PRAGMA cache_size=1")
            connection.exec_driver_sql("INSERT INTO filled VALUES (zeroblob(1000000))")
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert explain(raised.value).what.startswith(
        f"The database file {tmp_path / 'beredskap.db'} cannot be written or read"
    )
    database.dispose()


def test_what_is_no_fault_of_the_database_is_not_told_as_one() -> None:
    assert what_ails(ValueError("x")) == ""


def test_a_file_that_cannot_be_opened(tmp_path: Path, named) -> None:
    url = named(f"sqlite:///{tmp_path / 'absent' / 'beredskap.db'}")
    assert "cannot be opened" in told(lambda: Database(url).now())


def test_a_wrong_statement_is_our_fault_and_not_the_databases(database_url: str, named) -> None:
    database = Database(named(database_url))

    def ask() -> None:
        with database.read() as connection:
            connection.execute(text("SELEKT 1"))

    assert told(ask).startswith("This is a fault of Beredskap, reference ")
    database.dispose()


def test_more_letters_than_a_column_has_room_for(postgres_url: str, named) -> None:
    database = Database(named(postgres_url))

    def write() -> None:
        with database.write() as connection:
            connection.execute(text("CREATE TEMPORARY TABLE small (word varchar(3))"))
            connection.execute(text("INSERT INTO small VALUES ('secret')"))

    explained = explain(failure(write))
    assert explained.exit_status is ExitStatus.UNUSABLE
    assert str(explained).startswith("Something that was given is longer than there is room for.")
    assert "secret" not in str(explained)
    assert what_ails(failure(write)) == "", "a process that goes on must not take it for a database that is away"
    database.dispose()


def test_a_redis_that_is_not_there(monkeypatch: pytest.MonkeyPatch) -> None:
    server = RedisServer()
    monkeypatch.setenv("BEREDSKAP_STORE__REDIS_URL", server.url.replace("//", f"//:{PASSWORD}@"))
    sentence = told(lambda: server.client().ping())
    server.discard()
    assert sentence.startswith(f"Redis does not answer at 127.0.0.1:{server.port}.")
    assert "alerts go out without Redis" in sentence


def test_a_timeout_of_redis_counts_as_no_answer() -> None:
    assert "Redis does not answer" in str(explain(redis.TimeoutError()))


def test_without_sqlalchemy_a_database_error_is_a_fault() -> None:
    assert "fault of Beredskap" in str(explain(psycopg.OperationalError("x")))
