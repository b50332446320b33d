"""The entitlement rule: every row of its table, and the laws that hold whatever the facts are."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from itertools import permutations

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from config.clock import oslo_date, oslo_midnight
from contacts.codes import Basis, Protection
from contacts.entitlement import (
    ANSWERS,
    ConsentState,
    Entitlement,
    GuardianFacts,
    GuardianshipFacts,
    Period,
    Reason,
    StudentFacts,
    Verdict,
    age_on,
    consent_state,
    decide,
    decide_told,
    eighteenth_birthday,
    entitlement,
    is_adult,
)

ON = date(2026, 11, 23)
BORN_16 = date(2010, 3, 2)
BORN_14 = date(2012, 3, 2)
BORN_18 = date(2008, 11, 23)
MINOR = StudentFacts(BORN_16)
ADULT = StudentFacts(BORN_18)
NOBODY_SPECIAL = GuardianFacts()
BLOCKED = GuardianFacts(blocks=(Period(date(2026, 2, 1), None),))
CUSTODY = GuardianshipFacts(Basis.CUSTODY)
PAST = Period(None, ON)
FUTURE = Period(ON + timedelta(days=1), None)
NEVER, IN_FORCE, WITHDRAWN = ConsentState.NEVER_GIVEN, ConsentState.IN_FORCE, ConsentState.WITHDRAWN


def contact(**facts: bool) -> GuardianshipFacts:
    return GuardianshipFacts(Basis.CONTACT_PERSON, **facts)  # type: ignore[arg-type]


# student, guardian, guardianship, consent, reason
TABLE = [
    # 1
    (StudentFacts(BORN_16, deceased=True), NOBODY_SPECIAL, CUSTODY, NEVER, "student_deceased"),
    (StudentFacts(None, deceased=True), BLOCKED, CUSTODY, NEVER, "student_deceased"),
    (StudentFacts(BORN_18, deceased=True), NOBODY_SPECIAL, CUSTODY, IN_FORCE, "student_deceased"),
    # 2
    (MINOR, GuardianFacts(deceased=True), CUSTODY, NEVER, "deceased"),
    (ADULT, GuardianFacts(deceased=True, blocks=BLOCKED.blocks), CUSTODY, IN_FORCE, "deceased"),
    # 3
    (MINOR, BLOCKED, CUSTODY, NEVER, "blocked"),
    (ADULT, BLOCKED, CUSTODY, IN_FORCE, "blocked"),
    (StudentFacts(None), BLOCKED, CUSTODY, NEVER, "blocked"),
    (StudentFacts(BORN_16, protection=Protection.CONFIDENTIAL), BLOCKED, CUSTODY, NEVER, "blocked"),
    (MINOR, GuardianFacts(blocks=(Period(ON, ON + timedelta(days=1)),)), CUSTODY, NEVER, "blocked"),
    (MINOR, GuardianFacts(blocks=(PAST, FUTURE)), CUSTODY, NEVER, "custody"),
    (MINOR, GuardianFacts(blocks=(PAST, Period(ON, None))), CUSTODY, NEVER, "blocked"),
    # 4
    (StudentFacts(None), NOBODY_SPECIAL, CUSTODY, NEVER, "birth_date_unknown"),
    (StudentFacts(None), NOBODY_SPECIAL, CUSTODY, IN_FORCE, "birth_date_unknown"),
    (StudentFacts(None, protection=Protection.CONFIDENTIAL), NOBODY_SPECIAL, CUSTODY, NEVER, "birth_date_unknown"),
    # 5
    (StudentFacts(BORN_16, protection=Protection.CONFIDENTIAL), NOBODY_SPECIAL, CUSTODY, NEVER, "protected_hold"),
    (
        StudentFacts(BORN_16, protection=Protection.STRICTLY_CONFIDENTIAL),
        NOBODY_SPECIAL,
        CUSTODY,
        NEVER,
        "protected_hold",
    ),
    (StudentFacts(BORN_18, protection=Protection.CONFIDENTIAL), NOBODY_SPECIAL, CUSTODY, IN_FORCE, "protected_hold"),
    (StudentFacts(BORN_16, protection=Protection.CLIENT), NOBODY_SPECIAL, CUSTODY, NEVER, "custody"),
    (
        StudentFacts(BORN_16, protection=Protection.CONFIDENTIAL, released=True),
        NOBODY_SPECIAL,
        CUSTODY,
        NEVER,
        "custody",
    ),
    # 5a
    (StudentFacts(BORN_16, protection_unknown=True), NOBODY_SPECIAL, CUSTODY, NEVER, "protection_unknown"),
    (StudentFacts(BORN_18, protection_unknown=True), NOBODY_SPECIAL, CUSTODY, IN_FORCE, "protection_unknown"),
    (StudentFacts(BORN_16, protection_unknown=True, released=True), NOBODY_SPECIAL, CUSTODY, NEVER, "custody"),
    (StudentFacts(None, protection_unknown=True), NOBODY_SPECIAL, CUSTODY, NEVER, "birth_date_unknown"),
    (StudentFacts(BORN_16, protection_unknown=True), BLOCKED, CUSTODY, NEVER, "blocked"),
    # 6
    (MINOR, NOBODY_SPECIAL, CUSTODY, NEVER, "custody"),
    (MINOR, NOBODY_SPECIAL, CUSTODY, WITHDRAWN, "custody"),
    (MINOR, NOBODY_SPECIAL, GuardianshipFacts(Basis.FOSTER), NEVER, "foster"),
    (MINOR, NOBODY_SPECIAL, GuardianshipFacts(Basis.APPOINTED), NEVER, "appointed"),
    (MINOR, NOBODY_SPECIAL, GuardianshipFacts(Basis.CUSTODY, Period(ON, ON + timedelta(days=1))), NEVER, "custody"),
    (MINOR, NOBODY_SPECIAL, GuardianshipFacts(Basis.CUSTODY, PAST), NEVER, "no_custody"),
    (MINOR, NOBODY_SPECIAL, GuardianshipFacts(Basis.CUSTODY, FUTURE), NEVER, "no_custody"),
    (MINOR, NOBODY_SPECIAL, GuardianshipFacts(Basis.APPOINTED, PAST), NEVER, "no_custody"),
    (StudentFacts(BORN_16, has_register_document=True), NOBODY_SPECIAL, CUSTODY, NEVER, "custody"),
    (
        StudentFacts(BORN_16, has_register_document=True),
        NOBODY_SPECIAL,
        GuardianshipFacts(Basis.FOSTER),
        NEVER,
        "foster",
    ),
    # 7
    (MINOR, NOBODY_SPECIAL, GuardianshipFacts(Basis.SCHOOL_REGISTER), NEVER, "school_register"),
    (MINOR, NOBODY_SPECIAL, GuardianshipFacts(Basis.SCHOOL_REGISTER, PAST), NEVER, "no_custody"),
    (
        StudentFacts(BORN_16, has_register_document=True),
        NOBODY_SPECIAL,
        GuardianshipFacts(Basis.SCHOOL_REGISTER),
        NEVER,
        "no_custody",
    ),
    # 8
    (MINOR, NOBODY_SPECIAL, contact(documented=True), NEVER, "documented_contact"),
    (MINOR, NOBODY_SPECIAL, contact(student_agreed=True), NEVER, "documented_contact"),
    (StudentFacts(date(2011, 11, 23)), NOBODY_SPECIAL, contact(student_agreed=True), NEVER, "documented_contact"),
    (StudentFacts(BORN_14), NOBODY_SPECIAL, contact(documented=True), NEVER, "documented_contact"),
    # 9
    (MINOR, NOBODY_SPECIAL, contact(), NEVER, "undocumented_contact"),
    (StudentFacts(BORN_14), NOBODY_SPECIAL, contact(student_agreed=True), NEVER, "undocumented_contact"),
    (StudentFacts(date(2011, 11, 24)), NOBODY_SPECIAL, contact(student_agreed=True), NEVER, "undocumented_contact"),
    # A consent is an adult's: it makes no contact person of a minor's.
    (MINOR, NOBODY_SPECIAL, contact(), IN_FORCE, "undocumented_contact"),
    # 10
    (
        MINOR,
        NOBODY_SPECIAL,
        GuardianshipFacts(Basis.CONTACT_PERSON, PAST, documented=True, student_agreed=True),
        NEVER,
        "no_custody",
    ),
    (MINOR, NOBODY_SPECIAL, GuardianshipFacts(Basis.RELATIVE), NEVER, "no_custody"),
    (MINOR, NOBODY_SPECIAL, GuardianshipFacts(Basis.RELATIVE, documented=True), NEVER, "no_custody"),
    # 11
    (ADULT, NOBODY_SPECIAL, CUSTODY, IN_FORCE, "consented"),
    (ADULT, NOBODY_SPECIAL, GuardianshipFacts(Basis.CUSTODY, PAST), IN_FORCE, "consented"),
    (ADULT, NOBODY_SPECIAL, GuardianshipFacts(Basis.RELATIVE), IN_FORCE, "consented"),
    # 12
    (ADULT, NOBODY_SPECIAL, CUSTODY, WITHDRAWN, "consent_withdrawn"),
    (ADULT, NOBODY_SPECIAL, CUSTODY, NEVER, "adult_without_consent"),
    (ADULT, NOBODY_SPECIAL, contact(documented=True), NEVER, "adult_without_consent"),
]


@pytest.mark.parametrize(("student", "guardian", "guardianship", "consent", "reason"), TABLE)
def test_every_row_of_the_table(
    student: StudentFacts,
    guardian: GuardianFacts,
    guardianship: GuardianshipFacts,
    consent: ConsentState,
    reason: str,
) -> None:
    assert entitlement(student, guardian, guardianship, consent, ON).reason == reason


def test_the_table_meets_every_reason_there_is() -> None:
    assert {row[-1] for row in TABLE} | {Reason.TOLD_EARLIER} == {reason.value for reason in Reason}


VERDICTS = {
    "entitled": [
        "custody",
        "foster",
        "appointed",
        "school_register",
        "documented_contact",
        "consented",
        "told_earlier",  # not a row of the table
    ],
    "held": ["birth_date_unknown", "protected_hold", "protection_unknown"],
    "no": [
        "student_deceased",
        "deceased",
        "blocked",
        "undocumented_contact",
        "no_custody",
        "consent_withdrawn",
        "adult_without_consent",
    ],
}


def test_each_reason_has_the_verdict_of_the_table() -> None:
    told = {verdict: {r.value for r, answer in ANSWERS.items() if answer.verdict == verdict} for verdict in VERDICTS}
    assert told == {verdict: set(reasons) for verdict, reasons in VERDICTS.items()}
    assert ANSWERS[Reason.CUSTODY] == Entitlement(Verdict.ENTITLED, Reason.CUSTODY)


@pytest.mark.parametrize("reason", list(Reason))
def test_who_was_told_learns_that_it_is_over_unless_a_person_or_death_stands_against_it(reason: Reason) -> None:
    lost = {Reason.UNDOCUMENTED_CONTACT, Reason.NO_CUSTODY, Reason.CONSENT_WITHDRAWN, Reason.ADULT_WITHOUT_CONSENT}
    answer = ANSWERS[reason]
    assert decide_told(answer) == (ANSWERS[Reason.TOLD_EARLIER] if reason in lost else answer)
    assert ANSWERS[Reason.TOLD_EARLIER].verdict is Verdict.ENTITLED


days = st.dates(date(1990, 1, 1), date(2060, 12, 31))
periods = st.builds(Period, st.none() | days, st.none() | days)
students = st.builds(
    StudentFacts,
    st.none() | st.dates(date(1985, 1, 1), date(2050, 12, 31)),
    st.booleans(),
    st.sampled_from(Protection),
    st.booleans(),
    st.booleans(),
    st.booleans(),
)
guardians = st.builds(GuardianFacts, st.booleans(), st.lists(periods, max_size=2).map(tuple))
guardianships = st.builds(GuardianshipFacts, st.sampled_from(Basis), periods, st.booleans(), st.booleans())
rows = st.lists(guardianships, max_size=4)
consents = st.sampled_from(ConsentState)


@given(students, st.booleans(), rows, consents, days)
def test_a_block_beats_everything_but_death(
    student: StudentFacts, dead: bool, links: list[GuardianshipFacts], consent: ConsentState, on: date
) -> None:
    blocked = GuardianFacts(dead, (Period(on, on + timedelta(days=1)),))
    answer = decide(student, blocked, links, consent, on)
    assert answer.verdict is Verdict.NO
    assert answer.reason in (Reason.BLOCKED, Reason.STUDENT_DECEASED, Reason.DECEASED)
    if not student.deceased and not dead:
        assert answer.reason is Reason.BLOCKED


@given(
    st.builds(replace, students, birth_date=st.dates(date(1950, 1, 1), date(1972, 1, 1))),
    guardians,
    rows,
    st.sampled_from([NEVER, WITHDRAWN]),
    days,
)
def test_no_guardian_of_an_adult_without_consent(
    student: StudentFacts, guardian: GuardianFacts, links: list[GuardianshipFacts], consent: ConsentState, on: date
) -> None:
    assert decide(student, guardian, links, consent, on).verdict is not Verdict.ENTITLED


@given(students, guardians, rows, consents, days, st.sampled_from(["student", "guardian", "both"]))
def test_nobody_is_told_of_a_dead_student_and_no_dead_guardian_is_told(
    student: StudentFacts,
    guardian: GuardianFacts,
    links: list[GuardianshipFacts],
    consent: ConsentState,
    on: date,
    dead: str,
) -> None:
    student = replace(student, deceased=student.deceased or dead != "guardian")
    guardian = replace(guardian, deceased=guardian.deceased or dead != "student")
    assert decide(student, guardian, links, consent, on).verdict is Verdict.NO


@given(
    st.builds(
        replace,
        students,
        protection=st.sampled_from([Protection.CONFIDENTIAL, Protection.STRICTLY_CONFIDENTIAL]),
        released=st.just(False),
    ),
    guardians,
    rows,
    consents,
    days,
)
def test_a_protected_student_not_released_is_never_told_of(
    student: StudentFacts, guardian: GuardianFacts, links: list[GuardianshipFacts], consent: ConsentState, on: date
) -> None:
    assert decide(student, guardian, links, consent, on).verdict is not Verdict.ENTITLED


@given(students, guardians, st.lists(guardianships, max_size=3), consents, days)
def test_the_order_of_the_rows_changes_nothing(
    student: StudentFacts, guardian: GuardianFacts, links: list[GuardianshipFacts], consent: ConsentState, on: date
) -> None:
    assert len({decide(student, guardian, order, consent, on) for order in permutations(links)}) == 1


@given(students, guardians, rows, guardianships, consents, days)
def test_a_row_that_is_not_valid_that_day_changes_nothing(
    student: StudentFacts,
    guardian: GuardianFacts,
    links: list[GuardianshipFacts],
    extra: GuardianshipFacts,
    consent: ConsentState,
    on: date,
) -> None:
    assume(not extra.valid.covers(on))
    with_it = decide(student, guardian, [*links, extra], consent, on)
    assert with_it == decide(student, guardian, links, consent, on)


living_minors = st.builds(
    StudentFacts, st.dates(date(2044, 1, 1), date(2050, 1, 1)), has_register_document=st.booleans()
)


@given(living_minors, rows.filter(bool), guardianships, consents, days)
def test_one_more_row_never_takes_an_entitlement_away(
    student: StudentFacts,
    links: list[GuardianshipFacts],
    extra: GuardianshipFacts,
    consent: ConsentState,
    on: date,
) -> None:
    before = decide(student, NOBODY_SPECIAL, links, consent, on)
    after = decide(student, NOBODY_SPECIAL, [*links, extra], consent, on)
    assert after.verdict is Verdict.ENTITLED or before.verdict is not Verdict.ENTITLED


@given(students, guardians, st.lists(guardianships, min_size=1, max_size=4), consents, days)
def test_of_several_rows_the_answer_is_one_of_theirs_and_entitled_if_any_is(
    student: StudentFacts, guardian: GuardianFacts, links: list[GuardianshipFacts], consent: ConsentState, on: date
) -> None:
    alone = {entitlement(student, guardian, link, consent, on) for link in links}
    together = decide(student, guardian, links, consent, on)
    assert together in alone
    assert (together.verdict is Verdict.ENTITLED) == any(one.verdict is Verdict.ENTITLED for one in alone)


def test_the_row_that_stands_first_in_the_table_names_the_reason() -> None:
    links = [
        contact(),
        GuardianshipFacts(Basis.RELATIVE),
        contact(documented=True),
        GuardianshipFacts(Basis.SCHOOL_REGISTER),
        GuardianshipFacts(Basis.APPOINTED),
        GuardianshipFacts(Basis.FOSTER),
        CUSTODY,
    ]
    said = []
    while links:
        said.append(decide(MINOR, NOBODY_SPECIAL, links, NEVER, ON).reason.value)
        links.pop()
    assert said == [
        "custody",
        "foster",
        "appointed",
        "school_register",
        "documented_contact",
        "undocumented_contact",
        "undocumented_contact",
    ]


def test_without_any_row_a_minor_has_no_guardian_and_an_adult_may_consent() -> None:
    assert decide(MINOR, NOBODY_SPECIAL, [], IN_FORCE, ON).reason is Reason.NO_CUSTODY
    assert decide(ADULT, NOBODY_SPECIAL, [], IN_FORCE, ON).reason is Reason.CONSENTED


@given(st.dates(date(1990, 1, 1), date(2040, 12, 31)))
def test_register_guardians_end_at_the_first_moment_of_the_eighteenth_birthday_in_oslo(birth_date: date) -> None:
    midnight = oslo_midnight(eighteenth_birthday(birth_date))
    student = StudentFacts(birth_date)

    def verdict(moment: datetime) -> Verdict:
        return entitlement(student, NOBODY_SPECIAL, CUSTODY, NEVER, oslo_date(moment)).verdict

    assert verdict(midnight - timedelta(microseconds=1)) is Verdict.ENTITLED
    assert verdict(midnight) is Verdict.NO


def test_eighteen_comes_an_hour_or_two_before_midnight_utc() -> None:
    student = StudentFacts(date(2008, 7, 1))
    before = datetime(2026, 6, 30, 21, 59, 59, tzinfo=UTC)
    after = datetime(2026, 6, 30, 22, 0, tzinfo=UTC)
    assert entitlement(student, NOBODY_SPECIAL, CUSTODY, NEVER, oslo_date(before)).reason is Reason.CUSTODY
    assert entitlement(student, NOBODY_SPECIAL, CUSTODY, NEVER, oslo_date(after)).reason is Reason.ADULT_WITHOUT_CONSENT


@pytest.mark.parametrize(
    ("born", "on", "age"),
    [
        (date(2008, 2, 29), date(2026, 2, 28), 17),
        (date(2008, 2, 29), date(2026, 3, 1), 18),
        (date(2008, 2, 29), date(2028, 2, 28), 19),
        (date(2008, 2, 29), date(2028, 2, 29), 20),
        (date(2008, 2, 28), date(2026, 2, 28), 18),
        (date(2008, 3, 1), date(2026, 2, 28), 17),
        (date(2008, 12, 31), date(2026, 12, 30), 17),
        (date(2008, 12, 31), date(2026, 12, 31), 18),
        (date(2026, 11, 23), date(2026, 11, 23), 0),
    ],
)
def test_age_in_whole_years(born: date, on: date, age: int) -> None:
    assert age_on(born, on) == age
    assert is_adult(born, on) == (age >= 18)


@given(st.dates(date(1900, 1, 1), date(2100, 12, 31)), st.dates(date(1900, 1, 1), date(2130, 12, 31)))
def test_adult_means_eighteen_years_or_more(born: date, on: date) -> None:
    assert is_adult(born, on) == (age_on(born, on) >= 18)


@given(periods, days)
def test_a_period_begins_on_its_first_day_and_has_ended_on_its_last(period: Period, day: date) -> None:
    begun = period.start is None or day >= period.start
    over = period.end is not None and day >= period.end
    assert period.covers(day) == (begun and not over)


@pytest.mark.parametrize(
    ("given_and_withdrawn", "state"),
    [
        ([], NEVER),
        ([(ON, None)], IN_FORCE),
        ([(ON + timedelta(days=1), None)], NEVER),
        ([(date(2026, 1, 1), ON)], WITHDRAWN),
        ([(date(2026, 1, 1), ON + timedelta(days=1))], IN_FORCE),
        ([(ON, ON)], WITHDRAWN),
        ([(date(2026, 1, 1), date(2026, 2, 1)), (date(2026, 3, 1), None)], IN_FORCE),
        ([(date(2026, 3, 1), None), (date(2026, 1, 1), date(2026, 2, 1))], IN_FORCE),
        ([(date(2026, 1, 1), date(2026, 2, 1)), (ON + timedelta(days=1), None)], WITHDRAWN),
    ],
)
def test_what_consents_come_to(given_and_withdrawn: list[tuple[date, date | None]], state: ConsentState) -> None:
    assert consent_state([Period(*one) for one in given_and_withdrawn], ON) is state
