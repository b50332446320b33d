"""Many rows into a temporary table, by the shortest way that each database has: COPY, or one prepared INSERT."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from typing import Any, cast

from sqlalchemy import Connection, Date, Table


def fill(connection: Connection, table: Table, columns: Sequence[str], rows: list[tuple[object, ...]]) -> None:
    """Insert `rows`, whose values stand in the order of `columns`: texts, numbers, truths, dates, None.

    Nothing of SQLAlchemy is done for each value, which takes as long as the insert itself.
    """
    names = ", ".join(f'"{name}"' for name in columns)
    if connection.dialect.name == "postgresql":
        cursor = cast("Any", connection.connection.cursor())
        with cursor, cursor.copy(f"COPY {table.name} ({names}) FROM STDIN") as copy:
            for row in rows:
                copy.write_row(row)
        return
    marks = ", ".join("?" * len(columns))
    statement = f"INSERT INTO {table.name} ({names}) VALUES ({marks})"  # noqa: S608 - our own names
    days = [place for place, name in enumerate(columns) if isinstance(table.c[name].type, Date)]
    connection.exec_driver_sql(statement, [_with_texts(row, days) for row in rows] if days else rows)


def _with_texts(row: tuple[object, ...], days: list[int]) -> tuple[object, ...]:
    """The row with its dates as SQLAlchemy stores them in SQLite."""
    values = list(row)
    for place in days:
        day = values[place]
        if isinstance(day, date):
            values[place] = day.isoformat()
    return tuple(values)
