"""The audit of every minute: says what is wrong in the log, and keeps the dead man's switch quiet while nothing is."""

from __future__ import annotations

import asyncio
from collections import Counter
from typing import Final

import structlog

from config.database import Database
from config.spare_sections import AuditSettings
from dispatcher.auditing.audit import audit
from dispatcher.auditing.findings import Audit
from dispatcher.metering.meter import SILENT, Meter
from dispatcher.running.dead_mans_switch import ping
from dispatcher.running.presence import take_lease

log = structlog.get_logger(__name__)

AUDIT_SECONDS: Final = 60.0
# The kinds of process that audit; one of them at a time.
AUDITING: Final = ("scheduler", "run")
_LEASE: Final = "audit"
# Longer than the time from one audit to the end of the next: the same process goes on while it lives.
_LEASE_SECONDS: Final = 90.0


class Auditor:
    """The audits of one process. Also when no alert is under way: a switch that falls silent then would cry wolf."""

    def __init__(self, database: Database, settings: AuditSettings, holder: str, meter: Meter = SILENT) -> None:
        self._meter = meter
        self._database = database
        self._settings = settings
        self._holder = holder
        # Alerts that have ended, and whose books this process has seen to agree: they are counted once.
        self._balanced: frozenset[str] = frozenset()

    async def run(self) -> None:
        """Audit once; nothing when another process does. Raises what the database raises: no audit, no ping.

        A finding is logged each minute for as long as it lasts: the last lines of the log then say how things stand.
        """
        if not await asyncio.to_thread(self._begin):
            self._meter.audited(None)
            return
        result = await asyncio.to_thread(self._audit)
        self._meter.audited(Counter(one.code.value for one in result.findings))
        self._balanced = result.balanced
        for one in result.findings:
            log.error("audit_finding", code=one.code.value, alert=one.alert, count=one.count, what=one.what)
        if result.content and self._settings.ping_url.get_secret_value():
            await ping(self._settings.ping_url)

    def _begin(self) -> bool:
        with self._database.write() as connection:
            return take_lease(connection, _LEASE, self._holder, _LEASE_SECONDS)

    def _audit(self) -> Audit:
        return audit(self._database, self._settings.grace_seconds, large_ended=True, counted=self._balanced)
