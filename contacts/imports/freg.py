"""Documents of the population register (Folkeregisteret): files, folders of them, answers to a bulk look-up.

Source: Skatteetaten, API documentation of Folkeregisteret; a bulk answer is
`{"oppslag": [{"foedselsEllerDNummer": …, "folkeregisterperson": {…}}]}`.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import replace
from datetime import date
from itertools import chain
from pathlib import Path
from typing import Final, TypeAlias

from contacts.imports.freg_person import document_records
from contacts.imports.json_answers import Answers, json_files
from contacts.imports.person_steps import REGISTER
from contacts.imports.records import NIN, Identifier, PersonRecord, Place, Reading, Record, Refusal, Unknown
from contacts.national_id import NationalId

FORMAT: Final = "freg"
LIST: Final = "oppslag"
_PERSON = "folkeregisterperson"
_NUMBERS = "identifikasjonsnummer"
_FOLDER = "Give the folder of the register's documents."
_CODE = re.compile(r"[A-Za-z0-9-]{1,20}")

# Of each answer what it is called, and its items.
LiveAnswers: TypeAlias = Iterable[tuple[str, Iterable[object]]]


def open_freg(paths: tuple[Path, ...], today: date) -> Reading:
    """The documents in `paths`, each a file or a folder of .json files. `today`: the day in Oslo.

    In a folder a file that cannot be used is refused as a record is; named by itself it stops the import: UsageError.
    """
    files = json_files(paths, "the register's documents")
    return Reading(FORMAT, REGISTER, False, _answers(today).read(files), tuple(file.name for file, _ in files))


def read_freg(answers: LiveAnswers, basic: LiveAnswers, server: str, today: date) -> Reading:
    """Answers that `server` has just given: of each, what it is called, and its items. `today`: the day in Oslo.

    `basic`: answers for which parental responsibility was not asked. Who was asked about is in the store, or has
    custody of somebody who is: nobody else becomes a student by it.
    """
    records = chain(live_records(answers, today), live_records(basic, today, custody_asked=False))
    return Reading(FORMAT, REGISTER, False, map(_about_the_known, records), (server,))


def live_records(answers: LiveAnswers, today: date, *, custody_asked: bool = True) -> Iterator[Record]:
    """What answers of the register say, as records, whoever it is about."""
    return _answers(today, custody_asked=custody_asked).live(answers)


def _about_the_known(record: Record) -> Record:
    return replace(record, unknown=Unknown.COUNT) if isinstance(record, PersonRecord) else record


def _answers(today: date, *, custody_asked: bool = True) -> Answers:
    return Answers(
        LIST,
        is_one=lambda item: _PERSON in item or _NUMBERS in item or "foedselsEllerDNummer" in item,
        records=lambda item, place: _item_records(item, place, today, custody_asked),
        one="document of the population register",
        remedy="Give the JSON answer of Folkeregisteret's API.",
    )


def _item_records(item: dict[str, object], place: Place, today: date, custody_asked: bool) -> Iterator[Record]:
    asked = item.get("foedselsEllerDNummer") or item.get("personidentifikator")
    number: str | None = None
    if isinstance(asked, str):
        try:
            number = NationalId.parse(asked).number
        except ValueError as error:
            yield Refusal(place, f"the number asked for: {error}")
            return
    document = item if _NUMBERS in item else item.get(_PERSON)
    if not isinstance(document, dict):
        code = next(
            (
                value
                for name in ("kode", "status", "feilkode")
                if isinstance(value := item.get(name), str) and _CODE.fullmatch(value)
            ),
            None,
        )
        about = (Identifier(NIN, number),) if number else ()
        yield Refusal(place, "the register gave no document" + (f" (its code: {code})" if code else ""), about)
        return
    yield from document_records(document, place, today, asked=number, custody_asked=custody_asked)
