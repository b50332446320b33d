"""`column among these ids` as one bound value, whatever their number: the statement is the same one each time."""

from __future__ import annotations

import json
from collections.abc import Collection
from typing import Any

from sqlalchemy import ARRAY, BigInteger, ColumnElement, String, bindparam, func, select


def among(column: ColumnElement[Any], name: str, dialect: str) -> ColumnElement[bool]:
    """SQL that is true where `column` is one of the ids bound to the parameter `name`."""
    if dialect == "sqlite":
        values = func.json_each(bindparam(name, type_=String)).table_valued("value")
        return column.in_(select(values.c.value))
    # Not "= ANY(…)": without fresh statistics PostgreSQL may then look through the whole table for each id.
    return column.in_(select(func.unnest(bindparam(name, type_=ARRAY(BigInteger)))))


def id_set(ids: Collection[int], dialect: str) -> str | list[int]:
    """The value to bind for `among`. `dialect`: the name of the kind of database."""
    return json.dumps(list(ids)) if dialect == "sqlite" else list(ids)
