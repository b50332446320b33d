"""A year of a school on each kind of database: every format and every kind of step, with the store told after each."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from contacts import tables
from contacts.imports.step import Kind
from tests.contacts.imports.fint_files import (
    BOTH,
    MEMBERS,
    PERSONS,
    PLACEMENTS,
    PUPILS,
    contact,
    group,
    number,
    page,
    person,
    placement,
    roster,
)
from tests.contacts.imports.freg_files import NOW, document, responsible
from tests.contacts.imports.importing import Importer
from tests.contacts.imports.pifu_files import (
    EMIL,
    EMIL_NIN,
    KARI,
    KARI_NIN,
    NORA,
    NORA_NIN,
    NORA_OLD_NIN,
    OLE,
    OLE_NIN,
    OLE_OLD_NIN,
    SCHOOL,
    STRANGER_NIN,
    TEACHER,
    export,
    members,
    school,
    small_school,
)

HEAD = "student;guardian_ref;guardian_nin;given_name;family_name;basis;consent;consent_date;evidence;phone\n"


def test_a_year_of_a_school(importer: Importer) -> None:
    assert importer.pifu(small_school()).refused == 0

    # The register names the same two by numbers of which one has ended, and a third whom nobody knew.
    nora = document(
        NORA_NIN,
        NORA_OLD_NIN,
        custody=[
            responsible(NORA_OLD_NIN, KARI_NIN),
            responsible(NORA_NIN, OLE_OLD_NIN),
            responsible(NORA_NIN, STRANGER_NIN),
        ],
        adressebeskyttelse=[{**NOW, "graderingsnivaa": "fortrolig"}],
    )
    ole = document(OLE_NIN, OLE_OLD_NIN, name=("OLE", "EKSEMPEL"), born="1970-08-21")
    emil = document(EMIL_NIN, name=("EMIL", "EKSEMPEL"), born="2008-01-01", custody=[responsible(EMIL_NIN, KARI_NIN)])
    assert importer.freg(nora, ole, emil).refused == 0
    assert {link for link in importer.links() if link[2] == "custody"} == {
        ("Nora Eksempel", "Kari Eksempel", "custody"),
        ("Nora Eksempel", "Ole Eksempel", "custody"),
        ("Nora Eksempel", f"?{STRANGER_NIN}", "custody"),
    }
    assert importer.numbers("Ole Eksempel") == {OLE_NIN: True, OLE_OLD_NIN: False}

    # By hand: a person of the store by number, one by a word of the school's own, one by nothing but the name.
    kari = importer.person("Kari Eksempel").id
    lines = HEAD + (
        f"2B-018;G-{kari};;;;contact_person;alerts;2026-11-01;samtykke 1;\n"
        "2B-017;verge-1;;Berit;Verge;appointed;;;;91234567\n"
        "2B-018;verge-1;;Berit;Verge;appointed;;;;91234567\n"
        "2B-018;;;Arne;Venn;contact_person;;;;91234568\n"
        "2B-999;;;Arne;Venn;contact_person;;;;91234568\n"
    )
    plan = importer.guardians(lines)
    assert [(each.place.record, each.reason) for each in plan.refusals] == [
        ("line 6", "its student is neither in the file nor in the store")
    ]
    assert [row.guardian_id for row in importer.rows(tables.CONSENT)] == [kari]

    before = importer.everything()
    importer.now += timedelta(days=2)
    assert importer.pifu(small_school()).changes == 0
    assert importer.freg(ole, emil, nora).changes == 0
    assert importer.guardians(lines).changes == 0
    assert importer.everything() == before

    # Ole has a new mobile, Emil leaves, and the register ends one custody.
    newer = school(NORA, KARI, replace(OLE, tels=(("3", "+4790000077"),)), TEACHER, enrolled=("p1",))
    plan = importer.pifu(newer, allow_ending=1)
    assert plan.count(Kind.STUDENTS).ended == 1
    assert importer.students(left=True) == {"Emil Eksempel"}
    assert importer.points(ended=True) == {("Ole Eksempel", "+4722000001")}
    nora["foreldreansvar"] = nora["foreldreansvar"][:2]
    assert importer.freg(nora).count(Kind.GUARDIANSHIPS).ended == 1

    # Emil comes back by a delta, and Nora leaves by one.
    importer.pifu(export(EMIL, SCHOOL, members("skole", "p4"), members("skole", "p1", status="0"), kind="delta"))
    assert importer.schools() == {("Emil Eksempel", "Eksempel vgs")}
    assert importer.students() == {"Emil Eksempel"}


def test_a_year_of_a_school_from_fint(importer: Importer) -> None:
    nora = person(NORA_NIN, "Nora", born="2010-03-02", foreldre=[number(KARI_NIN)], parorende=[number(STRANGER_NIN)])
    granny = contact("k1", "Berit", "90000003", kontaktperson=[number(EMIL_NIN)])
    content = roster(person=page(nora, *PERSONS[1:]), kontaktperson=page(granny))
    assert importer.fint(**content).refused == 0
    assert importer.links() == {
        ("Nora Eksempel", "Kari Eksempel", "school_register"),
        ("Nora Eksempel", "Lærer Eksempel", "contact_person"),
        ("Emil Eksempel", "Kari Eksempel", "school_register"),
        ("Emil Eksempel", "Berit Eksempel", "contact_person"),
    }
    assert {row.protection_unknown for row in importer.rows(tables.PERSON, tables.PERSON.c.ref.is_not(None))} == {True}
    before = importer.everything()
    importer.now += timedelta(days=2)
    assert importer.fint(**content).changes == 0
    assert importer.everything() == before

    open_one = [{**NOW, "graderingsnivaa": "ugradert"}]
    importer.freg(document(NORA_NIN, custody=[responsible(NORA_NIN, KARI_NIN)], adressebeskyttelse=open_one))
    assert not importer.person("Nora Eksempel").protection_unknown
    plan = importer.fint(
        **roster(elev=page(PUPILS[0]), elevforhold=page(PLACEMENTS[0]), klassemedlemskap=page(MEMBERS[0])),
        allow_ending=4,
    )
    assert (plan.full, plan.count(Kind.STUDENTS).ended) == (True, 1)
    assert importer.students() == {"Nora Eksempel"}
    assert importer.students(left=True) == {"Emil Eksempel"}
    assert importer.groups() == {("Nora Eksempel", "2B")}


def test_contradictions_are_refused(importer: Importer) -> None:
    importer.pifu(small_school())
    before = importer.everything()
    plan = importer.pifu(school(NORA, replace(EMIL, nin=NORA_NIN), KARI, replace(OLE, given="Olav"), OLE, TEACHER))
    assert {each.reason for each in plan.refusals} >= {
        "the same person occurs more than once, with other contents",
        "the record of its student was refused",
        "the record of its guardian was refused",
    }
    assert plan.changes == 0
    assert importer.everything() == before


@pytest.mark.parametrize("odd", ["\ud800", "%00", "x" * 400])
def test_an_odd_id_field_stops_no_import(importer: Importer, odd: str) -> None:
    """The id field is free text; what cannot be an address of a group is passed over."""
    strange = f"/utdanning/elev/klasse/{odd}/2b"
    content = roster(
        klasse=page(group("klasse", "2b", "2B"), {"navn": "2C", "_links": {"self": [{"href": strange}]}}),
        elevforhold=page(placement("f1", "systemid/e1", groups={"klasse": [strange]}), PLACEMENTS[1]),
    )
    plan = importer.fint(**content)
    assert [each.reason for each in plan.refusals] == ["a group without name or systemId"]
    assert importer.students() == BOTH
