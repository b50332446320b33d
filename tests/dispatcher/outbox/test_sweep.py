"""What time itself does: leases run out, messages and alerts expire, alerts end when nothing moves any more."""

from __future__ import annotations

from datetime import timedelta

import pytest

from dispatcher.alerts.lifecycle import resend_failed
from dispatcher.codes import AlertState, AttemptOutcome, DeliveryState, Lane, MoveSource
from dispatcher.outbox import sweep as sweeping
from dispatcher.outbox.reconcile import GRACE_SECONDS
from dispatcher.outbox.sweep import anything_left, nobody_to_ask
from dispatcher.tables import ALERT, ATTEMPT, DELIVERY, EVENT
from providers.base import Accepted, Channel, Outcome, ReceiptStatus, Rejected, Unknown
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


def test_a_lost_lease_is_looked_up_at_once_and_leaves_its_attempt_behind(world: World) -> None:
    world.sent(world.family())
    one, begun = world.claim_one(), world.now
    world.later(LEASE + 1)
    world.sweep()
    assert world.delivery(one.delivery_id).lookup_at == world.now
    (row,) = world.rows(ATTEMPT)
    assert (row.number, row.outcome, row.code) == (1, AttemptOutcome.UNKNOWN, "lease_lost")
    assert (row.provider, row.reference, row.began_at, row.ended_at) == ("fake", None, begun, world.now)
    last = world.rows(EVENT)[-1]
    assert (last.source, last.code, last.refused) == (MoveSource.SWEEP, "lease_lost", False)


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


def test_what_a_follow_up_stopped_says_so_and_large_alerts_are_emptied_in_turn(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sweeping, "_BATCH", 2)
    replaced, stopped = world.sent(*[world.family() for _ in range(3)]), world.sent(world.family())
    world.change(ALERT, replaced, state=AlertState.STOPPED, replaced_at=world.now)
    world.change(ALERT, stopped, state=AlertState.STOPPED)
    assert world.sweep() == 4
    rows = {alert: world.rows(DELIVERY, DELIVERY.c.alert_id == alert) for alert in (replaced, stopped)}
    assert [(row.state, row.code) for row in rows[replaced]] == [(S.CANCELLED, "replaced")] * 3
    assert [(row.state, row.code) for row in rows[stopped]] == [(S.CANCELLED, "stopped")]


def test_a_notice_expires_by_itself(world: World) -> None:
    world.sent(world.family())
    notices = [world.notice(f"+474000000{number}") for number in range(2)]
    world.change(DELIVERY, notices[1], expires_at=world.now + timedelta(seconds=901))
    world.later(899)
    assert world.sweep() == 0
    world.later(1)
    assert world.sweep() == 1
    rows = {row.id: (row.state, row.code) for row in world.rows(DELIVERY, DELIVERY.c.alert_id.is_(None))}
    assert rows == {notices[0]: (S.EXPIRED, "expired"), notices[1]: (S.QUEUED, None)}


def test_only_those_of_an_alert_expire_whose_time_is_over(world: World) -> None:
    alert = world.sent(*[world.family() for _ in range(2)])
    first, second = world.rows(DELIVERY)
    world.change(DELIVERY, first.id, expires_at=world.now)
    assert world.sweep() == 1
    assert (world.state(first.id), world.state(second.id)) == (S.EXPIRED, S.QUEUED)
    assert world.alert_state(alert) is AlertState.OPEN


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


def test_an_alert_expires_whose_last_message_is_still_being_sent_and_nobody_plans_it_any_more(world: World) -> None:
    alert = world.sent(world.family())
    world.change(ALERT, alert, planner="planner", planner_until=world.now)
    world.later(LIFE - 1)
    one = world.claim_one()
    world.sweep()
    assert world.alert_state(alert) is AlertState.OPEN
    world.later(1)
    world.sweep()
    (row,) = world.rows(ALERT)
    assert (row.state, row.ended_at) == (AlertState.EXPIRED, world.now)
    assert (row.planner, row.planner_until) == (None, None)
    world.record((one, Accepted("SM1")))


def test_an_alert_stays_open_while_its_message_waits_for_a_receipt(world: World) -> None:
    alert = world.sent(world.family())
    one = world.claim_one()
    world.record((one, Accepted("SM1")))
    world.sweep()
    assert world.alert_state(alert) is AlertState.OPEN
    world.change(DELIVERY, one.delivery_id, poll_at=None)
    world.sweep()
    (row,) = world.rows(ALERT)
    assert (row.state, row.ended_at) == (AlertState.CLOSED, world.now)


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


def _anything_left(world: World) -> bool:
    with world.clock(), world.database.read() as connection:
        return anything_left(connection)


@pytest.mark.parametrize(
    ("outcome", "asked_at"), [(Unknown("read_timeout"), "lookup_at"), (Accepted("SM1"), "poll_at")]
)
def test_whoever_drains_stays_while_a_message_may_yet_move(world: World, outcome: Outcome, asked_at: str) -> None:
    assert not _anything_left(world)
    notice = world.notice()
    assert _anything_left(world)
    one = world.claim_one(lane=Lane.ROUTINE)
    assert _anything_left(world)
    world.record((one, outcome))
    assert _anything_left(world)
    world.change(DELIVERY, notice, **{asked_at: None})
    assert not _anything_left(world)


def test_whoever_drains_stays_while_an_alert_lives(world: World) -> None:
    alert = world.alert([])
    for state in AlertState:
        number = None if state is AlertState.DRAFT else "A-2611-9999"
        world.change(ALERT, alert, state=state, number=number)
        assert _anything_left(world) == (state in (AlertState.PLANNING, AlertState.OPEN)), state


@pytest.mark.parametrize(
    ("outcome", "asked_at"), [(Unknown("read_timeout"), "lookup_at"), (Accepted("SM1"), "poll_at")]
)
def test_what_a_provider_that_is_gone_was_given_is_let_be_long_after_its_end(
    world: World, outcome: Outcome, asked_at: str
) -> None:
    world.sent(world.family())
    one = world.claim_one()
    world.record((one, outcome))
    state = world.state(one.delivery_id)

    def asked(lane: Lane, *providers: str) -> bool:
        with world.clock(), world.database.write() as connection:
            nobody_to_ask(connection, lane, providers)
        return world.delivery(one.delivery_id)._mapping[asked_at] is not None

    world.later(LIFE + GRACE_SECONDS)
    assert asked(Lane.ALERTS, "another")
    world.later(1)
    assert asked(Lane.ROUTINE, "another")
    assert asked(Lane.ALERTS, "another", "fake")
    assert not asked(Lane.ALERTS, "another")
    assert world.state(one.delivery_id) is state
