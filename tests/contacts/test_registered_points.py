"""What a guardian registered with us wins over the contact register: which of the register's addresses are not used."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from contacts.codes import AddressChannel, VerifiedBy
from contacts.facts import load_cases
from contacts.reach import ReachOptions, reach
from contacts.tables import ADDRESS
from tests.contacts.store import DAY, LATELY, LONG_AGO, ContactStore

OLD, OWN, MAIL = "+4791111111", "+4795555555", "ola@example.com"
KRR: dict[str, Any] = {"source": "krr"}
CODE: dict[str, Any] = {"source": "guardian", "by": VerifiedBy.CODE}
STALE: dict[str, Any] = {"verified": LONG_AGO, "confirmed": LONG_AGO}
Point = tuple[str, dict[str, Any]]


@pytest.mark.parametrize(
    ("points", "used"),
    [
        ([(OLD, KRR), (OWN, CODE)], {OWN}),
        ([(OWN, CODE), (OLD, KRR)], {OWN}),
        ([(OLD, KRR), (OWN, {**CODE, "confirmed": None})], {OWN}),
        # Each channel for itself.
        ([(MAIL, KRR), (OWN, CODE)], {MAIL, OWN}),
        # One that waits for its code, that was removed, or that nobody confirmed for long replaces nothing.
        ([(OLD, KRR), (OWN, {"source": "guardian", "verified": None})], {OLD}),
        ([(OLD, KRR), (OWN, {**CODE, "ended_at": LATELY})], {OLD}),
        ([(OLD, KRR), (OWN, {**CODE, **STALE})], {OLD, OWN}),
        # Only the register's word is replaced: what a code confirmed is the guardian's, whoever told it first.
        ([(OLD, {**KRR, "by": VerifiedBy.CODE}), (OWN, CODE)], {OLD, OWN}),
        ([(OWN, KRR), (OWN, CODE)], {OWN}),
        ([(OLD, {"source": "pifu:NO1"}), (OWN, CODE)], {OLD, OWN}),
        # Told by the school, too, it is as good as the school's word.
        ([(OLD, KRR), (OLD, {"source": "pifu:NO1"}), (OWN, CODE)], {OLD, OWN}),
        ([(OLD, KRR), (OLD, {"source": "pifu:NO1", "verified": None}), (OWN, CODE)], {OWN}),
    ],
)
def test_which_points_an_alert_uses(store: ContactStore, points: list[Point], used: set[str]) -> None:
    student = store.student()
    ola = store.guardian(student)
    for value, said in points:
        store.point(ola, value, **said)
    (case,) = load_cases(store.connection, [student], DAY, stale_after_months=18)
    found = reach(case.guardians[0].points, ReachOptions(frozenset(AddressChannel), use_stale=True))
    assert {point.address_id for point in found.points} == {store.address(value) for value in used}


def test_another_guardian_s_own_number_replaces_nothing(store: ContactStore) -> None:
    student = store.student()
    ola, liv = store.guardian(student), store.guardian(student, given_name="Liv")
    store.point(ola, OLD)
    store.point(liv, OWN, **CODE)
    (case,) = load_cases(store.connection, [student], DAY, stale_after_months=18)
    assert [point.replaced for guardian in case.guardians for point in guardian.points] == [False, False]


def test_a_number_that_fails_replaces_nothing(store: ContactStore) -> None:
    student = store.student()
    ola = store.guardian(student)
    store.point(ola, OLD, **KRR)
    store.point(ola, OWN, **CODE)
    failing = ADDRESS.update().where(ADDRESS.c.id == store.address(OWN))
    store.connection.execute(failing.values(failing_since=datetime(2026, 11, 23, tzinfo=UTC)))
    (case,) = load_cases(store.connection, [student], DAY, stale_after_months=18)
    found = reach(case.guardians[0].points, ReachOptions(frozenset(AddressChannel), use_stale=True))
    assert {point.address_id for point in found.points} == {store.address(OLD)}
