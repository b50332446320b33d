"""FINT tells nobody's address protection: whom it brings is held until the population register has told it."""

from __future__ import annotations

from typing import Any

import pytest

from contacts import tables
from tests.contacts.imports.fint_files import (
    BOTH,
    KARI,
    SCHOOL,
    page,
    placement,
    pupil,
    reasons,
    roster,
)
from tests.contacts.imports.freg_files import NOW, document, responsible
from tests.contacts.imports.importing import Importer
from tests.contacts.imports.pifu_files import EMIL_NIN, KARI_NIN, NORA_NIN, OLE_NIN, small_school


@pytest.fixture
def importer(sqlite_importer: Importer) -> Importer:
    """One kind of database: test_both_databases.py takes the same ways on the other one."""
    return sqlite_importer


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


SILENT: dict[str, Any] = {}
TOLD: dict[str, Any] = {"adressebeskyttelse": [{**NOW, "graderingsnivaa": "ugradert"}]}
OF_ADDRESS: dict[str, Any] = {"bostedsadresse": [{**NOW, "adressegradering": "ugradert"}]}


@pytest.mark.parametrize("fint_first", [True, False])
@pytest.mark.parametrize(("grading", "held"), [(SILENT, True), (TOLD, False), (OF_ADDRESS, False)])
def test_the_order_of_the_two_sources_makes_no_difference(
    importer: Importer, grading: dict[str, Any], held: bool, fint_first: bool
) -> None:
    nora = document(NORA_NIN, custody=[responsible(NORA_NIN, KARI_NIN), responsible(NORA_NIN, OLE_NIN)], **grading)
    sources = [lambda: importer.fint(**roster()), lambda: importer.freg(nora)]
    for read in sources if fint_first else reversed(sources):
        read()
    assert reasons(importer)["Nora Eksempel"] == ({"protection_unknown"} if held else {"custody"})
    before = importer.everything()
    for read in sources:
        assert read().changes == 0
    assert importer.everything() == before


def test_a_grading_that_was_told_once_stays_told_by_a_silent_document(importer: Importer) -> None:
    custody = [responsible(NORA_NIN, KARI_NIN)]
    importer.freg(document(NORA_NIN, **TOLD))
    importer.freg(document(NORA_NIN, custody=custody))
    importer.fint(**roster())
    assert not importer.person("Nora Eksempel").protection_unknown


@pytest.mark.parametrize(("grading", "held"), [(SILENT, True), (TOLD, False)])
def test_a_guardian_of_the_register_who_becomes_a_student(
    importer: Importer, grading: dict[str, Any], held: bool
) -> None:
    importer.pifu(small_school())
    importer.freg(document(KARI_NIN, name=("KARI", "EKSEMPEL"), born="1980-04-12", **grading))
    importer.fint(elev=page(pupil("e9", KARI_NIN, "3A-001")), elevforhold=page(placement("f9", "systemid/e9")),
                  skole=page(SCHOOL), person=page(KARI))  # fmt: skip
    assert importer.person("Kari Eksempel").protection_unknown == held


def test_whom_another_source_brought_after_the_register_stays_known(importer: Importer) -> None:
    importer.freg(document(NORA_NIN, custody=[responsible(NORA_NIN, KARI_NIN)]))
    importer.pifu(small_school())
    importer.fint(**roster())
    assert not importer.person("Nora Eksempel").protection_unknown
