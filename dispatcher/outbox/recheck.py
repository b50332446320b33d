"""Ask again who is entitled, for messages that rest on an older answer and have not left.

A delivery remembers the contacts revision and the day in Oslo of its decisions. When either has moved on, the claim
asks the rule again, in bulk. Recipients no longer entitled are unlinked, with the new decision on record; a delivery
that has nobody left to tell must not be sent.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from datetime import date

from sqlalchemy import Connection, and_, bindparam, insert, select, tuple_, update

from config.clock import db_now
from contacts.entitlement import Entitlement, Verdict
from contacts.facts import GuardianCase, StudentCase, decision_inputs_json, load_cases
from dispatcher.tables import DECISION, DELIVERY, RECIPIENT, AnyRow

# What became of a link to somebody the store no longer connects with the student at all.
LINK_ENDED = "link_ended"


def lost_entitlements(
    connection: Connection, delivery_ids: Sequence[int], today: date, revision: int, stale_after_months: int
) -> set[int]:
    """Re-check these unsent alert deliveries; return those with nobody left to tell. Marks the others as up to date."""
    recipients = _recipients(connection, delivery_ids)
    students = sorted({row.student_id for row in recipients})
    loaded = load_cases(connection, students, today, stale_after_months=stale_after_months)
    cases = {case.student_id: case for case in loaded}
    left: dict[int, int] = dict.fromkeys(delivery_ids, 0)
    lost = []
    answers: dict[tuple[int, int], tuple[Entitlement | None, str]] = {}
    for row in recipients:
        pair = (row.student_id, row.guardian_id)
        if pair not in answers:
            answers[pair] = _answer(cases.get(row.student_id), row.guardian_id, today)
        answer, _inputs = answers[pair]
        if answer is not None and answer.verdict is Verdict.ENTITLED and _may_use(cases, row):
            left[row.delivery_id] += 1
        else:
            lost.append(row)
    if lost:
        _unlink(connection, lost)
        _record(connection, lost, answers, today)
    gone = {delivery_id for delivery_id, count in left.items() if count == 0}
    connection.execute(
        update(DELIVERY)
        .where(DELIVERY.c.id.in_([one for one in delivery_ids if one not in gone]))
        .values(contacts_revision=revision, decided_on=today)
    )
    return gone


def _recipients(connection: Connection, delivery_ids: Sequence[int]) -> Sequence[AnyRow]:
    return connection.execute(
        select(
            RECIPIENT.c.delivery_id,
            RECIPIENT.c.student_id,
            RECIPIENT.c.guardian_id,
            RECIPIENT.c.unverified,
            DELIVERY.c.alert_id,
            DELIVERY.c.address_id,
        )
        .join(DELIVERY, DELIVERY.c.id == RECIPIENT.c.delivery_id)
        .where(RECIPIENT.c.delivery_id.in_(delivery_ids), RECIPIENT.c.unlinked_at.is_(None))
    ).all()


def _answer(case: StudentCase | None, guardian_id: int, today: date) -> tuple[Entitlement | None, str]:
    guardian = _find(case, guardian_id)
    if case is None or guardian is None:
        return None, "{}"
    return case.decide(guardian, today), decision_inputs_json(case, guardian, today)


def _may_use(cases: dict[int, StudentCase], row: AnyRow) -> bool:
    """Whether the address is still this guardian's, as sure as it was, and no blocked guardian shares it."""
    guardian = _find(cases.get(row.student_id), row.guardian_id)
    points = guardian.points if guardian else ()
    return any(
        point.address_id == row.address_id and not point.shared_with_blocked and (point.verified or row.unverified)
        for point in points
    )


def _find(case: StudentCase | None, guardian_id: int) -> GuardianCase | None:
    if case is None:
        return None
    return next((one for one in case.guardians if one.guardian_id == guardian_id), None)


def _unlink(connection: Connection, lost: Sequence[AnyRow]) -> None:
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
            {"of_delivery": row.delivery_id, "of_student": row.student_id, "of_guardian": row.guardian_id}
            for row in lost
        ],
    )


def _record(
    connection: Connection,
    lost: Sequence[AnyRow],
    answers: dict[tuple[int, int], tuple[Entitlement | None, str]],
    today: date,
) -> None:
    """Keep the new answer beside the old one, which it supersedes; a removed address changes no decision.

    Whoever finds the same for another message of the two, on the other channel, finds nothing left to supersede.
    """
    changed: dict[int, set[tuple[int, int]]] = defaultdict(set)
    for row in lost:
        answer, _inputs = answers[row.student_id, row.guardian_id]
        if answer is None or answer.verdict is not Verdict.ENTITLED:
            changed[row.alert_id].add((row.student_id, row.guardian_id))
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
            connection.execute(insert(DECISION), [_decision(alert_id, *pair, *answers[pair], today) for pair in new])


def _decision(
    alert_id: int, student_id: int, guardian_id: int, answer: Entitlement | None, inputs: str, today: date
) -> dict[str, object]:
    return {
        "alert_id": alert_id,
        "student_id": student_id,
        "guardian_id": guardian_id,
        "verdict": answer.verdict if answer else Verdict.NO,
        "reason": answer.reason.value if answer else LINK_ENDED,
        "unreachable": None,
        "decided_on": today,
        "inputs": inputs,
        "superseded": False,
    }
