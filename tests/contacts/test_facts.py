"""Loading facts: what stands in the tables is what the rules are asked, on both kinds of database."""

from __future__ import annotations

import json
from datetime import date, datetime, timedelta

import pytest
from sqlalchemy import event

from config.clock import oslo_midnight
from contacts.codes import AddressChannel, Basis, ConsentPurpose, Protection
from contacts.entitlement import ConsentState, Reason
from contacts.facts import (
    GuardianCase,
    StudentCase,
    decision_inputs_json,
    load_cases,
)
from contacts.reach import PointFacts
from tests.contacts.store import ADULT, CHILD, DAY, LATELY, LONG_AGO, ContactStore


def load(store: ContactStore, *students: int, on: date = DAY, with_points: bool = True) -> list[StudentCase]:
    return load_cases(store.connection, students, on, stale_after_months=18, with_points=with_points)


def only(store: ContactStore, student: int, on: date = DAY) -> GuardianCase:
    (case,) = load(store, student, on=on)
    (guardian,) = case.guardians
    return guardian


def reasons(store: ContactStore, student: int, on: date = DAY) -> list[Reason]:
    (case,) = load(store, student, on=on)
    return [case.decide(guardian, on).reason for guardian in case.guardians]


def only_point(store: ContactStore, student: int, on: date = DAY) -> PointFacts:
    (point,) = only(store, student, on).points
    return point


def test_a_student_with_two_guardians(store: ContactStore) -> None:
    school = store.school()
    student = store.student(school=school)
    ola = store.guardian(student)
    liv = store.guardian(student, basis=Basis.FOSTER)
    number = store.point(ola)
    mail = store.point(liv, "liv@example.com")
    assert number and mail
    (case,) = load(store, student)
    assert (case.student_id, case.ref, case.school_id) == (student, "2B-017", school)
    assert case.facts.birth_date == CHILD
    assert not case.facts.deceased and not case.facts.released and not case.facts.has_register_document
    assert [guardian.guardian_id for guardian in case.guardians] == [ola, liv]
    assert reasons(store, student) == [Reason.CUSTODY, Reason.FOSTER]
    phone = case.guardians[0].points[0]
    assert (phone.channel, phone.verified, phone.stale, phone.opted_out) == (AddressChannel.SMS, True, False, False)
    assert case.guardians[1].points[0].channel is AddressChannel.EMAIL


def test_students_come_in_the_order_asked_for_and_strangers_are_left_out(store: ContactStore) -> None:
    first, second = store.student("A"), store.student("B")
    guardian = store.guardian(first)
    assert [case.student_id for case in load(store, second, guardian, 987654, first)] == [second, first]
    assert load(store) == []


def test_every_fact_of_the_student_reaches_the_rule(store: ContactStore) -> None:
    student = store.student(
        deceased=True, birth_date=None, protection=Protection.CONFIDENTIAL, register_document_at=LATELY
    )
    (case,) = load(store, student)
    assert case.facts.deceased
    assert case.facts.birth_date is None
    assert case.facts.protection is Protection.CONFIDENTIAL
    assert case.facts.has_register_document
    assert case.guardians == ()
    assert case.school_id is None


def test_every_fact_of_the_guardianship_reaches_the_rule(store: ContactStore) -> None:
    student = store.student()
    guardian = store.guardian()
    store.link(
        student,
        guardian,
        Basis.CONTACT_PERSON,
        valid_from=date(2026, 1, 1),
        valid_to=date(2027, 1, 1),
        decision_ref="2026/9",
        student_agreed=True,
    )
    (row,) = only(store, student).guardianships
    assert (row.basis, row.documented, row.student_agreed) == (Basis.CONTACT_PERSON, True, True)
    assert (row.valid.start, row.valid.end) == (date(2026, 1, 1), date(2027, 1, 1))
    assert reasons(store, student, date(2026, 12, 31)) == [Reason.DOCUMENTED_CONTACT]
    assert reasons(store, student, date(2027, 1, 1)) == [Reason.NO_CUSTODY]


def test_what_several_sources_say_of_one_guardian_is_one_case(store: ContactStore) -> None:
    student = store.student()
    guardian = store.guardian(student)
    store.link(student, guardian, Basis.SCHOOL_REGISTER, source="pifu")
    assert {row.basis for row in only(store, student).guardianships} == {Basis.CUSTODY, Basis.SCHOOL_REGISTER}


def test_a_release_counts_from_its_day_to_and_with_its_last(store: ContactStore) -> None:
    student = store.student(protection=Protection.STRICTLY_CONFIDENTIAL)
    store.guardian(student)
    store.release(student, until=date(2026, 12, 31), released_at=oslo_midnight(DAY) + timedelta(hours=9))
    assert reasons(store, student, DAY - timedelta(days=1)) == [Reason.PROTECTED_HOLD]
    assert reasons(store, student, DAY) == [Reason.CUSTODY]
    assert reasons(store, student, date(2026, 12, 31)) == [Reason.CUSTODY]
    assert reasons(store, student, date(2027, 1, 1)) == [Reason.PROTECTED_HOLD]


def test_consent_to_alerts_counts_and_consent_to_pages_does_not(store: ContactStore) -> None:
    student = store.student(birth_date=ADULT)
    guardian = store.guardian(student)
    store.consent(student, guardian, date(2026, 4, 1), purpose=ConsentPurpose.PORTAL)
    assert only(store, student).consent is ConsentState.NEVER_GIVEN
    store.consent(student, guardian, date(2026, 4, 1), withdrawn_on=DAY)
    assert only(store, student, DAY - timedelta(days=1)).consent is ConsentState.IN_FORCE
    assert only(store, student).consent is ConsentState.WITHDRAWN


def test_a_case_of_the_portal_asks_for_consents_to_the_portal_and_answers_for_the_page(store: ContactStore) -> None:
    student = store.student(birth_date=ADULT)
    reader, told = store.guardian(), store.guardian()
    store.consent(student, reader, date(2026, 4, 1), purpose=ConsentPurpose.PORTAL)
    store.consent(student, told, date(2026, 4, 1))
    for purpose, guardian in ((ConsentPurpose.PORTAL, reader), (ConsentPurpose.ALERTS, told)):
        (case,) = load_cases(store.connection, [student], DAY, stale_after_months=18, purpose=purpose)
        (only_one,) = case.guardians
        assert (only_one.guardian_id, case.decide(only_one, DAY).reason) == (guardian, Reason.CONSENTED)


def test_a_release_opens_no_page(store: ContactStore) -> None:
    student = store.student(protection=Protection.CONFIDENTIAL)
    store.guardian(student)
    store.release(student, until=date(2026, 12, 31))
    assert reasons(store, student) == [Reason.CUSTODY]
    (case,) = load_cases(store.connection, [student], DAY, stale_after_months=18, purpose=ConsentPurpose.PORTAL)
    assert case.decide(case.guardians[0], DAY).reason is Reason.PROTECTED_HOLD


def test_a_consent_alone_makes_a_guardian(store: ContactStore) -> None:
    student = store.student(birth_date=ADULT)
    guardian = store.guardian()
    store.consent(student, guardian, date(2026, 4, 1))
    assert only(store, student).guardian_id == guardian
    assert reasons(store, student) == [Reason.CONSENTED]


def test_a_block_counts_for_its_days_and_its_student(store: ContactStore) -> None:
    nora, emil = store.student("A"), store.student("B")
    guardian = store.guardian(nora, emil)
    store.block(guardian, nora, valid_from=DAY, valid_to=DAY + timedelta(days=1))
    assert reasons(store, nora) == [Reason.BLOCKED]
    assert reasons(store, emil) == [Reason.CUSTODY]
    assert reasons(store, nora, DAY - timedelta(days=1)) == [Reason.CUSTODY]
    assert reasons(store, nora, DAY + timedelta(days=1)) == [Reason.CUSTODY]
    store.block(guardian)
    assert reasons(store, emil) == [Reason.BLOCKED]


def test_a_dead_guardian_is_known_as_such(store: ContactStore) -> None:
    student = store.student()
    store.guardian(student, deceased=True)
    assert reasons(store, student) == [Reason.DECEASED]


def test_the_best_of_several_sources_words_on_one_address_counts(store: ContactStore) -> None:
    student = store.student()
    guardian = store.guardian(student)
    store.point(guardian, verified=None, source="pifu")
    assert not only_point(store, student).verified
    store.point(guardian, verified=LONG_AGO, confirmed=LONG_AGO, source="krr")
    point = only_point(store, student)
    assert (point.verified, point.stale) == (True, True)
    store.point(guardian, verified=LATELY, source="guardian")
    point = only_point(store, student)
    assert (point.verified, point.stale) == (True, False)


@pytest.mark.parametrize(
    ("confirmed", "stale"),
    [
        (oslo_midnight(date(2025, 5, 23)), False),
        (oslo_midnight(date(2025, 5, 23)) - timedelta(seconds=1), True),
        (None, False),
    ],
)
def test_stale_is_what_nobody_confirmed_for_eighteen_months(
    store: ContactStore, confirmed: datetime | None, stale: bool
) -> None:
    student = store.student()
    # Without a confirmation the verification itself counts.
    store.point(store.guardian(student), verified=LATELY, confirmed=confirmed)
    assert only_point(store, student).stale is stale


@pytest.mark.parametrize("confirmed", [None, LONG_AGO, LATELY])
def test_what_was_never_verified_is_unverified_and_not_stale(store: ContactStore, confirmed: datetime | None) -> None:
    student = store.student()
    store.point(store.guardian(student), verified=None, confirmed=confirmed)
    point = only_point(store, student)
    assert (point.verified, point.stale) == (False, False)


def test_what_belongs_to_the_address_is_told_of_each_owner(store: ContactStore) -> None:
    nora, emil = store.student("A"), store.student("B")
    store.point(store.guardian(nora), takes_messages=False, opted_out_at=LATELY)
    store.point(store.guardian(emil))
    for student in (nora, emil):
        point = only_point(store, student)
        assert not point.takes_messages
        assert point.opted_out


def test_a_failing_address_fails_for_all_until_one_source_has_verified_it_since(store: ContactStore) -> None:
    nora, emil = store.student("A"), store.student("B")
    mother, father = store.guardian(nora), store.guardian(emil)
    store.point(mother, failing_since=LATELY)
    store.point(father, verified=None)
    assert only_point(store, nora).failing and only_point(store, emil).failing
    store.point(mother, source="guardian", verified=LATELY + timedelta(days=1))
    assert not only_point(store, nora).failing
    assert only_point(store, emil).failing


def test_ended_points_are_none(store: ContactStore) -> None:
    student = store.student()
    store.point(store.guardian(student), ended_at=LATELY)
    assert only(store, student).points == ()


def test_the_languages_are_those_of_all_living_owners_who_may_be_told(store: ContactStore) -> None:
    student = store.student(language="en")
    guardian = store.guardian(student, language="se")
    store.point(guardian)
    assert only_point(store, student).languages == {"se"}
    store.point(student)  # who is nobody's guardian: the message is not theirs
    store.point(store.guardian(language=None))
    store.point(store.guardian(language="nn", deceased=True))
    store.point(store.guardian(language="nn"), ended_at=LATELY)
    assert only_point(store, student).languages == {"se", None}


def test_an_address_that_a_blocked_guardian_reads_is_marked_for_that_student_alone(store: ContactStore) -> None:
    nora, emil = store.student("A"), store.student("B")
    liv = store.guardian(nora, emil)
    per = store.guardian()
    store.point(liv)
    store.point(per)
    store.block(per, nora)
    assert only_point(store, nora).shared_with_blocked
    assert not only_point(store, emil).shared_with_blocked
    assert not only_point(store, nora, date(2026, 1, 31)).shared_with_blocked
    store.block(per)
    assert only_point(store, emil).shared_with_blocked


def test_other_addresses_of_that_guardian_stay_usable(store: ContactStore) -> None:
    student = store.student()
    liv, per = store.guardian(student), store.guardian()
    store.point(liv)
    store.point(per)
    store.point(liv, "liv@example.com")
    store.block(per)
    assert [point.shared_with_blocked for point in only(store, student).points] == [True, False]


def test_a_guardian_blocked_for_one_child_does_not_lock_their_own_address_for_the_other(store: ContactStore) -> None:
    nora, emil = store.student("A"), store.student("B")
    per = store.guardian(nora, emil)
    store.point(per)
    store.block(per, nora)
    assert reasons(store, nora) == [Reason.BLOCKED]
    assert not only_point(store, emil).shared_with_blocked


def test_without_points_the_answers_are_the_same(store: ContactStore) -> None:
    student = store.student()
    store.point(store.guardian(student))
    (case,) = load(store, student, with_points=False)
    assert case.guardians[0].points == ()
    assert case.decide(case.guardians[0], DAY).reason is Reason.CUSTODY


def test_the_main_school_is_the_one_that_speaks(store: ContactStore) -> None:
    one, two, past = store.school("NO1"), store.school("NO2", "Andre vgs"), store.school("NO3", "Tredje vgs")
    student = store.student()
    store.enrol(student, one, main=False)
    store.enrol(student, two)
    store.enrol(student, past, ended_on=DAY)
    (case,) = load(store, student)
    assert case.school_id == two
    (earlier,) = load(store, student, on=DAY - timedelta(days=1))
    assert earlier.school_id == two


def test_the_number_of_queries_does_not_grow_with_the_students(store: ContactStore) -> None:
    counts: list[int] = []
    asked = 0

    def count(*_: object) -> None:
        nonlocal asked
        asked += 1

    event.listen(store.connection, "before_cursor_execute", count)
    students: list[int] = []
    for size in (1, 40):
        while len(students) < size:
            student = store.student(f"S-{len(students)}")
            store.point(store.guardian(student), f"+479999{len(students):04d}")
            students.append(student)
        asked = 0
        load(store, *students)
        counts.append(asked)
    event.remove(store.connection, "before_cursor_execute", count)
    assert counts[0] == counts[1] <= 7


def test_chunks_give_the_same_cases(store: ContactStore, monkeypatch: pytest.MonkeyPatch) -> None:
    students = [store.student(f"S-{number}") for number in range(7)]
    store.guardian(*students)
    whole = load(store, *students)
    monkeypatch.setattr("contacts.facts.CHUNK", 3)
    assert load(store, *students) == whole
    assert len(whole) == 7


def test_the_inputs_of_a_decision_say_what_it_was_made_of_and_no_birth_date(store: ContactStore) -> None:
    student = store.student(protection=Protection.CONFIDENTIAL)
    guardian = store.guardian(student)
    store.block(guardian)
    (case,) = load(store, student)
    assert json.loads(decision_inputs_json(case, case.guardians[0], DAY)) == {
        "on": "2026-11-23",
        "age": 16,
        "student_deceased": False,
        "protection": "fortrolig",
        "released": False,
        "register_document": False,
        "deceased": False,
        "blocked": True,
        "consent": "never_given",
        "guardianships": [{"basis": "custody", "from": None, "to": None, "documented": False, "student_agreed": False}],
    }


@pytest.mark.parametrize(
    ("given", "withdrawn", "said"),
    [(None, None, "never_given"), (DAY, None, "in_force"), (date(2026, 9, 1), DAY, "withdrawn")],
)
def test_the_inputs_of_a_decision_say_how_the_consent_stood(
    store: ContactStore, given: date | None, withdrawn: date | None, said: str
) -> None:
    student = store.student(birth_date=ADULT)
    guardian = store.guardian(student)
    if given:
        store.consent(student, guardian, given, withdrawn)
    (case,) = load(store, student)
    assert json.loads(decision_inputs_json(case, case.guardians[0], DAY))["consent"] == said
