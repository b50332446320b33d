"""School Data Sync 2.1: who enters, who is whose guardian, what ends, and what is refused with its place."""

from __future__ import annotations

from datetime import date, timedelta

import pytest

from config.errors import BeredskapError, ExitStatus, UsageError
from contacts import tables
from contacts.codes import Basis
from contacts.imports.roster_index import Role
from contacts.imports.roster_table import FieldError
from contacts.imports.sds_people import link_basis
from tests.contacts.imports.importing import Importer
from tests.contacts.imports.oneroster_files import Files, changed, folder, zip_bytes
from tests.contacts.imports.sds_files import small_sds

NORA, EMIL, KARI, OLE = "Nora Eksempel", "Emil Eksempel", "Kari Eksempel", "Ole Eksempel"
RANDI = "Randi Tante"


def links(basis: str) -> set[tuple[str, str, str]]:
    return {(NORA, KARI, basis), (EMIL, KARI, basis), (NORA, OLE, basis), (EMIL, RANDI, "contact_person")}


def apply(importer: Importer, files: Files, kind: str = "sds", **options: int) -> dict[str, object]:
    """Import the roster; the refusals, by place and reason."""
    plan = importer.apply(kind, folder(importer.directory, files), **options)
    return {f"{each.place.file}, {each.place.record}": each.reason for each in plan.refusals}


def test_exactly_these_people(importer: Importer) -> None:
    path = importer.file("sds.zip", zip_bytes(small_sds(), "export/"))
    plan = importer.apply("sds", path)
    assert (plan.refused, plan.full, plan.source) == (0, True, "sds")
    assert importer.without_ids() == {
        "people": [
            ("", KARI, None, False, "none", ""),
            ("", OLE, None, False, "none", ""),
            ("", RANDI, None, False, "none", ""),
            ("emil", EMIL, date(2010, 2, 28), False, "none", ""),
            ("nora", NORA, date(2009, 5, 17), False, "none", ""),
        ],
        "students": {NORA, EMIL},
        "links": links("contact_person"),
        "over": set(),
        # Not those of students, teachers and doctors.
        "points": {
            (KARI, "kari@example.com"),
            (KARI, "+4791234567"),
            (KARI, "+4722334455"),
            (OLE, "ole@example.com"),
            (RANDI, "+4791234568"),
        },
        # A role's last day counts.
        "schools": {(NORA, "Eksempel vgs"), (NORA, "Annen vgs"), (EMIL, "Eksempel vgs")},
        # 1B was last year's.
        "groups": {(NORA, "2B"), (NORA, "Matematikk"), (EMIL, "2B")},
    }
    people = importer.people()
    grades = {(people[row.student_id], row.grade, row.main) for row in importer.rows(tables.ENROLMENT)}
    assert grades == {(NORA, "12", True), (NORA, None, False), (EMIL, "11", True)}
    before = importer.everything()
    assert importer.apply("sds", path).changes == 0
    assert importer.everything() == before
    importer.now += timedelta(days=1)
    importer.apply("sds", path)
    assert importer.schools() == {(NORA, "Eksempel vgs"), (EMIL, "Eksempel vgs")}


@pytest.mark.parametrize(
    ("kind", "basis", "words"),
    [
        ("sds", "contact_person", "School Data Sync does not say who has custody"),
        ("sds custody", "school_register", "because you say so"),
    ],
)
def test_what_guardians_are_taken_for(sqlite_importer: Importer, kind: str, basis: str, words: str) -> None:
    plan = sqlite_importer.apply(kind, folder(sqlite_importer.directory, small_sds()))
    assert len(plan.notes) == 2
    assert plan.notes[-1].startswith("School Data Sync tells nobody's address protection")
    assert words in plan.notes[0]
    assert sqlite_importer.links() == links(basis)


STUDENT, GUARDIAN, RELATIVE, OTHER, NONE = Role.STUDENT, Role.GUARDIAN, Role.RELATIVE, Role.OTHER, Role.NONE


@pytest.mark.parametrize(
    ("student", "contact", "relationship", "basis"),
    [
        (STUDENT, NONE, GUARDIAN, Basis.SCHOOL_REGISTER),
        (STUDENT, OTHER, GUARDIAN, Basis.SCHOOL_REGISTER),  # a teacher who is a parent
        (STUDENT | OTHER, GUARDIAN, GUARDIAN, Basis.SCHOOL_REGISTER),
        (STUDENT, NONE, RELATIVE, Basis.CONTACT_PERSON),
        (STUDENT, NONE, OTHER, None),
        (STUDENT, STUDENT, OTHER, None),
        (NONE, NONE, GUARDIAN, None),
        (OTHER, NONE, GUARDIAN, None),
    ],
)
def test_link_basis(student: Role, contact: Role, relationship: Role, basis: Basis | None) -> None:
    assert link_basis(student, contact, relationship, Basis.SCHOOL_REGISTER) is basis


@pytest.mark.parametrize("student", [STUDENT, NONE])
@pytest.mark.parametrize("relationship", [GUARDIAN, RELATIVE])
def test_a_student_is_nobodys_guardian(student: Role, relationship: Role) -> None:
    with pytest.raises(FieldError, match="column relationshipUserSourcedId: a student"):
        link_basis(student, STUDENT, relationship, Basis.CONTACT_PERSON)


def test_what_vendors_write_and_is_no_fault(sqlite_importer: Importer) -> None:
    apply(sqlite_importer, small_sds())
    before = sqlite_importer.everything()
    files = changed(small_sds(), "demographics.csv", ("2009-05-17", "2009-05-17T00:00:00"))
    files = changed(files, "relationships.csv", ("nora,kari,guardian", '"nora","kari","GUARDIAN"'))
    files["userFlags.csv"] = "userSourcedId,flag\nnora,iep\n"
    dirty = {name: "\ufeff" + text.rstrip("\n").replace("\n", ",,\r\n") + ",," for name, text in files.items()}
    assert apply(sqlite_importer, dirty) == {}
    assert sqlite_importer.everything() == before


@pytest.mark.parametrize(
    ("name", "old", "new", "place", "reason"),
    [
        ("demographics.csv", "2009-05-17", "17.05.2009", 2, "left out: column birthDate: a date must be written 2008-"),
        ("demographics.csv", "emil,", "ukjent,", 3, "column userSourcedId: not in users.csv"),
        ("users.csv", "emil,emil", "nora,emil", 3, "column sourcedId: another line has the same one"),
        ("users.csv", "kari@example.com,+47", "kari at example.com,+47", 4, "left out: column email"),
        ("users.csv", "+4722334455", "2233", 4, "left out: column phone"),
        ("roles.csv", "emil,skole,student", "emil,skole,studnet", 4, "column role: no role of School Data Sync"),
        ("roles.csv", "emil,skole,student", "emil,ukjent,student", 4, "column orgSourcedId: not in orgs.csv"),
        ("roles.csv", "2027-06-18", "18/06/2027", 4, "column roleEndDate: a date must be written"),
        ("roles.csv", "t1,11,true", "t9,11,true", 4, "column sessionSourcedId: not in academicSessions.csv"),
        ("roles.csv", "t1,11,true", "t1,11,ja", 4, "column isPrimary: neither true nor false"),
        ("orgs.csv", "Annen vgs", "", 4, "column name: empty"),
        ("orgs.csv", "adultEducation", "skole", 4, "column type: no type of School Data Sync"),
        ("classes.csv", "mat,skole", "mat,fylke", 3, "column orgSourcedId: no school of orgs.csv"),
        ("classes.csv", "t0,t1", "t0,t9", 3, "column sessionSourcedIds: not in academicSessions.csv"),
        ("enrollments.csv", "mat,nora", "ukjent,nora", 3, "column classSourcedId: not in classes.csv"),
        ("relationships.csv", "nora,ole", "nora,ukjent", 4, "column relationshipUserSourcedId: not in users.csv"),
        ("relationships.csv", "nora,ole", "ukjent,ole", 4, "column userSourcedId: not in users.csv"),
        ("relationships.csv", "ole,parent", "ole,mor", 4, "column relationshipRole: no contact of School Data Sync"),
        ("relationships.csv", "nora,ole", "ole,nora", 4, "column relationshipUserSourcedId: a student"),
    ],
)
def test_what_cannot_be_known_is_refused_with_its_place(
    sqlite_importer: Importer, name: str, old: str, new: str, place: int, reason: str
) -> None:
    told = apply(sqlite_importer, changed(small_sds(), name, (old, new)))
    assert str(told.get(f"{name}, line {place}")).startswith(reason), told


def test_a_refused_line_ends_nothing_of_whom_it_is_about(sqlite_importer: Importer) -> None:
    apply(sqlite_importer, small_sds())
    before = sqlite_importer.without_ids()
    told = apply(sqlite_importer, changed(small_sds(), "relationships.csv", ("ole,parent", "ole,mor")))
    assert told == {"relationships.csv, line 4": "column relationshipRole: no contact of School Data Sync"}
    assert sqlite_importer.without_ids() == before


def test_a_refused_contact_keeps_their_addresses(sqlite_importer: Importer) -> None:
    files = changed(small_sds(), "roles.csv", ("tor,skole,teacher", "kari,skole,teacher,,,,,\ntor,skole,teacher"))
    assert apply(sqlite_importer, files) == {}
    before = sqlite_importer.without_ids()
    both = (("kari,guardian", "kari,gaurdian"), ("kari,Parent", "kari,Paernt"))
    assert len(apply(sqlite_importer, changed(files, "relationships.csv", *both))) == 2
    assert sqlite_importer.without_ids() == before


def test_a_contact_of_somebody_without_a_role_is_told(sqlite_importer: Importer) -> None:
    apply(sqlite_importer, small_sds())
    before = sqlite_importer.links()
    roles = ("emil,skole,student,t1,11,true,2026-08-17,2027-06-18\n", "")
    told = apply(sqlite_importer, changed(small_sds(), "roles.csv", roles))
    reason = "column userSourcedId: has no role in roles.csv, or it was refused there"
    # Emil's parent and his relative; not the teacher whom he calls something else.
    assert {place for place, each in told.items() if each == reason} == {
        "relationships.csv, line 3",
        "relationships.csv, line 5",
    }
    assert sqlite_importer.links() == before


def test_nothing_enters_of_a_student_whose_line_is_refused(sqlite_importer: Importer) -> None:
    apply(sqlite_importer, small_sds())
    before = sqlite_importer.everything()
    files = changed(small_sds(), "enrollments.csv", ("2b,emil", "mat,emil"))
    told = apply(sqlite_importer, changed(files, "users.csv", (",Emil,", ',"Em\x07il",')))
    assert told["enrollments.csv, line 4"] == "column userSourcedId: not in users.csv, or refused there"
    assert sqlite_importer.everything() == before


def test_a_student_without_school_and_class_is_told(sqlite_importer: Importer) -> None:
    files = changed(small_sds(), "roles.csv", ("emil,skole", "emil,fylke"))
    assert apply(sqlite_importer, files) == {}  # Emil's class speaks for its school
    files = changed(files, "enrollments.csv", ("2b,emil,student\ngammel,emil,student\n", ""))
    assert apply(sqlite_importer, files) == {"users.csv, line 3": "a student in no school and no class"}
    assert EMIL in sqlite_importer.students()


def test_what_is_absent_ends(importer: Importer) -> None:
    apply(importer, small_sds())
    fewer = changed(
        small_sds(),
        "users.csv",
        ("emil,emil@example.com,Emil,Eksempel,Hemmelig1,emil@example.com,,,\n", ""),
        ("+4791234567", ""),
    )
    fewer = changed(fewer, "roles.csv", ("emil,skole,student,t1,11,true,2026-08-17,2027-06-18\n", ""))
    fewer = changed(fewer, "enrollments.csv", ("2b,emil,student\ngammel,emil,student\n", ""))
    fewer = changed(fewer, "relationships.csv", ("emil,kari,Parent\n", ""), ("emil,randi,relative\nnora", "nora"))
    fewer = changed(fewer, "relationships.csv", ("emil,tor,other\n", ""))
    fewer = changed(fewer, "demographics.csv", ("emil,male,2010-02-28,,,,,\n", ""))
    with pytest.raises(BeredskapError) as raised:
        apply(importer, fewer)
    assert raised.value.exit_status is ExitStatus.REFUSED
    assert apply(importer, fewer, allow_ending=2) == {}
    assert importer.students() == {NORA}
    assert importer.students(left=True) == {EMIL}
    assert importer.links() == {(NORA, KARI, "contact_person"), (NORA, OLE, "contact_person")}
    assert (KARI, "+4791234567") in importer.points(ended=True)


def test_a_file_left_out_ends_what_came_by_it_and_is_told(sqlite_importer: Importer) -> None:
    apply(sqlite_importer, small_sds())
    no_classes = {name: text for name, text in small_sds().items() if name not in ("classes.csv", "enrollments.csv")}
    plan = sqlite_importer.apply("sds", folder(sqlite_importer.directory, no_classes))
    assert plan.notes[1] == (
        "Without classes.csv, enrollments.csv: what earlier imports of this source had from there ends."
    )
    assert (sqlite_importer.groups(), sqlite_importer.students()) == (set(), {NORA, EMIL})
    no_links = {name: text for name, text in small_sds().items() if name != "relationships.csv"}
    with pytest.raises(BeredskapError) as raised:
        apply(sqlite_importer, no_links)
    assert raised.value.exit_status is ExitStatus.REFUSED
    assert sqlite_importer.links() == links("contact_person")


@pytest.mark.parametrize(
    ("absent", "words"),
    [
        ("orgs.csv", "there is no orgs.csv"),
        ("users.csv", "there is no users.csv"),
        ("roles.csv", "there is no roles.csv"),
        ("classes.csv", "of classes.csv and enrollments.csv there is only one"),
        ("enrollments.csv", "of classes.csv and enrollments.csv there is only one"),
    ],
)
def test_files_that_are_missing(sqlite_importer: Importer, absent: str, words: str) -> None:
    files = {name: text for name, text in small_sds().items() if name != absent}
    with pytest.raises(UsageError, match=words):
        apply(sqlite_importer, files)


def test_a_path_that_leads_out_of_the_zip_is_refused(sqlite_importer: Importer) -> None:
    path = sqlite_importer.file("sds.zip", zip_bytes(small_sds(), "../"))
    with pytest.raises(UsageError, match="member 1 has a path that leads out of it"):
        sqlite_importer.apply("sds", path)


def test_an_identity_number_as_id_is_neither_seen_nor_kept(sqlite_importer: Importer) -> None:
    files = {name: text.replace("emil,", "14877510078,") for name, text in small_sds().items()}
    assert apply(sqlite_importer, files) == {}
    assert sqlite_importer.person(EMIL).ref is None
    assert (EMIL, RANDI, "contact_person") in sqlite_importer.links()
    assert "14877510078" not in repr(sqlite_importer.everything())
    assert sqlite_importer.apply("sds", folder(sqlite_importer.directory, files)).changes == 0
