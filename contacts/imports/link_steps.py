"""Guardianships, consents and contact points: what an import adds and changes, and what its own records end."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from sqlalchemy import ColumnElement, and_, case, exists, false, insert, literal, null, or_, select, true, update

from config.clock import UtcDateTime
from contacts.codes import AddressChannel, VerifiedBy
from contacts.imports import staged, store
from contacts.imports.comparing import Comparison
from contacts.imports.step import Kind, Step, Verb


def guardianship_steps(comparison: Comparison) -> Iterator[Step]:
    told, stored = staged.guardianship, store.guardianship
    enters = told.c.state == staged.ENTERS
    same = and_(
        stored.c.student_id == told.c.student_id,
        stored.c.guardian_id == told.c.guardian_id,
        stored.c.basis == told.c.basis,
        stored.c.source == comparison.source,
    )
    names = ["valid_from", "valid_to", "decision_ref", "student_agreed"]
    keys = ["student_id", "guardian_id", "basis"]
    # What was over before anybody told us of it needs no row.
    new = select(*(told.c[name] for name in keys + names), literal(comparison.source)).where(
        enters, comparison.current(told.c.valid_to), ~exists().where(same)
    )
    yield Step(insert(stored).from_select([*keys, *names, "source"], new), new, Kind.GUARDIANSHIPS, Verb.ADDED)
    differs = or_(*(stored.c[name].is_distinct_from(told.c[name]) for name in names))
    ends = and_(comparison.current(stored.c.valid_to), comparison.over(told.c.valid_to))
    # One that stays ended keeps the day on which it did.
    both_over = and_(comparison.over(stored.c.valid_to), comparison.over(told.c.valid_to))
    for verb, condition in ((Verb.ENDED, ends), (Verb.CHANGED, and_(~ends, ~both_over))):
        yield Step(
            update(stored).where(enters, same, differs, condition).values({name: told.c[name] for name in names}),
            select(told.c.n).join(stored, same).where(enters, differs, condition),
            Kind.GUARDIANSHIPS,
            verb,
        )


def consent_steps(comparison: Comparison, operator: str) -> Iterator[Step]:
    told, stored = staged.consent, store.consent
    values: dict[str, ColumnElement[Any]] = {
        "student_id": told.c.student_id,
        "guardian_id": told.c.guardian_id,
        "purpose": told.c.purpose,
        "given_on": told.c.given_on,
        "given_evidence": told.c.evidence,
        "given_by": literal(operator),
        "given_at": literal(comparison.now, UtcDateTime()),
    }
    new = select(*values.values()).where(told.c.state == staged.ENTERS)
    yield Step(insert(stored).from_select(list(values), new, include_defaults=False), new, Kind.CONSENTS, Verb.ADDED)


def point_steps(comparison: Comparison) -> Iterator[Step]:
    told, stored, address = staged.point, store.point, store.address
    enters = and_(
        ~_newer_is_known(comparison) if comparison.contact_register else true(), ~_removed_by_owner(comparison)
    )
    yield Step(
        insert(address).from_select(
            ["channel", "value", "takes_messages"],
            select(told.c.channel, told.c.value, told.c.takes_messages)
            .where(told.c.address_id.is_(None), enters)
            .distinct(),
            include_defaults=True,
        )
    )
    yield Step(
        update(told)
        .where(told.c.address_id.is_(None), address.c.channel == told.c.channel, address.c.value == told.c.value)
        .values(address_id=address.c.id)
    )
    same = and_(
        stored.c.person_id == told.c.person_id,
        stored.c.address_id == told.c.address_id,
        stored.c.source == comparison.source,
    )
    verified = _verified(comparison)
    values = {
        "person_id": told.c.person_id,
        "address_id": told.c.address_id,
        "source": literal(comparison.source),
        **verified,
        "shared_in_register": told.c.shared_in_register,
    }
    new = select(*values.values()).where(~exists().where(same), enters)
    yield Step(
        insert(stored).from_select(list(values), new),
        new,
        Kind.CONTACT_POINTS,
        Verb.ADDED,
    )
    differs, changes = _point_changes(comparison, verified)
    changed = and_(differs, enters)
    yield Step(
        update(stored).where(same, changed).values(ended_at=None, removed_at=None, **changes),
        select(told.c.person_id).join(stored, same).where(changed),
        Kind.CONTACT_POINTS,
        Verb.CHANGED,
    )
    yield from _replaced_points(comparison)


def _newer_is_known(comparison: Comparison) -> ColumnElement[bool]:
    """The contact register has told a later time of the same channel already: this is an older answer, read again."""
    told, known, address = staged.point, store.point.alias("known"), store.address.alias("known_address")
    return exists().where(
        known.c.person_id == told.c.person_id,
        known.c.source == comparison.source,
        # The time of a code is ours, and says nothing of how old the register's answer is.
        known.c.verified_by.is_distinct_from(VerifiedBy.CODE),
        known.c.confirmed_at > told.c.confirmed_at,
        address.c.id == known.c.address_id,
        address.c.channel == told.c.channel,
    )


def _removed_by_owner(comparison: Comparison) -> ColumnElement[bool]:
    """The person had this address removed, whichever source told it: it stays so, however often it is told.

    Only what they confirmed in the contact register since is a later word of their own.
    """
    told, removed = staged.point, store.point.alias("removed")
    later = removed.c.removed_at >= told.c.confirmed_at if comparison.contact_register else true()
    return exists().where(
        removed.c.person_id == told.c.person_id,
        removed.c.address_id == told.c.address_id,
        removed.c.removed_at.is_not(None),
        or_(told.c.confirmed_at.is_(None), later),
    )


def _verified(comparison: Comparison) -> dict[str, ColumnElement[Any]]:
    """What the source's word makes of an address: verified, when it is trusted, and confirmed, at the time it tells."""
    told = staged.point
    if not comparison.contact_register:
        now = literal(comparison.now, UtcDateTime()) if comparison.trusted else null()
        by = literal(VerifiedBy.SOURCE.value) if comparison.trusted else null()
        return {"verified_at": now, "verified_by": by, "confirmed_at": now}
    # Of an address without a time nobody knows whether it was ever verified, let alone when.
    dated = and_(told.c.confirmed_at.is_not(None), true() if comparison.trusted else false())
    return {
        "verified_at": case((dated, told.c.confirmed_at), else_=null()),
        "verified_by": case((dated, VerifiedBy.SOURCE.value), else_=null()),
        "confirmed_at": told.c.confirmed_at,
    }


def _point_changes(
    comparison: Comparison, verified: dict[str, ColumnElement[Any]]
) -> tuple[ColumnElement[bool], dict[str, ColumnElement[Any]]]:
    """Whether a stored point of the same source changes by being told again, and its new values."""
    told, stored = staged.point, store.point
    ended = stored.c.ended_at.is_not(None)
    if not comparison.contact_register:
        if not comparison.trusted:
            return ended, {}
        becomes = stored.c.verified_at.is_(None)
        return or_(ended, becomes), {
            name: case((becomes, value), else_=stored.c[name]) for name, value in verified.items()
        }
    # An older answer that is read again takes nothing back, and a code remains what verified the address.
    newer = and_(
        told.c.confirmed_at.is_not(None),
        or_(stored.c.confirmed_at.is_(None), told.c.confirmed_at > stored.c.confirmed_at),
    )
    turns = and_(stored.c.verified_at.is_(None), verified["verified_at"].is_not(None))
    # Told again after it had ended, without a time, it is as little verified as a new one.
    lapses = and_(ended, told.c.confirmed_at.is_(None), stored.c.verified_by.is_distinct_from(VerifiedBy.CODE))
    again = and_(newer, stored.c.verified_by == VerifiedBy.SOURCE, verified["verified_at"].is_not(None))
    # The mark has no time of its own: others may take the number up while its owner confirms nothing.
    marked = told.c.shared_in_register.is_distinct_from(stored.c.shared_in_register)
    return or_(ended, turns, newer, marked), {
        "verified_at": case((lapses, null()), (or_(turns, again), verified["verified_at"]), else_=stored.c.verified_at),
        "verified_by": case((lapses, null()), (turns, verified["verified_by"]), else_=stored.c.verified_by),
        "confirmed_at": case((newer, told.c.confirmed_at), else_=stored.c.confirmed_at),
        "shared_in_register": told.c.shared_in_register,
    }


def _replaced_points(comparison: Comparison) -> Iterator[Step]:
    """A source's addresses that its newer record of the same person no longer has.

    What a guardian has confirmed with us by a code is theirs, whatever the contact register says of it later. Nor does
    an older answer of the register, read again, end what a newer one told.
    """
    stored, address, person, told = store.point, store.address, staged.person, staged.point
    replaced = and_(
        stored.c.source == comparison.source,
        stored.c.ended_at.is_(None),
        person.c.person_id == stored.c.person_id,
        person.c.state == staged.ENTERS,
        person.c.tells_contacts,
        address.c.id == stored.c.address_id,
        or_(
            and_(address.c.channel == AddressChannel.SMS, ~person.c.spares_sms),
            and_(address.c.channel == AddressChannel.EMAIL, ~person.c.spares_email),
        ),
        ~exists().where(told.c.person_id == stored.c.person_id, told.c.address_id == stored.c.address_id),
    )
    if comparison.contact_register:
        older = exists().where(
            told.c.person_id == stored.c.person_id,
            told.c.channel == address.c.channel,
            told.c.confirmed_at < stored.c.confirmed_at,
        )
        replaced = and_(replaced, stored.c.verified_by.is_distinct_from(VerifiedBy.CODE), ~older)
    yield Step(
        update(stored).where(replaced).values(ended_at=comparison.now),
        select(stored.c.id).where(replaced),
        Kind.CONTACT_POINTS,
        Verb.ENDED,
    )
