"""What must happen without anybody ringing: leases and alerts run out, unknown ones are looked up, receipts asked for,
and who is not known to have been told gets the next step of their chain.

Any process may do it. A short lease keeps several from doing it at once, which would be waste, not harm.
"""

from __future__ import annotations

import asyncio
import functools
from collections.abc import Sequence

import structlog

from config.database import Database
from contacts.invitations import end_overdue
from dispatcher.alerts.draft import discard_old_drafts
from dispatcher.codes import Lane
from dispatcher.metering.meter import SILENT, Meter
from dispatcher.metering.receipts_told import POLL, tell_of_receipts
from dispatcher.outbox.addresses import mark_failing
from dispatcher.outbox.fallback import take_steps
from dispatcher.outbox.messages import Renderer
from dispatcher.outbox.receipts import match_waiting
from dispatcher.outbox.reconcile import look_up_unknown, poll_receipts
from dispatcher.outbox.record import Patience
from dispatcher.outbox.sweep import nobody_to_ask, sweep
from dispatcher.running.presence import UPKEEP, UPKEEP_SECONDS, take_lease
from dispatcher.running.senders import Sender
from providers.base import Provider

log = structlog.get_logger(__name__)


class Upkeep:
    """The upkeep of one lane, as one process does it."""

    def __init__(
        self,
        database: Database,
        lane: Lane,
        senders: Sequence[Sender],
        renderer: Renderer,
        holder: str,
        patience: Patience,
        idle_seconds: float,
        failing_after: int,
        stale_after_months: int,
        meter: Meter = SILENT,
    ) -> None:
        self._meter = meter
        self._database = database
        self._lane = lane
        self._senders = senders
        self._renderer = renderer
        self._holder = holder
        self._patience = patience
        self._idle_seconds = idle_seconds
        self._failing_after = failing_after
        self._stale_after_months = stale_after_months

    async def run(self) -> None:
        """Do what is due by now; nothing when another process is at it. Raises what the database raises."""
        if not await asyncio.to_thread(self._begin):
            return
        # First: whatever they hold, the rest would wait for it.
        if frozen := await asyncio.to_thread(self._database.end_frozen_copies, self._idle_seconds):
            log.warning("frozen_sessions_ended", count=frozen)
        await asyncio.to_thread(sweep, self._database, self._patience)
        # At once: what several providers do not answer costs the time of one.
        await asyncio.gather(*(self._ask(sender.provider) for sender in self._senders))
        await asyncio.to_thread(self._tidy)
        # Last: receipts that have just been asked for end chains, and should a step fail, all else has been done.
        if self._lane is Lane.ALERTS:
            await asyncio.to_thread(take_steps, self._database, self._stale_after_months)

    async def _ask(self, provider: Provider) -> None:
        await look_up_unknown(self._database, self._lane, provider, self._renderer, self._patience.settle)
        taken = functools.partial(tell_of_receipts, self._database, self._meter, provider.name, POLL)
        await poll_receipts(self._database, self._lane, provider, taken)

    def _begin(self) -> bool:
        with self._database.write() as connection:
            return take_lease(connection, UPKEEP + self._lane.value, self._holder, UPKEEP_SECONDS)

    def _tidy(self) -> None:
        with self._database.write() as connection:
            match_waiting(connection)
            nobody_to_ask(connection, self._lane, {sender.provider.name for sender in self._senders})
            discard_old_drafts(connection)
            mark_failing(connection, self._failing_after)
            if self._lane is Lane.ROUTINE:
                end_overdue(connection)
