"""Take back that somebody is meant by a message that has not left, with the reason on record."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import date
from typing import NamedTuple

from sqlalchemy import Connection, and_, bindparam, insert, select, tuple_, update

from config.clock import db_now
from contacts.entitlement import Verdict
from dispatcher.tables import DECISION, RECIPIENT


class Link(NamedTuple):
    """Who is meant by a message of an alert: a guardian, about a student."""

    alert_id: int
    delivery_id: int
    student_id: int
    guardian_id: int

    @property
    def pair(self) -> tuple[int, int]:
        return self.student_id, self.guardian_id


class Answer(NamedTuple):
    """What is decided about a guardian and a student; `inputs`: what it rests on, as JSON."""

    verdict: Verdict
    reason: str
    inputs: str


def unlink(
    connection: Connection, lost: Sequence[Link], answers: Mapping[tuple[int, int], Answer], today: date
) -> None:
    """Unlink these, and keep the new answer beside the old one, which it supersedes. Changes no decision about
    somebody who is still entitled: of their several addresses one was removed."""
    if lost:
        _unlink(connection, lost)
        _record(connection, lost, answers, today)


def _unlink(connection: Connection, lost: Sequence[Link]) -> None:
    connection.execute(
        update(RECIPIENT)
        .where(
            and_(
                RECIPIENT.c.delivery_id == bindparam("of_delivery"),
                RECIPIENT.c.student_id == bindparam("of_student"),
                RECIPIENT.c.guardian_id == bindparam("of_guardian"),
            )
        )
        .values(unlinked_at=db_now()),
        [
            {"of_delivery": one.delivery_id, "of_student": one.student_id, "of_guardian": one.guardian_id}
            for one in lost
        ],
    )


def _record(
    connection: Connection, lost: Sequence[Link], answers: Mapping[tuple[int, int], Answer], today: date
) -> None:
    """Whoever finds the same for another message of the two, on the other channel, finds nothing left to supersede."""
    changed: dict[int, set[tuple[int, int]]] = defaultdict(set)
    for one in lost:
        if answers[one.pair].verdict is not Verdict.ENTITLED:
            changed[one.alert_id].add(one.pair)
    for alert_id, pairs in sorted(changed.items()):
        old = connection.execute(
            select(DECISION.c.id, DECISION.c.student_id, DECISION.c.guardian_id)
            .where(
                DECISION.c.alert_id == alert_id,
                tuple_(DECISION.c.student_id, DECISION.c.guardian_id).in_(sorted(pairs)),
                DECISION.c.verdict == Verdict.ENTITLED,
                DECISION.c.superseded.is_(False),
            )
            .order_by(DECISION.c.id)
            .with_for_update(key_share=True)
        ).all()
        if old:
            connection.execute(
                update(DECISION).where(DECISION.c.id.in_([row.id for row in old])).values(superseded=True)
            )
            new = sorted({(row.student_id, row.guardian_id) for row in old})
            connection.execute(insert(DECISION), [_decision(alert_id, *pair, answers[pair], today) for pair in new])


def _decision(alert_id: int, student_id: int, guardian_id: int, answer: Answer, today: date) -> dict[str, object]:
    return {
        "alert_id": alert_id,
        "student_id": student_id,
        "guardian_id": guardian_id,
        "verdict": answer.verdict,
        "reason": answer.reason,
        "unreachable": None,
        "decided_on": today,
        "inputs": answer.inputs,
        "superseded": False,
    }
