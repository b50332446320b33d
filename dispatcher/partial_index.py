"""Partial indexes: of the few rows that some statement looks for, and comparisons that let a statement use them."""

from __future__ import annotations

from enum import StrEnum
from typing import Any

from sqlalchemy import Column, Enum, Index, bindparam, text
from sqlalchemy.sql import operators
from sqlalchemy.sql.operators import OperatorType

_ONE = (operators.eq, operators.ne)
_SEVERAL = (operators.in_op, operators.not_in_op)


def partial_index(name: str, *columns: str, where: str, sqlite_where: str | None = None, unique: bool = False) -> Index:
    """An index of the rows for which `where` holds. `sqlite_where`: SQLAlchemy writes a Boolean as `= 1` there."""
    return Index(name, *columns, unique=unique, postgresql_where=text(where), sqlite_where=text(sqlite_where or where))


def written_out(column: Column[str]) -> Column[str]:
    """Have the codes that `column` is compared with stand in the statement itself, and not among its bound values.

    A database uses a partial index only where it can tell from the statement alone that its condition holds. SQLite
    decides that before it knows any bound value, and would read the whole table; PostgreSQL does so for a statement
    that it has prepared for good.
    """
    column.type.comparator_factory = _WrittenOut
    return column


class _WrittenOut(Enum.Comparator):
    def operate(self, op: OperatorType, *other: Any, **options: Any) -> Any:
        if op in _ONE and isinstance(other[0], StrEnum):
            other = (bindparam(None, other[0], type_=self.type, unique=True, literal_execute=True),)
        elif op in _SEVERAL and isinstance(other[0], list | tuple | set | frozenset):
            # In the order in which they are declared, and stand in the index's condition: SQLite compares the lists.
            codes = sorted(other[0], key=_place)
            other = (bindparam(None, codes, type_=self.type, unique=True, literal_execute=True, expanding=True),)
        return super().operate(op, *other, **options)


def _place(code: StrEnum) -> int:
    return list(type(code)).index(code)
