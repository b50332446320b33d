"""What a register answered, kept until it is imported: in memory and packed, never on a disk.

A thousand documents are some megabytes of text that repeats itself; packed, a county's students fit into a few.
"""

from __future__ import annotations

import hashlib
import json
import zlib
from collections.abc import Iterator, Sequence
from urllib.parse import urlsplit

from contacts.registers.calls import LiveRegister, Reply
from contacts.registers.register import RegisterError

# The most whom one call may be about, at both registers.
BATCH = 1000


class Answers:
    """The answers of one round of look-ups, in the order in which they came. Iterated: their names and items.

    `in_part`: answers of which only some parts were asked for, so that the others' absence says nothing.
    """

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

    def __iter__(self) -> Iterator[tuple[str, list[object]]]:
        return (_unpacked(number, packed) for number, (packed, _) in enumerate(self._packed, 1))

    def those(self, *, in_part: bool) -> Iterator[tuple[str, list[object]]]:
        """Those of them that were asked for in part, or the others."""
        numbered = enumerate(self._packed, 1)
        return (_unpacked(number, packed) for number, (packed, so) in numbered if so is in_part)


def _unpacked(number: int, packed: bytes) -> tuple[str, list[object]]:
    return f"answer {number}", json.loads(zlib.decompress(packed).decode("utf-8", "surrogatepass"))


def unreadable(live: LiveRegister) -> RegisterError:
    return RegisterError(
        f"{live.register.subject} answered with something that cannot be read.",
        remedy=f"Check {live.register.section}.base_url; if it is right, ask whoever runs the register.",
    )


def batches(numbers: Sequence[str]) -> Iterator[Sequence[str]]:
    for start in range(0, len(numbers), BATCH):
        yield numbers[start : start + BATCH]
