"""What is told of users in the same words by every roster: who they are, how guardians are reached, their classes."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import Final

from contacts.addresses import AddressError, parse_email, parse_phone
from contacts.codes import AddressChannel
from contacts.imports.records import (
    NIN,
    ContactAddress,
    Identifier,
    Lost,
    MembershipRecord,
    PersonRecord,
    Record,
    Refusal,
    Unknown,
)
from contacts.imports.roster_files import Roster, class_key, enters, known_user
from contacts.imports.roster_index import IndexedUser, Role, RosterIndex
from contacts.imports.roster_table import FieldError, Row
from contacts.national_id import NationalId, is_national_id

ADULT: Final = Role.GUARDIAN | Role.RELATIVE
_USER_ID = re.compile(r"\{([^:{}]*):([^{}]*)\}")
# What systems call the identity number among the userIds; the standard leaves it to them.
_NIN_TYPES: Final = frozenset(
    {"nin", "personnin", "fnr", "dnr", "fodselsnummer", "foedselsnummer", "fødselsnummer", "norwegiannationalid"}
)
_CHANNELS = (
    ("sms", AddressChannel.SMS),
    ("phone", AddressChannel.SMS),
    ("email", AddressChannel.EMAIL),
)


# What is read of every user.
READ: Final = ("userIds", "identifier", "givenName", "familyName", *(column for column, _ in _CHANNELS))


def check_person(row: Row) -> None:
    """Raises FieldError as `person_records` will: nothing that other files tell of such a user may enter."""
    for column in READ:
        row.text(column)


def person_records(row: Row, roster: Roster, index: RosterIndex, key: str, user: IndexedUser) -> Iterator[Record]:
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
    # Whose addresses are kept is decided later; a teacher's never are. Whoever has a role that is not told may be a
    # guardian or a student, and a teacher, too.
    all_told = roster.tells_all_roles and not user.unread
    if not user.gone and (not all_told or not user.roles or user.roles & (ADULT | Role.STUDENT)):
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
    return next((text[:256] for text in (row.text("identifier"), key) if text and not is_national_id(text)), None)


def birth_records(roster: Roster, index: RosterIndex, user: str) -> Iterator[Record]:
    """Birth dates are indexed here; one that cannot be read is told, and leaves the student held.

    `user`: the column of the user's id.
    """
    for row in roster.rows("demographics", user, "birthDate"):
        about: tuple[Identifier, ...] = ()
        if isinstance(row, Refusal):
            yield row
            continue
        try:
            key = row.key(user)
            about = (roster.person(key),)
            found = known_user(roster, index, key, user)
            if row.gone():
                continue
        except FieldError as fault:
            yield Refusal(row.place, str(fault), about)
            continue
        try:
            day = row.day("birthDate")
        except FieldError as fault:
            if found is None:
                yield Refusal(row.place, str(fault), about)
            else:
                yield Refusal(row.place, f"left out: {fault}", about, Lost.FACT)
            continue
        if found is not None:
            index.add_birth(key, day)
        elif day is not None:
            # Of somebody in the store, whose birth date alone has changed.
            unknown = Unknown.REFUSE if "demographics" in roster.delta else Unknown.SKIP
            yield PersonRecord(row.place, about, birth_date=day, unknown=unknown)


def enrollment_records(roster: Roster, index: RosterIndex, role_of: Callable[[Row], Role]) -> Iterator[Record]:
    """Students in classes; the enrollments of teachers are no business of ours. `role_of` raises FieldError."""
    for row in roster.rows("enrollments", "classSourcedId", "userSourcedId", "role"):
        about: tuple[Identifier, ...] = ()
        if isinstance(row, Refusal):
            yield row
            continue
        try:
            key = row.key("userSourcedId")
            about = (roster.person(key),)
            user = known_user(roster, index, key, "userSourcedId")
            if role_of(row) is not Role.STUDENT or not enters(user):
                continue
            if user is not None and user.roles and not user.roles & Role.STUDENT:
                raise FieldError("role", "student, of a user who has another role")
            class_id = row.key("classSourcedId")
            found = index.school_class(class_id)
            if found is None and "classes" in roster.bulk:
                raise FieldError("classSourcedId", "not in classes.csv, or refused there")
            active = not row.gone()
            begins = row.day("beginDate") or (found.begins if found else None)
            yield MembershipRecord(
                row.place,
                class_key(class_id),
                about[0],
                active=active,
                begins=begins,
                ended_on=roster.ended_on(row, "endDate"),
            )
            if active:
                index.add_role(key, Role.NONE, placed=True)
        except FieldError as fault:
            yield Refusal(row.place, str(fault), about)
