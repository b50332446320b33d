"""Audiences: what each way of naming one means, and the questions back."""

from __future__ import annotations

import json
from datetime import timedelta

import pytest

from config.errors import UsageError
from contacts.audience import Audience, schools_of, speaking_schools
from contacts.audience_names import find_school, resolve_audience
from contacts.codes import Protection
from tests.contacts.store import DAY, ContactStore


class County:
    """Two schools with a class 2B each, three grades at one of them."""

    def __init__(self, store: ContactStore) -> None:
        self.store = store
        self.example = store.school("NO1", "Eksempel vgs")
        self.other = store.school("NO2", "Ås vidaregåande skule")
        self.ids: dict[str, int] = {}
        for ref, school, grade in (
            ("E1", self.example, "VG1"),
            ("E2", self.example, "VG2"),
            ("E3", self.example, "VG3"),
            ("O1", self.other, "VG1"),
            ("O2", self.other, "VG2"),
        ):
            self.ids[ref] = store.student(ref, school=school, grade=grade)
        store.group("2B", self.example, self.ids["E2"])
        store.group("2B", self.other, self.ids["O2"])
        store.group("Kor", self.example, self.ids["E1"], self.ids["E3"], home=False)

    def resolve(self, **named: list[str]) -> Audience:
        return resolve_audience(self.store.connection, on=DAY, **named)  # type: ignore[arg-type]

    def refs(self, **named: list[str]) -> set[str]:
        found = list(self.store.connection.scalars(self.resolve(**named).select_ids(DAY)))
        assert len(found) == len(set(found))
        return {ref for ref, student in self.ids.items() if student in found}


@pytest.fixture
def county(store: ContactStore) -> County:
    return County(store)


@pytest.mark.parametrize(
    ("named", "refs"),
    [
        ({"schools": ["Eksempel vgs"]}, {"E1", "E2", "E3"}),
        ({"schools": ["eksempel  VGS"]}, {"E1", "E2", "E3"}),
        ({"schools": ["NO2"]}, {"O1", "O2"}),
        ({"schools": ["ÅS VIDAREGÅANDE SKULE"]}, {"O1", "O2"}),
        ({"schools": ["NO1", "NO2"]}, {"E1", "E2", "E3", "O1", "O2"}),
        ({"schools": ["NO1"], "groups": ["2b"]}, {"E2"}),
        ({"schools": ["NO1", "NO2"], "groups": ["2B"]}, {"E2", "O2"}),
        ({"groups": ["Kor"]}, {"E1", "E3"}),
        ({"schools": ["NO1"], "grades": ["vg1"]}, {"E1"}),
        ({"grades": ["VG1"]}, {"E1", "O1"}),
        ({"schools": ["NO1"], "groups": ["2B"], "grades": ["VG3"]}, {"E2", "E3"}),
        ({"schools": ["NO1"], "groups": ["Kor"], "grades": ["VG3"]}, {"E1", "E3"}),
        ({"students": ["O1", "e2"]}, {"O1", "E2"}),
        ({"schools": ["NO1"], "grades": ["VG1"], "students": ["O1", "E1"]}, {"E1", "O1"}),
        ({"schools": ["NO1"], "students": ["O1"]}, {"E1", "E2", "E3", "O1"}),
    ],
)
def test_what_is_named_is_joined(county: County, named: dict[str, list[str]], refs: set[str]) -> None:
    assert county.refs(**named) == refs


def test_an_audience_of_nobody_is_refused(county: County) -> None:
    with pytest.raises(UsageError, match="no audience"):
        county.resolve()


def test_a_group_at_several_schools_needs_its_school(county: County) -> None:
    with pytest.raises(UsageError, match=r"Eksempel vgs, Ås vidaregåande skule") as error:
        county.resolve(groups=["2B"])
    assert "--school" in error.value.remedy


def test_schools_of_one_name_are_told_apart_by_ref(county: County) -> None:
    county.store.school("NO3", "Eksempel vgs")
    with pytest.raises(UsageError) as error:
        county.resolve(schools=["Eksempel vgs"])
    assert "NO1, NO3" in error.value.remedy
    assert county.refs(schools=["NO1"]) == {"E1", "E2", "E3"}


@pytest.mark.parametrize(
    ("named", "hint"),
    [
        ({"schools": ["Eksempl vgs"]}, "Like it: Eksempel vgs."),
        ({"schools": ["qqqq"]}, "There are: Eksempel vgs, Ås vidaregåande skule."),
        ({"schools": ["NO1"], "groups": ["2A"]}, "Like it: 2B."),
        ({"schools": ["NO2"], "groups": ["Kor"]}, "There are: 2B."),
        ({"grades": ["VG4"]}, "Like it: VG"),
        ({"schools": ["NO2"], "grades": ["VG3"]}, "Like it: VG"),
    ],
)
def test_an_unknown_name_gets_those_like_it(county: County, named: dict[str, list[str]], hint: str) -> None:
    with pytest.raises(UsageError) as error:
        county.resolve(**named)
    assert error.value.remedy.startswith(hint)
    # Somebody may have typed a person's name there.
    assert all(value not in error.value.what for values in named.values() for value in values)


def test_before_any_import_that_is_said(store: ContactStore) -> None:
    with pytest.raises(UsageError, match="No school has been imported"):
        find_school(store.connection, "Eksempel vgs")


def test_who_left_or_died_or_moved_on_is_in_no_audience(county: County) -> None:
    store = county.store
    store.student("L1", school=county.example, grade="VG1", left_on=DAY)
    store.student("D1", school=county.example, grade="VG1", deceased=True)
    moved = store.student("M1")
    store.enrol(moved, county.example, grade="VG1", ended_on=DAY)
    leaving = store.student("T1", school=county.example, grade="VG1", left_on=DAY + timedelta(days=1))
    county.ids["T1"] = leaving
    found = set(store.connection.scalars(county.resolve(schools=["NO1"]).select_ids(DAY)))
    assert found == {county.ids[ref] for ref in ("E1", "E2", "E3", "T1")}
    assert county.refs(schools=["NO1"], grades=["VG1"]) == {"E1", "T1"}
    for ref in ("L1", "D1"):
        with pytest.raises(UsageError, match=f"{ref} is no longer at a school"):
            county.resolve(students=[ref])


def test_who_moved_from_the_school_is_not_in_its_group_any_more(county: County) -> None:
    moved = county.store.student("M1", school=county.other)
    county.store.enrol(moved, county.example, ended_on=DAY)
    county.store.group("2C", county.example, moved)
    county.ids["M1"] = moved
    assert county.refs(schools=["NO1"], groups=["2C"]) == set()


def test_a_student_of_two_schools_is_in_the_audience_of_both_once(county: County) -> None:
    county.store.enrol(county.ids["E1"], county.other, main=False, grade="VG1")
    assert county.refs(schools=["NO2"]) == {"O1", "O2", "E1"}
    assert county.refs(schools=["NO1", "NO2"]) == {"E1", "E2", "E3", "O1", "O2"}


def test_the_schools_of_an_audience(county: County) -> None:
    def named(**audience: list[str]) -> list[str]:
        return [
            one.name for one in schools_of(county.store.connection, county.resolve(**audience).select_ids(DAY), DAY)
        ]

    assert named(grades=["VG1", "VG2", "VG3"]) == ["Eksempel vgs", "Ås vidaregåande skule"]
    assert named(students=["O1"]) == ["Ås vidaregåande skule"]


@pytest.mark.parametrize(
    ("named", "speaking"),
    [
        ({"schools": ["NO1"]}, ["Eksempel vgs"]),
        ({"grades": ["VG1"]}, ["Eksempel vgs", "Ås vidaregåande skule"]),
        ({"students": ["O1"]}, ["Ås vidaregåande skule"]),
        ({"students": ["H1"]}, []),
        ({"students": ["H2"]}, []),
        ({"students": ["H1", "E1"]}, ["Eksempel vgs"]),
        ({"schools": ["NO1"], "students": ["H1", "H2"]}, ["Eksempel vgs"]),
        ({"schools": ["NO3"], "students": ["H1"]}, ["Skjult vgs"]),
        ({"groups": ["9X"]}, ["Skjult vgs"]),
        ({"grades": ["VG3"]}, ["Eksempel vgs", "Ås vidaregåande skule"]),
        ({"schools": ["NO1"], "grades": ["VG3"]}, ["Eksempel vgs"]),
    ],
)
def test_no_text_names_the_school_of_a_student_who_may_be_protected(
    county: County, named: dict[str, list[str]], speaking: list[str]
) -> None:
    hidden = county.store.school("NO3", "Skjult vgs")
    for ref, values in (("H1", {"protection": Protection.CONFIDENTIAL}), ("H2", {"protection_unknown": True})):
        county.ids[ref] = county.store.student(ref, school=hidden, grade="VG3", **values)
    county.store.group("9X", hidden, county.ids["H1"])
    # Both go to two schools.
    county.store.enrol(county.ids["E3"], county.other, main=False)
    county.store.enrol(county.ids["H1"], county.example, main=False)
    audience = county.resolve(**named)
    connection = county.store.connection
    attended = schools_of(connection, audience.select_ids(DAY), DAY)
    assert [one.name for one in speaking_schools(connection, audience, attended, DAY)] == speaking


def test_an_audience_in_one_line_and_as_json(county: County) -> None:
    audience = county.resolve(schools=["NO1"], groups=["2B"], grades=["VG3"], students=["O1", "O1"])
    assert audience.headline == "Eksempel vgs, 2B, grade VG3, 1 named student"
    assert json.loads(json.dumps(audience.as_json())) == {
        "schools": [{"ref": "NO1", "name": "Eksempel vgs"}],
        "groups": [{"id": audience.groups[0].id, "name": "2B"}],
        "grades": ["VG3"],
        "students": ["O1"],
    }
