"""Postal addresses of the population register: which one, how it is written, and that no graded one is ever read."""

from __future__ import annotations

from typing import Any

import pytest
from sqlalchemy import select

from contacts import tables
from contacts.imports.freg_person import document_records
from contacts.imports.records import PersonRecord, Place
from contacts.postal import PostalAddress
from tests.contacts.imports.freg_files import ENDED, NOW, document, responsible
from tests.contacts.imports.importing import TODAY, Importer
from tests.contacts.imports.pifu_files import KARI_NIN, NORA_NIN, small_school

ROAD = {
    "adressenavn": "Skipavika",
    "adressenummer": {"husnummer": "88", "husbokstav": "B"},
    "poststed": {"postnummer": "5218", "poststedsnavn": "NORDSTRØNO"},
}
HOME = {**NOW, "adressegradering": "ugradert", "vegadresse": ROAD}
BOX = {
    **NOW,
    "adressegradering": "UGRADERT",
    "postboksadresse": {
        "postbokseier": "Skravlete Kabin",
        "postboks": "221",
        "poststed": {"postnummer": "8297", "poststedsnavn": "TRANØY"},
    },
}
FREE = {
    **NOW,
    "adressegradering": "ugradert",
    "postadresseIFrittFormat": {
        "adresselinje": ["POSTBOKS 146 BLEIE"],
        "poststed": {"postnummer": "3222", "poststedsnavn": "GUGGENHEIM"},
    },
}
FARM = {
    **NOW,
    "adressegradering": "ugradert",
    "matrikkeladresse": {
        "adressetilleggsnavn": "Nordgården",
        "coAdressenavn": "Erik Nilsson",
        "poststed": {"postnummer": "2200", "poststedsnavn": "KONGSVINGER"},
    },
}
ABROAD = {
    **NOW,
    "adressegradering": "ugradert",
    "utenlandskAdresse": {
        "adressenavn": "Gatan 10",
        "postkode": "SE-412 50",
        "byEllerStedsnavn": "Gothenburg",
        "landkode": "SE",
        "region": "Västre Götaland",
        "coAdressenavn": "C/O Erik Nilsson",
    },
}
AT_HOME = PostalAddress(("Skipavika 88B",), "5218", "NORDSTRØNO")


def told(**parts: Any) -> PostalAddress | None:
    records = document_records(document(KARI_NIN, born="1980-01-01", **parts), Place("f", "1"), TODAY, asked=None)
    (person,) = [one for one in records if isinstance(one, PersonRecord)]
    return person.postal_address


@pytest.mark.parametrize(
    ("parts", "expected"),
    [
        ({}, None),
        ({"bostedsadresse": [HOME]}, AT_HOME),
        ({"bostedsadresse": [HOME | ENDED]}, None),
        (
            {"bostedsadresse": [HOME], "postadresse": [BOX]},
            PostalAddress(("Skravlete Kabin", "Postboks 221"), "8297", "TRANØY"),
        ),
        ({"postadresse": [FREE]}, PostalAddress(("POSTBOKS 146 BLEIE",), "3222", "GUGGENHEIM")),
        ({"bostedsadresse": [FARM]}, PostalAddress(("c/o Erik Nilsson", "Nordgården"), "2200", "KONGSVINGER")),
        (
            {"postadresseIUtlandet": [ABROAD]},
            PostalAddress(("C/O Erik Nilsson", "Gatan 10", "Västre Götaland"), "SE-412 50", "Gothenburg", "SE"),
        ),
        # Where they live comes before a country abroad; a place without a code reaches nobody.
        ({"bostedsadresse": [HOME], "postadresseIUtlandet": [ABROAD]}, AT_HOME),
        ({"bostedsadresse": [{**NOW, "ukjentBosted": {"bostedskommune": "0301"}}]}, None),
        ({"bostedsadresse": [{**HOME, "vegadresse": {**ROAD, "poststed": {"poststedsnavn": "X"}}}]}, None),
        ({"bostedsadresse": [{**HOME, "vegadresse": "tull"}]}, None),
        # Graded, in whichever part that stands.
        ({"bostedsadresse": [{**HOME, "adressegradering": "fortrolig"}]}, None),
        ({"bostedsadresse": [{**HOME, "adressegradering": "strengtFortrolig"}]}, None),
        ({"bostedsadresse": [{**HOME, "adressegradering": "klientadresse"}]}, None),
        ({"bostedsadresse": [HOME], "postadresse": [{**FREE, "adressegradering": "fortrolig"}]}, None),
        ({"bostedsadresse": [HOME], "adressebeskyttelse": [{**NOW, "graderingsnivaa": "fortrolig"}]}, None),
        ({"bostedsadresse": [HOME], "adressebeskyttelse": [{**NOW, "graderingsnivaa": "hemmelig"}]}, None),
        ({"bostedsadresse": [HOME], "adressebeskyttelse": [{**NOW, "graderingsnivaa": "ugradert"}]}, AT_HOME),
    ],
)
def test_the_address_for_letters(parts: dict[str, Any], expected: PostalAddress | None) -> None:
    assert told(**parts) == expected


def test_on_an_envelope() -> None:
    assert AT_HOME.on_envelope == ("Skipavika 88B", "5218 NORDSTRØNO")
    assert PostalAddress(("Gatan 10",), "", "Gothenburg", "SE").on_envelope == ("Gatan 10", "Gothenburg", "SE")


def _stored(importer: Importer) -> list[tuple[str, str, str]]:
    with importer.database.read() as connection:
        rows = connection.execute(select(tables.POSTAL_ADDRESS)).all()
    return [(row.lines, row.postal_code, row.place) for row in rows]


def _guardian(**parts: Any) -> dict[str, Any]:
    return document(KARI_NIN, name=("KARI", "EKSEMPEL"), born="1980-01-01", **parts)


def test_kept_for_guardians_alone_and_as_told_last(sqlite_importer: Importer) -> None:
    importer = sqlite_importer
    importer.postal_addresses = True
    importer.pifu(small_school())
    child = document(NORA_NIN, custody=[responsible(NORA_NIN, KARI_NIN)], bostedsadresse=[HOME])
    plan = importer.freg(child, _guardian(bostedsadresse=[HOME]))
    assert [count.added for count in plan.counts if count.kind == "postal addresses"] == [1]
    assert _stored(importer) == [("Skipavika 88B", "5218", "NORDSTRØNO")]
    assert importer.freg(child, _guardian(bostedsadresse=[HOME])).changes == 0
    importer.freg(_guardian(bostedsadresse=[HOME], postadresse=[FREE]))
    assert _stored(importer) == [("POSTBOKS 146 BLEIE", "3222", "GUGGENHEIM")]
    importer.freg(_guardian())
    assert _stored(importer) == []


@pytest.mark.parametrize("grading", ["fortrolig", "strengtFortrolig", "klientadresse"])
def test_goes_when_the_person_is_graded_and_comes_back_only_by_word_of_the_register(
    sqlite_importer: Importer, grading: str
) -> None:
    importer = sqlite_importer
    importer.postal_addresses = True
    importer.pifu(small_school())
    importer.freg(_guardian(bostedsadresse=[HOME]))
    assert len(_stored(importer)) == 1
    importer.freg(_guardian(bostedsadresse=[HOME], adressebeskyttelse=[{**NOW, "graderingsnivaa": grading}]))
    assert _stored(importer) == []
    # Silent about the grading: what was told once stays told.
    bare = {name: value for name, value in HOME.items() if name != "adressegradering"}
    importer.freg(_guardian(bostedsadresse=[bare]))
    assert _stored(importer) == []
    importer.freg(_guardian(bostedsadresse=[HOME]))
    assert len(_stored(importer)) == 1


def test_none_is_taken_where_letters_are_not_wanted_and_the_old_ones_go(sqlite_importer: Importer) -> None:
    importer = sqlite_importer
    importer.postal_addresses = True
    importer.pifu(small_school())
    importer.freg(_guardian(bostedsadresse=[HOME]))
    assert len(_stored(importer)) == 1
    importer.postal_addresses = False
    importer.freg(_guardian(bostedsadresse=[HOME]))
    assert _stored(importer) == []


def test_documents_that_differ_in_the_address_alone_agree_and_the_first_one_counts(sqlite_importer: Importer) -> None:
    importer = sqlite_importer
    importer.postal_addresses = True
    importer.pifu(small_school())
    plan = importer.freg(_guardian(bostedsadresse=[HOME]), _guardian(bostedsadresse=[HOME], postadresse=[FREE]))
    assert plan.refused == 0
    assert _stored(importer) == [("Skipavika 88B", "5218", "NORDSTRØNO")]
