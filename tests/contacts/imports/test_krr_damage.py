"""Damaged answers of the contact register: each is read or refused, with what the store has left as it is."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from config.errors import BeredskapError, ExitStatus, UsageError
from contacts.imports.krr import open_krr
from contacts.imports.records import Lost, PersonRecord, Refusal
from tests.contacts.imports.importing import TODAY, Importer
from tests.contacts.imports.krr_files import JUNE, KARI, LATELY, MAIL, PHONE, active, contacts, deleted, reasons, told
from tests.contacts.imports.pifu_files import KARI_NIN, OLE_NIN, STRANGER_NIN

WHOLE = json.dumps(
    {"personer": [active(KARI_NIN, kontaktinformasjon=contacts(PHONE, MAIL), spraak="nn"), deleted(OLE_NIN)]}
).encode()
_REUSES = settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])


def read(importer: Importer, *persons: object) -> list[Any]:
    return list(open_krr((importer.file("personer.json", {"personer": list(persons)}),), TODAY).records)


UNTIMED = "comes without a time at which it was confirmed: it is not verified by this"


@pytest.mark.parametrize(
    ("times", "confirmed", "why"),
    [
        ({}, None, [f"mobiltelefonnummer {UNTIMED}"]),
        ({"oppdatert": "2026-06-29T10:15:52Z"}, JUNE, []),
        ({"sist_verifisert": "2026-06-29T12:15:52+02"}, JUNE, []),
        ({"oppdatert": "2026-06-29T10:15:52Z", "sist_verifisert": "2024-06-29T10:15:52Z"}, JUNE, []),
        ({"sist_verifisert": "2026-11-24T00:00:00+01:00", "oppdatert": "2026-06-29T10:15:52Z"}, JUNE, ["to come"]),
        ({"sist_verifisert": "2026-11-23T23:59:59+01:00"}, datetime(2026, 11, 23, 22, 59, 59, tzinfo=UTC), []),
        ({"sist_verifisert": "2999-01-01T00:00:00Z"}, None, ["to come", UNTIMED]),
        ({"oppdatert": "1970-01-01T00:00:00Z"}, None, ["no moment", UNTIMED]),
        ({"oppdatert": "0001-01-01T00:00:00+14:00"}, None, ["no moment", UNTIMED]),
        ({"oppdatert": "2026-06-29T10:15:52"}, None, ["no moment", UNTIMED]),
        ({"oppdatert": "2026-06-29"}, None, ["no moment", UNTIMED]),
        ({"oppdatert": "2026-02-30T10:15:52Z"}, None, ["no moment", UNTIMED]),
        ({"oppdatert": 1782728152, "sist_verifisert": ["2026"]}, None, ["no moment", "no moment", UNTIMED]),
    ],
)
def test_times(sqlite_importer: Importer, times: dict[str, Any], confirmed: datetime | None, why: list[str]) -> None:
    found = {"mobiltelefonnummer": PHONE} | {f"mobiltelefonnummer_{name}": value for name, value in times.items()}
    *refusals, person = read(sqlite_importer, active(KARI_NIN, kontaktinformasjon=found))
    assert isinstance(person, PersonRecord)
    assert person.contacts is not None
    assert [each.confirmed_at for each in person.contacts] == [confirmed]
    assert len(refusals) == len(why)
    for refusal, words in zip(refusals, why, strict=True):
        assert isinstance(refusal, Refusal)
        assert words in refusal.reason


@pytest.mark.parametrize(
    ("told", "shared", "why"),
    [
        ({}, None, []),
        ({"duplisert": None}, None, []),
        ({"duplisert": "JA"}, True, []),
        ({"duplisert": "NEI"}, False, []),
        ({"duplisert": "ja"}, None, ["is none of JA, NEI"]),
        ({"duplisert": ""}, None, ["is none of JA, NEI"]),
        ({"duplisert": True}, None, ["is none of JA, NEI"]),
        ({"duplisert": ["JA"]}, None, ["is none of JA, NEI"]),
    ],
)
@pytest.mark.parametrize(("name", "value"), [("mobiltelefonnummer", PHONE), ("epostadresse", MAIL)])
def test_the_mark_of_an_address_that_others_have_registered_too(
    tmp_path: Path, name: str, value: str, told: dict[str, Any], shared: bool | None, why: list[str]
) -> None:
    """A mark that cannot be read costs the address nothing."""
    found = {name: value, f"{name}_oppdatert": LATELY} | {f"{name}_{part}": mark for part, mark in told.items()}
    file = tmp_path / "personer.json"
    file.write_text(json.dumps({"personer": [active(KARI_NIN, kontaktinformasjon=found)]}), encoding="utf-8")
    *refusals, person = open_krr((file,), TODAY).records
    assert isinstance(person, PersonRecord)
    assert [(each.value, each.confirmed_at, each.shared_in_register) for each in person.contacts or ()] == [
        (value, JUNE, shared)
    ]
    assert [each.reason for each in refusals if isinstance(each, Refusal) and each.lost is Lost.ADDRESS] == [
        f"left out: {name}_duplisert {words}" for words in why
    ]


@pytest.mark.parametrize(
    ("changed", "why"),
    [
        ({"status": "UKJENT"}, "its status is none of AKTIV, SLETTET, IKKE_REGISTRERT"),
        ({"status": None}, "its status is none of AKTIV, SLETTET, IKKE_REGISTRERT"),
        ({"status": ["AKTIV"]}, "its status is none of AKTIV, SLETTET, IKKE_REGISTRERT"),
        ({"personidentifikator": 14877510078}, "its personidentifikator is no text"),
        ({"personidentifikator": "1487751007"}, "an identity number has 11 digits"),
        ({"personidentifikator": "14877510079"}, "the check digits of the identity number are wrong"),
    ],
)
def test_a_record_that_cannot_be_known_changes_nothing(
    sqlite_school: Importer, changed: dict[str, Any], why: str
) -> None:
    sqlite_school.krr(active(KARI_NIN, kontaktinformasjon=contacts(PHONE, MAIL)))
    before = sqlite_school.everything()
    plan = sqlite_school.krr(active(KARI_NIN, **{"kontaktinformasjon": {}} | changed))
    ((place, reason),) = reasons(plan)
    assert place == "person 1"
    assert reason.startswith(why)
    assert plan.exit_status is ExitStatus.PARTLY
    assert sqlite_school.everything() == before


@pytest.mark.parametrize(
    ("changed", "why"),
    [
        ({"reservasjon": "KANSKJE"}, "left out: reservasjon is none of JA, NEI"),
        ({"reservasjon": True}, "left out: reservasjon is none of JA, NEI"),
        ({"varslingsstatus": "?"}, "left out: varslingsstatus is none of KAN_VARSLES, KAN_IKKE_VARSLES"),
        ({"spraak": "pl"}, "left out: spraak is none of nb, nn, se, en"),
        ({"spraak": {"kode": "nn"}}, "left out: spraak is none of nb, nn, se, en"),
        ({"kontaktinformasjon": [PHONE]}, "left out: kontaktinformasjon is no object"),
        ({"kontaktinformasjon": contacts(99900111, MAIL)}, "left out: mobiltelefonnummer is no text"),
        (
            {"kontaktinformasjon": contacts("12", MAIL)},
            "left out: mobiltelefonnummer: not a phone number",
        ),
        ({"kontaktinformasjon": contacts(PHONE, "kari")}, "left out: epostadresse: not an e-mail"),
    ],
)
def test_a_part_that_cannot_be_read_is_listed_and_what_is_stored_of_it_stays(
    sqlite_school: Importer, changed: dict[str, Any], why: str
) -> None:
    known = contacts(PHONE, MAIL)
    sqlite_school.krr(active(KARI_NIN, kontaktinformasjon=known))
    plan = sqlite_school.krr(active(KARI_NIN, **{"kontaktinformasjon": known} | changed))
    ((_, reason),) = reasons(plan)
    assert reason.startswith(why)
    assert {value for _, value in told(sqlite_school)} == {PHONE, MAIL}


def test_strangers_with_damaged_parts_are_only_counted(sqlite_school: Importer) -> None:
    before = sqlite_school.everything()
    plan = sqlite_school.krr(active(STRANGER_NIN, spraak="pl", kontaktinformasjon=contacts("12", "x")))
    assert (plan.changes, plan.refused, plan.strangers) == (0, 0, 1)
    assert sqlite_school.everything() == before


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", r"is empty \(0 bytes\)"),
        (b"{", "is not complete"),
        (b"[1, 2]", "holds no person of the contact register"),
        (b'{"personer": {}}', "holds no person of the contact register"),
        (b'{"feil": "ugyldig token"}', "holds no person of the contact register"),
        (WHOLE.replace(b"eksempel.example", b"eks\xf8mpel.example"), "is not UTF-8"),
        (WHOLE + b"]", "is no well-formed JSON"),
    ],
)
def test_unusable_files(sqlite_importer: Importer, content: bytes, words: str) -> None:
    with pytest.raises(UsageError, match=words):
        sqlite_importer.apply("krr", sqlite_importer.file("personer.json", content))


def test_in_a_folder_an_unusable_file_is_refused_like_a_record(sqlite_school: Importer) -> None:
    folder = sqlite_school.directory / "svar"
    folder.mkdir()
    (folder / "1.json").write_bytes(WHOLE)
    (folder / "2.json").write_bytes(WHOLE[:-5])
    plan = sqlite_school.apply("krr", folder, trusted=("krr",))
    assert [(each.place.file, each.place.record) for each in plan.refusals] == [("2.json", "file")]
    assert set(told(sqlite_school)) == {(KARI, PHONE), (KARI, MAIL)}


def test_an_empty_answer_changes_nothing(sqlite_school: Importer) -> None:
    assert sqlite_school.krr().changes == 0


@_REUSES
@given(cut=st.integers(0, len(WHOLE) - 1))
def test_cut_anywhere_it_never_changes_the_store(sqlite_importer: Importer, cut: int) -> None:
    before = sqlite_importer.everything()
    with pytest.raises(UsageError):
        sqlite_importer.apply("krr", sqlite_importer.file("personer.json", WHOLE[:cut]))
    assert sqlite_importer.everything() == before


@_REUSES
@given(place=st.floats(0, 1, exclude_max=True), noise=st.binary(min_size=1, max_size=4))
def test_a_few_wrong_bytes_never_crash(sqlite_importer: Importer, place: float, noise: bytes) -> None:
    at = int(place * len(WHOLE))
    file = sqlite_importer.file("personer.json", WHOLE[:at] + noise + WHOLE[at + len(noise) :])
    try:
        with sqlite_importer.staged("krr", file) as staged:
            staged.preview()
    except BeredskapError as error:
        assert error.exit_status is ExitStatus.UNUSABLE


_ODD = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=12),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.text(max_size=6), inner, max_size=2),
    max_leaves=4,
)
_FIELDS = ("reservasjon", "status", "varslingsstatus", "spraak", "kontaktinformasjon", "personidentifikator")
_DETAILS = [
    f"{name}{part}"
    for name in ("epostadresse", "mobiltelefonnummer")
    for part in ("", "_oppdatert", "_sist_verifisert", "_duplisert")
]


@given(
    fields=st.dictionaries(st.sampled_from(_FIELDS), _ODD, max_size=2),
    details=st.dictionaries(st.sampled_from(_DETAILS), _ODD, max_size=3),
)
def test_whatever_stands_in_a_field_it_is_read_or_refused(
    tmp_path_factory: pytest.TempPathFactory, fields: dict[str, Any], details: dict[str, Any]
) -> None:
    answer = active(KARI_NIN, kontaktinformasjon=contacts(PHONE, MAIL) | details) | fields
    file = tmp_path_factory.getbasetemp() / "personer.json"
    file.write_text(json.dumps({"personer": [answer]}), encoding="utf-8")
    found = list(open_krr((file,), TODAY).records)
    persons = [each for each in found if isinstance(each, PersonRecord)]
    refused = [each for each in found if isinstance(each, Refusal) and not each.lost]
    assert len(persons) + len(refused) == 1
    for person in persons:
        for address in person.contacts or ():
            assert address.confirmed_at is None or address.confirmed_at.date() <= TODAY
            assert address.shared_in_register in (None, True, False)
