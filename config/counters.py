"""Named counters in the database: the contacts revision, and the numbers that people see on alerts."""

from __future__ import annotations

from sqlalchemy import Connection, select
from sqlalchemy.dialects import postgresql, sqlite
from sqlmodel import Field, SQLModel

from config import tables

# Raised by every transaction that can change an entitlement; a claim made under an older value is checked again.
CONTACTS_REVISION = "contacts_revision"


class Counter(SQLModel, table=True):
    __tablename__ = "counter"

    name: str = Field(primary_key=True, max_length=64)
    value: int


_TABLE = tables.core_table(Counter)


def bump(connection: Connection, name: str) -> int:
    """Raise the counter by one within the caller's transaction and return its new value, from 1 up.

    Others who bump the same counter wait until that transaction ends: call it late in a long one.
    """
    insert = sqlite.insert if connection.dialect.name == "sqlite" else postgresql.insert
    statement = (
        insert(_TABLE)
        .values(name=name, value=1)
        .on_conflict_do_update(index_elements=[_TABLE.c.name], set_={"value": _TABLE.c.value + 1})
        .returning(_TABLE.c.value)
    )
    return int(connection.execute(statement).scalar_one())


def read_counter(connection: Connection, name: str) -> int:
    """The counter's value; 0 when it was never raised."""
    return int(connection.execute(select(_TABLE.c.value).where(_TABLE.c.name == name)).scalar() or 0)
