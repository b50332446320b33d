"""What every table is made of; imported before any model, so that constraints and indexes get our names."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum

from sqlalchemy import BigInteger, Column, Enum, ForeignKey, Integer, Table, event
from sqlmodel import SQLModel

from config.clock import UtcDateTime, db_now_when_run
from config.database import name_constraints

name_constraints(SQLModel.metadata)

# The metadata of all tables; complete once the models of every room have been imported.
metadata = SQLModel.metadata

# For ids: 64 bits on PostgreSQL. Only a plain INTEGER primary key counts up by itself on SQLite (64 bits there, too).
BigInt = BigInteger().with_variant(Integer(), "sqlite")


def id_column() -> Column[int]:
    """A primary key that counts up by itself."""
    return Column(BigInt, primary_key=True, autoincrement=True)


def link(target: str, *, nullable: bool = False, primary_key: bool = False, index: bool = False) -> Column[int]:
    """A foreign key: the database holds on to the row that it points at."""
    return Column(BigInt, ForeignKey(target), nullable=nullable, primary_key=primary_key, index=index)


def utc_column(*, nullable: bool = False, default_now: bool = False, index: bool = False) -> Column[datetime]:
    """A column for a moment in UTC, for `Field(sa_column=…)`; one call makes the column of one table.

    `default_now`: an INSERT that names no value stores the database's clock (never this machine's).
    """
    return Column(UtcDateTime(), nullable=nullable, index=index, default=db_now_when_run() if default_now else None)


def code_column(
    codes: type[StrEnum], *, nullable: bool = False, primary_key: bool = False, default: StrEnum | None = None
) -> Column[str]:
    """A column for one of `codes`, stored as its text and held to it by a check constraint of the table."""
    kind = Enum(
        codes,
        native_enum=False,
        create_constraint=True,
        name=codes.__name__.lower(),
        length=32,
        values_callable=lambda members: [member.value for member in members],
    )
    column: Column[str] = Column(kind, nullable=nullable, primary_key=primary_key, default=default)

    def name_after_column(_column: object, _table: object) -> None:
        # Two columns of one table may hold the same codes; their constraints need two names.
        kind.name = column.name

    event.listen(column, "before_parent_attach", name_after_column)
    return column


def core_table(model: type[SQLModel]) -> Table:
    """The SQLAlchemy Core table of a model: bulk statements speak of tables, ten times faster than objects."""
    table = model.__table__  # type: ignore[attr-defined]
    assert isinstance(table, Table)
    return table
