"""OneRoster: what cannot be known is told with its place, and half a person never enters."""

from __future__ import annotations

import pytest

from contacts import tables
from tests.contacts.imports.importing import Importer
from tests.contacts.imports.oneroster_files import (
    EMIL,
    KARI,
    NORA,
    OLE,
    apply,
    changed,
    delta,
    lines,
    links,
    small_roster,
)


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
        (
            "users.csv",
            "skole,student,emil",
            '"sko\nle",student,emil',
            3,
            "column orgSourcedIds: a line break or another",
        ),
        ("users.csv", "skole,student,emil", f"{'x' * 257},student,emil", 3, "column orgSourcedIds: longer than 256"),
        ("users.csv", '"skole,annen"', '"skole,ukjent"', 2, "left out: column orgSourcedIds: not in orgs.csv"),
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


def test_a_refused_role_ends_no_address_of_whom_it_is_about(sqlite_importer: Importer) -> None:
    """What can be read of Kari's roles does not make her a guardian; what cannot be read may."""
    apply(sqlite_importer, small_roster("1.2"))
    before = sqlite_importer.without_ids()
    roles = ("r4,,,kari,primary,guardian", "r9,,,kari,primary,teacher,,,skole,\nr4,,,kari,primary,gaurdian")
    told = apply(sqlite_importer, changed(small_roster("1.2"), "roles.csv", roles))
    assert told["roles.csv, line 6"] == "column role: no role of OneRoster"
    assert sqlite_importer.without_ids() == before


@pytest.mark.parametrize("version", ["1.1", "1.2"])
def test_an_id_that_means_somebody_else_now_changes_nobody(importer: Importer, version: str) -> None:
    """The roster of another system that calls itself the same: Siri does not get Nora's guardians."""
    apply(importer, small_roster(version))
    before = importer.without_ids()
    files = changed(small_roster(version), "users.csv", ("nora,,Nora,Eksempel", "nora,,Siri,Fremmed"))
    told = apply(importer, changed(files, "demographics.csv", ("2009-05-17", "2011-01-02")))
    assert told["users.csv, line 2"].startswith("the store has another name and another birth date under this id")
    assert importer.without_ids() == before


@pytest.mark.parametrize(
    ("name", "old", "new"),
    [
        ("users.csv", "nora,,Nora,Eksempel", "nora,,Nora Marie,Nyttnavn"),
        ("demographics.csv", "2009-05-17", "2009-05-18"),
    ],
)
def test_a_new_name_or_a_corrected_birth_date_alone_is_the_same_person(
    sqlite_importer: Importer, name: str, old: str, new: str
) -> None:
    apply(sqlite_importer, small_roster())
    assert apply(sqlite_importer, changed(small_roster(), name, (old, new))) == {}
    (nora,) = (row for row in sqlite_importer.rows(tables.PERSON) if row.ref == "2B-017")
    assert new.endswith((str(nora.birth_date), nora.family_name))


def test_one_identity_number_is_one_person_whatever_else_has_changed(sqlite_importer: Importer) -> None:
    files = changed(small_roster(), "users.csv", ("nora,,Nora,Eksempel", "nora,{NIN:14877510078},Nora,Eksempel"))
    apply(sqlite_importer, files)
    files = changed(files, "users.csv", ("Nora,Eksempel", "Marie,Nyttnavn"))
    assert apply(sqlite_importer, changed(files, "demographics.csv", ("2009-05-17", "2009-05-18"))) == {}


def test_a_parent_without_a_role_is_told(sqlite_importer: Importer) -> None:
    apply(sqlite_importer, small_roster("1.2"))
    files = changed(small_roster("1.2"), "roles.csv", ("r4,,,kari,primary,guardian,,,skole,\n", ""))
    reason = "column agentSourcedIds: one end of the link has no role in roles.csv, or it was refused there"
    told = apply(sqlite_importer, files)
    assert {told["users.csv, line 2"], told["users.csv, line 3"]} == {reason}
    assert sqlite_importer.links() == links("contact_person")


@pytest.mark.parametrize("org", ['"sko\nle"', "x" * 257, "ukjent"])
def test_a_student_of_no_class_whose_school_cannot_be_read(sqlite_importer: Importer, org: str) -> None:
    files = changed(small_roster(), "users.csv", ("true,skole,student,emil", f"true,{org},student,emil"))
    files = {**files, "enrollments.csv": "".join(files["enrollments.csv"].splitlines(keepends=True)[:3])}
    told = apply(sqlite_importer, files)
    assert list(told) == ["users.csv, line 3"]
    assert told["users.csv, line 3"].startswith("column orgSourcedIds")
    assert sqlite_importer.students() == {NORA}


@pytest.mark.parametrize("full", [True, False])
def test_nothing_enters_of_a_student_whose_line_is_refused(importer: Importer, full: bool) -> None:
    """The class that the student would have changed to is not half of a person: it waits for the other half."""
    apply(importer, small_roster())
    before = importer.everything()
    if full:
        files = changed(small_roster(), "enrollments.csv", ("e3,,,2b", "e3,,,mat"))
    else:
        moved = lines("enrollments", "e3").replace("2b", "mat").replace("e3", "e9")
        files = delta(users=lines("users", "emil"), enrollments=moved)
    told = apply(importer, changed(files, "users.csv", ("emil,,Emil", 'emil,,"Em\x07il"')))
    assert told["users.csv, line 3" if full else "users.csv, line 2"].startswith("column givenName: a line break")
    assert "column userSourcedId: not in users.csv, or refused there" in told.values()
    assert importer.everything() == before


def test_lines_that_differ_in_what_is_not_read_are_one(sqlite_importer: Importer) -> None:
    files = small_roster()
    emil = next(line for line in files["users.csv"].splitlines() if line.startswith("emil"))
    again = emil.replace("emil,,,", "emil,,2026-11-01T10:00:00Z,")
    assert apply(sqlite_importer, {**files, "users.csv": f"{files['users.csv']}{again}\n"}) == {}
    assert (EMIL, KARI, "contact_person") in sqlite_importer.links()
