"""A user of a roster as a person: who they are, and how guardians are reached."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

from contacts.addresses import AddressError, parse_email, parse_phone
from contacts.codes import AddressChannel
from contacts.imports.records import NIN, ContactAddress, Identifier, Lost, PersonRecord, Record, Refusal
from contacts.imports.roster_files import Roster
from contacts.imports.roster_index import IndexedUser, Role, RosterIndex
from contacts.imports.roster_table import Row
from contacts.national_id import NationalId

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
    # Of others than guardians no address is kept; that of a user whose role is not told may be one.
    if not user.gone and (not user.roles or user.roles & ADULT):
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
