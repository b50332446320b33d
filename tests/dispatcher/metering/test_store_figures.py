"""What the database tells at a scrape: of alerts under way alone, by lane and channel, and of who is alive."""

from __future__ import annotations

from datetime import timedelta
from itertools import product

import pytest
from sqlalchemy import func, or_, select, text

from config.database import Database
from dispatcher.codes import AlertState, AlertStatus, DeliveryState, Lane
from dispatcher.metering import store_figures as figures_module
from dispatcher.metering.exposed import Metrics
from dispatcher.metering.store_figures import StoreFigures, store_figures
from dispatcher.running.presence import beat, leave, take_lease
from dispatcher.tables import ALERT, DELIVERY
from providers.base import Accepted, Channel, Deferred, Unknown
from tests.dispatcher.metering.reading import Scrape
from tests.dispatcher.world import World

SMS, EMAIL = (Lane.ALERTS, Channel.SMS), (Lane.ALERTS, Channel.EMAIL)
ROUTINE_SMS = (Lane.ROUTINE, Channel.SMS)


def figures(world: World) -> StoreFigures:
    with world.clock(), world.database.read() as connection:
        return store_figures(connection)


def test_an_empty_store_tells_of_nothing_and_of_nobody(database: Database) -> None:
    found = figures(World(database))
    assert set(found.alerts.values()) == set(found.waiting.values()) == set(found.oldest_due_seconds.values()) == {0}
    assert set(found.senders.values()) == {0}
    assert (dict(found.processes), found.redis) == ({}, None)
    assert found.ticks == {Lane.ALERTS: None, Lane.ROUTINE: None}


def test_what_waits_is_what_the_table_holds(database: Database) -> None:
    world = World(database)
    world.sent(*(world.family(email=True) for _ in range(4)))
    world.sent(world.family(), world.family(), status=AlertStatus.EXERCISE)
    over = world.sent(world.family())
    world.change(ALERT, over, state=AlertState.STOPPED)
    one, two, three, *_ = world.claim(size=6)
    world.record((one, Accepted("1")), (two, Deferred("x")), (three, Unknown("y")))
    world.notice()
    found = figures(world)
    with database.read() as connection:
        counted = connection.execute(
            select(func.count())
            .select_from(DELIVERY.outerjoin(ALERT, ALERT.c.id == DELIVERY.c.alert_id))
            .where(DELIVERY.c.state.in_([DeliveryState.QUEUED, DeliveryState.DEFERRED]))
            .where(or_(ALERT.c.state.is_(None), ALERT.c.state != AlertState.STOPPED))
        ).scalar_one()
    assert found.alerts == {AlertStatus.ACTUAL: 1, AlertStatus.EXERCISE: 1, AlertStatus.TEST: 0}
    # Four actual SMS were claimed, one of them is deferred again; the drill waits for the actual alert.
    nothing = dict.fromkeys(product(Lane, Channel), 0)
    assert found.waiting == nothing | {SMS: 3, EMAIL: 4, ROUTINE_SMS: 1}
    assert sum(found.waiting.values()) == counted


def test_the_oldest_waits_since_it_might_have_left(database: Database) -> None:
    world = World(database)
    world.sent(world.family(), world.family(), hold_until=world.now + timedelta(seconds=10))
    world.notice()
    world.later(4)
    assert figures(world).oldest_due_seconds[SMS] == 0.0
    world.later(26)
    found = figures(world).oldest_due_seconds
    assert (found[SMS], found[EMAIL], found[ROUTINE_SMS]) == (20.0, 0.0, 30.0)
    # A deferred one waits again from the moment when it is due.
    one, two = world.claim()
    world.record((one, Deferred("x", 60.0)), (two, Accepted("1")))
    assert figures(world).oldest_due_seconds[SMS] == 0.0
    world.later(65)
    assert figures(world).oldest_due_seconds[SMS] == 5.0


def test_unknown_ones_count_after_a_minute_and_until_their_time_is_over(database: Database) -> None:
    world = World(database)
    world.sent(world.family(), world.family())
    one, two = world.claim()
    world.record((one, Unknown("timeout")), (two, Accepted("1")))
    assert figures(world).long_unknown[SMS] == 0
    world.later(61)
    assert figures(world).long_unknown[SMS] == 1
    world.later(2 * 3600)
    assert figures(world).long_unknown[SMS] == 0


def test_who_is_alive_and_how_they_are(database: Database) -> None:
    world = World(database)
    with world.clock(), database.write() as connection:
        beat(connection, "worker-elsewhere-1-a", "worker", "alerts", {"twilio": "ok", "redis": "ok"})
        beat(connection, "worker-elsewhere-2-b", "worker", "routine", {"redis": "ok"})
        beat(connection, "run-elsewhere-3-c", "run", "all", {})
        beat(connection, "web-elsewhere-4-d", "web", None, {})
        take_lease(connection, "upkeep:alerts", "worker-elsewhere-1-a", 15.0)
    found = figures(world)
    assert found.senders == {Lane.ALERTS: 2, Lane.ROUTINE: 2}
    assert found.processes == {"worker": 2, "run": 1, "web": 1}
    assert found.ticks == {Lane.ALERTS: world.now, Lane.ROUTINE: None}
    assert found.redis is True
    with world.clock(), database.write() as connection:
        beat(connection, "worker-elsewhere-2-b", "worker", "routine", {"redis": "away"})
        leave(connection, "worker-elsewhere-1-a")
    found = figures(world)
    assert (found.redis, found.ticks[Lane.ALERTS]) == (False, None)
    world.later(3600)
    assert set(figures(world).senders.values()) == {0}


def test_routine_messages_are_counted_up_to_a_limit(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(figures_module, "MOST_COUNTED", 2)
    world = World(database)
    for number in range(4):
        world.notice(f"+474000000{number}")
    assert figures(world).waiting[ROUTINE_SMS] == 2


def test_a_scrape_tells_the_figures_and_keeps_them_for_a_moment(database: Database) -> None:
    world = World(database)
    metrics = Metrics(database, "")
    assert Scrape.of(metrics).value("beredskap_alerts_under_way", status="actual") == 0
    world.sent(world.family())
    assert Scrape.of(metrics).value("beredskap_alerts_under_way", status="actual") == 0
    scrape = Scrape.of(Metrics(database, ""))
    assert scrape.value("beredskap_alerts_under_way", status="actual") == 1
    assert scrape.value("beredskap_messages_waiting", lane="alerts", channel="sms") == 1
    assert scrape.value("beredskap_database_answers") == 1
    assert scrape.value("beredskap_upkeep_timestamp_seconds", lane="alerts") == 0
    assert scrape.value("beredskap_processes_alive", kind="worker") == 0
    # No school, no alert and no person is a label.
    assert {name for _, labels in scrape.samples for name, _value in labels} == {"channel", "kind", "lane", "status"}


def test_a_database_that_refuses_is_a_figure_too(sqlite_database: Database) -> None:
    with sqlite_database.write() as connection:
        connection.execute(text("ALTER TABLE process RENAME TO elsewhere"))
    scrape = Scrape.of(Metrics(sqlite_database, ""))
    assert scrape.value("beredskap_database_answers") == 0
    assert scrape.value("beredskap_senders_alive", lane="alerts") is None
