"""The rule of the chain: every way in which a log can be other than it was written is found, and named."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from config.audit_chain import (
    NOTHING_BEFORE,
    Entry,
    FaultCode,
    UnreadableEntryError,
    as_stored,
    chained,
    hash_of,
    verify_chain,
)

MOMENT = datetime(2026, 11, 23, 7, 40, tzinfo=UTC)
SIZE = 5


def log(size: int = SIZE) -> list[Entry]:
    entries: list[Entry] = []
    for number in range(1, size + 1):
        entries.append(
            chained(
                number=number,
                at=MOMENT + timedelta(minutes=number),
                operator="k.leder",
                act="student.release",
                subject=f"student 2B-{number:03d}",
                details={"reason": "vedtak 2026/113", "until": "2026-12-01"},
                previous=entries[-1].hash if entries else NOTHING_BEFORE,
            )
        )
    return entries


def test_a_log_as_it_was_written() -> None:
    entries = log()
    found = verify_chain(entries, appended=SIZE)
    assert (found.entries, found.head, found.fault) == (SIZE, entries[-1].hash, None)
    nothing = verify_chain([], appended=0)
    assert (nothing.entries, nothing.head, nothing.fault) == (0, NOTHING_BEFORE, None)


def test_the_hash_stays_the_same_for_ever() -> None:
    """Another one would make every log that there is look falsified."""
    assert hash_of(log(1)[0]) == "3c2b192ee78caf0f556f3dbae7bfa109966fd1965a040be7d090b025ec1a3513"


OTHER: list[tuple[str, Any]] = [
    ("at", MOMENT),
    ("operator", "k.laerer"),
    ("act", "student.hold"),
    ("subject", "student 2B-999"),
    ("details", {"reason": "vedtak 2026/113", "until": "2026-12-31"}),
    ("details", {"reason": "vedtak 2026/113", "until": "2026-12-01", "more": None}),
    ("details", {"reason": float("nan")}),
    ("hash", "0" * 64),
]


@pytest.mark.parametrize("place", [0, 2, SIZE - 1])
@pytest.mark.parametrize(("column", "value"), OTHER)
def test_a_changed_entry_is_named(place: int, column: str, value: Any) -> None:
    entries = log()
    entries[place] = replace(entries[place], **{column: value})
    found = verify_chain(entries, appended=SIZE)
    assert found.fault is not None
    assert (found.fault.code, found.fault.number, found.entries) == (FaultCode.CHANGED, place + 1, place)


def rehashed(entries: list[Entry]) -> list[Entry]:
    """The third one changed, with the hash that goes with it."""
    changed = replace(entries[2], subject="student 2B-999")
    return [*entries[:2], replace(changed, hash=hash_of(changed)), *entries[3:]]


def exchanged(entries: list[Entry]) -> list[Entry]:
    second, third = (
        replace(entries[1], number=3, previous=entries[2].previous),
        replace(entries[2], number=2, previous=entries[1].previous),
    )
    return [entries[0], replace(third, hash=hash_of(third)), replace(second, hash=hash_of(second)), *entries[3:]]


Falsify = Callable[[list[Entry]], list[Entry]]
FALSIFIED: list[tuple[Falsify, FaultCode, int]] = [
    (rehashed, FaultCode.OUT_OF_ORDER, 4),
    (exchanged, FaultCode.OUT_OF_ORDER, 3),
    (lambda entries: entries[1:], FaultCode.MISSING, 1),
    (lambda entries: [*entries[:1], *entries[3:]], FaultCode.MISSING, 2),
    (lambda entries: entries[:-1], FaultCode.CUT_OFF, SIZE),
    (lambda entries: [], FaultCode.CUT_OFF, 1),
    (lambda entries: [replace(entries[0], number=0), *entries], FaultCode.FOREIGN, 0),
    (lambda entries: log(SIZE + 1), FaultCode.FOREIGN, SIZE + 1),
]


@pytest.mark.parametrize(("falsify", "code", "number"), FALSIFIED)
def test_what_is_missing_put_in_or_elsewhere_is_named(falsify: Falsify, code: FaultCode, number: int) -> None:
    fault = verify_chain(falsify(log()), appended=SIZE).fault
    assert fault is not None
    assert (fault.code, fault.number) == (code, number)
    assert str(number) in fault.what


def test_what_is_missing_is_named_whole() -> None:
    entries = log()
    gap = verify_chain([*entries[:1], *entries[4:]], appended=SIZE).fault
    assert gap is not None and gap.what == "Entries 2 to 4 are missing."
    end = verify_chain(entries[:3], appended=SIZE).fault
    assert end is not None and end.what == "Entries 4 to 5 are missing at the end."


def test_a_head_that_was_noted_must_still_be_there() -> None:
    entries = log()
    for noted in (NOTHING_BEFORE, *(entry.hash for entry in entries)):
        assert verify_chain(entries, appended=SIZE, noted=noted).fault is None
    # Whoever can write to the database can bring its count into line as well.
    fault = verify_chain(entries[:-1], appended=SIZE - 1, noted=entries[-1].hash).fault
    assert fault is not None
    assert (fault.code, fault.number) == (FaultCode.NOT_AS_NOTED, None)


def test_an_entry_that_cannot_be_read_is_the_first_that_does_not_fit() -> None:
    def entries() -> Any:
        yield from log()[:2]
        raise UnreadableEntryError

    found = verify_chain(entries(), appended=SIZE)
    assert found.fault is not None
    assert (found.fault.code, found.fault.number, found.entries) == (FaultCode.UNREADABLE, 3, 2)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
)


@given(details=st.dictionaries(st.text() | st.integers(), JSON))
def test_an_entry_keeps_its_hash_on_the_way_through_a_json_column(details: dict[Any, Any]) -> None:
    stored = as_stored(details)
    assert as_stored(stored) == stored
    one = replace(log(1)[0], details=stored)
    other = replace(one, details=as_stored(dict(reversed(stored.items()))))
    assert hash_of(one) == hash_of(other)


def test_the_zone_in_which_a_moment_is_told_does_not_matter() -> None:
    entry = log(1)[0]
    assert hash_of(replace(entry, at=entry.at.astimezone(timezone(timedelta(hours=2))))) == entry.hash


def test_details_that_json_cannot_hold_are_refused() -> None:
    for details in ({"at": MOMENT}, {"share": float("nan")}):
        with pytest.raises((TypeError, ValueError)):
            as_stored(details)
