"""Many rows in one bound value: a statement's text stays the same whatever their number, so it is compiled once.

A VALUES list of 500 rows costs more to write than its UPDATE costs to run.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import ARRAY, CTE, Connection, String, cast, func, literal, select
from sqlalchemy.types import TypeEngine


def rows_of(
    connection: Connection, name: str, columns: Mapping[str, TypeEngine[Any]], rows: Sequence[Sequence[Any]]
) -> CTE:
    """A common table expression `name` with these columns and rows, for joins and UPDATE … FROM.

    Values must be numbers, texts or None; on PostgreSQL moments, too. The types are those of the columns that they are
    compared with.
    """
    if connection.dialect.name == "sqlite":
        each = func.json_each(literal(json.dumps(rows), String)).table_valued("value")
        picked = [
            cast(func.json_extract(each.c.value, f"$[{place}]"), type_).label(column)
            for place, (column, type_) in enumerate(columns.items())
        ]
        return select(*picked).cte(name)
    arrays = [literal([row[place] for row in rows], ARRAY(type_)) for place, type_ in enumerate(columns.values())]
    unnested = func.unnest(*arrays).table_valued(*columns, name=f"{name}_rows").render_derived()
    return select(*(cast(unnested.c[column], type_).label(column) for column, type_ in columns.items())).cte(name)
