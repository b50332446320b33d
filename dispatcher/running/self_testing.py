"""The self-test of each week, where the settings name staff: begun at its time, ended, and told of when it fails."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Collection, Iterable
from typing import Final

import structlog
from sqlalchemy import select

from config.clock import db_now
from config.database import Database
from config.errors import BeredskapError
from config.settings import Settings
from config.spare_sections import SelfTestSettings
from dispatcher.codes import SelfTestResult
from dispatcher.reports.acts import PROGRAM
from dispatcher.routine import self_test
from dispatcher.routine.self_test_alarm import address_ids, alarm_addresses, tell
from dispatcher.routine.self_test_rules import is_due, why_not
from dispatcher.running.dead_mans_switch import ping
from dispatcher.running.presence import take_lease

log = structlog.get_logger(__name__)

LOOK_SECONDS: Final = 15.0
# How long whoever watches one has to write down its end, before the round does so and raises the alarm.
_WATCHED_SECONDS: Final = 60.0
_REFUSED_SECONDS: Final = 3600.0
_LEASE: Final = "self-test"
_LEASE_SECONDS: Final = 60.0


class WeeklySelfTest:
    """The self-tests of one process. Of several processes one begins and ends them."""

    def __init__(self, database: Database, settings: Settings, section: SelfTestSettings, holder: str) -> None:
        self._database = database
        self._settings = settings
        self._section = section
        self._holder = holder
        self._not_before = 0.0

    def look(self) -> None:
        """End what has ended, and begin if it is time; nothing when another process does. Raises what the database
        raises."""
        with self._database.write() as connection:
            if not take_lease(connection, _LEASE, self._holder, _LEASE_SECONDS):
                return
        self._end()
        if self._due():
            self._begin()

    def _due(self) -> bool:
        if time.monotonic() < self._not_before:
            return False
        with self._database.read() as connection:
            now = connection.execute(select(db_now())).scalar_one()
            weekday, at = self._section.weekday, self._section.time
            if not is_due(now, weekday, at, None) or self_test.actual_alert(connection) is not None:
                return False
            last = self_test.latest(connection)
            return last is None or is_due(now, weekday, at, last.begun_at)

    def _begin(self) -> None:
        try:
            test_id = self_test.begin(self._database, self._settings, operator=PROGRAM)
        except BeredskapError as error:
            # As long as the settings are as they are, it would be the same with every look.
            self._not_before = time.monotonic() + _REFUSED_SECONDS
            log.error("self_test_not_begun", what=error.what)
            return
        log.info("self_test_begun", self_test=test_id)

    def _end(self) -> None:
        with self._database.read() as connection:
            tests = [self_test.read(connection, one) for one in self_test.unended(connection)]
        ended = [one for one in tests if one.result is not None and not _is_watched(one)]
        for test in ended:
            self._end_one(test)

    def _end_one(self, test: self_test.SelfTestNow) -> None:
        failed = test.result is SelfTestResult.FAILED
        addresses = address_ids(self._database, alarm_addresses(self._settings)) if failed else []
        with self._database.write() as connection:
            if not self_test.end(connection, test):
                return
            if failed:
                tell(connection, test, addresses, self._settings.organisation.default_language)
        say(test, told=len(addresses))
        ping_after(test, self._section)


def _is_watched(test: self_test.SelfTestNow) -> bool:
    """Whether a person began it, and has had no time yet to see how it ended."""
    return test.operator != PROGRAM and (test.now - test.until).total_seconds() < _WATCHED_SECONDS


def say(test: self_test.SelfTestNow, *, told: int) -> None:
    """Write into the log how a self-test ended: the way and the code of what did not arrive, and no address."""
    if test.result is SelfTestResult.FAILED:
        for way, reason in _distinct((one.way, why_not(one)) for one in test.failed):
            log.error("self_test_failed", self_test=test.id, way=way, reason=reason, told=told)
        return
    log.info("self_test_ended", self_test=test.id, result=test.result and test.result.value)


def ping_after(test: self_test.SelfTestNow, section: SelfTestSettings) -> None:
    """Keep the dead man's switch of the self-tests quiet, when this one has passed."""
    if test.result is SelfTestResult.PASSED and section.ping_url.get_secret_value():
        asyncio.run(ping(section.ping_url))


def _distinct(pairs: Iterable[tuple[str, str]]) -> Collection[tuple[str, str]]:
    return dict.fromkeys(pairs)
