"""Doctor's check of reminders: whether they are on, whether their schedule can be read, and when it is due next."""

from __future__ import annotations

from datetime import datetime

from config.clock import OSLO
from config.errors import UsageError
from config.set_aside import usable
from config.settings import Settings
from dispatcher.routine.firing import next_round
from dispatcher.running.doctor import Check, CheckResult, fail, ok, warn


def reminders_result(settings: Settings, now: datetime) -> CheckResult:
    """Alerts go out whatever this says: nothing here but settings is a failure."""
    try:
        section = usable(settings.reminders)
        # Also while they are off: whoever turns them on must not find out by silence.
        following = next_round(section.schedule, now)
    except UsageError as error:
        return fail(Check.REMINDERS, error.what, error.remedy)
    if not section.on:
        return ok(Check.REMINDERS, "off (reminders.on)")
    if not section.schedule:
        return ok(Check.REMINDERS, "on, without a schedule: beredskap remind run sends them")
    if following is None:
        return warn(
            Check.REMINDERS,
            "reminders.schedule names a day that never comes: no round is ever made",
            "Mend it, or empty it and use beredskap remind run.",
        )
    return ok(Check.REMINDERS, f"scheduler or run begins the next round {in_oslo(following)}")


def in_oslo(moment: datetime) -> str:
    """Day and time as the clock in Oslo shows them: "2026-11-30 10:00 in Oslo"."""
    return f"{moment.astimezone(OSLO):%Y-%m-%d %H:%M} in Oslo"
