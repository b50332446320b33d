"""From those who were told to the decisions and messages of a follow-up (pure).

An update goes to those who were told, or would have been, and are entitled today. An all-clear and a cancel go to those
who were told and to nobody else, entitled today or not, unless they are blocked or a person must decide. Both use the
addresses at which they were told; where one of these can no longer be used, the guardian's others, too. Whom staff have
reached by telephone alone stands on the call list: they learn that it is over as they have learnt of the danger.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from contacts.codes import AddressChannel
from contacts.entitlement import NO_GUARDIAN, Verdict, decide_told
from contacts.facts import GuardianCase, StudentCase, decision_inputs_json
from contacts.reach import PointFacts, Reach, reach, refusal
from dispatcher.alerts.plan import (
    Deliveries,
    Plan,
    PlannedDecision,
    PlannedStudent,
    PlanOptions,
    address,
    forecast,
    plan_case,
)
from dispatcher.codes import StudentClass
from dispatcher.outbox.following import NEVER_TOLD, Kind

Pair = tuple[int, int]


@dataclass(frozen=True, slots=True)
class WhoWasTold:
    """What went before, by student and guardian.

    `at`: the addresses of their earlier messages, each with its language; `former`: those of them that are the
    guardian's no longer. `no_turn`: the students to whom planning had not come when the update came. `reached`: whom
    staff have reached by telephone; `at_home`: the students of whom they reached themselves, or somebody at home.
    """

    at: Mapping[Pair, Mapping[int, str]]
    former: Mapping[Pair, Sequence[PointFacts]]
    no_turn: frozenset[int] = frozenset()
    reached: frozenset[Pair] = frozenset()
    at_home: frozenset[int] = frozenset()


def plan_follow_up(
    cases: Iterable[StudentCase], who: WhoWasTold, kind: Kind, options: PlanOptions, *, with_inputs: bool = True
) -> Plan:
    """Decide for every student and guardian, and gather the messages. `cases`: with everybody who was told."""
    students: list[PlannedStudent] = []
    decisions: list[PlannedDecision] = []
    deliveries: Deliveries = {}
    for case in cases:
        if case.student_id in who.no_turn and not kind.ends_it:
            own = plan_case(case, options, deliveries, with_inputs=with_inputs)
        else:
            own = [_follow(case, one, who, kind, options, deliveries, with_inputs) for one in case.guardians]
            own = own or [_nobody(case.student_id, kind, called=case.student_id in who.at_home)]
        students.append(_standing(case.student_id, own))
        decisions += own
    return Plan(tuple(students), tuple(decisions), tuple(deliveries.values()))


def _follow(
    case: StudentCase,
    guardian: GuardianCase,
    who: WhoWasTold,
    kind: Kind,
    options: PlanOptions,
    deliveries: Deliveries,
    with_inputs: bool,
) -> PlannedDecision:
    pair = (case.student_id, guardian.guardian_id)
    at = who.at.get(pair, {})
    answer = case.decide(guardian, options.on)
    inputs = decision_inputs_json(case, guardian, options.on) if with_inputs else "{}"
    if kind.ends_it:
        if at or pair in who.reached:
            answer = decide_told(answer)
        elif answer.verdict is Verdict.NO or case.student_id not in who.at_home:
            reason = answer.reason.value if answer.verdict is Verdict.NO else NEVER_TOLD
            return PlannedDecision(*pair, Verdict.NO, reason, None, inputs)
    unreachable: str | None = None
    if answer.verdict is Verdict.ENTITLED:
        if at:
            found = follow_reach(guardian.points, who.former.get(pair, ()), at, kind, options)
        else:
            found = Reach((), reach(guardian.points, options.reach).unreachable)
        for point in found.points:
            if not point.languages:  # nobody has the address any more: in the words that were read there
                point = replace(point, languages=frozenset({at[point.address_id]}))
            address(point, *pair, options, deliveries)
        if not found.points:
            unreachable = found.unreachable.value if found.unreachable else NEVER_TOLD
    return PlannedDecision(*pair, answer.verdict, answer.reason.value, unreachable, inputs)


def follow_reach(
    own: Sequence[PointFacts], former: Sequence[PointFacts], at: Collection[int], kind: Kind, options: PlanOptions
) -> Reach:
    """Where somebody who was told `at` these addresses is told what follows.

    Whoever reads the messages there has read of the danger: an all-clear and a cancel go there even if nobody would
    send anything else there any more, unless its owner has answered STOP or a blocked person reads it.
    """
    if kind.ends_it:
        used = [point for point in (*own, *former) if point.address_id in at and _reads(point)]
    else:
        used = [point for point in own if point.address_id in at and refusal(point, options.reach) is None]
    kept = {point.address_id for point in used} - {point.address_id for point in former}
    if set(at) <= kept:
        return Reach(tuple(used))
    others = reach(own, options.reach)
    used += [point for point in others.points if point.address_id not in kept]
    return Reach(tuple(used), None if used else reach((*own, *former), options.reach).unreachable)


def _reads(point: PointFacts) -> bool:
    stopped = point.opted_out and point.channel is AddressChannel.SMS
    return point.takes_messages and not stopped and not point.shared_with_blocked


def _nobody(student_id: int, kind: Kind, *, called: bool) -> PlannedDecision:
    """The decision about a student for whom nobody is registered. `called`: staff have reached somebody."""
    if kind.ends_it and not called:
        return PlannedDecision(student_id, None, Verdict.NO, NEVER_TOLD, None, "{}")
    return PlannedDecision(student_id, None, Verdict.HELD, NO_GUARDIAN, None, "{}")


def _standing(student_id: int, decisions: list[PlannedDecision]) -> PlannedStudent:
    """As in every plan; where nobody is told, that nobody was told before says more than why one of several may not."""
    found = forecast(student_id, decisions)
    nobody = found.forecast is StudentClass.NOBODY_MAY_BE_TOLD
    if nobody and any(one.reason == NEVER_TOLD for one in decisions):
        return found._replace(reason=NEVER_TOLD)
    return found
