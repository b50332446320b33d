"""What guardians do about themselves in the portal: their contact points, for all their students at once, and their
language.

Each act answers with what became of it as a type, because the pages say it in four languages. Each is in the audit log
as the guardian's own. Whoever may log in as a guardian may do this, whatever they may see of students: who is told one
day, and who never will be, cannot be told apart by it.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final

from sqlalchemy import Connection, func, or_, select, update

from config.audit import record_act
from config.catalogue import LANGUAGES
from config.clock import db_now, plus_seconds
from config.keys import Keys
from config.sections import Language
from contacts.addresses import AddressError, AddressFault, parse_email, parse_phone
from contacts.codes import AddressChannel
from contacts.contact_points import (
    GUARDIAN_SOURCE,
    StoredPoint,
    TypedAddress,
    end_points,
    points_of,
    put_point,
)
from contacts.people import FoundPerson, person_subject
from contacts.tables import ADDRESS, CONTACT_POINT, PERSON
from contacts.verification import Confirmation, Confirmed, confirm, is_code, waiting_for_code

# Addresses that one guardian may have given us. Removed ones count for a while: who adds and removes in turn could
# send codes to strangers without end.
MOST_POINTS: Final = 20
REMOVED_COUNT_FOR_SECONDS: Final = 30 * 24 * 3600


class Refused(StrEnum):
    """Why nothing was done."""

    NOT_YOURS = "not_yours"  # there is no such contact point of this guardian, or no longer
    TOO_MANY = "too_many"
    LAST = "last"  # the last one that is confirmed: they must say that they mean it
    NOT_A_CODE = "not_a_code"  # no try was used


@dataclass(frozen=True, slots=True)
class Added:
    """`known`: the guardian had given it already. `takes_codes`: false for a fixed line, which takes no SMS."""

    point_id: int
    masked: str
    known: bool
    takes_codes: bool


@dataclass(frozen=True, slots=True)
class Removed:
    """`left`: how many confirmed addresses the guardian still has."""

    masked: str
    left: int


@dataclass(frozen=True, slots=True)
class OwnAddress:
    """One of a guardian's own addresses, whichever sources tell it. `verified`: by the word of any of them."""

    point: StoredPoint
    verified: bool
    rows: tuple[StoredPoint, ...] = field(repr=False)


def acting(guardian: FoundPerson) -> str:
    """The operator under whose name a guardian's own acts are recorded: "guardian G-17"."""
    return person_subject(guardian)


def read_own(channel: AddressChannel, text: str) -> TypedAddress | AddressFault:
    """What a guardian typed, as an address; or why it cannot be one."""
    try:
        if channel is AddressChannel.SMS:
            number = parse_phone(text)
            return TypedAddress(channel, number.e164, number.can_take_sms)
        return TypedAddress(channel, parse_email(text).key, True)
    except AddressError as error:
        return error.reason_code


def own_addresses(connection: Connection, guardian_id: int) -> list[OwnAddress]:
    """The guardian's addresses in force. What speaks for one is the row that they gave themselves, else the first."""
    by_address: dict[int, list[StoredPoint]] = {}
    for point in points_of(connection, guardian_id):
        by_address.setdefault(point.address_id, []).append(point)
    return [
        OwnAddress(
            min(rows, key=lambda row: (row.source != GUARDIAN_SOURCE, row.id)),
            any(row.verified_at is not None for row in rows),
            tuple(rows),
        )
        for rows in by_address.values()
    ]


def find_own(connection: Connection, guardian: FoundPerson, point_id: int) -> OwnAddress | None:
    """The guardian's address that this contact point is about; None when it is not theirs, or removed."""
    found = own_addresses(connection, guardian.id)
    return next((one for one in found if any(row.id == point_id for row in one.rows)), None)


def add_own(connection: Connection, guardian: FoundPerson, typed: TypedAddress) -> Added | Refused:
    """Store an address that the guardian gives; it counts once a code has come back. Others that they have stay."""
    _lock(connection, guardian)
    # Looked up only: of one that is refused nothing is stored.
    same = select(ADDRESS.c.id).where(ADDRESS.c.channel == typed.channel, ADDRESS.c.value == typed.value)
    lately = plus_seconds(db_now(), -REMOVED_COUNT_FOR_SECONDS)
    others = connection.execute(
        select(func.count()).where(
            CONTACT_POINT.c.person_id == guardian.id,
            CONTACT_POINT.c.source == GUARDIAN_SOURCE,
            CONTACT_POINT.c.address_id.not_in(same),
            or_(CONTACT_POINT.c.ended_at.is_(None), CONTACT_POINT.c.ended_at > lately),
        )
    ).scalar_one()
    if others >= MOST_POINTS:
        return Refused.TOO_MANY
    put = put_point(connection, guardian, typed, operator=acting(guardian))
    return Added(put.point_id, typed.masked, not put.changed, typed.takes_messages)


def remove_own(connection: Connection, guardian: FoundPerson, point_id: int, *, even_last: bool) -> Removed | Refused:
    """Remove an address; messages that wait go there no more. `even_last`: they know that it is the last confirmed one.

    Whoever changes a number adds the new one, confirms it, and removes the old: until then the old one serves.
    """
    _lock(connection, guardian)
    own = own_addresses(connection, guardian.id)
    chosen = next((one for one in own if any(row.id == point_id for row in one.rows)), None)
    if chosen is None:
        return Refused.NOT_YOURS
    left = sum(one.verified for one in own if one is not chosen)
    if chosen.verified and not left and not even_last:
        return Refused.LAST
    end_points(connection, guardian, chosen.point, operator=acting(guardian))
    return Removed(chosen.point.masked, left)


def confirm_own(
    connection: Connection, keys: Keys, guardian: FoundPerson, point_id: int, code: str
) -> Confirmation | Refused:
    """Check a code that came back. The caller must commit whatever the answer: a wrong try counts only then."""
    if not is_code(code):
        return Refused.NOT_A_CODE
    own = find_own(connection, guardian, point_id)
    if own is None:
        return Refused.NOT_YOURS
    # Staff may have sent it for what another source tells of the same address.
    waiting = waiting_for_code(connection, [row.id for row in own.rows])
    of = next((row.id for row in own.rows if row.id in waiting), own.point.id)
    answer = confirm(connection, keys, of, code)
    if isinstance(answer, Confirmed):
        record_act(
            connection,
            operator=acting(guardian),
            act="contact.confirm",
            subject=person_subject(guardian),
            details={"channel": own.point.channel.value},
        )
    return answer


def choose_language(connection: Connection, guardian: FoundPerson, language: Language, *, operator: str) -> bool:
    """Record the language in which the guardian wants messages, whatever registers say from now on.

    False when it was chosen already, and nothing was written.
    """
    assert language in LANGUAGES
    chosen = connection.execute(
        update(PERSON)
        .where(
            PERSON.c.id == guardian.id,
            or_(PERSON.c.language_chosen_at.is_(None), PERSON.c.language.is_distinct_from(language)),
        )
        .values(language=language, language_chosen_at=db_now())
    )
    if chosen.rowcount == 0:
        return False
    record_act(
        connection,
        operator=operator,
        act="contact.language",
        subject=person_subject(guardian),
        details={"language": language},
    )
    return True


def _lock(connection: Connection, guardian: FoundPerson) -> None:
    """Two acts of one guardian at once see each other (SQLite's writing transactions exclude each other anyway)."""
    connection.execute(select(PERSON.c.id).where(PERSON.c.id == guardian.id).with_for_update(key_share=True)).all()
