"""The users of a roster: who they are, how guardians are reached, and whose agents they are.

`agentSourcedIds` has no direction in practice: some write the guardian's id at the student, some the student's at the
guardian, some both. The roles at both ends say who is the student; where they do not, nobody is anybody's guardian.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from contacts.addresses import AddressError, parse_email, parse_phone
from contacts.codes import AddressChannel, Basis
from contacts.imports.oneroster_index import IndexedUser, Role, RosterIndex
from contacts.imports.oneroster_roster import Roster, enters, is_school, known_user, role_of
from contacts.imports.oneroster_table import FieldError, Row
from contacts.imports.records import (
    NIN,
    ContactAddress,
    GuardianshipRecord,
    Identifier,
    Lost,
    MembershipRecord,
    PersonRecord,
    Record,
    Refusal,
)
from contacts.imports.xml_stream import stopped
from contacts.national_id import NationalId

_USER_ID = re.compile(r"\{([^:{}]*):([^{}]*)\}")
# What systems call the identity number among the userIds; the standard leaves it to them.
_NIN_TYPES: Final = frozenset(
    {"nin", "personnin", "fnr", "dnr", "fodselsnummer", "foedselsnummer", "fødselsnummer", "norwegiannationalid"}
)
_ADULT = Role.GUARDIAN | Role.RELATIVE
_CHANNELS = (
    ("sms", AddressChannel.SMS),
    ("phone", AddressChannel.SMS),
    ("email", AddressChannel.EMAIL),
)


def index_users(roster: Roster, index: RosterIndex) -> None:
    """The first pass. What it cannot use is told by the second one."""
    for row in _rows(roster):
        if isinstance(row, Refusal):
            continue
        try:
            key, gone, roles = _told(row, roster)
        except FieldError:
            continue
        index.add_user(key, row.contents(), roles, gone=gone)


def _rows(roster: Roster) -> Iterator[Row | Refusal]:
    roles = () if roster.roles_apart else ("role", "orgSourcedIds")
    return roster.rows("users", "sourcedId", "givenName", "familyName", "agentSourcedIds", *roles)


def _told(row: Row, roster: Roster) -> tuple[str, bool, Role]:
    return row.key("sourcedId"), row.gone(), Role.NONE if roster.roles_apart else role_of(row)


def birth_records(roster: Roster, index: RosterIndex) -> Iterator[Record]:
    """Birth dates are indexed here; one that cannot be read is told, and leaves the student held."""
    for row in roster.rows("demographics", "sourcedId", "birthDate"):
        about: tuple[Identifier, ...] = ()
        if isinstance(row, Refusal):
            yield row
            continue
        try:
            key = row.key("sourcedId")
            about = (roster.person(key),)
            known_user(roster, index, key, "sourcedId")
            if row.gone():
                continue
        except FieldError as fault:
            yield Refusal(row.place, str(fault), about)
            continue
        try:
            index.add_birth(key, row.day("birthDate"))
        except FieldError as fault:
            yield Refusal(row.place, f"left out: {fault}", about, Lost.FACT)


def user_records(roster: Roster, index: RosterIndex) -> Iterator[Record]:
    """The second pass: persons, the schools of students (1.1), links."""
    for row in _rows(roster):
        about: tuple[Identifier, ...] = ()
        if isinstance(row, Refusal):
            yield row
            continue
        try:
            about = (roster.person(row.key("sourcedId")),)
            key, gone, _ = _told(row, roster)
            user = index.user(key)
            if user is None:
                raise stopped(Path(row.place.file), "changed while it was read", "Import it again.")
            if user.twin:
                raise FieldError("sourcedId", "another line has the same one and says something else")
            yield from list(_person(row, roster, index, key, user))
        except FieldError as fault:
            yield Refusal(row.place, str(fault), about)
            continue
        if not gone:
            if not roster.roles_apart and user.roles & Role.STUDENT:
                yield from _schools(row, roster, about[0])
            yield from _agents(row, roster, index, about[0], user)
            if roster.full and user.roles & Role.STUDENT and not user.placed and not _at_school(row, roster):
                yield Refusal(row.place, "a student in no school and no class", about)


def _person(row: Row, roster: Roster, index: RosterIndex, key: str, user: IndexedUser) -> Iterator[Record]:
    identifier = roster.person(key)
    about = (identifier,)
    identifiers = [identifier]
    for kind, number in _USER_ID.findall(row.text("userIds")):
        if kind.strip().lower() in _NIN_TYPES and number.strip():
            try:
                identifiers.append(Identifier(NIN, NationalId.parse(number.strip()).number))
            except ValueError as error:
                yield Refusal(row.place, f"left out: column userIds: {error}", about, Lost.FACT)
    birth = index.birth(key)
    if birth is not None and birth.twin:
        yield Refusal(row.place, "left out: two birth dates in demographics.csv", about, Lost.FACT)
    contacts: list[ContactAddress] = []
    # A column that the file does not have says nothing about what the store has of that channel.
    columns = {channel for name, channel in _CHANNELS if row.has(name)}
    spared = [channel for channel in AddressChannel if channel not in columns]
    # Of others than guardians no address is kept; that of a user whose role is not told may be one.
    if not user.gone and (not user.roles or user.roles & _ADULT):
        for column, channel in _CHANNELS:
            if text := row.text(column):
                try:
                    contact = _address(channel, text)
                except AddressError as error:
                    spared.append(channel)
                    yield Refusal(row.place, f"left out: column {column}: {error.words}", about, Lost.ADDRESS)
                else:
                    if contact not in contacts:
                        contacts.append(contact)
    yield PersonRecord(
        row.place,
        tuple(dict.fromkeys(identifiers)),
        ref=_ref(row, key),
        given_name=row.text("givenName")[:256],
        family_name=row.text("familyName")[:256],
        birth_date=None if birth is None or birth.twin else birth.day,
        contacts=tuple(contacts),
        contacts_spared=tuple(dict.fromkeys(spared)),
        removed=user.gone,
    )


def _address(channel: AddressChannel, text: str) -> ContactAddress:
    if channel is AddressChannel.EMAIL:
        return ContactAddress(channel, parse_email(text).key)
    phone = parse_phone(text)
    return ContactAddress(channel, phone.e164, phone.can_take_sms)


def _ref(row: Row, key: str) -> str | None:
    """What people type for a student and see printed: never an identity number, whatever a system puts there."""
    return next((text[:256] for text in (row.text("identifier"), key) if text and not _is_number(text)), None)


def _is_number(text: str) -> bool:
    try:
        NationalId.parse(text)
    except ValueError:
        return False
    return True


def _schools(row: Row, roster: Roster, student: Identifier) -> Iterator[Record]:
    try:
        for org in row.keys("orgSourcedIds"):
            if is_school(roster, org, "orgSourcedIds"):
                yield MembershipRecord(row.place, org, student)
    except FieldError as fault:
        yield Refusal(row.place, str(fault), (student,))


def _at_school(row: Row, roster: Roster) -> bool:
    """Of a 1.1 student; what is wrong with the ids is told elsewhere."""
    return not roster.roles_apart and any(roster.schools.get(org, True) for org in row.keys("orgSourcedIds"))


def _agents(
    row: Row, roster: Roster, index: RosterIndex, identifier: Identifier, user: IndexedUser
) -> Iterator[Record]:
    if user.roles and not user.roles & (Role.STUDENT | _ADULT):
        return
    try:
        agents = row.keys("agentSourcedIds")
    except FieldError as fault:
        yield Refusal(row.place, str(fault), (identifier,))
        return
    for agent in agents:
        # Whoever is named but cannot be judged is spared: the link that the store may have goes on.
        other = roster.person(agent)
        try:
            found = known_user(roster, index, agent, "agentSourcedIds")
            if found is None or not (found.roles and user.roles):
                if roster.tells_all_roles:
                    continue  # somebody who has no role today
                raise FieldError("agentSourcedIds", "these changes do not tell the roles at both ends of the link")
            link = link_of(user.roles, found.roles, roster.agents) if enters(found) else None
        except FieldError as fault:
            yield Refusal(row.place, str(fault), (other,))
            continue
        if link is not None:
            student, guardian = (identifier, other) if link[0] else (other, identifier)
            yield GuardianshipRecord(row.place, student, guardian, link[1])


def link_of(one: Role, other: Role, agents: Basis) -> tuple[bool, Basis] | None:
    """Whether `one` is the student of an undirected link, and by what the other is linked. None: it is no such link.

    Teachers and fellow students are nobody's guardians. A relative is a contact person, whatever `agents` says.
    Raises FieldError when each end may be the student of the other.
    """
    one_is_student = bool(one & Role.STUDENT and other & _ADULT)
    other_is_student = bool(other & Role.STUDENT and one & _ADULT)
    if one_is_student and other_is_student:
        raise FieldError("agentSourcedIds", "the roles at both ends do not say who is the student")
    if not (one_is_student or other_is_student):
        return None
    adult = other if one_is_student else one
    return one_is_student, agents if adult & Role.GUARDIAN else Basis.CONTACT_PERSON
