"""`contacts erase`: one person is forgotten because they, or a decision, ask for it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any

from sqlalchemy import ColumnElement, Connection, and_, exists, func, or_, select

from config.audit import record_act
from config.clock import db_now
from config.errors import BeredskapError, ExitStatus, UsageError
from contacts.facts_sql import not_over
from contacts.forgetting import count_all, lock_persons
from contacts.people import FoundPerson, person_subject
from contacts.tables import BLOCK, CONSENT, GUARDIANSHIP, STUDENT
from dispatcher.codes import AlertState
from dispatcher.outbox.claim import ALIVE
from dispatcher.retention.forgetting import being_told, forget
from dispatcher.tables import ALERT, ALERT_STUDENT, DECISION


@dataclass(frozen=True, slots=True)
class Erasure:
    """What erasing a person does. `attends`: a student today; `guards`: students of today whose guardian they are;
    `blocks`: of the blocks about them, those in force; `alerts`: those that go on with a pseudonym. `rows`: rows that
    go, by kind.
    """

    person: str
    attends: bool
    guards: int
    blocks: int
    alerts: int
    rows: Mapping[str, int]

    @property
    def in_attendance(self) -> bool:
        return self.attends or self.guards > 0

    def as_json(self) -> dict[str, Any]:
        rows = {kind.replace(" ", "_"): count for kind, count in sorted(self.rows.items())}
        return {
            "person": self.person,
            "attends": self.attends,
            "guards": self.guards,
            "blocks_in_force": self.blocks,
            "alerts_pseudonymised": self.alerts,
            "rows": rows,
        }


def look(connection: Connection, person: FoundPerson, today: date) -> Erasure:
    """What erasing this person would do today. Raises UsageError while an alert, or a message, is about them."""
    _not_under_way(connection, person)
    goes = select(func.count()).where(STUDENT.c.person_id == person.id, _attends())
    guards = select(func.count(GUARDIANSHIP.c.student_id.distinct())).where(
        GUARDIANSHIP.c.guardian_id == person.id,
        not_over(GUARDIANSHIP.c.valid_to),
        STUDENT.c.person_id == GUARDIANSHIP.c.student_id,
        _attends(),
    )
    blocks = select(func.count()).where(
        or_(BLOCK.c.guardian_id == person.id, BLOCK.c.student_id == person.id), not_over(BLOCK.c.valid_to)
    )
    on = {"on": today}
    alerts = {
        *connection.scalars(select(ALERT_STUDENT.c.alert_id).where(ALERT_STUDENT.c.student_id == person.id)),
        *connection.scalars(select(DECISION.c.alert_id).where(DECISION.c.guardian_id == person.id).distinct()),
    }
    return Erasure(
        person.label,
        attends=bool(connection.execute(goes, on).scalar_one()),
        guards=connection.execute(guards, on).scalar_one(),
        blocks=connection.execute(blocks, on).scalar_one(),
        alerts=len(alerts),
        rows=count_all(connection, [person.id]),
    )


def erase(
    connection: Connection,
    person: FoundPerson,
    *,
    today: date,
    operator: str,
    reason: str,
    in_attendance_too: bool = False,
) -> Erasure:
    """Forget the person, in the caller's transaction, and record it. The store is as `contacts purge` leaves it.

    Raises UsageError while an alert is about them or the reason is missing, BeredskapError (status REFUSED) for
    somebody in attendance, unless `in_attendance_too`.
    """
    if not reason.strip():
        raise UsageError("The reason is missing.", remedy="Give it with --reason: it is kept on record.")
    # From here on no import, consent or draft adds a row about them.
    lock_persons(connection, [person.id])
    found = look(connection, person, today)
    check_attendance(found, in_attendance_too=in_attendance_too)
    forget(connection, [person.id])
    record_act(
        connection,
        operator=operator,
        act="contacts.erase",
        subject=person_subject(person),
        details={"reason": reason.strip(), "in_attendance": found.in_attendance, "alerts": found.alerts},
    )
    return found


def check_attendance(found: Erasure, *, in_attendance_too: bool) -> None:
    """Raises BeredskapError (status REFUSED) for somebody whom the school cannot do without, unless that is meant."""
    if in_attendance_too or not found.in_attendance:
        return
    who = (
        f"Student {found.person} is in attendance: nobody could be told about them in an emergency."
        if found.attends
        else f"{found.person} is a guardian of {found.guards} in attendance, and could not be told about them."
    )
    raise BeredskapError(
        f"{who} The next import brings them back as long as a register tells of them, without what was recorded here.",
        remedy="To keep somebody from being told, use contacts block. To erase them all the same, have the register "
        "changed first, and give --even-though-in-attendance.",
        status=ExitStatus.REFUSED,
    )


def _attends() -> ColumnElement[bool]:
    return not_over(STUDENT.c.left_on)


def _not_under_way(connection: Connection, person: FoundPerson) -> None:
    """Raises UsageError while something that has not ended is about the person."""
    # A closed alert may be opened again by resend-failed while it lasts; a draft may be confirmed.
    lasts = or_(
        ALERT.c.state.in_((AlertState.DRAFT, *ALIVE)),
        and_(ALERT.c.state == AlertState.CLOSED, ALERT.c.expires_at > db_now()),
    )
    links = (GUARDIANSHIP, CONSENT)
    theirs = [ALERT_STUDENT.c.student_id == person.id] + [
        ALERT_STUDENT.c.student_id.in_(select(link.c.student_id).where(link.c.guardian_id == person.id))
        for link in links
    ]
    about = or_(
        exists().where(ALERT_STUDENT.c.alert_id == ALERT.c.id, or_(*theirs)),
        exists().where(DECISION.c.alert_id == ALERT.c.id, DECISION.c.guardian_id == person.id),
    )
    found = connection.execute(select(ALERT.c.number).where(lasts, about).limit(1)).first()
    if found is not None:
        raise UsageError(
            f"{found.number or 'An alert that is being prepared'} is about {person.label}: who is told by it must be "
            "known until its time is over.",
            remedy="Run the command again then.",
        )
    if person.id in being_told(connection):
        raise UsageError(
            f"A message to {person.label} is on its way.", remedy="Run the command again when it has left."
        )
