"""The chain of the audit log: what an entry's hash is made of, and which entry is the first that does not fit.

Pure. The hash is the same for ever: another one would make every log that there is look falsified.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any, Final

# What the first entry has before it: the head of a log without entries.
NOTHING_BEFORE: Final = "0" * 64
_HASH: Final = re.compile("[0-9a-f]{64}")


@dataclass(frozen=True, slots=True)
class Entry:
    """One act as the log holds it. `number` counts from 1, without gaps; `previous`: the hash of the one before."""

    number: int
    at: datetime
    operator: str
    act: str
    subject: str
    details: Mapping[str, Any]
    previous: str
    hash: str


class FaultCode(StrEnum):
    """How a log can be found not to be the one that was written."""

    CHANGED = "changed"
    UNREADABLE = "unreadable"
    MISSING = "missing"
    OUT_OF_ORDER = "out_of_order"
    FOREIGN = "foreign"
    CUT_OFF = "cut_off"
    NOT_AS_NOTED = "not_as_noted"


@dataclass(frozen=True, slots=True)
class Fault:
    """The first thing that does not fit. `number`: the entry's; None when no single one can be named."""

    code: FaultCode
    number: int | None
    what: str


@dataclass(frozen=True, slots=True)
class Verified:
    """What was found: so many entries fit, `head` is the hash of the last of them."""

    entries: int
    head: str
    fault: Fault | None


class UnreadableEntryError(Exception):
    """Raised by what hands out entries when a stored value is none that Beredskap could have written."""


def as_stored(details: Mapping[str, Any]) -> dict[str, Any]:
    """The details as they come back from a JSON column: only texts as keys, lists instead of tuples.

    Raises TypeError or ValueError for what JSON cannot hold.
    """
    stored = json.loads(json.dumps(dict(details), allow_nan=False))
    assert isinstance(stored, dict)
    return stored


def hash_of(entry: Entry) -> str:
    """SHA-256 (64 hexadecimal digits) over all of an entry but the hash that it holds; details as `as_stored` gives.

    Of the details their own digest goes in: they can one day be taken out of an entry, and the digest left there,
    without a break in the chain.
    """
    return _digest(
        {
            "number": entry.number,
            "at": entry.at.astimezone(UTC).isoformat(timespec="microseconds"),
            "operator": entry.operator,
            "act": entry.act,
            "subject": entry.subject,
            "details": _digest(entry.details),
            "previous": entry.previous,
        }
    )


def is_hash(value: object) -> bool:
    """Whether this can be the hash of an entry: 64 hexadecimal digits."""
    return isinstance(value, str) and _HASH.fullmatch(value) is not None


def chained(
    *, number: int, at: datetime, operator: str, act: str, subject: str, details: Mapping[str, Any], previous: str
) -> Entry:
    """The entry with its hash. Raises TypeError or ValueError for details that JSON cannot hold."""
    entry = Entry(number, at, operator, act, subject, as_stored(details), previous, hash="")
    return replace(entry, hash=hash_of(entry))


def verify_chain(entries: Iterable[Entry], *, appended: int, noted: str | None = None) -> Verified:
    """Whether `entries`, in the order of their numbers, are all that was written, as it was written.

    `appended`: how many the database counted while they were written. `noted`: a head that was noted elsewhere; one
    of the entries must still have it.
    """
    count, head = 0, NOTHING_BEFORE
    seen = noted is None or noted == head
    try:
        for entry in entries:
            fault = _fault(entry, count, head)
            if fault is not None:
                return Verified(count, head, fault)
            count, head = entry.number, entry.hash
            seen = seen or head == noted
    except UnreadableEntryError:
        what = f"Entry {count + 1} cannot be read: it was changed after it was written."
        return Verified(count, head, Fault(FaultCode.UNREADABLE, count + 1, what))
    return Verified(count, head, _fault_at_end(count, appended, seen=seen))


def _fault(entry: Entry, before: int, head: str) -> Fault | None:
    number = entry.number
    if number > before + 1:
        last = number - 1
        which = f"Entry {last} is" if last == before + 1 else f"Entries {before + 1} to {last} are"
        return Fault(FaultCode.MISSING, before + 1, f"{which} missing.")
    if number <= before:
        return Fault(FaultCode.FOREIGN, number, f"Entry {number} was not written by Beredskap: numbers begin with 1.")
    if not _has_its_hash(entry):
        return Fault(FaultCode.CHANGED, number, f"Entry {number} was changed after it was written.")
    if entry.previous != head:
        what = f"Entry {number} does not follow on the one before it: one of the two was put there in another's place."
        return Fault(FaultCode.OUT_OF_ORDER, number, what)
    return None


def _has_its_hash(entry: Entry) -> bool:
    try:
        return hash_of(entry) == entry.hash
    except ValueError:  # NaN: SQLite keeps it, and no entry that was written has it
        return False


def _fault_at_end(count: int, appended: int, *, seen: bool) -> Fault | None:
    if count < appended:
        which = f"Entry {appended} is" if appended == count + 1 else f"Entries {count + 1} to {appended} are"
        return Fault(FaultCode.CUT_OFF, count + 1, f"{which} missing at the end.")
    if count > appended:
        what = f"Entry {appended + 1} was not written by Beredskap, which has counted {appended}."
        return Fault(FaultCode.FOREIGN, appended + 1, what)
    if not seen:
        what = "No entry has the hash that was noted: the end was cut off since, or the log was written anew."
        return Fault(FaultCode.NOT_AS_NOTED, None, what)
    return None


def _digest(document: Mapping[str, Any]) -> str:
    text = json.dumps(document, sort_keys=True, separators=(",", ":"), ensure_ascii=True, allow_nan=False)
    return hashlib.sha256(text.encode("ascii")).hexdigest()
