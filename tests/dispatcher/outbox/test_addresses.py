"""What deliveries teach us about an address."""

from __future__ import annotations

from contacts.tables import ADDRESS
from dispatcher.tables import DELIVERY
from providers.base import Accepted, Deferred, Outcome, ReceiptStatus, Rejected, Unknown
from tests.dispatcher.world import Family, World


def failures(world: World, family: Family) -> int:
    (row,) = world.rows(ADDRESS, ADDRESS.c.value == family.phone)
    return int(row.failures)


def end(world: World, family: Family, outcome: Outcome) -> int:
    world.sent(family)
    one = world.claim_one()
    world.record((one, outcome))
    return one.delivery_id


def test_a_number_that_takes_no_message_is_counted_and_one_that_does_starts_anew(world: World) -> None:
    family, other = world.family(), world.family()
    for count in (1, 2):
        end(world, family, Rejected("21211"))
        assert failures(world, family) == count
    (row,) = world.rows(ADDRESS, ADDRESS.c.value == family.phone)
    assert row.failed_at == world.now
    delivery = end(world, family, Accepted("SM1"))
    assert failures(world, family) == 2
    world.receipt("SM1", ReceiptStatus.DELIVERED, delivery, 1)
    assert failures(world, family) == 0
    assert failures(world, other) == 0


def test_failures_are_counted_in_whatever_company_they_are_recorded(world: World) -> None:
    failing, working = world.family(), world.family()
    world.sent(failing, working)
    claims = {one.to: one for one in world.claim()}
    world.record((claims[failing.phone], Rejected("21211")), (claims[working.phone], Accepted("SM1")))
    world.receipt("SM1", ReceiptStatus.DELIVERED)
    assert (failures(world, failing), failures(world, working)) == (1, 0)
    end(world, failing, Accepted("SM2"))
    world.receipt("SM2", ReceiptStatus.DELIVERED)
    assert failures(world, failing) == 0


def test_what_a_later_try_could_bring_is_no_failure_of_the_number(world: World) -> None:
    family = world.family()
    end(world, family, Deferred("20429"))
    end(world, family, Unknown("read_timeout"))
    end(world, family, Rejected("poison"))
    delivery = end(world, family, Accepted("SM1"))
    world.receipt("SM1", ReceiptStatus.UNDELIVERED, delivery, 1, code="30003")  # switched off
    assert failures(world, family) == 0


def test_a_receipt_counts_once_however_often_it_comes(world: World) -> None:
    family = world.family()
    delivery = end(world, family, Accepted("SM1"))
    for _ in range(3):
        world.receipt("SM1", ReceiptStatus.UNDELIVERED, delivery, 1, code="30006")  # a fixed line
    assert failures(world, family) == 1
    assert len(world.rows(DELIVERY)) == 1
