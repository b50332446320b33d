"""Write outcomes as they come, in bulk: the next batch gathers while one is being written."""

from __future__ import annotations

import asyncio
import time
from collections import Counter, defaultdict
from collections.abc import Sequence

import structlog
from sqlalchemy.exc import DataError, DBAPIError, IntegrityError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from tenacity import AsyncRetrying, retry_if_exception, stop_after_delay, wait_exponential

from config.database import Database
from dispatcher.codes import AttemptOutcome
from dispatcher.outbox.claim import Claimed
from dispatcher.outbox.record import Ended, Patience, record_outcomes, release
from dispatcher.outbox.transitions import attempt_outcome

log = structlog.get_logger(__name__)

_BATCH = 500
# So many outcomes are written at once; fewer wait for others so long: a transaction costs more than a row.
_ENOUGH = 400
_GATHER_SECONDS = 0.1
_TELL_SECONDS = 1.0


def _passes(error: BaseException) -> bool:
    """Whether the database is away, or in somebody's way, and may take the same later."""
    return isinstance(error, (DBAPIError, PoolTimeout)) and not isinstance(error, (IntegrityError, DataError))


class Recorder:
    """Takes what became of one sender's claims. Used inside one event loop; `close` waits until all is written."""

    def __init__(self, database: Database, provider: str, patience: Patience, lease_seconds: float) -> None:
        self._database = database
        self._provider = provider
        self._patience = patience
        self._lease_seconds = lease_seconds
        self._waiting: list[Ended | Claimed] = []
        self._news = asyncio.Event()
        self._enough = asyncio.Event()
        self._closed = False
        self._untold: dict[str | None, Counter[str]] = defaultdict(Counter)
        self._told_at = float("-inf")
        self._task = asyncio.create_task(self._run())

    def ended(self, one: Ended) -> None:
        """An attempt ended."""
        self._take(one)

    def unsent(self, claimed: Claimed) -> None:
        """A claim is given back: nothing was handed over."""
        self._take(claimed)

    async def close(self) -> None:
        self._closed = True
        self._news.set()
        self._enough.set()
        await self._task
        self._tell()

    def _take(self, one: Ended | Claimed) -> None:
        self._waiting.append(one)
        self._news.set()
        if len(self._waiting) >= _ENOUGH:
            self._enough.set()

    async def _run(self) -> None:
        while not (self._closed and not self._waiting):
            await self._news.wait()
            self._news.clear()
            if not self._closed:
                await self._gathered()
            while self._waiting:
                batch, self._waiting = self._waiting[:_BATCH], self._waiting[_BATCH:]
                await self._write(batch)

    async def _gathered(self) -> None:
        """Wait until there is enough to write, or for long enough."""
        alarm = asyncio.get_running_loop().call_later(_GATHER_SECONDS, self._enough.set)
        await self._enough.wait()
        alarm.cancel()
        self._enough.clear()

    async def _write(self, batch: Sequence[Ended | Claimed]) -> None:
        """Write, and go on trying until the lease ends: what is not written by then becomes unknown by itself.

        One that the database does not take keeps none of the others back.
        """
        try:
            async for attempt in AsyncRetrying(
                retry=retry_if_exception(_passes),
                wait=wait_exponential(multiplier=0.1, max=2.0),
                stop=stop_after_delay(self._lease_seconds),
                reraise=True,
            ):
                with attempt:
                    await asyncio.to_thread(self._store, batch)
        except Exception as error:  # noqa: BLE001 (a recorder that died would lose all that comes after)
            if len(batch) == 1 or _passes(error):
                log.error("outcomes_not_written", count=len(batch), error=type(error).__name__)
                return
            for one in batch:
                await self._write([one])
        else:
            self._note(batch)

    def _note(self, batch: Sequence[Ended | Claimed]) -> None:
        """It is on record. Told about once a second: at some forty small batches a second the lines would cost more."""
        for one in batch:
            if isinstance(one, Ended):
                self._untold[one.claimed.alert_number][attempt_outcome(one.outcome).value] += 1
            else:
                self._untold[one.alert_number][AttemptOutcome.RELEASED.value] += 1
        if time.monotonic() - self._told_at >= _TELL_SECONDS:
            self._tell()

    def _tell(self) -> None:
        """A line for each alert: how so many of its attempts ended at the provider."""
        for alert, counts in self._untold.items():
            log.info("recorded", alert=alert, provider=self._provider, **counts)
        self._untold.clear()
        self._told_at = time.monotonic()

    def _store(self, batch: Sequence[Ended | Claimed]) -> None:
        ended = [one for one in batch if isinstance(one, Ended)]
        unsent = [one for one in batch if isinstance(one, Claimed)]
        with self._database.write() as connection:
            if ended:
                record_outcomes(connection, ended, self._patience)
            if unsent:
                release(connection, unsent, provider=self._provider)
