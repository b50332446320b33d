"""Empty one lane: plan what is to be planned, and let every sender work on what is due.

When the process is asked to stop, what was not handed over is given back at once, and only calls still unanswered after
ten seconds become unknown.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

import structlog

from config.database import Database
from dispatcher.alerts.planner import plan_next_chunk
from dispatcher.codes import Lane
from dispatcher.metering.meter import SILENT, Meter
from dispatcher.outbox.messages import Renderer
from dispatcher.running.drain_options import DrainOptions
from dispatcher.running.job import Job
from dispatcher.running.senders import Sender
from dispatcher.running.sending import SenderAtWork

log = structlog.get_logger(__name__)


class LaneDrain:
    """One lane of one process: a job that plans, and one job per sender. Used inside one event loop."""

    def __init__(
        self,
        database: Database,
        lane: Lane,
        senders: Sequence[Sender],
        renderer: Renderer,
        holder: str,
        options: DrainOptions,
        meter: Meter = SILENT,
    ) -> None:
        self.lane = lane
        self._meter = meter
        self._database = database
        self._holder = holder
        self._chunking = options.chunking
        self._stopped = asyncio.Event()
        self._channels = [self._job(sender, senders, renderer, options) for sender in senders]
        self._jobs = [Job(self._plan), *self._channels] if lane is Lane.ALERTS else self._channels

    def _job(self, sender: Sender, senders: Sequence[Sender], renderer: Renderer, options: DrainOptions) -> Job:
        others = [other for other in senders if other is not sender and other.channel is sender.channel]
        at_work = SenderAtWork(
            self._database,
            self.lane,
            sender,
            others,
            renderer,
            self._holder,
            options,
            self._stopped,
            self._meter.sender(self.lane, sender),
        )
        return Job(at_work.work)

    async def run(self, seconds: float) -> None:
        """See to it that all that is due is being worked on; return when it is done, or after `seconds`.

        What is not done by then goes on. Called while it goes on, it makes every job look again at once. Raises what
        the database raises when it is away.
        """
        if self._stopped.is_set():
            return
        until = asyncio.get_running_loop().time() + seconds
        await asyncio.gather(*(job.ring(seconds) for job in self._jobs))
        # What planning has woken last may have begun after an earlier look of the same job had ended.
        left = until - asyncio.get_running_loop().time()
        await asyncio.gather(*(job.rest(left) for job in self._jobs))

    async def stop(self) -> None:
        """Claim nothing more, give back what was not handed over, and wait for what was, at most ten seconds."""
        self._stopped.set()
        for job in self._jobs:
            job.nudge()
        await asyncio.gather(*(job.ended() for job in self._jobs), return_exceptions=True)

    async def _plan(self, _news: asyncio.Event) -> None:
        """Plan beside the sending: the first message leaves before planning has ended."""
        while not self._stopped.is_set():
            planned = await asyncio.to_thread(plan_next_chunk, self._database, self._holder, self._chunking)
            if planned is None:
                return
            if planned.students:
                log.info("planned", alert=planned.number, students=planned.students, messages=planned.deliveries)
            else:
                log.info("planning_ended", alert=planned.number)
            for channel in self._channels:
                channel.wake()
