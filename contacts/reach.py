"""Which of a guardian's contact points a message may use, and why none, when none. Pure."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from enum import StrEnum

from contacts.codes import AddressChannel


@dataclass(frozen=True, slots=True)
class PointFacts:
    """One address of a guardian on the day in question, the best of what its sources say of it.

    `stale`: verified once, and not confirmed for long. What was never verified cannot become stale.
    `languages`: of all its living owners in the store; None for an owner whose language nobody knows.
    `shared_with_blocked`: a living owner is blocked with regard to the student that the message is about.
    `failing`: too many messages in a row have failed there, and nobody has verified it since.
    `replaced`: the contact register alone tells it, while the guardian has one of this channel that they confirmed
    with us by a code, not long ago.
    """

    address_id: int
    channel: AddressChannel
    takes_messages: bool = True
    opted_out: bool = False
    verified: bool = False
    stale: bool = False
    shared_with_blocked: bool = False
    failing: bool = False
    replaced: bool = False
    languages: frozenset[str | None] = frozenset()


@dataclass(frozen=True, slots=True)
class ReachOptions:
    """What a message may use. `use_stale`: true for an actual alert alone, never for drills, tests and reminders.

    `calls`: it is a call, which a fixed line takes, too, and which nobody who wants no SMS has declined.
    """

    channels: frozenset[AddressChannel]
    use_stale: bool
    include_unverified: bool = False
    calls: bool = False


class Unreachable(StrEnum):
    """Why a contact point may not be used, and so why a guardian has none; what a person can mend soonest stands first.

    Of a guardian's several contact points, the reason that stands first here is the guardian's.
    """

    UNVERIFIED_ONLY = "unverified_only"  # --include-unverified would use it
    STALE_ONLY = "stale_only"  # an actual alert would use it
    CHANNEL_NOT_ASKED = "channel_not_asked"
    OPTED_OUT = "opted_out"
    FAILING = "failing"  # it can be verified anew
    FIXED_LINE_ONLY = "fixed_line_only"  # it can be called
    SHARED_WITH_BLOCKED = "shared_with_blocked"
    REPLACED = "replaced"  # by the guardian's own, of which another reason is the guardian's
    NO_CONTACT_POINT = "no_contact_point"


@dataclass(frozen=True, slots=True)
class Reach:
    """The contact points to use, one for each address; or `unreachable`, when there is none."""

    points: tuple[PointFacts, ...]
    unreachable: Unreachable | None = None


_NOBODY = {reason: Reach((), reason) for reason in Unreachable}
_RANK = {reason: rank for rank, reason in enumerate(Unreachable)}


def reach(points: Sequence[PointFacts], options: ReachOptions) -> Reach:
    """The contact points of one guardian that a message with these options uses. At most one for each address."""
    used: list[PointFacts] = []
    addresses: set[int] = set()
    reasons: list[Unreachable] = []
    for point in points:
        reason = refusal(point, options)
        if reason is not None:
            reasons.append(reason)
        elif point.address_id not in addresses:
            addresses.add(point.address_id)
            used.append(point)
    if used:
        return Reach(tuple(used))
    return _NOBODY[min(reasons, key=_RANK.__getitem__, default=Unreachable.NO_CONTACT_POINT)]


def refusal(point: PointFacts, options: ReachOptions) -> Unreachable | None:
    """Why this contact point may not be used; None when it may. What no option can lift comes first."""
    if point.shared_with_blocked:
        return Unreachable.SHARED_WITH_BLOCKED
    if not point.takes_messages and not options.calls:
        return Unreachable.FIXED_LINE_ONLY
    if point.replaced:
        return Unreachable.REPLACED
    if point.opted_out and point.channel is AddressChannel.SMS and not options.calls:
        return Unreachable.OPTED_OUT
    if point.failing:
        return Unreachable.FAILING
    if point.channel not in options.channels:
        return Unreachable.CHANNEL_NOT_ASKED
    if not point.verified:
        return None if options.include_unverified else Unreachable.UNVERIFIED_ONLY
    if point.stale and not options.use_stale:
        return Unreachable.STALE_ONLY
    return None


def address_language(languages: Collection[str | None], default: str) -> str:
    """The language for an address: that of its owners when they have one in common, else the school's default."""
    if len(languages) == 1:
        return next(iter(languages)) or default
    return default
