"""Who did what to an alert, and when: what its own row says, and what the audit log holds about it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from sqlalchemy import Connection, select

from config.audit import AuditEntry
from config.tables import core_table
from dispatcher.codes import AlertState, NoticeKind
from dispatcher.tables import ALERT, DELIVERY, NOTICE, AnyRow

_AUDIT = core_table(AuditEntry)
# The planner and the clock; everything else was done by a person.
PROGRAM = "beredskap"

# What no person does, and the audit log therefore does not hold; a stop stands there.
_ENDS = {AlertState.CLOSED: "alert.closed", AlertState.EXPIRED: "alert.expired"}


@dataclass(frozen=True, slots=True)
class Act:
    """`act` as the audit log names it ("alert.send"); `details`: counts and references, no personal data."""

    at: datetime
    operator: str
    act: str
    details: Mapping[str, object] = field(default_factory=dict)


def _state(row: AnyRow) -> dict[str, object]:
    """Where the e-mail to the county is."""
    return {"e-mail": row.state.value} | ({"code": row.code} if row.code else {})


def acts(connection: Connection, alert_id: int) -> tuple[Act, ...]:
    """All that was done to the alert, in the order of time."""
    alert = connection.execute(
        select(
            ALERT.c.number,
            ALERT.c.state,
            ALERT.c.operator,
            ALERT.c.created_at,
            ALERT.c.planned_at,
            ALERT.c.ended_at,
            ALERT.c.ended_by,
        ).where(ALERT.c.id == alert_id)
    ).one()
    found = [Act(alert.created_at, alert.operator, "alert.preview")]
    if alert.planned_at is not None:
        found.append(Act(alert.planned_at, PROGRAM, "alert.planned"))
    if alert.ended_at is not None and alert.state in _ENDS:
        found.append(Act(alert.ended_at, alert.ended_by or PROGRAM, _ENDS[alert.state]))
    entries = connection.execute(
        select(_AUDIT.c.at, _AUDIT.c.operator, _AUDIT.c.act, _AUDIT.c.details)
        # The time bounds what must be read: the log is indexed by it, and holds many years.
        .where(_AUDIT.c.at >= alert.created_at, _AUDIT.c.subject == f"alert {alert.number}")
        .order_by(_AUDIT.c.at, _AUDIT.c.id)
    )
    found += [Act(row.at, row.operator, row.act, row.details) for row in entries]
    told = connection.execute(
        select(DELIVERY.c.state, DELIVERY.c.code, DELIVERY.c.accepted_at, NOTICE.c.created_at)
        .join(NOTICE, NOTICE.c.id == DELIVERY.c.notice_id)
        .where(NOTICE.c.alert_id == alert_id, NOTICE.c.kind == NoticeKind.BREAK_GLASS)
    )
    found += [Act(row.accepted_at or row.created_at, PROGRAM, "county.told", _state(row)) for row in told]
    return tuple(sorted(found, key=lambda act: act.at))
