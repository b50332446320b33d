"""FINT's answers with faults: a bad part is listed and left out, and ends nothing; a bad file stops the import."""

from __future__ import annotations

from typing import Any

import pytest

from config.errors import ExitStatus, UsageError
from contacts import tables
from contacts.imports.fint_links import parse_link
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
    member,
    page,
    placement,
    pupil,
    roster,
    with_person,
)
from tests.contacts.imports.importing import Importer
from tests.contacts.imports.pifu_files import NORA_NIN


@pytest.fixture
def importer(sqlite_importer: Importer) -> Importer:
    """One kind of database: test_both_databases.py takes the same ways on the other one."""
    return sqlite_importer


@pytest.mark.parametrize(
    ("changed", "reason"),
    [
        ({"fodselsnummer": {"identifikatorverdi": NORA_NIN[:-1] + "0"}, "_links": {}}, "no identity number"),
        ({"fodselsdato": "03/04/2010"}, "birth date"),
        ({"fodselsdato": "2010-13-01"}, "birth date"),
        ({"fodselsdato": "2090-01-01"}, "birth date"),
        ({"fodselsdato": "0001-01-01T00:00:00Z"}, "birth date"),
        ({"fodselsdato": 20100302}, "birth date"),
    ],
)
def test_a_bad_part_is_listed_and_the_student_enters_without_it(
    importer: Importer, changed: dict[str, Any], reason: str
) -> None:
    nora = NORA | changed
    nin = nora["fodselsnummer"]["identifikatorverdi"]
    plan = importer.fint(**roster(elev=page(pupil("e1", nin, "2B-017"), PUPILS[1]), person=page(nora, *PERSONS[1:])))
    assert [reason in refusal.reason for refusal in plan.refusals] == [True]
    assert plan.exit_status is ExitStatus.PARTLY
    assert importer.students() == BOTH


def test_a_bad_address_is_left_out_and_ends_nothing(importer: Importer) -> None:
    importer.fint(**roster())
    kari = KARI | {"kontaktinformasjon": {"mobiltelefonnummer": "98765432;41111111", "epostadresse": "kari at x"}}
    plan = importer.fint(**with_person(kari))
    assert plan.refused == 2
    assert {value for name, value in importer.points() if name == "Kari Eksempel"} == {
        "+4790000001",
        "kari@example.com",
    }


def test_a_student_whose_person_is_not_there_enters_held_and_keeps_what_they_had(importer: Importer) -> None:
    importer.fint(**roster())
    plan = importer.fint(**roster(person=page(EMIL, KARI, OLE)))
    assert [refusal.reason for refusal in plan.refusals] == ["its person is not among the files"]
    assert plan.changes == 0
    other = importer.fint(
        **roster(elev=page(*PUPILS, pupil("e3", "01820860019", "2B-019")),
                 elevforhold=page(*PLACEMENTS, placement("f3", "feidenavn/e3%40eksempel.no"))))  # fmt: skip
    assert other.refused == 1
    assert [(row.ref, row.birth_date) for row in importer.rows(tables.PERSON) if not row.family_name] == [
        ("2B-019", None)
    ]


@pytest.mark.parametrize(
    ("resource", "content", "reason"),
    [
        ("elevforhold", placement("f3", "systemid/e1", "/x/skole/systemid/s9"), "its skole is not among the files"),
        ("elevforhold", placement("f3", "elevnummer/9"), "its elev is not among the files, or is two"),
        ("elevforhold", placement("f3", "systemid/e1", slutt="i morgen"), "gyldighetsperiode cannot be read"),
        ("klassemedlemskap", member("klasse", "m3", "2b", "f9"), "its elevforhold, or the elev of that"),
        ("klassemedlemskap", member("klasse", "m3", "9z", "f1"), "its group is not in the file"),
        ("person", {"navn": {"fornavn": "X"}}, "it has no fodselsnummer"),
        ("skole", {"systemId": {"identifikatorverdi": "s3"}}, "a school without name or id"),
        ("klasse", {"navn": "2C"}, "a group without name or systemId"),
        ("elev", {"elevnummer": {"identifikatorverdi": "7"}}, "it has no systemId and no person"),
        ("elev", 17, "neither its own address nor the name of the file"),
    ],
)
def test_what_cannot_be_known_is_refused_with_its_place(
    importer: Importer, resource: str, content: Any, reason: str
) -> None:
    whole = roster()
    entries = whole[resource]["_embedded"]["_entries"]
    plan = importer.fint(**whole | {resource: page(*entries, content)})
    assert [(each.place.file, each.place.record) for each in plan.refusals] == [
        (f"{resource}.json", f"entry {len(entries) + 1}")
    ]
    assert reason in plan.refusals[0].reason
    assert importer.students() == BOTH
    assert importer.links() == LINKS


def test_an_elevforhold_of_old_is_nobodys_business(importer: Importer) -> None:
    old = placement("f0", "elevnummer/123", slutt="2020-06-20T00:00:00Z")
    assert importer.fint(**roster(elevforhold=page(old, *PLACEMENTS))).refused == 0


@pytest.mark.parametrize(
    ("name", "content", "words"),
    [
        ("elev.json", b"", "is empty"),
        ("elev.json", b'{"_embedded":{"_entries":[{"a":1}', "is not complete"),
        ("elev.json", b'{"_embedded":{"_entries":{"a":1}}}', "no well-formed JSON|holds no resource"),
        ("elev.json", b"[1] x", "no well-formed JSON"),
        ("elev.json", '["å"]'.encode("latin-1"), "not UTF-8"),
        ("annet.json", b'{"hva": "er dette"}', "holds no resource of FINT"),
        ("annet.json", b"17", "no well-formed JSON"),
    ],
)
def test_unusable_files(importer: Importer, name: str, content: bytes, words: str) -> None:
    before = importer.everything()
    with pytest.raises(UsageError, match=words):
        importer.apply("fint", importer.file(name, content))
    assert importer.everything() == before


@pytest.mark.parametrize("odd", ["\ud800", "%00", "x" * 400, "%0A", "x" * 49])
@pytest.mark.parametrize("part", range(3))
def test_a_link_with_a_part_that_no_database_takes_is_none(part: int, odd: str) -> None:
    parts = ["klasse", "systemid", "2b"]
    parts[part] = odd
    longest_value = part == 2 and odd == "x" * 49
    assert (parse_link(f"https://fint.example/utdanning/elev/{'/'.join(parts)}") is None) != longest_value
