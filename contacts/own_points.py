"""A guardian's own addresses as they see them: what each is used for, and what they can do about it."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date
from enum import StrEnum

from sqlalchemy import Connection

from contacts.addresses import spaced_phone
from contacts.codes import CONTACT_REGISTER, AddressChannel, VerifiedBy
from contacts.contact_points import GUARDIAN_SOURCE
from contacts.own_acts import OwnAddress, own_addresses
from contacts.point_facts import load_points
from contacts.reach import PointFacts, ReachOptions, Unreachable, refusal
from contacts.verification import waiting_for_code

_ACTUAL = ReachOptions(frozenset(AddressChannel), use_stale=True)


class PointState(StrEnum):
    """What an address is good for; what its owner can mend by a code: UNCONFIRMED, STALE, FAILING."""

    USED = "used"
    STALE = "stale"  # used for actual alerts alone, until its owner says that it still holds
    UNCONFIRMED = "unconfirmed"
    FAILING = "failing"
    STOPPED = "stopped"  # its owner has answered STOP
    CALLS_ONLY = "calls_only"  # a fixed line
    REPLACED = "replaced"  # the contact register's, while the guardian has confirmed one with us


class ToldBy(StrEnum):
    YOU = "you"
    CONTACT_REGISTER = "contact_register"
    SCHOOL = "school"


@dataclass(frozen=True, slots=True)
class OwnPoint:
    """One address. `point_id`: what acts call it by. `shown`: in full only where the guardian has shown that they know
    it, by giving it or by a code; the school may have a number of somebody else's for theirs."""

    point_id: int
    channel: AddressChannel
    shown: str = field(repr=False)
    told_by: tuple[ToldBy, ...]
    state: PointState
    code_waiting: bool

    @property
    def code_helps(self) -> bool:
        """Whether its owner can mend its state by a code."""
        return self.state in (PointState.UNCONFIRMED, PointState.STALE, PointState.FAILING)


def own_points(connection: Connection, guardian_id: int, on: date, *, stale_after_months: int) -> tuple[OwnPoint, ...]:
    """The guardian's addresses in force on the day `on` in Oslo, phones first, in the order in which they came."""
    addresses = own_addresses(connection, guardian_id)
    if not addresses:
        return ()
    # As such, not for a message about a student: whom else a shared address belongs to is not theirs to learn.
    facts = {
        point.address_id: point
        for point in load_points(connection, [guardian_id], on, stale_after_months).by_guardian.get(guardian_id, ())
    }
    waiting = waiting_for_code(connection, [row.id for one in addresses for row in one.rows])
    shown = [_shown(one, facts[one.point.address_id], waiting) for one in addresses]
    return tuple(sorted(shown, key=lambda point: point.channel is not AddressChannel.SMS))


def _shown(own: OwnAddress, facts: PointFacts, waiting: set[int]) -> OwnPoint:
    point = own.point
    known = any(row.source == GUARDIAN_SOURCE or row.verified_by is VerifiedBy.CODE for row in own.rows)
    in_full = spaced_phone(point.value) if point.channel is AddressChannel.SMS else point.value
    return OwnPoint(
        point.id,
        point.channel,
        in_full if known else point.masked,
        tuple(dict.fromkeys(_told_by(row.source) for row in own.rows)),
        _state(facts),
        any(row.id in waiting for row in own.rows),
    )


def _told_by(source: str) -> ToldBy:
    return {GUARDIAN_SOURCE: ToldBy.YOU, CONTACT_REGISTER: ToldBy.CONTACT_REGISTER}.get(source, ToldBy.SCHOOL)


def _state(facts: PointFacts) -> PointState:
    match refusal(facts, _ACTUAL):
        case None:
            return PointState.STALE if facts.stale else PointState.USED
        case Unreachable.FIXED_LINE_ONLY:
            return PointState.CALLS_ONLY
        case Unreachable.REPLACED:
            return PointState.REPLACED
        case Unreachable.OPTED_OUT:
            return PointState.STOPPED
        case Unreachable.FAILING:
            return PointState.FAILING
        case _:
            return PointState.UNCONFIRMED
