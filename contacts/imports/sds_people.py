"""The users of School Data Sync: who they are, and who is whose contact.

A contact has no role of its own: relationships.csv says what somebody is to a student. `userSourcedId` is the student,
`relationshipUserSourcedId` the contact.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Final

from contacts.codes import Basis
from contacts.imports.records import GuardianshipRecord, Identifier, Record, Refusal
from contacts.imports.roster_files import Roster, enters, known_user
from contacts.imports.roster_index import IndexedUser, Role, RosterIndex
from contacts.imports.roster_people import ADULT, READ, check_person, person_records
from contacts.imports.roster_table import FieldError, Row
from contacts.imports.xml_stream import stopped

_CONTACTS: Final = {
    **dict.fromkeys(("guardian", "parent"), Role.GUARDIAN),
    "relative": Role.RELATIVE,
    # Nobody's guardians, and no contact persons either.
    **dict.fromkeys(("aide", "doctor", "other"), Role.OTHER),
}


def _rows(roster: Roster) -> Iterator[Row | Refusal]:
    return roster.rows("users", "sourcedId", "givenName", "familyName")


def index_users(roster: Roster, index: RosterIndex) -> None:
    """The first pass. What it cannot use is told by the second one."""
    for row in _rows(roster):
        if isinstance(row, Refusal):
            continue
        try:
            key = row.key("sourcedId")
        except FieldError:
            continue
        try:
            check_person(row)
        except FieldError:
            index.add_user(key, row.contents(*READ), Role.NONE, gone=False, refused=True)
        else:
            index.add_user(key, row.contents(*READ), Role.NONE, gone=False)


def relationship_records(roster: Roster, index: RosterIndex) -> Iterator[Record]:
    """Contacts are indexed by what they are to somebody: only guardians' and relatives' addresses are kept."""
    required = ("userSourcedId", "relationshipUserSourcedId", "relationshipRole")
    for row in roster.rows("relationships", *required):
        about: tuple[Identifier, ...] = ()
        if isinstance(row, Refusal):
            yield row
            continue
        try:
            # Whoever is named but cannot be judged is spared: the link that the store may have goes on.
            key = row.key("userSourcedId")
            about = (roster.person(key),)
            other = row.key("relationshipUserSourcedId")
            about = (roster.person(key), roster.person(other))
            student = known_user(roster, index, key, "userSourcedId")
            contact = known_user(roster, index, other, "relationshipUserSourcedId")
            role = _contact_role(row)
            basis = link_basis(_roles(student), _roles(contact), role, roster.agents)
            if role & ADULT and student and not student.roles and (student.unread or not student.over):
                raise FieldError("userSourcedId", "has no role in roles.csv, or it was refused there")
            if basis is None or not (enters(student) and enters(contact)):
                continue
            index.add_role(other, role, placed=False)
            yield GuardianshipRecord(row.place, about[0], about[1], basis)
        except FieldError as fault:
            for each in about:
                index.mark_unread(each.value)
            yield Refusal(row.place, str(fault), about)


def _roles(user: IndexedUser | None) -> Role:
    return user.roles if user else Role.NONE


def _contact_role(row: Row) -> Role:
    word = row.word("relationshipRole")
    if word not in _CONTACTS:
        raise FieldError("relationshipRole", "no contact of School Data Sync" if word else "empty")
    return _CONTACTS[word]


def link_basis(student: Role, contact: Role, relationship: Role, agents: Basis) -> Basis | None:
    """By what the contact is linked to the student. None: this is no link of ours.

    A relative is a contact person, whatever `agents` says. Raises FieldError when a student is the contact: a fellow
    student is nobody's guardian, and the two columns may have changed places.
    """
    if not relationship & (Role.GUARDIAN | Role.RELATIVE):
        return None
    if contact & Role.STUDENT:
        raise FieldError("relationshipUserSourcedId", "a student")
    if not student & Role.STUDENT:
        return None  # somebody who is no student today
    return agents if relationship & Role.GUARDIAN else Basis.CONTACT_PERSON


def user_records(roster: Roster, index: RosterIndex) -> Iterator[Record]:
    """The second pass: persons."""
    for row in _rows(roster):
        about: tuple[Identifier, ...] = ()
        if isinstance(row, Refusal):
            yield row
            continue
        try:
            key = row.key("sourcedId")
            about = (roster.person(key),)
            user = index.user(key)
            if user is None:
                raise stopped(Path(row.place.file), "changed while it was read", "Import it again.")
            if user.twin:
                raise FieldError("sourcedId", "another line has the same one and says something else")
            yield from list(person_records(row, roster, index, key, user))
        except FieldError as fault:
            yield Refusal(row.place, str(fault), about)
            continue
        if user.roles & Role.STUDENT and not user.placed:
            yield Refusal(row.place, "a student in no school and no class", about)
