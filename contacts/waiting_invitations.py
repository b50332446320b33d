"""Which invitations wait for the student's word, for staff who may have it on paper: by student and school."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date, datetime

from sqlalchemy import Connection, select

from config.keys import Keys
from contacts.audience import AudienceSchool, attending
from contacts.codes import ConsentPurpose, NameFrom
from contacts.invitation_states import Event
from contacts.invitations import can_be, name_of, purposes_of, select_named
from contacts.people import student_ref
from contacts.protection import may_be_protected
from contacts.tables import INVITATION, PERSON


@dataclass(frozen=True, slots=True)
class WaitingInvitation:
    """One code that somebody has entered. `name`: theirs, to be compared with the paper, and None for a student who is
    protected, or may be; `purposes`: what an adult chose, none for a contact person of somebody younger."""

    invitation: int
    student: str
    entered_at: datetime
    expires_at: datetime
    purposes: tuple[ConsentPurpose, ...]
    name: str | None = field(repr=False)
    name_from: NameFrom | None


def waiting_invitations(
    connection: Connection, keys: Keys, schools: Sequence[AudienceSchool], today: date
) -> list[WaitingInvitation]:
    """Of students at these schools today, or of all, in the order in which the codes were entered.

    Of one who is protected, or may be, not by school: that would tell where they go.
    """
    rows = connection.execute(
        select_named().where(*can_be(Event.CONFIRM)).order_by(INVITATION.c.entered_at, INVITATION.c.id)
    ).all()
    wanted = select(PERSON.c.id, PERSON.c.ref, PERSON.c.protection, PERSON.c.protection_unknown).where(
        PERSON.c.id.in_({row.student_id for row in rows})
    )
    if schools:
        wanted = wanted.where(PERSON.c.id.in_(attending(schools, today)))
    students = {row.id: row for row in connection.execute(wanted)}
    found = []
    for row in rows:
        student = students.get(row.student_id)
        if student is None:
            continue
        hidden = may_be_protected(student.protection, unknown=student.protection_unknown)
        if hidden and schools:
            continue
        found.append(
            WaitingInvitation(
                row.id,
                student_ref(student.id, student.ref),
                row.entered_at,
                row.expires_at,
                purposes_of(row),
                None if hidden else name_of(keys, row),
                None if hidden else row.name_from,
            )
        )
    return found
