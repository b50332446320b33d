"""An alert is confirmed once, stopped for good, and what failed gets a second chance."""

from __future__ import annotations

import contextvars
import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta

import pytest

from config.errors import BeredskapError, UsageError
from contacts.tables import ADDRESS
from dispatcher.alerts.draft import SAME_REQUEST_SECONDS, discard_draft
from dispatcher.alerts.lifecycle import (
    Confirmed,
    Stopped,
    alert_number,
    find_alert,
    list_alerts,
    resend_failed,
    stop,
)
from dispatcher.codes import AlertState, DeliveryState
from dispatcher.tables import ALERT, DELIVERY, EVENT
from providers.base import Accepted, Channel, Deferred, ReceiptStatus, Rejected, Unknown
from tests.dispatcher.alerts.drafting import confirmed, draft
from tests.dispatcher.world import LIFE, World, check_books

S = DeliveryState


def stopped(world: World, number: str) -> Stopped:
    with world.clock(), world.database.write() as connection:
        return stop(connection, number, "rektor")


def resent(world: World, number: str) -> int:
    with world.clock(), world.database.write() as connection:
        return resend_failed(connection, number, "leder")[1]


def number_of(world: World, alert: int) -> str:
    (row,) = world.rows(ALERT, ALERT.c.id == alert)
    return str(row.number)


# Confirmation


def test_a_confirmation_starts_the_life_of_the_alert(world: World) -> None:
    world.family()
    made = draft(world, expires_seconds=1800)
    world.later(300)
    answer = confirmed(world, made, hold=5.0)
    assert answer == Confirmed(made.alert_id, "A-2611-0001", earlier=False)
    (row,) = world.rows(ALERT)
    assert (row.state, row.confirmed_at) == (AlertState.PLANNING, world.now)
    assert row.hold_until == world.now + timedelta(seconds=5)
    assert row.expires_at == world.now + timedelta(seconds=1800)
    assert world.plan() == 1
    assert world.claim() == []
    world.later(5)
    assert len(world.claim()) == 1


def test_a_double_press_shows_the_first_alert(world: World) -> None:
    world.family()
    first, second = draft(world), draft(world)
    one = confirmed(world, first)
    world.later(SAME_REQUEST_SECONDS - 1)
    other = confirmed(world, second)
    assert other == Confirmed(one.alert_id, one.number, earlier=True)
    assert world.alert_state(second.alert_id) is AlertState.DRAFT
    with world.clock(), world.database.write() as connection:
        discard_draft(connection, second.alert_id)
    world.plan()
    assert len(world.rows(DELIVERY)) == 1


def test_the_same_again_goes_out_when_asked_for_and_after_ten_minutes(world: World) -> None:
    world.family()
    numbers = [confirmed(world, draft(world)).number, confirmed(world, draft(world), again=True).number]
    world.later(SAME_REQUEST_SECONDS)
    numbers.append(confirmed(world, draft(world)).number)
    assert numbers == ["A-2611-0001", "A-2611-0002", "A-2611-0003"]


def test_something_else_goes_out_at_once(world: World) -> None:
    world.family()
    answers = [confirmed(world, draft(world)), confirmed(world, draft(world, operator="rektor"))]
    assert [answer.earlier for answer in answers] == [False, False]


@pytest.mark.parametrize("how", ["discarded", "confirmed"])
def test_a_draft_that_is_gone_cannot_be_confirmed(world: World, how: str) -> None:
    world.family()
    made = draft(world)
    if how == "confirmed":
        confirmed(world, made)
    else:
        with world.clock(), world.database.write() as connection:
            discard_draft(connection, made.alert_id)
    with pytest.raises(BeredskapError, match="no longer there"):
        confirmed(world, made, again=True)


def test_two_presses_at_once_make_one_alert(pg_world: World) -> None:
    world = pg_world
    world.family()
    for _ in range(5):
        drafts = [draft(world, text=f"Melding {world.now:%H%M}.") for _ in range(2)]
        barrier = threading.Barrier(2)

        def press(number: int, drafts: list = drafts, barrier: threading.Barrier = barrier) -> Confirmed:  # type: ignore[type-arg]
            barrier.wait(30.0)
            return confirmed(world, drafts[number])

        with ThreadPoolExecutor(2) as pool:
            futures = [pool.submit(contextvars.copy_context().run, press, number) for number in range(2)]
            answers = [future.result(30.0) for future in futures]
        assert sorted(answer.earlier for answer in answers) == [False, True]
        assert len({answer.alert_id for answer in answers}) == 1
        world.later(3600)


def test_numbers_count_within_the_month_in_oslo(world: World) -> None:
    assert alert_number(42, datetime(2026, 11, 30, 22, 59, tzinfo=UTC)) == "A-2611-0042"
    assert alert_number(1, datetime(2026, 11, 30, 23, 0, tzinfo=UTC)) == "A-2612-0001"
    assert alert_number(12345, datetime(2026, 12, 31, 23, 0, tzinfo=UTC)) == "A-2701-12345"
    world.family()
    world.now = datetime(2026, 11, 30, 22, 59, tzinfo=UTC)
    before = confirmed(world, draft(world)).number
    world.later(60)
    after = confirmed(world, draft(world), again=True).number
    assert (before, after) == ("A-2611-0001", "A-2612-0001")


# Finding


def test_latest_is_the_one_confirmed_last(world: World) -> None:
    world.family()
    early, late = draft(world), draft(world)
    confirmed(world, late)
    world.later(60)
    confirmed(world, early, again=True)
    draft(world)
    with world.clock(), world.database.read() as connection:
        assert find_alert(connection, "latest").id == find_alert(connection, "LATEST").id == early.alert_id
        assert find_alert(connection, " a-2611-0001 ").id == late.alert_id
        assert [row.id for row in list_alerts(connection, 9)] == [early.alert_id, late.alert_id]
        assert [row.id for row in list_alerts(connection, 1)] == [early.alert_id]


@pytest.mark.parametrize("number", ["latest", "A-2611-0001", "", "1"])
def test_there_is_no_such_alert(world: World, number: str) -> None:
    world.family()
    draft(world)
    with world.clock(), world.database.read() as connection, pytest.raises(UsageError, match="no alert"):
        find_alert(connection, number)


# Stop


def test_a_stop_says_what_it_held_back_and_what_had_left(world: World) -> None:
    alert = world.sent(*[world.family() for _ in range(7)])
    accepted, rejected, unknown, deferred, _sending = world.claim(size=5)
    world.record(
        (accepted, Accepted("SM1")),
        (rejected, Rejected("21211")),
        (unknown, Unknown("read_timeout")),
        (deferred, Deferred("20429", 60.0)),
    )
    answer = stopped(world, number_of(world, alert))
    assert (answer.held_back, answer.left) == (3, 3)
    (row,) = world.rows(ALERT)
    assert (row.state, row.ended_at, row.ended_by) == (AlertState.STOPPED, world.now, "rektor")
    world.later(60)
    assert world.claim() == []
    world.sweep()
    assert world.states(alert)[S.CANCELLED] == 3
    check_books(world.database)


@pytest.mark.parametrize("state", [AlertState.STOPPED, AlertState.CLOSED, AlertState.EXPIRED])
def test_what_has_ended_cannot_be_stopped(world: World, state: AlertState) -> None:
    alert = world.sent(world.family())
    world.change(ALERT, alert, state=state)
    with pytest.raises(UsageError, match="cannot be stopped"):
        stopped(world, number_of(world, alert))
    assert world.alert_state(alert) is state


def test_a_stop_within_the_hold_lets_nothing_leave(world: World) -> None:
    world.family()
    answer = confirmed(world, draft(world), hold=5.0)
    world.plan()
    world.later(4)
    assert stopped(world, answer.number) == Stopped(answer.number, 1, 0)
    world.later(60)
    assert world.claim() == []


# A second chance


def test_what_failed_goes_out_once_more_to_those_who_were_meant(world: World) -> None:
    family = world.family(2, email=True, language="nn")
    alert = world.sent(family, world.family())
    sms = {one.to: one for one in world.claim()}
    mail = world.claim_one(Channel.EMAIL)
    failed = sms.pop(family.phone)
    (fine,) = sms.values()
    world.record((failed, Accepted("SM1")), (fine, Accepted("SM2")), (mail, Rejected("550 5.1.1")))
    world.receipt("SM1", ReceiptStatus.UNDELIVERED, failed.delivery_id, 1)
    world.later(60)
    assert resent(world, number_of(world, alert)) == 2
    new = [row for row in world.rows(DELIVERY) if row.round == 2]
    assert {(row.channel, row.language, row.state, row.attempt) for row in new} == {
        (Channel.SMS, "nn", S.QUEUED, 0),
        (Channel.EMAIL, "nn", S.QUEUED, 0),
    }
    for row in new:
        assert world.recipients(row.id) == {(student, family.guardian) for student in family.students}
        assert (row.due_at, row.expires_at) == (world.now, world.rows(ALERT)[0].expires_at)
        (event,) = world.rows(EVENT, EVENT.c.delivery_id == row.id)
        assert event.source.value == "operator"
    assert world.state(failed.delivery_id) is S.UNDELIVERED
    assert resent(world, number_of(world, alert)) == 0
    again = world.claim_one()
    world.record((again, Rejected("21211")))
    assert resent(world, number_of(world, alert)) == 1
    assert [row.round for row in world.rows(DELIVERY, DELIVERY.c.address_id == new[0].address_id)] == [1, 2, 3]
    check_books(world.database)


def test_who_answered_stop_gets_no_second_sms(world: World) -> None:
    family = world.family(email=True)
    alert = world.sent(family)
    world.record(
        (world.claim_one(), Rejected("21610", opted_out=True)), (world.claim_one(Channel.EMAIL), Rejected("550"))
    )
    (address,) = world.rows(ADDRESS, ADDRESS.c.value == family.phone)
    assert address.opted_out_at is not None
    assert resent(world, number_of(world, alert)) == 1
    assert [row.channel for row in world.rows(DELIVERY, DELIVERY.c.round == 2)] == [Channel.EMAIL]


def test_who_lost_the_right_gets_no_second_chance(world: World) -> None:
    family = world.family()
    alert = world.sent(family)
    world.record((world.claim_one(), Rejected("21211")))
    with world.store() as store:
        store.block(family.guardian)
    assert resent(world, number_of(world, alert)) == 1
    assert world.claim() == []
    assert world.states(alert) == {S.REJECTED: 1, S.CANCELLED: 1}
    assert world.decisions(alert) == [(family.student, family.guardian, "no", "blocked")]


@pytest.mark.parametrize("state", [AlertState.PLANNING, AlertState.STOPPED, AlertState.EXPIRED])
def test_an_alert_that_is_not_open_gives_no_second_chance(world: World, state: AlertState) -> None:
    alert = world.sent(world.family())
    world.record((world.claim_one(), Rejected("21211")))
    world.change(ALERT, alert, state=state)
    with pytest.raises(UsageError, match=state.value):
        resent(world, number_of(world, alert))
    assert len(world.rows(DELIVERY)) == 1


def test_an_alert_whose_time_is_over_gives_no_second_chance(world: World) -> None:
    alert = world.sent(world.family())
    world.record((world.claim_one(), Rejected("21211")))
    world.later(LIFE)
    with pytest.raises(UsageError, match="time is over"):
        resent(world, number_of(world, alert))


def test_with_nothing_to_send_again_a_closed_alert_stays_closed(world: World) -> None:
    alert = world.sent(world.family())
    one = world.claim_one()
    world.record((one, Accepted("SM1")))
    world.receipt("SM1", ReceiptStatus.DELIVERED, one.delivery_id, 1)
    world.sweep()
    assert resent(world, number_of(world, alert)) == 0
    assert world.alert_state(alert) is AlertState.CLOSED
