"""Who is reminded of what is missing, today, and how: one rule over what is known of one guardian (pure).

A guardian counts who may be told about a student at school today whose school may be named: one who is protected, or
may be, is never the reason for a message, released or not. The message goes to an address that is
verified and not stale. With none there is a letter, to the address that the population register tells.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from types import MappingProxyType
from typing import Final

from contacts.codes import AddressChannel, ReminderWay
from contacts.postal import PostalAddress
from contacts.reach import PointFacts, ReachOptions, reach

_OPTIONS: Final = ReachOptions(frozenset(AddressChannel), use_stale=False)


class Lack(StrEnum):
    """What is wrong with a guardian's phone, or e-mail; what could be mended soonest stands first."""

    STALE = "stale"
    FAILING = "failing"
    UNVERIFIED = "unverified"
    MISSING = "missing"


class LastMessage(StrEnum):
    """What became of the last reminder, where it was a message."""

    LEFT = "left"
    UNDER_WAY = "under_way"
    NEVER_LEFT = "never_left"  # its time was over first, or it was cancelled: it does not count


class Standing(StrEnum):
    """How reminding stands with one guardian. What stands first here counts."""

    COMPLETE = "complete"
    NOT_OURS = "not_ours"  # may be told about no student, or of none who may be spoken of
    UNDER_WAY = "under_way"
    TOO_SOON = "too_soon"
    GIVEN_UP = "given_up"
    DUE_EMAIL = "due_email"
    DUE_SMS = "due_sms"
    DUE_LETTER = "due_letter"
    NO_WAY = "no_way"  # no channel works, and no letter can be sent: somebody must ask in person


WAYS: Final[Mapping[Standing, ReminderWay]] = MappingProxyType(
    {
        Standing.DUE_EMAIL: ReminderWay.EMAIL,
        Standing.DUE_SMS: ReminderWay.SMS,
        Standing.DUE_LETTER: ReminderWay.LETTER,
    }
)


@dataclass(frozen=True, slots=True)
class Campaign:
    """The last campaign: `number` reminders of which the last was sent at `last_at`."""

    id: int
    campaign: int
    number: int
    letters: int
    first_at: datetime
    last_at: datetime
    notice_id: int | None = None
    fixed: bool = False
    given_up: bool = False


@dataclass(frozen=True, slots=True)
class ReminderFacts:
    """What the rule asks about one guardian. `schools`: the main ones of the students who give reason to write.

    `postal`: where a letter may be sent; None also for whoever is graded.
    """

    guardian_id: int
    name: str = field(repr=False)
    language: str | None
    students: int = 1
    schools: tuple[int, ...] = ()
    points: tuple[PointFacts, ...] = ()
    postal: PostalAddress | None = None
    last: Campaign | None = None


@dataclass(frozen=True, slots=True)
class Rules:
    days_between: int
    at_most: int
    letters: bool


def lacks(points: Sequence[PointFacts]) -> dict[AddressChannel, Lack]:
    """What is wrong, by channel; empty for a guardian who can be told by phone and by e-mail.

    Whoever answered STOP has said what they want: their number lacks nothing.
    """
    found: dict[AddressChannel, Lack] = {}
    for channel in AddressChannel:
        own = [point for point in points if point.channel is channel and _counts(point)]
        best = min((_lack(point) for point in own), key=_rank, default=Lack.MISSING)
        if best is not None:
            found[channel] = best
    return found


def _counts(point: PointFacts) -> bool:
    return point.takes_messages and not point.replaced and not point.shared_with_blocked


def _lack(point: PointFacts) -> Lack | None:
    if not point.verified:
        return Lack.UNVERIFIED
    if point.failing:
        return Lack.FAILING
    return Lack.STALE if point.stale else None


def _rank(lack: Lack | None) -> int:
    return -1 if lack is None else list(Lack).index(lack)


def address_for(facts: ReminderFacts) -> PointFacts | None:
    """The address that works: an e-mail address where there is one."""
    return min(
        _usable(facts), key=lambda point: (point.channel is not AddressChannel.EMAIL, point.address_id), default=None
    )


def may_still_leave(facts: ReminderFacts, address_id: int) -> bool:
    """Whether a reminder that waits to leave for this address is still wanted there, whatever has become of things."""
    return (
        facts.students > 0
        and bool(lacks(facts.points))
        and any(point.address_id == address_id for point in _usable(facts))
    )


def _usable(facts: ReminderFacts) -> tuple[PointFacts, ...]:
    return reach(facts.points, _OPTIONS).points


def standing(facts: ReminderFacts, last: LastMessage, now: datetime, rules: Rules) -> Standing:
    """How it stands with the guardian at the moment `now`, hours and holidays aside. `last`: of the last campaign."""
    if not lacks(facts.points):
        return Standing.COMPLETE
    if not facts.students:
        return Standing.NOT_OURS
    if facts.last is not None:
        if last is LastMessage.UNDER_WAY:
            return Standing.UNDER_WAY
        if last is LastMessage.LEFT and now - facts.last.last_at < timedelta(days=rules.days_between):
            return Standing.TOO_SOON
        if not facts.last.fixed and sent(facts.last, last) >= rules.at_most:
            return Standing.GIVEN_UP
    address = address_for(facts)
    if address is not None:
        return Standing.DUE_EMAIL if address.channel is AddressChannel.EMAIL else Standing.DUE_SMS
    return Standing.DUE_LETTER if rules.letters and facts.postal is not None else Standing.NO_WAY


def sent(campaign: Campaign, last: LastMessage) -> int:
    """How many reminders of the campaign count: one that never left does not."""
    return campaign.number - (last is LastMessage.NEVER_LEFT)
