"""The export on paper: every part of the document, in letters that every Norwegian name needs."""

from __future__ import annotations

import re
import stat
import zlib
from base64 import a85decode
from datetime import UTC, date, datetime
from enum import StrEnum
from pathlib import Path
from typing import Any

import pytest

from config.catalogue import LANGUAGES, load_catalogue
from config.database import Database
from config.errors import ExitStatus
from contacts.codes import (
    AddressChannel,
    Basis,
    ConsentPurpose,
    InvitationState,
    NameFrom,
    Protection,
    RegisterStatus,
    VerifiedBy,
)
from contacts.entitlement import Reason, Verdict
from contacts.people import find_person
from contacts.reach import Unreachable
from dispatcher.codes import AlertStatus, AnswerKind, AttemptOutcome, DeliveryState, NoticeKind
from dispatcher.outbox.chain import ChainEnd
from dispatcher.retention.export import PARTS, export
from dispatcher.retention.norwegian import VALUES, value_words
from dispatcher.retention.norwegian_fields import FIELDS
from dispatcher.retention.pdf import HEADINGS, as_pdf
from dispatcher.retention.showing import shown_as
from providers.base import ReceiptStatus
from tests.dispatcher.retention.conftest import Run
from tests.dispatcher.retention.town import TODAY, Town


def letters_of(pdf: bytes) -> str:
    """All letters that the file can show, by the tables with which its fonts tell which they are."""
    found = set()
    # By its length: the last byte of what was compressed may look like a line break.
    for start in re.finditer(rb"/Length ([0-9]+)[^>]*>>\s*stream\r?\n", pdf):
        body = pdf[start.end() : start.end() + int(start[1])]
        try:
            content = zlib.decompress(a85decode(body, adobe=True) if body.endswith(b"~>") else body)
        except (ValueError, zlib.error):
            continue
        if b"begincmap" in content:
            found |= {chr(int(code, 16)) for code in re.findall(rb"<[0-9A-F]{2}> <([0-9A-F]{4})>", content)}
    return "".join(sorted(found))


def test_every_part_has_a_heading(sqlite_town: Town) -> None:
    one = sqlite_town.family()
    with sqlite_town.world.clock(), sqlite_town.database.read() as connection:
        document = export(connection, sqlite_town.keys, find_person(connection, one.student.ref), TODAY)
    assert set(document) - {"person", "on"} == set(HEADINGS)


def fields_of(value: Any) -> set[str]:
    if isinstance(value, dict):
        return {name for name in value if name not in HEADINGS}.union(*map(fields_of, value.values()))
    return set().union(*map(fields_of, value)) if isinstance(value, list) else set()


def test_every_field_has_a_norwegian_name(sqlite_town: Town) -> None:
    columns = {
        name for holding in PARTS for column in holding.table.columns if (name := shown_as(holding, column.name))
    }
    assert columns - FIELDS.keys() == set()
    one = sqlite_town.family()
    sqlite_town.alert(one)
    with sqlite_town.world.clock(), sqlite_town.database.read() as connection:
        documents = [
            export(connection, sqlite_town.keys, find_person(connection, person.ref), TODAY)
            for person in (one.student, one.guardian)
        ]
    found = set().union(*map(fields_of, documents))
    assert {"basis", "masked", "verdict", "outcome", "given_on", "tries"} - found == {"masked"}
    assert found - FIELDS.keys() - {"person"} == set()


@pytest.mark.parametrize(
    ("field", "codes"),
    [
        ("basis", Basis),
        ("channel", AddressChannel),
        ("kind", AnswerKind),
        ("name_from", NameFrom),
        ("kind", NoticeKind),
        ("ended", ChainEnd),
        ("outcome", AttemptOutcome),
        ("protection", Protection),
        ("purpose", ConsentPurpose),
        ("reason", Reason),
        ("state", DeliveryState),
        ("state", InvitationState),
        ("status", AlertStatus),
        ("status", ReceiptStatus),
        ("status", RegisterStatus),
        ("to", DeliveryState),
        ("unreachable", Unreachable),
        ("verdict", Verdict),
        ("verified_by", VerifiedBy),
    ],
)
def test_every_coded_value_has_norwegian_words(field: str, codes: type[StrEnum]) -> None:
    assert {code.value for code in codes} - VALUES[field].keys() == set()
    assert all(value_words(field, code) == VALUES[field][code.value] for code in codes)


def test_every_scenario_and_language_has_norwegian_words() -> None:
    assert {one.name for one in load_catalogue(None).scenarios()} - VALUES["scenario"].keys() == set()
    assert VALUES["language"].keys() == set(LANGUAGES)


@pytest.mark.parametrize(
    ("field", "value", "words"),
    [
        ("deceased", False, "nei"),
        ("birth_date", date(2010, 3, 2), "02.03.2010"),
        ("until", "2026-12-31", "31.12.2026"),
        ("at", datetime(2026, 7, 1, 22, 5, 9, tzinfo=UTC), "02.07.2026 kl. 00.05.09"),
        ("source", "krr", "Kontakt- og reservasjonsregisteret"),
        ("source", "pifu:sas@eksempel.no", "skolens administrative system (PIFU): sas@eksempel.no"),
        ("source", "elsewhere", "elsewhere"),
        ("student", "yourself", "deg selv"),
        ("schools", "not named here", "ikke navngitt her"),
        ("reason", "avtalt med barnevernet", "avtalt med barnevernet"),
        ("given_name", "actual", "actual"),
        ("code", "30005", "30005"),
    ],
)
def test_values_as_a_parent_reads_them(field: str, value: object, words: str) -> None:
    assert value_words(field, value) == words


def document_about(name: str) -> dict[str, object]:
    return {"person": "G-1", "on": TODAY} | {part: [] for part in HEADINGS} | {"persons": [{"given_name": name}]}


def test_norwegian_and_sami_letters() -> None:
    wanted = "æøåÆØÅáčđŋšŧžÁČĐŊŠŦŽ«»–é"
    pdf = as_pdf(document_about(wanted))
    assert pdf.startswith(b"%PDF-") and b"/FontFile2" in pdf  # the font is in the file
    assert set(wanted) <= set(letters_of(pdf))


def test_what_the_font_lacks_is_marked_and_what_looks_like_markup_is_not() -> None:
    for name in ("\u4e2d", "Kari\x1b[31m"):
        assert "\ufffd" in letters_of(as_pdf(document_about(name)))
    assert "\ufffd" not in letters_of(as_pdf(document_about("Kari <b>& Ola\n")))


def test_the_command(run: Run, installed: Town, database: Database, tmp_path: Path) -> None:
    one = installed.family()
    installed.alert(one)
    file, other = tmp_path / "innsyn.pdf", tmp_path / "innsyn.json"
    done = run("contacts", "export", one.student.ref, "--pdf", str(file), "--out", str(other))
    assert done.exit_code == ExitStatus.OK, done.output
    assert file.read_bytes().startswith(b"%PDF-") and other.read_bytes().startswith(b"{")
    assert {stat.S_IMODE(each.stat().st_mode) for each in (file, other)} == {0o600}
    assert run("contacts", "export", one.student.ref, "--pdf", str(file)).exit_code == ExitStatus.UNUSABLE
    same = tmp_path / "same"
    assert run("contacts", "export", one.student.ref, "--pdf", str(same), "--out", str(same)).exit_code == 2
    assert not same.exists()
