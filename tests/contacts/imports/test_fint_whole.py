"""When FINT's answers are all that FINT has, what is absent ends; otherwise nothing does."""

from __future__ import annotations

from copy import deepcopy
from typing import Any

import pytest

from contacts.imports.step import Kind, Verb
from tests.contacts.imports.fint_files import (
    BOTH,
    EMIL,
    KARI,
    LINKS,
    NORA,
    OLE,
    PERSONS,
    PLACEMENTS,
    contact,
    group,
    member,
    page,
    person,
    roster,
    with_person,
)
from tests.contacts.imports.importing import Importer


@pytest.fixture
def importer(sqlite_importer: Importer) -> Importer:
    """One kind of database: test_both_databases.py takes the same ways on the other one."""
    return sqlite_importer


def test_pages_of_one_resource(importer: Importer) -> None:
    folder = importer.folder("sider", **roster(person=None))
    for part, entries in enumerate((PERSONS[:2], PERSONS[2:])):
        path = folder / f"person-{part}.json"
        importer.file(str(path), page(*entries, total=len(PERSONS), offset=2 * part))
    assert importer.apply("fint", folder).full
    assert importer.links() == LINKS


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        ({"person": page(*PERSONS, total=6)}, "person: 5 of 6"),
        ({"person": page(*PERSONS[:4], PERSONS[0])}, "person: 4 of 5"),  # one page twice, another not at all
        ({"elevforhold": list(PLACEMENTS)}, "elevforhold does not say its total_items"),
        ({"klassemedlemskap": None}, "klassemedlemskap is missing"),
        ({"klasse": None, "klassemedlemskap": None}, "klasse is missing"),
        ({"skole": None}, "skole is missing"),
    ],
)
def test_what_is_not_complete_ends_nothing(importer: Importer, changed: dict[str, Any], words: str) -> None:
    importer.fint(**roster(person=page(*PERSONS, person("01820860019", "Ny"))))
    plan = importer.fint(**roster(**changed))
    assert not plan.full
    assert words in plan.notes[0]
    assert importer.students() == BOTH
    assert importer.links() == LINKS
    assert plan.total(Verb.ENDED) == 0


def test_what_is_absent_from_a_complete_answer_ends(importer: Importer) -> None:
    importer.fint(**roster())
    nora = deepcopy(NORA)
    nora["_links"]["foreldre"].pop()
    plan = importer.fint(**roster(person=page(nora, EMIL, KARI, OLE)), allow_ending=1)
    assert (plan.guardianships_ending, plan.guardianships_in_force) == (1, 3)
    assert importer.links(ended=True) == {("Nora Eksempel", "Ole Eksempel", "school_register")}


@pytest.mark.parametrize("complete", [True, False])
def test_addresses_that_are_no_longer_told_end_by_a_complete_answer(importer: Importer, complete: bool) -> None:
    importer.fint(**roster())
    kari = {name: value for name, value in KARI.items() if name != "kontaktinformasjon"}
    importer.fint(**(with_person(kari) if complete else {"person": page(kari)}))
    kept = {value for name, value in importer.points() if name == "Kari Eksempel"}
    assert kept == (set() if complete else {"+4790000001", "kari@example.com"})


def test_a_part_adds_and_changes(importer: Importer) -> None:
    importer.fint(**roster())
    plan = importer.fint(person=page(KARI | {"kontaktinformasjon": {"mobiltelefonnummer": "90000077"}}))
    assert (plan.full, plan.count(Kind.CONTACT_POINTS).added) == (False, 1)
    assert importer.links() == LINKS


ORDER = ["undervisningsgruppe", "kontaktlarergruppe", "arstrinn", "kontaktperson"]


def with_all(**changed: Any) -> dict[str, Any]:
    """The roster with what is optional: a teaching group, a contact person, the grades."""
    nora = deepcopy(NORA)
    nora["_links"]["parorende"] = [{"href": "/felles/kontaktperson/systemid/k1"}]
    return (
        with_person(nora)
        | {
            "undervisningsgruppe": page(group("undervisningsgruppe", "mat", "Matematikk")),
            "undervisningsgruppemedlemskap": page(member("undervisningsgruppe", "m9", "mat", "f1")),
            "kontaktperson": page(contact("k1", "Berit", "90000003")),
        }
        | changed
    )


@pytest.mark.parametrize(
    "left_out",
    [("undervisningsgruppe", "undervisningsgruppemedlemskap"), ("kontaktperson",), ("arstrinn",)],
)
def test_what_came_by_a_resource_that_is_left_out_stays(importer: Importer, left_out: tuple[str, ...]) -> None:
    importer.fint(**with_all(kontaktlarergruppe=page(), kontaktlarergruppemedlemskap=page()))
    before = importer.everything()
    assert ("Nora Eksempel", "Matematikk") in importer.groups()
    assert ("Berit Eksempel", "+4790000003") in importer.points()
    content = {name: each for name, each in with_all().items() if name not in left_out}
    if left_out == ("kontaktperson",):
        content["person"] = page(*PERSONS)  # whose links lead nowhere then are not told
    plan = importer.fint(**content)
    assert plan.full
    assert (
        f"stays as it is: {', '.join(sorted({'kontaktlarergruppe', left_out[0]}, key=ORDER.index))}." in plan.notes[0]
    )
    assert plan.changes == 0
    assert importer.everything() == before


def test_what_is_there_and_empty_ends(importer: Importer) -> None:
    importer.fint(**with_all())
    empty = {name: page() for name in ("undervisningsgruppe", "undervisningsgruppemedlemskap", "kontaktperson")}
    importer.fint(**with_all(person=page(*PERSONS), **empty), allow_ending=1)
    assert importer.groups() == {("Nora Eksempel", "2B"), ("Emil Eksempel", "2B")}
    assert importer.links() == LINKS
    assert ("Berit Eksempel", "+4790000003") in importer.points(ended=True)
