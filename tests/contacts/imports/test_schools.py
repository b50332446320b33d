"""Which school is which: by its organisation number, else by its own source's id, and never by another source's."""

from __future__ import annotations

import pytest

from contacts import tables
from contacts.imports import store
from contacts.imports.step import Kind
from tests.contacts.imports.importing import Importer
from tests.contacts.imports.oneroster_files import EMIL, NORA, Files, apply, changed, folder, small_roster
from tests.contacts.imports.pifu_files import Person, export, members, small_school
from tests.contacts.imports.sds_files import small_sds

NUMBER = "999 888 777"


def other_roster() -> Files:
    """Of another system, with ids that mean other people and another school."""
    files = changed(small_roster(), "manifest.csv", ("source.systemCode,sas", "source.systemCode,annet"))
    files = changed(files, "orgs.csv", (NUMBER, "111 222 333"), ("Eksempel vgs", "Tredje vgs"), ("Annen", "Fjerde"))
    return changed(files, "users.csv", ("Nora", "Siri"), ("Emil", "Odin"), ("2B-017", "3C-1"), ("2B-018", "3C-2"))


def test_ids_of_two_sources_never_meet(importer: Importer) -> None:
    apply(importer, small_roster())
    apply(importer, other_roster())
    importer.apply("sds", folder(importer.directory, small_sds()))
    assert {(row.ref, row.name) for row in importer.rows(tables.SCHOOL)} == {
        ("999888777", "Eksempel vgs"),
        ("oneroster:sas/annen", "Annen vgs"),
        ("111222333", "Tredje vgs"),
        ("oneroster:annet/annen", "Fjerde vgs"),
        ("sds/skole", "Eksempel vgs"),
        ("sds/annen", "Annen vgs"),
    }
    assert importer.schools() >= {(NORA, "Annen vgs"), ("Siri Eksempel", "Fjerde vgs")}
    assert ("Siri Eksempel", "Annen vgs") not in importer.schools()


def test_an_organisation_number_is_one_school_to_all(importer: Importer) -> None:
    importer.pifu(small_school())
    apply(importer, changed(small_roster(), "orgs.csv", (NUMBER, "999 000 111")))
    assert {row.ref for row in importer.rows(tables.SCHOOL)} == {"999000111", "oneroster:sas/annen"}
    keys = {(row.source, row.key) for row in importer.rows(store.school_key)}
    assert keys == {("pifu:sas@eksempel.no", "skole"), ("oneroster:sas", "skole"), ("oneroster:sas", "annen")}


def test_a_school_that_gets_a_number_stays_the_same(importer: Importer) -> None:
    apply(importer, changed(small_roster(), "orgs.csv", (NUMBER, "")))
    before = importer.without_ids()
    plan = importer.apply("oneroster", folder(importer.directory, small_roster()))
    assert [(count.kind, count.changed) for count in plan.counts] == [(Kind.SCHOOLS, 1)]
    assert importer.without_ids() == before
    assert {row.ref for row in importer.rows(tables.SCHOOL)} == {"999888777", "oneroster:sas/annen"}
    # Left out again, it is not forgotten.
    assert (
        importer.apply(
            "oneroster", folder(importer.directory, changed(small_roster(), "orgs.csv", (NUMBER, "")))
        ).changes
        == 0
    )


def test_a_number_that_is_another_schools_moves_the_students_there(importer: Importer) -> None:
    importer.pifu(small_school())
    files = changed(small_roster(), "users.csv", ("2B-017", "1"), ("2B-018", "2"))
    apply(importer, changed(files, "orgs.csv", (NUMBER, "")))
    numbered = changed(files, "orgs.csv", (NUMBER, "999 000 111"))
    assert apply(importer, numbered) == {}
    (school,) = importer.rows(tables.SCHOOL, tables.SCHOOL.c.ref == "999000111")
    today = importer.rows(
        tables.ENROLMENT, tables.ENROLMENT.c.source == "oneroster:sas", tables.ENROLMENT.c.ended_on.is_(None)
    )
    names = importer.people()
    assert {names[row.student_id] for row in today if row.school_id == school.id} == {NORA, EMIL}
    assert {row.school_id for row in today} - {school.id} == {
        row.id for row in importer.rows(tables.SCHOOL, tables.SCHOOL.c.name == "Annen vgs")
    }
    assert importer.students() >= {NORA, EMIL}
    before = importer.everything()
    assert apply(importer, numbered) == {}
    assert importer.everything() == before


@pytest.mark.parametrize(
    ("name", "old", "new", "line"),
    [
        # A source of 85 characters and its slash leave 194 to the key of a class, which begins with "class:".
        ("classes.csv", "2b,", "c" * 189 + ",", 2),
        ("orgs.csv", "annen,", "s" * 171 + ",", 4),
    ],
)
def test_what_no_table_can_hold_is_refused(importer: Importer, name: str, old: str, new: str, line: int) -> None:
    files = changed(small_roster(), "manifest.csv", ("source.systemCode,sas", "source.systemCode," + "x" * 75))
    assert apply(importer, changed(files, name, (old, new)))[f"{name}, line {line}"] == "its id is too long"
    fits = changed(files, name, (old, new[1:]))
    assert f"{name}, line {line}" not in apply(importer, fits, allow_ending=10)


def test_pifu_ids_are_its_own_too(sqlite_importer: Importer) -> None:
    importer = sqlite_importer
    apply(importer, changed(small_roster(), "orgs.csv", (NUMBER, "")))
    importer.pifu(small_school().replace("999000111", ""))
    refs = {row.ref for row in importer.rows(tables.SCHOOL)}
    assert refs == {"oneroster:sas/skole", "oneroster:sas/annen", "pifu:sas@eksempel.no/skole"}


def test_a_pifu_delta_finds_a_school_with_a_number(sqlite_importer: Importer) -> None:
    sqlite_importer.pifu(small_school())
    told = export(Person("p8", "Ida"), members("skole", "p8"), kind="delta")
    plan = sqlite_importer.pifu(told)
    assert (plan.refused, plan.full) == (0, False)
    assert len(sqlite_importer.rows(tables.ENROLMENT)) == 3
