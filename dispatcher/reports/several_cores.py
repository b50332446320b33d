"""Reading a large alert with all the cores that the database has."""

from __future__ import annotations

from sqlalchemy import Connection, text


def use_several_cores(connection: Connection) -> None:
    """Let PostgreSQL share large aggregates of this transaction between its parallel workers.

    It counts what it costs to hand a row from one to another ten times too high, and would read an alert of a million
    messages with one core: twice the time. Elsewhere nothing changes.
    """
    if connection.dialect.name == "postgresql":
        connection.execute(text("SET LOCAL parallel_tuple_cost = 0.01"))
