"""XML read as a stream of finished elements, with its faults told in words: cut off, wrong encoding, no XML, a DTD.

A document type declaration can only stand before the first element. The prologue is therefore read by a parser of its
own, which stops at the first declaration or element; without a declaration there are no entities to expand and no
outside files to fetch, and the fast parser may go on.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache
from pathlib import Path
from typing import BinaryIO, cast
from xml.etree.ElementTree import Element, ParseError, XMLPullParser
from xml.parsers import expat

from config.errors import UsageError
from contacts.imports.records import shown

_CHUNK = 1 << 16
_AT_END = {
    expat.errors.codes[expat.errors.XML_ERROR_NO_ELEMENTS],
    expat.errors.codes[expat.errors.XML_ERROR_UNCLOSED_TOKEN],
    expat.errors.codes[expat.errors.XML_ERROR_PARTIAL_CHAR],
    expat.errors.codes[expat.errors.XML_ERROR_UNCLOSED_CDATA_SECTION],
}
_UNDEFINED_ENTITY = expat.errors.codes[expat.errors.XML_ERROR_UNDEFINED_ENTITY]
_INVALID = expat.errors.codes[expat.errors.XML_ERROR_INVALID_TOKEN]
_UNKNOWN_ENCODING = {
    expat.errors.codes[expat.errors.XML_ERROR_UNKNOWN_ENCODING],
    expat.errors.codes[expat.errors.XML_ERROR_INCORRECT_ENCODING],
}


class _FoundError(Exception):
    """The prologue is over."""

    def __init__(self, *, declaration: bool) -> None:
        self.declaration = declaration


def stopped(file: Path, why: str, remedy: str) -> UsageError:
    """The error of a file that cannot be used as a whole."""
    return UsageError(f"Import stopped: {file.name} {why}.", remedy=remedy)


_AGAIN = "Export the file again, or check that the copy was not cut off."


@lru_cache(maxsize=1024)
def local(tag: str) -> str:
    """The name of an element without its namespace."""
    return tag.rpartition("}")[2]


def stream(path: Path, inside: Position) -> Iterator[tuple[str, Element]]:
    """("start" | "end", element) of all elements of the file. The caller clears what it has used.

    `inside` is kept by the caller, to tell where a file ends that is cut off. Raises UsageError.
    """
    try:
        with path.open("rb") as file:
            _check_prologue(path, file)
            file.seek(0)
            parser: XMLPullParser[Element] = XMLPullParser(("start", "end"))
            try:
                while chunk := file.read(_CHUNK):
                    parser.feed(chunk)
                    # A fault in the chunk comes after the elements that were finished before it.
                    yield from _events(parser)
                parser.close()
                yield from _events(parser)
            except ParseError as error:
                raise _explain(path, error.code, inside) from None
    except OSError as error:
        raise stopped(path, f"cannot be read: {error.strerror}", "Check the path and its rights.") from None


def _events(parser: XMLPullParser[Element]) -> Iterator[tuple[str, Element]]:
    # Of these two kinds of event, each has an element.
    return cast("Iterator[tuple[str, Element]]", parser.read_events())


class Position:
    """Which record a stream is in; for the words about a file that is cut off."""

    __slots__ = ("name", "number")

    def __init__(self) -> None:
        self.name = ""
        self.number = 0

    def __str__(self) -> str:
        return f"inside <{self.name}> {shown(self.number)}, " if self.name else ""


def _check_prologue(path: Path, file: BinaryIO) -> None:
    if path.stat().st_size == 0:
        raise stopped(path, "is empty (0 bytes)", _AGAIN)

    def declaration(*_: object) -> None:
        raise _FoundError(declaration=True)

    def element(*_: object) -> None:
        raise _FoundError(declaration=False)

    parser = expat.ParserCreate()
    parser.StartDoctypeDeclHandler = declaration
    parser.StartElementHandler = element
    try:
        while chunk := file.read(_CHUNK):
            parser.Parse(chunk, False)
        parser.Parse(b"", True)
    except _FoundError as found:
        if found.declaration:
            raise stopped(
                path,
                "has a document type declaration (DTD), which could make it fetch or expand what is not in the file",
                "Export it without one.",
            ) from None
    except (LookupError, ValueError):
        # An encoding that Python does not know, or one of several bytes a character that expat does not.
        raise _wrong_encoding(path) from None
    except expat.ExpatError as error:
        raise _explain(path, error.code, Position()) from None


def _wrong_encoding(path: Path) -> UsageError:
    return stopped(path, "is not in the encoding that it names (or UTF-8)", "Export the file again as UTF-8.")


def _explain(path: Path, code: int, inside: Position) -> UsageError:
    size = path.stat().st_size
    if code in _UNKNOWN_ENCODING or (code == _INVALID and not _is_utf8(path)):
        return _wrong_encoding(path)
    if code == _UNDEFINED_ENTITY:
        return stopped(path, f"uses an entity that is not defined ({inside}XML)", "Export the file again.")
    if code in _AT_END or (code == _INVALID and _cut_in_markup(path)):
        if not _starts_as_xml(path):
            return stopped(path, "is no XML file", "Give the file that the administrative system exported.")
        return stopped(path, f"is not complete (the file ends {str(inside) or 'at '}byte {shown(size)})", _AGAIN)
    if not _starts_as_xml(path):
        return stopped(path, "is no XML file", "Give the file that the administrative system exported.")
    return stopped(path, f"is no well-formed XML ({inside}{expat.ErrorString(code)})", "Export the file again.")


def _starts_as_xml(path: Path) -> bool:
    with path.open("rb") as file:
        head = file.read(64)
    return head.lstrip(b"\xef\xbb\xbf\xff\xfe\x00 \t\r\n").startswith(b"<")


def _cut_in_markup(path: Path) -> bool:
    """The file ends within a tag: its last "<" has no ">" after it."""
    with path.open("rb") as file:
        file.seek(max(0, path.stat().st_size - _CHUNK))
        tail = file.read()
    return tail.rfind(b"<") > tail.rfind(b">")


def _is_utf8(path: Path) -> bool:
    import codecs

    decoder = codecs.getincrementaldecoder("utf-8")()
    try:
        with path.open("rb") as file:
            head = file.read(2)
            if head in (b"\xff\xfe", b"\xfe\xff"):
                return True
            decoder.decode(head)
            while chunk := file.read(_CHUNK):
                decoder.decode(chunk)
            # A character cut in two at the end is a file cut off, which is told as that.
    except UnicodeDecodeError:
        return False
    return True
