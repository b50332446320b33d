"""A lane is emptied: planned, claimed, sent at once, written down; and whatever stops it leaves nothing between."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import pytest
from sqlalchemy.exc import OperationalError

from config.database import Database
from dispatcher.codes import AlertState, AttemptOutcome, DeliveryState, Lane
from dispatcher.outbox.claim import Claimed
from dispatcher.outbox.messages import Renderer
from dispatcher.outbox.record import Ended, record_outcomes
from dispatcher.running import recorder as recording
from dispatcher.running import sending
from dispatcher.running.drain import LaneDrain
from dispatcher.running.drain_options import DrainOptions
from dispatcher.running.job import Job
from dispatcher.running.recorder import Recorder
from dispatcher.running.senders import Sender
from dispatcher.tables import ATTEMPT, DELIVERY
from providers.base import Accepted, Channel, Deferred, Message, Outcome, Rejected
from providers.throttle import LocalLimiter, Throttle
from tests.dispatcher.world import CHUNKING, LEASE, PATIENCE, FakeProvider, World, check_books

S, A = DeliveryState, AttemptOutcome
OPTIONS = DrainOptions(claim_size=50, lease_seconds=LEASE, patience=PATIENCE, chunking=CHUNKING)
PATIENCE_SECONDS = 30.0


@dataclass
class Sending(FakeProvider):
    """Takes what it is given, `answer` says how; `blocked`: answers nothing until it is cleared."""

    sent: list[Message] = field(default_factory=list)
    answer: Callable[[Message], Outcome] = lambda message: Accepted(f"{message.delivery_id}-{message.attempt}")
    at_once: int = 0
    most_at_once: int = 0
    blocked: bool = False
    begun: asyncio.Event = field(default_factory=asyncio.Event)
    go_on: asyncio.Event = field(default_factory=asyncio.Event)

    async def send(self, message: Message) -> Outcome:
        self.at_once += 1
        self.most_at_once = max(self.most_at_once, self.at_once)
        self.sent.append(message)
        self.begun.set()
        try:
            if self.blocked:
                await self.go_on.wait()
            await asyncio.sleep(0)
            return self.answer(message)
        finally:
            self.at_once -= 1


class Texts:
    """Every notice has a text."""

    def text(self, connection: Any, notice_id: int, language: str, channel: Channel) -> tuple[str, str]:
        return "Kode", f"Koden er {notice_id}."


@pytest.fixture
def world(database: Database) -> Iterator[World]:
    world = World(database)
    world.renderer = Renderer(Texts())
    yield world
    check_books(database)


def sender(provider: Sending, *, connections: int = 4, shares: bool = False, rate: float = 10_000.0) -> Sender:
    limiter = LocalLimiter(rate)
    return Sender(provider, Throttle(limiter), limiter, rate, connections, shares)


def lane(world: World, *senders: Sender, of: Lane = Lane.ALERTS) -> LaneDrain:
    return LaneDrain(world.database, of, senders, world.renderer, "worker", OPTIONS)


def run(world: World, work: Coroutine[Any, Any, None]) -> None:
    async def within() -> None:
        async with asyncio.timeout(PATIENCE_SECONDS):
            await work

    with world.clock():
        asyncio.run(within())


def test_an_alert_is_planned_and_sent_to_the_end(world: World) -> None:
    alert = world.alert([world.family(email=True).student for _ in range(9)])

    async def work() -> None:
        sms, smtp = Sending(), Sending(Channel.EMAIL)
        drain = lane(world, sender(sms, connections=2), sender(smtp))
        await drain.run(PATIENCE_SECONDS)
        await drain.stop()
        assert (len(sms.sent), len(smtp.sent)) == (9, 9)
        assert sms.most_at_once == 2
        assert len({message.to for message in sms.sent}) == 9
        assert {message.urgent for message in sms.sent} == {True}
        assert {message.validity_seconds for message in sms.sent} == {7200}

    run(world, work())
    assert world.states(alert) == {S.ACCEPTED: 18}
    assert world.alert_state(alert) is AlertState.OPEN


def test_nothing_is_claimed_after_a_stop(world: World) -> None:
    world.sent(world.family())

    async def work() -> None:
        provider = Sending()
        drain = lane(world, sender(provider))
        await drain.stop()
        await drain.run(PATIENCE_SECONDS)
        assert provider.sent == []

    run(world, work())


def test_a_stop_gives_back_what_was_not_handed_over_and_waits_for_what_was(world: World) -> None:
    alert = world.sent(*[world.family() for _ in range(5)])

    async def work() -> None:
        provider = Sending(blocked=True)
        drain = lane(world, sender(provider, connections=2))
        running = asyncio.create_task(drain.run(PATIENCE_SECONDS))
        await provider.begun.wait()
        stopping = asyncio.create_task(drain.stop())
        await asyncio.sleep(0)
        provider.go_on.set()
        await stopping
        await running

    run(world, work())
    assert world.states(alert) == {S.ACCEPTED: 2, S.QUEUED: 3}
    assert sorted(str(world.attempts(row.id)[0]) for row in world.rows(DELIVERY)) == ["accepted"] * 2 + ["released"] * 3


def test_a_call_that_stays_unanswered_becomes_unknown(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sending, "STOP_SECONDS", 0.01)
    alert = world.sent(world.family())

    async def work() -> None:
        provider = Sending(blocked=True)
        drain = lane(world, sender(provider))
        running = asyncio.create_task(drain.run(PATIENCE_SECONDS))
        await provider.begun.wait()
        await drain.stop()
        await running

    run(world, work())
    assert world.states(alert) == {S.UNKNOWN: 1}
    (row,) = world.rows(DELIVERY)
    assert row.code == "interrupted"


def test_a_stop_while_a_claim_is_being_made_gives_all_of_it_back(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """The claims are ours, and no task of theirs has begun."""
    alert = world.sent(*[world.family() for _ in range(3)])

    async def work() -> None:
        provider = Sending()
        drain = lane(world, sender(provider))
        original = sending.SenderAtWork._render

        def stopped_meanwhile(self: Any, claims: Sequence[Claimed]) -> Any:
            drain._stopped.set()
            return original(self, claims)

        monkeypatch.setattr(sending.SenderAtWork, "_render", stopped_meanwhile)
        await drain.run(PATIENCE_SECONDS)
        await drain.stop()
        assert provider.sent == []

    run(world, work())
    assert world.states(alert) == {S.QUEUED: 3}
    assert [world.attempts(row.id) for row in world.rows(DELIVERY)] == [[A.RELEASED]] * 3


def test_what_is_claimed_as_the_last_caller_ends_finds_another_one(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    alert = world.sent(world.family(), world.family())
    provider = Sending(blocked=True)
    original = sending.SenderAtWork._rendered

    async def as_the_caller_ends(self: Any, claims: Sequence[Claimed]) -> Any:
        rendered = await original(self, claims)
        callers = list(self._calls)
        if callers:
            provider.go_on.set()
        while not all(caller.done() for caller in callers):
            await asyncio.sleep(0)
        return rendered

    monkeypatch.setattr(sending.SenderAtWork, "_rendered", as_the_caller_ends)

    async def work() -> None:
        drain = lane(world, sender(provider, connections=1, rate=1.0))
        running = asyncio.create_task(drain.run(PATIENCE_SECONDS))
        await provider.begun.wait()
        # Rung for while the only caller is under way: the second message is claimed.
        await drain.run(PATIENCE_SECONDS)
        await running
        assert len(provider.sent) == 2

    run(world, work())
    assert world.states(alert) == {S.ACCEPTED: 2}


@pytest.mark.parametrize("database", ["sqlite"], indirect=True)
def test_a_sender_slower_than_its_connections_are_many_is_given_what_it_can_pass(world: World) -> None:
    """Half a lease is two seconds, in which it passes 20; its 32 callers would wait longer, and then send nothing."""
    alert = world.alert([world.family().student for _ in range(40)])
    options = replace(OPTIONS, lease_seconds=4.0)

    async def work() -> None:
        slow = sender(Sending(), connections=32, rate=10.0)
        drain = LaneDrain(world.database, Lane.ALERTS, [slow], world.renderer, "worker", options)
        await drain.run(PATIENCE_SECONDS)
        await drain.stop()

    run(world, work())
    assert world.states(alert) == {S.ACCEPTED: 40}
    assert {row.attempt for row in world.rows(DELIVERY)} == {1}


def test_a_message_that_cannot_be_made_is_poison_and_stops_nobody_else(world: World) -> None:
    alert = world.sent(*[world.family() for _ in range(3)])
    victim = world.rows(DELIVERY)[1].id

    class Broken(Renderer):
        def message(self, connection: Any, claimed: Claimed) -> Message:
            if claimed.delivery_id == victim:
                raise AttributeError("of whatever kind")
            return super().message(connection, claimed)

    world.renderer = Broken(Texts())

    async def work() -> None:
        await lane(world, sender(Sending())).run(PATIENCE_SECONDS)

    run(world, work())
    assert world.states(alert) == {S.ACCEPTED: 2, S.REJECTED: 1}
    assert (world.state(victim), world.delivery(victim).code) == (S.REJECTED, "poison")


def test_a_database_that_goes_away_before_the_words_are_read_costs_no_claim(world: World) -> None:
    alert = world.sent(*[world.family() for _ in range(3)])

    class Away(Renderer):
        def message(self, connection: Any, claimed: Claimed) -> Message:
            raise OperationalError("SELECT", {}, Exception("gone"))

    world.renderer = Away(Texts())

    async def work() -> None:
        drain = lane(world, sender(Sending()))
        with pytest.raises(OperationalError):
            await drain.run(PATIENCE_SECONDS)

    run(world, work())
    assert world.states(alert) == {S.QUEUED: 3}
    assert {row.lost_claims for row in world.rows(DELIVERY)} == {0}


def test_an_exception_out_of_a_provider_means_that_nobody_knows(world: World) -> None:
    alert = world.sent(world.family(), world.family())

    def crash(message: Message) -> Outcome:
        if message.delivery_id == world.rows(DELIVERY)[0].id:
            raise ValueError("a fault of the library")
        return Accepted("SM2")

    async def work() -> None:
        await lane(world, sender(Sending(answer=crash))).run(PATIENCE_SECONDS)

    run(world, work())
    assert world.states(alert) == {S.UNKNOWN: 1, S.ACCEPTED: 1}
    assert world.rows(DELIVERY)[0].code == "crashed"


def test_what_may_be_poison_is_sent_last_and_one_at_a_time(world: World) -> None:
    world.sent(*[world.family() for _ in range(4)])
    ids = [row.id for row in world.rows(DELIVERY)]
    for one in ids[:2]:
        world.change(DELIVERY, one, lost_claims=2)
    provider = Sending()

    async def work() -> None:
        await lane(world, sender(provider)).run(PATIENCE_SECONDS)

    run(world, work())
    assert {message.delivery_id for message in provider.sent[:2]} == set(ids[2:])
    assert [message.delivery_id for message in provider.sent[2:]] == ids[:2]


def test_routine_messages_wait_while_an_alert_is_due_at_their_sender(world: World) -> None:
    world.sent(world.family())
    notices = [world.notice(f"+474000000{n}") for n in range(1, 4)]

    async def work() -> None:
        provider = Sending()
        shared = lane(world, sender(provider, shares=True), of=Lane.ROUTINE)
        await shared.run(PATIENCE_SECONDS)
        assert provider.sent == []
        alerts = Sending()
        await lane(world, sender(alerts)).run(PATIENCE_SECONDS)
        assert len(alerts.sent) == 1
        await shared.run(PATIENCE_SECONDS)
        assert [message.delivery_id for message in provider.sent] == notices
        assert {message.urgent for message in provider.sent} == {False}

    run(world, work())


def test_an_alert_that_becomes_due_finds_no_more_than_a_second_of_routine_messages_before_it(world: World) -> None:
    notices = [world.notice(f"+474000000{n}") for n in range(8)]
    families = [world.family()]

    async def work() -> None:
        provider = Sending(blocked=True)
        shared = lane(world, sender(provider, shares=True, rate=3.0), of=Lane.ROUTINE)
        running = asyncio.create_task(shared.run(PATIENCE_SECONDS))
        await provider.begun.wait()
        await asyncio.to_thread(world.sent, *families)
        provider.go_on.set()
        await running
        assert [message.delivery_id for message in provider.sent] == notices[:3]

    run(world, work())


def test_routine_messages_with_a_sender_of_their_own_wait_for_nobody(world: World) -> None:
    alert = world.sent(world.family())
    world.notice()
    provider = Sending()

    async def work() -> None:
        await lane(world, sender(provider), of=Lane.ROUTINE).run(PATIENCE_SECONDS)

    run(world, work())
    assert len(provider.sent) == 1
    assert world.states(alert) == {S.QUEUED: 1}


def test_a_slow_sender_claims_no_more_for_its_many_connections(world: World) -> None:
    """What waits for its turn beyond half its lease is given back: a sender whose callers all did sent nothing more."""
    alert = world.sent(*[world.family() for _ in range(60)])
    claimed: list[int] = []

    async def work() -> None:
        enough = asyncio.Event()

        def answer(message: Message) -> Outcome:
            claimed.append(world.states(alert)[S.SENDING])
            if len(claimed) == 20:
                enough.set()
            return Accepted(f"{message.delivery_id}")

        drain = lane(world, sender(Sending(answer=answer), connections=40, rate=10.0))
        ringing = asyncio.create_task(drain.run(PATIENCE_SECONDS))
        await enough.wait()
        await drain.stop()
        await ringing

    run(world, work())
    # A claim of ten, half of the one before, and what left at once and is not written down yet.
    assert max(claimed) <= 30


# The recorder


def outcomes(world: World, *ended: Ended | Claimed, lease: float = LEASE) -> None:
    async def work() -> None:
        recorder = Recorder(world.database, "fake", PATIENCE, lease)
        for one in ended:
            if isinstance(one, Ended):
                recorder.ended(one)
            else:
                recorder.unsent(one)
        await recorder.close()

    run(world, work())


def test_outcomes_and_what_was_given_back_are_written_together(world: World) -> None:
    alert = world.sent(*[world.family() for _ in range(3)])
    first, second, third = world.claim()
    outcomes(world, Ended(first, "fake", Accepted("SM1")), second, Ended(third, "fake", Deferred("20429")))
    assert world.states(alert) == {S.ACCEPTED: 1, S.QUEUED: 1, S.DEFERRED: 1}


def test_writing_is_tried_again_while_the_database_is_away(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    alert = world.sent(world.family())
    one = world.claim_one()
    tries = []

    def away_at_first(*arguments: Any) -> None:
        tries.append(1)
        if len(tries) < 3:
            raise OperationalError("UPDATE", {}, Exception("gone"))
        record_outcomes(*arguments)

    monkeypatch.setattr(recording, "record_outcomes", away_at_first)
    outcomes(world, Ended(one, "fake", Accepted("SM1")))
    assert len(tries) == 3
    assert world.states(alert) == {S.ACCEPTED: 1}


def test_an_outcome_that_cannot_be_written_keeps_no_other_back(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    alert = world.sent(*[world.family() for _ in range(3)])
    claims = world.claim()

    def refuse_one(connection: Any, ended: Sequence[Ended], patience: Any) -> None:
        if any(one.claimed == claims[1] for one in ended):
            raise ValueError("too long")
        record_outcomes(connection, ended, patience)

    monkeypatch.setattr(recording, "record_outcomes", refuse_one)
    outcomes(world, *[Ended(one, "fake", Rejected("21211")) for one in claims])
    assert world.states(alert) == {S.REJECTED: 2, S.SENDING: 1}
    world.later(LEASE + 1)
    world.sweep()
    assert world.state(claims[1].delivery_id) is S.UNKNOWN


# The job


def test_a_job_that_is_rung_for_while_it_runs_looks_again() -> None:
    async def work() -> None:
        begun, go_on, runs = asyncio.Event(), asyncio.Event(), []

        async def step(news: asyncio.Event) -> None:
            runs.append(1)
            begun.set()
            await go_on.wait()

        job = Job(step)
        ringing = [asyncio.create_task(job.ring(PATIENCE_SECONDS)) for _ in range(3)]
        await begun.wait()
        job.wake()
        go_on.set()
        await asyncio.gather(*ringing)
        assert 2 <= len(runs) <= 3
        await job.ended()

    asyncio.run(work())


def test_a_job_that_failed_says_so_and_starts_again() -> None:
    async def work() -> None:
        runs: list[int] = []

        async def step(news: asyncio.Event) -> None:
            runs.append(1)
            if len(runs) == 1:
                raise OSError("once")

        job = Job(step)
        with pytest.raises(OSError, match="once"):
            await job.ring(PATIENCE_SECONDS)
        await job.ring(PATIENCE_SECONDS)
        assert len(runs) == 2

    asyncio.run(work())


def test_a_ring_waits_no_longer_than_asked_and_the_work_goes_on() -> None:
    async def work() -> None:
        go_on, done = asyncio.Event(), []

        async def step(news: asyncio.Event) -> None:
            await go_on.wait()
            done.append(1)

        job = Job(step)
        await job.ring(0.01)
        assert done == []
        go_on.set()
        await job.ended()
        assert done == [1]

    asyncio.run(work())


def test_nobody_waits_for_the_rate_beyond_half_a_lease(world: World) -> None:
    """What cannot leave in time is given back: a lease that ran out in the queue would count as a lost claim."""
    alert = world.sent(*[world.family() for _ in range(3)])
    slow = sender(Sending(), rate=0.01)
    options = replace(OPTIONS, lease_seconds=0.2)

    async def work() -> None:
        drain = LaneDrain(world.database, Lane.ALERTS, [slow], world.renderer, "worker", options)
        # The first takes the one segment that a fresh limiter holds; the next would have to wait for 100 seconds.
        while len(world.rows(ATTEMPT)) < 2:
            await drain.run(0.1)
        await drain.stop()

    run(world, work())
    assert world.states(alert) == {S.ACCEPTED: 1, S.QUEUED: 2}
    assert {row.outcome for row in world.rows(ATTEMPT)} == {A.ACCEPTED, A.RELEASED}
    assert {row.lost_claims for row in world.rows(DELIVERY)} == {0}


def test_nothing_leaves_after_a_pause_of_the_whole_machine(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its own clock stood still, and the lease ran out meanwhile: others may have what was claimed."""
    alert = world.sent(*[world.family() for _ in range(3)])
    provider = Sending()
    paused = 0.0

    class Slow(Renderer):
        def message(self, connection: Any, claimed: Claimed) -> Message:
            nonlocal paused
            paused += LEASE
            return super().message(connection, claimed)

    world.renderer = Slow(Texts())
    monkeypatch.setattr(sending.time, "time", lambda: 1_000_000.0 + paused)

    async def work() -> None:
        drain = lane(world, sender(provider))
        while not world.rows(ATTEMPT):
            await drain.run(0.1)
        await drain.stop()

    run(world, work())
    assert provider.sent == []
    assert world.states(alert) == {S.QUEUED: 3}
