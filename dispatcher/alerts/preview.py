"""What an alert would do, counted by the function that plans it: shown before anybody is told."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, replace

from config.database import Database
from contacts.entitlement import NO_GUARDIAN
from contacts.reach import Unreachable
from dispatcher.alerts.counting import Count, Share, count_share
from dispatcher.alerts.draft import Draft
from dispatcher.alerts.second_counter import counted_elsewhere
from dispatcher.codes import StudentClass
from dispatcher.outbox.following import NEVER_TOLD
from providers.base import Channel

# Below this many students a second process would still be starting when the first one is done.
TWO_PROCESSES_FROM = 30_000
# The first process counts more: the second one spends its first half second importing.
_OWN_PART = 0.57


@dataclass(frozen=True, slots=True)
class Preview:
    """The numbers of a preview.

    `unreached`: somebody is entitled, and no message can be sent; `held`: a person must decide; both together are the
    students who cannot be reached. `reasons`: how many students for each reason behind these, and behind
    `nobody_may_be_told`; `never_told` of these are those for whom nobody was told what a follow-up refers to.
    `unverified_guardians`: those whom --include-unverified would reach. `messages`: by channel.
    `sms_segments`: of all SMS together, by language their number is in `sms_by_language`.
    """

    students: int
    reachable: int
    unreached: int
    held: int
    nobody_may_be_told: int
    adults_without_consent: int
    never_told: int
    guardians: int
    unverified_guardians: int
    stale_guardians: int
    messages: Mapping[Channel, int]
    sms_by_language: Mapping[str, int]
    sms_segments: int
    unreached_reasons: Mapping[str, int]
    held_reasons: Mapping[str, int]

    @property
    def cannot_be_reached(self) -> int:
        return self.unreached + self.held


def preview(database: Database, draft: Draft, *, stale_after_months: int) -> Preview:
    """Plan the draft without storing anything; a large one in two processes, each with a snapshot of its own."""
    share = Share(draft.alert_id, draft.on, stale_after_months, 0, draft.student_count)
    counted = _by_two(database, share) if draft.student_count >= TWO_PROCESSES_FROM else _by_one(database, share)
    return _preview(counted, {text.language: text.size.segments for text in draft.composition.texts})


def _by_one(database: Database, share: Share) -> Count:
    with database.read() as connection:
        return count_share(connection, share)


def _by_two(database: Database, share: Share) -> Count:
    own = replace(share, last=round(share.last * _OWN_PART))
    rest = replace(share, first=own.last)
    with counted_elsewhere(database, rest) as count_of_the_rest:
        counted = _by_one(database, own)
        counted.merge(count_of_the_rest() or _by_one(database, rest))
    return counted


def _preview(counted: Count, segments: Mapping[str, int]) -> Preview:
    by_language = Counter(
        language for (channel, _address), language in counted.addresses.items() if channel is Channel.SMS
    )
    messages = Counter(channel for channel, _address in counted.addresses)
    classes = counted.classes
    return Preview(
        students=classes.total(),
        reachable=classes[StudentClass.HANDED_OVER],
        unreached=classes[StudentClass.UNREACHED],
        held=classes[StudentClass.HELD],
        nobody_may_be_told=classes[StudentClass.NOBODY_MAY_BE_TOLD],
        adults_without_consent=counted.adults,
        never_told=counted.never_told,
        guardians=len(counted.guardians),
        unverified_guardians=len(counted.unverified),
        stale_guardians=len(counted.stale),
        messages={channel: messages[channel] for channel in (Channel.SMS, Channel.EMAIL)},
        sms_by_language=dict(by_language),
        sms_segments=sum(count * segments[language] for language, count in by_language.items()),
        unreached_reasons=dict(counted.unreached.most_common()),
        held_reasons=dict(counted.held.most_common()),
    )


# What a leader reads for the reasons of a preview; the codes themselves stand in --json.
REASON_WORDS: Mapping[str, str] = {
    Unreachable.NO_CONTACT_POINT.value: "no contact information",
    Unreachable.UNVERIFIED_ONLY.value: "no verified contact",
    Unreachable.STALE_ONLY.value: "stale contact only",
    Unreachable.OPTED_OUT.value: "answered STOP",
    Unreachable.FAILING.value: "failing contact only",
    Unreachable.FIXED_LINE_ONLY.value: "fixed line only",
    Unreachable.SHARED_WITH_BLOCKED.value: "shared with a blocked guardian",
    Unreachable.REPLACED.value: "replaced by their own",
    Unreachable.CHANNEL_NOT_ASKED.value: "not on the channels asked for",
    NEVER_TOLD: "not told the first",
    NO_GUARDIAN: "no guardian registered",
    "protected_hold": "protected",
    "protection_unknown": "protection not known",
    "birth_date_unknown": "birth date unknown",
}
