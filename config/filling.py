"""Many new rows by the shortest way that each database has: COPY, or a prepared INSERT of many.

Nothing of SQLAlchemy is done for each value, which takes longer than the insert itself; so nothing is checked either,
and no default of a column is filled in.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import UTC, date, datetime
from functools import lru_cache
from itertools import chain
from typing import Any, cast

from sqlalchemy import Connection, Date, Table
from sqlalchemy.exc import DBAPIError

from config.clock import UtcDateTime

# Values in one statement: any SQLite takes so many.
_VALUES = 900


def fill(connection: Connection, table: Table, columns: Sequence[str], rows: list[tuple[object, ...]]) -> None:
    """Insert `rows`, whose values stand in the order of `columns`: texts, numbers, truths, dates, moments, None.

    Codes are given as their plain text. Raises what any statement raises: a DBAPIError of SQLAlchemy.
    """
    if not rows:
        return
    names = ", ".join(f'"{name}"' for name in columns)
    if connection.dialect.name == "postgresql":
        _copy(connection, f"COPY {table.name} ({names}) FROM STDIN", rows)
        return
    _insert(connection, f"INSERT INTO {table.name} ({names})", len(columns), _with_texts(table, columns, rows))


def _copy(connection: Connection, statement: str, rows: Sequence[tuple[object, ...]]) -> None:
    driver = cast("Any", connection.dialect.loaded_dbapi)
    cursor = cast("Any", connection.connection.cursor())
    try:
        with cursor, cursor.copy(statement) as copy:
            write = copy.write_row
            for row in rows:
                write(row)
    except driver.Error as error:
        # SQLAlchemy has no COPY, and so does not see its errors; whoever waits for a database to return asks for its.
        raise DBAPIError.instance(
            statement,
            None,
            error,
            driver.Error,
            hide_parameters=True,
            connection_invalidated=connection.dialect.is_disconnect(error, cast("Any", connection.connection), cursor),
            dialect=connection.dialect,
        ) from error


def _insert(connection: Connection, into: str, width: int, rows: list[tuple[object, ...]]) -> None:
    """Some rows in each run of the statement: SQLite draws up the codes that a CHECK allows anew for each run."""
    row = f"({', '.join('?' * width)})"
    several = max(1, _VALUES // width)
    whole = len(rows) // several * several
    if whole:
        blocks = [tuple(chain.from_iterable(rows[start : start + several])) for start in range(0, whole, several)]
        connection.exec_driver_sql(f"{into} VALUES {', '.join([row] * several)}", blocks)
    if rows[whole:]:
        connection.exec_driver_sql(f"{into} VALUES {row}", rows[whole:])


def _with_texts(table: Table, columns: Sequence[str], rows: list[tuple[object, ...]]) -> list[tuple[object, ...]]:
    """The rows with their dates and moments as SQLAlchemy stores them in SQLite."""
    texts = [
        (place, _TEXTS[kind]) for place, name in enumerate(columns) if (kind := type(table.c[name].type)) in _TEXTS
    ]
    if not texts:
        return rows
    made: list[tuple[object, ...]] = []
    for row in rows:
        values = list(row)
        for place, text in texts:
            value = values[place]
            if value is not None:
                values[place] = text(value)
        made.append(tuple(values))
    return made


@lru_cache(maxsize=64)
def _day(day: date) -> str:
    return day.isoformat()


@lru_cache(maxsize=64)
def _moment(moment: datetime) -> str:
    return moment.astimezone(UTC).replace(tzinfo=None).isoformat(" ", "microseconds")


_TEXTS: dict[type, Callable[[Any], str]] = {Date: _day, UtcDateTime: _moment}
