"""Documents of the population register (Folkeregisteret): files, folders of them, and answers to a bulk look-up.

Source: Skatteetaten, API documentation of Folkeregisteret; a bulk answer is
`{"oppslag": [{"foedselsEllerDNummer": …, "folkeregisterperson": {…}}]}`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import Final

from contacts.imports.freg_person import document_records
from contacts.imports.json_answers import Answers, json_files
from contacts.imports.person_steps import REGISTER
from contacts.imports.records import NIN, Identifier, Place, Reading, Record, Refusal
from contacts.national_id import NationalId

FORMAT: Final = "freg"
_LIST = "oppslag"
_PERSON = "folkeregisterperson"
_NUMBERS = "identifikasjonsnummer"
_FOLDER = "Give the folder of the register's documents."
_CODE = re.compile(r"[A-Za-z0-9-]{1,20}")


def open_freg(paths: tuple[Path, ...], today: date) -> Reading:
    """The documents in `paths`, each a file or a folder of .json files. `today`: the day in Oslo.

    In a folder a file that cannot be used is refused as a record is; named by itself it stops the import: UsageError.
    """
    files = json_files(paths, "the register's documents")
    answers = Answers(
        _LIST,
        is_one=lambda item: _PERSON in item or _NUMBERS in item or "foedselsEllerDNummer" in item,
        records=lambda item, place: _item_records(item, place, today),
        one="document of the population register",
        remedy="Give the JSON answer of Folkeregisteret's API.",
    )
    return Reading(FORMAT, REGISTER, False, answers.read(files), tuple(file.name for file, _ in files))


def _item_records(item: dict[str, object], place: Place, today: date) -> Iterator[Record]:
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
    yield from document_records(document, place, today, asked=number)
