"""The population register's documents and their traps, each met by a case of its own."""

from __future__ import annotations

import itertools
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import event

from config.errors import ExitStatus, UsageError
from contacts import tables
from contacts.codes import Protection
from contacts.imports.step import Kind
from tests.contacts.imports.freg_files import ENDED, NOW, document, responsible
from tests.contacts.imports.importing import Importer
from tests.contacts.imports.pifu_files import (
    ADULT_NIN,
    BABY_NIN,
    EMIL_NIN,
    KARI_NIN,
    NORA_NIN,
    NORA_OLD_NIN,
    OLE_NIN,
    OLE_OLD_NIN,
    STRANGER_NIN,
    small_school,
)
from tests.contacts.registers.asking import valid_numbers

NORA = "Nora Eksempel"
BOTH = [responsible(NORA_NIN, KARI_NIN), responsible(NORA_NIN, OLE_NIN)]


@pytest.fixture
def importer(sqlite_importer: Importer) -> Importer:
    """One kind of database: test_both_databases.py takes the same ways on the other one."""
    return sqlite_importer


def custody(importer: Importer, student: str = NORA) -> set[str]:
    return {guardian for child, guardian, basis in importer.links() if (child, basis) == (student, "custody")}


def test_a_child_has_the_guardians_of_its_custody(importer: Importer) -> None:
    """`felles` gives one element per parent, and each counts."""
    plan = importer.freg(document(NORA_NIN, custody=BOTH))
    assert plan.refused == 0
    assert importer.students() == {NORA}
    assert custody(importer) == {f"?{KARI_NIN}", f"?{OLE_NIN}"}
    assert importer.person(NORA).birth_date == date(2010, 3, 2)


def test_ten_times_the_children_are_ten_times_the_work(importer: Importer) -> None:
    """A county's documents name a hundred thousand guardians, most of whom have a document of their own."""
    database, numbers = importer.database, valid_numbers()
    done = 0

    def count() -> None:
        nonlocal done
        done += 1

    def work(children: int) -> int:
        nonlocal done
        family = list(itertools.islice(zip(numbers, numbers, numbers, strict=False), children))
        documents = [document(child, custody=[responsible(child, one) for one in both]) for child, *both in family]
        documents += [document(one, born="1979-01-01") for _, *both in family for one in both]
        path = importer.file("register.json", documents)
        done = 0
        with importer.staged("freg", path) as staged:
            assert staged.preview().count(Kind.GUARDIANSHIPS).added == 2 * children
        return done

    database.engine.dispose()
    event.listen(database.engine, "connect", lambda connection, _record: connection.set_progress_handler(count, 1000))
    few = work(40)
    assert work(400) < 15 * few


def test_twice_changes_no_row(importer: Importer) -> None:
    importer.freg(document(NORA_NIN, custody=BOTH))
    before = importer.everything()
    importer.now += timedelta(days=1)
    assert importer.freg(document(NORA_NIN, custody=BOTH)).changes == 0
    assert importer.everything() == before


def test_the_register_wins_over_the_school(importer: Importer) -> None:
    importer.pifu(small_school())
    importer.freg(document(NORA_NIN, name=("NORA MARIE", "AV EKSEMPEL"), born="2010-03-03", custody=BOTH))
    assert importer.pifu(small_school()).changes == 0
    nora = importer.person("Nora Marie av Eksempel")
    assert (nora.birth_date, nora.ref) == (date(2010, 3, 3), "2B-017")
    assert custody(importer, "Nora Marie av Eksempel") == {"Kari Eksempel", "Ole Eksempel"}


def test_the_order_of_the_sources_does_not_matter(importer: Importer) -> None:
    importer.freg(document(NORA_NIN, custody=BOTH))
    importer.pifu(small_school())
    assert importer.students() == {NORA, "Emil Eksempel"}
    assert custody(importer) == {"Kari Eksempel", "Ole Eksempel"}
    assert importer.person(NORA).ref == "2B-017"
    assert {row.source for row in importer.rows(tables.STUDENT)} == {"pifu:sas@eksempel.no"}
    assert importer.freg(document(NORA_NIN, custody=BOTH)).changes == 0


def test_a_teenage_parent_is_no_guardian_by_their_own_document(importer: Importer) -> None:
    importer.freg(document(NORA_NIN, custody=[*BOTH, responsible(BABY_NIN, NORA_NIN)]))
    assert importer.links() == {(NORA, f"?{KARI_NIN}", "custody"), (NORA, f"?{OLE_NIN}", "custody")}
    assert BABY_NIN not in repr([importer.people()])


def test_a_teenage_parent_is_guardian_by_the_childs_document(importer: Importer) -> None:
    importer.freg(
        document(NORA_NIN, custody=BOTH),
        document(BABY_NIN, name=("LILLE", "EKSEMPEL"), born="2026-03-03", custody=[responsible(BABY_NIN, NORA_NIN)]),
    )
    assert ("Lille Eksempel", NORA, "custody") in importer.links()
    assert importer.students() == {NORA, "Lille Eksempel"}


def test_custody_told_by_an_ended_number_of_the_child(importer: Importer) -> None:
    importer.freg(document(NORA_NIN, NORA_OLD_NIN, custody=[responsible(NORA_OLD_NIN, KARI_NIN)]))
    assert custody(importer) == {f"?{KARI_NIN}"}
    assert importer.numbers(NORA) == {NORA_NIN: True, NORA_OLD_NIN: False}


def test_guardian_told_by_an_ended_number_of_theirs(importer: Importer) -> None:
    importer.freg(
        document(NORA_NIN, custody=[responsible(NORA_NIN, OLE_OLD_NIN)]),
        document(OLE_NIN, OLE_OLD_NIN, name=("OLE", "EKSEMPEL"), born="1970-08-21"),
    )
    assert custody(importer) == {"Ole Eksempel"}
    assert importer.freg(document(NORA_NIN, custody=[responsible(NORA_NIN, OLE_NIN)])).changes == 0


@pytest.mark.parametrize(
    "over",
    [
        {"erGjeldende": False},
        {"opphoerstidspunkt": "2026-11-22T22:59:59Z"},
        {"opphoerstidspunkt": "2026-11-22T23:00:00Z"},  # midnight in Oslo, today
        ENDED,
    ],
)
def test_custody_that_is_over(importer: Importer, over: dict[str, Any]) -> None:
    elements = [responsible(NORA_NIN, KARI_NIN), responsible(NORA_NIN, OLE_NIN, **over)]
    importer.freg(document(NORA_NIN, custody=elements))
    assert custody(importer) == {f"?{KARI_NIN}"}
    assert OLE_NIN not in repr(importer.people())


def test_custody_that_ends_later(importer: Importer) -> None:
    importer.freg(document(NORA_NIN, custody=[responsible(NORA_NIN, KARI_NIN, opphoerstidspunkt="2027-01-01")]))
    (link,) = importer.rows(tables.GUARDIANSHIP)
    assert link.valid_to == date(2027, 1, 1)


def test_an_element_in_force_counts_beside_an_ended_one(importer: Importer) -> None:
    elements = [responsible(NORA_NIN, KARI_NIN, **ENDED), responsible(NORA_NIN, KARI_NIN)]
    for order in (elements, elements[::-1]):
        importer.freg(document(NORA_NIN, custody=order))
        assert custody(importer) == {f"?{KARI_NIN}"}


def test_custody_named_no_longer_ends(importer: Importer) -> None:
    importer.freg(document(NORA_NIN, custody=BOTH))
    plan = importer.freg(document(NORA_NIN, custody=BOTH[:1]))
    assert plan.count(Kind.GUARDIANSHIPS).ended == 1
    assert custody(importer) == {f"?{KARI_NIN}"}
    (over,) = (row for row in importer.rows(tables.GUARDIANSHIP) if row.valid_to)
    assert over.valid_to == date(2026, 11, 23)


def test_custody_that_the_register_ended_keeps_its_day(importer: Importer) -> None:
    importer.freg(document(NORA_NIN, custody=BOTH))
    ended = responsible(NORA_NIN, OLE_NIN, erGjeldende=False, opphoerstidspunkt="2026-10-01T00:00:00+02:00")
    plan = importer.freg(document(NORA_NIN, custody=[BOTH[0], ended]))
    assert plan.count(Kind.GUARDIANSHIPS).ended == 1
    (over,) = (row for row in importer.rows(tables.GUARDIANSHIP) if row.valid_to)
    assert over.valid_to == date(2026, 10, 1)
    assert importer.freg(document(NORA_NIN, custody=[BOTH[0], ended])).changes == 0


def test_custody_of_other_sources_is_left_alone(importer: Importer) -> None:
    importer.pifu(small_school())
    importer.freg(document(NORA_NIN, custody=[]))
    assert len(importer.links()) == 3


def test_a_document_without_custody_leaves_it(importer: Importer) -> None:
    importer.freg(document(NORA_NIN, custody=BOTH))
    plan = importer.freg(document(NORA_NIN))
    assert "says nothing of parental responsibility" in plan.refusals[0].reason
    assert len(custody(importer)) == 2


def test_such_a_document_does_not_switch_the_schools_word_off(importer: Importer) -> None:
    importer.pifu(small_school())
    importer.freg(document(NORA_NIN))
    assert importer.person(NORA).register_document_at is None
    importer.freg(document(NORA_NIN, custody=BOTH))
    assert importer.person(NORA).register_document_at is not None


@pytest.mark.parametrize(
    "element",
    [
        {"ansvarligUtenIdentifikator": {"navn": {"fornavn": "UKJENT", "etternavn": "PERSON"}}},
        {"ansvarligOrganisasjon": "999000111"},
        {},
    ],
)
def test_responsible_without_a_number_is_listed_and_nobody_is_guessed(
    importer: Importer, element: dict[str, Any]
) -> None:
    plan = importer.freg(document(NORA_NIN, custody=[BOTH[0], responsible(NORA_NIN, None, ansvar="andre", **element)]))
    assert plan.exit_status is ExitStatus.PARTLY
    assert "add the guardian by hand" in plan.refusals[0].reason
    assert "UKJENT" not in repr(plan)
    assert custody(importer) == {f"?{KARI_NIN}"}


def test_family_relations_give_nobody(importer: Importer) -> None:
    relation = {**NOW, "relatertPerson": KARI_NIN, "relatertPersonsRolle": "mor", "minRolleForPerson": "barn"}
    importer.freg(document(NORA_NIN, custody=[], familierelasjon=[relation]))
    assert importer.links() == set()


def test_adult_students_are_not_asked_about(importer: Importer) -> None:
    importer.pifu(small_school())
    importer.freg(document(NORA_NIN, born="2008-11-23", custody=BOTH))  # 18 today
    assert custody(importer) == set()
    importer.freg(
        document(EMIL_NIN, name=("EMIL", "EKSEMPEL"), born="2008-11-24", custody=[responsible(EMIL_NIN, KARI_NIN)])
    )
    assert custody(importer, "Emil Eksempel") == {"Kari Eksempel"}


def test_turning_eighteen_counts_from_midnight_in_oslo(importer: Importer) -> None:
    importer.now = datetime(2026, 11, 23, 23, 30, tzinfo=UTC)  # the 24th in Oslo
    importer.pifu(small_school())
    importer.freg(document(NORA_NIN, born="2008-11-24", custody=BOTH))
    assert custody(importer) == set()


@pytest.mark.parametrize(
    ("parts", "expected"),
    [
        ({}, Protection.NONE),
        ({"adressebeskyttelse": [{**NOW, "graderingsnivaa": "fortrolig"}]}, Protection.CONFIDENTIAL),
        ({"adressebeskyttelse": [{**NOW, "graderingsnivaa": "STRENGTFORTROLIG"}]}, Protection.STRICTLY_CONFIDENTIAL),
        ({"adressebeskyttelse": [{**NOW, "graderingsnivaa": "klientadresse"}]}, Protection.CLIENT),
        ({"adressebeskyttelse": [{**NOW, "graderingsnivaa": "ny-kode"}]}, Protection.CONFIDENTIAL),
        ({"adressebeskyttelse": [{**ENDED, "graderingsnivaa": "fortrolig"}]}, Protection.NONE),
        ({"bostedsadresse": [{**NOW, "adressegradering": "fortrolig"}]}, Protection.CONFIDENTIAL),
        (
            {
                "adressebeskyttelse": [{**NOW, "graderingsnivaa": "ugradert"}],
                "oppholdsadresse": [{**NOW, "adressegradering": "strengtFortrolig"}],
            },
            Protection.STRICTLY_CONFIDENTIAL,
        ),
    ],
)
def test_protection(importer: Importer, parts: dict[str, Any], expected: Protection) -> None:
    importer.freg(document(NORA_NIN, custody=BOTH, **parts))
    assert importer.person(NORA).protection == expected


def test_protection_is_not_lifted_by_silence(importer: Importer) -> None:
    protected = {"adressebeskyttelse": [{**NOW, "graderingsnivaa": "fortrolig"}]}
    importer.freg(document(NORA_NIN, custody=BOTH, **protected))
    importer.freg(document(NORA_NIN, custody=BOTH))
    assert importer.person(NORA).protection == Protection.CONFIDENTIAL
    importer.freg(document(NORA_NIN, custody=BOTH, bostedsadresse=[{**NOW, "adressegradering": "ugradert"}]))
    assert importer.person(NORA).protection == Protection.NONE


@pytest.mark.parametrize(
    ("parts", "dead"),
    [
        ({"doedsfall": {**NOW, "doedsdato": "2026-10-01"}}, True),  # the one part that is no list
        ({"doedsfall": {**NOW, "erGjeldende": False}}, False),
        ({"status": [{**NOW, "status": "Doed"}]}, True),
        ({"status": [{**ENDED, "status": "doed"}, {**NOW, "status": "bosatt"}]}, False),
    ],
)
def test_death(importer: Importer, parts: dict[str, Any], dead: bool) -> None:
    importer.freg(document(NORA_NIN, custody=BOTH, **parts))
    assert importer.person(NORA).deceased is dead


def test_birth_date_is_never_read_from_the_number(importer: Importer) -> None:
    importer.pifu(small_school().replace("<bday>2010-03-02</bday>", ""))
    importer.freg(document(NORA_NIN, born=None, custody=BOTH))
    assert importer.person(NORA).birth_date is None


def test_guardians_documents_tell_of_guardians(importer: Importer) -> None:
    importer.pifu(small_school())
    importer.freg(
        document(
            OLE_NIN, name=("OLE JOHAN", "EKSEMPEL"), born="1970-08-21", doedsfall={**NOW, "doedsdato": "2026-11-01"}
        )
    )
    assert importer.person("Ole Johan Eksempel").deceased
    assert importer.students() == {NORA, "Emil Eksempel"}


def test_documents_about_strangers_are_refused(importer: Importer) -> None:
    plan = importer.freg(document(STRANGER_NIN, name=("FREMMED", "PERSON"), born="1980-05-05"))
    assert importer.people() == {}
    assert [refusal.place.record for refusal in plan.refusals] == ["document 1"]


def test_bulk_answers_with_errors_among_them(importer: Importer) -> None:
    answer = {
        "oppslag": [
            {"foedselsEllerDNummer": NORA_NIN, "folkeregisterperson": document(NORA_NIN, custody=BOTH)},
            {"foedselsEllerDNummer": EMIL_NIN, "kode": "FREG-007", "melding": "Personen finnes ikke"},
            {"foedselsEllerDNummer": "string"},
        ]
    }
    plan = importer.apply("freg", importer.file("svar.json", answer))
    assert [(each.place.record, each.reason.partition(":")[0]) for each in plan.refusals] == [
        ("document 2", "the register gave no document (its code"),
        ("document 3", "the number asked for"),
    ]
    assert importer.students() == {NORA}


def test_asked_by_an_ended_number(importer: Importer) -> None:
    answer = {
        "oppslag": [{"foedselsEllerDNummer": NORA_OLD_NIN, "folkeregisterperson": document(NORA_NIN, custody=BOTH)}]
    }
    importer.apply("freg", importer.file("svar.json", answer))
    assert importer.numbers(NORA) == {NORA_NIN: True, NORA_OLD_NIN: False}


def test_two_documents_that_contradict_each_other(importer: Importer) -> None:
    plan = importer.freg(document(NORA_NIN, custody=BOTH), document(NORA_NIN, born="2011-03-02", custody=BOTH))
    assert importer.students() == set()
    assert plan.refused >= 2


def test_a_folder_of_documents(importer: Importer) -> None:
    folder = importer.directory / "dokumenter"
    (folder / "mer").mkdir(parents=True)
    importer.file("dokumenter/a.json", document(NORA_NIN, custody=BOTH))
    importer.file("dokumenter/mer/b.json", document(OLE_NIN, name=("OLE", "EKSEMPEL"), born="1970-08-21"))
    importer.file("dokumenter/c.json", '{"identifikasjonsnummer": [')
    importer.file("dokumenter/LES-MEG.txt", "no document")
    plan = importer.apply("freg", folder)
    assert [(each.place.file, each.place.record) for each in plan.refusals] == [("c.json", "file")]
    assert custody(importer) == {f"?{KARI_NIN}", "Ole Eksempel"}


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "empty"),
        (b'{"identifikasjonsnummer": [', "not complete"),
        (b'{"oppslag":[{"foedselsEllerDNummer":"02831090017"},', "not complete"),
        (b'{"kontaktinfo": []}', "no document"),
        (b"<enterprise/>", "JSON"),
        ('{"navn": "Bjørn"}'.encode("latin-1"), "not UTF-8"),
        (b"[" * 100_000, "JSON"),
    ],
)
def test_unusable_files(importer: Importer, content: bytes, words: str) -> None:
    before = importer.everything()
    with pytest.raises(UsageError, match=words) as raised:
        importer.apply("freg", importer.file("svar.json", content))
    assert raised.value.exit_status is ExitStatus.UNUSABLE
    assert importer.everything() == before


def test_adults_of_the_store_are_updated(importer: Importer) -> None:
    importer.pifu(small_school().replace(NORA_NIN, ADULT_NIN))
    importer.freg(document(ADULT_NIN, born="2008-02-01", adressebeskyttelse=[{**NOW, "graderingsnivaa": "fortrolig"}]))
    assert importer.person(NORA).protection == Protection.CONFIDENTIAL
    assert importer.person(NORA).register_document_at is not None


def test_characters_that_no_database_takes(importer: Importer) -> None:
    importer.freg(document(NORA_NIN, name=("NO\x00RA\ud800", "EKSEMPEL"), custody=BOTH))
    assert importer.students() == {NORA}
