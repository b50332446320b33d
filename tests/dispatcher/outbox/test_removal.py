"""What leads to somebody is taken out of their messages, and out of nobody else's."""

from __future__ import annotations

from typing import Any

from sqlalchemy import select

from contacts.tables import ADDRESS
from dispatcher.outbox.removal import forget_references, remove_deliveries
from dispatcher.tables import ATTEMPT, DELIVERY, EVENT, PROGRESS, RECEIPT, RECIPIENT
from providers.base import Accepted
from tests.dispatcher.world import Family, World

HANGS_ON_A_MESSAGE = (RECIPIENT, ATTEMPT, EVENT, RECEIPT)


def told(world: World, family: Family, reference: str) -> int:
    """A message that the provider has taken, with a receipt, and that is still to be asked about."""
    world.sent(family)
    claimed = world.claim_one()
    world.record((claimed, Accepted(reference)))
    world.receipt(reference)
    world.change(DELIVERY, claimed.delivery_id, poll_at=world.now, lookup_at=world.now)
    return claimed.delivery_id


def held(world: World, delivery: int) -> dict[str, Any]:
    row = world.delivery(delivery)
    return {
        "message": (row.reference, row.poll_at, row.lookup_at),
        "attempts": [one.reference for one in world.rows(ATTEMPT, ATTEMPT.c.delivery_id == delivery)],
        "receipts": [one.reference for one in world.rows(RECEIPT, RECEIPT.c.delivery_id == delivery)],
    }


def test_what_the_provider_calls_a_message_is_forgotten_with_the_address(world: World) -> None:
    family, other = world.family(), world.family()
    gone, stays = told(world, family, "SM1"), told(world, other, "SM2")
    before = held(world, stays)
    assert before == {"message": ("SM2", world.now, world.now), "attempts": ["SM2"], "receipts": ["SM2"]}
    with world.clock(), world.database.write() as connection:
        of = list(connection.scalars(select(ADDRESS.c.id).where(ADDRESS.c.value == family.phone)))
        forget_references(connection, of)
    assert held(world, gone) == {"message": (None, None, None), "attempts": [None], "receipts": []}
    assert held(world, stays) == before


def test_messages_go_with_all_that_hangs_on_them_and_no_more_at_once_than_was_asked(world: World) -> None:
    first, second, third = (told(world, world.family(), f"SM{n}") for n in range(3))
    with world.clock(), world.database.write() as connection:
        assert remove_deliveries(connection, [DELIVERY.c.id != first], 1) == 1
    assert [row.id for row in world.rows(DELIVERY)] == [first, third]
    for table in HANGS_ON_A_MESSAGE:
        assert {row.delivery_id for row in world.rows(table)} == {first, third}, table.name
    with world.clock(), world.database.write() as connection:
        assert remove_deliveries(connection, [DELIVERY.c.id > second, DELIVERY.c.id <= third], 10) == 1
        assert remove_deliveries(connection, [DELIVERY.c.id == first], 10) == 1
        # As when an alert is reduced to figures: nothing is left that they could be counted from.
        connection.execute(PROGRESS.delete())
    assert [world.rows(table) for table in (DELIVERY, *HANGS_ON_A_MESSAGE)] == [[]] * 5
