"""Time: the database's clock for every lease, due time and expiry; UTC in the store, Europe/Oslo for people."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from datetime import UTC, date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import DateTime, Float, bindparam, func, literal
from sqlalchemy.engine import Dialect
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.elements import ColumnElement
from sqlalchemy.sql.functions import FunctionElement
from sqlalchemy.types import TypeDecorator

OSLO = ZoneInfo("Europe/Oslo")

_bound: ContextVar[datetime | None] = ContextVar("bound_db_now", default=None)


class UtcDateTime(TypeDecorator[datetime]):
    """An aware UTC datetime: timestamptz on PostgreSQL, sortable text on SQLite. Refuses naive datetimes."""

    impl = DateTime
    cache_ok = True

    def load_dialect_impl(self, dialect: Dialect) -> Any:
        return dialect.type_descriptor(DateTime(timezone=True))

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError("a naive datetime cannot be stored: give it a time zone")
        value = value.astimezone(UTC)
        return value.replace(tzinfo=None) if dialect.name == "sqlite" else value

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        if value is None:
            return None
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


class _DbNow(FunctionElement[datetime]):
    inherit_cache = True
    name = "db_now"
    type = UtcDateTime()


class _Plus(FunctionElement[datetime]):
    """(moment, seconds) → the moment that many seconds later."""

    inherit_cache = True
    name = "plus_seconds"
    type = UtcDateTime()


@compiles(_DbNow, "postgresql")
def _now_postgresql(element: _DbNow, compiler: Any, **kw: Any) -> str:
    # statement_timestamp() moves within a transaction, unlike now(), and is stable, so that indexes serve it.
    return "statement_timestamp()"


@compiles(_DbNow, "sqlite")
def _now_sqlite(element: _DbNow, compiler: Any, **kw: Any) -> str:
    return "(strftime('%Y-%m-%d %H:%M:%f', 'now') || '000')"


@compiles(_Plus, "postgresql")
def _plus_postgresql(element: _Plus, compiler: Any, **kw: Any) -> str:
    base, seconds = (compiler.process(part, **kw) for part in element.clauses)
    return f"({base} + make_interval(secs => {seconds}))"


@compiles(_Plus, "sqlite")
def _plus_sqlite(element: _Plus, compiler: Any, **kw: Any) -> str:
    base, seconds = (compiler.process(part, **kw) for part in element.clauses)
    return f"(strftime('%Y-%m-%d %H:%M:%f', {base}, ({seconds}) || ' seconds') || '000')"


def db_now() -> ColumnElement[datetime]:
    """The database's own clock, as an SQL expression; in a test of one process, the time bound by `bound_db_now`."""
    bound = _bound.get()
    return _DbNow() if bound is None else literal(bound, UtcDateTime())


def db_now_when_run() -> ColumnElement[datetime]:
    """As `db_now()`, for what is built once and run often (column defaults): looks for a bound time each time."""
    bound = bindparam(None, callable_=_bound.get, type_=UtcDateTime(), unique=True)
    return func.coalesce(bound, _DbNow(), type_=UtcDateTime())


def plus_seconds(base: Any, seconds: Any) -> ColumnElement[datetime]:
    """SQL for `base` plus `seconds` (a number or an SQL expression)."""
    return _Plus(base, seconds if isinstance(seconds, ColumnElement) else literal(float(seconds), Float))


@contextmanager
def bound_db_now(moment: datetime) -> Iterator[None]:
    """Bind `db_now()` to `moment` within this context; for tests, which never sleep."""
    token = _bound.set(moment)
    try:
        yield
    finally:
        _bound.reset(token)


def oslo_date(moment: datetime) -> date:
    """The calendar day in Oslo at `moment`; entitlement is decided on that day."""
    return moment.astimezone(OSLO).date()


def oslo_midnight(day: date) -> datetime:
    """The UTC moment at which `day` begins in Oslo."""
    return datetime(day.year, day.month, day.day, tzinfo=OSLO).astimezone(UTC)


def months_before(day: date, months: int) -> date:
    """The same day `months` earlier, or the last day of that month when it is shorter."""
    year, month = divmod(day.year * 12 + day.month - 1 - months, 12)
    first = date(year, month + 1, 1)
    last = (first.replace(day=28) + timedelta(days=4)).replace(day=1) - timedelta(days=1)
    return first.replace(day=min(day.day, last.day))
