"""When nobody is written to: before and after the hours of the settings, and on the school's holidays (pure)."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date, datetime
from enum import StrEnum

from config.clock import OSLO
from config.spare_sections import RemindersSettings


class Quiet(StrEnum):
    HOURS = "hours"
    HOLIDAY = "holiday"


def quiet(now: datetime, settings: RemindersSettings) -> Quiet | None:
    """Why nobody is written to at the moment `now`; None when guardians may be."""
    here = now.astimezone(OSLO)
    if is_holiday(here.date(), settings.holidays):
        return Quiet.HOLIDAY
    if not settings.hours_from <= here.time() < settings.hours_to:
        return Quiet.HOURS
    return None


def seconds_left(now: datetime, settings: RemindersSettings) -> float:
    """How long guardians may still be written to on this day; `now` is not quiet."""
    here = now.astimezone(OSLO)
    end = datetime.combine(here.date(), settings.hours_to, tzinfo=OSLO)
    return end.timestamp() - now.timestamp()


def is_holiday(day: date, holidays: Iterable[str]) -> bool:
    """Whether `day` is one of `holidays`, which are written as in the settings."""
    for one in holidays:
        first, _, last = one.partition("/")
        if date.fromisoformat(first) <= day <= date.fromisoformat(last or first):
            return True
    return False
