"""What the upkeep does by itself, with nobody ringing."""

from __future__ import annotations

import asyncio

from config.database import Database
from config.settings import load_settings
from contacts.codes import InvitationState
from contacts.tables import ADDRESS, INVITATION
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


def test_whoever_entered_a_code_is_let_go_of_when_nobody_answered_in_time(database: Database) -> None:
    world = World(database)
    family = world.family()
    with world.store() as store:
        store.connection.execute(
            INVITATION.insert().values(
                student_id=family.student,
                code_hash="0" * 64,
                state=InvitationState.ENTERED,
                made_at=world.now,
                expires_at=world.now,
                entered_lookup="1" * 64,
                entered_number="encrypted",
                entered_name="encrypted",
            )
        )
    for lane, state in ((Lane.ALERTS, InvitationState.ENTERED), (Lane.ROUTINE, InvitationState.EXPIRED)):
        with world.clock():
            asyncio.run(Upkeep(database, lane, [], world.renderer, "worker", PATIENCE, 10.0, 3, 18).run())
        (row,) = world.rows(INVITATION)
        assert row.state is state
    assert (row.entered_lookup, row.entered_number, row.entered_name) == (None, None, None)
