"""What an alert would do, counted by the function that plans it: shown before anybody is told."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field

from sqlalchemy import Connection, select

from contacts.entitlement import NO_GUARDIAN, Verdict
from contacts.facts import CHUNK, collector_paused, load_cases
from contacts.reach import Unreachable
from dispatcher.alerts.draft import Draft
from dispatcher.alerts.plan import Plan, is_adult_without_consent, plan
from dispatcher.alerts.planner import plan_options
from dispatcher.codes import StudentClass
from dispatcher.tables import ALERT, ALERT_STUDENT
from providers.base import Channel


@dataclass(frozen=True, slots=True)
class Preview:
    """The numbers of a preview.

    `unreached`: somebody is entitled, and no message can be sent; `held`: a person must decide; both together are the
    students who cannot be reached. `reasons`: how many students for each reason behind these, and behind
    `nobody_may_be_told`. `unverified_guardians`: those whom --include-unverified would reach. `messages`: by channel.
    `sms_segments`: of all SMS together, by language their number is in `sms_by_language`.
    """

    students: int
    reachable: int
    unreached: int
    held: int
    nobody_may_be_told: int
    adults_without_consent: int
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


@dataclass(slots=True)
class _Count:
    """What has been counted so far; addresses and guardians count once, whatever the chunk they come in."""

    classes: Counter[StudentClass] = field(default_factory=Counter)
    adults: int = 0
    unreached: Counter[str] = field(default_factory=Counter)
    held: Counter[str] = field(default_factory=Counter)
    guardians: set[int] = field(default_factory=set)
    unverified: set[int] = field(default_factory=set)
    stale: set[int] = field(default_factory=set)
    addresses: dict[tuple[Channel, int], str] = field(default_factory=dict)

    def add(self, chunk: Plan) -> None:
        for student in chunk.students:
            self.classes[student.forecast] += 1
            if student.forecast is StudentClass.UNREACHED:
                self.unreached[student.reason] += 1
            elif student.forecast is StudentClass.HELD:
                self.held[student.reason] += 1
            elif student.forecast is StudentClass.NOBODY_MAY_BE_TOLD:
                self.adults += is_adult_without_consent(student)
        for decision in chunk.decisions:
            if decision.verdict is Verdict.ENTITLED and decision.guardian_id is not None:
                if decision.unreachable == Unreachable.UNVERIFIED_ONLY:
                    self.unverified.add(decision.guardian_id)
                elif decision.unreachable is None:
                    self.guardians.add(decision.guardian_id)
        for delivery in chunk.deliveries:
            self.addresses[delivery.channel, delivery.address_id] = delivery.language
            self.stale.update(one.guardian_id for one in delivery.recipients if one.stale)


def preview(connection: Connection, draft: Draft, *, stale_after_months: int) -> Preview:
    """Plan the draft without storing anything, a chunk of students in memory at a time."""
    alert = connection.execute(select(ALERT).where(ALERT.c.id == draft.alert_id)).one()
    options = plan_options(alert, draft.on)
    counted = _Count()
    for start in range(0, draft.student_count, CHUNK):
        students = connection.execute(
            select(ALERT_STUDENT.c.student_id)
            .where(
                ALERT_STUDENT.c.alert_id == draft.alert_id,
                ALERT_STUDENT.c.position > start,
                ALERT_STUDENT.c.position <= start + CHUNK,
            )
            .order_by(ALERT_STUDENT.c.position)
        )
        with collector_paused():
            cases = load_cases(connection, list(students.scalars()), draft.on, stale_after_months=stale_after_months)
            counted.add(plan(cases, options, with_inputs=False))
    return _preview(counted, {text.language: text.size.segments for text in draft.composition.texts})


def _preview(counted: _Count, segments: Mapping[str, int]) -> Preview:
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
        guardians=len(counted.guardians),
        unverified_guardians=len(counted.unverified),
        stale_guardians=len(counted.stale),
        messages={channel: messages[channel] for channel in Channel},
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
    Unreachable.FIXED_LINE_ONLY.value: "fixed line only",
    Unreachable.SHARED_WITH_BLOCKED.value: "shared with a blocked guardian",
    Unreachable.CHANNEL_NOT_ASKED.value: "not on the channels asked for",
    NO_GUARDIAN: "no guardian registered",
    "protected_hold": "protected",
    "birth_date_unknown": "birth date unknown",
}
