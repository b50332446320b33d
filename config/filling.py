"""Many new rows by the shortest way that each database has: COPY, or one prepared INSERT.

Nothing of SQLAlchemy is done for each value, which takes longer than the insert itself; so nothing is checked either,
and no default of a column is filled in.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import UTC, date, datetime
from typing import Any, cast

from sqlalchemy import Connection, Date, Table
from sqlalchemy.exc import DBAPIError

from config.clock import UtcDateTime


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
    marks = ", ".join("?" * len(columns))
    statement = f"INSERT INTO {table.name} ({names}) VALUES ({marks})"  # noqa: S608 - our own names
    connection.exec_driver_sql(statement, _with_texts(table, columns, rows))


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


def _day(day: date) -> str:
    return day.isoformat()


def _moment(moment: datetime) -> str:
    return moment.astimezone(UTC).replace(tzinfo=None).isoformat(" ", "microseconds")


_TEXTS: dict[type, Callable[[Any], str]] = {Date: _day, UtcDateTime: _moment}
