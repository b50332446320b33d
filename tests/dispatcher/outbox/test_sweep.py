"""What time itself does: leases run out, messages and alerts expire, alerts end when nothing moves any more."""

from __future__ import annotations

from datetime import timedelta

import pytest

from dispatcher.alerts.lifecycle import resend_failed
from dispatcher.codes import AlertState, DeliveryState
from dispatcher.outbox import sweep as sweeping
from dispatcher.tables import ALERT, DELIVERY
from providers.base import Accepted, Channel, ReceiptStatus, Rejected, Unknown
from tests.dispatcher.world import LEASE, LIFE, SETTLE, FakeProvider, World

S = DeliveryState


def test_nothing_to_do(world: World) -> None:
    alert = world.sent(world.family())
    assert world.sweep() == 0
    assert world.alert_state(alert) is AlertState.OPEN


def test_a_lease_counts_to_its_end(world: World) -> None:
    world.sent(world.family())
    one = world.claim_one()
    world.later(LEASE)
    assert world.sweep() == 0
    world.later(1)
    assert world.sweep() == 1
    row = world.delivery(one.delivery_id)
    assert (row.state, row.code, row.lost_claims) == (S.UNKNOWN, "lease_lost", 1)
    assert world.sweep() == 0


def test_an_emails_lost_lease_waits_before_it_is_repeated(world: World) -> None:
    world.sent(world.family(email=True), sms=False)
    one = world.claim_one(Channel.EMAIL)
    world.later(LEASE + 1)
    world.sweep()
    assert world.delivery(one.delivery_id).lookup_at == world.now + timedelta(seconds=SETTLE)


def test_more_rows_than_one_transaction_takes(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sweeping, "_BATCH", 2)
    alert = world.sent(*[world.family() for _ in range(5)])
    world.claim()
    world.later(LEASE + 1)
    assert world.sweep() == 5
    assert world.states(alert) == {S.UNKNOWN: 5}


def test_what_has_not_left_of_a_stopped_alert_is_cancelled(world: World) -> None:
    going, stopped = world.sent(world.family()), world.sent(*[world.family() for _ in range(3)])
    claims = {one.alert_id: one for one in world.claim(size=2)}
    world.change(ALERT, stopped, state=AlertState.STOPPED)
    assert world.sweep() == 2
    assert world.states(stopped) == {S.CANCELLED: 2, S.SENDING: 1}
    assert world.states(going) == {S.SENDING: 1}
    world.record((claims[stopped], Accepted("SM1")), (claims[going], Accepted("SM2")))
    assert world.states(stopped) == {S.CANCELLED: 2, S.ACCEPTED: 1}
    assert world.alert_state(stopped) is AlertState.STOPPED


def test_an_alert_that_waits_keeps_no_later_one_from_being_stopped_or_from_expiring(world: World) -> None:
    waiting, stopped, over, last = (world.sent(world.family()) for _ in range(4))
    world.change(ALERT, stopped, state=AlertState.STOPPED)
    (row,) = world.rows(DELIVERY, DELIVERY.c.alert_id == over)
    world.change(DELIVERY, row.id, expires_at=world.now)
    assert world.sweep() == 2
    codes = {row.alert_id: (row.state, row.code) for row in world.rows(DELIVERY)}
    assert codes == {
        waiting: (S.QUEUED, None),
        stopped: (S.CANCELLED, "stopped"),
        over: (S.EXPIRED, "expired"),
        last: (S.QUEUED, None),
    }


def test_what_has_not_left_in_time_expires_with_its_alert(world: World) -> None:
    alert = world.sent(*[world.family() for _ in range(2)])
    (one,) = world.claim(size=1)
    world.record((one, Accepted("SM1")))
    world.later(LIFE)
    assert world.claim() == []
    assert world.sweep() == 1
    assert world.states(alert) == {S.ACCEPTED: 1, S.EXPIRED: 1}
    (row,) = world.rows(ALERT)
    assert (row.state, row.ended_at) == (AlertState.EXPIRED, world.now)
    # What had left still takes its receipt.
    world.receipt("SM1", ReceiptStatus.DELIVERED, one.delivery_id, 1)
    assert world.state(one.delivery_id) is S.DELIVERED


def test_an_alert_whose_planning_did_not_end_in_time_expires(world: World) -> None:
    alert = world.alert(world.family().students)
    world.later(LIFE)
    world.sweep()
    assert world.alert_state(alert) is AlertState.EXPIRED
    assert world.plan() == 0


def test_an_alert_closes_when_nothing_moves_any_more(world: World) -> None:
    alert = world.sent(*[world.family(email=True) for _ in range(2)])
    sms, mails = world.claim(), world.claim(Channel.EMAIL)
    world.record((mails[0], Accepted("queue-1")), (mails[1], Rejected("550")))
    world.record((sms[0], Accepted("SM1")), (sms[1], Unknown("read_timeout")))
    world.sweep()
    assert world.alert_state(alert) is AlertState.OPEN
    world.receipt("SM1", ReceiptStatus.UNDELIVERED, sms[0].delivery_id, 1)
    world.sweep()
    assert world.alert_state(alert) is AlertState.OPEN  # one is to be looked up yet
    world.receipt("SM2", ReceiptStatus.DELIVERED, sms[1].delivery_id, 1)
    world.later(1)
    world.sweep()
    (row,) = world.rows(ALERT)
    assert (row.state, row.ended_at) == (AlertState.CLOSED, world.now)


def test_an_alert_about_nobody_who_may_be_told_closes(world: World) -> None:
    with world.store(changed=False) as store:
        student = store.student("alone")
    alert = world.alert([student])
    world.plan()
    world.sweep()
    assert world.alert_state(alert) is AlertState.CLOSED


def test_an_alert_that_is_being_planned_does_not_close(world: World) -> None:
    alert = world.alert(world.family().students)
    world.sweep()
    assert world.alert_state(alert) is AlertState.PLANNING


def test_an_alert_whose_messages_all_left_closes_when_its_time_is_over(world: World) -> None:
    alert = world.sent(world.family())
    one = world.claim_one()
    world.record((one, Accepted("SM1")))
    world.later(LIFE)
    world.sweep()
    assert world.alert_state(alert) is AlertState.CLOSED


def test_an_email_that_stays_unknown_does_not_keep_its_alert_open(world: World) -> None:
    alert = world.sent(world.family(email=True), sms=False)
    for _ in range(2):
        world.record((world.claim_one(Channel.EMAIL), Unknown("connection_lost")))
        world.later(SETTLE)
        world.look_up(FakeProvider(Channel.EMAIL, can_look_up=False))
    world.sweep()
    assert world.alert_state(alert) is AlertState.CLOSED


def test_a_second_chance_opens_a_closed_alert_and_keeps_it_open(world: World) -> None:
    alert = world.sent(world.family())
    world.record((world.claim_one(), Rejected("21211")))
    world.sweep()
    assert world.alert_state(alert) is AlertState.CLOSED
    (row,) = world.rows(ALERT)
    with world.clock(), world.database.write() as connection:
        resend_failed(connection, row.number, "leder")
    world.sweep()
    assert world.alert_state(alert) is AlertState.OPEN
    again = world.claim_one()
    assert world.rows(DELIVERY)[-1].id == again.delivery_id
    world.release(again)
