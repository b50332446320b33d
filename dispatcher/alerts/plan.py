"""From students to decisions and messages (pure): what the preview shows and the planner stores is made here, once."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import date
from typing import NamedTuple, TypeAlias

from contacts.codes import AddressChannel
from contacts.entitlement import NO_GUARDIAN, Reason, Verdict
from contacts.facts import GuardianCase, StudentCase, decision_inputs_json
from contacts.reach import PointFacts, ReachOptions, address_language, reach
from dispatcher.codes import AlertStatus, StudentClass
from providers.base import Channel

_CHANNEL = {AddressChannel.SMS: Channel.SMS, AddressChannel.EMAIL: Channel.EMAIL}


@dataclass(frozen=True, slots=True)
class PlanOptions:
    """What is asked of a plan. `on`: the day in Oslo that entitlement is decided for.

    `at_once`: the channels that go first, where the others have a step of their own; None: all of them at once.
    """

    on: date
    reach: ReachOptions
    default_language: str
    at_once: frozenset[Channel] | None = None


class PlannedDecision(NamedTuple):
    """One answer of the entitlement rule, as it will be stored. `unreachable`: an entitled guardian without message."""

    student_id: int
    guardian_id: int | None
    verdict: Verdict
    reason: str
    unreachable: str | None
    inputs: str


class PlannedRecipient(NamedTuple):
    student_id: int
    guardian_id: int
    stale: bool
    unverified: bool


@dataclass(slots=True)
class PlannedDelivery:
    """One message to one address; siblings and people who share the address are all its recipients."""

    channel: Channel
    address_id: int
    language: str
    recipients: list[PlannedRecipient] = field(default_factory=list)


class PlannedStudent(NamedTuple):
    """How a student stands before anything was sent.

    `forecast`: handed_over when somebody entitled will get a message, unreached when somebody is entitled and none
    can be sent, held, or nobody_may_be_told. `reason`: why, for the last three.
    """

    student_id: int
    forecast: StudentClass
    reason: str


@dataclass(frozen=True, slots=True)
class Plan:
    students: tuple[PlannedStudent, ...]
    decisions: tuple[PlannedDecision, ...]
    deliveries: tuple[PlannedDelivery, ...]


def reach_options(status: AlertStatus, channels: Iterable[Channel], *, include_unverified: bool) -> ReachOptions:
    """What an alert of this status may use: stale contact points only when it is real (section 5 of the design)."""
    asked = frozenset(channels)
    return ReachOptions(
        channels=frozenset(kind for kind, channel in _CHANNEL.items() if channel in asked),
        use_stale=status is AlertStatus.ACTUAL,
        include_unverified=include_unverified,
    )


def plan(cases: Iterable[StudentCase], options: PlanOptions, *, with_inputs: bool = True) -> Plan:
    """Decide for every student and guardian, and gather the messages. `with_inputs`: the preview needs none stored."""
    students: list[PlannedStudent] = []
    decisions: list[PlannedDecision] = []
    deliveries: Deliveries = {}
    for case in cases:
        own = plan_case(case, options, deliveries, with_inputs=with_inputs)
        students.append(forecast(case.student_id, own))
        decisions += own
    return Plan(tuple(students), tuple(decisions), tuple(deliveries.values()))


# The messages that a plan has gathered so far, by channel and address.
Deliveries: TypeAlias = dict[tuple[Channel, int], PlannedDelivery]


def plan_case(
    case: StudentCase, options: PlanOptions, deliveries: Deliveries, *, with_inputs: bool
) -> list[PlannedDecision]:
    """The decisions about one student, one at least; their messages join `deliveries`."""
    own = [_plan_guardian(case, guardian, options, deliveries, with_inputs) for guardian in case.guardians]
    return own or [PlannedDecision(case.student_id, None, Verdict.HELD, NO_GUARDIAN, None, "{}")]


def _plan_guardian(
    case: StudentCase, guardian: GuardianCase, options: PlanOptions, deliveries: Deliveries, with_inputs: bool
) -> PlannedDecision:
    answer = case.decide(guardian, options.on)
    unreachable: str | None = None
    if answer.verdict is Verdict.ENTITLED:
        found = reach(guardian.points, options.reach)
        unreachable = found.unreachable and found.unreachable.value
        for point in _first(found.points, options.at_once):
            address(point, case.student_id, guardian.guardian_id, options, deliveries)
    inputs = decision_inputs_json(case, guardian, options.on) if with_inputs else "{}"
    return PlannedDecision(
        case.student_id, guardian.guardian_id, answer.verdict, answer.reason.value, unreachable, inputs
    )


def _first(points: tuple[PointFacts, ...], at_once: frozenset[Channel] | None) -> Iterable[PointFacts]:
    """Those of a guardian's points that are used at once; the others, where none of these channels reaches them."""
    if at_once is None:
        return points
    return tuple(point for point in points if _CHANNEL[point.channel] in at_once) or points


def address(
    point: PointFacts,
    student_id: int,
    guardian_id: int,
    options: PlanOptions,
    deliveries: Deliveries,
    *,
    calls: bool = False,
) -> None:
    """Have the guardian be meant by the message to this contact point, which is made if it is not there yet. `calls`:
    it is a call to the number."""
    key = (Channel.VOICE if calls else _CHANNEL[point.channel], point.address_id)
    delivery = deliveries.get(key)
    if delivery is None:
        language = address_language(point.languages, options.default_language)
        delivery = deliveries[key] = PlannedDelivery(*key, language)
    delivery.recipients.append(PlannedRecipient(student_id, guardian_id, point.stale, not point.verified))


def forecast(student_id: int, decisions: list[PlannedDecision]) -> PlannedStudent:
    """How the student stands, given all decisions about them."""
    unreached: PlannedDecision | None = None
    held: PlannedDecision | None = None
    for one in decisions:
        if one.verdict is Verdict.ENTITLED:
            if one.unreachable is None:
                return PlannedStudent(student_id, StudentClass.HANDED_OVER, "")
            unreached = unreached or one
        elif one.verdict is Verdict.HELD:
            held = held or one
    if unreached is not None:
        return PlannedStudent(student_id, StudentClass.UNREACHED, unreached.unreachable or unreached.reason)
    if held is not None:
        return PlannedStudent(student_id, StudentClass.HELD, held.reason)
    return PlannedStudent(student_id, StudentClass.NOBODY_MAY_BE_TOLD, decisions[0].reason)


def is_adult_without_consent(student: PlannedStudent) -> bool:
    """Whether nobody may be told because the student is an adult who has not consented."""
    return student.reason in (Reason.ADULT_WITHOUT_CONSENT, Reason.CONSENT_WITHDRAWN)
