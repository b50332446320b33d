"""The columns by which rows of the dispatcher point at each other, and at people."""

from __future__ import annotations

from sqlalchemy import Column, ForeignKey

from config.tables import BigInt


def id_column() -> Column[int]:
    """A primary key that counts up by itself."""
    return Column(BigInt, primary_key=True, autoincrement=True)


def link(target: str, *, nullable: bool = False, primary_key: bool = False, index: bool = False) -> Column[int]:
    """A foreign key: the database holds on to the row that it points at."""
    return Column(BigInt, ForeignKey(target), nullable=nullable, primary_key=primary_key, index=index)


def loose_link(*, nullable: bool = False, primary_key: bool = False, index: bool = False) -> Column[int]:
    """The id of a row that the database holds on to by another link already: see docs/decisions/0022.

    For the tables that get rows by the hundred thousand. To check and to lock each row that they point at took a fifth
    of all that sending a message costs.
    """
    return Column(BigInt, nullable=nullable, primary_key=primary_key, index=index)
