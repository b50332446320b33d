"""OneRoster: who enters from a roster, who is whose guardian, and what vendors write that is no fault."""

from __future__ import annotations

from datetime import date, timedelta

import pytest

from config.errors import BeredskapError, ExitStatus
from contacts import tables
from contacts.imports.step import Kind
from tests.contacts.imports.importing import Importer
from tests.contacts.imports.oneroster_files import (
    EMIL,
    KARI,
    NORA,
    OLE,
    RANDI,
    apply,
    changed,
    folder,
    links,
    small_roster,
    zip_bytes,
)


@pytest.mark.parametrize("version", ["1.1", "1.2"])
@pytest.mark.parametrize("packed", [False, True])
def test_exactly_these_people(importer: Importer, version: str, packed: bool) -> None:
    files = small_roster(version)
    path = importer.file("roster.zip", zip_bytes(files, "export/")) if packed else folder(importer.directory, files)
    plan = importer.apply("oneroster", path)
    assert (plan.refused, plan.full, plan.source) == (0, True, "oneroster:sas")
    assert importer.without_ids() == {
        "people": [
            ("", KARI, None, False, "none", ""),
            ("", OLE, None, False, "none", ""),
            ("", RANDI, None, False, "none", ""),
            ("2B-017", NORA, date(2009, 5, 17), False, "none", ""),
            ("2B-018", EMIL, date(2010, 2, 28), False, "none", ""),
        ],
        "students": {NORA, EMIL},
        "links": links("contact_person"),
        "over": set(),
        # Not those of students and teachers.
        "points": {
            (KARI, "kari@example.com"),
            (KARI, "+4791234567"),
            (KARI, "+4722334455"),
            (OLE, "ole@example.com"),
            (RANDI, "+4791234568"),
        },
        "schools": {(NORA, "Eksempel vgs"), (NORA, "Annen vgs"), (EMIL, "Eksempel vgs")},
        # Matematikk is over today, 1B was last year's.
        "groups": {(NORA, "2B"), (EMIL, "2B")},
    }
    assert {row.ref for row in importer.rows(tables.SCHOOL)} == {"999888777", "oneroster:sas/annen"}
    assert {row.grade for row in importer.rows(tables.ENROLMENT) if row.grade} == {"12"}
    before = importer.everything()
    importer.now += timedelta(days=1)
    assert importer.apply("oneroster", path).changes == 0
    assert importer.everything() == before


def test_the_two_versions_tell_the_same(sqlite_importer: Importer) -> None:
    apply(sqlite_importer, small_roster("1.1"))
    people, schools = sqlite_importer.without_ids(), sqlite_importer.schools()
    plan = sqlite_importer.apply("oneroster", folder(sqlite_importer.directory, small_roster("1.2")))
    assert (sqlite_importer.without_ids(), sqlite_importer.schools()) == (people, schools)
    # 1.2 knows which of two schools is the main one, and until when Emil goes there.
    assert [(count.kind, count.changed) for count in plan.counts] == [(Kind.ENROLMENTS, 2)]


@pytest.mark.parametrize(
    ("kind", "basis", "words"),
    [
        ("oneroster", "contact_person", "OneRoster does not say who has custody"),
        ("oneroster custody", "school_register", "because you say so"),
    ],
)
def test_what_agents_are_taken_for(importer: Importer, kind: str, basis: str, words: str) -> None:
    with importer.staged(kind, folder(importer.directory, small_roster())) as staged:
        plan = staged.preview()
    assert words in plan.notes[0]
    assert plan.notes[-1].startswith("OneRoster tells nobody's address protection")
    assert words in str(plan.as_json()["notes"])
    assert apply(importer, small_roster(), kind) == {}
    assert importer.links() == links(basis)


def test_taking_back_custody_ends_it(sqlite_importer: Importer) -> None:
    apply(sqlite_importer, small_roster(), "oneroster custody")
    with pytest.raises(BeredskapError) as raised:
        apply(sqlite_importer, small_roster())
    assert raised.value.exit_status is ExitStatus.REFUSED
    assert apply(sqlite_importer, small_roster(), allow_ending=3) == {}
    assert sqlite_importer.links() == links("contact_person")


@pytest.mark.parametrize(
    ("student", "kari", "linked"),
    [
        ("kari", "", True),  # at the student
        ("", "emil", True),  # at the guardian
        ("kari", "emil", True),  # at both
        ("", "", False),
    ],
)
def test_a_link_may_stand_at_either_end(sqlite_importer: Importer, student: str, kari: str, linked: bool) -> None:
    users = (("2B-018,,,,kari,12", f"2B-018,,,,{student},12"), ("22334455,,,", f"22334455,{kari},,"))
    assert apply(sqlite_importer, changed(small_roster(), "users.csv", *users)) == {}
    assert ((EMIL, KARI, "contact_person") in sqlite_importer.links()) is linked


@pytest.mark.parametrize("role", ["student", "teacher", "aide", "administrator", "proctor", "ext:vaktmester"])
def test_who_is_never_a_guardian(sqlite_importer: Importer, role: str) -> None:
    files = changed(small_roster(), "users.csv", ("skole,guardian,kari", f"skole,{role},kari"))
    assert apply(sqlite_importer, files, "oneroster custody") == {}
    assert KARI not in {guardian for _, guardian, _ in sqlite_importer.links()}
    assert KARI not in {name for name, _ in sqlite_importer.points()}


def test_a_parent_who_is_a_student_elsewhere(sqlite_importer: Importer) -> None:
    """Of two roles at one end the other end's decides; where both ends may be either, nothing is guessed."""
    grown = changed(small_roster("1.2"), "roles.csv", ("r5,", "r9,,,ole,secondary,student,,,annen,\nr5,"))
    assert apply(sqlite_importer, grown) == {}
    assert (NORA, OLE, "contact_person") in sqlite_importer.links()
    both = changed(grown, "roles.csv", ("r1,", "r10,,,nora,secondary,parent,,,annen,\nr1,"))
    assert apply(sqlite_importer, both, allow_ending=1) == {
        "users.csv, line 5": "column agentSourcedIds: the roles at both ends do not say who is the student"
    }
    # What the store has of a link that cannot be judged goes on.
    assert (NORA, OLE, "contact_person") in sqlite_importer.links()


def test_what_vendors_write_and_is_no_fault(importer: Importer) -> None:
    apply(importer, small_roster())
    before = importer.everything()
    files = changed(
        small_roster(),
        "users.csv",
        ("dateLastModified", "dataLastModified"),
        ("emil,,,true", "emil,active,2026-11-01T10:00:00.000Z,TRUE"),
        ('"nora,kari"', '" nora , kari,"'),
        ("skole,relative", '"skole",Relative'),
    )
    head, *rest = files["users.csv"].splitlines()
    files["users.csv"] = "\n".join([f"{head},metadata.kjonn,Vår egen,,", *(f"{line},x,y,,,," for line in rest)])
    files = changed(files, "demographics.csv", ("2009-05-17", "2009-05-17T00:00:00.000Z"))
    files = changed(files, "orgs.csv", ("Annen vgs", '"Annen vgs"'), ("\nfylke", "\n,,,,,,\n\nfylke"))
    files = changed(files, "manifest.csv", ("file.users,bulk", "file.Users,BULK"))
    dirty = {name.upper(): "\ufeff" + text.rstrip("\n") for name, text in files.items()}
    dirty["ENROLLMENTS.CSV"] = dirty["ENROLLMENTS.CSV"].replace("\n", "\r\n")
    assert apply(importer, dirty) == {}
    assert importer.everything() == before


def test_a_line_said_twice_word_for_word_is_one(sqlite_importer: Importer) -> None:
    files = small_roster()
    emil = next(line for line in files["users.csv"].splitlines() if line.startswith("emil"))
    assert apply(sqlite_importer, {**files, "users.csv": files["users.csv"] + emil + "\n"}) == {}
    assert sqlite_importer.links() == links("contact_person")


def test_a_student_without_school_and_class_is_told(sqlite_importer: Importer) -> None:
    files = changed(small_roster(), "users.csv", ("true,skole,student", "true,fylke,student"))
    assert apply(sqlite_importer, files) == {}  # Emil's class speaks for its school
    files = changed(
        files,
        "enrollments.csv",
        ("e3,,,2b,skole,emil,student,,2026-08-17,\ne4,,,gammel,skole,emil,student,,,\n", ""),
    )
    assert apply(sqlite_importer, files) == {"users.csv, line 3": "a student in no school and no class"}
    assert EMIL in sqlite_importer.students()


@pytest.mark.parametrize("status", ["tobedeleted", "inactive"])
def test_a_full_roster_ends_what_is_absent_or_deleted(importer: Importer, status: str) -> None:
    apply(importer, small_roster())
    files = changed(
        small_roster(), "users.csv", ("emil,,,true", f"emil,{status},,true"), ("nora,kari", "kari"), ("kari,tor", "tor")
    )
    assert apply(importer, files, allow_ending=4) == {}
    assert importer.students() == {NORA}
    assert importer.students(left=True) == {EMIL}
    assert importer.links() == set()
    assert importer.schools() == {(NORA, "Eksempel vgs"), (NORA, "Annen vgs")}


def test_roles_of_1_2_hold_on_their_days(sqlite_importer: Importer) -> None:
    files = changed(
        small_roster("1.2"),
        "roles.csv",
        ("kari,primary,guardian,,", "kari,primary,guardian,,2026-11-23"),
        ("ole,primary,parent,", "ole,primary,parent,2026-11-24"),
        ("emil,primary,student,,2027-06-19", "emil,primary,student,,2026-11-23"),
    )
    assert apply(sqlite_importer, files) == {}
    assert sqlite_importer.links() == set()
    assert sqlite_importer.schools() == {(NORA, "Eksempel vgs"), (NORA, "Annen vgs")}
    mains = {row.school_id: row.main for row in sqlite_importer.rows(tables.ENROLMENT)}
    names = {row.id: row.name for row in sqlite_importer.rows(tables.SCHOOL)}
    assert {names[school]: main for school, main in mains.items()} == {"Eksempel vgs": True, "Annen vgs": False}


def test_identity_numbers(importer: Importer) -> None:
    """Typed ones are known, hashed and encrypted; one in another place is never what people see of a student."""
    files = changed(
        small_roster(),
        "users.csv",
        ("emil,,Emil,Eksempel,,2B-018", "emil,{Annet:7},Emil,Eksempel,,14877510078"),
        ("kari,,Kari", 'kari,"{Skole:1},{NIN:14877510078}",Kari'),
    )
    assert apply(importer, files) == {}
    assert importer.numbers(KARI) == {"14877510078": True}
    assert importer.person(EMIL).ref == "emil"
    assert importer.numbers(EMIL) == {}
