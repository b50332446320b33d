"""The rounds of reminders, where the settings ask for them: by their schedule, when nobody is disturbed."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Final

import structlog
from sqlalchemy import select

from config.clock import OSLO, db_now
from config.database import Database
from config.errors import UsageError
from config.sections import OrganisationSettings
from config.spare_sections import RemindersSettings
from dispatcher.reports.acts import PROGRAM
from dispatcher.retention.purge import alert_under_way
from dispatcher.routine.firing import next_round
from dispatcher.routine.quiet import quiet
from dispatcher.routine.reminder_status import last_round
from dispatcher.routine.reminder_survey import Policy, survey
from dispatcher.routine.reminders import record_round, remind
from dispatcher.running.presence import give_back, take_lease

log = structlog.get_logger(__name__)

LOOK_SECONDS: Final = 60.0
_LEASE: Final = "reminders"
_LEASE_SECONDS: Final = 3600.0


def say_schedule(schedule: str) -> bool:
    """Write into the log when the next round is due by the clock in Oslo, or what is wrong with the schedule. Whether
    there will be a round, ever."""
    try:
        following = next_round(schedule, datetime.now(UTC))
    except UsageError as error:
        # What the scheduler does besides, alerts need: it goes on without these rounds.
        log.error("reminders_not_scheduled", what=error.what, remedy=error.remedy)
        return False
    if following is None:
        log.info("reminders_not_scheduled", what="reminders.schedule asks for no round")
        return False
    log.info("reminders_scheduled", next_round=f"{following.astimezone(OSLO):%Y-%m-%d %H:%M} in Oslo")
    return True


class ScheduledReminders:
    """The rounds of one process. Several take turns, and one that was made is on record for all of them.

    A round that was due while nothing ran, or while it was quiet, is made as soon as it can be.
    """

    def __init__(
        self,
        database: Database,
        settings: RemindersSettings,
        organisation: OrganisationSettings,
        holder: str,
        stopping: Callable[[], bool],
    ) -> None:
        self._database = database
        self._policy = Policy(organisation, settings)
        self._holder = holder
        self._stopping = stopping
        self._since: datetime | None = None

    def look(self) -> None:
        """Make a round if one is due; the next look goes on when an alert was in the way.

        Raises what the database raises, and UsageError for a schedule that cannot be read.
        """
        with self._database.read() as connection:
            now = connection.execute(select(db_now())).scalar_one()
            # Before the first round of all it is counted from our start.
            self._since = self._since or now
            due = next_round(self._policy.settings.schedule, last_round(connection) or self._since)
            if due is None or due > now or quiet(now, self._policy.settings) is not None:
                return
            if alert_under_way(connection) is not None:
                return
        with self._database.write() as connection:
            if not take_lease(connection, _LEASE, self._holder, _LEASE_SECONDS):
                return
        try:
            self._round()
        finally:
            with self._database.write() as connection:
                give_back(connection, _LEASE, self._holder)

    def _round(self) -> None:
        found = survey(self._database, (), self._policy)
        done = remind(self._database, found, self._policy, operator=PROGRAM, may_go_on=self._may_go_on)
        if not self._may_go_on():
            return
        with self._database.write() as connection:
            record_round(connection, done, operator=PROGRAM, every_school=True)
        counts = {way.value: count for way, count in sorted(done.items())}
        log.info("guardians_reminded", guardians=len(found.guardians), **counts)

    def _may_go_on(self) -> bool:
        if self._stopping():
            return False
        with self._database.read() as connection:
            return alert_under_way(connection) is None
