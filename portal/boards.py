"""The crisis boards that are being watched: each alert's is read once a second at the most, for all who watch it."""

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
from dispatcher.reports.board import Board, board_token, read_board
from portal.board_words import board_context
from portal.rendering import rendered

log = structlog.stdlib.get_logger(__name__)

# One cheap statement for each board: so soon a mark is seen by all.
_EVERY_SECONDS: Final = 0.25
# A board in the midst of sending changes all the time.
_READ_AGAIN_SECONDS: Final = 1.0
# Rates, the expected end and the health of providers change with time alone.
_STALE_SECONDS: Final = 5.0
_STILL_THERE_SECONDS: Final = 15.0
# Then the browser asks again by itself, and is asked who it is.
_LONGEST_SECONDS: Final = 300.0
_THREADS: Final = 2
# The alert was reduced to figures: the page asks again, and reads that nobody is on record any more.
_GONE: Final = b"event: gone\ndata: gone\n\n"


@dataclass
class _Watched:
    """One board. `shown`: by language, what its watchers are sent; `changed` is set and replaced when that changes.
    `gone`: figures alone are left of the alert, and nothing is shown any more."""

    alert_id: int
    watchers: list[str] = field(default_factory=list)
    shown: dict[str, bytes] = field(default_factory=dict)
    changed: asyncio.Event = field(default_factory=asyncio.Event)
    task: asyncio.Task[None] | None = None
    gone: bool = False


class Boards:
    """The boards of one application. `events` belongs to its event loop; `close` may be called from there alone."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._threads = ThreadPoolExecutor(_THREADS, thread_name_prefix="board")
        self._watched: dict[int, _Watched] = {}
        self._closed = False

    async def events(self, alert_id: int, language: str) -> AsyncIterator[bytes]:
        """Server-sent events: the board in this language, at once and whenever it changes, for some minutes; the last
        one says so when the alert is reduced to figures meanwhile."""
        loop = asyncio.get_running_loop()
        until = loop.time() + _LONGEST_SECONDS
        watched = self._watched.setdefault(alert_id, _Watched(alert_id))
        watched.watchers.append(language)
        if watched.task is None:
            watched.task = loop.create_task(self._follow(watched))
        sent = b""
        try:
            while not self._closed and loop.time() < until:
                if watched.gone:
                    yield _GONE
                    return
                changed = watched.changed
                shown = watched.shown.get(language, b"")
                if shown and shown is not sent:
                    sent = shown
                    yield shown
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
        token, read_at = "", -_STALE_SECONDS
        board: Board | None = None
        while True:
            began = loop.time()
            try:
                now = await loop.run_in_executor(self._threads, self._token, watched.alert_id)
                languages = set(watched.watchers)
                changed = now != token and began - read_at >= _READ_AGAIN_SECONDS
                if changed or began - read_at >= _STALE_SECONDS or not languages <= set(watched.shown):
                    board = await loop.run_in_executor(self._threads, self._read, watched.alert_id)
                    token, read_at = board.token, began
                    await self._show(watched, board, languages, away=False)
            except UsageError:
                watched.gone = True
                watched.changed.set()
                return
            except SQLAlchemyError as error:
                log.warning("board_without_database", kind=type(error).__name__)
                if board is not None:
                    await self._show(watched, board, set(watched.watchers), away=True)
            await asyncio.sleep(max(0.0, began + _EVERY_SECONDS - loop.time()))

    async def _show(self, watched: _Watched, board: Board, languages: set[str], *, away: bool) -> None:
        loop = asyncio.get_running_loop()
        shown = await loop.run_in_executor(self._threads, _events_of, board, languages, away)
        # What reads the same is not sent again.
        kept = {language: old for language, old in watched.shown.items() if shown.get(language) == old}
        watched.shown = shown | kept
        if kept != shown:
            watched.changed.set()
            watched.changed = asyncio.Event()

    def _token(self, alert_id: int) -> str:
        with self._database.read() as connection:
            return board_token(connection, alert_id)

    def _read(self, alert_id: int) -> Board:
        with self._database.read() as connection:
            return read_board(connection, alert_id)


def _events_of(board: Board, languages: set[str], away: bool) -> dict[str, bytes]:
    return {language: _event(board, language, away) for language in languages}


def _event(board: Board, language: str, away: bool) -> bytes:
    # Whose form it is, each browser fills in for itself.
    html = rendered("board_live.html", language, form_token="", opened=False, **board_context(board, language, away))
    lines = "".join(f"data: {line}\n" for line in html.splitlines() if line.strip())
    return f"event: board\n{lines}\n".encode()
