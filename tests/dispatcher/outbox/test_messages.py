"""From a claim to the message that leaves: the words of its own alert, language and channel, and nothing else's."""

from __future__ import annotations

from datetime import timedelta

import pytest
from sqlalchemy import Connection, select, update

from contacts.tables import ADDRESS
from dispatcher.outbox.claim import Claimed
from dispatcher.outbox.messages import Renderer
from dispatcher.tables import ALERT_TEXT, DELIVERY, PROGRESS
from providers.base import Channel, LookupQuery, Message
from tests.dispatcher.world import LIFE, World


class Notices:
    """Notices that tell what was asked for."""

    def text(self, connection: Connection, notice_id: int, language: str, channel: Channel) -> tuple[str, str]:
        return f"notice {notice_id}", f"{language} by {channel}"


def rendered(world: World, *claims: Claimed, renderer: Renderer | None = None) -> list[Message]:
    made = renderer or world.renderer
    with world.database.read() as connection:
        return [made.message(connection, one) for one in claims]


def query_of(world: World, delivery: int, renderer: Renderer | None = None) -> LookupQuery:
    """What the reconciler would ask, which reads the row with its address."""
    with world.database.read() as connection:
        row = connection.execute(
            select(DELIVERY, ADDRESS.c.value.label("to"))
            .join(ADDRESS, ADDRESS.c.id == DELIVERY.c.address_id)
            .where(DELIVERY.c.id == delivery)
        ).one()
        return (renderer or world.renderer).lookup_query(connection, row)


def say(world: World, alert: int, **texts: str) -> None:
    with world.database.write() as connection:
        connection.execute(update(ALERT_TEXT).where(ALERT_TEXT.c.alert_id == alert).values(**texts))


def test_each_channel_gets_its_own_words(world: World) -> None:
    family = world.family(email=True, language="nn")
    say(world, world.sent(family), sms="kort", subject="emne", email="langt")
    sms, email = world.claim_one(), world.claim_one(Channel.EMAIL)
    assert rendered(world, sms, email) == [
        Message(sms.delivery_id, 1, Channel.SMS, family.phone, "kort", "emne", "nn", LIFE, urgent=True),
        Message(email.delivery_id, 1, Channel.EMAIL, family.email, "langt", "emne", "nn", LIFE, urgent=True),
    ]
    for one, body in ((sms, "kort"), (email, "langt")):
        assert query_of(world, one.delivery_id) == LookupQuery(one.delivery_id, 1, one.to, body, one.claimed_at)


def test_each_alert_and_each_language_has_its_own_words(world: World) -> None:
    here, there = world.family(), world.family(language="se")
    first, second = world.sent(here, there), world.sent(here, there)
    say(world, second, sms="en annen")
    claims = world.claim()
    told = {
        (one.alert_id, one.language, message.body)
        for one, message in zip(claims, rendered(world, *claims), strict=True)
    }
    assert told == {
        (first, "nb", "Skolen er låst (nb)."),
        (first, "se", "Skolen er låst (se)."),
        (second, "nb", "en annen"),
        (second, "se", "en annen"),
    }


def test_a_text_is_read_once(world: World) -> None:
    alert = world.sent(world.family(), world.family())
    first, second = world.claim()
    say_before = rendered(world, first)[0].body
    say(world, alert, sms="frozen texts never change; this shows that nobody looked again")
    assert rendered(world, second)[0].body == say_before


def test_without_its_text_there_is_no_message(world: World) -> None:
    alert = world.sent(world.family(language="nn"))
    with world.database.write() as connection:
        connection.execute(ALERT_TEXT.delete().where(ALERT_TEXT.c.alert_id == alert, ALERT_TEXT.c.language == "nn"))
    (one,) = world.claim()
    with pytest.raises(LookupError, match=f"alert {alert} has no text in nn"):
        rendered(world, one)


def test_a_message_is_valid_for_a_second_at_least(world: World) -> None:
    world.sent(world.family(), expires_at=world.now + timedelta(seconds=0.5))
    assert rendered(world, world.claim_one())[0].validity_seconds == 1


def test_a_notice_is_asked_for_its_words_each_time(world: World) -> None:
    delivery = world.notice()
    renderer = Renderer(Notices())
    one = world.claim_one(lane=world.rows(DELIVERY)[0].lane)
    (message,) = rendered(world, one, renderer=renderer)
    assert (message.subject, message.body, message.urgent) == (f"notice {one.notice_id}", "nb by sms", False)
    assert query_of(world, delivery, renderer).body == "nb by sms"


@pytest.mark.parametrize(
    ("language", "says"),
    [("nb", "Hør (nb)"), ("nn", "Hør (nn)"), ("en", "Hør (en)"), ("se", "Hør (nb)")],
)
def test_a_call_says_its_own_words_in_a_language_that_there_is_a_voice_for(
    world: World, language: str, says: str
) -> None:
    alert = world.sent(world.family(language=language), sms=True, email=False)
    with world.database.write() as connection:
        connection.execute(update(ALERT_TEXT).values(spoken="Hør (" + ALERT_TEXT.c.language + ")"))
        connection.execute(update(DELIVERY).where(DELIVERY.c.alert_id == alert).values(channel=Channel.VOICE))
        connection.execute(update(PROGRESS).values(channel=Channel.VOICE))
    call = world.claim_one(Channel.VOICE)
    (message,) = rendered(world, call)
    assert (message.channel, message.body) == (Channel.VOICE, says)
    world.release(call)


def test_a_call_of_an_alert_from_before_there_were_any_says_its_sms(world: World) -> None:
    world.sent(world.family())
    with world.database.write() as connection:
        connection.execute(update(DELIVERY).values(channel=Channel.VOICE))
        connection.execute(update(PROGRESS).values(channel=Channel.VOICE))
    call = world.claim_one(Channel.VOICE)
    assert rendered(world, call)[0].body == "Skolen er låst (nb)."
    world.release(call)
