"""When a round is due by the schedule of the settings. APScheduler reads it, and knows the clock changes."""

from __future__ import annotations

from datetime import datetime

from config.clock import OSLO
from config.set_aside import wrong_setting


def next_round(schedule: str, since: datetime) -> datetime | None:
    """The first moment after `since` at which the cron expression, in Oslo's time, asks for a round.

    None where there is none, ever. Raises UsageError for an expression that cannot be read.
    """
    if not schedule:
        return None
    # Only here: no command but those of reminders needs it.
    from apscheduler.triggers.cron import CronTrigger

    try:
        trigger = CronTrigger.from_crontab(schedule, timezone=OSLO)
    except ValueError as error:
        raise wrong_setting("reminders.schedule", str(error)[:200]) from None
    # The moment itself was served: the next one is later.
    found: datetime | None = trigger.get_next_fire_time(since, since)
    return found
