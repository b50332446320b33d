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
    """The answers of one round of look-ups, in the order in which they came. Iterated: their names and items."""

    def __init__(self, live: LiveRegister, list_name: str) -> None:
        self._live = live
        self._list = list_name
        self._packed: list[bytes] = []
        self._digest = hashlib.sha256()

    @property
    def server(self) -> str:
        return urlsplit(self._live.settings.base_url).hostname or ""

    @property
    def digest(self) -> str:
        """SHA-256 over what is kept."""
        return self._digest.hexdigest()

    def add(self, items: Sequence[object]) -> None:
        body = json.dumps(items, ensure_ascii=False, separators=(",", ":")).encode("utf-8", "surrogatepass")
        self._digest.update(body)
        self._packed.append(zlib.compress(body, 1))

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
        for number, packed in enumerate(self._packed, 1):
            yield f"answer {number}", json.loads(zlib.decompress(packed).decode("utf-8", "surrogatepass"))


def unreadable(live: LiveRegister) -> RegisterError:
    return RegisterError(
        f"{live.register.subject} answered with something that cannot be read.",
        remedy=f"Check {live.register.section}.base_url; if it is right, ask whoever runs the register.",
    )


def batches(numbers: Sequence[str]) -> Iterator[Sequence[str]]:
    for start in range(0, len(numbers), BATCH):
        yield numbers[start : start + BATCH]
