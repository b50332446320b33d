"""`column among these ids` as one bound value, whatever their number: the statement is the same one each time."""

from __future__ import annotations

import json
from collections.abc import Collection
from typing import Any

from sqlalchemy import ARRAY, BigInteger, ColumnElement, FromClause, String, bindparam, func, select


def among(column: ColumnElement[Any], name: str, dialect: str) -> ColumnElement[bool]:
    """SQL that is true where `column` is one of the ids bound to the parameter `name`."""
    if dialect == "sqlite":
        return column.in_(select(ids_given(name, dialect).c.value))
    # Not "= ANY(…)": without fresh statistics PostgreSQL may then look through the whole table for each id.
    return column.in_(select(func.unnest(bindparam(name, type_=ARRAY(BigInteger)))))


def ids_given(name: str, dialect: str) -> FromClause:
    """The ids bound to the parameter `name` as rows with one column, `value`."""
    if dialect == "sqlite":
        return func.json_each(bindparam(name, type_=String)).table_valued("value")
    return func.unnest(bindparam(name, type_=ARRAY(BigInteger))).table_valued("value").render_derived()


def id_set(ids: Collection[int], dialect: str) -> str | list[int]:
    """The value to bind for `among` and `ids_given`. `dialect`: the name of the kind of database."""
    return json.dumps(list(ids)) if dialect == "sqlite" else list(ids)
