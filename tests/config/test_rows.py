"""Rows that are bound to a statement arrive in it as they are, whatever stands in them."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import Float, Integer, String, select

from config.clock import UtcDateTime
from config.database import Database
from config.rows import GivenRows
from config.tables import BigInt

THINGS = GivenRows("thing", {"id": BigInt, "small": Integer(), "share": Float(), "word": String()})
# PostgreSQL's texts hold no NUL, and no half of a surrogate pair.
WORDS = st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=20)
ROW = st.tuples(
    st.integers(-(2**62), 2**62),
    st.none() | st.integers(-(2**31), 2**31 - 1),
    st.none() | st.floats(-1e6, 1e6, allow_nan=False),
    st.none() | WORDS | st.sampled_from(["NULL", "null", "{}", '"', "\\", '\\"', "a,b", "", " "]),
)


@pytest.fixture
def store(database_url: str) -> Iterator[Database]:
    database = Database(database_url)
    yield database
    database.dispose()


def through(store: Database, rows: GivenRows, given_rows: list[tuple[Any, ...]]) -> list[tuple[Any, ...]]:
    """The rows as a statement sees them."""
    with store.read() as connection:
        dialect = connection.dialect.name
        found = connection.execute(select(*rows.cte(dialect).c), rows.values(dialect, given_rows))
        return [tuple(row) for row in found]


@settings(max_examples=50, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(ROW, max_size=5))
def test_rows_arrive_as_they_are(store: Database, rows: list[tuple[Any, ...]]) -> None:
    arrived = through(store, THINGS, rows)
    assert [(row[0], row[1], row[3]) for row in arrived] == [(row[0], row[1], row[3]) for row in rows]
    assert [row[2] for row in arrived] == [None if row[2] is None else pytest.approx(row[2]) for row in rows]


def test_moments_arrive_on_postgresql(postgres_url: str) -> None:
    database = Database(postgres_url)
    moment = datetime(2026, 11, 26, 7, 40, 0, 123456, tzinfo=UTC)
    assert through(database, GivenRows("when_", {"at": UtcDateTime()}), [(moment,), (None,)]) == [(moment,), (None,)]
    database.dispose()
