"""What a register answered, kept until it is imported: in memory and packed, never on a disk.

A thousand documents are some megabytes of text that repeats itself; packed, a county's students fit into a few.
"""

from __future__ import annotations

import hashlib
import json
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from urllib.parse import urlsplit

from contacts.registers.calls import LiveRegister, Reply
from contacts.registers.register import RegisterError

# The most whom one call may be about, at both registers.
BATCH = 1000


@dataclass(frozen=True, slots=True)
class Answer:
    """What one call was answered, or a portion of it. `name`: what it is called where something of it is refused.

    `in_part`: only some parts of its items were asked for, so that the others' absence says nothing.
    """

    name: str
    items: list[object]
    in_part: bool


class Answers:
    """The answers of one round of look-ups, in the order in which they came; may be gone through again and again."""

    def __init__(self, live: LiveRegister, list_name: str) -> None:
        self._live = live
        self._list = list_name
        self._packed: list[tuple[bytes, bool]] = []
        self._digest = hashlib.sha256()

    @property
    def server(self) -> str:
        return urlsplit(self._live.settings.base_url).hostname or ""

    @property
    def digest(self) -> str:
        """SHA-256 over what is kept."""
        return self._digest.hexdigest()

    def add(self, items: Sequence[object], *, in_part: bool = False) -> None:
        body = json.dumps(items, ensure_ascii=False, separators=(",", ":")).encode("utf-8", "surrogatepass")
        self._digest.update(body)
        self._packed.append((zlib.compress(body, 1), in_part))

    def items_of(self, reply: Reply) -> list[object]:
        """What a reply tells. Raises RegisterError when it is none of this register's answers."""
        try:
            told = json.loads(reply.body)
        except (ValueError, RecursionError):
            told = None
        items = told.get(self._list) if isinstance(told, dict) else None
        if not isinstance(items, list):
            raise unreadable(self._live)
        return items

    def __iter__(self) -> Iterator[Answer]:
        return (self._unpacked(number) for number in range(len(self._packed)))

    def portions(self, size: int, *, in_part: bool) -> Iterator[Answer]:
        """Those of which only some parts were asked for, or the others, in portions of at most `size` items."""
        for number, (_, so) in enumerate(self._packed):
            if so is in_part:
                answer = self._unpacked(number)
                for start in range(0, len(answer.items), size):
                    yield replace(answer, items=answer.items[start : start + size])

    def _unpacked(self, number: int) -> Answer:
        packed, in_part = self._packed[number]
        items = json.loads(zlib.decompress(packed).decode("utf-8", "surrogatepass"))
        return Answer(f"answer {number + 1}", items, in_part)


def unreadable(live: LiveRegister) -> RegisterError:
    return RegisterError(
        f"{live.register.subject} answered with something that cannot be read.",
        remedy=f"Check {live.register.section}.base_url; if it is right, ask whoever runs the register.",
    )


def batches(numbers: Sequence[str]) -> Iterator[Sequence[str]]:
    for start in range(0, len(numbers), BATCH):
        yield numbers[start : start + BATCH]
