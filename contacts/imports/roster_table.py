"""One .csv file of a roster, row by row: what vendors write differently is tolerated, what cannot be known is told.

Columns are known by name, in any case and order; unknown ones, `metadata.*` and empty ones at the end are passed over.
"""

from __future__ import annotations

import csv
import io
import re
import unicodedata
from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import Final

from config.errors import UsageError
from contacts.imports.records import Place
from contacts.imports.roster_package import Package
from contacts.imports.xml_stream import stopped

LONGEST_LINE: Final = 1_000_000  # characters; a line without an end would fill the memory
MOST_LINES_A_ROW: Final = 1000  # a quotation mark that is never closed takes in all that follows

LONGEST_ID: Final = 256
_STATES = {"": False, "active": False, "inactive": True, "tobedeleted": True}
# A time of midnight, which some write behind a day, changes nothing about the day.
_DAY = re.compile(r"([0-9]{4}-[0-9]{2}-[0-9]{2})(?:T00:00(?::00(?:\.0+)?)?(?:Z|[+-]00:00)?)?")


class FieldError(Exception):
    """One field of a row: its column, and why it cannot be used. Holds nothing of what was read."""

    def __init__(self, column: str, why: str) -> None:
        super().__init__(f"column {column}: {why}")


class Row:
    """The fields of one line by column. `place` says which line."""

    __slots__ = ("_fields", "_positions", "place")

    def __init__(self, place: Place, positions: dict[str, int], fields: list[str]) -> None:
        self.place = place
        self._positions = positions
        self._fields = fields

    def has(self, column: str) -> bool:
        return column.lower() in self._positions

    def text(self, column: str) -> str:
        """The field without blanks around it; "" when the file has no such column. Raises FieldError."""
        position = self._positions.get(column.lower())
        if position is None:
            return ""
        text = self._fields[position].strip()
        if not text.isprintable() and any(unicodedata.category(letter) == "Cc" for letter in text):
            raise FieldError(column, "a line break or another control character")
        return text

    def key(self, column: str) -> str:
        """An id that must be there. Raises FieldError."""
        text = self.text(column)
        if not text:
            raise FieldError(column, "empty")
        return _short(column, text)

    def keys(self, column: str) -> tuple[str, ...]:
        """The ids of a list, each once. Raises FieldError."""
        texts = (text.strip() for text in self.text(column).split(","))
        return tuple(dict.fromkeys(_short(column, text) for text in texts if text))

    def word(self, column: str) -> str:
        return self.text(column).lower()

    def day(self, column: str) -> date | None:
        """Raises FieldError for all that has more than one reading: 03/04/2008 is two days."""
        text = self.text(column)
        if not text:
            return None
        written = _DAY.fullmatch(text)
        if not written:
            raise FieldError(column, "a date must be written 2008-04-03")
        try:
            day = date.fromisoformat(written[1])
        except ValueError:
            raise FieldError(column, "no such day") from None
        if not 1900 <= day.year <= 2200:
            raise FieldError(column, "no year of ours")
        return day

    def gone(self) -> bool:
        """The source says that it no longer has this. Raises FieldError."""
        state = self.word("status")
        if state not in _STATES:
            raise FieldError("status", "none of active, inactive, tobedeleted")
        return _STATES[state]

    def contents(self, *columns: str) -> bytes:
        """The same for two lines that say the same in these columns."""
        positions = (self._positions.get(column.lower()) for column in columns)
        return "\x1f".join("" if each is None else self._fields[each].strip() for each in positions).encode()


def _short(column: str, text: str) -> str:
    if len(text) > LONGEST_ID:
        raise FieldError(column, f"longer than {LONGEST_ID} characters")
    return text


class _Lines:
    """Lines of a stream, none of them endless, and not endlessly many in one row."""

    def __init__(self, file: Path, text: io.TextIOWrapper) -> None:
        self._file = file
        self._text = text
        self.in_row = 0

    def __iter__(self) -> _Lines:
        return self

    def __next__(self) -> str:
        line = self._text.readline(LONGEST_LINE + 1)
        if not line:
            raise StopIteration
        self.in_row += 1
        if len(line) > LONGEST_LINE or self.in_row > MOST_LINES_A_ROW:
            why = "has a row that does not end" if self.in_row > 1 else "has a line that does not end"
            raise stopped(self._file, why, "Export it again as CSV, and check its quotation marks.")
        return line


def rows(package: Package, name: str, required: tuple[str, ...]) -> Iterator[Row | tuple[Place, str]]:
    """The rows of a file, or of one that is none, its place and why.

    Raises UsageError when the file lacks a required column or is no CSV in UTF-8.
    """
    file = Path(name)
    try:
        with package.open(name.lower()) as raw, io.TextIOWrapper(raw, encoding="utf-8-sig", newline="") as text:
            lines = _Lines(file, text)
            reader = csv.reader(lines, strict=True)
            header = next(reader, None)
            if header is None:
                raise stopped(file, "is empty (0 bytes)", "Export it with its header, or export the roster without it.")
            positions = _positions(file, header, required)
            before = reader.line_num
            lines.in_row = 0
            for fields in reader:
                place = Place(name, f"line {before + 1}")
                before = reader.line_num
                lines.in_row = 0
                if not any(field.strip() for field in fields):
                    continue
                if len(fields) > len(header) and not any(field.strip() for field in fields[len(header) :]):
                    del fields[len(header) :]
                if len(fields) != len(header):
                    yield place, f"it has {len(fields)} columns, the header {len(header)}"
                else:
                    yield Row(place, positions, fields)
    except UnicodeDecodeError:
        raise stopped(file, "is not UTF-8 (perhaps Windows-1252)", "Let the system export it as UTF-8.") from None
    except csv.Error as error:
        cut = "unexpected end" in str(error)
        why = "is not complete (it ends inside quotation marks)" if cut else "is no CSV file with lines and columns"
        raise stopped(file, why, "Export it again, and check that the copy was not cut off.") from None


def _positions(file: Path, header: list[str], required: tuple[str, ...]) -> dict[str, int]:
    positions: dict[str, int] = {}
    for position, written in enumerate(header):
        name = written.strip().lower()
        if name and name in positions:
            raise UsageError(
                f"Import stopped: {file.name} cannot be understood: line 1, column {position + 1} has the name of "
                "another one.",
                remedy="Export it again, with each column once.",
            )
        if name:
            positions[name] = position
    missing = [column for column in required if column.lower() not in positions]
    if missing:
        raise UsageError(
            f"Import stopped: {file.name} has no column {missing[0]} in line 1.",
            remedy="The first line names the columns, separated by commas; docs/imports.md lists those that are read.",
        )
    return positions
