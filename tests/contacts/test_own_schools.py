"""A school leader's own school: whose students they may look at, and whom their alerts may be about."""

from __future__ import annotations

from datetime import timedelta

import pytest

from config.errors import UsageError
from config.operators import NotPermittedError, Operator
from config.roles import Reach, Right, Role
from contacts.audience_names import resolve_audience
from contacts.own_schools import check_audience, check_student, own_schools, schools_to_look_at
from contacts.people import find_student
from tests.contacts.store import DAY, ContactStore


def leader(*schools: str) -> Operator:
    return Operator("k.leder", Right.SEND, Reach.THEIR_SCHOOLS, (Role.SCHOOL_LEADER,), schools)


COUNTY = Operator("fylket", Right.SEND, Reach.EVERYTHING, (Role.COUNTY_LEADER,))


class Two:
    """Two schools: E1, E2 and B go to the first, O1 and B to the second, L has left the first."""

    def __init__(self, store: ContactStore) -> None:
        self.store = store
        own, other = store.school("NO1", "Eksempel vgs"), store.school("NO2", "Ås vidaregåande skule")
        store.student("E1", school=own, grade="VG1")
        store.student("E2", school=own, grade="VG2")
        store.student("O1", school=other, grade="VG1")
        store.enrol(store.student("B", school=own, grade="VG2"), other, main=False, grade="VG3")
        store.enrol(store.student("L"), own, ended_on=DAY)

    def may_send(self, operator: Operator, **named: list[str]) -> bool:
        audience = resolve_audience(self.store.connection, on=DAY, **named)  # type: ignore[arg-type]
        try:
            check_audience(self.store.connection, operator, audience, DAY)
        except NotPermittedError:
            return False
        return True

    def may_see(self, operator: Operator, ref: str) -> bool:
        try:
            check_student(self.store.connection, operator, find_student(self.store.connection, ref), DAY)
        except NotPermittedError:
            return False
        return True


@pytest.fixture
def two(store: ContactStore) -> Two:
    return Two(store)


@pytest.mark.parametrize("named", ["Eksempel vgs", "eksempel  VGS", "NO1"])
@pytest.mark.parametrize(
    ("audience", "own"),
    [
        ({"schools": ["Eksempel vgs"]}, True),  # B goes to both, and belongs to both
        ({"schools": ["NO2"]}, False),
        ({"schools": ["NO1", "NO2"]}, False),
        ({"grades": ["VG1"]}, False),
        ({"grades": ["VG2"]}, True),
        ({"schools": ["NO1"], "grades": ["VG1"]}, True),
        ({"students": ["E1", "B"]}, True),
        ({"students": ["E1", "O1"]}, False),
    ],
)
def test_an_audience(two: Two, named: str, audience: dict[str, list[str]], own: bool) -> None:
    assert two.may_send(leader(named), **audience) is own
    assert two.may_send(leader(named, "NO2"), **audience)
    assert two.may_send(COUNTY, **audience)


def test_a_student(two: Two) -> None:
    seen = {ref: two.may_see(leader("NO1"), ref) for ref in ("E1", "B", "O1", "L")}
    assert seen == {"E1": True, "B": True, "O1": False, "L": False}
    assert all(two.may_see(COUNTY, ref) for ref in seen)
    with pytest.raises(NotPermittedError, match="Student O1 does not go to your school"):
        student = find_student(two.store.connection, "O1")
        check_student(two.store.connection, leader("NO1"), student, DAY + timedelta(days=1))


def test_a_leader_of_a_school_that_is_not_there_has_none(two: Two) -> None:
    two.store.school("NO3", "Tvilling vgs")
    two.store.school("NO4", "Tvilling vgs")
    nowhere = leader("Ukjent vgs", "Tvilling vgs")
    assert own_schools(two.store.connection, nowhere) == ()
    assert not two.may_send(nowhere, schools=["NO1"])
    assert not two.may_see(nowhere, "E1")
    with pytest.raises(NotPermittedError, match="None of your schools"):
        schools_to_look_at(two.store.connection, nowhere, None)


def test_the_schools_that_a_look_is_about(two: Two) -> None:
    def refs(operator: Operator, named: str | None) -> list[str]:
        return [school.ref for school in schools_to_look_at(two.store.connection, operator, named)]

    assert refs(COUNTY, None) == []  # every school
    assert refs(COUNTY, "NO2") == ["NO2"]
    assert refs(leader("NO1", "NO2"), None) == ["NO1", "NO2"]
    assert refs(leader("NO1", "NO2"), "Eksempel vgs") == ["NO1"]
    with pytest.raises(NotPermittedError, match="not your school"):
        refs(leader("NO1"), "NO2")
    with pytest.raises(UsageError, match="No school here"):
        refs(leader("NO1"), "Ukjent vgs")
