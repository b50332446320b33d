"""Which deliveries are an alert's, said by their ids: what hangs on them can then be counted without a join."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TypeAlias

from sqlalchemy import ColumnElement, Connection, exists, false, select

from dispatcher.tables import DELIVERY

# Given a column that holds a delivery's id: SQL that is true where that delivery is the alert's.
Condition: TypeAlias = Callable[[ColumnElement[int]], ColumnElement[bool]]


def deliveries_of(connection: Connection, alert_id: int, groups: Sequence[tuple[int, int, int]]) -> Condition:
    """The condition for the deliveries of one alert. `groups`: count, first and last id of what makes it up.

    The messages of a large alert lie side by side, with nobody else's between them: then the first and the last id say
    which they are, and a million rows need not be joined with another million. Otherwise they are looked up.
    """
    if not groups:
        return lambda _column: false()
    first, last = min(first for _, first, _ in groups), max(last for _, _, last in groups)
    if sum(count for count, _, _ in groups) <= last - first:
        others = exists().where(DELIVERY.c.id.between(first, last), DELIVERY.c.alert_id.is_distinct_from(alert_id))
        if connection.execute(select(others)).scalar_one():
            own = select(DELIVERY.c.id).where(DELIVERY.c.alert_id == alert_id)
            return lambda column: column.in_(own)
    return lambda column: column.between(first, last)
