"""Follow-ups reach exactly those who were told, or may have been, and never before the earlier message is out."""

from __future__ import annotations

import json
from datetime import date, timedelta

import pytest
from sqlalchemy import insert

from config.catalogue import MsgType
from config.errors import BeredskapError, UsageError
from contacts.codes import Basis, Protection
from contacts.tables import ADDRESS, CONTACT_POINT, GUARDIANSHIP, PERSON
from dispatcher.alerts.draft import SAME_REQUEST_SECONDS
from dispatcher.alerts.lifecycle import resend_failed, stop
from dispatcher.alerts.planner import plan_next_chunk
from dispatcher.alerts.preview import preview
from dispatcher.codes import AlertState, AlertStatus, DeliveryState
from dispatcher.outbox.chain import Chain, ChainStep
from dispatcher.outbox.earlier import earlier_alerts
from dispatcher.outbox.fallback import take_steps
from dispatcher.outbox.following import NEVER_TOLD, REPLACED, UNKNOWN_SECONDS, Kind
from dispatcher.reports.call_list import call_list
from dispatcher.tables import ALERT, ALERT_TEXT, DECISION, DELIVERY, MARK
from providers.base import Accepted, Channel, Deferred, Outcome, ReceiptStatus, Rejected, Unknown
from tests.contacts.store import LATELY
from tests.dispatcher.alerts.drafting import confirmed, draft, follow_up, followed
from tests.dispatcher.world import CHUNKING, LEASE, LIFE, SETTLE, FakeProvider, Family, World, check_books

S = DeliveryState


def sent(world: World, *families: Family) -> int:
    """An alert about these families, planned. The follow-ups are those that have the numbers of November."""
    return world.sent(*families, number="A-2610-0001")


def told(world: World, *families: Family) -> int:
    """An alert about these families, whose guardians all have it."""
    alert = sent(world, *families)
    for channel in Channel:
        world.record(*((one, Accepted(f"R{one.delivery_id}")) for one in world.claim(channel)))
    return alert


def numbers(world: World, alert: int) -> list[str]:
    """Where the messages of an alert go that have not been cancelled."""
    rows = world.rows(DELIVERY, DELIVERY.c.alert_id == alert, DELIVERY.c.state != S.CANCELLED)
    values = {row.id: row.value for row in world.rows(ADDRESS)}
    return sorted(values[row.address_id] for row in rows)


# Whom they reach


@pytest.mark.parametrize("kind", Kind)
def test_who_was_told_is_told_what_follows(world: World, kind: Kind) -> None:
    families = [world.family(email=True), world.family(2), world.family(language="se")]
    alert = told(world, *families)
    world.later(600)
    # Came to the school since: nobody has told their guardians anything.
    world.family()
    follow = followed(world, alert, kind)
    assert numbers(world, follow) == numbers(world, alert)
    (row,) = world.rows(ALERT, ALERT.c.id == follow)
    assert (row.references_id, row.msg_type, row.response_type) == (alert, kind.msg_type, kind.response_type)
    assert (row.status, row.sms, row.email, row.student_count) == (AlertStatus.ACTUAL, True, True, 4)
    assert {row.language for row in world.rows(DELIVERY, DELIVERY.c.alert_id == follow)} == {"nb", "se"}
    assert len(world.claim()) == 3
    check_books(world.database)


def test_what_an_alert_follows_is_its_own_thread_alone(world: World) -> None:
    first, other = told(world, world.family()), world.sent(world.family(), number="A-2610-0002")
    update, of_another = followed(world, first, Kind.UPDATE), followed(world, other, Kind.UPDATE)
    over = followed(world, update, Kind.ALL_CLEAR)
    with world.database.read() as connection:
        threads = [earlier_alerts(connection, alert) for alert in (first, update, of_another, over)]
    assert [thread.gives_way for thread in threads] == [
        {},
        {first: True},
        {other: True},
        {update: True, first: True},
    ]


def test_of_what_nobody_had_planned_yet_nobody_has_had_their_turn(world: World) -> None:
    alert = world.alert([world.family().student], number="A-2610-0001")
    made = follow_up(world, alert, Kind.ALL_CLEAR)
    with world.database.read() as connection:
        assert earlier_alerts(connection, made.alert_id).planned == 0


def test_what_has_not_left_is_replaced_and_who_was_never_told_is_told_nothing(world: World) -> None:
    first, second = world.family(), world.family()
    alert = sent(world, first, second)
    world.record((world.claim_one(size=1), Accepted("SM1")))
    follow = followed(world, alert, Kind.ALL_CLEAR)
    assert numbers(world, follow) == [first.phone]
    assert world.decisions(follow) == [
        (first.student, first.guardian, "entitled", "custody"),
        (second.student, second.guardian, "no", NEVER_TOLD),
    ]
    (earlier,) = world.rows(ALERT, ALERT.c.id == alert)
    assert (earlier.state, earlier.replaced_at) == (AlertState.STOPPED, world.now)
    assert [one.to for one in world.claim()] == [first.phone]
    world.sweep()
    assert world.states(alert) == {S.ACCEPTED: 1, S.CANCELLED: 1}
    assert {row.code for row in world.rows(DELIVERY, DELIVERY.c.state == S.CANCELLED)} == {REPLACED}
    check_books(world.database)


@pytest.mark.parametrize("kind", [Kind.ALL_CLEAR, Kind.CANCEL])
def test_whom_staff_have_reached_by_telephone_alone_stands_on_the_call_list(world: World, kind: Kind) -> None:
    called, at_home, protected, taken_back, silent = (
        world.family(email=True, **student) for student in ({}, {}, {"protection": Protection.CONFIDENTIAL}, {}, {})
    )
    alert = sent(world, called, at_home, protected, taken_back, silent)
    for channel in Channel:
        world.record(*((one, Rejected("21211")) for one in world.claim(channel)))
    row = {"alert_id": alert, "marked_by": "rektor", "taken_back_at": None}
    with world.clock(), world.database.write() as connection:
        marks = [row | {"student_id": one.student, "guardian_id": None} for one in (at_home, protected)]
        marks += [row | {"student_id": one.student, "guardian_id": one.guardian} for one in (called, taken_back)]
        marks[-1]["taken_back_at"] = world.now
        connection.execute(insert(MARK), marks)
    follow = followed(world, alert, kind)
    # They are called: that a message went astray is why they were.
    assert numbers(world, follow) == []
    assert world.decisions(follow) == [
        (called.student, called.guardian, "entitled", "custody"),
        (at_home.student, at_home.guardian, "entitled", "custody"),
        (protected.student, protected.guardian, "held", "protected_hold"),
        (taken_back.student, taken_back.guardian, "no", NEVER_TOLD),
        (silent.student, silent.guardian, "no", NEVER_TOLD),
    ]
    with world.clock(), world.database.read() as connection:
        refs = [one.ref for one in call_list(connection, follow)]
    assert refs == ["1-0", "2-0", "3-0"]
    check_books(world.database)


@pytest.mark.parametrize("kind", [Kind.ALL_CLEAR, Kind.CANCEL])
def test_whom_a_call_has_told_gets_what_follows_where_messages_may_go(world: World, kind: Kind) -> None:
    heard, fixed, fixed_with_mail, stopped, not_called = (
        world.family(phone=phone, email=email)
        for phone, email in ((None, False), ("+4722000001", False), ("+4722000002", True), (None, False), (None, False))
    )
    with world.store() as store:
        at = ADDRESS.c.value.in_((fixed.phone, fixed_with_mail.phone))
        store.connection.execute(ADDRESS.update().where(at).values(takes_messages=False))
        at = ADDRESS.c.value == stopped.phone
        store.connection.execute(ADDRESS.update().where(at).values(opted_out_at=world.now))
    calls = Chain(frozenset({Channel.SMS, Channel.EMAIL}), (ChainStep(Channel.VOICE, 300.0),))
    families = (heard, fixed, fixed_with_mail, stopped, not_called)
    alert = world.sent(*families, number="A-2610-0001", fallback=calls.as_json())
    world.record(*((one, Rejected("21211")) for one in world.claim()))
    world.record((world.claim_one(Channel.EMAIL), Rejected("552 5.2.2")))
    with world.clock():
        take_steps(world.database, 18)
    called = {one.to: one for one in world.claim(Channel.VOICE)}
    assert set(called) == {one.phone for one in families}
    world.record(*((one, Rejected("21215") if to == not_called.phone else Accepted(to)) for to, one in called.items()))
    world.receipt(heard.phone, ReceiptStatus.DELIVERED, called[heard.phone].delivery_id, 1)
    follow = followed(world, alert, kind)
    # The SMS that failed is tried again where the call was taken; by e-mail, where nobody can get an SMS.
    assert numbers(world, follow) == sorted([heard.phone, fixed_with_mail.email])
    assert {row.channel for row in world.rows(DELIVERY, DELIVERY.c.alert_id == follow)} == {Channel.SMS, Channel.EMAIL}
    world.record(*((world.claim_one(channel), Accepted("F")) for channel in (Channel.SMS, Channel.EMAIL)))
    # On the call list stands who has nothing else. The provider has refused the last call: they were never told.
    with world.clock(), world.database.read() as connection:
        assert [one.ref for one in call_list(connection, follow)] == ["2-0", "4-0"]
    assert world.decisions(follow)[-1][2:] == ("no", NEVER_TOLD)
    check_books(world.database)


def test_an_update_takes_the_place_of_what_has_not_left(world: World) -> None:
    families = [world.family() for _ in range(4)]
    alert = sent(world, *families[:2])
    world.record((world.claim_one(size=1), Accepted("SM1")))
    follow = followed(world, alert, Kind.UPDATE)
    assert numbers(world, follow) == sorted(one.phone for one in families[:2])
    # A second one, before the first has left: again to both.
    again = followed(world, alert, Kind.UPDATE, text="Ny melding.")
    assert numbers(world, again) == numbers(world, follow)
    world.sweep()
    assert world.states(follow) == {S.CANCELLED: 2}
    assert len(world.claim()) == 2
    check_books(world.database)


def test_an_update_also_tells_those_to_whom_planning_had_not_come(world: World) -> None:
    families = [world.family() for _ in range(4)]
    alert = world.alert([one.student for one in families], number="A-2610-0001")
    with world.clock():
        planned = plan_next_chunk(world.database, "planner", CHUNKING)
    assert planned is not None
    assert planned.students == 2
    follow = followed(world, alert, Kind.UPDATE)
    assert numbers(world, follow) == sorted(one.phone for one in families)
    assert {row.alert_id for row in world.rows(DELIVERY)} == {alert, follow}
    over = followed(world, alert, Kind.ALL_CLEAR)
    assert numbers(world, over) == []
    assert {reason for *_, reason in world.decisions(over)} == {NEVER_TOLD}


def test_an_update_tells_nobody_from_whom_a_person_held_the_first_back(world: World) -> None:
    families = [world.family(), world.family()]
    alert = sent(world, *families)
    world.record((world.claim_one(size=1), Accepted("SM1")))
    with world.clock(), world.database.write() as connection:
        stop(connection, "latest", "rektor")
    world.sweep()
    follow = followed(world, alert, Kind.UPDATE)
    assert numbers(world, follow) == [families[0].phone]
    # Somebody is entitled, and was not told before: a person must look.
    (_, second) = world.rows(DECISION, DECISION.c.alert_id == follow)
    assert (second.verdict.value, second.unreachable) == ("entitled", NEVER_TOLD)


@pytest.mark.parametrize(
    ("outcome", "goes"),
    [
        (Accepted("SM1"), True),
        (Unknown("read_timeout"), True),
        (Rejected("21211"), False),
        (Deferred("20429", 60.0), False),
    ],
)
def test_whoever_may_have_read_the_first_is_told_that_it_is_over(world: World, outcome: Outcome, goes: bool) -> None:
    alert = sent(world, world.family())
    world.record((world.claim_one(), outcome))
    follow = followed(world, alert, Kind.ALL_CLEAR)
    assert len(numbers(world, follow)) == goes


def test_a_message_that_was_not_delivered_may_have_been_read(world: World) -> None:
    family = world.family()
    alert = told(world, family)
    (row,) = world.rows(DELIVERY)
    world.receipt(f"R{row.id}", ReceiptStatus.UNDELIVERED, row.id, 1)
    assert numbers(world, followed(world, alert, Kind.ALL_CLEAR)) == [family.phone]


def test_an_email_of_unknown_fate_that_was_to_be_repeated_may_have_been_read(world: World) -> None:
    family = world.family(email=True)
    alert = sent(world, family)
    world.record((world.claim_one(Channel.EMAIL), Unknown("read_timeout")))
    world.record((world.claim_one(), Rejected("21211")))
    world.later(SETTLE)
    world.look_up(FakeProvider(Channel.EMAIL, can_look_up=False))
    (mail,) = world.rows(DELIVERY, DELIVERY.c.channel == Channel.EMAIL)
    assert (mail.state, mail.repeats) == (S.QUEUED, 1)
    follow = followed(world, alert, Kind.ALL_CLEAR)
    assert numbers(world, follow) == [family.email]
    world.sweep()
    assert world.state(mail.id) is S.CANCELLED
    assert len(world.claim(Channel.EMAIL)) == 1


# Entitled today, or told earlier


def test_who_lost_the_right_is_told_that_it_is_over_and_no_news(world: World) -> None:
    family = world.family(birth_date=date(2008, 11, 24))
    alert = told(world, family)
    world.later(16 * 3600)  # past midnight: the student is 18
    world.change(ALERT, alert, expires_at=world.now + timedelta(hours=1))
    update = followed(world, alert, Kind.UPDATE)
    assert world.decisions(update) == [(family.student, family.guardian, "no", "adult_without_consent")]
    over = followed(world, alert, Kind.ALL_CLEAR)
    assert numbers(world, over) == [family.phone]
    assert world.decisions(over) == [(family.student, family.guardian, "entitled", "told_earlier")]
    assert len(world.claim()) == 1


def test_the_right_that_ends_between_planning_and_leaving_keeps_no_all_clear_back(world: World) -> None:
    families = [world.family(), world.family()]
    alert = told(world, *families)
    update = followed(world, alert, Kind.UPDATE)
    over_draft = follow_up(world, alert, Kind.ALL_CLEAR)
    with world.store() as store:
        store.connection.execute(GUARDIANSHIP.delete().where(GUARDIANSHIP.c.guardian_id == families[0].guardian))
        store.block(families[1].guardian)
    assert world.claim() == []
    assert world.states(update) == {S.CANCELLED: 2}
    over = confirmed(world, over_draft, hold=0.0).alert_id
    world.plan()
    assert numbers(world, over) == [families[0].phone]
    with world.store():
        pass  # the revision moves on, and the claim asks again
    assert [one.to for one in world.claim()] == [families[0].phone]


@pytest.mark.parametrize("how", ["guardian", "sharer", "dead", "student_dead"])
def test_who_is_blocked_or_dead_is_told_nothing_more(world: World, how: str) -> None:
    family = world.family()
    alert = told(world, family)
    follow_before = follow_up(world, alert, Kind.ALL_CLEAR)
    with world.store() as store:
        match how:
            case "guardian":
                store.block(family.guardian)
            case "sharer":
                other = store.guardian(family.student)
                store.point(other, family.phone)
                store.block(other)
            case "dead":
                store.connection.execute(PERSON.update().where(PERSON.c.id == family.guardian).values(deceased=True))
            case "student_dead":
                store.connection.execute(PERSON.update().where(PERSON.c.id == family.student).values(deceased=True))
    follow = confirmed(world, follow_before, hold=0.0).alert_id
    world.plan()
    assert numbers(world, follow) == []


def test_a_blocked_former_guardian_is_told_nothing(world: World) -> None:
    family = world.family()
    alert = told(world, family)
    with world.store() as store:
        store.connection.execute(GUARDIANSHIP.delete())
        store.block(family.guardian)
    follow = followed(world, alert, Kind.CANCEL)
    assert world.decisions(follow) == [(family.student, family.guardian, "no", "blocked")]


def test_a_student_who_became_protected_is_held(world: World) -> None:
    family = world.family()
    alert = told(world, family)
    with world.store() as store:
        store.connection.execute(PERSON.update().values(protection=Protection.STRICTLY_CONFIDENTIAL))
    follow = followed(world, alert, Kind.ALL_CLEAR)
    assert world.decisions(follow) == [(family.student, family.guardian, "held", "protected_hold")]


# Where they are told


def test_who_answered_stop_since_is_told_by_email(world: World) -> None:
    family = world.family(email=True)
    alert = sent(world, family)
    world.record((world.claim_one(), Accepted("SM1")), (world.claim_one(Channel.EMAIL), Rejected("550 5.1.1")))
    with world.store(changed=False) as store:
        store.connection.execute(ADDRESS.update().where(ADDRESS.c.value == family.phone).values(opted_out_at=world.now))
    for kind in Kind:
        assert numbers(world, followed(world, alert, kind, again=True)) == [family.email]


def test_a_number_that_was_corrected_gets_the_all_clear_too_and_no_news(world: World) -> None:
    family = world.family()
    alert = told(world, family)
    with world.store() as store:
        store.connection.execute(CONTACT_POINT.update().values(ended_at=world.now))
        store.point(family.guardian, "+4799111222")
    assert numbers(world, followed(world, alert, Kind.UPDATE)) == ["+4799111222"]
    over = followed(world, alert, Kind.ALL_CLEAR)
    assert numbers(world, over) == sorted([family.phone, "+4799111222"])
    with world.store():
        pass
    assert len(world.claim()) == 2


def test_an_update_uses_the_addresses_of_the_first(world: World) -> None:
    family = world.family()
    alert = told(world, family)
    with world.store() as store:
        store.point(family.guardian, "nytt@example.no", verified=LATELY)
    assert numbers(world, followed(world, alert, Kind.UPDATE)) == [family.phone]


# Order


@pytest.mark.parametrize("kind", [Kind.UPDATE, Kind.ALL_CLEAR])
def test_nobody_gets_what_follows_before_what_came_first(world: World, kind: Kind) -> None:
    family, other = world.family(email=True), world.family()
    alert = sent(world, family, other)
    sms = {one.to: one for one in world.claim()}
    world.record((world.claim_one(Channel.EMAIL), Accepted("")), (sms[other.phone], Accepted("SM2")))
    follow = followed(world, alert, kind)
    # The first SMS is being sent: neither channel runs ahead of it, and nobody else waits.
    assert [one.to for one in world.claim()] == [other.phone]
    assert world.claim(Channel.EMAIL) == []
    world.record((sms[family.phone], Accepted("SM1")))
    world.later(1)
    assert [one.to for one in world.claim()] == [family.phone]
    assert len(world.claim(Channel.EMAIL)) == 1
    assert world.states(follow) == {S.SENDING: 3}
    check_books(world.database)


@pytest.mark.parametrize("kind", [Kind.UPDATE, Kind.ALL_CLEAR])
def test_what_is_unknown_is_waited_for_a_minute_and_no_longer(world: World, kind: Kind) -> None:
    alert = sent(world, world.family())
    world.record((world.claim_one(), Unknown("read_timeout")))
    world.later(10)
    followed(world, alert, kind)
    for _ in range(5):
        assert world.claim() == []
        world.later((UNKNOWN_SECONDS - 11) / 5)
    assert world.claim() == []
    world.later(1)
    assert len(world.claim()) == 1


def test_an_unknown_one_that_was_never_taken_is_never_sent_and_ends_the_matter(world: World) -> None:
    family = world.family()
    alert = sent(world, family)
    world.record((world.claim_one(), Unknown("read_timeout")))
    follow = followed(world, alert, Kind.ALL_CLEAR)
    for _ in range(2):
        world.look_up(FakeProvider())
        world.later(SETTLE)
    world.sweep()
    assert world.states(alert) == {S.CANCELLED: 1}
    assert world.claim() == []
    assert {row.code for row in world.rows(DELIVERY, DELIVERY.c.alert_id == follow)} == {NEVER_TOLD}
    assert world.decisions(follow) == [(family.student, family.guardian, "no", NEVER_TOLD)]
    # The rule was asked nothing: there is nothing to show.
    (decision,) = world.rows(DECISION, DECISION.c.alert_id == follow, DECISION.c.superseded.is_(False))
    assert json.loads(decision.inputs) == {}
    world.sweep()
    assert world.alert_state(follow) is AlertState.CLOSED
    check_books(world.database)


def test_a_deferred_one_that_was_being_sent_when_the_all_clear_was_planned(world: World) -> None:
    first, second = world.family(), world.family(email=True)
    alert = sent(world, first, second)
    sms = world.claim()
    world.record((world.claim_one(Channel.EMAIL), Accepted("")))
    follow = followed(world, alert, Kind.ALL_CLEAR)
    assert len(numbers(world, follow)) == 3
    world.record(*((one, Deferred("20429", 5.0)) for one in sms))
    world.later(1)
    # The one was told nothing; the other was, by e-mail, and learns by both ways that it is over.
    assert [one.to for one in world.claim()] == [second.phone]
    assert len(world.claim(Channel.EMAIL)) == 1
    world.later(60)
    world.sweep()
    assert world.claim() == []
    check_books(world.database)


def test_many_who_wait_keep_nobody_from_being_told(world: World) -> None:
    families = [world.family() for _ in range(5)]
    alert = sent(world, *families)
    *waiting, last = world.claim()
    world.record((last, Accepted("SM1")))
    followed(world, alert, Kind.ALL_CLEAR)
    assert [one.to for one in world.claim(size=2)] == [last.to]
    assert len(waiting) == 4


def test_a_lost_claim_keeps_an_all_clear_back_no_longer_than_its_lease(world: World) -> None:
    alert = sent(world, world.family())
    world.claim_one()
    followed(world, alert, Kind.ALL_CLEAR)
    world.later(LEASE - 1)
    assert world.claim() == []
    world.later(2)
    world.sweep()
    assert world.states(alert) == {S.UNKNOWN: 1}
    assert len(world.claim()) == 1


# What they may follow


def test_what_has_expired_is_not_followed(world: World) -> None:
    alert = told(world, world.family())
    made = follow_up(world, alert, Kind.CANCEL)
    world.later(LIFE)
    with pytest.raises(UsageError, match="Nothing can follow alert A-2610-0001: it expired at 10:40 on 2026-11-23"):
        follow_up(world, alert, Kind.CANCEL)
    with pytest.raises(UsageError, match="expired"):
        confirmed(world, made)
    assert world.alert_state(made.alert_id) is AlertState.DRAFT


def test_what_was_taken_back_is_not_followed(world: World) -> None:
    alert = told(world, world.family())
    follow = followed(world, alert, Kind.CANCEL)
    for one in (alert, follow):
        with pytest.raises(UsageError, match="has taken it back"):
            follow_up(world, one, Kind.UPDATE)


def test_a_cancel_that_a_person_has_stopped_stands_in_nobody_s_way(world: World) -> None:
    family = world.family()
    alert = told(world, family)
    cancel = confirmed(world, follow_up(world, alert, Kind.CANCEL), hold=5.0)
    with world.clock(), world.database.write() as connection:
        stop(connection, cancel.number, "rektor")
    assert numbers(world, followed(world, alert, Kind.ALL_CLEAR)) == [family.phone]


def test_the_newest_of_a_thread_is_followed_whichever_is_named(world: World) -> None:
    family = world.family()
    alert = told(world, family)
    first = followed(world, alert, Kind.UPDATE)
    world.record((world.claim_one(), Accepted("SM9")))
    second = followed(world, alert, Kind.ALL_CLEAR)
    third = followed(world, first, Kind.UPDATE, text="Skolen er åpen i morgen.")
    references = {row.id: row.references_id for row in world.rows(ALERT)}
    assert references == {alert: None, first: alert, second: first, third: second}
    assert numbers(world, third) == [family.phone]


def test_an_all_clear_reaches_those_whom_only_an_update_has_reached(world: World) -> None:
    one, other = world.family(), world.family()
    alert = sent(world, one, other)
    world.record((world.claim_one(size=1), Accepted("SM1")))
    followed(world, alert, Kind.UPDATE)
    claims = {claim.to: claim for claim in world.claim()}
    world.record((claims[one.phone], Rejected("21211")), (claims[other.phone], Accepted("SM2")))
    assert numbers(world, followed(world, alert, Kind.ALL_CLEAR)) == sorted([one.phone, other.phone])


def test_of_two_follow_ups_at_once_one_goes_out(world: World) -> None:
    alert = told(world, world.family())
    one, other = follow_up(world, alert, Kind.UPDATE), follow_up(world, alert, Kind.ALL_CLEAR)
    confirmed(world, one)
    with pytest.raises(BeredskapError, match="was followed up by A-2611-0001 a moment ago"):
        confirmed(world, other)


def test_a_double_press_shows_the_first_follow_up(world: World) -> None:
    alert = told(world, world.family())
    first = confirmed(world, follow_up(world, alert, Kind.CANCEL))
    world.later(SAME_REQUEST_SECONDS - 1)
    second = confirmed(world, follow_up(world, alert, Kind.CANCEL))
    assert second.earlier
    assert second.alert_id == first.alert_id


def test_nothing_of_what_was_followed_is_sent_again(world: World) -> None:
    alert = sent(world, world.family(), world.family())
    one, other = world.claim()
    world.record((one, Rejected("21211")), (other, Accepted("SM1")))
    world.receipt("SM1", ReceiptStatus.DELIVERED, other.delivery_id, 1)
    world.sweep()
    assert world.alert_state(alert) is AlertState.CLOSED
    followed(world, alert, Kind.ALL_CLEAR)
    with (
        world.clock(),
        world.database.write() as connection,
        pytest.raises(UsageError, match="another has followed it"),
    ):
        resend_failed(connection, "A-2610-0001", "leder")


# Status and words


@pytest.mark.parametrize("status", AlertStatus)
def test_the_status_is_that_of_the_first(world: World, status: AlertStatus) -> None:
    world.family()
    first = confirmed(world, draft(world, status=status), hold=0.0)
    world.plan()
    world.record((world.claim_one(), Accepted("SM1")))
    for kind in Kind:
        made = follow_up(world, first.alert_id, kind)
        (row,) = world.rows(ALERT, ALERT.c.id == made.alert_id)
        assert row.status is status
        texts = {row.language: row for row in world.rows(ALERT_TEXT, ALERT_TEXT.c.alert_id == made.alert_id)}
        words = {AlertStatus.EXERCISE: ("ØVELSE - ", "ØVING - "), AlertStatus.TEST: ("TEST - ", "TEST - ")}
        for language, word in zip(("nb", "nn"), words.get(status, ("", "")), strict=True):
            assert texts[language].sms.startswith(word)
            assert texts[language].subject.startswith(word)
        assert {texts[language].encoding for language in ("nb", "nn", "en")} == {"GSM-7"}


def test_an_update_without_words_is_not_sent(world: World) -> None:
    alert = told(world, world.family())
    with pytest.raises(UsageError, match=r"still hold \{melding\}"):
        follow_up(world, alert, Kind.UPDATE, text=None)
    with pytest.raises(UsageError, match=r"the texts for nn, se and en still hold"):
        follow_up(world, alert, Kind.UPDATE, text=None, texts={"nb": "Alt er bra."})


# The preview


@pytest.mark.parametrize("kind", Kind)
def test_the_preview_counts_what_is_planned(world: World, kind: Kind) -> None:
    first, second, third = world.family(email=True), world.family(basis=Basis.CUSTODY), world.family()
    alert = sent(world, first, second, third)
    with world.store() as store:
        store.student("alone", school=world.school)
        store.block(third.guardian)
    sms = {one.to: one for one in world.claim()}
    world.record((sms[first.phone], Accepted("SM1")), (sms[second.phone], Deferred("20429", 60.0)))
    made = follow_up(world, alert, kind)
    with world.clock():
        shown = preview(world.database, made, stale_after_months=18)
    assert made.follows is not None
    assert (made.follows.kind, made.follows.unsent) == (kind, 2)
    follow = confirmed(world, made, hold=0.0).alert_id
    world.plan()
    rows = world.rows(DELIVERY, DELIVERY.c.alert_id == follow)
    assert sum(shown.messages.values()) == len(rows) == (3 if kind is Kind.UPDATE else 1)
    assert shown.never_told == (0 if kind is Kind.UPDATE else 1)
    assert (shown.students, shown.reachable, shown.nobody_may_be_told) == (
        3,
        2 if kind is Kind.UPDATE else 1,
        1 if kind is Kind.UPDATE else 2,
    )


def test_a_status_of_the_catalogue_changes_nothing(world: World) -> None:
    alert = told(world, world.family())
    follow = followed(world, alert, Kind.CANCEL)
    (row,) = world.rows(ALERT, ALERT.c.id == follow)
    assert (row.msg_type, row.scenario, row.severity) == (MsgType.CANCEL, "cancel", "minor")
