"""What FINT's answers make of an empty store: exactly its people, links and addresses, and nobody told too early."""

from __future__ import annotations

from copy import deepcopy
from datetime import date
from typing import Any

import pytest

from config.errors import ExitStatus, UsageError
from contacts import tables
from contacts.facts import load_cases
from contacts.imports import store
from contacts.imports.step import Kind, Verb
from tests.contacts.imports.fint_files import (
    EMIL,
    KARI,
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
    roster,
)
from tests.contacts.imports.freg_files import NOW, document, responsible
from tests.contacts.imports.importing import TODAY, Importer
from tests.contacts.imports.pifu_files import EMIL_NIN, KARI_NIN, NORA_NIN, OLE_NIN, STRANGER_NIN, small_school

LINKS = {
    ("Nora Eksempel", "Kari Eksempel", "school_register"),
    ("Nora Eksempel", "Ole Eksempel", "school_register"),
    ("Emil Eksempel", "Kari Eksempel", "school_register"),
}
BOTH = {"Nora Eksempel", "Emil Eksempel"}


@pytest.fixture
def importer(sqlite_importer: Importer) -> Importer:
    """One kind of database: test_both_databases.py takes the same ways on the other one."""
    return sqlite_importer


def with_person(*changed: dict[str, Any]) -> dict[str, Any]:
    """The roster with some persons changed, by their number."""
    by_number = {each["fodselsnummer"]["identifikatorverdi"]: each for each in (*PERSONS, *changed)}
    return roster(person=page(*by_number.values()))


def reasons(importer: Importer) -> dict[str, set[str]]:
    """What the rule says about each student's guardians today."""
    people = importer.people()
    ids = [row.person_id for row in importer.rows(tables.STUDENT)]
    with importer.database.read() as connection:
        cases = load_cases(connection, ids, TODAY, stale_after_months=18)
    return {
        people[case.student_id]: {case.decide(each, TODAY).reason.value for each in case.guardians} for case in cases
    }


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


def test_new_students_are_held_until_the_register_has_told_their_protection(importer: Importer) -> None:
    plan = importer.fint(**roster())
    assert any("held" in note for note in plan.notes)
    assert reasons(importer) == {name: {"protection_unknown"} for name in BOTH}
    # A document without any grading lifts nothing.
    importer.freg(document(NORA_NIN, custody=[responsible(NORA_NIN, KARI_NIN)]))
    assert reasons(importer)["Nora Eksempel"] == {"protection_unknown"}
    open_one = [{**NOW, "graderingsnivaa": "ugradert"}]
    graded = [{**NOW, "graderingsnivaa": "fortrolig"}]
    importer.freg(
        document(NORA_NIN, custody=[responsible(NORA_NIN, KARI_NIN)], adressebeskyttelse=open_one),
        document(EMIL_NIN, name=("EMIL", "EKSEMPEL"), born="2010-05-09", custody=[], adressebeskyttelse=graded),
    )
    assert reasons(importer) == {"Nora Eksempel": {"custody", "no_custody"}, "Emil Eksempel": {"protected_hold"}}
    before = importer.everything()
    assert importer.fint(**roster()).changes == 0
    assert importer.everything() == before


def test_students_of_another_source_are_not_made_unknown(importer: Importer) -> None:
    importer.pifu(small_school())
    importer.fint(**roster())
    assert not any(row.protection_unknown for row in importer.rows(tables.PERSON))


def test_a_guardian_who_becomes_a_student_is_held(importer: Importer) -> None:
    importer.fint(**roster())
    assert not importer.person("Kari Eksempel").protection_unknown
    importer.fint(elev=page(pupil("e9", KARI_NIN, "3A-001")), elevforhold=page(placement("f9", "systemid/e9")),
                  skole=page(SCHOOL), person=page(KARI))  # fmt: skip
    assert importer.person("Kari Eksempel").protection_unknown


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


def test_a_part_adds_and_changes(importer: Importer) -> None:
    importer.fint(**roster())
    plan = importer.fint(person=page(KARI | {"kontaktinformasjon": {"mobiltelefonnummer": "90000077"}}))
    assert (plan.full, plan.count(Kind.CONTACT_POINTS).added) == (False, 1)
    assert importer.links() == LINKS


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
