"""No alert ever goes to a student's own address, and none is kept from a guardian because a student has theirs."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest

from config.database import Database
from contacts.quality import store_quality
from contacts.tables import ADDRESS
from dispatcher.tables import DELIVERY
from tests.contacts.store import DAY
from tests.dispatcher.world import World

OWN_PHONE, OWN_MAIL = "+4799999001", "nora@example.com"


@pytest.fixture
def world(database: Database) -> World:
    return World(database)


def messages(world: World, alert: int) -> dict[str, str]:
    """The language of each message of the alert, by its address."""
    addresses = {row.id: row.value for row in world.rows(ADDRESS)}
    rows = world.rows(DELIVERY, DELIVERY.c.alert_id == alert)
    return {addresses[row.address_id]: row.language for row in rows}


@pytest.mark.parametrize("born", [date(2010, 3, 2), date(2008, 3, 2)])
@pytest.mark.parametrize("options", [{}, {"include_unverified": True}])
def test_no_alert_goes_to_a_students_own_address(world: World, born: date, options: dict[str, Any]) -> None:
    family = world.family(email=True, birth_date=born)
    with world.store() as store:
        store.point(family.student, OWN_PHONE)
        store.point(family.student, OWN_MAIL, verified=None, source="student")
        store.consent(family.student, family.guardian, date(2026, 9, 1))
    assert set(messages(world, world.sent(family, **options))) == {family.phone, family.email}


def test_a_student_with_nobody_to_tell_is_not_told_instead(world: World) -> None:
    with world.store() as store:
        student = store.student("3A-001", school=world.school)
        store.point(student, OWN_PHONE)
    alert = world.alert([student])
    world.plan()
    assert messages(world, alert) == {}


def test_a_mother_whose_address_her_child_gave_is_told_in_her_own_language(world: World) -> None:
    family = world.family(email=True, language="se")
    with world.store() as store:
        store.point(family.student, family.email, verified=None, source="student")
        store.point(family.student, family.phone, verified=None, source="student")
    assert messages(world, world.sent(family)) == {family.phone: "se", family.email: "se"}
    with world.clock(), world.database.read() as connection:
        quality = store_quality(connection, (), DAY, stale_after_months=18)
    assert (quality.total.phones.shared, quality.total.emails.shared) == (0, 0)


def test_a_student_who_is_a_guardian_too_counts_as_one(world: World) -> None:
    """A teenage mother is told of her own child, and shares an address as every guardian does."""
    family = world.family(language="se")
    with world.store() as store:
        store.point(family.student, family.phone)
        child = store.student("B-001", school=world.school)
        store.link(child, family.student)
    alert = world.alert([child])
    world.plan()
    assert messages(world, alert) == {family.phone: "nb"}


def test_the_address_of_a_blocked_guardian_whom_a_student_shares_it_with_tells_nobody(world: World) -> None:
    family = world.family()
    with world.store() as store:
        father = store.guardian(family.student)
        store.point(father, OWN_PHONE)
        store.point(family.student, OWN_PHONE, verified=None, source="student")
        store.block(father)
    assert set(messages(world, world.sent(family))) == {family.phone}
