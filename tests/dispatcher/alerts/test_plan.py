"""The plan, without a database: who gets which message, and how every student stands before anything is sent."""

from __future__ import annotations

from collections import Counter
from datetime import date
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from contacts.codes import AddressChannel, Basis, Protection
from contacts.entitlement import (
    ConsentState,
    GuardianFacts,
    GuardianshipFacts,
    Period,
    StudentFacts,
    Verdict,
    decide,
)
from contacts.facts import GuardianCase, StudentCase
from contacts.reach import PointFacts
from dispatcher.alerts.plan import NO_GUARDIAN, Plan, PlanOptions, is_adult_without_consent, plan, reach_options
from dispatcher.codes import AlertStatus, StudentClass
from providers.base import Channel

TODAY = date(2026, 11, 23)
CHILD, ADULT = date(2010, 3, 2), date(2008, 3, 2)
SMS, EMAIL = AddressChannel.SMS, AddressChannel.EMAIL


def options(
    status: AlertStatus = AlertStatus.ACTUAL, *, unverified: bool = False, channels: Any = Channel
) -> PlanOptions:
    return PlanOptions(TODAY, reach_options(status, channels, include_unverified=unverified), "nb")


def point(address: int, channel: AddressChannel = SMS, **facts: Any) -> PointFacts:
    return PointFacts(address, channel, **{"verified": True, "languages": frozenset({"nb"}), **facts})


def guardian(number: int, *points: PointFacts, basis: Basis = Basis.CUSTODY, **facts: Any) -> GuardianCase:
    consent = facts.pop("consent", ConsentState.NEVER_GIVEN)
    return GuardianCase(number, GuardianFacts(**facts), (GuardianshipFacts(basis),), consent, points)


def student(number: int, *guardians: GuardianCase, born: date | None = CHILD, **facts: Any) -> StudentCase:
    return StudentCase(number, f"2B-{number}", 1, StudentFacts(born, **facts), guardians)


def messages(made: Plan) -> dict[tuple[str, int], list[tuple[int, int]]]:
    return {
        (one.channel.value, one.address_id): [(to.student_id, to.guardian_id) for to in one.recipients]
        for one in made.deliveries
    }


def forecasts(made: Plan) -> dict[int, tuple[str, str]]:
    return {one.student_id: (one.forecast.value, one.reason) for one in made.students}


def test_both_channels_at_once() -> None:
    made = plan([student(1, guardian(10, point(100), point(101, EMAIL)))], options())
    assert messages(made) == {("sms", 100): [(1, 10)], ("email", 101): [(1, 10)]}
    assert forecasts(made) == {1: ("handed_over", "")}
    (decision,) = made.decisions
    assert (decision.student_id, decision.guardian_id, decision.verdict, decision.reason, decision.unreachable) == (
        1,
        10,
        Verdict.ENTITLED,
        "custody",
        None,
    )


def test_siblings_are_told_of_by_one_message_that_counts_for_each() -> None:
    parent = guardian(10, point(100))
    made = plan([student(1, parent), student(2, parent)], options())
    assert messages(made) == {("sms", 100): [(1, 10), (2, 10)]}
    assert len(made.decisions) == 2
    assert forecasts(made) == {1: ("handed_over", ""), 2: ("handed_over", "")}


def test_a_shared_number_gets_one_message_for_both_who_share_it() -> None:
    made = plan([student(1, guardian(10, point(100)), guardian(11, point(100)))], options())
    assert messages(made) == {("sms", 100): [(1, 10), (1, 11)]}


def test_whoever_is_not_entitled_is_no_recipient_of_a_shared_number() -> None:
    relative = guardian(11, point(100), basis=Basis.RELATIVE)
    made = plan([student(1, guardian(10, point(100)), relative)], options())
    assert messages(made) == {("sms", 100): [(1, 10)]}
    assert [(one.guardian_id, one.reason) for one in made.decisions] == [(10, "custody"), (11, "no_custody")]


@pytest.mark.parametrize(
    ("languages", "language"),
    [
        ({"nn"}, "nn"),
        ({"nn", "se"}, "nb"),
        ({"nn", None}, "nb"),
        ({None}, "nb"),
        (set(), "nb"),
    ],
)
def test_the_language_belongs_to_the_address(languages: set[str | None], language: str) -> None:
    shared = point(100, languages=frozenset(languages))
    made = plan([student(1, guardian(10, shared))], options())
    assert [one.language for one in made.deliveries] == [language]


def test_stale_and_unverified_ones_are_marked() -> None:
    made = plan(
        [
            student(
                1,
                guardian(10, point(100, stale=True)),
                guardian(11, point(101, verified=False)),
                guardian(12, point(102)),
            )
        ],
        options(unverified=True),
    )
    marks = {
        one.recipients[0].guardian_id: (one.recipients[0].stale, one.recipients[0].unverified)
        for one in made.deliveries
    }
    assert marks == {10: (True, False), 11: (False, True), 12: (False, False)}


@pytest.mark.parametrize("status", [AlertStatus.EXERCISE, AlertStatus.TEST])
def test_a_drill_uses_no_stale_contact(status: AlertStatus) -> None:
    made = plan([student(1, guardian(10, point(100, stale=True)))], options(status))
    assert (messages(made), forecasts(made)) == ({}, {1: ("unreached", "stale_only")})
    assert [one.unreachable for one in made.decisions] == ["stale_only"]


def test_only_the_channels_asked_for() -> None:
    made = plan([student(1, guardian(10, point(100), point(101, EMAIL)))], options(channels=[Channel.EMAIL]))
    assert messages(made) == {("email", 101): [(1, 10)]}
    made = plan([student(1, guardian(10, point(100)))], options(channels=[Channel.EMAIL]))
    assert forecasts(made) == {1: ("unreached", "channel_not_asked")}


def test_a_student_for_whom_nobody_is_registered_is_held() -> None:
    made = plan([student(1)], options())
    assert forecasts(made) == {1: ("held", NO_GUARDIAN)}
    (decision,) = made.decisions
    assert (decision.guardian_id, decision.verdict, decision.reason) == (None, Verdict.HELD, NO_GUARDIAN)


@pytest.mark.parametrize(
    ("case", "forecast"),
    [
        (student(1, guardian(10)), ("unreached", "no_contact_point")),
        (student(1, guardian(10, point(100, verified=False))), ("unreached", "unverified_only")),
        (student(1, guardian(10, point(100, shared_with_blocked=True))), ("unreached", "shared_with_blocked")),
        (student(1, guardian(10), guardian(11, point(100))), ("handed_over", "")),
        (student(1, guardian(10, point(100)), born=None), ("held", "birth_date_unknown")),
        (student(1, guardian(10, point(100)), protection=Protection.CONFIDENTIAL), ("held", "protected_hold")),
        (student(1, guardian(10, deceased=True), born=None), ("nobody_may_be_told", "deceased")),
        (student(1, guardian(10, point(100)), born=ADULT), ("nobody_may_be_told", "adult_without_consent")),
        (student(1, guardian(10, point(100), consent=ConsentState.IN_FORCE), born=ADULT), ("handed_over", "")),
        (student(1, guardian(10, point(100), basis=Basis.RELATIVE)), ("nobody_may_be_told", "no_custody")),
        (
            student(1, guardian(10, deceased=True), guardian(11), born=None),
            ("held", "birth_date_unknown"),
        ),
    ],
)
def test_how_a_student_stands(case: StudentCase, forecast: tuple[str, str]) -> None:
    made = plan([case], options())
    assert forecasts(made) == {1: forecast}
    assert bool(made.deliveries) == (forecast[0] == "handed_over")


def test_who_is_an_adult_without_consent() -> None:
    def of(consent: ConsentState) -> bool:
        made = plan([student(1, guardian(10, consent=consent), born=ADULT)], options())
        return is_adult_without_consent(made.students[0])

    assert [of(consent) for consent in ConsentState] == [
        consent is not ConsentState.IN_FORCE for consent in ConsentState
    ]
    assert not is_adult_without_consent(plan([student(1)], options()).students[0])


def test_the_preview_keeps_no_inputs() -> None:
    cases = [student(1, guardian(10, point(100)))]
    assert [one.inputs for one in plan(cases, options(), with_inputs=False).decisions] == ["{}"]
    assert '"age":16' in plan(cases, options()).decisions[0].inputs


POINTS = st.builds(
    PointFacts,
    address_id=st.integers(100, 104),
    channel=st.just(SMS),
    takes_messages=st.booleans(),
    opted_out=st.booleans(),
    verified=st.booleans(),
    stale=st.booleans(),
    shared_with_blocked=st.booleans(),
    languages=st.frozensets(st.sampled_from(["nb", "nn", None]), max_size=2),
)
MAILS = st.builds(PointFacts, address_id=st.integers(200, 204), channel=st.just(EMAIL), verified=st.booleans())
GUARDIANS = st.builds(
    GuardianCase,
    guardian_id=st.integers(10, 13),
    facts=st.builds(
        GuardianFacts,
        deceased=st.booleans(),
        blocks=st.sampled_from([(), (Period(date(2026, 1, 1), None),), (Period(date(2026, 1, 1), TODAY),)]),
    ),
    guardianships=st.lists(
        st.builds(GuardianshipFacts, st.sampled_from(Basis), documented=st.booleans()), max_size=2
    ).map(tuple),
    consent=st.sampled_from(ConsentState),
    points=st.lists(POINTS | MAILS, max_size=3).map(tuple),
)
STUDENTS = st.builds(
    StudentCase,
    student_id=st.integers(1, 10**6),
    ref=st.none(),
    school_id=st.none(),
    facts=st.builds(
        StudentFacts,
        st.sampled_from([CHILD, ADULT, None]),
        deceased=st.booleans(),
        protection=st.sampled_from(Protection),
        released=st.booleans(),
    ),
    guardians=st.lists(GUARDIANS, max_size=3, unique_by=lambda one: one.guardian_id).map(tuple),
)


@given(
    st.lists(STUDENTS, max_size=6, unique_by=lambda one: one.student_id),
    st.sampled_from(AlertStatus),
    st.booleans(),
    st.sampled_from([(Channel.SMS,), (Channel.EMAIL,), tuple(Channel)]),
)
def test_nobody_untitled_is_a_recipient_and_nobody_entitled_is_forgotten(
    cases: list[StudentCase], status: AlertStatus, unverified: bool, channels: tuple[Channel, ...]
) -> None:
    made = plan(cases, options(status, unverified=unverified, channels=channels))
    assert [one.student_id for one in made.students] == [one.student_id for one in cases]
    entitled = {
        (case.student_id, one.guardian_id)
        for case in cases
        for one in case.guardians
        if decide(case.facts, one.facts, one.guardianships, one.consent, TODAY).verdict is Verdict.ENTITLED
    }
    told = [
        (to.student_id, to.guardian_id, one.channel, one.address_id) for one in made.deliveries for to in one.recipients
    ]
    assert len(told) == len(set(told))
    assert len(made.deliveries) == len({(one.channel, one.address_id) for one in made.deliveries})
    assert {(student_id, guardian_id) for student_id, guardian_id, *_ in told} <= entitled
    reached = {(student_id, guardian_id) for student_id, guardian_id, *_ in told}
    for decision in made.decisions:
        pair = (decision.student_id, decision.guardian_id)
        assert (decision.verdict is Verdict.ENTITLED) == (pair in entitled)
        assert (decision.unreachable is None) == (pair in reached or pair not in entitled)
    assert Counter(one.student_id for one in made.decisions) == {
        case.student_id: max(1, len(case.guardians)) for case in cases
    }
    owned = {
        (one.guardian_id, found.address_id)
        for case in cases
        for one in case.guardians
        for found in one.points
        if not found.shared_with_blocked
    }
    assert {(guardian_id, address_id) for _, guardian_id, _, address_id in told} <= owned
    assert {one.channel for one in made.deliveries} <= set(channels)
    for standing in made.students:
        own = [one for one in made.decisions if one.student_id == standing.student_id]
        expected = StudentClass.NOBODY_MAY_BE_TOLD
        if any(
            one.student_id == standing.student_id
            for one in made.decisions
            if (one.student_id, one.guardian_id) in reached
        ):
            expected = StudentClass.HANDED_OVER
        elif any(one.verdict is Verdict.ENTITLED for one in own):
            expected = StudentClass.UNREACHED
        elif any(one.verdict is Verdict.HELD for one in own):
            expected = StudentClass.HELD
        assert standing.forecast is expected
        assert bool(standing.reason) == (expected is not StudentClass.HANDED_OVER)
