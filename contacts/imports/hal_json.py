"""Answers of an API that speaks HAL, read one entry at a time: a page of a collection, one resource, or a list of them.

A page is `{"_embedded": {"_entries": […]}, "_links": …, "total_items": 812, …}`, its members in any order.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from contacts.imports.json_stream import BETWEEN, SPACE, JsonText
from contacts.imports.xml_stream import stopped

_EMBEDDED = "_embedded"
_ENTRIES = "_entries"


@dataclass(slots=True)
class Page:
    """What a file says of its collection; known once its entries are through. None: it does not say."""

    total_items: int | None = None


def hal_entries(path: Path, page: Page) -> Iterator[object]:
    """The entries of the file. Raises UsageError when it is empty, cut off, not UTF-8 or no JSON."""
    try:
        text = JsonText(path)
    except OSError as error:
        raise stopped(path, f"cannot be read: {error.strerror}", "Check the path and its rights.") from None
    try:
        first = text.skip(SPACE)
        if not first:
            raise stopped(path, "is empty (0 bytes)", "Fetch it again, or check that the copy was not cut off.")
        if first == "[":
            text.position += 1
            yield from text.items()
        elif first == "{":
            rest: dict[str, object] = {}
            yield from _object(text, (_EMBEDDED, _ENTRIES), rest)
            total = rest.get("total_items")
            if isinstance(total, int):
                page.total_items = total
            if _EMBEDDED not in rest and total is None:
                yield rest
        else:
            raise text.broken("")
        if text.skip(SPACE):
            raise text.broken("after its last entry, ")
    finally:
        text.close()


def _object(text: JsonText, wanted: tuple[str, ...], rest: dict[str, object]) -> Iterator[object]:
    """The items of the list that `wanted` leads to, within the object at the position; its members go into `rest`."""
    text.position += 1
    while (following := text.skip(BETWEEN)) != "}":
        if not following:
            raise text.cut_off("")
        name = text.value("")
        if not isinstance(name, str) or text.skip(SPACE) != ":":
            raise text.broken("")
        text.position += 1
        opens = text.skip(SPACE)
        if name != wanted[0] or opens not in ("{", "["):
            rest[name] = text.value("")
        elif len(wanted) > 1 and opens == "{":
            rest[name] = None
            yield from _object(text, wanted[1:], {})
        elif len(wanted) == 1 and opens == "[":
            rest[name] = None
            text.position += 1
            yield from text.items()
        else:
            raise text.broken("")
    text.position += 1
