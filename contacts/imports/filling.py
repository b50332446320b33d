"""Many rows into a temporary table, by the shortest way that each database has: COPY, or one prepared INSERT."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from typing import Any, cast

from sqlalchemy import Connection, Table


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
    connection.exec_driver_sql(statement, [tuple(map(_plain, row)) for row in rows])


def _plain(value: object) -> object:
    """As SQLAlchemy stores it in SQLite."""
    return value.isoformat() if isinstance(value, date) else value
