"""Who is alive and who holds what only one may hold, by the database's clock."""

from __future__ import annotations

import contextvars
import subprocess
import sys
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

import pytest
from sqlalchemy import Connection

from config.database import Database
from dispatcher.running.presence import (
    ALIVE_SECONDS,
    ALL_LANES,
    alive,
    beat,
    give_back,
    leave,
    new_process_id,
    take_lease,
)
from dispatcher.tables import LEASE, PROCESS
from tests.dispatcher.world import World

T = TypeVar("T")


@pytest.fixture
def world(database: Database) -> World:
    return World(database)


def do(world: World, work: Callable[[Connection], T]) -> T:
    with world.clock(), world.database.write() as connection:
        return work(connection)


def take(world: World, holder: str, seconds: float = 15.0) -> bool:
    return do(world, lambda connection: take_lease(connection, "upkeep", holder, seconds))


def test_a_lease_belongs_to_one_until_it_runs_out(world: World) -> None:
    assert take(world, "a")
    assert not take(world, "b")
    world.later(10)
    assert take(world, "a")  # keeps it, from now on
    world.later(15)
    assert not take(world, "b")
    world.later(1)
    assert take(world, "b")
    assert not take(world, "a")


def test_a_lease_that_is_given_back_is_free_at_once_and_nobody_elses_is(world: World) -> None:
    take(world, "a")
    do(world, lambda connection: give_back(connection, "upkeep", "b"))
    assert not take(world, "b")
    do(world, lambda connection: give_back(connection, "upkeep", "a"))
    assert take(world, "b")
    assert do(world, lambda connection: take_lease(connection, "another", "a", 15.0))


def test_a_lease_of_a_process_that_was_killed_on_this_machine_is_free_at_once(world: World) -> None:
    child = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE, stdout=subprocess.DEVNULL)
    here = new_process_id("drainer").rsplit("-", 2)[0]
    assert take(world, f"{here}-{child.pid}-abc123")
    assert not take(world, "b")
    child.kill()
    child.wait()
    assert take(world, "b")
    assert not take(world, "c")


def test_of_several_who_ask_at_once_one_gets_it(postgres_database: Database) -> None:
    world = World(postgres_database)
    for _ in range(5):
        barrier = threading.Barrier(4)

        def ask(name: str, barrier: threading.Barrier = barrier) -> bool:
            barrier.wait(30.0)
            return take(world, name)

        with ThreadPoolExecutor(4) as pool:
            futures = [pool.submit(contextvars.copy_context().run, ask, name) for name in "abcd"]
            assert sorted(future.result(30.0) for future in futures) == [False, False, False, True]
        world.later(3600)


def test_who_was_seen_lately_is_alive(world: World) -> None:
    do(world, lambda connection: beat(connection, "w1", "worker", "alerts", {}))
    do(world, lambda connection: beat(connection, "d1", "drainer", ALL_LANES, {"sms": "ok"}))
    do(world, lambda connection: beat(connection, "s1", "scheduler", ALL_LANES, {}))

    def names(*kinds: str, lane: str | None = None) -> list[str]:
        return do(world, lambda connection: [row.id for row in alive(connection, kinds, lane)])

    assert names() == ["d1", "s1", "w1"]
    assert names("worker", "drainer") == ["d1", "w1"]
    assert names("worker", "drainer", lane="routine") == ["d1"]
    world.later(ALIVE_SECONDS)
    assert names() == []
    do(world, lambda connection: beat(connection, "w1", "worker", "alerts", {"sms": "20429"}))
    assert names() == ["w1"]
    assert {row.id: row.health for row in world.rows(PROCESS)}["w1"] == {"sms": "20429"}


def test_who_leaves_takes_its_leases_along(world: World) -> None:
    do(world, lambda connection: beat(connection, "a", "worker", "alerts", {}))
    take(world, "a")
    do(world, lambda connection: leave(connection, "a"))
    assert world.rows(PROCESS) == world.rows(LEASE) == []


def test_the_dead_are_forgotten_after_a_day(world: World) -> None:
    do(world, lambda connection: beat(connection, "old", "worker", "alerts", {}))
    world.later(86_400)
    do(world, lambda connection: beat(connection, "new", "worker", "alerts", {}))
    assert [row.id for row in world.rows(PROCESS)] == ["new", "old"]
    world.later(1)
    do(world, lambda connection: beat(connection, "new", "worker", "alerts", {}))
    assert [row.id for row in world.rows(PROCESS)] == ["new"]


def test_no_two_processes_have_the_same_name() -> None:
    names = {new_process_id("worker") for _ in range(200)}
    assert len(names) == 200
    assert all(name.startswith("worker-") and len(name) <= 64 for name in names)
