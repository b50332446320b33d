"""The audit of every minute: a line for each finding, and a ping only when there is none."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from typing import Any

import pytest
from pydantic import SecretStr
from sqlalchemy import delete
from structlog.testing import capture_logs

from config.database import Database
from config.spare_sections import AuditSettings
from dispatcher.running.auditor import AUDIT_SECONDS, Auditor
from dispatcher.running.presence import leave
from dispatcher.tables import ATTEMPT
from tests.dispatcher.auditing.auditing import GRACE, number_of, send_all
from tests.dispatcher.world import LIFE, World
from tests.services.dead_mans_switch import Switch, served_switch
from tests.services.server import free_port

SECRET = "a1b2c3-check"


@pytest.fixture
def switch() -> Iterator[Switch]:
    with served_switch(SECRET) as switch:
        yield switch


@pytest.fixture
def world(database: Database) -> World:
    return World(database)


def auditor(world: World, url: str, holder: str = "scheduler-1") -> Auditor:
    return Auditor(world.database, AuditSettings(ping_url=SecretStr(url), grace_seconds=GRACE), holder)


def run(world: World, one: Auditor) -> list[Any]:
    """One minute's audit; what it logged."""
    world.later(AUDIT_SECONDS)
    with capture_logs() as logs, world.clock():
        asyncio.run(one.run())
    return logs


def test_a_finding_is_logged_and_stops_the_ping_for_as_long_as_it_lasts(world: World, switch: Switch) -> None:
    one = auditor(world, switch.url)
    # Also when there is no alert at all.
    assert run(world, one) == []
    assert switch.asked == [f"/{SECRET}"]
    alert = world.sent(world.family(), world.family())
    assert run(world, one) == []
    assert len(switch.asked) == 2
    for _ in range(2):
        (line,) = run(world, one)
        assert (line["event"], line["log_level"], line["code"]) == ("audit_finding", "error", "due_waiting")
        assert (line["alert"], line["count"]) == (number_of(world, alert), 2)
    assert len(switch.asked) == 2
    send_all(world)
    assert run(world, one) == []
    assert len(switch.asked) == 3


def test_the_books_of_an_ended_alert_are_counted_once(world: World, switch: Switch) -> None:
    world.sent(world.family())
    send_all(world)
    world.later(LIFE)
    world.sweep()
    one, restarted = auditor(world, switch.url), auditor(world, switch.url)
    assert run(world, one) == []
    with world.database.write() as connection:
        connection.execute(delete(ATTEMPT))
    assert run(world, one) == []
    assert [line["code"] for line in run(world, restarted)] == ["attempts_differ"]
    # What does not agree is looked at again each minute.
    assert [line["code"] for line in run(world, restarted)] == ["attempts_differ"]
    assert len(switch.asked) == 2


def test_one_process_audits_at_a_time(world: World, switch: Switch) -> None:
    first, second = auditor(world, switch.url), auditor(world, switch.url, "scheduler-2")
    run(world, first)
    with world.clock():
        asyncio.run(second.run())
    assert len(switch.asked) == 1
    # The first one keeps it from minute to minute, until it ends.
    run(world, first)
    with world.clock():
        asyncio.run(second.run())
    assert len(switch.asked) == 2
    with world.clock(), world.database.write() as connection:
        leave(connection, "scheduler-1")
    run(world, second)
    assert len(switch.asked) == 3


def test_without_an_address_nobody_is_asked(world: World) -> None:
    assert run(world, auditor(world, "")) == []


def test_a_switch_that_is_away_or_refuses_disturbs_nothing_and_is_not_named(world: World, switch: Switch) -> None:
    switch.status = 404
    (refused,) = run(world, auditor(world, switch.url))
    assert (refused["event"], refused["status"]) == ("dead_mans_switch_refused", 404)
    (away,) = run(world, auditor(world, f"http://127.0.0.1:{free_port()}/{SECRET}"))
    assert away["event"] == "dead_mans_switch_not_reached"
    (wrong,) = run(world, auditor(world, f"https://{SECRET}:x/"))
    assert wrong["event"] == "dead_mans_switch_not_reached"
    for line in (refused, away, wrong):
        assert SECRET not in str(line)
