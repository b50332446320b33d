"""What a process counts: each attempt once, by how it ended; which providers work; what the last audit found."""

from __future__ import annotations

import asyncio

from config.database import Database
from dispatcher.codes import Lane
from dispatcher.metering.exposed import Metrics
from dispatcher.metering.receipts_told import tell_of_receipts
from dispatcher.outbox.messages import Renderer
from dispatcher.outbox.receipts import Arrived
from dispatcher.running.drain import LaneDrain
from providers.base import Accepted, Deferred, Message, Outcome, Receipt, ReceiptStatus, Rejected, Unknown
from tests.dispatcher.metering.reading import Scrape
from tests.dispatcher.running.test_drain import OPTIONS, Sending, Texts, sender
from tests.dispatcher.world import World

_OURS = {"lane": "alerts", "channel": "sms", "provider": "fake"}


def test_each_attempt_is_counted_once_by_how_it_ended(sqlite_database: Database) -> None:
    world = World(sqlite_database)
    world.renderer = Renderer(Texts())
    metrics = Metrics(None, "")
    ends = iter([Accepted("1"), Accepted("2"), Rejected("21211"), Deferred("x", 3600.0), Unknown("timeout")])
    world.alert([world.family().student for _ in range(5)])
    world.later(7)

    def answer(_message: Message) -> Outcome:
        return next(ends)

    async def work() -> None:
        provider = Sending(answer=answer)
        drain = LaneDrain(
            sqlite_database, Lane.ALERTS, [sender(provider)], world.renderer, "worker", OPTIONS, metrics.meter
        )
        before = Scrape.of(metrics)
        assert before.value("beredskap_attempts_total", **_OURS, outcome="accepted") == 0
        assert before.value("beredskap_provider_works", **_OURS) == 1
        await drain.run(30.0)
        await drain.stop()

    with world.clock():
        asyncio.run(work())
    after = Scrape.of(metrics)
    counted = {
        outcome: after.value("beredskap_attempts_total", **_OURS, outcome=outcome)
        for outcome in ("accepted", "rejected", "deferred", "unknown")
    }
    assert counted == {"accepted": 2, "rejected": 1, "deferred": 1, "unknown": 1}
    assert after.value("beredskap_attempt_seconds_count", **_OURS) == 5
    assert after.value("beredskap_hand_over_wait_seconds_count", **_OURS) == 5
    # Planned and claimed at once, by the clock of the world: nothing has waited for as long as the alert is old.
    assert after.value("beredskap_hand_over_wait_seconds_bucket", **_OURS, le="5.0") == 5


def test_the_wait_is_counted_from_the_moment_when_it_might_have_left(sqlite_database: Database) -> None:
    world = World(sqlite_database)
    world.renderer = Renderer(Texts())
    metrics = Metrics(None, "")
    world.sent(world.family())
    world.later(45)

    async def work() -> None:
        drain = LaneDrain(
            sqlite_database, Lane.ALERTS, [sender(Sending())], world.renderer, "worker", OPTIONS, metrics.meter
        )
        await drain.run(30.0)
        await drain.stop()

    with world.clock():
        asyncio.run(work())
    scrape = Scrape.of(metrics)
    assert scrape.value("beredskap_hand_over_wait_seconds_bucket", **_OURS, le="30.0") == 0
    assert (scrape.value("beredskap_hand_over_wait_seconds_sum", **_OURS) or 0) >= 45


def test_a_provider_that_does_not_work_is_told_at_once() -> None:
    metrics = Metrics(None, "")
    one = sender(Sending())
    metrics.meter.sender(Lane.ALERTS, one)
    for _ in range(20):
        one.condition.note(Deferred("20503"), alone=True)
    assert not one.condition.works
    assert Scrape.of(metrics).value("beredskap_provider_works", **_OURS) == 0


def test_receipts_are_counted_by_status_and_way(sqlite_database: Database) -> None:
    world = World(sqlite_database)
    world.sent(world.family())
    claimed = world.claim_one()
    metrics = Metrics(None, "")
    arrived = [
        Arrived(Receipt("1", ReceiptStatus.DELIVERED), claimed.delivery_id, 1),
        Arrived(Receipt("1", ReceiptStatus.DELIVERED), claimed.delivery_id, 1),
        Arrived(Receipt("2", ReceiptStatus.UNDELIVERED), None, None),
    ]
    tell_of_receipts(sqlite_database, metrics.meter, "twilio", "callback", arrived)
    scrape = Scrape.of(metrics)
    assert scrape.value("beredskap_receipts_total", provider="twilio", way="callback", status="delivered") == 2
    assert scrape.value("beredskap_receipts_total", provider="twilio", way="callback", status="undelivered") == 1


def test_the_audit_is_told_by_whoever_audits() -> None:
    metrics = Metrics(None, "")
    assert Scrape.of(metrics).value("beredskap_audit_content") is None
    metrics.meter.audited({})
    assert Scrape.of(metrics).value("beredskap_audit_content") == 1
    metrics.meter.audited({"due_waiting": 2})
    scrape = Scrape.of(metrics)
    assert (scrape.value("beredskap_audit_content"), scrape.value("beredskap_audit_findings", code="due_waiting")) == (
        0,
        2,
    )
    assert (scrape.value("beredskap_audit_timestamp_seconds") or 0) > 1_700_000_000
    metrics.meter.audited(None)
    assert Scrape.of(metrics).value("beredskap_audit_timestamp_seconds") is None
