"""The crisis boards that are looked at: given to whoever opens the page, and followed for all who watch."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Final

from sqlalchemy.exc import SQLAlchemyError

from config.database import Database
from config.errors import UsageError
from portal.board_readings import KEPT_SECONDS, BoardReadings
from portal.board_shown import Look, Shown

# One cheap statement for each board: so soon a mark is seen by all.
_EVERY_SECONDS: Final = 0.25
_STILL_THERE_SECONDS: Final = 15.0
# Then the browser asks again by itself, and is asked who it is.
_LONGEST_SECONDS: Final = 300.0
_THREADS: Final = 4
# The alert was reduced to figures: the page asks again, and reads that nobody is on record any more.
_GONE: Final = b"event: gone\ndata: gone\n\n"


@dataclass
class _Watched:
    """One board. `shown`: by language, what its watchers are to have; `changed` is set and replaced when that changes.
    `gone`: figures alone are left of the alert, and nothing is shown any more."""

    alert_id: int
    watchers: list[str] = field(default_factory=list)
    shown: dict[str, Shown] = field(default_factory=dict)
    changed: asyncio.Event = field(default_factory=asyncio.Event)
    task: asyncio.Task[None] | None = None
    gone: bool = False


class Boards:
    """The boards of one application. `events` and `now` belong to its event loop; `close` may be called from there
    alone."""

    def __init__(self, database: Database) -> None:
        self._readings = BoardReadings(database)
        self._threads = ThreadPoolExecutor(_THREADS, thread_name_prefix="board")
        self._watched: dict[int, _Watched] = {}
        self._closed = False

    async def now(self, alert_id: int, look: Look) -> Shown:
        """The board as it is now (`BoardReadings.now`, which says what is raised)."""
        loop = asyncio.get_running_loop()
        loop.call_later(KEPT_SECONDS + 1, self._readings.forget_unused)
        return await loop.run_in_executor(self._threads, self._readings.now, alert_id, look)

    async def events(self, alert_id: int, language: str, version: str) -> AsyncIterator[bytes]:
        """Server-sent events, for some minutes: what makes the board in this language of the one that the watcher has
        (`version`; all of it when that is not known here), at once and whenever it changes; the last one says so when
        the alert is reduced to figures meanwhile."""
        loop = asyncio.get_running_loop()
        until = loop.time() + _LONGEST_SECONDS
        watched = self._watched.setdefault(alert_id, _Watched(alert_id))
        watched.watchers.append(language)
        if watched.task is None:
            watched.task = loop.create_task(self._follow(watched))
        sent = self._readings.seen(alert_id, Look(language), version)
        try:
            while not self._closed and loop.time() < until:
                if watched.gone:
                    yield _GONE
                    return
                changed = watched.changed
                shown = watched.shown.get(language)
                if shown is not None and shown is not sent:
                    event = shown.event_after(sent)
                    sent = shown
                    yield event
                    continue
                try:
                    await asyncio.wait_for(changed.wait(), _STILL_THERE_SECONDS)
                except TimeoutError:
                    yield b": still here\n\n"
        finally:
            watched.watchers.remove(language)
            if not watched.watchers:
                self._end(watched)

    def close(self) -> None:
        """End all events: the application ends, and waits for nobody who watches."""
        self._closed = True
        for watched in list(self._watched.values()):
            watched.changed.set()
            self._end(watched)
        self._threads.shutdown(wait=False)

    def _end(self, watched: _Watched) -> None:
        self._watched.pop(watched.alert_id, None)
        if watched.task is not None:
            watched.task.cancel()
            watched.task = None

    async def _follow(self, watched: _Watched) -> None:
        loop = asyncio.get_running_loop()
        while True:
            began = loop.time()
            try:
                shown = await loop.run_in_executor(self._threads, self._read, watched.alert_id, set(watched.watchers))
            except UsageError:
                watched.gone = True
                watched.changed.set()
                return
            except SQLAlchemyError:
                shown = watched.shown
            if any(watched.shown.get(language) is not one for language, one in shown.items()):
                watched.shown = shown
                watched.changed.set()
                watched.changed = asyncio.Event()
            await asyncio.sleep(max(0.0, began + _EVERY_SECONDS - loop.time()))

    def _read(self, alert_id: int, languages: set[str]) -> dict[str, Shown]:
        return {language: self._readings.now(alert_id, Look(language), patient=True) for language in languages}
