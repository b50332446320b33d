"""What a student answers when somebody has entered their code: that is the one, or it is not. The school may say the
first on paper instead.

With the answer a contact person is linked to the student. Whoever the store did not know becomes a person of it now
and not before; of whoever is refused nothing stays.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from typing import Any

from sqlalchemy import Connection, Row, delete, insert, select, update
from sqlalchemy.dialects import postgresql, sqlite

from config.counters import CONTACTS_REVISION, bump
from config.keys import Keys
from contacts.blocks import is_blocked
from contacts.codes import Basis, Protection
from contacts.consents import give_consent
from contacts.contact_points import STUDENT_SOURCE
from contacts.forgetting import lock_persons
from contacts.imports.records import NIN
from contacts.invitation_states import Event
from contacts.invitations import can_be, move, purposes_of, record
from contacts.people import FoundPerson, find_guardian, guardian_ref
from contacts.student_consents import IN_THE_PORTAL
from contacts.students_own import OwnRights, as_operator, rights_of
from contacts.tables import GUARDIANSHIP, IDENTIFIER, INVITATION, PERSON


class Answered(StrEnum):
    """What became of the answer."""

    CONFIRMED = "confirmed"
    REFUSED = "refused"
    NOT_WAITING = "not_waiting"  # there is no such invitation of the student's, or it no longer waits for an answer
    NOT_ALLOWED = "not_allowed"  # by the student's age, or because they no longer go to school
    ASK_THE_SCHOOL = "ask_the_school"  # something on record stands against it, of which nothing is said here


@dataclass(frozen=True, slots=True)
class Outcome:
    """`guardian`: the ref of who is linked now ("G-17"); None where nobody is."""

    answer: Answered
    guardian: str | None = None


def confirm(connection: Connection, keys: Keys, student: FoundPerson, invitation_id: int, today: date) -> Outcome:
    """The student says that the person whose name they were shown is the one."""
    return _confirm(connection, keys, student, invitation_id, today, as_operator(student), IN_THE_PORTAL)


def confirm_on_paper(
    connection: Connection,
    keys: Keys,
    student: FoundPerson,
    invitation_id: int,
    today: date,
    *,
    operator: str,
    evidence: str,
) -> Outcome:
    """The school records that the student said so on paper. `evidence`: where it is kept; must not be empty."""
    return _confirm(connection, keys, student, invitation_id, today, operator, evidence)


def refuse(connection: Connection, student: FoundPerson, invitation_id: int) -> Outcome:
    """The student says that it is somebody else: nothing stays of whoever entered the code."""
    if move(connection, Event.REFUSE, student.id, invitation_id) is None:
        return Outcome(Answered.NOT_WAITING)
    record(connection, "refuse", student, invitation_id)
    return Outcome(Answered.REFUSED)


def _confirm(
    connection: Connection,
    keys: Keys,
    student: FoundPerson,
    invitation_id: int,
    today: date,
    operator: str,
    evidence: str,
) -> Outcome:
    rights = rights_of(connection, student, today)
    if not rights.invites:
        return Outcome(Answered.NOT_ALLOWED)
    row = connection.execute(
        select(INVITATION).where(
            INVITATION.c.id == invitation_id, INVITATION.c.student_id == student.id, *can_be(Event.CONFIRM)
        )
    ).first()
    if row is None:
        return Outcome(Answered.NOT_WAITING)
    guardian_id = row.guardian_id or _known_by_now(connection, row)
    # Both at once and in their order, as whoever forgets persons does.
    lock_persons(connection, [student.id, *([guardian_id] if guardian_id else [])])
    if guardian_id is not None and _stands_against(connection, guardian_id, student.id, today):
        return Outcome(Answered.ASK_THE_SCHOOL)
    # The move first: of two answers at once, one goes on from here. What was read above is gone with the row.
    if move(connection, Event.CONFIRM, student.id, invitation_id) is None:
        return Outcome(Answered.NOT_WAITING)
    if guardian_id is None:
        guardian_id = _new_person(connection, keys, row)
    connection.execute(update(INVITATION).where(INVITATION.c.id == invitation_id).values(guardian_id=guardian_id))
    _link(connection, student.id, guardian_id, today)
    bump(connection, CONTACTS_REVISION)
    guardian = find_guardian(connection, guardian_ref(guardian_id))
    consents = _consents(connection, row, rights, student, guardian, today, operator, evidence)
    record(
        connection,
        "confirm",
        student,
        invitation_id,
        operator=operator,
        guardian=guardian.label,
        consents=consents,
        evidence=evidence,
    )
    return Outcome(Answered.CONFIRMED, guardian.label)


def _consents(
    connection: Connection,
    row: Row[*tuple[Any, ...]],
    rights: OwnRights,
    student: FoundPerson,
    guardian: FoundPerson,
    today: date,
    operator: str,
    evidence: str,
) -> list[str]:
    """Give the consents that the student chose with the invitation: an adult's, and none before that day."""
    purposes = purposes_of(row) if rights.consents else ()
    for purpose in purposes:
        give_consent(
            connection, student, guardian, purpose=purpose, on=today, today=today, evidence=evidence, operator=operator
        )
    return [purpose.value for purpose in purposes]


def _known_by_now(connection: Connection, row: Row[*tuple[Any, ...]]) -> int | None:
    """Somebody whom the store did not know when they entered the code may have come with an import since."""
    known: int | None = connection.scalars(
        select(IDENTIFIER.c.person_id).where(IDENTIFIER.c.scheme == NIN, IDENTIFIER.c.lookup == row.entered_lookup)
    ).first()
    return known


def _stands_against(connection: Connection, guardian_id: int, student_id: int, today: date) -> bool:
    deceased = connection.scalars(select(PERSON.c.deceased).where(PERSON.c.id == guardian_id)).one()
    return deceased or guardian_id == student_id or is_blocked(connection, guardian_id, student_id, today)


def _new_person(connection: Connection, keys: Keys, row: Row[*tuple[Any, ...]]) -> int:
    given, family = json.loads(keys.decrypt(row.entered_name))
    made: int = connection.execute(
        insert(PERSON)
        .values(given_name=given, family_name=family, protection=Protection.NONE, source=STUDENT_SOURCE)
        .returning(PERSON.c.id)
    ).scalar_one()
    insert_once = sqlite.insert if connection.dialect.name == "sqlite" else postgresql.insert
    number = {"scheme": NIN, "lookup": row.entered_lookup, "ciphertext": row.entered_number, "current": True}
    added = connection.execute(
        insert_once(IDENTIFIER)
        .values(person_id=made, **number)
        .on_conflict_do_nothing(index_elements=[IDENTIFIER.c.scheme, IDENTIFIER.c.lookup])
        .returning(IDENTIFIER.c.id)
    ).first()
    if added is not None:
        return made
    # Another student, or an import, made the same person at the same moment.
    connection.execute(delete(PERSON).where(PERSON.c.id == made))
    known = _known_by_now(connection, row)
    assert known is not None
    return known


def _link(connection: Connection, student_id: int, guardian_id: int, today: date) -> None:
    """The student's own word that this is a contact person; in force from today, or since an earlier such word."""
    key = {
        "student_id": student_id,
        "guardian_id": guardian_id,
        "basis": Basis.CONTACT_PERSON,
        "source": STUDENT_SOURCE,
    }
    again = connection.execute(
        update(GUARDIANSHIP)
        .where(*(GUARDIANSHIP.c[name] == value for name, value in key.items()), GUARDIANSHIP.c.valid_to <= today)
        .values(valid_from=today, valid_to=None, student_agreed=True)
    )
    if again.rowcount == 0:
        insert_once = sqlite.insert if connection.dialect.name == "sqlite" else postgresql.insert
        connection.execute(
            insert_once(GUARDIANSHIP)
            .values(**key, valid_from=today, student_agreed=True)
            .on_conflict_do_nothing(index_elements=[GUARDIANSHIP.c[name] for name in key])
        )
