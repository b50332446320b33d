"""What a PIFU-IMS export makes of an empty store: exactly its people, links and addresses."""

from __future__ import annotations

from dataclasses import replace
from datetime import date

import pytest

from config.errors import ExitStatus, UsageError
from contacts import tables
from contacts.imports.step import Kind
from tests.contacts.imports.importing import Importer
from tests.contacts.imports.pifu_files import (
    CLASS,
    EMIL,
    KARI,
    NORA,
    NORA_NIN,
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


@pytest.fixture
def importer(sqlite_importer: Importer) -> Importer:
    """One kind of database: test_both_databases.py takes the same ways on the other one."""
    return sqlite_importer


def test_exactly_the_students_and_guardians_of_the_file(importer: Importer) -> None:
    plan = importer.pifu(small_school())
    assert plan.refused == 0
    assert set(importer.people().values()) == {"Nora Eksempel", "Emil Eksempel", "Kari Eksempel", "Ole Eksempel"}
    assert importer.students() == {"Nora Eksempel", "Emil Eksempel"}
    assert importer.links() == {
        ("Nora Eksempel", "Kari Eksempel", "school_register"),
        ("Nora Eksempel", "Ole Eksempel", "school_register"),
        ("Emil Eksempel", "Kari Eksempel", "school_register"),
    }
    assert importer.schools() == {("Nora Eksempel", "Eksempel vgs"), ("Emil Eksempel", "Eksempel vgs")}
    assert importer.groups() == {("Nora Eksempel", "2B"), ("Emil Eksempel", "2B")}
    assert [(row.ref, row.name) for row in importer.rows(tables.SCHOOL)] == [("999000111", "Eksempel vgs")]


def test_what_a_person_says(importer: Importer) -> None:
    importer.pifu(small_school())
    nora = importer.person("Nora Eksempel")
    assert (nora.ref, nora.birth_date, nora.language) == ("2B-017", date(2010, 3, 2), "nn")
    assert importer.numbers("Nora Eksempel") == {NORA_NIN: True}
    assert importer.person("Kari Eksempel").language == "se"
    assert importer.person("Kari Eksempel").ref is None


def test_addresses_of_guardians_alone(importer: Importer) -> None:
    importer.pifu(small_school())
    assert importer.points() == {
        ("Kari Eksempel", "+4790000001"),
        ("Kari Eksempel", "kari@example.com"),
        ("Ole Eksempel", "+4722000001"),
        ("Ole Eksempel", "ole@example.com"),
    }
    can_take = {row.value: row.takes_messages for row in importer.rows(tables.ADDRESS)}
    assert can_take["+4790000001"] is True
    assert can_take["+4722000001"] is False  # a fixed line can be called


def test_next_of_kin_is_a_relative_and_a_teachers_is_nobody(importer: Importer) -> None:
    importer.pifu(school(replace(NORA, guardians=(), next_of_kin=("p3",)), OLE, TEACHER, enrolled=("p1",)))
    assert importer.links() == {("Nora Eksempel", "Ole Eksempel", "relative")}


def test_identity_numbers_are_hashed_and_encrypted(importer: Importer) -> None:
    importer.pifu(small_school())
    assert NORA_NIN not in repr(importer.everything())


def test_verified_only_when_the_settings_trust_the_source(importer: Importer) -> None:
    plan = importer.pifu(small_school())
    assert not plan.contacts_verified
    assert {row.verified_at for row in importer.rows(tables.CONTACT_POINT)} == {None}
    plan = importer.pifu(small_school(), trusted=("pifu",))
    assert plan.contacts_verified
    assert plan.count(Kind.CONTACT_POINTS).changed == 4
    assert {row.verified_by for row in importer.rows(tables.CONTACT_POINT)} == {"source"}
    assert not importer.pifu(small_school(), trusted=("pifu",)).changes


def test_shared_number_is_one_address(importer: Importer) -> None:
    importer.pifu(school(NORA, KARI, replace(OLE, tels=(("3", "+4790000001"),)), enrolled=("p1",)))
    assert len([row for row in importer.rows(tables.ADDRESS) if row.value == "+4790000001"]) == 1
    assert {name for name, value in importer.points() if value == "+4790000001"} == {"Kari Eksempel", "Ole Eksempel"}


@pytest.mark.parametrize(
    ("person", "reason"),
    [
        (replace(KARI, mobile="+4712345678"), "no such number series"),
        (replace(KARI, mobile="98765432;41111111"), "more than one"),
        (replace(KARI, email="kari(at)example.com"), "e-mail address"),
        (replace(KARI, nin="14877510079"), "check digits"),
        (replace(NORA, born="02.03.2010"), "birth date"),
    ],
)
def test_a_bad_part_is_listed_and_the_person_enters_without_it(importer: Importer, person: Person, reason: str) -> None:
    people = [person if person.key == each.key else each for each in (NORA, EMIL, KARI, OLE)]
    plan = importer.pifu(school(*people))
    assert plan.exit_status is ExitStatus.PARTLY
    (refusal,) = plan.refusals
    assert reason in refusal.reason
    assert refusal.place.record.startswith("person ")
    for secret in (person.mobile, person.email, person.nin, person.born):
        assert not secret or secret not in repr(plan)
    assert f"{person.given} Eksempel" in importer.people().values()


def test_birth_date_that_cannot_be_read_stays_unknown(importer: Importer) -> None:
    importer.pifu(school(replace(NORA, born="02.03.2010"), KARI, OLE, enrolled=("p1",)))
    assert importer.person("Nora Eksempel").birth_date is None


def test_bad_addresses_of_others_than_guardians_are_nobodys_business(importer: Importer) -> None:
    plan = importer.pifu(school(replace(NORA, mobile="+4712345678"), KARI, OLE, replace(TEACHER, mobile="1")))
    assert [refusal.reason for refusal in plan.refusals if "left out" in refusal.reason] == []


def test_guardian_who_is_not_in_the_file_is_listed(importer: Importer) -> None:
    plan = importer.pifu(school(NORA, KARI, enrolled=("p1",)))
    assert [(each.place.record, each.reason) for each in plan.refusals] == [
        ("person 1", "its guardian is neither in the file nor in the store")
    ]
    assert importer.links() == {("Nora Eksempel", "Kari Eksempel", "school_register")}


def test_persons_may_come_after_those_who_name_them(importer: Importer) -> None:
    importer.pifu(
        export(members("2b", "p1"), members("skole", "p1"), CLASS, OLE, KARI, NORA, SCHOOL),
    )
    assert importer.students() == {"Nora Eksempel"}
    assert len(importer.links()) == 2


def test_grade_by_membership(importer: Importer) -> None:
    importer.pifu(
        export(
            NORA, KARI, OLE, SCHOOL, CLASS, Group("vg2", "VG2", "trinn"), members("vg2", "p1"), members("skole", "p1")
        )
    )
    assert [row.grade for row in importer.rows(tables.ENROLMENT)] == ["VG2"]
    assert [row.name for row in importer.rows(tables.STUDENT_GROUP)] == ["2B"]


def test_membership_of_a_class_alone_makes_a_student_of_its_school(importer: Importer) -> None:
    importer.pifu(export(NORA, KARI, OLE, SCHOOL, CLASS, members("2b", "p1")))
    assert importer.schools() == {("Nora Eksempel", "Eksempel vgs")}


def test_membership_of_the_school_decides_when_it_is_told(importer: Importer) -> None:
    importer.pifu(export(NORA, KARI, OLE, SCHOOL, CLASS, members("2b", "p1"), members("skole", "p1", status="0")))
    assert importer.students() == set()
    assert importer.people() == {}


@pytest.mark.parametrize(
    ("timeframe", "enrolled"),
    [
        ("<timeframe><begin>2026-08-17</begin><end>2027-06-30</end></timeframe>", True),
        ("<timeframe><end>2026-11-23</end></timeframe>", True),  # the last day is today
        ("<timeframe><end>2026-11-22</end></timeframe>", False),
        ("<timeframe><begin>2026-11-24</begin></timeframe>", False),
    ],
)
def test_memberships_hold_in_their_time(importer: Importer, timeframe: str, enrolled: bool) -> None:
    importer.pifu(export(NORA, KARI, OLE, SCHOOL, members("skole", "p1", timeframe=timeframe)))
    assert (importer.students() == {"Nora Eksempel"}) is enrolled


def test_group_that_is_over_takes_no_members(importer: Importer) -> None:
    importer.pifu(
        export(
            NORA, KARI, OLE, SCHOOL, Group("2b", "2B", ends="2026-06-30"), members("skole", "p1"), members("2b", "p1")
        )
    )
    assert importer.groups() == set()
    assert importer.rows(tables.STUDENT_GROUP) == []


def test_membership_of_an_unknown_group_is_listed(importer: Importer) -> None:
    plan = importer.pifu(export(NORA, KARI, OLE, SCHOOL, members("skole", "p1"), members("mat", "p1")))
    assert [(each.place.record, each.reason) for each in plan.refusals] == [
        ("membership 2", "its group is not in the file")
    ]


def test_learner_at_the_owner_of_schools_is_no_student(importer: Importer) -> None:
    owner = Group("eier", "Fylket", "skoleeier", "eier")
    plan = importer.pifu(export(NORA, KARI, OLE, owner, SCHOOL, members("eier", "p1")))
    assert plan.refused == 0
    assert importer.people() == {}


def test_new_sourcedid_replaces_the_old(importer: Importer) -> None:
    importer.pifu(small_school())
    renamed = replace(KARI, key="ny-2", old_keys=("p2",))
    again = [
        replace(each, guardians=tuple("ny-2" if key == "p2" else key for key in each.guardians))
        for each in (NORA, EMIL)
    ]
    plan = importer.pifu(school(*again, renamed, OLE, TEACHER))
    assert plan.count(Kind.GUARDIANSHIPS).added == 0
    assert len(importer.people()) == 4
    assert importer.pifu(school(*again, renamed, OLE, TEACHER)).changes == 0


@pytest.mark.parametrize("namespace", ["", "http://pifu.no/xsd/pifu-ims_sas/pifu-ims_sas-v2", "urn:x"])
def test_any_namespace(importer: Importer, namespace: str) -> None:
    importer.pifu(small_school(namespace=namespace))
    assert len(importer.students()) == 2


def test_same_number_of_two_persons_enters_neither(importer: Importer) -> None:
    plan = importer.pifu(school(NORA, EMIL, KARI, replace(OLE, nin=KARI.nin)))
    reasons = [refusal.reason for refusal in plan.refusals]
    assert reasons.count("the same person occurs more than once, with other contents") == 2
    assert reasons.count("the record of its guardian was refused") == 3
    assert importer.links() == set()


def test_person_said_twice_word_for_word_is_one(importer: Importer) -> None:
    plan = importer.pifu(school(NORA, EMIL, KARI, KARI, OLE))
    assert plan.refused == 0
    assert len(importer.people()) == 4


def test_student_number_of_two_students(importer: Importer) -> None:
    plan = importer.pifu(school(NORA, replace(EMIL, student_id="2B-017"), KARI, OLE))
    assert plan.refused == 2
    assert importer.students() == {"Nora Eksempel", "Emil Eksempel"}
    assert {row.ref for row in importer.rows(tables.PERSON)} == {None}


def test_two_files_of_one_source_are_one_import(importer: Importer) -> None:
    people = importer.file("personer.xml", export(NORA, KARI, OLE))
    groups = importer.file("grupper.xml", export(SCHOOL, CLASS, members("skole", "p1")))
    importer.apply("pifu", people, groups)
    assert importer.students() == {"Nora Eksempel"}


def test_files_of_two_sources_are_two_imports(importer: Importer) -> None:
    one, other = importer.file("a.xml", export(NORA)), importer.file("b.xml", export(KARI, source="annet@eksempel.no"))
    with pytest.raises(UsageError, match="one at a time"):
        importer.apply("pifu", one, other)


def test_own_child_is_nobodys_guardian(importer: Importer) -> None:
    plan = importer.pifu(school(replace(NORA, guardians=("p1",)), enrolled=("p1",)))
    assert "student and guardian are one person" in {refusal.reason for refusal in plan.refusals}
    assert importer.links() == set()
