"""JSON read one document at a time, however many the file holds: a single one, a list, or a list under one name."""

from __future__ import annotations

import codecs
import json
import re
from collections.abc import Iterator
from pathlib import Path

from contacts.imports.records import shown
from contacts.imports.xml_stream import stopped

_CHUNK = 1 << 18
# A document is some kilobytes; what has not ended after this many characters never will.
_LARGEST = 1 << 24
SPACE = re.compile(r"[ \t\r\n]*")
BETWEEN = re.compile(r"[ \t\r\n]*(,[ \t\r\n]*)?")
_AGAIN = "Fetch it again, or check that the copy was not cut off."


class JsonText:
    """The text of a file, as much of it as is needed."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.buffer = ""
        self.position = 0
        self.ended = False
        self._file = path.open("rb")
        self._decoder = codecs.getincrementaldecoder("utf-8-sig")()

    def close(self) -> None:
        self._file.close()

    def more(self) -> bool:
        """Read on; False at the end of the file. Raises UsageError."""
        if self.ended:
            return False
        chunk = self._file.read(_CHUNK)
        self.ended = not chunk
        try:
            text = self._decoder.decode(chunk, final=False)
            if self.ended and self._decoder.getstate()[0]:
                raise self.cut_off("")
        except UnicodeDecodeError:
            raise stopped(self.path, "is not UTF-8", "Fetch it again, or save it as UTF-8.") from None
        self.buffer = self.buffer[self.position :] + text
        self.position = 0
        return not self.ended

    def skip(self, pattern: re.Pattern[str]) -> str:
        """Go over what matches; the next character, or "" at the end."""
        while True:
            found = pattern.match(self.buffer, self.position)
            end = found.end() if found else self.position
            if end < len(self.buffer) or not self.more():
                self.position = min(end, len(self.buffer))
                return self.buffer[self.position : self.position + 1]

    def value(self, where: str) -> object:
        """The JSON value at the position. Raises UsageError."""
        while True:
            try:
                value, end = json.JSONDecoder().raw_decode(self.buffer, self.position)
            except json.JSONDecodeError as error:
                at_end = error.pos >= len(self.buffer) - 1 or "Unterminated" in error.msg
                if len(self.buffer) - self.position > _LARGEST:
                    raise self.broken(where) from None
                if not self.more():
                    raise (self.cut_off(where) if at_end else self.broken(where)) from None
            except (RecursionError, ValueError):
                # Nested a thousand deep, or a number of thousands of digits.
                raise self.broken(where) from None
            else:
                # A number at the end of what was read so far may go on.
                if end == len(self.buffer) and isinstance(value, int | float) and self.more():
                    continue
                self.position = end
                return value

    def items(self) -> Iterator[object]:
        """The items of the list whose bracket was the last character read. Raises UsageError."""
        number = 0
        while True:
            following = self.skip(BETWEEN)
            where = f"inside document {shown(number + 1)}, "
            if not following:
                raise self.cut_off(where)
            if following == "]":
                self.position += 1
                return
            number += 1
            yield self.value(where)

    def cut_off(self, where: str) -> Exception:
        size = shown(self.path.stat().st_size)
        return stopped(self.path, f"is not complete (the file ends {where or 'at '}byte {size})", _AGAIN)

    def broken(self, where: str) -> Exception:
        return stopped(
            self.path, f"is no well-formed JSON ({where or 'from its beginning'})".replace(", )", ")"), _AGAIN
        )


def json_items(path: Path, list_name: str) -> Iterator[object]:
    """The documents of a file: itself, the items of its list, or the items of its list `list_name`.

    Raises UsageError when it is empty, cut off, not UTF-8 or no JSON; items before that place have been yielded.
    """
    try:
        text = JsonText(path)
    except OSError as error:
        raise stopped(path, f"cannot be read: {error.strerror}", "Check the path and its rights.") from None
    try:
        first = text.skip(SPACE)
        if not first:
            raise stopped(path, "is empty (0 bytes)", _AGAIN)
        opening = re.compile(r"\{\s*" + re.escape(json.dumps(list_name)) + r"\s*:\s*\[")
        listed = opening.match(text.buffer, text.position)
        if first != "[" and not listed:
            yield from _single(text, list_name)
            return
        text.position = listed.end() if listed else text.position + 1
        yield from text.items()
        _check_end(text, object_around=bool(listed))
    finally:
        text.close()


def _single(text: JsonText, list_name: str) -> Iterator[object]:
    value = text.value("")
    if text.skip(SPACE):
        raise text.broken("after its first document, ")
    items = value.get(list_name) if isinstance(value, dict) else None
    if isinstance(items, list):
        yield from items
    else:
        yield value


def _check_end(text: JsonText, *, object_around: bool) -> None:
    """Nothing but the rest of the object around the list may follow; a file cut off there is cut off, too."""
    if object_around:
        while (following := text.skip(BETWEEN)) != "}":
            if not following:
                raise text.cut_off("after its last document, ")
            name = text.value("after its last document, ")
            if not isinstance(name, str) or text.skip(SPACE) != ":":
                raise text.broken("after its last document, ")
            text.position += 1
            text.skip(SPACE)
            text.value("after its last document, ")
        text.position += 1
    if text.skip(SPACE):
        raise text.broken("after its last document, ")
