"""Whom staff have reached by telephone, in an alert: they mark it, several at once, and take it back when it was wrong.

A mark in force counts as told (`dispatcher/outbox/confirmed.py`). It makes nobody entitled: of a student about whom
nobody may be told none is taken, and none of a guardian who may not be told. Who may be told is perhaps not decided yet
of somebody who is held; a person who calls there has decided it, and stands there with their name.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Select, insert, select, update

from config.audit import record_act
from config.clock import db_now, oslo_date
from config.errors import UsageError
from contacts.entitlement import Verdict, decide_told
from contacts.facts import load_cases
from contacts.people import FoundPerson, guardian_ref, student_ref
from contacts.tables import PERSON
from dispatcher.codes import AlertState, StudentClass
from dispatcher.mark_models import LONGEST_NOTE
from dispatcher.outbox.hastening import judge_again
from dispatcher.reports.classes import CLASS_OF_RANK, students_by_class
from dispatcher.reports.reduced import reduced_at, who_is_gone
from dispatcher.reports.words import oslo_day_time
from dispatcher.tables import ALERT_STUDENT, DECISION, MARK, AnyRow

# Whether a number is stale decides about messages, and not about who may be told.
_NO_MATTER = 18
_UNCHANGED = "Nothing was marked."


@dataclass(frozen=True, slots=True)
class Mark:
    """One mark. `student` and `guardian`: their refs; no guardian where it was the student, or somebody at home.

    `taken_back_at`: None while it is in force. The repr holds no note.
    """

    id: int
    student_id: int
    student: str
    guardian_id: int | None
    guardian: str | None
    note: str = field(repr=False)
    marked_by: str
    marked_at: datetime
    taken_back_by: str | None
    taken_back_at: datetime | None

    @property
    def in_force(self) -> bool:
        return self.taken_back_at is None


@dataclass(frozen=True, slots=True)
class Marking:
    """What became of an act. `changed`: false when what it asks for already held, and nothing was written. `mark`: the
    one that is in force, or was taken back; None when there was none to take back."""

    changed: bool
    words: str
    mark: Mark | None


def mark_reached(
    connection: Connection,
    alert: AnyRow,
    student: FoundPerson,
    guardian: FoundPerson | None,
    *,
    note: str,
    operator: str,
) -> Marking:
    """Mark that somebody has been reached about the student: the guardian; None: the student, or somebody at home.

    `alert`: its row, in the operator's sight. Where the same is marked already nothing changes, and it is said by whom.
    Raises UsageError when the alert was not confirmed or is reduced to figures, the student is not in it, the guardian
    is none of theirs or may not be told, nobody may be told about the student, or the note is too long; and for a
    guardian of a student who is protected, or may be: the answer would tell who their guardians are.
    """
    words = " ".join(note.split())
    if len(words) > LONGEST_NOTE:
        raise UsageError(
            f"The note is longer than {LONGEST_NOTE} characters.", unchanged=_UNCHANGED, remedy="Give a shorter one."
        )
    _take_turn(connection, alert, student, guardian)
    earlier = _in_force(_of_student(connection, alert.id, student), guardian)
    if earlier is not None:
        when = f"{oslo_day_time(earlier.marked_at)} by {earlier.marked_by}"
        return Marking(False, f"Marked already: {_whom(student, guardian)}, {when}.", earlier)
    if guardian is None:
        _check_student(connection, alert.id, student)
    else:
        _check_guardian(connection, alert.id, student, guardian)
    who = {"student_id": student.id, "guardian_id": guardian.id if guardian else None}
    connection.execute(insert(MARK).values(alert_id=alert.id, **who, note=words, marked_by=operator))
    _follow(connection, alert, student, guardian, "student.reached", operator)
    made = _in_force(_of_student(connection, alert.id, student), guardian)
    return Marking(True, f"Marked as reached: {_whom(student, guardian)}. The student counts as confirmed.", made)


def take_back(
    connection: Connection, alert: AnyRow, student: FoundPerson, guardian: FoundPerson | None, *, operator: str
) -> Marking:
    """Take back the mark of this student and guardian; whose it was does not matter. It stays on record.

    The student is called about again when nothing else confirms it, and the guardians' chains go on while the alert is
    under way. Where no such mark is in force nothing changes. Raises UsageError as `mark_reached` does, for the alert
    and the student.
    """
    _take_turn(connection, alert, student, guardian)
    marks = _of_student(connection, alert.id, student)
    mark = _in_force(marks, guardian)
    others = [one for one in marks if one.in_force and one is not mark]
    rest = f" In force: {', '.join(one.guardian or 'at home' for one in others)}." if others else ""
    if mark is None:
        return Marking(False, f"Not marked: {_whom(student, guardian)}.{rest}", None)
    taken = update(MARK).where(MARK.c.id == mark.id).values(taken_back_by=operator, taken_back_at=db_now())
    at = connection.execute(taken.returning(MARK.c.taken_back_at)).scalar_one()
    _follow(connection, alert, student, guardian, "student.reached_taken_back", operator)
    words = f"Taken back: the mark of {_whom(student, guardian)}.{rest}"
    return Marking(True, words, replace(mark, taken_back_by=operator, taken_back_at=at))


def marks_of(connection: Connection, alert_id: int) -> tuple[Mark, ...]:
    """All marks of an alert, those that were taken back as well, as they were made. One query."""
    return _read(connection, _marks(alert_id))


def _of_student(connection: Connection, alert_id: int, student: FoundPerson) -> tuple[Mark, ...]:
    return _read(connection, _marks(alert_id).where(MARK.c.student_id == student.id))


def _in_force(marks: Sequence[Mark], guardian: FoundPerson | None) -> Mark | None:
    """The one of a student's marks that is in force for this guardian."""
    wanted = guardian.id if guardian else None
    return next((one for one in marks if one.in_force and one.guardian_id == wanted), None)


def _marks(alert_id: int) -> Select[Any]:
    return (
        select(MARK, PERSON.c.ref)
        .join(PERSON, PERSON.c.id == MARK.c.student_id)
        .where(MARK.c.alert_id == alert_id)
        .order_by(MARK.c.id)
    )


def _read(connection: Connection, marks: Select[Any]) -> tuple[Mark, ...]:
    return tuple(
        Mark(
            id=row.id,
            student_id=row.student_id,
            student=student_ref(row.student_id, row.ref),
            guardian_id=row.guardian_id,
            guardian=None if row.guardian_id is None else guardian_ref(row.guardian_id),
            note=row.note,
            marked_by=row.marked_by,
            marked_at=row.marked_at,
            taken_back_by=row.taken_back_by,
            taken_back_at=row.taken_back_at,
        )
        for row in connection.execute(marks)
    )


def _whom(student: FoundPerson, guardian: FoundPerson | None) -> str:
    return f"{guardian.label} about student {student.label}" if guardian else f"student {student.label}"


def _take_turn(connection: Connection, alert: AnyRow, student: FoundPerson, guardian: FoundPerson | None) -> None:
    """Check that the alert takes marks, and that it is about the student. Whoever marks the same student at the same
    time waits here until this transaction ends, and sees then what it did."""
    if alert.state is AlertState.DRAFT:
        raise UsageError(
            "This alert was not confirmed yet: nobody is told by it.",
            unchanged=_UNCHANGED,
            remedy="beredskap alert list shows those that were sent.",
        )
    reduced = reduced_at(connection, [alert.id]).get(alert.id)
    if reduced is not None:
        raise who_is_gone(alert.number, reduced)
    # First the persons, as whoever forgets them takes them: in another order the two would wait for each other.
    people = PERSON.c.id.in_([one.id for one in (student, guardian) if one is not None])
    connection.execute(
        select(PERSON.c.id).where(people).order_by(PERSON.c.id).with_for_update(read=True, key_share=True)
    ).all()
    turn = select(ALERT_STUDENT.c.position).where(
        ALERT_STUDENT.c.alert_id == alert.id, ALERT_STUDENT.c.student_id == student.id
    )
    if connection.execute(turn.with_for_update()).first() is None:
        raise UsageError(
            f"Alert {alert.number} is not about student {student.label}.",
            unchanged=_UNCHANGED,
            remedy=f"beredskap report {alert.number} --call-list shows whom to call about.",
        )


def _check_student(connection: Connection, alert_id: int, student: FoundPerson) -> None:
    rank = connection.execute(students_by_class(alert_id, only=student.id)).one().rank
    if CLASS_OF_RANK[rank] is StudentClass.NOBODY_MAY_BE_TOLD:
        raise UsageError(
            f"Nobody may be told about student {student.label} in this alert, and nobody can be marked as reached.",
            unchanged=_UNCHANGED,
            remedy=f"beredskap contacts explain {student.label} tells why.",
        )


def _check_guardian(connection: Connection, alert_id: int, student: FoundPerson, guardian: FoundPerson) -> None:
    """By the rule as it is today, as on the call list; whoever the alert was meant for may still be told after their
    entitlement has ended, unless it was by a block."""
    if student.may_be_protected:
        raise UsageError(
            f"Student {student.label} is protected, or may be: no guardian is named.",
            unchanged=_UNCHANGED,
            remedy="Leave --guardian out.",
        )
    today = oslo_date(connection.execute(select(db_now())).scalar_one())
    cases = load_cases(connection, [student.id], today, stale_after_months=_NO_MATTER)
    found = [(case, one) for case in cases for one in case.guardians if one.guardian_id == guardian.id]
    if not found:
        raise UsageError(
            f"{guardian.label} is no guardian of student {student.label}.",
            unchanged=_UNCHANGED,
            remedy=f"beredskap contacts explain {student.label} shows who is. Leave --guardian out when it was the "
            "student, or somebody else at home.",
        )
    ((case, one),) = found
    answer = case.decide(one, today)
    meant = connection.execute(
        select(DECISION.c.id).where(
            *_decided(alert_id, student), DECISION.c.guardian_id == guardian.id, DECISION.c.verdict == Verdict.ENTITLED
        )
    ).first()
    if (decide_told(answer) if meant is not None else answer).verdict is Verdict.NO:
        raise UsageError(
            f"{guardian.label} may not be told about student {student.label}: that they were reached does not count.",
            unchanged=_UNCHANGED,
            remedy=f"beredskap contacts explain {student.label} tells why.",
        )


def _decided(alert_id: int, student: FoundPerson) -> Sequence[Any]:
    of_student = (DECISION.c.alert_id == alert_id, DECISION.c.student_id == student.id)
    return (*of_student, DECISION.c.superseded.is_(False))


def _follow(
    connection: Connection, alert: AnyRow, student: FoundPerson, guardian: FoundPerson | None, act: str, operator: str
) -> None:
    """What follows from a mark, or from its end: the chains of those whom it is about, and the record; never the note,
    which may name people."""
    guardians = [guardian.id] if guardian else _meant(connection, alert.id, student)
    judge_again(connection, alert.id, guardians)
    details = {"alert": alert.number} | ({"guardian": guardian.label} if guardian else {})
    record_act(connection, operator=operator, act=act, subject=f"student {student.label}", details=details)


def _meant(connection: Connection, alert_id: int, student: FoundPerson) -> list[int]:
    entitled = select(DECISION.c.guardian_id).where(
        *_decided(alert_id, student), DECISION.c.verdict == Verdict.ENTITLED, DECISION.c.guardian_id.is_not(None)
    )
    return list(connection.scalars(entitled))
