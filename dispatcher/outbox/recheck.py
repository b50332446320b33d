"""Ask again who is entitled, for messages that rest on an older answer and have not left.

A delivery remembers the contacts revision and the day in Oslo of its decisions. When either has moved on, the claim
asks the rule again, in bulk. Recipients no longer entitled are unlinked, with the new decision on record; a delivery
that has nobody left to tell must not be sent. An all-clear and a cancel also go to whoever was told earlier, and ask
the rule for that.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import date

from sqlalchemy import Connection, select, update

from contacts.entitlement import Verdict, decide_told
from contacts.facts import GuardianCase, StudentCase, decision_inputs_json, load_cases
from contacts.reach import PointFacts
from contacts.told import with_told
from dispatcher.outbox.unlinking import Answer, Link, unlink
from dispatcher.tables import DELIVERY, RECIPIENT, AnyRow

# What became of a link to somebody the store no longer connects with the student at all.
LINK_ENDED = "link_ended"
_ENDED = Answer(Verdict.NO, LINK_ENDED, "{}")


def lost_entitlements(
    connection: Connection,
    delivery_ids: Sequence[int],
    today: date,
    revision: int,
    stale_after_months: int,
    *,
    to_told: Collection[int] = (),
) -> set[int]:
    """Re-check these unsent alert deliveries; return those with nobody left to tell. Marks the others as up to date.

    `to_told`: the alerts among theirs that go to those who were told earlier.
    """
    recipients = _recipients(connection, delivery_ids)
    students = sorted({row.student_id for row in recipients})
    cases: Sequence[StudentCase] = load_cases(connection, students, today, stale_after_months=stale_after_months)
    told: dict[tuple[int, int], set[int]] = {}
    for row in recipients:
        if row.alert_id in to_told:
            told.setdefault((row.student_id, row.guardian_id), set()).add(row.address_id)
    former: Mapping[tuple[int, int], tuple[PointFacts, ...]] = {}
    if told:
        completed = with_told(connection, cases, told, today)
        cases, former = completed.cases, completed.former
    known = {case.student_id: case for case in cases}
    left: dict[int, int] = dict.fromkeys(delivery_ids, 0)
    # The same two may be meant by alerts of both sorts, and each sort has an answer of its own.
    answers: dict[bool, dict[tuple[int, int], Answer]] = {False: {}, True: {}}
    lost: dict[bool, list[Link]] = {False: [], True: []}
    for row in recipients:
        pair, was_told = (row.student_id, row.guardian_id), row.alert_id in to_told
        if pair not in answers[was_told]:
            answers[was_told][pair] = _answer(known.get(row.student_id), row.guardian_id, today, told=was_told)
        points = _points(known, pair) + (former.get(pair, ()) if was_told else ())
        if answers[was_told][pair].verdict is Verdict.ENTITLED and _may_use(points, row):
            left[row.delivery_id] += 1
        else:
            lost[was_told].append(Link(row.alert_id, row.delivery_id, *pair))
    for was_told, links in lost.items():
        unlink(connection, links, answers[was_told], today)
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


def _answer(case: StudentCase | None, guardian_id: int, today: date, *, told: bool) -> Answer:
    guardian = _find(case, guardian_id)
    if case is None or guardian is None:
        return _ENDED
    found = case.decide(guardian, today)
    answer = decide_told(found) if told else found
    return Answer(answer.verdict, answer.reason.value, decision_inputs_json(case, guardian, today))


def _points(cases: Mapping[int, StudentCase], pair: tuple[int, int]) -> tuple[PointFacts, ...]:
    guardian = _find(cases.get(pair[0]), pair[1])
    return guardian.points if guardian else ()


def _may_use(points: Sequence[PointFacts], row: AnyRow) -> bool:
    """Whether the address is still this guardian's (or was when they were told), as sure as it was, and no blocked
    guardian shares it."""
    return any(
        point.address_id == row.address_id and not point.shared_with_blocked and (point.verified or row.unverified)
        for point in points
    )


def _find(case: StudentCase | None, guardian_id: int) -> GuardianCase | None:
    if case is None:
        return None
    return next((one for one in case.guardians if one.guardian_id == guardian_id), None)
