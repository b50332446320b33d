"""The benchmark's table: one row a comparison, with its goal, what was measured, and whether the goal is met. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum


class Bound(StrEnum):
    AT_LEAST = "at least"
    AT_MOST = "at most"
    UNDER = "under"


class Verdict(StrEnum):
    MET = "met"
    MISSED = "MISSED"
    TOLD = "told"  # for information: there is no goal
    NOT_MEASURED = "not measured"


@dataclass(frozen=True, slots=True)
class Goal:
    bound: Bound
    number: float

    def met_by(self, measured: float) -> bool:
        match self.bound:
            case Bound.AT_LEAST:
                return measured >= self.number
            case Bound.AT_MOST:
                return measured <= self.number
            case Bound.UNDER:
                return measured < self.number


def at_least(number: float) -> Goal:
    return Goal(Bound.AT_LEAST, number)


def at_most(number: float) -> Goal:
    return Goal(Bound.AT_MOST, number)


def under(number: float) -> Goal:
    return Goal(Bound.UNDER, number)


@dataclass(frozen=True, slots=True)
class Row:
    """`measured` in `unit` (empty: a ratio). `detail`: the figures behind it, or why nothing was measured.

    `figures`: those that another program reads from the JSON, by name.
    """

    what: str
    measured: float | None
    goal: Goal | None = None
    unit: str = ""
    detail: str = ""
    figures: Mapping[str, float] = field(default_factory=dict)

    @property
    def verdict(self) -> Verdict:
        if self.measured is None:
            return Verdict.NOT_MEASURED
        if self.goal is None:
            return Verdict.TOLD
        return Verdict.MET if self.goal.met_by(self.measured) else Verdict.MISSED

    @property
    def goal_words(self) -> str:
        return "–" if self.goal is None else f"{self.goal.bound} {_number(self.goal.number)}{self._unit}"

    @property
    def measured_words(self) -> str:
        if self.measured is None:
            return "–"
        words = _number(self.measured)
        # What missed its goal by a hair must not be printed as the goal.
        if self.goal is not None and self.verdict is Verdict.MISSED and words == _number(self.goal.number):
            words = f"{self.measured:.6g}"
        return f"{words}{self._unit}"

    @property
    def _unit(self) -> str:
        return f" {self.unit}" if self.unit else ""

    def as_json(self) -> dict[str, object]:
        return {
            "what": self.what,
            "goal": None if self.goal is None else {"bound": self.goal.bound.value, "number": self.goal.number},
            "measured": self.measured,
            "unit": self.unit,
            "verdict": self.verdict.value,
            "detail": self.detail,
            **({"figures": dict(self.figures)} if self.figures else {}),
        }


def as_text(rows: Sequence[Row]) -> str:
    """The table for a terminal: what / goal / measured / met, and the figures behind each row in a line below it."""
    head = ("what", "goal", "measured", "met")
    cells = [head, *((row.what, row.goal_words, row.measured_words, row.verdict.value) for row in rows)]
    widths = [max(len(line[column]) for line in cells) for column in range(len(head))]
    lines = ["  ".join(text.ljust(width) for text, width in zip(line, widths, strict=True)).rstrip() for line in cells]
    printed = [lines[0], "  ".join("-" * width for width in widths)]
    for row, line in zip(rows, lines[1:], strict=True):
        printed.append(line)
        if row.detail:
            printed.append(f"    {row.detail}")
    return "\n".join(printed)


def as_markdown(rows: Sequence[Row]) -> str:
    """The same table for the documentation."""
    lines = ["| what | goal | measured | met | figures |", "|---|---|---|---|---|"]
    lines += [f"| {r.what} | {r.goal_words} | {r.measured_words} | {r.verdict.value} | {r.detail} |" for r in rows]
    return "\n".join(lines)


def _number(value: float) -> str:
    if abs(value) >= 100:
        return f"{value:,.0f}"
    if abs(value) >= 10:
        return f"{value:.1f}"
    return f"{value:.2f}" if abs(value) >= 0.1 or value == 0 else f"{value:.3f}"
