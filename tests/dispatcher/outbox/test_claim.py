"""A claim takes what may leave now, and nothing else; and what it takes, nobody else has."""

from __future__ import annotations

from collections import Counter
from datetime import timedelta
from typing import Any

import pytest

from contacts.tables import ADDRESS
from dispatcher.codes import AlertState, AlertStatus, DeliveryState, Lane
from dispatcher.outbox import claim as claiming
from dispatcher.outbox.claim import alerts_to_send
from dispatcher.tables import ALERT, DELIVERY
from providers.base import Accepted, Channel, Deferred, Unknown
from tests.dispatcher.world import LEASE, LIFE, NOW, World


def test_a_claim_says_what_to_send_to_whom_and_how_long_it_is_worth(world: World) -> None:
    family = world.family(language="nn")
    alert = world.sent(family)
    world.later(100)
    one = world.claim_one()
    assert (one.alert_id, one.notice_id, one.channel, one.to) == (alert, None, Channel.SMS, family.phone)
    assert (one.language, one.segments, one.attempt, one.deferrals, one.repeats) == ("nn", 1, 1, 0, 0)
    assert one.seconds_left == LIFE - 100
    assert one.claimed_at == world.now
    row = world.delivery(one.delivery_id)
    assert row.state is DeliveryState.SENDING
    assert (row.claimed_by, row.lease_until) == ("worker", world.now + timedelta(seconds=LEASE))
    assert (row.provider, row.claimed_at) == ("fake", world.now)
    assert family.phone not in repr(one)
    world.record((one, Accepted("SM1")))


@pytest.mark.parametrize("state", list(AlertState))
def test_only_messages_of_an_alert_that_is_planned_or_open_leave(world: World, state: AlertState) -> None:
    alert = world.sent(world.family())
    number = None if state is AlertState.DRAFT else "A-2611-9999"
    world.change(ALERT, alert, state=state, number=number)
    assert len(world.claim()) == (state in (AlertState.PLANNING, AlertState.OPEN))
    if world.states(alert)[DeliveryState.SENDING]:
        world.later(LEASE + 1)
        world.sweep()


@pytest.mark.parametrize(
    ("values", "leaves"),
    [
        ({"hold_until": NOW}, True),
        ({"hold_until": NOW + timedelta(seconds=1)}, False),
        ({"expires_at": NOW}, False),
        ({"expires_at": NOW + timedelta(seconds=1)}, True),
    ],
)
def test_the_hold_and_the_expiry_of_the_alert_count(world: World, values: dict[str, Any], leaves: bool) -> None:
    alert = world.sent(world.family())
    world.change(ALERT, alert, **values)
    claims = world.claim()
    assert len(claims) == leaves
    world.release(*claims)


@pytest.mark.parametrize(
    ("values", "leaves"),
    [
        ({"due_at": NOW}, True),
        ({"due_at": NOW + timedelta(seconds=1)}, False),
        ({"expires_at": NOW}, False),
    ],
)
def test_the_message_itself_must_be_due_and_alive(world: World, values: dict[str, Any], leaves: bool) -> None:
    world.sent(world.family())
    (row,) = world.rows(DELIVERY)
    world.change(DELIVERY, row.id, **values)
    claims = world.claim()
    assert len(claims) == leaves
    world.release(*claims)


def test_what_is_due_later_waits_beside_what_is_due_now(world: World) -> None:
    world.sent(world.family(), world.family())
    now, later = (row.id for row in world.rows(DELIVERY))
    world.change(DELIVERY, later, due_at=NOW + timedelta(seconds=1))
    one = world.claim_one()
    assert one.delivery_id == now
    world.release(one)


def test_what_waited_longest_leaves_first_and_a_claim_takes_no_more_than_asked(world: World) -> None:
    families = [world.family() for _ in range(5)]
    world.sent(*families)
    ids = [row.id for row in world.rows(DELIVERY)]
    world.change(DELIVERY, ids[3], due_at=NOW - timedelta(seconds=9))
    first = world.claim(size=2)
    assert [one.delivery_id for one in first] == [ids[3], ids[0]]
    rest = world.claim(size=9)
    assert [one.delivery_id for one in rest] == [ids[1], ids[2], ids[4]]
    assert world.claim() == []
    world.release(*first, *rest)


def test_each_channel_and_lane_takes_its_own(world: World) -> None:
    world.sent(world.family(email=True))
    notice = world.notice()
    assert [one.channel for one in world.claim(Channel.EMAIL)] == [Channel.EMAIL]
    routine = world.claim(lane=Lane.ROUTINE)
    assert [(one.delivery_id, one.alert_id) for one in routine] == [(notice, None)]
    assert world.claim(Channel.EMAIL, lane=Lane.ROUTINE) == []
    alerts = world.claim()
    assert [one.alert_id is None for one in alerts] == [False]
    assert world.claim() == world.claim(lane=Lane.ROUTINE) == []
    world.later(LEASE + 1)
    world.sweep()


def test_whether_any_alert_has_something_due(world: World) -> None:
    def due(channel: Channel = Channel.SMS) -> bool:
        with world.clock(), world.database.read() as connection:
            return bool(alerts_to_send(connection, channel))

    world.notice()
    assert not due()
    alert = world.sent(world.family())
    assert (due(), due(Channel.EMAIL)) == (True, False)
    world.change(ALERT, alert, hold_until=world.now + timedelta(seconds=5))
    assert not due()
    world.change(ALERT, alert, hold_until=world.now, state=AlertState.STOPPED)
    assert not due()


# Several alerts at once


def test_alerts_under_way_at_once_share_each_claim(world: World) -> None:
    county = world.sent(*[world.family() for _ in range(9)])
    world.later(60)
    school = world.sent(*[world.family() for _ in range(2)])
    first, second, third = (world.claim(size=6) for _ in range(3))
    assert Counter(one.alert_id for one in first) == {county: 3, school: 2}
    assert Counter(one.alert_id for one in second) == {county: 6}
    assert third == []
    world.release(*first, *second)


def test_what_cannot_be_shared_evenly_goes_to_the_first(world: World) -> None:
    first, second = (world.sent(*[world.family() for _ in range(4)]) for _ in range(2))
    claims = world.claim(size=5)
    assert Counter(one.alert_id for one in claims) == {first: 3, second: 2}
    world.release(*claims)


def test_what_one_alert_cannot_fill_goes_to_the_next(world: World) -> None:
    school = world.sent(world.family())
    county = world.sent(*[world.family() for _ in range(9)])
    claims = world.claim(size=6)
    assert Counter(one.alert_id for one in claims) == {school: 1, county: 5}
    world.release(*claims)


def test_many_alerts_at_once_take_turns(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(claiming, "_TOGETHER", 2)
    alerts = [world.sent(*[world.family() for _ in range(4)]) for _ in range(3)]
    first = world.claim(size=2)
    second = world.claim(size=2, after=alerts[1])
    third = world.claim(size=2, after=alerts[0])
    assert [one.alert_id for one in (*first, *second, *third)] == [alerts[n] for n in (0, 1, 2, 0, 1, 2)]
    world.release(*first, *second, *third)


def test_turns_are_taken_in_the_order_of_the_alerts_however_the_database_gives_them() -> None:
    assert claiming._in_turn([9, 2, 5, 4], after=4) == [5, 9, 2, 4]


@pytest.mark.parametrize("status", [AlertStatus.EXERCISE, AlertStatus.TEST])
def test_a_drill_waits_while_an_actual_alert_has_a_message_that_is_due(world: World, status: AlertStatus) -> None:
    drill = world.sent(world.family(), status=status)
    actual = world.sent(world.family(), world.family())
    one, two = world.claim()
    assert {one.alert_id, two.alert_id} == {actual}
    world.record((one, Accepted("SM1")), (two, Deferred("20429", 30.0)))
    # What is put off holds no drill back: nothing of the actual alert could leave now.
    later = world.claim_one()
    assert later.alert_id == drill
    world.release(later)


def test_an_alert_on_hold_keeps_no_other_waiting(world: World) -> None:
    world.sent(world.family(), hold_until=world.now + timedelta(seconds=5))
    drill = world.sent(world.family(), status=AlertStatus.EXERCISE)
    one = world.claim_one()
    assert one.alert_id == drill
    world.release(one)


def test_a_drill_waits_for_no_actual_message_of_another_channel(world: World) -> None:
    world.sent(world.family(email=True), sms=False)
    drill = world.sent(world.family(), status=AlertStatus.EXERCISE)
    one = world.claim_one()
    assert one.alert_id == drill
    world.release(one)


def test_an_alert_that_is_done_takes_no_part_of_a_claim(world: World) -> None:
    done = world.sent(world.family())
    world.record((world.claim_one(), Accepted("SM1")))
    world.sent(*[world.family() for _ in range(4)])
    claims = world.claim(size=4)
    assert (len(claims), done in {one.alert_id for one in claims}) == (4, False)
    world.release(*claims)


def test_an_outcome_counts_for_its_own_attempt_alone(world: World) -> None:
    world.sent(world.family())
    old = world.claim_one()
    world.release(old)
    new = world.claim_one()
    assert (old.attempt, new.attempt) == (1, 2)
    world.record((old, Deferred("20429")))
    assert world.state(new.delivery_id) is DeliveryState.SENDING
    assert world.refused(new.delivery_id) == ["deferred"]
    world.record((new, Unknown("read_timeout")))
    assert world.state(new.delivery_id) is DeliveryState.UNKNOWN


def test_an_answer_of_stop_holds_sms_back_and_not_email(world: World) -> None:
    family = world.family(email=True)
    world.sent(family)
    (address,) = world.rows(ADDRESS, ADDRESS.c.value == family.phone)
    world.change(ADDRESS, address.id, opted_out_at=world.now)
    assert world.claim() == []
    (sms,) = world.rows(DELIVERY, DELIVERY.c.channel == Channel.SMS)
    assert (sms.state, sms.code, sms.finished_at) == (DeliveryState.CANCELLED, "opted_out", world.now)
    assert world.refused(sms.id) == []
    (mail,) = world.claim(Channel.EMAIL)
    world.release(mail)


def test_a_row_whose_claim_was_lost_twice_is_claimed_alone(world: World) -> None:
    world.sent(*[world.family() for _ in range(3)])
    ids = [row.id for row in world.rows(DELIVERY)]
    for one in ids[:2]:
        world.change(DELIVERY, one, lost_claims=2)
    ordinary = world.claim()
    assert [one.delivery_id for one in ordinary] == [ids[2]]
    assert world.claim() == []
    alone = world.claim(alone=True)
    assert [one.delivery_id for one in alone] == [ids[0]]
    other = world.claim(alone=True)
    assert [one.delivery_id for one in other] == [ids[1]]
    world.release(*ordinary, *alone, *other)
