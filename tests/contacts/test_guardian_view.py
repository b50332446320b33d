"""What one guardian sees: their students as they are today, and nothing of anybody they may not know of."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

import pytest
from sqlalchemy import event

from contacts import tables
from contacts.codes import Basis, ConsentPurpose, Protection
from contacts.entitlement import eighteenth_birthday
from contacts.guardian_view import GuardianView, StudentPage, ToldAbout, guardian_view
from tests.contacts.store import ADULT, CHILD, DAY, LATELY, ContactStore

YESTERDAY = DAY - timedelta(days=1)


def view(store: ContactStore, guardian: int, on: date = DAY) -> GuardianView:
    return guardian_view(store.connection, guardian, on)


def names(store: ContactStore, guardian: int, on: date = DAY) -> list[str]:
    return [student.name for student in view(store, guardian, on).students]


def only(store: ContactStore, guardian: int) -> StudentPage:
    (student,) = view(store, guardian).students
    return student


def is_empty(found: GuardianView) -> bool:
    return (found.students, found.told_about) == ((), ())


def test_a_student_as_they_are_today(store: ContactStore) -> None:
    main, other, former = (store.school(f"NO{n}", name) for n, name in enumerate(("Vest vgs", "Aust vgs", "Nord vgs")))
    student = store.student(given_name="NORA MARIE", family_name="EKSEMPEL")
    store.enrol(student, main)
    store.enrol(student, other, main=False)
    store.enrol(student, other, main=False, source="another source")
    store.enrol(student, former, ended_on=DAY)
    store.group("2B", main, student)
    store.group("Norsk 2", main, student, home=False)
    store.group("Fysikk 1", other, student, home=False)
    store.group("9A", former, student)
    over = store.group("1B", main, student)
    store.connection.execute(
        tables.MEMBERSHIP.update().where(tables.MEMBERSHIP.c.group_id == over).values(ended_on=DAY)
    )
    guardian = store.guardian(student, language="nn")
    found = view(store, guardian)
    assert found.language == "nn"
    assert found.students == (
        StudentPage(student, "Nora Marie Eksempel", ("Vest vgs", "Aust vgs"), ("2B",), ("Fysikk 1", "Norsk 2"), ()),
    )
    # What people here said goes before what the sources say.
    store.connection.execute(tables.STUDENT.update().values(main_school_id=other))
    assert only(store, guardian).schools == ("Aust vgs", "Vest vgs")


def test_each_guardian_sees_their_own_students(store: ContactStore) -> None:
    nora, emil, ada = (store.student(name, given_name=name) for name in ("Nora", "Emil", "Ada"))
    ola, liv = store.guardian(nora, emil), store.guardian(ada)
    assert names(store, ola) == ["Emil Eksempel", "Nora Eksempel"]
    assert names(store, liv) == ["Ada Eksempel"]
    assert is_empty(view(store, store.guardian()))


def test_the_page_is_gone_on_the_day_on_which_the_right_ends(store: ContactStore) -> None:
    student = store.student()
    mother, father = store.guardian(student), store.guardian()
    store.link(student, father, valid_to=DAY)
    birthday = eighteenth_birthday(CHILD)
    assert names(store, mother, birthday - timedelta(days=1)) == ["Nora Eksempel"]
    assert is_empty(view(store, mother, birthday))
    assert names(store, father, YESTERDAY) == ["Nora Eksempel"]
    assert is_empty(view(store, father))
    store.block(mother, student, valid_from=DAY)
    assert names(store, mother, YESTERDAY) == ["Nora Eksempel"]
    assert is_empty(view(store, mother))


def test_who_has_left_school_or_died_has_no_page(store: ContactStore) -> None:
    gone = store.student("A", left_on=DAY)
    guardian = store.guardian(gone)
    assert names(store, guardian, YESTERDAY) == ["Nora Eksempel"]
    assert is_empty(view(store, guardian))
    assert is_empty(view(store, store.guardian(store.student("B", deceased=True))))


def test_an_adult_opens_the_page_or_lets_them_be_told_or_neither(store: ContactStore) -> None:
    guardian = store.guardian()
    for name, purposes in (
        ("Ada", (ConsentPurpose.PORTAL, ConsentPurpose.ALERTS)),
        ("Bo", (ConsentPurpose.PORTAL,)),
        ("Cato", (ConsentPurpose.ALERTS,)),
        ("Dina", ()),
    ):
        student = store.student(name, given_name=name, birth_date=ADULT)
        store.link(student, guardian)
        for purpose in purposes:
            store.consent(student, guardian, YESTERDAY, purpose=purpose)
    # Neither needs a guardianship.
    for name, purpose in (("Eli", ConsentPurpose.ALERTS), ("Finn", ConsentPurpose.PORTAL)):
        student = store.student(name, given_name=name, birth_date=ADULT)
        store.consent(student, guardian, YESTERDAY, purpose=purpose)
    withdrawn = store.student("Gro", given_name="Gro", birth_date=ADULT)
    store.consent(withdrawn, guardian, YESTERDAY, DAY, purpose=ConsentPurpose.PORTAL)
    assert names(store, guardian) == ["Ada Eksempel", "Bo Eksempel", "Finn Eksempel"]
    assert view(store, guardian).told_about == (ToldAbout("Cato E."), ToldAbout("Eli E."))


@pytest.mark.parametrize(
    "hidden",
    [
        {"protection": Protection.CONFIDENTIAL},
        {"protection": Protection.STRICTLY_CONFIDENTIAL},
        {"protection_unknown": True},
        {"birth_date": None},
    ],
)
def test_of_a_protected_or_held_student_there_is_nothing_released_or_not(
    store: ContactStore, hidden: dict[str, Any]
) -> None:
    child = store.student("A", school=store.school(), **hidden)
    adult = store.student("B", **({"birth_date": ADULT} | hidden))
    guardian = store.guardian(child, adult)
    for purpose in ConsentPurpose:
        store.consent(adult, guardian, YESTERDAY, purpose=purpose)
    for student in (child, adult):
        store.release(student, until=date(2026, 12, 31))
    assert view(store, guardian) == GuardianView(guardian, DAY, "nb", (), ())


def test_contact_persons_of_a_documented_decision_are_named_to_those_who_have_custody(store: ContactStore) -> None:
    student = store.student(birth_date=date(2010, 3, 2))
    mother = store.guardian(student)
    decision: dict[str, Any] = {"decision_ref": "2026/9"}
    cases: dict[str, tuple[dict[str, Any], dict[str, Any]]] = {
        "BERIT": ({}, decision),
        "Asked": ({}, {"student_agreed": True}),
        "Roster": ({}, {}),
        "Past": ({}, decision | {"valid_to": DAY}),
        "Secret": ({"protection": Protection.CONFIDENTIAL}, decision),
        "Dead": ({"deceased": True}, decision),
        "Blocked": ({}, decision),
        "Father": ({}, decision),
    }
    contacts = {}
    for name, (values, how) in cases.items():
        contacts[name] = store.guardian(given_name=name, family_name="Naboe", **values)
        store.link(student, contacts[name], Basis.CONTACT_PERSON, **how)
    store.link(student, contacts["Father"])
    store.block(contacts["Blocked"])
    assert only(store, mother).contact_persons == ("Berit N.",)
    # They themselves see the page, and no other contact person.
    second = store.guardian(given_name="Tor")
    store.link(student, second, Basis.CONTACT_PERSON, decision_ref="2026/10")
    assert only(store, second).contact_persons == ()
    assert only(store, contacts["Asked"]).contact_persons == ()
    assert only(store, mother).contact_persons == ("Berit N.", "Tor E.")


def test_an_adult_s_contact_persons_are_theirs_alone(store: ContactStore) -> None:
    student = store.student(birth_date=ADULT)
    mother, friend = store.guardian(student), store.guardian()
    store.link(student, friend, Basis.CONTACT_PERSON, decision_ref="2026/9")
    for guardian in (mother, friend):
        store.consent(student, guardian, YESTERDAY, purpose=ConsentPurpose.PORTAL)
    assert only(store, mother).contact_persons == ()


def test_nothing_of_another_guardian_is_in_it(store: ContactStore) -> None:
    student = store.student(school=store.school())
    ola = store.guardian(student)
    liv = store.guardian(student, given_name="Hemmelin", family_name="Vaktersen")
    store.point(liv, "+4741000001", confirmed=LATELY)
    found = view(store, ola)
    assert "Hemmelin" not in str([getattr(found.students[0], name) for name in StudentPage.__slots__])
    assert "Eksempel" not in repr(found).replace("Eksempel vgs", "")  # nor any name in a log


def test_it_takes_a_dozen_queries_however_many_students(store: ContactStore) -> None:
    school = store.school()
    guardian = store.guardian()
    for number in range(9):
        student = store.student(f"S{number}", school=school, birth_date=ADULT if number % 3 else CHILD)
        store.group(f"G{number}", school, student, home=number % 2 == 0)
        store.link(student, guardian)
        if number % 3 == 2:
            store.consent(student, guardian, YESTERDAY)
    asked: list[str] = []
    event.listen(store.connection, "before_cursor_execute", lambda *args: asked.append(args[2]))
    found = view(store, guardian)
    assert (len(found.students), len(found.told_about)) == (3, 3)
    assert len(asked) <= 14
