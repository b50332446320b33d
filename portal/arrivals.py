"""What providers tell on its way into the database: what comes within a moment shares one transaction, and each call is
answered after its commit. An answer therefore means that it is stored, in a burst of ten thousand as well.
"""

from __future__ import annotations

import asyncio
import functools
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Generic, TypeVar

from sqlalchemy import Connection
from sqlalchemy.exc import DBAPIError, InterfaceError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from config.database import Database
from dispatcher.metering.meter import SILENT, Meter
from dispatcher.metering.receipts_told import CALLBACK, tell_of_receipts
from dispatcher.outbox.receipts import Arrived, take_receipts

T = TypeVar("T")
R = TypeVar("R")

# Serialization failures and deadlocks of PostgreSQL: the database is there, and the next try goes well.
_TRY_AGAIN = "40"


class NotStored(Exception):  # noqa: N818 (an answer that the caller must expect)
    """It was not stored in time: the provider shall send it again. It may have been stored all the same."""


class Gathering(Generic[T, R]):
    """Takes what comes inside one event loop, and has it written by `write` in one thread of its own.

    `write` stores several in the transaction that it is given, and returns what became of each. `gather_seconds`: how
    long the first of a batch waits for company. `answer_seconds`: after which a caller is told that theirs was not
    stored, whatever the database is doing. `batch`: so many in one transaction. `most_waiting`: what comes beyond these
    is turned away. `stored`: called with each batch after its commit, in the same thread; raises nothing.
    """

    def __init__(
        self,
        database: Database,
        write: Callable[[Connection, Sequence[T]], Sequence[R]],
        *,
        name: str,
        gather_seconds: float = 0.02,
        answer_seconds: float = 5.0,
        batch: int = 500,
        most_waiting: int = 20_000,
        stored: Callable[[Sequence[T]], None] = lambda _batch: None,
    ) -> None:
        self._database = database
        self._write_all = write
        self._stored = stored
        self._gather_seconds = gather_seconds
        self._answer_seconds = answer_seconds
        self._batch = batch
        self._most_waiting = most_waiting
        self._waiting: deque[tuple[T, asyncio.Future[R]]] = deque()
        self._writing: asyncio.Task[None] | None = None
        self._thread = ThreadPoolExecutor(1, thread_name_prefix=name)

    async def store(self, one: T) -> R:
        """Return what became of it when it is committed. Raises NotStored when it is not, because the database is away
        or slow.

        A fault of the program comes out as it is.
        """
        if len(self._waiting) >= self._most_waiting:
            raise NotStored
        loop = asyncio.get_running_loop()
        stored: asyncio.Future[R] = loop.create_future()
        self._waiting.append((one, stored))
        if self._writing is None or self._writing.done():
            self._writing = loop.create_task(self._write_waiting())
        try:
            async with asyncio.timeout(self._answer_seconds):
                return await stored
        except TimeoutError:
            raise NotStored from None

    def close(self) -> None:
        """Give the thread back; a write that is under way ends by itself."""
        self._thread.shutdown(wait=False)

    async def _write_waiting(self) -> None:
        loop = asyncio.get_running_loop()
        while self._waiting:
            await asyncio.sleep(self._gather_seconds)
            taken = [self._waiting.popleft() for _ in range(min(self._batch, len(self._waiting)))]
            # Those that were told already that theirs was not stored will send it again.
            batch = [(one, stored) for one, stored in taken if not stored.done()]
            if not batch:
                continue
            results = await loop.run_in_executor(self._thread, self._write, [one for one, _ in batch])
            for (_, stored), result in zip(batch, results, strict=True):
                if stored.done():
                    continue
                if isinstance(result, Exception):
                    stored.set_exception(result)
                else:
                    stored.set_result(result)

    def _write(self, batch: Sequence[T]) -> list[R | Exception]:
        """For each one what became of it, or why it was not stored."""
        try:
            with self._database.write() as connection:
                done = self._write_all(connection, batch)
        except Exception as error:  # noqa: BLE001 (each one is raised where its request is answered)
            if _database_is_away(error):
                return [NotStored() for _ in batch]
            if len(batch) == 1:
                return [NotStored() if isinstance(error, DBAPIError) and _may_go_well_later(error) else error]
            # One that cannot be stored must not take the others with it.
            return [result for one in batch for result in self._write([one])]
        self._stored(batch)
        return list(done)


class Arrivals(Gathering[Arrived, None]):
    """Takes the receipts of one provider. `options`: those of `Gathering`."""

    def __init__(self, database: Database, provider: str, meter: Meter = SILENT, **options: Any) -> None:
        told = functools.partial(tell_of_receipts, database, meter, provider, CALLBACK)
        super().__init__(database, self._take, name="receipts", stored=told, **options)
        self.provider = provider

    def _take(self, connection: Connection, batch: Sequence[Arrived]) -> list[None]:
        take_receipts(connection, self.provider, batch)
        return [None] * len(batch)


def _database_is_away(error: Exception) -> bool:
    if isinstance(error, PoolTimeout):
        return True
    return isinstance(error, (OperationalError, InterfaceError)) and not _may_go_well_later(error)


def _may_go_well_later(error: DBAPIError) -> bool:
    return str(getattr(error.orig, "sqlstate", None) or "").startswith(_TRY_AGAIN)
