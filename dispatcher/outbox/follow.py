"""What a claim asks about messages of follow-ups: who must wait a little, and who was never told after all."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date

from sqlalchemy import Connection, update

from config.clock import db_now, oslo_date, plus_seconds
from contacts.entitlement import Verdict
from dispatcher.outbox.earlier import Befores, befores, earlier_alerts
from dispatcher.outbox.following import NEVER_TOLD, Kind, Step, kind_of, next_step
from dispatcher.outbox.unlinking import Answer, Link, unlink
from dispatcher.tables import DELIVERY, AnyRow

# How soon a message that waits is looked at again. It is not due until then, and keeps nobody else from being claimed.
LOOK_AGAIN_SECONDS = 1.0
_NEVER_TOLD = Answer(Verdict.NO, NEVER_TOLD, "{}")


@dataclass(frozen=True, slots=True)
class Following:
    """Of the due rows of a claim: those that wait for an earlier message, and those that tell nobody anything, with
    the reason's code. Ordinary alerts have none of either, and were asked nothing."""

    waiting: frozenset[int]
    lost: Mapping[int, str]


_NOTHING = Following(frozenset(), {})


def kind_of_row(alert: AnyRow) -> Kind | None:
    """What kind of follow-up this row of an alert is; None for one that refers to no other."""
    return None if alert.references_id is None else kind_of(alert.msg_type, alert.response_type)


def follow(connection: Connection, due: Sequence[AnyRow], alerts: Mapping[int, AnyRow]) -> Following:
    """Look at the follow-ups among these due rows, which are the caller's. `alerts`: theirs, by id.

    One that waits is due again a little later. Who was never told what it is about is unlinked, with the decision on
    record: what was being sent to them when it was planned has not left after all.
    """
    kinds = {one.id: kind for one in alerts.values() if (kind := kind_of_row(one)) is not None}
    if not kinds:
        return _NOTHING
    waiting: set[int] = set()
    lost: dict[int, str] = {}
    for alert_id, kind in kinds.items():
        rows = [row for row in due if row.alert_id == alert_id]
        found = befores(connection, earlier_alerts(connection, alert_id), [row.id for row in rows])
        steps = _steps(found, kind)
        waiting |= {row.id for row in rows if Step.WAIT in steps.get(row.id, {}).values()}
        never = [
            Link(alert_id, row.id, *pair)
            for row in rows
            if row.id not in waiting
            for pair, step in steps.get(row.id, {}).items()
            if step is Step.NEVER_TOLD
        ]
        today: date = oslo_date(rows[0].now)
        unlink(connection, never, dict.fromkeys((one.pair for one in never), _NEVER_TOLD), today)
        told = {id_ for id_, of in steps.items() if Step.GO in of.values()}
        lost |= {one.delivery_id: NEVER_TOLD for one in never if one.delivery_id not in told}
    _postpone(connection, waiting)
    return Following(frozenset(waiting), lost)


def _steps(found: Befores, kind: Kind) -> dict[int, dict[tuple[int, int], Step]]:
    steps: dict[int, dict[tuple[int, int], Step]] = {}
    for (delivery_id, student_id, guardian_id), before in found.items():
        steps.setdefault(delivery_id, {})[student_id, guardian_id] = next_step(before, kind)
    return steps


def _postpone(connection: Connection, delivery_ids: Iterable[int]) -> None:
    ids = sorted(delivery_ids)
    if ids:
        later = plus_seconds(db_now(), LOOK_AGAIN_SECONDS)
        connection.execute(update(DELIVERY).where(DELIVERY.c.id.in_(ids)).values(due_at=later))
