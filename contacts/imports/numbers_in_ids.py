"""Identity numbers that a source uses as an id, or as what people call a student: found, so that none is readable."""

from __future__ import annotations

import re

from contacts.national_id import NationalId

# One space after the date, as people write it.
_ELEVEN_DIGITS = re.compile(r"(?<![0-9])[0-9]{6}[ \u00a0]?[0-9]{5}(?![0-9])")
_RUN = re.compile(r"[0-9]{6}[ \u00a0]?[0-9]{5}")
# May have eleven digits in a row by chance, and is nobody's number.
_UUID = re.compile(r"(?<![0-9a-f])[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}(?![0-9a-f])", re.IGNORECASE)


def holds_number(text: str) -> bool:
    """Whether an identity number stands in `text`, by itself or as a part of it ("elev/systemid/…")."""
    return any(_is_number(found) for found in _ELEVEN_DIGITS.findall(_UUID.sub("", text)))


def may_hold_number(text: str) -> bool:
    """Whether something in `text` looks like an identity number, mistyped ones too: eleven digits in a row."""
    return _RUN.search(_UUID.sub("", text)) is not None


def _is_number(text: str) -> bool:
    try:
        NationalId.parse(text)
    except ValueError:
        return False
    return True
