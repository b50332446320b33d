"""Students about whom a person must decide: who they are, and the recorded act that releases a protected one."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta

from sqlalchemy import Connection, exists, insert, or_, select, update

from config.errors import UsageError
from contacts.acts import Act, entitlement_changed
from contacts.audience import Audience, AudienceSchool
from contacts.entitlement import NO_GUARDIAN, Verdict
from contacts.facts import load_cases
from contacts.people import FoundPerson, student_ref
from contacts.protection import maybe_protected
from contacts.tables import CONSENT, GUARDIANSHIP, PERSON, RELEASE, STUDENT


@dataclass(frozen=True, slots=True)
class HeldStudent:
    """A held student: ref and reason only, because the school of a protected one is not shown."""

    student: str
    reason: str


def held_students(connection: Connection, schools: Sequence[AudienceSchool], on: date) -> list[HeldStudent]:
    """The students of whom the rule holds a guardian on the day `on`, or who have none at all.

    Of these schools; of all where none is named. The same students as the preview of an alert counts as held, by
    reason and ref.
    """
    candidates = (
        select(PERSON.c.id)
        .join(STUDENT, STUDENT.c.person_id == PERSON.c.id)
        .where(
            or_(
                PERSON.c.birth_date.is_(None),
                maybe_protected(),
                ~exists().where(GUARDIANSHIP.c.student_id == PERSON.c.id)
                & ~exists().where(CONSENT.c.student_id == PERSON.c.id),
            ),
            PERSON.c.deceased.is_(False),
            or_(STUDENT.c.left_on.is_(None), STUDENT.c.left_on > on),
        )
    )
    if schools:
        candidates = candidates.where(PERSON.c.id.in_(Audience(schools=tuple(schools)).select_ids(on)))
    ids = list(connection.scalars(candidates))
    held = []
    for case in load_cases(connection, ids, on, stale_after_months=1, with_points=False):
        reasons = [
            answer.reason.value
            for answer in (case.decide(guardian, on) for guardian in case.guardians)
            if answer.verdict is Verdict.HELD
        ]
        if not case.guardians:
            reasons = [NO_GUARDIAN]
        if reasons:
            held.append(HeldStudent(student_ref(case.student_id, case.ref), reasons[0]))
    return sorted(held, key=lambda one: (one.reason, one.student))


def release(
    connection: Connection, student: FoundPerson, *, reason: str, until: date, today: date, operator: str
) -> Act:
    """Let the guardians of a protected student be told, to and with the day `until`; or of one who may be protected.

    Raises UsageError when the student is known not to be protected, no reason is given, or the day has passed.
    """
    _needs_reason(reason)
    if not student.may_be_protected:
        raise UsageError(
            f"Student {student.label} is not protected: there is nothing to release.",
            remedy=f"beredskap contacts explain {student.label} shows what holds them.",
        )
    if until < today:
        raise UsageError(f"{until.isoformat()} has passed.", remedy="Give a day to come with --until.")
    current = _released_until(connection, student, today)
    if current is not None and current >= until:
        return Act(
            False, f"Student {student.label} is released already, to {current.isoformat()}. Nothing was changed."
        )
    connection.execute(
        insert(RELEASE).values(student_id=student.id, reason=reason.strip(), until=until, released_by=operator)
    )
    entitlement_changed(
        connection,
        operator=operator,
        act="student.release",
        subject=f"student {student.label}",
        details={"reason": reason.strip(), "until": until.isoformat()},
    )
    return Act(True, f"Student {student.label} is released to and with {until.isoformat()}.")


def hold_again(connection: Connection, student: FoundPerson, *, reason: str, today: date, operator: str) -> Act:
    """Take a release back, from today on. Raises UsageError when no reason is given."""
    _needs_reason(reason)
    if _released_until(connection, student, today) is None:
        return Act(False, f"Student {student.label} is not released: nothing was changed.")
    connection.execute(
        update(RELEASE)
        .where(RELEASE.c.student_id == student.id, RELEASE.c.until >= today)
        .values(until=today - timedelta(days=1))
    )
    entitlement_changed(
        connection,
        operator=operator,
        act="student.hold",
        subject=f"student {student.label}",
        details={"reason": reason.strip()},
    )
    return Act(True, f"The release of student {student.label} is taken back, from today on.")


def _released_until(connection: Connection, student: FoundPerson, today: date) -> date | None:
    return connection.scalars(
        select(RELEASE.c.until)
        .where(RELEASE.c.student_id == student.id, RELEASE.c.until >= today)
        .order_by(RELEASE.c.until.desc())
    ).first()


def _needs_reason(reason: str) -> None:
    if not reason.strip():
        raise UsageError("The reason is missing.", remedy="Give it with --reason: it is kept on record.")
