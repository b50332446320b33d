"""The alerts that a guardian has received: their own messages about students whose page they see, as they read them."""

from __future__ import annotations

from datetime import date, timedelta

import pytest
from sqlalchemy import event

from config.catalogue import MsgType
from config.database import Database
from contacts.codes import ConsentPurpose
from contacts.guardian_view import guardian_view
from dispatcher.codes import AlertStatus, DeliveryState
from dispatcher.reports.received import Arrival, ReceivedAlert, received_alerts
from dispatcher.tables import ALERT_TEXT, DELIVERY, RECIPIENT
from providers.base import Accepted, Channel, Rejected, Unknown
from tests.contacts.store import ADULT, DAY
from tests.dispatcher.world import Family, World


@pytest.fixture
def world(database: Database) -> World:
    return World(database)


def received(world: World, family: Family, limit: int = 50, on: date = DAY) -> tuple[ReceivedAlert, ...]:
    with world.database.read() as connection:
        return received_alerts(connection, guardian_view(connection, family.guardian, on), limit)


def send(world: World, channel: Channel = Channel.SMS) -> list[int]:
    """Hand over what is due; the deliveries."""
    claims = world.claim(channel)
    world.record(*((one, Accepted(f"{channel}-{one.delivery_id}")) for one in claims))
    return [one.delivery_id for one in claims]


def test_what_was_sent_is_told_in_its_words_with_what_became_of_it(world: World) -> None:
    family = world.family(email=True, language="nn")
    world.sent(family, status=AlertStatus.EXERCISE)
    (sms,) = send(world)
    world.later(5)
    world.receipt(f"sms-{sms}")
    send(world, Channel.EMAIL)
    (alert,) = received(world, family)
    assert (alert.number, alert.status, alert.msg_type, alert.all_clear) == (
        "A-2611-0002",
        AlertStatus.EXERCISE,
        MsgType.ALERT,
        False,
    )
    assert alert.students == family.students
    assert alert.sent_at == world.now - timedelta(seconds=5)
    assert [(one.channel, one.text, one.at, one.arrival) for one in alert.messages] == [
        (Channel.SMS, "Skolen er låst (nn).", alert.sent_at, Arrival.DELIVERED),
        (Channel.EMAIL, "Skolen er låst.", world.now, Arrival.HANDED_OVER),
    ]
    assert {(one.language, one.title) for one in alert.messages} == {("nn", "Skolen er låst")}
    assert "låst" not in repr(alert)


def test_a_call_is_told_in_the_language_in_which_it_was_read_aloud(world: World) -> None:
    family = world.family(language="se")
    alert = world.sent(family)
    (delivery,) = send(world)
    world.change(DELIVERY, delivery, channel=Channel.VOICE)
    with world.database.write() as connection:
        spoken = ALERT_TEXT.update().where(ALERT_TEXT.c.alert_id == alert, ALERT_TEXT.c.language == "nb")
        connection.execute(spoken.values(spoken="Skolen er låst, sagt."))
    ((message,),) = (one.messages for one in received(world, family))
    assert (message.language, message.text) == ("nb", "Skolen er låst, sagt.")


def test_what_never_left_was_not_received(world: World) -> None:
    family = world.family()
    for outcome, seen in ((Rejected("21211"), False), (Unknown("timeout"), True)):
        world.sent(family)
        world.record((world.claim_one(), outcome))
        assert bool(received(world, family)) is seen
    (alert,) = received(world, family)
    assert [one.arrival for one in alert.messages] == [Arrival.UNCLEAR]
    world.sent(family)  # queued
    assert len(received(world, family)) == 1
    world.change(DELIVERY, world.claim_one().delivery_id, state=DeliveryState.CANCELLED, lease_until=None)
    assert len(received(world, family)) == 1
    world.sent(family)
    (failed,) = send(world)
    world.change(DELIVERY, failed, state=DeliveryState.UNDELIVERED)
    assert received(world, family)[0].messages[0].arrival is Arrival.FAILED


def test_each_sees_their_own_messages_about_students_of_today_alone(world: World) -> None:
    family, other = world.family(2), world.family()
    first, second = family.students
    with world.store() as store:
        father = store.guardian(first)
        store.point(father, "+4799888777")
    world.sent(family, other)
    send(world)
    with world.store() as store:
        store.link(second, other.guardian)  # guards one of them from now on, and was not told of her then
    assert [one.students for one in received(world, family)] == [family.students]
    assert [one.students for one in received(world, other)] == [other.students]
    fathers = Family(father, (first,), "", "")
    assert [one.students for one in received(world, fathers)] == [(first,)]
    # Blocked about one, they see what was sent about the other; unlinked, nothing of it.
    with world.store() as store:
        store.block(family.guardian, first)
    assert [one.students for one in received(world, family)] == [(second,)]
    with world.database.write() as connection:
        connection.execute(RECIPIENT.update().values(unlinked_at=world.now))
    assert received(world, family) == ()


def test_of_an_adult_who_opens_no_page_nothing_is_told(world: World) -> None:
    family = world.family(birth_date=ADULT)
    with world.store() as store:
        store.consent(family.student, family.guardian, DAY)
    world.sent(family)
    send(world)
    assert received(world, family) == ()
    with world.store() as store:
        store.consent(family.student, family.guardian, DAY, purpose=ConsentPurpose.PORTAL)
    assert len(received(world, family)) == 1


def test_the_newest_come_first_and_two_queries_fetch_them(world: World) -> None:
    family = world.family(2, email=True)
    for _ in range(4):
        world.sent(family)
        send(world)
        send(world, Channel.EMAIL)
        world.later(60)
    asked: list[str] = []
    with world.database.read() as connection:
        view = guardian_view(connection, family.guardian, DAY)
        event.listen(connection, "before_cursor_execute", lambda *args: asked.append(args[2]))
        found = received_alerts(connection, view, limit=3)
    assert [one.number for one in found] == ["A-2611-0005", "A-2611-0004", "A-2611-0003"]
    assert [len(one.messages) for one in found] == [2, 2, 2]
    assert len(asked) == 2


def test_whoever_sees_nobody_asks_nothing_of_the_database(world: World) -> None:
    with world.database.read() as connection:
        view = guardian_view(connection, world.family(birth_date=ADULT).guardian, DAY)
        event.listen(connection, "before_cursor_execute", lambda *args: pytest.fail("a query"))
        assert received_alerts(connection, view) == ()
