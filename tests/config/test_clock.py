"""Days in Oslo, moments in UTC, and the database's clock."""

from __future__ import annotations

from calendar import monthrange
from datetime import UTC, date, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import BigInteger, Column, MetaData, Table, insert, literal, select
from sqlalchemy.exc import StatementError

from config.clock import (
    UtcDateTime,
    bound_db_now,
    db_now,
    db_now_when_run,
    months_before,
    oslo_date,
    oslo_midnight,
    plus_seconds,
)
from config.database import Database

DAYS = st.dates(date(1990, 1, 1), date(2060, 12, 31))
metadata = MetaData()
moments = Table(
    "moments",
    metadata,
    Column("id", BigInteger(), primary_key=True, autoincrement=False),
    Column("at", UtcDateTime(), default=db_now_when_run()),
)


@pytest.fixture
def store(database_url: str):
    database = Database(database_url)
    metadata.create_all(database.engine)
    yield database
    database.dispose()


@pytest.mark.parametrize(
    ("utc", "day"),
    [
        (datetime(2026, 3, 28, 22, 59, tzinfo=UTC), date(2026, 3, 28)),  # winter time: one hour ahead
        (datetime(2026, 3, 28, 23, 0, tzinfo=UTC), date(2026, 3, 29)),  # the day the clock goes forward
        (datetime(2026, 3, 29, 21, 59, tzinfo=UTC), date(2026, 3, 29)),  # that day has 23 hours
        (datetime(2026, 3, 29, 22, 0, tzinfo=UTC), date(2026, 3, 30)),
        (datetime(2026, 10, 24, 22, 0, tzinfo=UTC), date(2026, 10, 25)),  # the day it goes back
        (datetime(2026, 10, 25, 22, 59, tzinfo=UTC), date(2026, 10, 25)),  # that day has 25 hours
        (datetime(2026, 10, 25, 23, 0, tzinfo=UTC), date(2026, 10, 26)),
    ],
)
def test_the_day_in_oslo_on_the_nights_of_the_clock_change(utc: datetime, day: date) -> None:
    assert oslo_date(utc) == day


def test_days_of_23_and_25_hours() -> None:
    spring, autumn = date(2026, 3, 29), date(2026, 10, 25)
    assert oslo_midnight(spring + timedelta(days=1)) - oslo_midnight(spring) == timedelta(hours=23)
    assert oslo_midnight(autumn + timedelta(days=1)) - oslo_midnight(autumn) == timedelta(hours=25)


@given(DAYS)
def test_a_day_begins_at_its_midnight_and_not_a_moment_earlier(day: date) -> None:
    midnight = oslo_midnight(day)
    assert midnight.tzinfo is UTC
    assert oslo_date(midnight) == day
    assert oslo_date(midnight - timedelta(microseconds=1)) == day - timedelta(days=1)


@given(DAYS, st.integers(0, 240))
def test_months_before_keeps_the_day_or_takes_the_last_of_a_shorter_month(day: date, months: int) -> None:
    earlier = months_before(day, months)
    assert (day.year * 12 + day.month) - (earlier.year * 12 + earlier.month) == months
    assert earlier.day == min(day.day, monthrange(earlier.year, earlier.month)[1])


@given(DAYS, DAYS, st.integers(0, 60))
def test_months_before_never_turns_the_order_of_days(a: date, b: date, months: int) -> None:
    first, last = sorted((a, b))
    assert months_before(first, months) <= months_before(last, months)


def test_stale_after_18_months_over_a_leap_day() -> None:
    assert months_before(date(2025, 8, 31), 18) == date(2024, 2, 29)
    assert months_before(date(2026, 8, 31), 18) == date(2025, 2, 28)


def test_naive_datetimes_are_refused(store: Database) -> None:
    with pytest.raises(StatementError, match="time zone"), store.write() as connection:
        connection.execute(insert(moments), {"id": 1, "at": datetime(2026, 1, 1)})  # naive on purpose


def test_every_zone_comes_back_as_the_same_moment_in_utc(store: Database) -> None:
    moment = datetime(2026, 10, 25, 2, 30, 0, 123456, tzinfo=timezone(timedelta(hours=2)))
    with store.write() as connection:
        connection.execute(insert(moments), {"id": 1, "at": moment})
    with store.read() as connection:
        read = connection.execute(select(moments.c.at).where(moments.c.at == moment)).scalar_one()
    assert read == moment
    assert read.utcoffset() == timedelta(0)


def test_the_database_clock_is_aware_and_moves_within_a_transaction(store: Database) -> None:
    with store.read() as connection:
        before = connection.execute(select(db_now())).scalar_one()
        assert before.tzinfo is not None
        assert abs(before - datetime.now(UTC)) < timedelta(minutes=5)
        while connection.execute(select(db_now())).scalar_one() == before:
            pass  # ends as soon as the database's clock has ticked


def test_seconds_are_added_in_sql_and_compare_with_stored_moments(store: Database) -> None:
    moment = datetime(2026, 3, 29, 0, 59, 59, 250000, tzinfo=UTC)
    with store.write() as connection:
        connection.execute(insert(moments), [{"id": 1, "at": moment}, {"id": 90, "at": moment}])
        later = plus_seconds(moments.c.at, 1.5)
        assert set(connection.execute(select(later)).scalars()) == {moment + timedelta(seconds=1.5)}
        by_column = plus_seconds(moments.c.at, moments.c.id)
        found = connection.execute(
            select(moments.c.id).where(by_column > literal(moment + timedelta(seconds=60), UtcDateTime()))
        )
        assert found.scalars().all() == [90]


def test_a_test_may_bind_the_clock_for_expressions_old_and_new(store: Database) -> None:
    bound = datetime(2031, 2, 3, 4, 5, 6, tzinfo=UTC)
    with store.write() as connection:
        connection.execute(insert(moments), [{"id": 1}, {"id": 2}])
    with bound_db_now(bound), store.write() as connection:
        assert connection.execute(select(db_now())).scalar_one() == bound
        connection.execute(insert(moments), [{"id": 3}, {"id": 4}])
    with store.write() as connection:
        connection.execute(insert(moments), {"id": 5})
        times = {row.id: row.at for row in connection.execute(select(moments))}
    assert times[3] == times[4] == bound
    assert all(times[number] < bound for number in (1, 2, 5))
