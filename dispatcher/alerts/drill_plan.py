"""The drills of a school year: what the plan asks of each school, what was held, and what is overdue (pure)."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from enum import StrEnum
from typing import Final, Protocol

# The Norwegian school year begins on 1 August (opplæringslova).
_FIRST_MONTH: Final = 8


class DrillStatus(StrEnum):
    """Where a drill of the plan stands. DUE: its day or month is here."""

    OVERDUE = "overdue"
    DUE = "due"
    PLANNED = "planned"
    DONE = "done"
    UNPLANNED = "unplanned"  # held, and not in the plan


class PlannedDrill(Protocol):
    """One entry of the plan in the settings, for every year. No `day`: in the course of the month."""

    @property
    def scenario(self) -> str: ...
    @property
    def month(self) -> int: ...
    @property
    def day(self) -> int | None: ...


@dataclass(frozen=True, slots=True)
class HeldDrill:
    """An exercise that was sent: the number of its alert, and when."""

    number: str
    scenario: str
    on: date


@dataclass(frozen=True, slots=True)
class Drill:
    """One drill of one school in one school year. `begins` and `ends`: the first and the last day on which the plan
    has it; of an unplanned one, the day on which it was held."""

    scenario: str
    begins: date
    ends: date
    status: DrillStatus
    held: HeldDrill | None = None


def school_year(on: date) -> int:
    """The year in which the school year of that day began."""
    return on.year if on.month >= _FIRST_MONTH else on.year - 1


def first_day(year: int) -> date:
    """The day on which the school year begins; of the next one, the first that is no longer in it."""
    return date(year, _FIRST_MONTH, 1)


def window(planned: PlannedDrill, year: int) -> tuple[date, date]:
    """The first and the last day on which a drill is planned in the school year that begins in `year`."""
    year = year if planned.month >= _FIRST_MONTH else year + 1
    following = date(year + planned.month // 12, planned.month % 12 + 1, 1)
    last = following - timedelta(days=1)
    if planned.day is None:
        return last.replace(day=1), last
    day = last.replace(day=min(planned.day, last.day))  # 29 February
    return day, day


def drills_of(planned: Iterable[PlannedDrill], held: Iterable[HeldDrill], year: int, today: date) -> list[Drill]:
    """The drills of one school in a school year, by their day.

    An exercise counts for the first drill of the plan with its scenario that none has been counted for, early or late.
    """
    left = sorted((one for one in held if school_year(one.on) == year), key=lambda one: (one.on, one.number))
    found = []
    for one in sorted(planned, key=lambda one: window(one, year)):
        begins, ends = window(one, year)
        done = next((drill for drill in left if drill.scenario == one.scenario), None)
        if done is not None:
            left.remove(done)
        found.append(Drill(one.scenario, begins, ends, _status(begins, ends, today, done), done))
    found += [Drill(one.scenario, one.on, one.on, DrillStatus.UNPLANNED, one) for one in left]
    return sorted(found, key=lambda one: (one.begins, one.ends, one.scenario))


def _status(begins: date, ends: date, today: date, done: HeldDrill | None) -> DrillStatus:
    if done is not None:
        return DrillStatus.DONE
    if ends < today:
        return DrillStatus.OVERDUE
    return DrillStatus.DUE if begins <= today else DrillStatus.PLANNED


def next_of(drills: Sequence[Drill]) -> Drill | None:
    """The drill that is to be held next: what is overdue comes first."""
    return next((one for one in drills if one.held is None), None)
