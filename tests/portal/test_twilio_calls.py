"""Keys and ends of calls, told by Twilio with its signature: 2 confirms, whatever comes before or after it."""

from __future__ import annotations

from collections.abc import Iterator
from urllib.parse import urlencode

import pytest
from defusedxml.ElementTree import fromstring

from config.database import Database
from dispatcher.codes import DeliveryState, StudentClass
from dispatcher.reports.classes import class_counts
from dispatcher.tables import ALERT_TEXT, ANSWER, DELIVERY
from portal.server import WebServer
from providers.base import Accepted, Channel
from tests.dispatcher.outbox.test_fallback import steps, voice_alert
from tests.dispatcher.world import World
from tests.portal.serving import Answer, call, serving, settings_with, signed

S = DeliveryState
SID = "CA" + "1" * 32


@pytest.fixture
def world(database: Database) -> World:
    return World(database)


@pytest.fixture
def server(database: Database, monkeypatch: pytest.MonkeyPatch) -> Iterator[WebServer]:
    with serving(settings_with(monkeypatch), database) as server:
        yield server


def tell(server: WebServer, what: str, delivery: int, fields: dict[str, str], **wrong: str) -> Answer:
    path = f"/callbacks/twilio_voice/{what}/{delivery}/1"
    form = {"CallSid": SID, "To": "+4799999999", "AccountSid": "AC" + "0" * 32, **fields}
    return call(server.url + path, urlencode(form).encode(), signed(path, form, **wrong))


def called(world: World) -> tuple[int, int]:
    """An alert, and the call that followed its SMS; it rings."""
    alert = voice_alert(world, world.family())
    world.record((world.claim_one(), Accepted("SM1")))
    world.later(300)
    steps(world)
    one = world.claim_one(Channel.VOICE)
    world.record((one, Accepted(SID)))
    return alert, one.delivery_id


def said(answer: Answer) -> list[str]:
    return [verb.text or "" for verb in fromstring(answer.body).iter("Say")]


def confirmed(world: World, alert: int) -> int:
    with world.database.read() as connection:
        return class_counts(connection, alert).confirmed


def test_two_confirms_and_the_end_of_the_call_changes_nothing(world: World, server: WebServer) -> None:
    alert, delivery = called(world)
    assert confirmed(world, alert) == 0, StudentClass.HANDED_OVER
    answer = tell(server, "keys", delivery, {"Digits": "2", "CallStatus": "in-progress"})
    assert (answer.status, said(answer)) == (200, ["Takk. Du har bekreftet meldingen og kan legge på."])
    assert tell(server, "status", delivery, {"CallStatus": "completed"}).status == 204
    assert world.state(delivery) is S.DELIVERED
    assert world.refused(delivery) == [], "an ordinary end is no contradiction"
    assert confirmed(world, alert) == 1
    (kept,) = world.rows(ANSWER)
    assert (kept.delivery_id, kept.text) == (delivery, "")


def test_a_key_may_come_before_our_own_record_of_the_call(world: World, server: WebServer) -> None:
    alert = voice_alert(world, world.family())
    world.record((world.claim_one(), Accepted("SM1")))
    world.later(300)
    steps(world)
    one = world.claim_one(Channel.VOICE)
    assert tell(server, "keys", one.delivery_id, {"Digits": "2"}).status == 200
    assert world.state(one.delivery_id) is S.DELIVERED
    world.record((one, Accepted(SID)))
    assert tell(server, "status", one.delivery_id, {"CallStatus": "completed"}).status == 204
    assert world.state(one.delivery_id) is S.DELIVERED
    assert world.refused(one.delivery_id) == []
    assert confirmed(world, alert) == 1


def test_one_says_it_again(world: World, server: WebServer) -> None:
    alert, delivery = called(world)
    with world.database.write() as connection:
        connection.execute(ALERT_TEXT.update().values(spoken="Hør etter & vent."))
    answer = tell(server, "keys", delivery, {"Digits": "1"})
    assert said(answer)[0] == "Hør etter & vent."
    (gather, *_) = fromstring(answer.body).iter("Gather")
    assert f"/callbacks/twilio_voice/keys/{delivery}/1" in (gather.get("action") or "")
    assert confirmed(world, alert) == 0
    assert world.rows(ANSWER) == []


def test_a_confirmation_that_is_told_twice_and_late_counts_once(world: World, server: WebServer) -> None:
    alert, delivery = called(world)
    assert tell(server, "status", delivery, {"CallStatus": "completed"}).status == 204
    row = world.delivery(delivery)
    assert (row.state, row.code) == (S.UNDELIVERED, "call_not_confirmed")
    for _ in range(2):
        assert tell(server, "keys", delivery, {"Digits": "2"}).status == 200
    assert world.state(delivery) is S.UNDELIVERED, "a final state stays"
    assert len(world.rows(ANSWER)) == 1
    assert confirmed(world, alert) == 1


@pytest.mark.parametrize(
    ("fields", "code"),
    [
        ({"CallStatus": "busy"}, "call_busy"),
        ({"CallStatus": "no-answer"}, "call_no_answer"),
        ({"CallStatus": "failed"}, "call_failed"),
        ({"CallStatus": "completed", "AnsweredBy": "machine_start"}, "call_machine"),
    ],
)
def test_how_a_call_ended(world: World, server: WebServer, fields: dict[str, str], code: str) -> None:
    _alert, delivery = called(world)
    assert tell(server, "status", delivery, fields).status == 204
    row = world.delivery(delivery)
    assert (row.state, row.code) == (S.UNDELIVERED, code)


def test_who_cannot_sign_confirms_nothing(world: World, server: WebServer) -> None:
    _alert, delivery = called(world)
    assert tell(server, "keys", delivery, {"Digits": "2"}, token="wrong").status == 403
    assert tell(server, "status", delivery, {"CallStatus": "busy"}, token="wrong").status == 403
    assert world.state(delivery) is S.ACCEPTED
    assert world.rows(ANSWER) == []


def test_a_key_of_no_call_is_not_taken(world: World, server: WebServer) -> None:
    alert, delivery = called(world)
    (sms,) = world.rows(DELIVERY, DELIVERY.c.alert_id == alert, DELIVERY.c.channel == Channel.SMS)
    assert tell(server, "keys", sms.id, {"Digits": "2"}).status == 404
    assert tell(server, "keys", delivery + 1000, {"Digits": "2"}).status == 404
    assert tell(server, "keys", delivery, {"Digits": "22"}).status == 400
    assert tell(server, "keys", delivery, {"Digits": "2", "CallSid": "?"}).status == 400
    assert world.rows(ANSWER) == []
