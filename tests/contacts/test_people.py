"""Finding persons by what people call them, and saying no without repeating what may be a name or a number."""

from __future__ import annotations

import pytest
from sqlalchemy import update

from config.errors import UsageError
from contacts.forgetting import take_out
from contacts.people import find_guardian, find_person, find_student, guardian_ref, short_name
from contacts.tables import PERSON
from tests.contacts.store import ContactStore


def test_a_student_is_found_by_the_school_s_ref_in_either_case(store: ContactStore) -> None:
    student = store.student("2B-017")
    for typed in ("2B-017", "2b-017", " 2B-017 "):
        person = find_student(store.connection, typed)
        assert (person.id, person.label, person.short_name) == (student, "2B-017", "Nora E.")


def test_a_student_without_a_ref_goes_by_s_and_number(store: ContactStore) -> None:
    student = store.student(None)
    for typed in (f"S-{student}", f" s-{student} "):
        person = find_student(store.connection, typed)
        assert (person.id, person.label, find_person(store.connection, typed).id) == (student, f"S-{student}", student)
    named = store.student("2B-017")
    guardian = store.guardian(student)
    for nobody in (named, guardian, student + 99):
        with pytest.raises(UsageError, match=f'"S-{nobody}"'):
            find_student(store.connection, f"S-{nobody}")


def test_a_school_s_ref_that_is_also_what_the_store_calls_another_names_neither(store: ContactStore) -> None:
    nameless = store.student(None)
    ref = f"S-{nameless}"
    theirs = store.student(ref)
    with pytest.raises(UsageError, match="another without a ref"):
        find_student(store.connection, ref)
    # Once the other has a ref of the school's, it is the first one's alone.
    store.connection.execute(update(PERSON).where(PERSON.c.id == nameless).values(ref="2B-018"))
    assert find_student(store.connection, ref).id == theirs


def test_a_guardian_is_found_by_g_and_number(store: ContactStore) -> None:
    guardian = store.guardian(store.student())
    for typed in (guardian_ref(guardian), f"g-{guardian}"):
        person = find_guardian(store.connection, typed)
        assert (person.id, person.label) == (guardian, f"G-{guardian}")


def test_a_guardian_without_any_student_is_one(store: ContactStore) -> None:
    guardian = store.guardian()
    assert find_guardian(store.connection, guardian_ref(guardian)).id == guardian


def test_a_student_is_no_guardian_until_somebody_is_their_child(store: ContactStore) -> None:
    parent = store.student("3A-001")
    with pytest.raises(UsageError):
        find_guardian(store.connection, guardian_ref(parent))
    store.link(store.student("1A-001"), parent)
    assert find_guardian(store.connection, guardian_ref(parent)).id == parent


def test_an_unknown_ref_is_repeated(store: ContactStore) -> None:
    with pytest.raises(UsageError, match="2B-099"):
        find_student(store.connection, "2B-099")
    with pytest.raises(UsageError, match="G-99"):
        find_guardian(store.connection, "G-99")


@pytest.mark.parametrize("typed", ["13928099901", "139280 99901", "Nora Eksempel", "nora@example.com", "+4799999912"])
def test_what_may_be_a_name_or_a_number_is_not_repeated(store: ContactStore, typed: str) -> None:
    for find in (find_student, find_guardian):
        with pytest.raises(UsageError) as error:
            find(store.connection, typed)
        assert typed not in str(error.value)


def test_a_guardian_is_no_student(store: ContactStore) -> None:
    store.guardian(ref="X-1")
    with pytest.raises(UsageError):
        find_student(store.connection, "X-1")


def test_the_repr_of_a_person_holds_no_name(store: ContactStore) -> None:
    store.student("2B-017")
    shown = repr(find_student(store.connection, "2B-017"))
    assert "Nora" not in shown and "Eksempel" not in shown and "2010" not in shown


@pytest.mark.parametrize(
    ("given", "family", "short"),
    [
        ("Kari", "Eksempel", "Kari E."),
        ("KARI ANNE", "EKSEMPEL", "Kari Anne E."),
        ("ÅSE-MARIE", "ØDEGÅRD", "Åse-Marie Ø."),
        ("Kari", "", "Kari"),
        ("", "čavo", "Č."),
        ("", "", ""),
    ],
)
def test_short_names(given: str, family: str, short: str) -> None:
    assert short_name(given, family) == short


def test_a_person_is_found_by_either_kind_of_ref(store: ContactStore) -> None:
    student = store.student("G-900")
    guardian = store.guardian(student)
    assert find_person(store.connection, "g-900").id == student
    assert find_person(store.connection, guardian_ref(guardian)).id == guardian
    parent = store.student("2B-017")
    store.link(student, parent)
    assert find_person(store.connection, "2B-017").label == "2B-017"
    assert find_person(store.connection, guardian_ref(parent)).label == guardian_ref(parent)
    for nobody in ("G-999", "9Z-999", "G-"):
        with pytest.raises(UsageError):
            find_person(store.connection, nobody)


def test_a_ref_of_two_persons_is_nobodys(store: ContactStore) -> None:
    guardian = store.guardian()
    store.student(guardian_ref(guardian))
    with pytest.raises(UsageError, match="somebody else"):
        find_person(store.connection, guardian_ref(guardian))


def test_whoever_was_forgotten_goes_by_no_ref(store: ContactStore) -> None:
    student = store.student("2B-017")
    guardian = store.guardian(student)
    take_out(store.connection, [guardian, student])
    for ref in (guardian_ref(guardian), guardian_ref(student), "2B-017"):
        with pytest.raises(UsageError):
            find_person(store.connection, ref)
