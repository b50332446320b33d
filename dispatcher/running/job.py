"""A piece of work that is rung for: it runs once at a time, and rung for while it runs, it looks again."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable


class Job:
    """Runs `work` as a task of its own. `work` gets an event that is set when it should look again."""

    def __init__(self, work: Callable[[asyncio.Event], Awaitable[None]]) -> None:
        self._work = work
        self._news = asyncio.Event()
        self._rung = False
        self._task: asyncio.Task[None] | None = None

    def wake(self) -> None:
        """Start the work, or make it look again; does not wait for it."""
        self._rung = True
        self._news.set()
        if self._task is None or self._task.done():
            self._task = asyncio.create_task(self._run())
            # Whoever awaits the job gets its exception; one that nobody awaits must not warn at the end of the loop.
            self._task.add_done_callback(lambda task: task.cancelled() or task.exception())

    def nudge(self) -> None:
        """Make work that is under way look again; start none."""
        self._news.set()

    async def ring(self, seconds: float) -> None:
        """Wake the work and wait for its end, at most `seconds`; it goes on after them. Raises what the work raises."""
        self.wake()
        await self.rest(seconds)

    async def rest(self, seconds: float) -> None:
        """Wait for the end of work that is under way, at most `seconds`. Raises what the work raises."""
        if self._task is not None:
            done, _going_on = await asyncio.wait({self._task}, timeout=max(0.0, seconds))
            for task in done:
                task.result()

    async def ended(self) -> None:
        """Wait for the end of work that is under way."""
        if self._task is not None:
            await self._task

    async def _run(self) -> None:
        while self._rung:
            self._rung = False
            await self._work(self._news)
