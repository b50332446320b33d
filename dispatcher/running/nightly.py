"""The purge of each night, where the settings ask for it."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from typing import Final

import structlog
from sqlalchemy import select

from config.clock import OSLO, db_now
from config.database import Database
from config.spare_sections import RetentionSettings
from dispatcher.reports.acts import PROGRAM
from dispatcher.retention.purge import Limits, alert_under_way, purge
from dispatcher.running.presence import give_back, take_lease

log = structlog.get_logger(__name__)

LOOK_SECONDS: Final = 300.0
# Between 3 and 4 o'clock in Oslo, which there is once in every night, also in those of the clock change.
_HOUR: Final = 3
_LEASE: Final = "purge"
_LEASE_SECONDS: Final = 3600.0


class NightlyPurge:
    """The purges of one process: one a night. Several processes take turns, and the second finds nothing to do."""

    def __init__(
        self, database: Database, policy: RetentionSettings, holder: str, stopping: Callable[[], bool]
    ) -> None:
        self._database = database
        self._policy = policy
        self._holder = holder
        self._stopping = stopping
        self._done_on: date | None = None

    def look(self) -> None:
        """Purge if it is time; the next look goes on when an alert was in the way. Raises what the database raises."""
        with self._database.write() as connection:
            now = connection.execute(select(db_now())).scalar_one().astimezone(OSLO)
            if now.hour != _HOUR or self._done_on == now.date() or alert_under_way(connection) is not None:
                return
            if not take_lease(connection, _LEASE, self._holder, _LEASE_SECONDS):
                return
        limits = Limits.on(now.date(), self._policy)
        try:
            done = purge(self._database, limits, operator=PROGRAM, stopping=self._stopping)
        finally:
            with self._database.write() as connection:
                give_back(connection, _LEASE, self._holder)
        if done.finished:
            self._done_on = now.date()
            # Each night: after an erasure beside an alert, something may be left to overwrite.
            overwritten = self._database.overwrite_deleted()
            log.info(
                "purged",
                students=done.students,
                guardians=done.guardians,
                alerts=done.alerts,
                overwritten=overwritten,
            )
