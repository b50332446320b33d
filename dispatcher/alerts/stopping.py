"""Hold back what has not left of an alert: for an operator who stops it, or a follow-up that takes its place."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sqlalchemy import Connection, func, select, update

from config.clock import db_now
from dispatcher.codes import AlertState, DeliveryState
from dispatcher.outbox.transitions import DUE
from dispatcher.tables import ALERT, DELIVERY


def hold_back(
    connection: Connection, alert_id: int, by: str, *, replaced: bool = False
) -> Mapping[DeliveryState, int] | None:
    """From the commit on, nothing more of the alert is claimed; its messages by state, None when it has ended already.

    Waits for claims that are being made, so that what counts as due here was held back. `replaced`: by a follow-up.
    """
    values: dict[str, Any] = {"state": AlertState.STOPPED, "ended_at": db_now(), "ended_by": by}
    stopped = connection.execute(
        update(ALERT)
        .where(ALERT.c.id == alert_id, ALERT.c.state.in_((AlertState.PLANNING, AlertState.OPEN)))
        .values(**values, planner=None, planner_until=None, replaced_at=db_now() if replaced else None)
    )
    if stopped.rowcount != 1:
        return None
    connection.execute(
        select(DELIVERY.c.id)
        .where(DELIVERY.c.alert_id == alert_id, DELIVERY.c.state.in_(DUE))
        .order_by(DELIVERY.c.id)
        .with_for_update(key_share=True)
    )
    return {
        row.state: int(row.messages)
        for row in connection.execute(
            select(DELIVERY.c.state, func.count().label("messages"))
            .where(DELIVERY.c.alert_id == alert_id)
            .group_by(DELIVERY.c.state)
        )
    }


def held_back(counts: Mapping[DeliveryState, int]) -> int:
    """How many messages a stop has held back."""
    return sum(counts.get(state, 0) for state in DUE)
