"""What ends: only by a full export, only within its own schools and source, and never half a county by mistake."""

from __future__ import annotations

from dataclasses import replace

import pytest

from config.errors import BeredskapError, ExitStatus
from contacts import tables
from contacts.imports.step import Kind
from tests.contacts.imports.importing import Importer
from tests.contacts.imports.pifu_files import (
    CLASS,
    EMIL,
    KARI,
    NORA,
    OLE,
    SCHOOL,
    TEACHER,
    Group,
    Person,
    export,
    members,
    school,
    small_school,
)

WITHOUT_OLE = school(replace(NORA, guardians=("p2",)), EMIL, KARI, TEACHER)


def test_guardian_absent_from_a_full_export(importer: Importer) -> None:
    importer.pifu(small_school())
    plan = importer.pifu(WITHOUT_OLE, allow_ending=1)
    assert (plan.guardianships_ending, plan.guardianships_in_force) == (1, 3)
    assert importer.links(ended=True) == {("Nora Eksempel", "Ole Eksempel", "school_register")}
    assert importer.points(ended=True) == {("Ole Eksempel", "+4722000001"), ("Ole Eksempel", "ole@example.com")}


def test_more_than_one_in_twenty_refuses(importer: Importer) -> None:
    importer.pifu(small_school())
    before = importer.everything()
    with pytest.raises(BeredskapError, match="would end 1 of 3 guardianships") as raised:
        importer.pifu(WITHOUT_OLE)
    assert raised.value.exit_status is ExitStatus.REFUSED
    assert "--allow-ending 1" in raised.value.remedy
    with pytest.raises(BeredskapError):
        importer.pifu(WITHOUT_OLE, allow_ending=0)
    assert importer.everything() == before


@pytest.mark.parametrize(("students", "allowed"), [(20, True), (19, False)])
def test_the_limit_is_five_percent(importer: Importer, students: int, allowed: bool) -> None:
    people = [Person(f"s{n}", f"Elev{n}", born="2010-01-01", guardians=("p2",)) for n in range(students)]
    keys = tuple(person.key for person in people)
    importer.pifu(school(*people, KARI, enrolled=keys))
    fewer = school(*people[:-1], replace(people[-1], guardians=()), KARI, enrolled=keys)
    if allowed:
        assert importer.pifu(fewer).count(Kind.GUARDIANSHIPS).ended == 1
    else:
        with pytest.raises(BeredskapError):
            importer.pifu(fewer)


def test_student_absent_from_a_full_export(importer: Importer) -> None:
    importer.pifu(small_school())
    plan = importer.pifu(school(NORA, KARI, OLE, TEACHER, enrolled=("p1",)), allow_ending=1)
    assert importer.students(left=True) == {"Emil Eksempel"}
    assert importer.schools() == {("Nora Eksempel", "Eksempel vgs")}
    assert importer.groups() == {("Nora Eksempel", "2B")}
    assert importer.links(ended=True) == {("Emil Eksempel", "Kari Eksempel", "school_register")}
    assert plan.count(Kind.STUDENTS).ended == 1
    # Kari is still told about Nora.
    assert ("Kari Eksempel", "+4790000001") in importer.points()


def test_student_who_comes_back(importer: Importer) -> None:
    importer.pifu(small_school())
    importer.pifu(school(NORA, KARI, OLE, TEACHER, enrolled=("p1",)), allow_ending=1)
    importer.pifu(small_school())
    assert importer.students() == {"Nora Eksempel", "Emil Eksempel"}
    assert importer.links(ended=True) == set()
    assert importer.schools() == {("Nora Eksempel", "Eksempel vgs"), ("Emil Eksempel", "Eksempel vgs")}


@pytest.mark.parametrize("kind", ["delta", "event"])
def test_a_delta_ends_nothing_by_silence(importer: Importer, kind: str) -> None:
    importer.pifu(small_school())
    importer.pifu(export(replace(NORA, guardians=("p2",), given="Nora Marie"), kind=kind))
    assert len(importer.links()) == 3
    assert "Nora Marie Eksempel" in importer.students()


def test_a_delta_finds_its_school_in_the_store_and_keeps_the_grade(importer: Importer) -> None:
    """A school without an organisation number is called by its id; changes need not hold what has not changed."""
    grade = Group("trinn", "VG2", "trinn")
    whole = small_school().replace(SCHOOL.xml(), replace(SCHOOL, number="").xml())
    importer.pifu(whole.replace("</enterprise>", grade.xml() + members("trinn", "p1", "p4") + "</enterprise>"))
    assert {row.grade for row in importer.rows(tables.ENROLMENT)} == {"VG2"}
    plan = importer.pifu(
        export(replace(CLASS, key="2c", name="2C"), members("skole", "p1"), members("2c", "p1"), kind="delta")
    )
    assert plan.refused == 0
    assert importer.groups() == {("Nora Eksempel", "2B"), ("Nora Eksempel", "2C"), ("Emil Eksempel", "2B")}
    assert {row.grade for row in importer.rows(tables.ENROLMENT)} == {"VG2"}


def test_a_delta_deletes_by_name(importer: Importer) -> None:
    importer.pifu(small_school())
    importer.pifu(export(replace(EMIL, recstatus="3"), replace(OLE, recstatus="3"), kind="delta"))
    assert importer.students(left=True) == {"Emil Eksempel"}
    assert importer.links() == {("Nora Eksempel", "Kari Eksempel", "school_register")}
    assert {name for name, _ in importer.points()} == {"Kari Eksempel"}
    assert importer.pifu(export(replace(EMIL, recstatus="3"), kind="delta")).changes == 0


def test_recstatus_means_nothing_in_a_full_export(importer: Importer) -> None:
    importer.pifu(small_school())
    assert importer.pifu(school(NORA, replace(EMIL, recstatus="3"), KARI, OLE, TEACHER)).changes == 0


def test_delta_that_switches_a_membership_off(importer: Importer) -> None:
    importer.pifu(small_school())
    importer.pifu(export(SCHOOL, members("skole", "p4", status="0"), kind="delta"))
    assert importer.students(left=True) == {"Emil Eksempel"}


def test_other_schools_of_the_source_are_left_alone(importer: Importer) -> None:
    other = Group("skole2", "Annen vgs", "skole", "eier", number="999000222")
    importer.pifu(export(EMIL, KARI, other, members("skole2", "p4")))
    importer.pifu(school(NORA, KARI, OLE, enrolled=("p1",)))
    assert importer.students() == {"Nora Eksempel", "Emil Eksempel"}
    assert len(importer.links()) == 3


def test_other_sources_are_left_alone(importer: Importer) -> None:
    importer.pifu(small_school())
    importer.pifu(school(NORA, KARI, enrolled=("p1",), source="annet@eksempel.no"))
    assert importer.students() == {"Nora Eksempel", "Emil Eksempel"}
    assert importer.links(ended=True) == set()
    assert importer.points(ended=True) == set()


def test_a_refused_record_ends_nothing(importer: Importer) -> None:
    importer.pifu(small_school())
    twice = school(NORA, EMIL, KARI, OLE, replace(OLE, given="Olav"), TEACHER)
    plan = importer.pifu(twice)
    assert plan.refused
    assert plan.changes == 0
    assert len(importer.links()) == 3


def test_when_nobody_knows_whom_a_refused_record_is_about_nothing_ends(importer: Importer) -> None:
    importer.pifu(small_school())
    nameless = "<person><name><fn>Ukjent</fn></name></person>"
    plan = importer.pifu(WITHOUT_OLE.replace("</enterprise>", f"{nameless}</enterprise>"))
    assert plan.endings_suspended
    assert importer.links(ended=True) == set()


def test_full_export_without_students_is_half_an_export(importer: Importer) -> None:
    importer.pifu(school(replace(NORA, guardians=()), enrolled=("p1",)))
    with pytest.raises(BeredskapError, match="no students") as raised:
        importer.pifu(export(SCHOOL))
    assert raised.value.exit_status is ExitStatus.REFUSED
    importer.pifu(export(SCHOOL), allow_ending=0)
    assert importer.students(left=True) == {"Nora Eksempel"}
