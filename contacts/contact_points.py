"""The contact points of one person as they are stored: shown masked, added by what the person says, found again."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime

from sqlalchemy import Connection, insert, select, update
from sqlalchemy.dialects import postgresql, sqlite

from config.clock import db_now
from config.errors import UsageError
from contacts.acts import Act, entitlement_changed
from contacts.addresses import AddressError, mask_email, mask_phone, parse_email, parse_phone
from contacts.codes import AddressChannel, VerifiedBy
from contacts.people import FoundPerson, guardian_ref, person_subject
from contacts.tables import ADDRESS, CONTACT_POINT
from contacts.verification import waiting_for_code

# The source of what guardians themselves tell us, and of what students do.
GUARDIAN_SOURCE = "guardian"
STUDENT_SOURCE = "student"


@dataclass(frozen=True, slots=True)
class TypedAddress:
    """An address that somebody typed, read and found to be one."""

    channel: AddressChannel
    value: str = field(repr=False)
    takes_messages: bool

    @property
    def masked(self) -> str:
        return mask(self.channel, self.value)


@dataclass(frozen=True, slots=True)
class StoredPoint:
    """One contact point, from one source."""

    id: int
    person_id: int
    address_id: int
    channel: AddressChannel
    value: str = field(repr=False)
    source: str
    verified_at: datetime | None
    verified_by: VerifiedBy | None
    shared_in_register: bool | None

    @property
    def masked(self) -> str:
        return mask(self.channel, self.value)


def mask(channel: AddressChannel, value: str) -> str:
    """An address as people may see it."""
    return mask_phone(value) if channel is AddressChannel.SMS else mask_email(value)


def read_typed(phone: str | None, email: str | None) -> TypedAddress | None:
    """The address given by --phone or --email; None when neither is given.

    Raises UsageError for both, and for one that cannot be used; what was typed is not repeated.
    """
    if phone is not None and email is not None:
        raise UsageError("Both --phone and --email are given.", remedy="Give one at a time.")
    try:
        if phone is not None:
            number = parse_phone(phone)
            return TypedAddress(AddressChannel.SMS, number.e164, number.can_take_sms)
        if email is not None:
            return TypedAddress(AddressChannel.EMAIL, parse_email(email).key, True)
    except AddressError as error:
        raise UsageError(
            f"The {'phone number' if phone is not None else 'e-mail address'} cannot be used: {error.words}.",
            remedy="Check it and give it again.",
        ) from None
    return None


@dataclass(frozen=True, slots=True)
class Put:
    """A contact point in force. `changed`: false when the person had told us of it already, verified or not."""

    point_id: int
    changed: bool
    verified: bool = False


def add_point(connection: Connection, person: FoundPerson, typed: TypedAddress, *, operator: str) -> Act:
    """`put_point`, with words for staff."""
    put = put_point(connection, person, typed, operator=operator)
    if not put.changed:
        state = "verified" if put.verified else "not verified yet"
        return Act(False, f"{person.label} has {typed.masked} already ({state}): nothing was changed.")
    fixed = "" if typed.takes_messages else " It is a fixed line: it can be called, and takes no SMS."
    return Act(True, f"{typed.masked} added for {person.label}, not verified yet.{fixed}")


def put_point(connection: Connection, person: FoundPerson, typed: TypedAddress, *, operator: str) -> Put:
    """Store what a person says is theirs, not verified yet. One that was removed comes back unverified."""
    source = GUARDIAN_SOURCE if person.label == guardian_ref(person.id) else STUDENT_SOURCE
    address_id = address_id_of(connection, typed)
    at_address = (CONTACT_POINT.c.person_id == person.id, CONTACT_POINT.c.address_id == address_id)
    mine = (*at_address, CONTACT_POINT.c.source == source)
    known = connection.execute(
        select(CONTACT_POINT.c.id, CONTACT_POINT.c.ended_at, CONTACT_POINT.c.verified_at).where(*mine)
    ).first()
    if known is not None and known.ended_at is None:
        return Put(known.id, False, known.verified_at is not None)
    # Whoever takes it back may hear of it from the other sources again.
    connection.execute(
        update(CONTACT_POINT).where(*at_address, CONTACT_POINT.c.removed_at.is_not(None)).values(removed_at=None)
    )
    if known is None:
        point_id: int = connection.execute(
            insert(CONTACT_POINT)
            .values(person_id=person.id, address_id=address_id, source=source, confirmed_at=db_now())
            .returning(CONTACT_POINT.c.id)
        ).scalar_one()
    else:
        point_id = known.id
        connection.execute(
            update(CONTACT_POINT)
            .where(*mine)
            .values(ended_at=None, verified_at=None, verified_by=None, confirmed_at=db_now())
        )
    # An address that a blocked guardian shares from now on is nobody's to be told at.
    entitlement_changed(
        connection,
        operator=operator,
        act="contact.add",
        subject=person_subject(person),
        details={"channel": typed.channel.value},
    )
    return Put(point_id, True)


def remove_point(connection: Connection, person: FoundPerson, typed: TypedAddress, *, operator: str) -> Act:
    """Remove an address of the person's on their word, whichever source told it: messages that wait go there no more.

    No source that goes on telling it brings it back (`contacts.imports.link_steps`); the person may, by adding it
    again. Raises UsageError when they have no such contact point.
    """
    points = points_of(connection, person.id)
    point = _the_typed(points, person, typed)
    end_points(connection, person, point, operator=operator)
    left = any(one.verified_at is not None for one in points if one.address_id != point.address_id)
    return Act(
        True,
        f"{point.masked} of {person.label} is removed: nothing is sent there any more."
        + ("" if left else " No verified contact point is left."),
    )


def end_points(connection: Connection, person: FoundPerson, point: StoredPoint, *, operator: str) -> None:
    """Remove the point and what other sources say of the same address of this person."""
    connection.execute(
        update(CONTACT_POINT)
        .where(
            CONTACT_POINT.c.person_id == person.id,
            CONTACT_POINT.c.address_id == point.address_id,
            CONTACT_POINT.c.ended_at.is_(None),
        )
        .values(ended_at=db_now(), removed_at=db_now())
    )
    entitlement_changed(
        connection,
        operator=operator,
        act="contact.remove",
        subject=person_subject(person),
        details={"channel": point.channel.value},
    )


def points_of(connection: Connection, guardian_id: int) -> list[StoredPoint]:
    """The guardian's contact points that have not ended, in the order in which they came."""
    rows = connection.execute(
        select(
            CONTACT_POINT.c.id,
            CONTACT_POINT.c.person_id,
            CONTACT_POINT.c.address_id,
            ADDRESS.c.channel,
            ADDRESS.c.value,
            CONTACT_POINT.c.source,
            CONTACT_POINT.c.verified_at,
            CONTACT_POINT.c.verified_by,
            CONTACT_POINT.c.shared_in_register,
        )
        .join(ADDRESS, ADDRESS.c.id == CONTACT_POINT.c.address_id)
        .where(CONTACT_POINT.c.person_id == guardian_id, CONTACT_POINT.c.ended_at.is_(None))
        .order_by(CONTACT_POINT.c.id)
    )
    return [StoredPoint(*row) for row in rows]


def point_to_verify(connection: Connection, guardian: FoundPerson, typed: TypedAddress | None) -> StoredPoint:
    """The contact point that a code is to be sent to: the one typed, or the only one that is not verified.

    Raises UsageError when there is none, or several and none is named.
    """
    points = points_of(connection, guardian.id)
    if typed is not None:
        return _the_typed(points, guardian, typed)
    open_points = {point.address_id: point for point in reversed(points) if point.verified_at is None}
    return _the_only(list(open_points.values()), guardian, "is not verified")


def point_to_confirm(connection: Connection, guardian: FoundPerson, typed: TypedAddress | None) -> StoredPoint:
    """The contact point that a code came back from: the one typed, or the only one that waits for a code.

    Raises UsageError when there is none, or several and none is named.
    """
    points = points_of(connection, guardian.id)
    waiting = waiting_for_code(connection, [point.id for point in points])
    if typed is not None:
        # Several sources may tell the same address: the code belongs to the one that it was sent for.
        return _the_typed(sorted(points, key=lambda point: point.id not in waiting), guardian, typed)
    return _the_only([point for point in points if point.id in waiting], guardian, "waits for a code")


def _the_typed(points: list[StoredPoint], guardian: FoundPerson, typed: TypedAddress) -> StoredPoint:
    same = [point for point in points if (point.channel, point.value) == (typed.channel, typed.value)]
    if not same:
        raise UsageError(
            f"{guardian.label} has no such contact point.",
            remedy=f"Check it, or add it first: beredskap contacts add {guardian.label} --phone … or --email …",
        )
    return same[0]


def _the_only(points: list[StoredPoint], guardian: FoundPerson, what: str) -> StoredPoint:
    if not points:
        raise UsageError(
            f"No contact point of {guardian.label} {what}.",
            remedy=f"Send a code first: beredskap contacts verify {guardian.label} --phone … or --email …",
        )
    if len(points) > 1:
        raise UsageError(
            f"More than one contact point of {guardian.label} {what}: {', '.join(point.masked for point in points)}.",
            remedy="Say which one with --phone or --email.",
        )
    return points[0]


def address_id_of(connection: Connection, typed: TypedAddress) -> int:
    """The row of an address, made where there is none yet."""
    insert_here = sqlite.insert if connection.dialect.name == "sqlite" else postgresql.insert
    connection.execute(
        insert_here(ADDRESS)
        .values(channel=typed.channel, value=typed.value, takes_messages=typed.takes_messages, failures=0)
        .on_conflict_do_nothing(index_elements=[ADDRESS.c.channel, ADDRESS.c.value])
    )
    address_id: int = connection.execute(
        select(ADDRESS.c.id).where(ADDRESS.c.channel == typed.channel, ADDRESS.c.value == typed.value)
    ).scalar_one()
    return address_id
