"""One sender at work: it claims what is due, and as many callers as it has connections hand it over.

No transaction is open while anything is sent. A claim is sent only in the first half of its lease; what could not be
sent by then is given back, and so is what waits for a provider that works no more: the channel's next one takes it.
"""

from __future__ import annotations

import asyncio
import time
from collections import Counter, deque
from collections.abc import Sequence
from dataclasses import dataclass

import structlog
from sqlalchemy.exc import SQLAlchemyError

from config.database import Database
from dispatcher.codes import Lane
from dispatcher.metering.meter import SenderMeter
from dispatcher.outbox.claim import Claimed, ClaimRequest, alerts_to_send, claim
from dispatcher.outbox.messages import Renderer
from dispatcher.outbox.record import CRASHED, POISON, Ended
from dispatcher.outbox.transitions import attempt_outcome
from dispatcher.running.drain_options import DrainOptions
from dispatcher.running.recorder import Recorder
from dispatcher.running.senders import Sender
from providers.base import Message, Outcome, Rejected, Unknown

log = structlog.get_logger(__name__)

# How long a stopping process waits for answers to what it has handed over.
STOP_SECONDS = 10.0
INTERRUPTED = "interrupted"


@dataclass(slots=True)
class _Ready:
    """A claimed delivery with its message. `last_start`: the loop's time until which it may be handed over; and
    `last_start_by_wall`: the same by the clock on the wall, in seconds since 1970. `due_since` and `left_at`: the
    loop's time from which on it might have left, and when it did.

    `trial`: it goes even to a provider that does not work, to see whether it does again.
    """

    claimed: Claimed
    message: Message
    last_start: float
    last_start_by_wall: float
    due_since: float
    trial: bool
    handed_over: bool = False
    left_at: float = 0.0


class SenderAtWork:
    """One sender of a lane. `others`: those of the same channel, which may take what this one cannot get rid of."""

    def __init__(
        self,
        database: Database,
        lane: Lane,
        sender: Sender,
        others: Sequence[Sender],
        renderer: Renderer,
        holder: str,
        options: DrainOptions,
        stopped: asyncio.Event,
        meter: SenderMeter,
    ) -> None:
        self._meter = meter
        self._database = database
        self._lane = lane
        self._sender = sender
        self._others = others
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
        least = min(self._sender.connections, self._claim_size() // 2)
        return len(self._waiting) <= least and len(self._waiting) + self._in_turn() <= least

    def _left(self) -> None:
        """One less waits: see whether it is time to claim."""
        if self._has_room():
            self._news.set()

    def _in_turn(self) -> int:
        """How many callers wait at the throttle. Theirs have not left: a slow sender would claim for each of them."""
        return sum(one is not None and not one.handed_over for one in self._calls.values())

    def _claim_size(self) -> int:
        return self._sender.claim_size(self._options.claim_size)

    async def _claim(self) -> bool:
        """Claim a batch and start to send it; rows that may be poison are claimed one at a time, last."""
        began, began_by_wall = asyncio.get_running_loop().time(), time.time()
        size, trial, own_alone = self._claim_size(), not self._sender.condition.works, self._sender.stands_by
        if own_alone and await asyncio.to_thread(self._has_own):
            size = self._sender.own_claim_size(self._options.claim_size)
        if not size:
            return False
        claims = await asyncio.to_thread(self._claim_due, size, False, own_alone)
        if not claims and not self._waiting and not self._calls:
            claims = await asyncio.to_thread(self._claim_due, 1, True, own_alone)
        for one, message in await self._rendered(claims) if claims else ():
            if message is None:
                self._recorder.ended(Ended(one, self._sender.provider.name, Rejected(POISON)))
                continue
            if trial:
                self._sender.condition.tried()
            may_take = min(self._options.lease_seconds / 2, one.seconds_left)
            due_since = began - (one.claimed_at - one.due_since).total_seconds()
            self._waiting.append(_Ready(one, message, began + may_take, began_by_wall + may_take, due_since, trial))
        return bool(claims)

    def _start_callers(self) -> None:
        """See to it that what waits has callers, as many as there are connections."""
        for _ in range(min(self._sender.connections - len(self._calls), len(self._waiting))):
            self._calls[asyncio.create_task(self._call())] = None

    def _has_own(self) -> bool:
        """Whether something is due that no other sender may carry: a part of a self-test. The last resort has none."""
        if self._lane is not Lane.ALERTS or self._sender.is_last_resort:
            return False
        with self._database.read() as connection:
            name = self._sender.provider.name
            return bool(alerts_to_send(connection, self._sender.channel, name, own_alone=True))

    def _claim_due(self, size: int, alone: bool, own_alone: bool) -> list[Claimed]:
        """Claim the next batch; nothing while an alert is due on a sender shared with alerts."""
        if self._sender.shares_with_alerts:
            with self._database.read() as connection:
                if alerts_to_send(connection, self._sender.channel):
                    return []
        request = ClaimRequest(
            lane=self._lane,
            channel=self._sender.channel,
            size=size,
            lease_seconds=self._options.lease_seconds,
            holder=self._holder,
            provider=self._sender.provider.name,
            alone=alone,
            after=self._after,
            own_alone=own_alone,
        )
        claims = claim(self._database, request, stale_after_months=self._options.chunking.stale_after_months)
        if claims:
            self._after = claims[-1].alert_id or 0
            for alert, count in Counter(one.alert_number for one in claims).items():
                name, channel = request.provider, request.channel.value
                log.info("claimed", alert=alert, lane=self._lane.value, channel=channel, provider=name, messages=count)
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
                    self._unsent(one)
                    self._left()
                else:
                    self._meter.ended(attempt_outcome(outcome), asyncio.get_running_loop().time() - one.left_at)
                    self._ended(one, outcome)
        finally:
            # Here and not when the task is seen to be done: what is claimed in between would find no caller.
            del self._calls[task]
            if not self._calls:
                self._news.set()

    def _ended(self, one: _Ready, outcome: Outcome) -> None:
        """Take down how an attempt ended. What waits for a provider that works no more is given back for the next."""
        sender = self._sender
        worked, another_works = sender.condition.works, any(other.condition.works for other in self._others)
        sender.condition.note(outcome, trial=one.trial, alone=not another_works and not sender.is_last_resort)
        elsewhere = another_works and not sender.condition.works
        self._recorder.ended(Ended(one.claimed, sender.provider.name, outcome, elsewhere))
        if worked and not sender.condition.works:
            log.warning("provider_does_not_work", provider=sender.provider.name, code=sender.condition.word)
            self._give_back()
        elif sender.condition.works and not worked:
            log.info("provider_works_again", provider=sender.provider.name)

    def _give_back(self) -> None:
        while self._waiting:
            self._unsent(self._waiting.popleft())

    def _unsent(self, one: _Ready) -> None:
        """Nothing of it was handed over."""
        self._recorder.unsent(one.claimed)
        if one.trial:
            self._sender.condition.not_tried()

    async def _outcome(self, one: _Ready) -> Outcome | None:
        """How the message's attempt ended; None when it was not handed over."""
        try:
            if not await self._turn(one):
                return None
            one.handed_over = True
            one.left_at = asyncio.get_running_loop().time()
            self._meter.handed_over(one.left_at - one.due_since)
            self._left()
            return await self._sender.provider.send(one.message)
        except asyncio.CancelledError:
            return Unknown(INTERRUPTED) if one.handed_over else None
        except Exception as error:  # noqa: BLE001 (whatever a library raises here, bytes may have left)
            log.error("send_crashed", delivery=one.claimed.delivery_id, error=type(error).__name__)
            return Unknown(CRASHED)

    async def _turn(self, one: _Ready) -> bool:
        """Wait until the sender's rate lets the message leave; false when it may leave no more.

        No longer than that: a lease that ran out in the queue would count as a claim that was lost.
        """
        if not self._may_go(one):
            return False
        try:
            async with asyncio.timeout_at(one.last_start):
                await self._sender.throttle.acquire(one.claimed.segments)
        except TimeoutError:
            return False
        return not self._stopped.is_set() and self._may_go(one)

    def _may_go(self, one: _Ready) -> bool:
        # The loop's clock may stand still while a virtual machine is paused, and the one on the wall may be set back.
        in_time = asyncio.get_running_loop().time() <= one.last_start and time.time() <= one.last_start_by_wall
        return in_time and (one.trial or self._sender.condition.works)

    async def _finish(self) -> None:
        """Give back what was not handed over, wait for the rest, and write everything down."""
        self._give_back()
        for task, one in self._calls.items():
            if one is not None and not one.handed_over:
                task.cancel()
        if self._calls:
            _done, late = await asyncio.wait(list(self._calls), timeout=STOP_SECONDS)
            for task in late:
                task.cancel()
            await asyncio.gather(*late, return_exceptions=True)
        await self._recorder.close()
