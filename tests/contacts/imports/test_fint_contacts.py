"""A student's own phone and e-mail in FINT: the school's stand at elev, the private ones at person."""

from __future__ import annotations

from typing import Any

import pytest

from contacts.codes import AddressChannel
from contacts.imports.fint_contacts import Contacts, Written, own_contacts, read_contacts
from tests.contacts.imports.fint_files import PERSONS, PUPILS, page, person, pupil, roster, with_person
from tests.contacts.imports.importing import Importer
from tests.contacts.imports.pifu_files import NORA_NIN

SMS, EMAIL = AddressChannel
SCHOOL_MOBILE, PRIVATE_MOBILE = "+4741234567", "+4741234568"
SCHOOL_EMAIL, PRIVATE_EMAIL = "nora@skole.example", "nora@example.com"
PRIVATE: Written = (PRIVATE_MOBILE, "", PRIVATE_EMAIL)
NORA = person(NORA_NIN, "Nora", born="2010-03-02", mobile=PRIVATE_MOBILE, email=PRIVATE_EMAIL)


@pytest.fixture
def importer(sqlite_importer: Importer) -> Importer:
    sqlite_importer.own_addresses = True
    return sqlite_importer


def _pupils(**contacts: str) -> dict[str, Any]:
    """The page of elev, with these contacts of Nora's."""
    return page({**PUPILS[0], "kontaktinformasjon": contacts}, PUPILS[1])


def _own(importer: Importer, *, ended: bool = False) -> set[str]:
    return {address for name, address in importer.points(ended=ended) if name == "Nora Eksempel"}


@pytest.mark.parametrize(
    ("private", "at_school", "pupil", "complete", "addresses", "spared"),
    [
        pytest.param(PRIVATE, None, False, True, {PRIVATE_MOBILE, PRIVATE_EMAIL}, set(), id="a guardian"),
        pytest.param(None, None, False, True, set(), set(), id="a guardian without any"),
        pytest.param(None, None, False, False, None, set(), id="of whom this says nothing"),
        pytest.param(PRIVATE, None, True, True, {PRIVATE_MOBILE, PRIVATE_EMAIL}, set(), id="no school's"),
        pytest.param(
            PRIVATE, ("", "", SCHOOL_EMAIL), True, True, {PRIVATE_MOBILE, SCHOOL_EMAIL}, set(), id="each channel"
        ),
        pytest.param(
            PRIVATE,
            (SCHOOL_MOBILE, "", SCHOOL_EMAIL),
            True,
            True,
            {SCHOOL_MOBILE, SCHOOL_EMAIL},
            set(),
            id="the school's",
        ),
        pytest.param(
            PRIVATE, ("nobody knows", "", ""), True, True, {PRIVATE_MOBILE, PRIVATE_EMAIL}, {SMS}, id="one not read"
        ),
        pytest.param(None, ("", "", SCHOOL_EMAIL), True, True, {SCHOOL_EMAIL}, set(), id="no private ones"),
        pytest.param(None, ("", "", SCHOOL_EMAIL), True, False, {SCHOOL_EMAIL}, {SMS}, id="elev alone"),
        pytest.param(PRIVATE, None, True, False, {PRIVATE_MOBILE, PRIVATE_EMAIL}, {SMS, EMAIL}, id="person alone"),
        pytest.param(PRIVATE, None, False, False, {PRIVATE_MOBILE, PRIVATE_EMAIL}, set(), id="a guardian alone"),
    ],
)
def test_whose_count(
    private: Written | None,
    at_school: Written | None,
    pupil: bool,
    complete: bool,
    addresses: set[str] | None,
    spared: set[AddressChannel],
) -> None:
    found, stay = own_contacts(_read(private), _read(at_school), pupil=pupil, complete=complete)
    assert (None if found is None else {each.value for each in found}) == addresses
    assert set(stay) == spared


def _read(written: Written | None) -> Contacts | None:
    return None if written is None else read_contacts([written])


def test_the_school_s_address_of_a_channel_takes_the_place_of_the_private_one(importer: Importer) -> None:
    importer.fint(**with_person(NORA))
    assert _own(importer) == {PRIVATE_MOBILE, PRIVATE_EMAIL}
    files = with_person(NORA) | {"elev": _pupils(epostadresse=SCHOOL_EMAIL)}
    importer.fint(**files)
    assert (_own(importer), _own(importer, ended=True)) == ({PRIVATE_MOBILE, SCHOOL_EMAIL}, {PRIVATE_EMAIL})
    assert importer.fint(**files).changes == 0
    importer.fint(**with_person(NORA))
    assert _own(importer) == {PRIVATE_MOBILE, PRIVATE_EMAIL}


def test_person_or_elev_alone_ends_nothing_of_the_other(importer: Importer) -> None:
    nora = {**NORA, "_links": {**NORA["_links"], "elev": [{"href": "/utdanning/elev/elev/systemid/e1"}]}}
    importer.fint(**with_person(nora) | {"elev": _pupils(epostadresse=SCHOOL_EMAIL)})
    importer.fint(person=page(nora))
    assert _own(importer) == {PRIVATE_MOBILE, PRIVATE_EMAIL, SCHOOL_EMAIL}
    importer.fint(**with_person(nora) | {"elev": _pupils(epostadresse=SCHOOL_EMAIL)})
    importer.fint(elev=_pupils(mobiltelefonnummer=SCHOOL_MOBILE))
    assert _own(importer) == {SCHOOL_MOBILE, SCHOOL_EMAIL}


def test_one_that_cannot_be_read_is_listed_where_it_stands(importer: Importer) -> None:
    plan = importer.fint(**with_person(NORA) | {"elev": _pupils(mobiltelefonnummer="12", epostadresse=SCHOOL_EMAIL)})
    (refusal,) = plan.refusals
    assert (refusal.place.file, refusal.place.record) == ("elev.json", "entry 1")
    assert _own(importer) == {PRIVATE_MOBILE, SCHOOL_EMAIL}


def test_a_pupil_whose_person_is_not_among_the_files(importer: Importer) -> None:
    others = [each for each in PERSONS if each["fodselsnummer"]["identifikatorverdi"] != NORA_NIN]
    importer.fint(**roster(elev=_pupils(epostadresse=SCHOOL_EMAIL), person=page(*others)))
    assert SCHOOL_EMAIL in {address for _, address in importer.points()}


def test_a_person_who_is_two_pupils_has_the_addresses_of_both(importer: Importer) -> None:
    first = {**PUPILS[0], "kontaktinformasjon": {"epostadresse": SCHOOL_EMAIL}}
    second = {**pupil("e9", NORA_NIN, "2B-917"), "kontaktinformasjon": {"mobiltelefonnummer": SCHOOL_MOBILE}}
    importer.fint(**with_person(NORA) | {"elev": page(first, PUPILS[1], second)})
    assert _own(importer) == {SCHOOL_EMAIL, SCHOOL_MOBILE}


def test_not_taken_where_students_are_not_asked(importer: Importer) -> None:
    importer.own_addresses = False
    importer.fint(**roster(elev=_pupils(epostadresse=SCHOOL_EMAIL)))
    assert _own(importer) == set()
