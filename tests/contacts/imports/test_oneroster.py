"""OneRoster: who enters from a roster, who is whose guardian, and what vendors write that is no fault."""

from __future__ import annotations

from datetime import date, timedelta

import pytest

from config.errors import BeredskapError, ExitStatus
from contacts import tables
from contacts.imports.step import Kind
from tests.contacts.imports.importing import Importer
from tests.contacts.imports.oneroster_files import Files, changed, folder, manifest, small_roster, zip_bytes

NORA, EMIL, KARI, OLE = "Nora Eksempel", "Emil Eksempel", "Kari Eksempel", "Ole Eksempel"
RANDI = "Randi Tante"


def links(basis: str) -> set[tuple[str, str, str]]:
    return {(NORA, KARI, basis), (EMIL, KARI, basis), (NORA, OLE, basis), (EMIL, RANDI, "contact_person")}


def apply(importer: Importer, files: Files, kind: str = "oneroster", **options: int) -> dict[str, object]:
    """Import the roster; the refusals, by place and reason."""
    plan = importer.apply(kind, folder(importer.directory, files), **options)
    return {f"{each.place.file}, {each.place.record}": each.reason for each in plan.refusals}


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
    assert {row.ref for row in importer.rows(tables.SCHOOL)} == {"999888777", "annen"}
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


@pytest.mark.parametrize(
    ("name", "old", "new", "place", "reason"),
    [
        ("demographics.csv", "2009-05-17", "03/04/2008", 2, "left out: column birthDate: a date must be written 2008-"),
        ("demographics.csv", "2009-05-17", "2009-02-30", 2, "left out: column birthDate: no such day"),
        ("demographics.csv", "2009-05-17", "2009-05-16T22:00:00Z", 2, "left out: column birthDate: a date must be"),
        ("demographics.csv", "emil,", "ukjent,", 3, "column sourcedId: not in users.csv"),
        ("users.csv", '"kari,tor,emil"', "ukjent", 2, "column agentSourcedIds: not in users.csv"),
        ("users.csv", '"skole,annen"', "ukjent", 2, "column orgSourcedIds: not in orgs.csv"),
        ("users.csv", "skole,student,emil", "skole,studnet,emil", 3, "column role: no role of OneRoster"),
        ("users.csv", "skole,student,emil", "skole,,emil", 3, "column role: empty"),
        ("users.csv", "emil,,,true", "emil,gone,,true", 3, "column status: none of active, inactive"),
        ("users.csv", "emil,,,true", ",,,true", 3, "column sourcedId: empty"),
        ("users.csv", "emil,,,true", "nora,,,true", 3, "column sourcedId: another line has the same one"),
        ("users.csv", "kari@example.com", "kari at example.com", 4, "left out: column email"),
        ("users.csv", "22334455", "2233", 4, "left out: column phone"),
        ("users.csv", "kari,,Kari", 'kari,,"Ka\x07ri"', 4, "column givenName: a line break or another control"),
        ("users.csv", "kari,,Kari", "kari,{NIN:12345678901},Kari", 4, "left out: column userIds: "),
        ("users.csv", "kari,,Kari", "kari,Kari", 4, "it has 17 columns, the header 18"),
        ("enrollments.csv", "e3,,,2b", "e3,,,ukjent", 4, "column classSourcedId: not in classes.csv"),
        ("enrollments.csv", "skole,emil", "skole,ukjent", 4, "column userSourcedId: not in users.csv"),
        ("enrollments.csv", "skole,emil", "skole,kari", 4, "column role: student, of a user who has another role"),
        ("enrollments.csv", "2026-08-17", "17/08/2026", 4, "column beginDate: a date must be written"),
        ("classes.csv", "scheduled", "planned", 3, "column classType: neither homeroom nor scheduled"),
        ("classes.csv", "skole,t1", "fylke,t1", 2, "column schoolSourcedId: no school of orgs.csv"),
        ("classes.csv", "skole,t1", "skole,t9", 2, "column termSourcedIds: not in academicSessions.csv"),
        ("academicSessions.csv", "2026-08-17", "08/17/2026", 2, "column startDate: a date must be written"),
        ("academicSessions.csv", "t0,", "t1,", 3, "column sourcedId: another line has the same one"),
        ("orgs.csv", "Annen vgs", "", 4, "column name: empty"),
        ("orgs.csv", "annen,", "skole,", 3, "the same group occurs more than once, with other contents"),
    ],
)
def test_what_cannot_be_known_is_refused_with_its_place(
    sqlite_importer: Importer, name: str, old: str, new: str, place: int, reason: str
) -> None:
    told = apply(sqlite_importer, changed(small_roster(), name, (old, new)))
    assert str(told.get(f"{name}, line {place}")).startswith(reason), told


def test_two_birth_dates_are_none(sqlite_importer: Importer) -> None:
    files = changed(small_roster(), "demographics.csv", ("emil,,,2010-02-28", "nora,,,2009-05-18"))
    assert apply(sqlite_importer, files) == {"users.csv, line 2": "left out: two birth dates in demographics.csv"}
    assert {sqlite_importer.person(name).birth_date for name in (NORA, EMIL)} == {None}


def test_a_bad_line_stops_no_other(sqlite_importer: Importer) -> None:
    files = changed(small_roster(), "users.csv", ("skole,student,emil", "skole,studnet,emil"))
    assert set(apply(sqlite_importer, files)) >= {"users.csv, line 3"}
    assert sqlite_importer.links() == {(NORA, KARI, "contact_person"), (NORA, OLE, "contact_person")}
    assert sqlite_importer.students() == {NORA}


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


def test_a_refused_line_ends_nothing_of_whom_it_is_about(importer: Importer) -> None:
    apply(importer, small_roster())
    before = importer.without_ids()
    told = apply(importer, changed(small_roster(), "users.csv", ("skole,guardian,kari", "skole,gaurdian,kari")))
    assert told == {
        "users.csv, line 2": "column agentSourcedIds: not in users.csv, or refused there",
        "users.csv, line 3": "column agentSourcedIds: not in users.csv, or refused there",
        "users.csv, line 4": "column role: no role of OneRoster",
        "users.csv, line 5": "column agentSourcedIds: not in users.csv, or refused there",
    }
    assert importer.without_ids() == before


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


def delta(**files: str) -> Files:
    told = {f"{name}.csv": text for name, text in files.items()}
    return {"manifest.csv": manifest("1.1", delta=tuple(files)), **told}


def lines(name: str, *starts: str) -> str:
    """The header of a file, and those of its lines that begin so."""
    header, *rest = small_roster()[f"{name}.csv"].splitlines()
    return "\n".join([header, *(line for line in rest if line.startswith(starts))]) + "\n"


def test_a_delta_changes_and_deletes_by_name_alone(importer: Importer) -> None:
    # A school without an organisation number is found again by its id alone.
    apply(importer, changed(small_roster(), "orgs.csv", ("999 888 777", "")))
    users = lines("users", "nora", "kari", "tor").replace("91234567", "91234560").replace("nora,,,", "nora,active,,")
    assert apply(importer, delta(users=users)) == {
        # Emil is not among the changes, so nobody can tell what he is to Nora.
        "users.csv, line 2": "column agentSourcedIds: these changes do not tell the roles at both ends of the link"
    }
    assert (KARI, "+4791234560") in importer.points()
    assert importer.points(ended=True) == {(KARI, "+4791234567")}
    assert importer.links() == links("contact_person")
    assert importer.students() == {NORA, EMIL}
    assert {row.grade for row in importer.rows(tables.ENROLMENT)} == {"12", None}

    assert apply(importer, delta(enrollments=lines("enrollments", "e1").replace("e1,,", "e1,tobedeleted,"))) == {}
    assert importer.groups() == {(EMIL, "2B")}
    assert importer.students() == {NORA, EMIL}

    gone = lines("users", "emil", "kari").replace("emil,,", "emil,tobedeleted,")
    assert apply(importer, delta(users=gone)) == {}
    assert importer.students() == {NORA}
    assert importer.links() == {(NORA, KARI, "contact_person"), (NORA, OLE, "contact_person")}

    new = lines("users", "emil").replace("emil", "ida").replace("Emil", "Ida").replace("2B-018,,,,kari", "2B-019,,,,ny")
    new += lines("users", "ole").splitlines()[1].replace("ole", "ny").replace("Ole", "Ny").replace('"nora,kari"', "")
    enrolled = lines("enrollments", "e3").replace("emil", "ida")
    assert apply(importer, delta(users=new, enrollments=enrolled)) == {}
    assert ("Ida Eksempel", "Ny Eksempel", "contact_person") in importer.links()
    assert ("Ida Eksempel", "2B") in importer.groups()
    assert ("Ida Eksempel", "Eksempel vgs") in importer.schools()


def test_a_delta_of_classes_finds_their_school_in_the_store(importer: Importer) -> None:
    apply(importer, changed(small_roster(), "orgs.csv", ("999 888 777", "")))
    told = delta(
        classes=lines("classes", "2b").replace("2b", "ny").replace("2B", "2N"),
        enrollments=lines("enrollments", "e1").replace("2b", "ny"),
    )
    assert apply(importer, told) == {}
    assert importer.groups() == {(NORA, "2B"), (EMIL, "2B"), (NORA, "2N")}


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
