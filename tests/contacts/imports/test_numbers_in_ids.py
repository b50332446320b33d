"""An identity number that a source uses as an id, or as a student's number, stays readable nowhere."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import TypeAlias

import pytest

from contacts.imports.numbers_in_ids import holds_number, may_hold_number
from contacts.imports.plan import Plan
from tests.contacts.imports.fint_files import PLACEMENTS, PUPILS, page, placement, pupil, roster
from tests.contacts.imports.importing import Importer
from tests.contacts.imports.oneroster_files import changed, folder, small_roster
from tests.contacts.imports.pifu_files import EMIL as EMIL_OF_PIFU
from tests.contacts.imports.pifu_files import NORA as NORA_OF_PIFU
from tests.contacts.imports.pifu_files import NORA_NIN, school

Way: TypeAlias = Callable[[Importer, str, str], Plan]
MISTYPED = NORA_NIN[:-1] + str((int(NORA_NIN[-1]) + 1) % 10)
SPACED = f"{NORA_NIN[:6]} {NORA_NIN[6:]}"


@pytest.mark.parametrize(
    ("text", "surely", "perhaps"),
    [
        (NORA_NIN, True, True),
        (SPACED, True, True),
        (f"elev/systemid/{NORA_NIN}", True, True),
        (f"{NORA_NIN}@eksempel.no", True, True),
        (f"nin:{MISTYPED}", False, True),
        (MISTYPED, False, True),
        (f"1{NORA_NIN}", False, True),
        (NORA_NIN[:10], False, False),
        ("2B-017", False, False),
        ("1234567890", False, False),
        (f"4f1c9a52-0b7e-4c11-9d3a-a{NORA_NIN}", False, False),  # a UUID
        ("", False, False),
    ],
)
def test_what_looks_like_a_number(text: str, surely: bool, perhaps: bool) -> None:
    assert (holds_number(text), may_hold_number(text)) == (surely, perhaps)


@pytest.fixture
def importer(sqlite_importer: Importer) -> Importer:
    """One kind of database: the numbers are found before either is asked."""
    return sqlite_importer


def of_fint(importer: Importer, key: str, ref: str) -> Plan:
    return importer.fint(
        **roster(
            elev=page(pupil(key, NORA_NIN, ref), PUPILS[1]),
            elevforhold=page(placement("f1", f"systemid/{key}"), PLACEMENTS[1]),
        )
    )


def of_pifu(importer: Importer, key: str, ref: str) -> Plan:
    nora = replace(NORA_OF_PIFU, key=key, student_id=ref, nin="", guardians=())
    return importer.pifu(school(nora, replace(EMIL_OF_PIFU, guardians=()), enrolled=(key, "p4")))


def of_oneroster(importer: Importer, key: str, ref: str) -> Plan:
    users = ("nora,,,true", f"{key},,,true"), ("2B-017", ref), ('"nora,kari"', f'"{key},kari"')
    files = changed(small_roster(), "users.csv", *users)
    for name, old in (
        ("enrollments.csv", "skole,nora"),
        ("enrollments.csv", "skole,nora"),
        ("demographics.csv", "nora"),
    ):
        files = changed(files, name, (old, old.replace("nora", key)))
    return importer.apply("oneroster", folder(importer.directory, files))


def readable(importer: Importer) -> str:
    return repr(importer.everything())


@pytest.mark.parametrize("way", [of_fint, of_pifu, of_oneroster])
def test_an_id_that_is_a_number_is_kept_as_a_hash_and_found_again(importer: Importer, way: Way) -> None:
    assert way(importer, NORA_NIN, "2B-017").refused == 0
    assert NORA_NIN not in readable(importer)
    assert importer.students() == {"Nora Eksempel", "Emil Eksempel"}
    before = importer.everything()
    assert way(importer, NORA_NIN, "2B-017").changes == 0
    assert importer.everything() == before


@pytest.mark.parametrize(
    ("way", "ref"),
    [
        *((way, ref) for way in (of_fint, of_pifu) for ref in (NORA_NIN, SPACED, MISTYPED, f"nin:{MISTYPED}")),
        # A valid one is not taken for a student number by the reader of rosters itself.
        *((of_oneroster, ref) for ref in (MISTYPED, f"nin:{NORA_NIN}")),
    ],
)
def test_a_student_number_that_looks_like_one_is_left_out_and_listed(importer: Importer, way: Way, ref: str) -> None:
    plan = way(importer, NORA_NIN, ref)
    assert [(refusal.reason, int(refusal.lost)) for refusal in plan.refusals] == [
        ("its student number may be an identity number: it entered without", 1)
    ]
    assert importer.person("Nora Eksempel").ref is None
    assert importer.person("Emil Eksempel").ref == "2B-018"
    assert ref not in readable(importer)
    assert way(importer, NORA_NIN, ref).changes == 0


def test_of_somebody_who_is_no_student_no_number_is_missed(importer: Importer) -> None:
    """A roster gives everybody an id, and the id stands for a student number that is absent."""
    files = changed(small_roster(), "users.csv", ("kari,,,true", f"{MISTYPED},,,true"), ("kari,tor,emil", "tor,emil"))
    files = changed(files, "users.csv", ("kari,12", f"{MISTYPED},12"), ('"nora,kari"', "nora"))
    assert importer.apply("oneroster", folder(importer.directory, files)).refused == 0
    assert "Kari Eksempel" in importer.people().values()
