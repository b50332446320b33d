"""What an audit says: findings, which a person must look at, and notes, which are as they may be but must be seen."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum


class Code(StrEnum):
    """What can be wrong (findings), or must be seen (notes)."""

    # What should have moved and has not
    PLAN_STALLED = "plan_stalled"
    DUE_WAITING = "due_waiting"
    CLAIM_OVERDUE = "claim_overdue"
    LOOKUP_OVERDUE = "lookup_overdue"
    STEP_OVERDUE = "step_overdue"
    NOT_ENDED = "not_ended"
    LEFT_OVER = "left_over"
    # Books that do not agree
    PLAN_INCOMPLETE = "plan_incomplete"
    UNDECIDED = "undecided"
    ENTITLED_FORGOTTEN = "entitled_forgotten"
    NOBODY_MEANT = "nobody_meant"
    PROGRESS_DIFFERS = "progress_differs"
    EVENTS_DIFFER = "events_differ"
    ATTEMPTS_DIFFER = "attempts_differ"
    # Notes
    LONG_UNKNOWN = "long_unknown"
    UNKNOWN_FOR_GOOD = "unknown_for_good"
    BOOKS_NOT_COUNTED = "books_not_counted"


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that an audit says of one alert (`alert`: its number; None: of routine messages).

    `count`: so many students, decisions or messages, as `what` names them. Names no person and no address.
    """

    code: Code
    alert: str | None
    count: int
    what: str
    remedy: str


@dataclass(frozen=True, slots=True)
class Audit:
    """All that one audit says. `alerts`: the numbers of those it looked at.

    `balanced`: those of them that have ended, and whose books were counted and agree.
    """

    findings: tuple[Finding, ...]
    notes: tuple[Finding, ...]
    alerts: tuple[str, ...]
    balanced: frozenset[str]

    @property
    def content(self) -> bool:
        return not self.findings


def sorted_findings(found: Iterable[Finding]) -> tuple[Finding, ...]:
    """By alert, and then in the order in which the codes stand above."""
    codes = list(Code)
    return tuple(sorted(found, key=lambda one: (one.alert or "", codes.index(one.code), one.what)))


def several(count: int, one: str, more: str) -> str:
    """The count with its noun."""
    return f"{count} {one if count == 1 else more}"
