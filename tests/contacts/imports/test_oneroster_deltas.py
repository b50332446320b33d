"""OneRoster in changes alone: what they add, change and end, and what they cannot tell."""

from __future__ import annotations

import pytest

from contacts import tables
from contacts.imports.step import Kind
from tests.contacts.imports.importing import Importer
from tests.contacts.imports.oneroster_files import (
    EMIL,
    KARI,
    NORA,
    OLE,
    apply,
    changed,
    delta,
    folder,
    lines,
    links,
    small_roster,
)
from tests.contacts.store import ContactStore


def test_a_delta_changes_and_deletes_by_name_alone(importer: Importer) -> None:
    apply(importer, small_roster())
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


@pytest.mark.parametrize("number", ["999 888 777", ""])
def test_a_delta_of_classes_finds_their_school_in_the_store(importer: Importer, number: str) -> None:
    apply(importer, changed(small_roster(), "orgs.csv", ("999 888 777", number)))
    told = delta(
        classes=lines("classes", "2b").replace("2b", "ny").replace("2B", "2N"),
        enrollments=lines("enrollments", "e1").replace("2b", "ny"),
    )
    assert apply(importer, told) == {}
    assert importer.groups() == {(NORA, "2B"), (EMIL, "2B"), (NORA, "2N")}


@pytest.mark.parametrize("version", ["1.1", "1.2"])
def test_a_guardian_who_becomes_a_teacher_too_keeps_their_addresses(importer: Importer, version: str) -> None:
    """Changes do not tell all roles: the old one goes on, and so must the ways to reach whoever has it."""
    apply(importer, small_roster(version))
    before = importer.points()
    kari = lines("users", "kari", version=version).replace("skole,guardian", "skole,teacher")
    told = {"users": kari.replace("91234567", "91234560")}
    if version == "1.2":
        told["roles"] = lines("roles", "r4", version=version).replace("guardian", "teacher").replace("r4", "r9")
    assert apply(importer, delta(version, **told)) == {}
    assert importer.links() == links("contact_person")
    assert importer.points() == before - {(KARI, "+4791234567")} | {(KARI, "+4791234560")}


@pytest.mark.parametrize(
    "over", ["r4,tobedeleted,,kari,primary,guardian,,,", "r4,,,kari,primary,guardian,,2026-11-23,"]
)
def test_a_guardian_role_that_is_over_ends_the_links_at_that_school(sqlite_importer: Importer, over: str) -> None:
    apply(sqlite_importer, small_roster("1.2"))
    roles = f"{lines('roles', version='1.2')}{over}skole,\n"
    path = folder(sqlite_importer.directory, delta("1.2", roles=roles))
    with sqlite_importer.staged("oneroster", path) as staged:
        assert (staged.preview().count(Kind.GUARDIANSHIPS).ended, staged.preview().refused) == (1, 0)
    assert apply(sqlite_importer, delta("1.2", roles=roles)) == {}
    # Nora goes to another school, too: Kari may be her guardian there.
    ended = {(EMIL, KARI, "contact_person")}
    assert sqlite_importer.links(ended=True) == ended
    assert sqlite_importer.links() == links("contact_person") - ended
    before = sqlite_importer.everything()
    assert apply(sqlite_importer, delta("1.2", roles=roles)) == {}
    assert sqlite_importer.everything() == before
    both = roles + over.replace("r4", "r10") + "annen,\n"
    assert apply(sqlite_importer, delta("1.2", roles=both)) == {}
    assert (NORA, KARI, "contact_person") not in sqlite_importer.links()
    # The full roster says so as well, and says nothing more.
    files = changed(small_roster("1.2"), "roles.csv", ("r4,,,kari,primary,guardian,,,", over))
    gone = sqlite_importer.links()
    assert apply(sqlite_importer, files) == {}
    assert sqlite_importer.links() == gone


@pytest.mark.parametrize(
    ("told", "listed"),
    [
        # They are a parent there instead, or still will be.
        ("r4,tobedeleted,,kari,primary,guardian,,,skole,\nr9,active,,kari,primary,parent,,,skole,\n", None),
        ("r4,,,kari,primary,guardian,,2027-06-19,skole,\n", None),
        # It is a district's, and no school's.
        ("r4,tobedeleted,,kari,primary,guardian,,,fylke,\n", "a guardian's role is over at what is no school here"),
        # A teacher's, and somebody's whom nobody knows.
        ("r7,tobedeleted,,tor,primary,teacher,,,skole,\n", None),
        ("r4,tobedeleted,,ukjent,primary,guardian,,,skole,\n", None),
    ],
)
def test_what_ends_no_link(sqlite_importer: Importer, told: str, listed: str | None) -> None:
    apply(sqlite_importer, small_roster("1.2"))
    refused = apply(sqlite_importer, delta("1.2", roles=lines("roles", version="1.2") + told))
    assert [reason.split(":")[0] for reason in refused.values()] == ([] if listed is None else [listed])
    assert sqlite_importer.links() == links("contact_person")


@pytest.mark.parametrize("version", ["1.1", "1.2"])
@pytest.mark.parametrize("kind", ["oneroster", "oneroster custody"])
def test_a_link_that_a_delta_no_longer_names_ends_with_the_next_full_roster(
    sqlite_importer: Importer, version: str, kind: str
) -> None:
    """It may stand at the other end's line, which did not change."""
    basis = "school_register" if kind.endswith("custody") else "contact_person"
    apply(sqlite_importer, small_roster(version), kind)
    parted = ("2B-018,,,,kari,", "2B-018,,,,,")
    apply(sqlite_importer, delta(version, users=lines("users", "emil", version=version).replace(*parted)), kind)
    assert sqlite_importer.links() == links(basis)
    apply(sqlite_importer, changed(small_roster(version), "users.csv", parted), kind, allow_ending=1)
    assert sqlite_importer.links() == links(basis) - {(EMIL, KARI, basis)}


def test_a_link_of_another_source_does_not_end_with_a_role_of_this_one(sqlite_importer: Importer) -> None:
    apply(sqlite_importer, small_roster("1.2"))
    emil, kari = (sqlite_importer.person(name).id for name in (EMIL, KARI))
    with sqlite_importer.database.write() as connection:
        ContactStore(connection).link(emil, kari)
    over = "r4,tobedeleted,,kari,primary,guardian,,,skole,\n"
    assert apply(sqlite_importer, delta("1.2", roles=lines("roles", version="1.2") + over)) == {}
    assert (EMIL, KARI, "custody") in sqlite_importer.links()
    assert (EMIL, KARI, "contact_person") not in sqlite_importer.links()


def test_a_birth_date_comes_without_its_user(importer: Importer) -> None:
    apply(importer, small_roster())
    before = importer.points()
    births = (
        lines("demographics", "nora", "emil").replace("2009-05-17", "2009-05-18").replace("2010-02-28", "28.2.2010")
    )
    births += "ukjent,,,2010-01-01,male\nemil,tobedeleted,,2010-01-01,male\n"
    assert apply(importer, delta(demographics=births)) == {
        "demographics.csv, line 3": "column birthDate: a date must be written 2008-04-03",
        "demographics.csv, line 4": "nobody in the store has this id, and no other file of the import tells who it is",
    }
    assert str(importer.person(NORA).birth_date) == "2009-05-18"
    assert str(importer.person(EMIL).birth_date) == "2010-02-28"
    assert importer.points() == before
    assert importer.students() == {NORA, EMIL}


@pytest.mark.parametrize(
    ("first", "then", "basis"),
    [("oneroster custody", "oneroster", "contact_person"), ("oneroster", "oneroster custody", "school_register")],
)
def test_changes_replace_what_guardians_were_taken_for(importer: Importer, first: str, then: str, basis: str) -> None:
    apply(importer, small_roster(), first)
    told = delta(users=lines("users", "emil", "kari", "randi"))
    assert apply(importer, told, then) == {}
    of_emil = {link for link in importer.links() if link[0] == EMIL}
    assert of_emil == {link for link in links(basis) if link[0] == EMIL}
    # Of Nora these changes do not speak.
    assert (NORA, OLE, basis) not in importer.links()
    before = importer.everything()
    apply(importer, told, then)
    assert importer.everything() == before
    assert apply(importer, told, first) == {}
    assert (EMIL, KARI, basis) not in importer.links()
