"""Students' own addresses: taken where they are wanted, whatever the format, and gone when their source has no more."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from tests.contacts.imports.fint_files import person as fint_person
from tests.contacts.imports.fint_files import with_person
from tests.contacts.imports.importing import Importer
from tests.contacts.imports.krr_files import active, contacts
from tests.contacts.imports.oneroster_files import EMIL, NORA, apply, changed, delta, folder, lines, small_roster
from tests.contacts.imports.pifu_files import EMIL as PIFU_EMIL
from tests.contacts.imports.pifu_files import KARI, NORA_NIN, OLE, school
from tests.contacts.imports.pifu_files import NORA as PIFU_NORA
from tests.contacts.imports.sds_files import small_sds

OWN = {(NORA, "nora@example.com"), (NORA, "+4741234567")}
WITH_ADDRESSES = replace(PIFU_NORA, email="Nora@Example.com", mobile="41 23 45 67")


def own(importer: Importer, *, ended: bool = False) -> set[tuple[str, str]]:
    return {point for point in importer.points(ended=ended) if point[0] in (NORA, EMIL)}


def _oneroster(version: str) -> Callable[[Importer], Path]:
    return lambda importer: folder(importer.directory, small_roster(version))


def _sds(importer: Importer) -> Path:
    files = small_sds()
    return folder(importer.directory, changed(files, "users.csv", (",emil@example.com,,,\n", ",,,,\n")))


def _pifu(importer: Importer) -> Path:
    return importer.file("elever.xml", school(WITH_ADDRESSES, PIFU_EMIL, KARI, OLE))


def _fint(importer: Importer) -> Path:
    nora = fint_person(NORA_NIN, "Nora", born="2010-03-02", mobile="41234567", email="nora@example.com")
    return importer.folder("fint", **with_person(nora))


@pytest.mark.parametrize(
    ("kind", "write"),
    [
        ("oneroster", _oneroster("1.1")),
        ("oneroster", _oneroster("1.2")),
        ("sds", _sds),
        ("pifu", _pifu),
        ("fint", _fint),
    ],
)
def test_taken_only_where_they_are_wanted(
    sqlite_importer: Importer, kind: str, write: Callable[[Importer], Path]
) -> None:
    path = write(sqlite_importer)
    sqlite_importer.apply(kind, path)
    assert own(sqlite_importer) == set()
    before = sqlite_importer.points()
    sqlite_importer.own_addresses = True
    assert sqlite_importer.apply(kind, path).refused == 0
    # Students' alone: no teacher's, and nobody's who was a student last year.
    assert sqlite_importer.points() == before | OWN
    assert sqlite_importer.apply(kind, path).changes == 0
    sqlite_importer.own_addresses = False
    sqlite_importer.apply(kind, path)
    assert (sqlite_importer.points(), own(sqlite_importer, ended=True)) == (before, OWN)


def test_on_both_databases(importer: Importer) -> None:
    importer.own_addresses = True
    importer.pifu(school(WITH_ADDRESSES, PIFU_EMIL, KARI, OLE))
    assert own(importer) == OWN
    importer.pifu(school(replace(WITH_ADDRESSES, email=""), PIFU_EMIL, KARI, OLE))
    assert own(importer) == {(NORA, "+4741234567")}


def test_a_student_who_is_absent_from_a_full_export_has_none_any_more(importer: Importer) -> None:
    importer.own_addresses = True
    importer.pifu(school(WITH_ADDRESSES, PIFU_EMIL, KARI, OLE))
    importer.pifu(school(PIFU_EMIL, KARI, OLE, enrolled=["p4"]), allow_ending=2)
    assert importer.students(left=True) == {NORA}
    assert (own(importer), own(importer, ended=True)) == (set(), OWN)


def test_changes_alone(sqlite_importer: Importer) -> None:
    sqlite_importer.own_addresses = True
    apply(sqlite_importer, small_roster())
    users = changed({"users.csv": lines("users", "nora")}, "users.csv", ("nora,,,", "nora,active,,"))["users.csv"]
    apply(sqlite_importer, delta(users=users.replace("nora@example.com", "n.eksempel@example.com")))
    assert own(sqlite_importer) == {(NORA, "n.eksempel@example.com"), (NORA, "+4741234567")}
    apply(sqlite_importer, delta(users=users.replace("nora,active,,", "nora,tobedeleted,,")))
    assert own(sqlite_importer) == set()


def test_one_that_cannot_be_read_is_told_and_keeps_the_last(sqlite_importer: Importer) -> None:
    sqlite_importer.own_addresses = True
    apply(sqlite_importer, small_roster())
    broken = changed(small_roster(), "users.csv", (",nora@example.com,", ",nora at example,"))
    (reason,) = apply(sqlite_importer, broken).values()
    assert "column email" in reason
    assert own(sqlite_importer) == OWN
    sqlite_importer.own_addresses = False
    assert apply(sqlite_importer, broken) == {}


def test_the_contact_register_says_nothing_of_students(sqlite_importer: Importer) -> None:
    sqlite_importer.own_addresses = True
    sqlite_importer.pifu(school(PIFU_NORA, PIFU_EMIL, KARI, OLE))
    sqlite_importer.krr(active(NORA_NIN, kontaktinformasjon=contacts("+4799900112", "nora@eksempel.example")))
    assert own(sqlite_importer) == set()
