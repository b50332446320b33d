"""What deliveries teach us about an address."""

from __future__ import annotations

import pytest

from contacts.tables import ADDRESS
from dispatcher.tables import AnyRow
from providers.base import Accepted, Outcome, ReceiptStatus, Rejected
from tests.dispatcher.world import World


def address(world: World, delivery_id: int) -> AnyRow:
    (row,) = world.rows(ADDRESS, ADDRESS.c.id == world.delivery(delivery_id).address_id)
    return row


@pytest.mark.parametrize(
    ("outcome", "failures"),
    [(Rejected("21211"), 1), (Rejected("21610", opted_out=True), 0), (Rejected("30007"), 0), (Accepted("SM1"), 0)],
)
def test_only_what_no_later_try_could_bring_counts_against_an_address(
    world: World, outcome: Outcome, failures: int
) -> None:
    world.sent(world.family())
    one = world.claim_one()
    world.record((one, outcome))
    row = address(world, one.delivery_id)
    assert (row.failures, row.failed_at) == (failures, world.now if failures else None)


def test_failures_add_up_over_alerts_and_an_arrival_ends_the_row(world: World) -> None:
    family = world.family()
    for expected in (1, 2):
        world.sent(family)
        one = world.claim_one()
        world.record((one, Accepted(f"SM{expected}")))
        world.receipt(f"SM{expected}", ReceiptStatus.UNDELIVERED, code="30005")
        assert address(world, one.delivery_id).failures == expected
    world.sent(family)
    one = world.claim_one()
    world.record((one, Accepted("SM3")))
    world.receipt("SM3", ReceiptStatus.DELIVERED)
    assert address(world, one.delivery_id).failures == 0


def test_a_receipt_that_comes_twice_counts_once(world: World) -> None:
    world.sent(world.family())
    one = world.claim_one()
    world.record((one, Accepted("SM1")))
    for _again in range(2):
        world.receipt("SM1", ReceiptStatus.UNDELIVERED, code="30005")
    assert address(world, one.delivery_id).failures == 1
