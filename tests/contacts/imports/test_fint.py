"""What FINT's answers make of an empty store: exactly its people, links and addresses."""

from __future__ import annotations

from copy import deepcopy
from datetime import date
from typing import Any

import pytest

from contacts import tables
from contacts.imports import store
from tests.contacts.imports.fint_files import (
    BOTH,
    EMIL,
    KARI,
    LINKS,
    NORA,
    OLE,
    PERSONS,
    PLACEMENTS,
    PUPILS,
    SCHOOL,
    contact,
    group,
    member,
    number,
    page,
    person,
    placement,
    pupil,
    reasons,
    roster,
    with_person,
)
from tests.contacts.imports.freg_files import NOW, document
from tests.contacts.imports.importing import Importer
from tests.contacts.imports.pifu_files import EMIL_NIN, KARI_NIN, NORA_NIN, OLE_NIN, STRANGER_NIN


@pytest.fixture
def importer(sqlite_importer: Importer) -> Importer:
    """One kind of database: test_both_databases.py takes the same ways on the other one."""
    return sqlite_importer


def test_exactly_the_students_and_guardians_of_the_answers(importer: Importer) -> None:
    plan = importer.fint(**roster())
    assert [refusal.reason for refusal in plan.refusals] == []
    assert plan.full
    assert set(importer.people().values()) == BOTH | {"Kari Eksempel", "Ole Eksempel"}
    assert importer.students() == BOTH
    assert importer.links() == LINKS
    assert importer.schools() == {("Nora Eksempel", "Eksempel vgs"), ("Emil Eksempel", "Eksempel vgs")}
    assert importer.groups() == {("Nora Eksempel", "2B"), ("Emil Eksempel", "2B")}
    assert importer.points() == {
        ("Kari Eksempel", "+4790000001"),
        ("Kari Eksempel", "kari@example.com"),
        ("Ole Eksempel", "+4790000002"),
    }
    assert [(row.ref, row.name, row.source) for row in importer.rows(tables.SCHOOL)] == [
        ("999000111", "Eksempel vgs", "fint")
    ]
    assert {row.grade for row in importer.rows(tables.ENROLMENT)} == {"VG2"}


def test_what_a_person_says(importer: Importer) -> None:
    importer.fint(**roster())
    nora = importer.person("Nora Eksempel")
    # 1 March, 23:00 UTC, is the beginning of 2 March in Oslo.
    assert (nora.ref, nora.birth_date, nora.language) == ("2B-017", date(2010, 3, 2), "nn")
    assert importer.person("Emil Eksempel").birth_date == date(2010, 5, 9)
    assert importer.person("Kari Eksempel").language == "se"
    assert importer.person("Kari Eksempel").ref is None
    assert importer.numbers("Nora Eksempel") == {NORA_NIN: True}


def test_no_identity_number_is_stored_as_it_is(importer: Importer) -> None:
    importer.fint(
        **roster(
            person=page(*PERSONS, person("29830090000", "Mia")),
            elev=page(*PUPILS, pupil("e3", "29830090000", "2B-019")),
            elevforhold=page(*PLACEMENTS, placement("f3", "systemid/e3")),
        )
    )
    assert importer.students() == BOTH | {"Mia Eksempel"}
    told = repr([(row.scheme, row.lookup) for row in importer.rows(store.identifier)])
    for nin in (NORA_NIN, EMIL_NIN, KARI_NIN, OLE_NIN, "29830090000"):
        assert nin not in told


def test_foreldreansvar_points_the_other_way_and_links_nobody(importer: Importer) -> None:
    """A pupil who is somebody's parent is told under foreldreansvar: their child is not their guardian."""
    orphan = deepcopy(NORA)
    orphan["_links"].pop("foreldre")
    orphan["_links"]["foreldreansvar"] = [{"href": number(EMIL_NIN)}]
    importer.fint(**with_person(orphan))
    assert importer.links() == {("Emil Eksempel", "Kari Eksempel", "school_register")}


def test_a_parent_whose_record_is_not_there_is_known_by_number(importer: Importer) -> None:
    importer.fint(**roster(person=page(NORA, EMIL, KARI)))
    assert importer.links() == {
        ("Nora Eksempel", "Kari Eksempel", "school_register"),
        ("Nora Eksempel", f"?{OLE_NIN}", "school_register"),
        ("Emil Eksempel", "Kari Eksempel", "school_register"),
    }


@pytest.mark.parametrize("resource", ["basisgruppe", "undervisningsgruppe"])
@pytest.mark.parametrize("side", ["elevforhold", "gruppe", "medlemskap"])
def test_groups_of_either_version_told_from_either_side(importer: Importer, resource: str, side: str) -> None:
    address = {resource: [f"/utdanning/elev/{resource}/systemid/2B"]}
    told = [f"/utdanning/elev/elevforhold/systemid/{key}" for key in ("f1", "f2")]
    named = group(resource, "2b", "2B", **({"elevforhold": told} if side == "gruppe" else {}))
    content = roster(klasse=None, klassemedlemskap=None, **{resource: page(named)})
    if side == "elevforhold":
        content["elevforhold"] = page(
            placement("f1", "systemid/e1", groups=address), placement("f2", "systemid/e2", groups=address)
        )
    if side == "medlemskap":
        content[f"{resource}medlemskap"] = page(member(resource, "m1", "2b", "f1"), member(resource, "m2", "2b", "f2"))
    assert importer.fint(**content).refused == 0
    assert importer.groups() == {("Nora Eksempel", "2B"), ("Emil Eksempel", "2B")}
    assert {row.home for row in importer.rows(tables.STUDENT_GROUP)} == {resource == "basisgruppe"}


@pytest.mark.parametrize(
    ("period", "enrolled"),
    [
        ({"start": "2026-08-17T00:00:00Z", "slutt": None}, True),
        ({"start": "2026-08-17", "slutt": "2026-11-23"}, True),  # to and with today
        ({"start": "2026-08-17", "slutt": "2026-11-22T00:00:00Z"}, False),
        ({"start": "2026-08-17", "slutt": "2026-11-22T23:00:00Z"}, True),  # today in Oslo
        ({"start": "2026-08-17", "slutt": "9999-12-31T23:59:59Z"}, True),
        ({"start": "2026-11-24T00:00:00+01:00"}, False),
    ],
)
def test_an_elevforhold_holds_in_its_time(importer: Importer, period: dict[str, Any], enrolled: bool) -> None:
    one = placement("f1", "systemid/e1") | {"gyldighetsperiode": period}
    assert importer.fint(**roster(elevforhold=page(one, PLACEMENTS[1]))).refused == 0
    assert ("Nora Eksempel" in importer.students()) == enrolled
    assert (("Nora Eksempel", "2B") in importer.groups()) == enrolled


def test_broken_off_and_main_school(importer: Importer) -> None:
    other = {**SCHOOL, "systemId": {"identifikatorverdi": "s2"}, "navn": "Andre vgs", "_links": {},
             "organisasjonsnummer": {"identifikatorverdi": "999000222"},
             "skolenummer": {"identifikatorverdi": "NO-2"}}  # fmt: skip
    second = "/utdanning/utdanningsprogram/skole/organisasjonsnummer/999000222"
    importer.fint(
        **roster(
            skole=page(SCHOOL, other),
            elevforhold=page(
                placement("f1", "systemid/e1", hovedskole=False),
                placement("f3", "systemid/e1", second, hovedskole=True),
                placement("f2", "systemid/e2", avbruddsdato="2026-10-01"),
            ),
        )
    )
    assert importer.schools() == {("Nora Eksempel", "Eksempel vgs"), ("Nora Eksempel", "Andre vgs")}
    names = {row.id: row.name for row in importer.rows(tables.SCHOOL)}
    assert {names[row.school_id]: row.main for row in importer.rows(tables.ENROLMENT)} == {
        "Eksempel vgs": False,
        "Andre vgs": True,
    }


@pytest.mark.parametrize(
    "told",
    [
        # version 4, named by the student, and naming the student or the contact's own person
        ({"parorende": ["/felles/kontaktperson/systemid/K1"]}, {}),
        ({}, {"kontaktperson": [number(NORA_NIN)]}),
        ({"parorende": ["/felles/kontaktperson/systemid/k1"]}, {"kontaktperson": [number(NORA_NIN)]}),
    ],
)
def test_contact_person_of_version_4(importer: Importer, told: tuple[dict[str, Any], dict[str, Any]]) -> None:
    nora = deepcopy(NORA)
    nora["_links"] |= {name: [{"href": each} for each in to] for name, to in told[0].items()}
    importer.fint(**with_person(nora), kontaktperson=page(contact("k1", "Berit", "90000003", **told[1])))
    assert importer.links() - LINKS == {("Nora Eksempel", "Berit Eksempel", "contact_person")}
    assert ("Berit Eksempel", "+4790000003") in importer.points()


@pytest.mark.parametrize("of_version_3", [True, False])
def test_contact_person_who_is_a_person_of_their_own(importer: Importer, of_version_3: bool) -> None:
    nora = deepcopy(NORA)
    relations = {"kontaktperson": [number(STRANGER_NIN)]}
    if of_version_3:
        relations["person"] = [number(NORA_NIN)]
    else:
        nora["_links"]["parorende"] = [{"href": "/felles/kontaktperson/systemid/k1"}]
    importer.fint(**with_person(nora), kontaktperson=page(contact("k1", "Berit", "90000003", **relations)))
    assert importer.links() - LINKS == {("Nora Eksempel", "Lærer Eksempel", "contact_person")}
    assert "Berit Eksempel" not in importer.people().values()


def test_contact_person_gives_no_right_of_their_own(importer: Importer) -> None:
    nora = deepcopy(NORA)
    nora["_links"]["parorende"] = [{"href": number(STRANGER_NIN)}]
    nora["_links"].pop("foreldre")
    importer.fint(**with_person(nora))
    importer.freg(document(NORA_NIN, adressebeskyttelse=[{**NOW, "graderingsnivaa": "ugradert"}]))
    assert reasons(importer)["Nora Eksempel"] == {"undocumented_contact"}


def test_a_person_who_is_two_pupils_is_one_student(importer: Importer) -> None:
    """With their person and without, and found by the ids of both afterwards."""
    twice = roster(
        elev=page(*PUPILS, pupil("e3", NORA_NIN, "X-1")),
        elevforhold=page(*PLACEMENTS, placement("f3", "systemid/e3")),
    )
    assert importer.fint(**twice | {"person": page(EMIL, KARI, OLE)}).refused == 1
    assert importer.fint(**twice).refused == 0
    assert importer.students() == BOTH
    assert {row.lookup for row in importer.rows(store.identifier) if row.scheme == "fint"} == {
        "elev/systemid/e1",
        "elev/systemid/e2",
        "elev/systemid/e3",
    }
