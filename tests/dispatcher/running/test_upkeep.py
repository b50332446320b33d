"""What the upkeep does by itself, with nobody ringing."""

from __future__ import annotations

import asyncio

from config.database import Database
from config.settings import load_settings
from contacts.tables import ADDRESS
from dispatcher.codes import Lane
from dispatcher.running.upkeep import Upkeep
from providers.base import Rejected
from tests.dispatcher.world import PATIENCE, World


def test_an_address_is_failing_after_as_many_failures_as_the_settings_say(database: Database) -> None:
    world = World(database)
    limit = load_settings().organisation.failing_after
    family = world.family()
    upkeep = Upkeep(world.database, Lane.ALERTS, [], world.renderer, "worker", PATIENCE, 10.0, limit, 18)
    for count in range(1, limit + 1):
        world.sent(family)
        world.record((world.claim_one(), Rejected("21211")))
        with world.clock():
            asyncio.run(upkeep.run())
        (row,) = world.rows(ADDRESS, ADDRESS.c.value == family.phone)
        assert (row.failures, row.failing_since) == (count, world.now if count == limit else None)
        world.later(60)
