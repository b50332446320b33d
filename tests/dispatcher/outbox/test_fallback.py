"""The chains of alerts under way, on both databases: who gets the next step, when, and who does not."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

import pytest
from sqlalchemy import insert, update

from contacts.tables import ADDRESS
from dispatcher.alerts.lifecycle import resend_failed, stop
from dispatcher.codes import AlertState, AlertStatus, AnswerKind, DeliveryState
from dispatcher.outbox.chain import Chain, ChainEnd, ChainStep
from dispatcher.outbox.fallback import take_steps
from dispatcher.reports.watching import WatchFigures, watch_figures
from dispatcher.tables import ALERT, ANSWER, CHAIN, DECISION, DELIVERY, MARK, AnyRow
from providers.base import Accepted, Channel, Receipt, ReceiptStatus, Rejected, Unknown
from tests.dispatcher.world import LIFE, NOW, SETTLE, FakeProvider, Family, World

S = DeliveryState
SMS, EMAIL, VOICE = Channel.SMS, Channel.EMAIL, Channel.VOICE
WAIT = 300.0
ADULT = date(2007, 5, 1)
CHAIN_OF = Chain(frozenset({SMS}), (ChainStep(SMS, WAIT), ChainStep(EMAIL, 2 * WAIT)))


def alert_to(world: World, *families: Family, **values: Any) -> int:
    """An alert whose e-mails wait for their step."""
    return world.sent(*families, fallback=CHAIN_OF.as_json(), **values)


def steps(world: World) -> int:
    with world.clock():
        return take_steps(world.database, 18)


def chain(world: World, alert: int, family: Family) -> AnyRow:
    (row,) = world.rows(CHAIN, CHAIN.c.alert_id == alert, CHAIN.c.guardian_id == family.guardian)
    return row


def messages(world: World, alert: int) -> list[tuple[Channel, DeliveryState]]:
    return [(row.channel, row.state) for row in world.rows(DELIVERY, DELIVERY.c.alert_id == alert)]


def reached(world: World, alert: int, student: int, guardian: int | None, **values: Any) -> None:
    """Staff mark that they have reached somebody by telephone."""
    with world.clock(), world.database.write() as connection:
        who = {"alert_id": alert, "student_id": student, "guardian_id": guardian}
        connection.execute(insert(MARK).values(**who, marked_by="rektor", **values))


def accepted(world: World, reference: str = "SM1") -> int:
    one = world.claim_one()
    world.record((one, Accepted(reference)))
    return one.delivery_id


def test_without_a_chain_all_goes_at_once_and_nothing_follows(world: World) -> None:
    alert = world.sent(world.family(email=True))
    assert messages(world, alert) == [(SMS, S.QUEUED), (EMAIL, S.QUEUED)]
    assert world.rows(CHAIN) == []
    world.later(WAIT)
    assert steps(world) == 0


def test_an_sms_without_receipt_is_followed_by_an_email_when_its_time_is_over(world: World) -> None:
    family = world.family(2, email=True)
    alert = alert_to(world, family)
    assert messages(world, alert) == [(SMS, S.QUEUED)]
    accepted(world)
    world.later(WAIT - 1)
    assert steps(world) == 0
    world.later(1)
    assert steps(world) == 1
    assert messages(world, alert) == [(SMS, S.ACCEPTED), (EMAIL, S.QUEUED)]
    row = chain(world, alert, family)
    assert (row.taken, row.step_at, row.next_at) == (2, world.now, world.now + timedelta(seconds=2 * WAIT))
    email = world.claim_one(EMAIL)
    assert world.recipients(email.delivery_id) == {(student, family.guardian) for student in family.students}
    assert steps(world) == 0


def test_the_chain_of_one_alert_does_not_move_that_of_another(world: World) -> None:
    family = world.family(email=True)
    first = alert_to(world, family)
    world.later(WAIT / 2)
    second = alert_to(world, family)
    before = chain(world, second, family)
    world.later(WAIT / 2)
    assert steps(world) == 1
    assert chain(world, second, family) == before
    assert chain(world, first, family).taken == 2


def test_the_time_of_a_message_begins_when_it_left(world: World) -> None:
    family = world.family(email=True)
    alert = alert_to(world, family)
    world.later(200)
    accepted(world)
    world.later(100)
    assert steps(world) == 1
    assert messages(world, alert) == [(SMS, S.ACCEPTED)]
    world.later(199)
    assert steps(world) == 0
    world.later(1)
    steps(world)
    assert messages(world, alert)[1:] == [(EMAIL, S.QUEUED)]


def test_what_has_not_left_by_then_is_silence_as_well(world: World) -> None:
    alert = alert_to(world, world.family(email=True))
    world.later(WAIT)
    steps(world)
    assert messages(world, alert) == [(SMS, S.QUEUED), (EMAIL, S.QUEUED)]


@pytest.mark.parametrize("how", ["refused", "undelivered"])
def test_a_failed_sms_is_followed_at_once(world: World, how: str) -> None:
    alert = alert_to(world, world.family(email=True), world.family(email=True))
    one, other = world.claim()
    if how == "refused":
        world.record((one, Rejected("21211")), (other, Accepted("SM2")))
    else:
        world.record((one, Accepted("SM1")), (other, Accepted("SM2")))
        world.receipt("SM1", ReceiptStatus.UNDELIVERED, code="30005")
    assert steps(world) == 1
    assert [channel for channel, _ in messages(world, alert)] == [SMS, SMS, EMAIL]


@pytest.mark.parametrize("how", ["delivered", "answered"])
def test_what_is_confirmed_is_followed_by_nothing(world: World, how: str) -> None:
    family = world.family(email=True)
    alert = alert_to(world, family)
    delivery = accepted(world)
    if how == "delivered":
        world.receipt("SM1")
    else:
        with world.clock(), world.database.write() as connection:
            answer = {"provider": "fake", "reference": "SM9", "kind": AnswerKind.CONFIRMATION}
            connection.execute(insert(ANSWER).values(**answer, alert_id=alert, delivery_id=delivery))
    world.later(WAIT)
    assert steps(world) == 1
    assert len(messages(world, alert)) == 1
    row = chain(world, alert, family)
    assert (row.ended, row.next_at) == (ChainEnd.CONFIRMED, None)


@pytest.mark.parametrize("themself", [True, False])
def test_whoever_was_reached_by_telephone_is_sent_nothing_more(world: World, themself: bool) -> None:
    family, other = world.family(2, email=True), world.family(email=True)
    alert = alert_to(world, family, other)
    reached(world, alert, family.students[1], family.guardian if themself else None)
    world.later(WAIT)
    assert steps(world) == 2
    assert chain(world, alert, family).ended is ChainEnd.CONFIRMED
    assert chain(world, alert, other).ended is None
    (email,) = [row for row in world.rows(DELIVERY, DELIVERY.c.alert_id == alert) if row.channel is EMAIL]
    assert world.recipients(email.id) == {(other.student, other.guardian)}


def test_a_mark_that_does_not_count_ends_no_chain(world: World) -> None:
    family, other = world.family(email=True), world.family(email=True)
    alert, another = alert_to(world, family), world.alert([other.student])
    reached(world, alert, family.student, family.guardian, taken_back_by="rektor", taken_back_at=NOW)
    reached(world, alert, other.student, other.guardian)
    reached(world, another, family.student, family.guardian)
    world.later(WAIT)
    steps(world)
    assert chain(world, alert, family).ended is None
    assert messages(world, alert)[1:] == [(EMAIL, S.QUEUED)]


def test_that_another_guardian_was_told_ends_no_chain(world: World) -> None:
    family = world.family(email=True)
    with world.store() as store:
        second = store.guardian(family.student)
        store.point(second, "+4799111111")
        store.point(second, "second@example.no")
    alert_to(world, family)
    one, other = world.claim()
    world.record((one, Accepted("SM1")), (other, Accepted("SM2")))
    world.receipt("SM1")
    world.later(WAIT)
    assert steps(world) == 2
    (email,) = world.claim(EMAIL)
    first_told = next(iter(world.recipients(one.delivery_id)))[1]
    assert {guardian for _, guardian in world.recipients(email.delivery_id)} == {family.guardian, second} - {first_told}


def test_the_call_list_comes_behind_the_last_step_and_the_alert_closes_then(world: World) -> None:
    family = world.family(email=True)
    alert = alert_to(world, family)
    world.record((world.claim_one(), Rejected("21211")))
    world.sweep()
    assert world.alert_state(alert) is AlertState.OPEN, "its chain goes on"
    steps(world)
    world.record((world.claim_one(EMAIL), Accepted(None)))
    world.sweep()
    assert world.alert_state(alert) is AlertState.OPEN
    world.later(2 * WAIT)
    steps(world)
    assert chain(world, alert, family).ended is ChainEnd.CALL_LIST
    world.sweep()
    assert world.alert_state(alert) is AlertState.CLOSED


def test_a_guardian_without_a_phone_gets_the_email_at_once(world: World) -> None:
    family = world.family(email=True, verified=False)
    with world.store() as store:
        store.point(family.guardian, "verified@example.no")
    alert = alert_to(world, family)
    assert messages(world, alert) == [(EMAIL, S.QUEUED)]


def test_who_lost_the_entitlement_meanwhile_gets_no_further_step(world: World) -> None:
    family = world.family(email=True)
    alert = alert_to(world, family)
    accepted(world)
    with world.store() as store:
        store.block(family.guardian)
    world.later(WAIT)
    steps(world)
    assert len(messages(world, alert)) == 1
    assert chain(world, alert, family).ended is ChainEnd.NOT_ENTITLED


def test_an_address_that_was_verified_meanwhile_is_used(world: World) -> None:
    family = world.family()
    alert = alert_to(world, family)
    accepted(world)
    with world.store() as store:
        store.point(family.guardian, "new@example.no")
    world.later(WAIT)
    steps(world)
    assert messages(world, alert)[1:] == [(EMAIL, S.QUEUED)]


def test_two_who_share_a_mailbox_get_one_email(world: World) -> None:
    families = [world.family(), world.family()]
    with world.store() as store:
        for family in families:
            store.point(family.guardian, "both@example.no")
    alert = alert_to(world, *families)
    for number, one in enumerate(world.claim()):
        world.record((one, Accepted(f"SM{number}")))
    world.later(WAIT)
    assert steps(world) == 2
    email = world.claim_one(EMAIL)
    assert world.recipients(email.delivery_id) == {(family.student, family.guardian) for family in families}
    assert len(messages(world, alert)) == 3


@pytest.mark.parametrize("state", [AlertState.STOPPED, AlertState.CLOSED, AlertState.EXPIRED])
def test_an_alert_that_has_ended_takes_no_step(world: World, state: AlertState) -> None:
    family = world.family(email=True)
    alert = alert_to(world, family)
    accepted(world)
    world.change(ALERT, alert, state=state, ended_at=world.now)
    world.later(WAIT)
    assert steps(world) == 0
    row = chain(world, alert, family)
    assert (row.next_at, row.ended) == (None, None)
    assert len(messages(world, alert)) == 1


def test_nothing_follows_when_its_time_is_over(world: World) -> None:
    alert = alert_to(world, world.family(email=True))
    accepted(world)
    world.later(LIFE)
    assert steps(world) == 0
    world.sweep()
    assert world.alert_state(alert) in (AlertState.CLOSED, AlertState.EXPIRED)
    assert len(messages(world, alert)) == 1


def test_a_chain_begins_with_the_end_of_the_hold(world: World) -> None:
    family = world.family(email=True)
    hold = 30.0
    world.later(hold)
    until = world.now
    world.later(-hold)
    alert = alert_to(world, family, hold_until=until, status=AlertStatus.EXERCISE)
    assert (chain(world, alert, family).next_at - until).total_seconds() == WAIT


def test_a_guardian_whom_nothing_reaches_ends_on_the_call_list(world: World) -> None:
    family = world.family(verified=False)
    alert = alert_to(world, family)
    assert steps(world) == 1
    assert chain(world, alert, family).ended is ChainEnd.CALL_LIST
    (decision,) = world.rows(DECISION, DECISION.c.alert_id == alert)
    assert decision.unreachable == "unverified_only"


def test_who_had_no_message_has_one_when_a_step_made_it(world: World) -> None:
    family = world.family(verified=False)
    alert = alert_to(world, family)
    with world.store() as store:
        store.point(family.guardian, "new@example.no")
    steps(world)
    assert messages(world, alert) == [(EMAIL, S.QUEUED)]
    (decision,) = world.rows(DECISION, DECISION.c.alert_id == alert)
    assert decision.unreachable is None


def test_an_adult_students_guardian_is_found_by_the_consent(world: World) -> None:
    with world.store() as store:
        student = store.student(
            "18-1", school=world.school, grade="VG3", birth_date=world.now.date().replace(year=2007)
        )
        guardian = store.guardian()
        store.consent(student, guardian, given_on=world.now.date())
        store.point(guardian, "+4799222222")
        store.point(guardian, "adult@example.no")
    alert = world.alert([student], fallback=CHAIN_OF.as_json())
    world.plan()
    accepted(world)
    world.later(WAIT)
    assert steps(world) == 1
    assert messages(world, alert)[1:] == [(EMAIL, S.QUEUED)]


# Calls


CALLS = Chain(frozenset({SMS, EMAIL}), (ChainStep(SMS, WAIT), ChainStep(EMAIL, WAIT), ChainStep(VOICE, WAIT)))


def voice_alert(world: World, *families: Family, **values: Any) -> int:
    """An alert that goes by SMS and e-mail at once, with calls for those who are not known to have got it."""
    return world.sent(*families, fallback=CALLS.as_json(), **values)


def test_a_call_follows_when_the_time_of_both_is_over(world: World) -> None:
    family = world.family(2, email=True)
    alert = voice_alert(world, family)
    accepted(world)
    world.record((world.claim_one(EMAIL), Accepted(None)))
    world.later(WAIT)
    assert steps(world) == 1
    call = world.claim_one(VOICE)
    assert call.to == family.phone
    assert world.recipients(call.delivery_id) == {(student, family.guardian) for student in family.students}
    assert [channel for channel, _ in messages(world, alert)] == [SMS, EMAIL, VOICE]
    world.record((call, Accepted("CA1")))
    world.later(30)
    world.receipt("CA1", ReceiptStatus.UNDELIVERED, code="call_busy")
    assert steps(world) == 1, "it is over with the call"
    assert chain(world, alert, family).ended is ChainEnd.CALL_LIST


def test_whoever_has_only_a_fixed_line_is_called_at_once(world: World) -> None:
    family = world.family(phone="+4722000001")
    with world.store() as store:
        store.connection.execute(update(ADDRESS).where(ADDRESS.c.value == family.phone).values(takes_messages=False))
    alert = voice_alert(world, family)
    assert messages(world, alert) == []
    steps(world)
    assert messages(world, alert) == [(VOICE, S.QUEUED)]


@pytest.mark.parametrize(
    ("values", "called"),
    [
        ({"opted_out_at": NOW}, True),
        ({"failing_since": NOW}, False),
    ],
)
def test_whom_no_sms_may_reach(world: World, values: dict[str, Any], called: bool) -> None:
    family = world.family()
    with world.store() as store:
        store.connection.execute(update(ADDRESS).where(ADDRESS.c.value == family.phone).values(values))
    alert = voice_alert(world, family)
    steps(world)
    assert messages(world, alert) == ([(VOICE, S.QUEUED)] if called else [])


def test_nobody_is_called_at_an_address_that_nobody_has_verified(world: World) -> None:
    alert = voice_alert(world, world.family(verified=False))
    steps(world)
    assert messages(world, alert) == []


def test_two_who_share_a_phone_get_one_call(world: World) -> None:
    families = [world.family(), world.family(phone="+4799123456")]
    with world.store() as store:
        store.point(families[0].guardian, "+4799123456")
    alert = voice_alert(world, *families)
    for number, one in enumerate(world.claim()):
        world.record((one, Rejected("30005" if number else "21211")))
    steps(world)
    calls = [row for row in world.rows(DELIVERY, DELIVERY.c.alert_id == alert) if row.channel is VOICE]
    assert len(calls) == 2
    shared = [world.recipients(row.id) for row in calls if len(world.recipients(row.id)) == 2]
    assert shared == [{(family.student, family.guardian) for family in families}]


@pytest.mark.parametrize("how", ["receipt", "reached", "somebody at home"])
def test_whoever_is_told_while_a_call_waits_is_not_called(world: World, how: str) -> None:
    family, silent = world.family(), world.family()
    alert = voice_alert(world, family, silent)
    world.record(*((one, Accepted(f"SM{number}")) for number, one in enumerate(world.claim(), 1)))
    world.later(WAIT)
    steps(world)
    if how == "receipt":
        world.receipt("SM1")
    else:
        reached(world, alert, family.student, family.guardian if how == "reached" else None)
    assert [one.to for one in world.claim(VOICE)] == [silent.phone]
    calls = [row for row in world.rows(DELIVERY, DELIVERY.c.alert_id == alert) if row.channel is VOICE]
    assert [(row.state, row.code) for row in calls] == [(S.CANCELLED, "confirmed"), (S.SENDING, None)]


def test_a_call_whose_fate_is_unknown_is_looked_up_and_never_made_twice(world: World) -> None:
    voice_alert(world, world.family())
    accepted(world)
    world.later(WAIT)
    steps(world)
    call = world.claim_one(VOICE)
    world.record((call, Unknown("read_timeout")))
    provider = FakeProvider(channel=VOICE)
    provider.found[call.delivery_id] = Receipt("CA7", ReceiptStatus.PENDING)
    assert world.look_up(provider) == 1
    row = world.delivery(call.delivery_id)
    assert (row.state, row.reference) == (S.ACCEPTED, "CA7")
    assert world.claim(VOICE) == []


def test_a_call_that_was_never_taken_is_made_after_two_look_ups(world: World) -> None:
    voice_alert(world, world.family())
    accepted(world)
    world.later(WAIT)
    steps(world)
    call = world.claim_one(VOICE)
    world.record((call, Unknown("read_timeout")))
    provider = FakeProvider(channel=VOICE)
    world.look_up(provider)
    assert world.claim(VOICE) == []
    world.later(SETTLE)
    world.look_up(provider)
    assert world.claim_one(VOICE).delivery_id == call.delivery_id


def test_nobody_is_called_again_by_a_second_chance(world: World) -> None:
    alert = voice_alert(world, world.family())
    world.record((world.claim_one(), Rejected("21211")))
    steps(world)
    call = world.claim_one(VOICE)
    world.record((call, Accepted("CA1")))
    world.receipt("CA1", ReceiptStatus.UNDELIVERED, code="call_no_answer")
    (row,) = world.rows(ALERT, ALERT.c.id == alert)
    with world.clock(), world.database.write() as connection:
        resend_failed(connection, row.number, "leder")
    assert [row.channel for row in world.rows(DELIVERY, DELIVERY.c.round == 2)] == [SMS]


def test_a_stop_holds_for_calls_that_were_not_made(world: World) -> None:
    alert = voice_alert(world, world.family())
    accepted(world)
    world.later(WAIT)
    steps(world)
    (row,) = world.rows(ALERT, ALERT.c.id == alert)
    with world.clock(), world.database.write() as connection:
        assert stop(connection, row.number, "leder").held_back == 1
    assert world.claim(VOICE) == []


def test_watching_goes_on_while_a_chain_does_and_shows_calls_when_there_are_any(world: World) -> None:
    alert = voice_alert(world, world.family(), email=False)
    world.record((world.claim_one(), Rejected("21211")))
    before = watched(world, alert)
    assert (before.settled, [one.channel for one in before.channels]) == (False, [SMS])
    steps(world)
    assert [one.channel for one in watched(world, alert).channels] == [SMS, VOICE]
    world.record((world.claim_one(VOICE), Accepted("CA1")))
    world.receipt("CA1", ReceiptStatus.UNDELIVERED, code="call_busy")
    steps(world)
    assert watched(world, alert).settled


def watched(world: World, alert: int) -> WatchFigures:
    with world.clock(), world.database.read() as connection:
        return watch_figures(connection, alert)
