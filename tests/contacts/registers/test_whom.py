"""Whom the population register may be asked about: children and those who stand for them, and nobody else."""

from __future__ import annotations

from datetime import date, timedelta

import pytest

from contacts.codes import Basis
from contacts.registers.whom import Asked, population_register_asked
from tests.contacts.store import DAY, ContactStore

ADULT_TODAY = date(2008, 11, 23)


def asked(store: ContactStore) -> Asked:
    return population_register_asked(store.connection, DAY)


@pytest.mark.parametrize(
    ("basis", "told"),
    [
        (Basis.CUSTODY, True),
        (Basis.FOSTER, True),
        (Basis.APPOINTED, True),
        (Basis.SCHOOL_REGISTER, True),
        (Basis.CONTACT_PERSON, False),
        (Basis.RELATIVE, False),
    ],
)
def test_guardians_by_what_binds_them(store: ContactStore, basis: Basis, told: bool) -> None:
    child = store.student()
    guardian = store.guardian(child, basis=basis)
    assert asked(store) == Asked(frozenset({child}), frozenset(), frozenset({guardian} if told else ()))


def test_a_student_is_a_child_until_the_birthday(store: ContactStore) -> None:
    adult = store.student("1", birth_date=ADULT_TODAY)
    child = store.student("2", birth_date=ADULT_TODAY + timedelta(days=1))
    store.guardian(adult)
    parent = store.guardian(child)
    ageless = store.student("3", birth_date=None)
    store.guardian(ageless)
    assert asked(store) == Asked(frozenset({child}), frozenset({ageless}), frozenset({parent}))


def test_those_who_left_and_links_that_are_over(store: ContactStore) -> None:
    store.guardian(store.student("1", left_on=DAY))
    leaving = store.student("2", left_on=DAY + timedelta(days=1))
    former, present = store.guardian(), store.guardian()
    store.link(leaving, former, valid_to=DAY)
    store.link(leaving, present, valid_to=DAY + timedelta(days=1))
    assert asked(store) == Asked(frozenset({leaving}), frozenset(), frozenset({present}))


def test_the_dead_are_asked_about_because_deaths_are_annulled(store: ContactStore) -> None:
    child = store.student(deceased=True)
    parent = store.guardian(child, deceased=True)
    assert asked(store) == Asked(frozenset({child}), frozenset(), frozenset({parent}))


def test_nobody_is_asked_about_twice(store: ContactStore) -> None:
    """A child who is a parent is asked about as a child, an adult student who is one as a parent."""
    young, grown = store.student("1"), store.student("2", birth_date=ADULT_TODAY)
    baby = store.student("3", birth_date=DAY)
    store.link(baby, young)
    store.link(baby, grown)
    everybody = asked(store)
    assert everybody == Asked(frozenset({young, baby}), frozenset(), frozenset({grown}))
    assert everybody & {grown, 12345} == Asked(guardians=frozenset({grown}))
