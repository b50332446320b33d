"""Whose page a guardian sees in the portal: every row of the table, and what holds whatever the facts are."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from config.clock import oslo_date, oslo_midnight
from contacts.codes import Basis, Protection
from contacts.entitlement import (
    ConsentState,
    GuardianFacts,
    GuardianshipFacts,
    Period,
    StudentFacts,
    Verdict,
    decide,
    eighteenth_birthday,
    is_adult,
)
from contacts.page_rule import Sight, decide_page, sight
from tests.contacts.test_entitlement import consents, days, guardians, rows, students

ON = date(2026, 11, 23)
MINOR = StudentFacts(date(2010, 3, 2))
AT_14 = StudentFacts(date(2012, 3, 2))
ADULT = StudentFacts(date(2008, 11, 23))
ALIVE = GuardianFacts()
BLOCKED = GuardianFacts(blocks=(Period(date(2026, 2, 1), None),))
NEVER, IN_FORCE, WITHDRAWN = ConsentState.NEVER_GIVEN, ConsentState.IN_FORCE, ConsentState.WITHDRAWN
PAGE, NAME, NOTHING = Sight.PAGE, Sight.NAME, Sight.NOTHING


def link(basis: Basis = Basis.CUSTODY, **facts: object) -> GuardianshipFacts:
    return GuardianshipFacts(basis, **facts)  # type: ignore[arg-type]


def seen(
    student: StudentFacts,
    guardian: GuardianFacts,
    links: list[GuardianshipFacts],
    portal: ConsentState,
    alerts: ConsentState,
    on: date = ON,
) -> Sight:
    page = decide_page(student, guardian, links, portal, on)
    return sight(student, page, decide(student, guardian, links, alerts, on))


CUSTODY = [link()]
CONTACT = Basis.CONTACT_PERSON
# row, student, guardian, guardianships, consent to the portal, consent to alerts, what is seen
TABLE = [
    ("P1", replace(MINOR, deceased=True), ALIVE, CUSTODY, NEVER, NEVER, NOTHING),
    ("P1", replace(ADULT, deceased=True), ALIVE, CUSTODY, IN_FORCE, IN_FORCE, NOTHING),
    ("P1", StudentFacts(None), ALIVE, CUSTODY, IN_FORCE, IN_FORCE, NOTHING),
    ("P1", replace(MINOR, protection=Protection.CONFIDENTIAL), ALIVE, CUSTODY, NEVER, NEVER, NOTHING),
    ("P1", replace(MINOR, protection=Protection.STRICTLY_CONFIDENTIAL), ALIVE, CUSTODY, NEVER, NEVER, NOTHING),
    ("P1", replace(MINOR, protection=Protection.CONFIDENTIAL, released=True), ALIVE, CUSTODY, NEVER, NEVER, NOTHING),
    (
        "P1",
        replace(ADULT, protection=Protection.CONFIDENTIAL, released=True),
        ALIVE,
        CUSTODY,
        IN_FORCE,
        IN_FORCE,
        NOTHING,
    ),
    ("P1", replace(MINOR, protection_unknown=True), ALIVE, CUSTODY, NEVER, NEVER, NOTHING),
    ("P1", replace(MINOR, protection_unknown=True, released=True), ALIVE, CUSTODY, NEVER, NEVER, NOTHING),
    ("P2", MINOR, GuardianFacts(deceased=True), CUSTODY, NEVER, NEVER, NOTHING),
    ("P2", MINOR, BLOCKED, CUSTODY, NEVER, NEVER, NOTHING),
    ("P2", ADULT, BLOCKED, CUSTODY, IN_FORCE, IN_FORCE, NOTHING),
    (
        "P2",
        MINOR,
        GuardianFacts(blocks=(Period(None, ON), Period(ON + timedelta(1), None))),
        CUSTODY,
        NEVER,
        NEVER,
        PAGE,
    ),
    ("P3", MINOR, ALIVE, CUSTODY, NEVER, NEVER, PAGE),
    ("P3", replace(MINOR, protection=Protection.CLIENT), ALIVE, CUSTODY, NEVER, NEVER, PAGE),
    ("P3", MINOR, ALIVE, CUSTODY, WITHDRAWN, WITHDRAWN, PAGE),
    ("P3", MINOR, ALIVE, [link(Basis.FOSTER)], NEVER, NEVER, PAGE),
    ("P3", MINOR, ALIVE, [link(Basis.APPOINTED)], NEVER, NEVER, PAGE),
    ("P3", MINOR, ALIVE, [link(Basis.SCHOOL_REGISTER)], NEVER, NEVER, PAGE),
    ("P3", MINOR, ALIVE, [link(CONTACT, documented=True)], NEVER, NEVER, PAGE),
    ("P3", MINOR, ALIVE, [link(CONTACT, student_agreed=True)], NEVER, NEVER, PAGE),
    ("P4", AT_14, ALIVE, [link(CONTACT, student_agreed=True)], NEVER, NEVER, NOTHING),
    ("P4", MINOR, ALIVE, [link(CONTACT)], IN_FORCE, IN_FORCE, NOTHING),
    ("P4", MINOR, ALIVE, [link(valid=Period(None, ON))], NEVER, NEVER, NOTHING),
    ("P4", MINOR, ALIVE, [link(Basis.RELATIVE, documented=True)], IN_FORCE, IN_FORCE, NOTHING),
    (
        "P4",
        replace(MINOR, has_register_document=True),
        ALIVE,
        [link(Basis.SCHOOL_REGISTER)],
        NEVER,
        NEVER,
        NOTHING,
    ),
    ("P5", ADULT, ALIVE, CUSTODY, IN_FORCE, NEVER, PAGE),
    ("P5", ADULT, ALIVE, [], IN_FORCE, WITHDRAWN, PAGE),
    ("P6", ADULT, ALIVE, CUSTODY, NEVER, NEVER, NOTHING),
    ("P6", ADULT, ALIVE, CUSTODY, WITHDRAWN, WITHDRAWN, NOTHING),
    ("P6", ADULT, ALIVE, CUSTODY, NEVER, IN_FORCE, NAME),
    ("P6", ADULT, ALIVE, [], WITHDRAWN, IN_FORCE, NAME),
]


@pytest.mark.parametrize(("row", "student", "guardian", "links", "portal", "alerts", "expected"), TABLE)
def test_every_row_of_the_table(
    row: str,
    student: StudentFacts,
    guardian: GuardianFacts,
    links: list[GuardianshipFacts],
    portal: ConsentState,
    alerts: ConsentState,
    expected: Sight,
) -> None:
    assert seen(student, guardian, links, portal, alerts) is expected, row


def test_the_table_has_all_its_rows() -> None:
    assert {row[0] for row in TABLE} == {f"P{number}" for number in range(1, 7)}


hidden_students = st.one_of(
    st.builds(replace, students, deceased=st.just(True)),
    st.builds(replace, students, birth_date=st.none()),
    st.builds(replace, students, protection_unknown=st.just(True)),
    st.builds(replace, students, protection=st.sampled_from([one for one in Protection if one.protected])),
)


@given(hidden_students, guardians, rows, consents, consents, days)
def test_nothing_of_a_dead_a_held_or_a_protected_student_is_seen_released_or_not(
    student: StudentFacts,
    guardian: GuardianFacts,
    links: list[GuardianshipFacts],
    portal: ConsentState,
    alerts: ConsentState,
    on: date,
) -> None:
    assert seen(student, guardian, links, portal, alerts, on) is NOTHING


@given(students, st.booleans(), rows, consents, consents, days)
def test_nobody_who_is_blocked_or_dead_sees_anything(
    student: StudentFacts,
    dead: bool,
    links: list[GuardianshipFacts],
    portal: ConsentState,
    alerts: ConsentState,
    on: date,
) -> None:
    guardian = GuardianFacts(True) if dead else GuardianFacts(blocks=(Period(on, on + timedelta(days=1)),))
    assert seen(student, guardian, links, portal, alerts, on) is NOTHING


adults = st.builds(StudentFacts, st.dates(date(1950, 1, 1), date(1972, 1, 1)))


@given(adults, rows, consents, consents, days)
def test_of_an_adult_each_consent_opens_its_own_and_nothing_else_does(
    student: StudentFacts, links: list[GuardianshipFacts], portal: ConsentState, alerts: ConsentState, on: date
) -> None:
    page = decide_page(student, ALIVE, links, portal, on)
    told = decide(student, ALIVE, links, alerts, on)
    assert (page.verdict is Verdict.ENTITLED) == (portal is IN_FORCE)
    assert (told.verdict is Verdict.ENTITLED) == (alerts is IN_FORCE)
    expected = PAGE if portal is IN_FORCE else NAME if alerts is IN_FORCE else NOTHING
    assert sight(student, page, told) is expected


@given(students, guardians, rows, consents, consents, days)
def test_no_consent_says_anything_about_a_minor(
    student: StudentFacts,
    guardian: GuardianFacts,
    links: list[GuardianshipFacts],
    portal: ConsentState,
    alerts: ConsentState,
    on: date,
) -> None:
    if student.birth_date is None or not is_adult(student.birth_date, on):
        without = seen(student, guardian, links, NEVER, NEVER, on)
        assert seen(student, guardian, links, portal, alerts, on) is without
        assert without is not NAME


@given(st.dates(date(1990, 1, 1), date(2040, 12, 31)), rows, st.sampled_from([NEVER, WITHDRAWN]))
def test_the_page_is_gone_at_the_first_moment_of_the_eighteenth_birthday_in_oslo(
    birth_date: date, links: list[GuardianshipFacts], portal: ConsentState
) -> None:
    midnight = oslo_midnight(eighteenth_birthday(birth_date))
    student = StudentFacts(birth_date)

    def at(moment: datetime) -> Sight:
        return seen(student, ALIVE, [*links, link()], portal, NEVER, oslo_date(moment))

    assert at(midnight - timedelta(microseconds=1)) is PAGE
    assert at(midnight) is NOTHING
