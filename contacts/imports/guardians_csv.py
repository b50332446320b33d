"""Guardians that a school registers by hand, as CSV: foster parents, appointed ones, contact persons, consents.

The columns are described in docs/imports.md. A file adds and changes; it never ends what is absent from it.
"""

from __future__ import annotations

import csv
import hashlib
import re
import unicodedata
from collections.abc import Iterator
from datetime import date, timedelta
from pathlib import Path
from typing import Final

from config.errors import UsageError
from contacts.addresses import AddressError, parse_email, parse_phone
from contacts.codes import AddressChannel, Basis, ConsentPurpose
from contacts.imports.languages import language
from contacts.imports.records import (
    ID,
    NIN,
    REF,
    STORE_REF,
    ConsentRecord,
    ContactAddress,
    GuardianshipRecord,
    Identifier,
    PersonRecord,
    Place,
    Reading,
    Record,
    Refusal,
)
from contacts.imports.xml_stream import stopped
from contacts.models import LONGEST_EVIDENCE
from contacts.national_id import NationalId

FORMAT: Final = "guardians"
SOURCE: Final = "manual"
COLUMNS: Final = (
    "student",
    "guardian_ref",
    "guardian_nin",
    "given_name",
    "family_name",
    "basis",
    "decision_ref",
    "student_agreed",
    "valid_from",
    "valid_to",
    "consent",
    "consent_date",
    "evidence",
    "phone",
    "email",
    "language",
)
_BASES = {basis.value: basis for basis in (Basis.FOSTER, Basis.APPOINTED, Basis.CONTACT_PERSON)}
_YES = {"yes": True, "ja": True, "true": True, "1": True, "no": False, "nei": False, "false": False, "0": False}
_PERSON_NUMBER = re.compile(r"G-([0-9]{1,15})")
_LONGEST = {"student": 256, "guardian_ref": 200, "given_name": 256, "family_name": 256, "decision_ref": 256}


class _FieldError(Exception):
    """One field of a row: its column, and why."""

    def __init__(self, column: str, why: str) -> None:
        super().__init__(f"column {column}: {why}")


def open_guardians(paths: tuple[Path, ...], today: date) -> Reading:
    """The rows of the files. `today`: the day in Oslo, after which no consent can have been given."""
    return Reading(FORMAT, SOURCE, False, _records(paths, today), tuple(path.name for path in paths))


def _records(paths: tuple[Path, ...], today: date) -> Iterator[Record]:
    for path in paths:
        for number, row in _rows(path):
            place = Place(path.name, f"line {number}")
            if isinstance(row, str):
                yield Refusal(place, row)
                continue
            try:
                yield from _row_records(row, place, today)
            except _FieldError as fault:
                yield Refusal(place, str(fault))


def _rows(path: Path) -> Iterator[tuple[int, dict[str, str] | str]]:
    """Line number and the row by column, or why it cannot be read as a row. Raises UsageError."""
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            first = file.readline()
            if not first.strip():
                raise stopped(
                    path, "is empty" if first else "is empty (0 bytes)", "Fill in the columns of docs/imports.md."
                )
            delimiter = ";" if first.count(";") >= first.count(",") else ","
            header = _header(path, first, delimiter)
            reader = csv.reader(file, delimiter=delimiter, strict=True)
            for fields in reader:
                number = reader.line_num + 1
                if not any(field.strip() for field in fields):
                    continue
                if len(fields) != len(header):
                    yield number, f"it has {len(fields)} columns, the header {len(header)}"
                elif any(field.strip() for name, field in zip(header, fields, strict=True) if not name):
                    yield number, "it has text in a column without a name"
                else:
                    yield number, dict(zip(header, (field.strip() for field in fields), strict=True))
    except UnicodeDecodeError:
        raise stopped(
            path, "is not UTF-8 (perhaps Windows-1252)", 'Save it as "CSV UTF-8" in the spreadsheet.'
        ) from None
    except csv.Error as error:
        cut = "unexpected end" in str(error)
        why = "is not complete (it ends inside quotation marks)" if cut else "is no CSV file with lines and columns"
        raise stopped(path, why, "Save it again as CSV UTF-8, and check that the copy was not cut off.") from None
    except OSError as error:
        raise stopped(path, f"cannot be read: {error.strerror}", "Check the path and its rights.") from None


def _header(path: Path, line: str, delimiter: str) -> list[str]:
    names = [name.strip().lower() for name in next(csv.reader([line], delimiter=delimiter))]
    # Spreadsheets write empty columns after the last one.
    named = [name for name in names if name]
    unknown = [number for number, name in enumerate(names, 1) if name and name not in COLUMNS]
    remedy = f"The columns are: {', '.join(COLUMNS)}; docs/imports.md describes them."
    if unknown or len(set(named)) != len(named):
        which = f"column {unknown[0]} has an unknown name" if unknown else "two columns have one name"
        raise UsageError(f"Import stopped: {path.name} cannot be understood: {which}.", remedy=remedy)
    if "student" not in names or "basis" not in names:
        raise UsageError(f"Import stopped: {path.name} has no column student, or none called basis.", remedy=remedy)
    return names


def _student(ref: str) -> Identifier:
    # As `contacts explain` takes it, and shows it for a student without a ref of the school's.
    number = re.fullmatch(r"S-([0-9]{1,10})", ref)
    return Identifier(STORE_REF, number[1]) if number else Identifier(REF, ref)


def _row_records(row: dict[str, str], place: Place, today: date) -> Iterator[Record]:
    for column, text in row.items():
        if any(unicodedata.category(letter) == "Cc" for letter in text):
            raise _FieldError(column, "a line break or another control character")
    for column, longest in _LONGEST.items():
        if len(row.get(column, "")) > longest:
            raise _FieldError(column, f"longer than {longest} characters")
    if not row["student"]:
        raise _FieldError("student", "empty")
    student = _student(row["student"])
    identifiers = _guardian(row)
    consent = _consent(row, place, student, identifiers[0], today)
    valid_to = _date(row, "valid_to")
    link = GuardianshipRecord(
        place,
        student,
        identifiers[0],
        _basis(row),
        valid_from=_date(row, "valid_from"),
        valid_to=None if valid_to is None else valid_to + timedelta(days=1),
        decision_ref=row.get("decision_ref") or None,
        student_agreed=_yes(row),
        creates_guardian=identifiers[0].scheme == NIN,
    )
    if link.valid_from and link.valid_to and link.valid_from >= link.valid_to:
        raise _FieldError("valid_to", "before valid_from")
    contacts = _contacts(row)
    spoken = language(row.get("language"))
    if row.get("language") and spoken is None:
        raise _FieldError("language", "none of nb, nn, se, en")
    if any(row.get(name) for name in ("given_name", "family_name")) or contacts or spoken or len(identifiers) > 1:
        yield PersonRecord(
            place,
            identifiers,
            given_name=row.get("given_name", ""),
            family_name=row.get("family_name", ""),
            language=spoken,
            contacts=contacts or None,
            # A row adds addresses; which of the old ones still hold is not for it to say.
            contacts_spared=(AddressChannel.SMS, AddressChannel.EMAIL),
        )
    yield link
    if consent:
        yield consent


def _guardian(row: dict[str, str]) -> tuple[Identifier, ...]:
    """What the guardian is known by, the surest first."""
    found: list[Identifier] = []
    ref = row.get("guardian_ref", "")
    known = _PERSON_NUMBER.fullmatch(ref)
    if known:
        found.append(Identifier(ID, str(int(known[1]))))
    if row.get("guardian_nin"):
        try:
            found.append(Identifier(NIN, NationalId.parse(row["guardian_nin"]).number))
        except ValueError as error:
            raise _FieldError("guardian_nin", str(error)) from None
    if ref and not known:
        found.append(Identifier(SOURCE, f"ref:{ref}"))
    if not found:
        if not row.get("family_name"):
            raise _FieldError("guardian_ref", "empty, and so are guardian_nin and family_name: nobody is named")
        # The same name in another row is another person: only a ref or a number says that two rows mean one.
        named = "\x1f".join((row["student"], row.get("given_name", ""), row["family_name"])).casefold()
        found.append(Identifier(SOURCE, f"name:{hashlib.sha256(named.encode()).hexdigest()}"))
    return tuple(found)


def _basis(row: dict[str, str]) -> Basis:
    text = row["basis"].lower()
    if not text and row.get("consent"):
        return Basis.CONTACT_PERSON
    if text not in _BASES:
        raise _FieldError("basis", f"none of {', '.join(_BASES)}")
    return _BASES[text]


def _yes(row: dict[str, str]) -> bool:
    text = row.get("student_agreed", "").lower()
    if text and text not in _YES:
        raise _FieldError("student_agreed", "neither yes nor no")
    return _YES.get(text, False)


def _date(row: dict[str, str], column: str) -> date | None:
    text = row.get(column, "")
    if not text:
        return None
    # Only this form has one meaning: 03/04/2026 is two days.
    if not re.fullmatch(r"[0-9]{4}-[0-9]{2}-[0-9]{2}", text):
        raise _FieldError(column, "a date must be written 2026-04-03")
    try:
        day = date.fromisoformat(text)
    except ValueError:
        raise _FieldError(column, "no such day") from None
    if not 1900 <= day.year <= 2200:
        raise _FieldError(column, "no year of ours")
    return day


def _consent(
    row: dict[str, str], place: Place, student: Identifier, guardian: Identifier, today: date
) -> ConsentRecord | None:
    text = row.get("consent", "").lower()
    given_on, evidence = _date(row, "consent_date"), row.get("evidence", "")
    if not text:
        if given_on or evidence:
            raise _FieldError("consent", "empty, although there is a consent_date or evidence")
        return None
    if text not in tuple(ConsentPurpose):
        raise _FieldError("consent", f"none of {', '.join(ConsentPurpose)}")
    if given_on is None:
        raise _FieldError("consent_date", "empty: the day on which the student consented")
    if given_on > today:
        raise _FieldError("consent_date", "a day to come")
    if not evidence or len(evidence) > LONGEST_EVIDENCE:
        raise _FieldError("evidence", f"where the consent can be seen, in at most {LONGEST_EVIDENCE} characters")
    return ConsentRecord(place, student, guardian, ConsentPurpose(text), given_on, evidence)


def _contacts(row: dict[str, str]) -> tuple[ContactAddress, ...]:
    found: list[ContactAddress] = []
    try:
        if row.get("phone"):
            phone = parse_phone(row["phone"])
            found.append(ContactAddress(AddressChannel.SMS, phone.e164, phone.can_take_sms))
    except AddressError as error:
        raise _FieldError("phone", error.words) from None
    try:
        if row.get("email"):
            found.append(ContactAddress(AddressChannel.EMAIL, parse_email(row["email"]).key))
    except AddressError as error:
        raise _FieldError("email", error.words) from None
    return tuple(found)
