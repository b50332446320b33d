"""Invitations as students see them: made, with a code that is shown once; looked at; taken back; and over when their
time is. Who enters a code: `contacts.invitation_entry`. What the student answers: `contacts.invitation_answers`.

All times are the database's.
"""

from __future__ import annotations

import json
from collections.abc import Collection
from dataclasses import dataclass, field
from datetime import date, datetime
from enum import StrEnum
from typing import Any, Final

from sqlalchemy import ColumnElement, Connection, Row, delete, func, insert, select, update

from config.audit import record_act
from config.clock import db_now, plus_seconds
from config.keys import Keys
from contacts.codes import ConsentPurpose, InvitationState, NameFrom
from contacts.forgetting import lock_persons
from contacts.invitation_codes import code_hash, new_code, shown
from contacts.invitation_states import OPEN, Event, leads_to, possible_from, standing_at
from contacts.people import FoundPerson, full_name
from contacts.students_own import as_operator, rights_of
from contacts.tables import CODE_TRY, INVITATION, PERSON

# For so long a code may be entered; and once it is, for so long the student may answer.
LIFE_SECONDS: Final = 7 * 24 * 3600
MAX_OPEN: Final = 3
MAX_A_DAY: Final = 10
TRIES_SECONDS: Final = 3600
_DAY_SECONDS: Final = 24 * 3600
# What is not kept of whoever entered a code, once the invitation is over.
NOBODY: Final[dict[str, None]] = {
    "guardian_id": None,
    "entered_lookup": None,
    "entered_number": None,
    "entered_name": None,
    "name_from": None,
}


@dataclass(frozen=True, slots=True)
class Made:
    """A new invitation. `code`: as it is shown to the student, now and never again."""

    id: int
    code: str = field(repr=False)
    expires_at: datetime


class NotMade(StrEnum):
    """Why there is no new invitation."""

    NOT_ALLOWED = "not_allowed"  # by the student's age, or because they no longer go to school
    NO_PURPOSE = "no_purpose"  # an adult must say what they mean to consent to
    TOO_MANY_OPEN = "too_many_open"
    TOO_MANY_TODAY = "too_many_today"


@dataclass(frozen=True, slots=True)
class OwnInvitation:
    """One invitation as its student sees it. `name`: of whoever entered the code, while the student is to answer;
    `name_from`: who says that this is the name."""

    id: int
    state: InvitationState
    purposes: tuple[ConsentPurpose, ...]
    made_at: datetime
    expires_at: datetime
    entered_at: datetime | None
    name: str | None = field(default=None, repr=False)
    name_from: NameFrom | None = None


def make_invitation(
    connection: Connection, keys: Keys, student: FoundPerson, purposes: Collection[ConsentPurpose], today: date
) -> Made | NotMade:
    """A new code for the student to hand to somebody. `purposes`: what an adult means to consent to; those of 15 to 17
    name a contact person, and none is asked of them."""
    # Two at once count each other.
    lock_persons(connection, [student.id])
    rights = rights_of(connection, student, today)
    if not rights.invites:
        return NotMade.NOT_ALLOWED
    wanted = frozenset(purposes) if rights.consents else frozenset()
    if rights.consents and not wanted:
        return NotMade.NO_PURPOSE
    theirs = select(func.count()).where(INVITATION.c.student_id == student.id)
    still_open = (INVITATION.c.state.in_(OPEN), INVITATION.c.expires_at > db_now())
    if connection.execute(theirs.where(*still_open)).scalar_one() >= MAX_OPEN:
        return NotMade.TOO_MANY_OPEN
    a_day_ago = plus_seconds(db_now(), -_DAY_SECONDS)
    if connection.execute(theirs.where(INVITATION.c.made_at > a_day_ago)).scalar_one() >= MAX_A_DAY:
        return NotMade.TOO_MANY_TODAY
    code = new_code()
    row = connection.execute(
        insert(INVITATION)
        .values(
            student_id=student.id,
            code_hash=code_hash(keys, code),
            for_alerts=ConsentPurpose.ALERTS in wanted,
            for_portal=ConsentPurpose.PORTAL in wanted,
            state=InvitationState.MADE,
            expires_at=plus_seconds(db_now(), LIFE_SECONDS),
        )
        .returning(INVITATION.c.id, INVITATION.c.expires_at)
    ).one()
    record(connection, "make", student, row.id, purposes=sorted(one.value for one in wanted))
    return Made(row.id, shown(code), row.expires_at)


def own_invitations(connection: Connection, keys: Keys, student: FoundPerson) -> list[OwnInvitation]:
    """The student's invitations, the newest first, with those that are over for as long as they are kept."""
    rows = connection.execute(
        select_named().where(INVITATION.c.student_id == student.id).order_by(INVITATION.c.id.desc())
    )
    found = []
    for row in rows:
        state = standing_at(row.state, row.expires_at, row.now)
        entered = state is InvitationState.ENTERED
        found.append(
            OwnInvitation(
                row.id,
                state,
                purposes_of(row),
                row.made_at,
                row.expires_at,
                row.entered_at,
                name_of(keys, row) if entered else None,
                row.name_from if entered else None,
            )
        )
    return found


def revoke_invitation(connection: Connection, student: FoundPerson, invitation_id: int) -> bool:
    """The student takes an open invitation back; false when they have no such one, or it is over."""
    done = move(connection, Event.REVOKE, student.id, invitation_id)
    if done is None:
        return False
    record(connection, "revoke", student, invitation_id)
    return True


def end_overdue(connection: Connection) -> int:
    """Write down which invitations are over because nobody entered the code or answered in time, and let go of whoever
    entered them; and of codes tried more than an hour ago. How many invitations."""
    connection.execute(delete(CODE_TRY).where(CODE_TRY.c.began_at <= plus_seconds(db_now(), -TRIES_SECONDS)))
    # Those that somebody is at are left for the next time: whoever comes second waits for nobody.
    overdue = list(
        connection.scalars(
            select(INVITATION.c.id)
            .where(INVITATION.c.ended_at.is_(None), INVITATION.c.expires_at <= db_now())
            .with_for_update(skip_locked=True)
        )
    )
    if overdue:
        connection.execute(
            update(INVITATION)
            .where(INVITATION.c.id.in_(overdue), INVITATION.c.state.in_(possible_from(Event.EXPIRE)))
            .values(state=leads_to(Event.EXPIRE), ended_at=INVITATION.c.expires_at, **NOBODY)
        )
    return len(overdue)


def remove_old(connection: Connection, before: datetime) -> None:
    """Delete the invitations that were over before that moment."""
    connection.execute(delete(INVITATION).where(INVITATION.c.ended_at < before))


def move(connection: Connection, event: Event, student_id: int, invitation_id: int, **values: object) -> int | None:
    """Make a move that ends an open invitation of the student's, if it can be made now; its id, or None.

    The one statement decides: of two at once, one makes a move.
    """
    ended: int | None = connection.execute(
        update(INVITATION)
        .where(INVITATION.c.id == invitation_id, INVITATION.c.student_id == student_id, *can_be(event))
        .values(state=leads_to(event), ended_at=db_now(), **(NOBODY | values))
        .returning(INVITATION.c.id)
    ).scalar()
    return ended


def can_be(event: Event) -> tuple[ColumnElement[bool], ...]:
    """SQL, true for invitations to which the event may happen now."""
    return INVITATION.c.state.in_(possible_from(event)), INVITATION.c.expires_at > db_now()


def select_named() -> Any:
    """Invitations with the names of whoever entered the code, as far as the store has them, and the time it is."""
    return select(INVITATION, PERSON.c.given_name, PERSON.c.family_name, db_now().label("now")).join_from(
        INVITATION, PERSON, PERSON.c.id == INVITATION.c.guardian_id, isouter=True
    )


def purposes_of(row: Row[*tuple[Any, ...]]) -> tuple[ConsentPurpose, ...]:
    wanted = {ConsentPurpose.ALERTS: row.for_alerts, ConsentPurpose.PORTAL: row.for_portal}
    return tuple(purpose for purpose, chosen in wanted.items() if chosen)


def name_of(keys: Keys, row: Row[*tuple[Any, ...]]) -> str:
    """The name of whoever entered the code; a row of `select_named`."""
    if row.entered_name is not None:
        given, family = json.loads(keys.decrypt(row.entered_name))
        return full_name(given, family)
    return full_name(row.given_name or "", row.family_name or "")


def record(
    connection: Connection,
    what: str,
    student: FoundPerson,
    invitation_id: int,
    *,
    operator: str | None = None,
    **details: object,
) -> None:
    """Record an act on an invitation; the student's own unless `operator` says whose. Call it last."""
    record_act(
        connection,
        operator=operator or as_operator(student),
        act=f"invitation.{what}",
        subject=f"student {student.label}",
        details={"invitation": invitation_id, **details},
    )
