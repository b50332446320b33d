"""Rows that go in by the short way are the rows that SQLAlchemy would have stored, and fail as its statements do."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta, timezone
from typing import Any

import pytest
from sqlalchemy import Boolean, Column, Date, ForeignKey, Integer, MetaData, String, Table, insert, select, text
from sqlalchemy.exc import IntegrityError, OperationalError

from config.clock import UtcDateTime
from config.database import Database
from config.filling import fill
from config.redaction import describe_exception

metadata = MetaData()
things = Table(
    "things",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("parent", ForeignKey("things.id")),
    Column("name", String),
    Column("day", Date),
    Column("at", UtcDateTime()),
    Column("sure", Boolean),
)
COLUMNS = tuple(things.c.keys())
OSLO_WINTER = timezone(timedelta(hours=1))
ROWS: list[tuple[Any, ...]] = [
    (1, None, "plain", date(2026, 11, 23), datetime(2026, 11, 23, 7, 40, tzinfo=UTC), True),
    (2, 1, "tab\t, line\n, return\r, slash \\N, quote \" and '", date(1, 1, 1), None, False),
    (3, 1, "Øyvind Ŋ 🚒", None, datetime(2026, 1, 1, 0, 30, 0, 123, tzinfo=OSLO_WINTER), None),
    (4, None, "", None, None, None),
    (5, None, None, None, None, None),
]


@pytest.fixture
def store(database_url: str) -> Iterator[Database]:
    database = Database(database_url)
    metadata.create_all(database.engine)
    yield database
    database.dispose()


def _stored(store: Database) -> list[tuple[Any, ...]]:
    with store.read() as connection:
        return [tuple(row) for row in connection.execute(select(things).order_by(things.c.id))]


def test_what_is_filled_in_is_what_an_insert_stores(store: Database) -> None:
    with store.write() as connection:
        connection.execute(insert(things), [dict(zip(COLUMNS, row, strict=True)) for row in ROWS])
        inserted = connection.execute(text("SELECT * FROM things ORDER BY id")).all()
        connection.execute(things.delete())
        fill(connection, things, COLUMNS, ROWS)
        assert connection.execute(text("SELECT * FROM things ORDER BY id")).all() == inserted
    assert _stored(store) == ROWS


def test_columns_may_come_in_any_order_and_some_may_be_left_out(store: Database) -> None:
    with store.write() as connection:
        fill(connection, things, ("name", "id"), [("a", 7), ("b", 8)])
    assert [row[:3] for row in _stored(store)] == [(7, None, "a"), (8, None, "b")]


@pytest.mark.parametrize("count", [149, 150, 151, 1000])
def test_all_of_many_rows_go_in_once_and_in_their_order(store: Database, count: int) -> None:
    rows: list[tuple[Any, ...]] = [(number, None, str(number), None, None, None) for number in range(1, count + 1)]
    with store.write() as connection:
        fill(connection, things, COLUMNS, rows)
    assert _stored(store) == rows


def test_no_rows_are_no_statement(store: Database) -> None:
    with store.write() as connection:
        fill(connection, things, ("no such column",), [])
    assert _stored(store) == []


@pytest.mark.parametrize("wrong", [(1, None, "98765432"), (2, 99, "98765432")], ids=["same key", "no parent"])
def test_what_the_table_refuses_is_refused_in_sqlalchemys_words_and_quotes_no_row(
    store: Database, wrong: tuple[Any, ...]
) -> None:
    with pytest.raises(IntegrityError) as refused, store.write() as connection:
        fill(connection, things, ("id", "parent", "name"), [(1, None, "first"), wrong])
    assert "98765432" not in describe_exception(refused.value)
    assert _stored(store) == []


def test_a_server_that_goes_away_meanwhile_is_noticed_as_in_any_statement(postgres_url: str) -> None:
    database = Database(postgres_url)
    metadata.create_all(database.engine)
    with pytest.raises(OperationalError), database.write() as connection:
        own = connection.execute(text("SELECT pg_backend_pid()")).scalar_one()
        with database.write() as other:
            other.execute(text("SELECT pg_terminate_backend(:own, 10000)"), {"own": own})
        with pytest.raises(OperationalError) as lost:
            fill(connection, things, COLUMNS, ROWS)
        assert lost.value.connection_invalidated
    with database.write() as connection:
        fill(connection, things, COLUMNS, ROWS)
    assert _stored(database) == ROWS
    database.dispose()
