"""Many rows as the bound values of one statement, whose text stays the same whatever their number.

So a statement can be drawn up once, kept, and run for every batch: a VALUES list of 500 rows costs more to write than
its UPDATE costs to run.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import ARRAY, CTE, String, bindparam, cast, func, select
from sqlalchemy.types import TypeEngine


class GivenRows:
    """Rows with these columns, called `name` in the statements that use them.

    `cte` is what a statement joins; `values` is what is bound when it runs. Values are numbers, texts or None, on
    PostgreSQL moments, too. The types are those of the columns that they are compared with.
    """

    def __init__(self, name: str, columns: Mapping[str, TypeEngine[Any]]) -> None:
        self._name = name
        self._columns = dict(columns)

    def cte(self, dialect: str) -> CTE:
        """A common table expression with the rows, for joins and UPDATE … FROM."""
        if dialect == "sqlite":
            each = func.json_each(bindparam(self._name, type_=String)).table_valued("value")
            picked = [
                cast(func.json_extract(each.c.value, f"$[{place}]"), type_).label(column)
                for place, (column, type_) in enumerate(self._columns.items())
            ]
            return select(*picked).cte(self._name)
        arrays = [
            cast(bindparam(self._parameter(column), type_=String), ARRAY(type_))
            for column, type_ in self._columns.items()
        ]
        unnested = func.unnest(*arrays).table_valued(*self._columns, name=f"{self._name}_rows").render_derived()
        return select(*(cast(unnested.c[column], type_).label(column) for column, type_ in self._columns.items())).cte(
            self._name
        )

    def values(self, dialect: str, rows: Sequence[Sequence[Any]]) -> dict[str, str]:
        """The bound values: each row in the order of the columns."""
        if dialect == "sqlite":
            return {self._name: json.dumps(rows)}
        columns = zip(*rows, strict=True) if rows else ([] for _ in self._columns)
        return {self._parameter(column): _array(values) for column, values in zip(self._columns, columns, strict=True)}

    def _parameter(self, column: str) -> str:
        return f"{self._name}_{column}"


def _array(values: Iterable[Any]) -> str:
    """The values as PostgreSQL writes an array. The driver, which does it element by element, takes ten times as long.

    https://www.postgresql.org/docs/current/arrays.html#ARRAYS-IO
    """
    return f"{{{','.join([_element(value) for value in values])}}}"


def _element(value: Any) -> str:
    if value is None:
        return "NULL"
    if isinstance(value, str):
        escaped = value.replace("\\", "\\\\").replace('"', '\\"')
        return f'"{escaped}"'
    if isinstance(value, datetime):
        return f'"{value.isoformat()}"'
    return repr(value)
