"""What deliveries teach us about an address."""

from __future__ import annotations

from sqlalchemy import update

from contacts.tables import ADDRESS, CONTACT_POINT
from dispatcher.alerts.lifecycle import resend_failed
from dispatcher.outbox.addresses import mark_failing
from dispatcher.tables import ALERT, DECISION, DELIVERY
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
    world.receipt("SM1", ReceiptStatus.UNDELIVERED, delivery, 1, code="30007")  # filtered out
    assert failures(world, family) == 0


def test_a_phone_that_is_off_counts_once_a_day(world: World) -> None:
    family = world.family()
    for number, count in enumerate((1, 1, 1, 2, 3)):
        delivery = end(world, family, Accepted(f"SM{number}"))
        world.receipt(f"SM{number}", ReceiptStatus.UNDELIVERED, delivery, 1, code="30003")
        assert failures(world, family) == count
        world.later(10 * 3600 if number < 2 else 25 * 3600)


def test_a_receipt_counts_once_however_often_it_comes(world: World) -> None:
    family = world.family()
    delivery = end(world, family, Accepted("SM1"))
    for _ in range(3):
        world.receipt("SM1", ReceiptStatus.UNDELIVERED, delivery, 1, code="30006")  # a fixed line
    assert failures(world, family) == 1
    assert len(world.rows(DELIVERY)) == 1


def mark(world: World) -> int:
    with world.clock(), world.database.write() as connection:
        return mark_failing(connection, 2)


def test_after_so_many_failures_the_number_is_used_no_more_and_the_report_says_why(world: World) -> None:
    family, other = world.family(email=True), world.family()
    end(world, family, Rejected("21211"))
    assert mark(world) == 0
    end(world, family, Rejected("21211"))
    assert (mark(world), mark(world)) == (1, 0)
    alert = world.sent(family, other)
    assert {row.address_id for row in world.rows(DELIVERY, DELIVERY.c.alert_id == alert)} == {
        row.id for row in world.rows(ADDRESS, ADDRESS.c.value.in_((family.email, other.phone)))
    }
    with world.store() as store:
        store.connection.execute(update(CONTACT_POINT).values(ended_at=world.now))
        store.point(family.guardian, family.phone, source="pifu")
    alert = world.sent(family)
    (decision,) = world.rows(DECISION, DECISION.c.alert_id == alert)
    assert (decision.verdict, decision.unreachable) == ("entitled", "failing")
    assert world.rows(DELIVERY, DELIVERY.c.alert_id == alert) == []


def test_a_message_that_arrives_ends_it(world: World) -> None:
    family = world.family()
    delivery = end(world, family, Accepted("SM0"))  # under way while the others fail
    for _ in range(2):
        end(world, family, Rejected("21211"))
    mark(world)
    world.receipt("SM0", ReceiptStatus.DELIVERED, delivery, 1)
    (row,) = world.rows(ADDRESS, ADDRESS.c.value == family.phone)
    assert (row.failures, row.failing_since) == (0, None)
    assert mark(world) == 0


def test_what_fails_again_after_it_was_verified_by_a_source_is_failing_again(world: World) -> None:
    family = world.family()
    for _ in range(2):
        end(world, family, Rejected("21211"))
    mark(world)
    world.later(3600)
    with world.store() as store:
        store.connection.execute(update(CONTACT_POINT).values(verified_at=world.now))
    world.later(3600)
    end(world, family, Rejected("21211"))
    (row,) = world.rows(ADDRESS, ADDRESS.c.value == family.phone)
    assert row.failing_since == world.now
    assert world.rows(DELIVERY, DELIVERY.c.alert_id == world.sent(family)) == []


def test_a_failing_number_gets_no_second_chance(world: World) -> None:
    family, other = world.family(), world.family()
    alert = world.sent(family, other)
    world.record(*((one, Rejected("21211")) for one in world.claim()))
    (address,) = world.rows(ADDRESS, ADDRESS.c.value == family.phone)
    world.change(ADDRESS, address.id, failing_since=world.now)
    (row,) = world.rows(ALERT, ALERT.c.id == alert)
    with world.clock(), world.database.write() as connection:
        assert resend_failed(connection, row.number, "leder") == (row.number, 1)
    again = world.rows(DELIVERY, DELIVERY.c.alert_id == alert, DELIVERY.c.round == 2)
    assert [one.address_id for one in again] != [address.id] and len(again) == 1
