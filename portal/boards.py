"""The crisis boards that are looked at: read once for all who open the page at the same time, followed for all who
watch."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Final

import structlog
from sqlalchemy.exc import SQLAlchemyError

from config.database import Database
from config.errors import UsageError
from portal.board_readings import KEPT_SECONDS, BoardReadings
from portal.board_shown import Look, Shown

log = structlog.stdlib.get_logger(__name__)

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
    `ended`: it is followed no more, and this is the last that its watchers are told."""

    alert_id: int
    watchers: list[str] = field(default_factory=list)
    shown: dict[str, Shown] = field(default_factory=dict)
    changed: asyncio.Event = field(default_factory=asyncio.Event)
    task: asyncio.Task[None] | None = None
    ended: bytes | None = None


@dataclass
class _Reading:
    """One that has not begun: whoever asks for the same board shares it, and sees all that was there by then."""

    looks: set[Look]
    task: asyncio.Task[dict[Look, Shown]]


class Boards:
    """The boards of one application. All but `close` belongs to its event loop."""

    def __init__(self, database: Database) -> None:
        self._readings = BoardReadings(database)
        self._threads = ThreadPoolExecutor(_THREADS, thread_name_prefix="board")
        self._watched: dict[int, _Watched] = {}
        self._next: dict[int, _Reading] = {}
        self._under_way: dict[int, asyncio.Task[dict[Look, Shown]]] = {}
        self._ending = False

    async def now(self, alert_id: int, look: Look) -> Shown:
        """The board as it is now (`BoardReadings.now`, which says what is raised)."""
        reading = self._next.get(alert_id)
        if reading is None:
            task = asyncio.get_running_loop().create_task(self._read_after(self._under_way.get(alert_id), alert_id))
            reading = self._next[alert_id] = _Reading(set(), task)
        reading.looks.add(look)
        # The others wait for it, too, when one of them goes.
        return (await asyncio.shield(reading.task))[look]

    async def _read_after(self, earlier: asyncio.Task[dict[Look, Shown]] | None, alert_id: int) -> dict[Look, Shown]:
        try:
            if earlier is not None:
                await asyncio.wait({earlier})
        finally:
            reading = self._next.pop(alert_id)
        self._under_way[alert_id] = reading.task
        try:
            loop = asyncio.get_running_loop()
            return await loop.run_in_executor(self._threads, self._readings.now, alert_id, reading.looks)
        finally:
            if self._under_way.get(alert_id) is reading.task:
                del self._under_way[alert_id]
            self._forget_later()

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
            while not self._ending and loop.time() < until:
                if watched.ended is not None:
                    if watched.ended:
                        yield watched.ended
                    return
                changed = watched.changed
                shown = watched.shown.get(language)
                # Who has just opened the page may have a newer one than those who follow it.
                if shown is not None and (sent is None or shown.number > sent.number):
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
                self._leave(watched)

    def end_streams(self) -> None:
        """End all events: the application ends, and waits for nobody who watches. Pages are answered still."""
        self._ending = True
        for watched in list(self._watched.values()):
            watched.changed.set()
            self._leave(watched)

    def close(self) -> None:
        """Nobody asks any more."""
        self._threads.shutdown(wait=False)

    def _leave(self, watched: _Watched) -> None:
        """Follow it no more."""
        if self._watched.get(watched.alert_id) is watched:
            del self._watched[watched.alert_id]
        if watched.task is not None:
            watched.task.cancel()
            watched.task = None
        self._forget_later()

    def _forget_later(self) -> None:
        asyncio.get_running_loop().call_later(KEPT_SECONDS + 1, self._readings.forget_unused)

    async def _follow(self, watched: _Watched) -> None:
        try:
            while True:
                await self._follow_once(watched)
        except UsageError:
            watched.ended = _GONE
        except Exception as error:  # noqa: BLE001 (whatever it is)
            # The streams end, and browsers come again by themselves: a board that stands still would look alive.
            log.error("board_not_followed", error=type(error).__name__)
            watched.ended = b""
        if self._watched.get(watched.alert_id) is watched:
            del self._watched[watched.alert_id]
        watched.changed.set()

    async def _follow_once(self, watched: _Watched) -> None:
        loop = asyncio.get_running_loop()
        began = loop.time()
        try:
            shown = await loop.run_in_executor(self._threads, self._read, watched.alert_id, set(watched.watchers))
        except SQLAlchemyError:
            shown = watched.shown
        if any(watched.shown.get(language) is not one for language, one in shown.items()):
            watched.shown = shown
            watched.changed.set()
            watched.changed = asyncio.Event()
        await asyncio.sleep(max(0.0, began + _EVERY_SECONDS - loop.time()))

    def _read(self, alert_id: int, languages: set[str]) -> dict[str, Shown]:
        shown = self._readings.now(alert_id, [Look(language) for language in languages], patient=True)
        return {look.language: one for look, one in shown.items()}
