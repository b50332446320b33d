"""Transactions: no lost update, no reader that waits, no personal data in an error."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import Column, Integer, MetaData, String, Table, insert, select, update
from sqlalchemy.exc import IntegrityError, InternalError, OperationalError

from config.database import Database, open_database
from config.filling import fill
from config.redaction import describe_exception
from config.settings import load_settings
from tests.services.waiting import eventually

metadata = MetaData()
counters = Table("counters", metadata, Column("id", Integer, primary_key=True), Column("n", Integer, nullable=False))
numbers = Table("numbers", metadata, Column("phone", String, primary_key=True))


@pytest.fixture
def store(database_url: str) -> Iterator[Database]:
    database = Database(database_url)
    metadata.create_all(database.engine)
    with database.write() as connection:
        connection.execute(insert(counters), {"id": 1, "n": 0})
    yield database
    database.dispose()


def test_two_threads_that_read_and_then_write_lose_no_update(sqlite_url: str) -> None:
    """The trap of SQLite: a transaction that begins by reading writes over what another one stored meanwhile."""
    database = Database(sqlite_url)
    metadata.create_all(database.engine)
    with database.write() as connection:
        connection.execute(insert(counters), {"id": 1, "n": 0})
    both = threading.Barrier(2)
    failures: list[BaseException] = []

    def add_often() -> None:
        try:
            both.wait(30)
            for _ in range(100):
                with database.write() as connection:
                    n = connection.execute(select(counters.c.n)).scalar_one()
                    connection.execute(update(counters).values(n=n + 1))
        except BaseException as error:  # noqa: BLE001 - handed to the test's own thread
            failures.append(error)

    threads = [threading.Thread(target=add_often) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []
    with database.read() as connection:
        assert connection.execute(select(counters.c.n)).scalar_one() == 200
    database.dispose()


def test_a_reader_neither_waits_for_a_writer_nor_sees_half_of_its_work(store: Database) -> None:
    with store.write() as writer:
        writer.execute(update(counters).values(n=1))
        with store.read() as reader:
            assert reader.execute(select(counters.c.n)).scalar_one() == 0
    with store.read() as reader:
        assert reader.execute(select(counters.c.n)).scalar_one() == 1


def test_an_exception_rolls_everything_back(store: Database) -> None:
    with pytest.raises(ZeroDivisionError), store.write() as connection:
        connection.execute(update(counters).values(n=1))
        _ = 1 / 0
    with store.read() as connection:
        assert connection.execute(select(counters.c.n)).scalar_one() == 0


def test_errors_of_sqlalchemy_hide_the_parameters(store: Database) -> None:
    with pytest.raises(IntegrityError) as caught, store.write() as connection:
        connection.execute(insert(numbers), [{"phone": "+4798765432"}, {"phone": "+4798765432"}])
    assert "parameters hidden" in str(caught.value)
    # PostgreSQL itself repeats the value in its DETAIL: the text of a database error is never logged or shown.
    assert "98765432" not in str(caught.value).split("DETAIL:")[0]
    assert "98765432" not in describe_exception(caught.value)


def test_sqlite_holds_foreign_keys_and_survives_power_loss(sqlite_url: str) -> None:
    database = Database(sqlite_url)
    with database.read() as connection:
        pragmas = {
            name: connection.exec_driver_sql(f"PRAGMA {name}").scalar_one()
            for name in ("foreign_keys", "journal_mode", "synchronous", "busy_timeout")
        }
    assert pragmas == {"foreign_keys": 1, "journal_mode": "wal", "synchronous": 2, "busy_timeout": 30000}
    database.dispose()


def test_the_embedded_store_gets_a_directory_only_its_owner_may_enter(monkeypatch: pytest.MonkeyPatch) -> None:
    settings = load_settings()
    open_database(settings).dispose()
    assert settings.data_dir.stat().st_mode & 0o777 == 0o700


def test_a_file_that_cannot_be_opened_is_told_at_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Only a file that somebody else has for a moment is waited for."""
    monkeypatch.setattr("config.database._insist_on_wal", lambda _cursor: pytest.fail("it was waited for"))
    store = Database(f"sqlite:///{tmp_path / 'nowhere' / 'beredskap.db'}")
    with pytest.raises(OperationalError), store.read():
        pass


def test_a_transaction_that_stands_still_is_ended_and_its_locks_are_let_go(postgres_url: str) -> None:
    unattended, other = Database(postgres_url), Database(postgres_url)
    metadata.create_all(other.engine)
    with other.write() as connection:
        connection.execute(insert(counters), {"id": 1, "n": 0})
    unattended.now()  # a session that began without the limit
    unattended.limit_idle_transactions(0.1)
    change = update(counters).values(n=counters.c.n + 1)
    with pytest.raises(InternalError) as raised, unattended.write() as connection:
        connection.execute(change)
        with other.write() as waiting:
            waiting.execute(change)  # waits for the lock, and gets it
        connection.execute(change)
    assert raised.value.connection_invalidated
    with unattended.write() as connection:
        connection.execute(change)
        assert connection.execute(select(counters.c.n)).scalar_one() == 2
    for database in (unattended, other):
        database.dispose()


def test_a_copy_that_stands_still_is_ended_by_somebody_else(postgres_url: str) -> None:
    """Only of processes at work: an import may wait for its file as long as it likes."""
    unattended, other = Database(postgres_url), Database(postgres_url)
    metadata.create_all(other.engine)
    unattended.limit_idle_transactions(60)

    def until_it_is_ended() -> Iterator[tuple[object, ...]]:
        yield ("+4799999998",)
        eventually(lambda: other.end_frozen_copies(0.05), what="it is ended")
        yield ("+4799999999",)

    def import_meanwhile() -> Iterator[tuple[object, ...]]:
        yield (1, 5)
        with pytest.raises(OperationalError) as raised, unattended.write() as connection:
            fill(connection, numbers, ["phone"], until_it_is_ended())
        assert raised.value.connection_invalidated

    with other.write() as importing:
        fill(importing, counters, ["id", "n"], import_meanwhile())
    with other.read() as connection:
        assert connection.execute(select(counters.c.n)).scalars().all() == [5]
        assert connection.execute(select(numbers.c.phone)).first() is None
    for database in (unattended, other):
        database.dispose()
