"""Empty one lane: plan what is to be planned, claim what is due, send it concurrently, record as it comes.

No transaction is open while anything is sent. A claim is sent only in the first half of its lease; what could not be
sent by then is given back. When the process is asked to stop, what was not handed over is given back at once, and only
calls still unanswered after ten seconds become unknown.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass

import structlog
from sqlalchemy.exc import SQLAlchemyError

from config.database import Database
from config.settings import DispatchSettings
from dispatcher.alerts.planner import Chunking, plan_next_chunk
from dispatcher.codes import Lane
from dispatcher.outbox.claim import Claimed, ClaimRequest, anything_due, claim
from dispatcher.outbox.messages import Renderer
from dispatcher.outbox.record import POISON, Ended, Patience
from dispatcher.running.job import Job
from dispatcher.running.recorder import Recorder
from dispatcher.running.senders import Sender
from providers.base import Message, Outcome, Rejected, Unknown

log = structlog.get_logger(__name__)

# How long a stopping process waits for answers to what it has handed over.
STOP_SECONDS = 10.0
# An exception out of a provider's library after bytes may have left.
CRASHED = "crashed"
INTERRUPTED = "interrupted"


@dataclass(frozen=True, slots=True)
class DrainOptions:
    """How a lane is drained; see [dispatch] in config/defaults.toml."""

    claim_size: int
    lease_seconds: float
    patience: Patience
    chunking: Chunking

    @classmethod
    def from_settings(cls, dispatch: DispatchSettings, stale_after_months: int) -> DrainOptions:
        return cls(
            claim_size=dispatch.claim_size,
            lease_seconds=dispatch.lease_seconds,
            patience=Patience(
                retry_first=dispatch.retry_seconds,
                retry_longest=dispatch.retry_max_seconds,
                settle=dispatch.settle_seconds,
                receipt_poll=dispatch.receipt_poll_seconds,
            ),
            chunking=Chunking(dispatch.first_chunk, dispatch.chunk, stale_after_months),
        )


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
    ) -> None:
        self.lane = lane
        self._database = database
        self._holder = holder
        self._chunking = options.chunking
        self._stopped = asyncio.Event()
        self._channels = [
            Job(_Channel(database, lane, sender, renderer, holder, options, self._stopped).work) for sender in senders
        ]
        self._jobs = [Job(self._plan), *self._channels] if lane is Lane.ALERTS else self._channels

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
            for channel in self._channels:
                channel.wake()


@dataclass(slots=True)
class _Ready:
    """A claimed delivery with its message. `last_start`: the loop's time until which it may be handed over."""

    claimed: Claimed
    message: Message
    last_start: float
    handed_over: bool = False


class _Channel:
    """One sender of a lane at work: it claims, and as many callers as it has connections hand over what was claimed."""

    def __init__(
        self,
        database: Database,
        lane: Lane,
        sender: Sender,
        renderer: Renderer,
        holder: str,
        options: DrainOptions,
        stopped: asyncio.Event,
    ) -> None:
        self._database = database
        self._lane = lane
        self._sender = sender
        self._renderer = renderer
        self._holder = holder
        self._options = options
        self._stopped = stopped
        self._waiting: deque[_Ready] = deque()
        self._calls: dict[asyncio.Task[None], _Ready | None] = {}
        self._after = 0

    async def work(self, news: asyncio.Event) -> None:
        """Claim and send until nothing is due and nothing is under way. `news`: look again, something may be due."""
        name = self._sender.provider.name
        self._news = news
        self._recorder = Recorder(self._database, name, self._options.patience, self._options.lease_seconds)
        try:
            while not self._stopped.is_set():
                news.clear()
                self._start_callers()
                if self._has_room() and await self._claim():
                    continue
                if not self._waiting and not self._calls:
                    break
                # Little is left, something may be due, or the process is asked to stop.
                await news.wait()
        finally:
            await self._finish()

    def _has_room(self) -> bool:
        """Whether to claim more: what waits has become little enough for the next claim to come in time.

        On a sender shared with alerts the next claim waits for the end of the last one: an alert that becomes due finds
        no more than that before it.
        """
        if self._sender.shares_with_alerts:
            return not self._waiting and not self._calls
        # Who waits for the sender's turn counts: at one segment a second, 32 callers would wait beyond half a lease.
        kept = sum(one is not None and not one.handed_over for one in self._calls.values())
        return len(self._waiting) + kept <= min(self._sender.connections, self._claim_size // 2)

    @property
    def _claim_size(self) -> int:
        return self._sender.claim_size(self._options.claim_size)

    async def _claim(self) -> bool:
        """Claim a batch and start to send it; rows that may be poison are claimed one at a time, last."""
        began = asyncio.get_running_loop().time()
        claims = await asyncio.to_thread(self._claim_due, False)
        if not claims and not self._waiting and not self._calls:
            claims = await asyncio.to_thread(self._claim_due, True)
        for one, message in await self._rendered(claims) if claims else ():
            if message is None:
                self._recorder.ended(Ended(one, self._sender.provider.name, Rejected(POISON)))
                continue
            last_start = began + min(self._options.lease_seconds / 2, one.seconds_left)
            self._waiting.append(_Ready(one, message, last_start))
        return bool(claims)

    def _start_callers(self) -> None:
        """See to it that what waits has callers, as many as there are connections."""
        for _ in range(min(self._sender.connections - len(self._calls), len(self._waiting))):
            self._calls[asyncio.create_task(self._call())] = None

    def _claim_due(self, alone: bool) -> list[Claimed]:
        """Claim the next batch; nothing while an alert is due on a sender shared with alerts."""
        if self._sender.shares_with_alerts:
            with self._database.read() as connection:
                if anything_due(connection):
                    return []
        request = ClaimRequest(
            lane=self._lane,
            channel=self._sender.channel,
            size=self._claim_size,
            lease_seconds=self._options.lease_seconds,
            holder=self._holder,
            provider=self._sender.provider.name,
            alone=alone,
            after=self._after,
        )
        claims = claim(self._database, request, stale_after_months=self._options.chunking.stale_after_months)
        if claims:
            self._after = claims[-1].alert_id or 0
        return claims

    async def _rendered(self, claims: Sequence[Claimed]) -> list[tuple[Claimed, Message | None]]:
        try:
            return await asyncio.to_thread(self._render, claims)
        except BaseException:
            for one in claims:
                self._recorder.unsent(one)
            raise

    def _render(self, claims: Sequence[Claimed]) -> list[tuple[Claimed, Message | None]]:
        """The message of each claim; None where it cannot be made: that one is rejected, and stops nobody else."""
        rendered: list[tuple[Claimed, Message | None]] = []
        with self._database.read() as connection:
            for one in claims:
                try:
                    rendered.append((one, self._renderer.message(connection, one)))
                except SQLAlchemyError:
                    raise
                except Exception as error:  # noqa: BLE001 (whatever it is, the next try would meet it again)
                    log.error("message_not_made", delivery=one.delivery_id, error=type(error).__name__)
                    rendered.append((one, None))
        return rendered

    async def _call(self) -> None:
        """Hand over what waits, one after the other, until nothing does."""
        task = asyncio.current_task()
        assert task is not None
        try:
            while self._waiting and not self._stopped.is_set():
                one = self._calls[task] = self._waiting.popleft()
                outcome = await self._outcome(one)
                self._calls[task] = None
                if outcome is None:
                    self._recorder.unsent(one.claimed)
                else:
                    self._recorder.ended(Ended(one.claimed, self._sender.provider.name, outcome))
                if self._has_room():
                    self._news.set()
        finally:
            # Here and not when the task is seen to be done: what is claimed in between would find no caller.
            del self._calls[task]
            if not self._calls:
                self._news.set()

    async def _outcome(self, one: _Ready) -> Outcome | None:
        """How the message's attempt ended; None when it was not handed over."""
        try:
            if not await self._gets_its_turn(one):
                return None
            one.handed_over = True
            if self._has_room():
                self._news.set()
            outcome = await self._sender.provider.send(one.message)
        except asyncio.CancelledError:
            return Unknown(INTERRUPTED) if one.handed_over else None
        except Exception as error:  # noqa: BLE001 (whatever a library raises here, bytes may have left)
            log.error("send_crashed", delivery=one.claimed.delivery_id, error=type(error).__name__)
            outcome = Unknown(CRASHED)
        self._sender.health.note(outcome)
        return outcome

    async def _gets_its_turn(self, one: _Ready) -> bool:
        """Wait for the sender's turn. One whose time is over takes none from those that may still leave."""
        now = asyncio.get_running_loop().time
        if now() > one.last_start:
            return False
        try:
            async with asyncio.timeout_at(one.last_start):
                await self._sender.throttle.acquire(one.claimed.segments)
        except TimeoutError:
            return False
        return not self._stopped.is_set() and now() <= one.last_start

    async def _finish(self) -> None:
        """Give back what was not handed over, wait for the rest, and write everything down."""
        while self._waiting:
            self._recorder.unsent(self._waiting.popleft().claimed)
        for task, one in self._calls.items():
            if one is not None and not one.handed_over:
                task.cancel()
        if self._calls:
            _done, late = await asyncio.wait(list(self._calls), timeout=STOP_SECONDS)
            for task in late:
                task.cancel()
            await asyncio.gather(*late, return_exceptions=True)
        await self._recorder.close()
