"""Calls that read a message aloud: what is said, what Twilio's answers mean, and that no call is made twice."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from typing import Any

import pytest
from defusedxml.ElementTree import fromstring

from config.catalogue import load_catalogue
from providers.base import (
    Accepted,
    Channel,
    Deferred,
    LookupQuery,
    Message,
    Outcome,
    Receipt,
    ReceiptStatus,
    Rejected,
    Unknown,
)
from providers.errors import in_plain_words
from providers.sandbox.script import Behaviour, Step
from providers.sandbox.server import ACCOUNT_SID, AUTH_TOKEN, Sandbox
from providers.spoken import spoken_language, voice_words
from providers.twilio_call_status import call_receipt
from providers.twilio_voice import TwilioVoice
from providers.twilio_voice_words import LONGEST_TWIML, confirmed_twiml, message_twiml
from tests.providers.conftest import NUMBER, eventually

WORDS = voice_words(load_catalogue())
TEXT = "ØVELSE. Eksempel vgs: Skolen er låst & elevene er inne."
CALLER = "+4722000000"
PENDING, FAILED = ReceiptStatus.PENDING, ReceiptStatus.UNDELIVERED


def call(to: str = NUMBER, *, delivery_id: int = 7, language: str = "nb") -> Message:
    return Message(delivery_id, 1, Channel.VOICE, to, TEXT, language=language)


def voice(sandbox: Sandbox, **options: Any) -> TwilioVoice:
    given: dict[str, Any] = {
        "account_sid": ACCOUNT_SID,
        "auth_token": AUTH_TOKEN,
        "caller": CALLER,
        "words": WORDS,
        "api_base_url": sandbox.sms_url,
        "timeout_seconds": 2.0,
    }
    return TwilioVoice(**(given | options))


def sent(provider: TwilioVoice, *messages: Message) -> list[Outcome]:
    async def all_of_them() -> list[Outcome]:
        outcomes = [await provider.send(message) for message in messages]
        await provider.close()
        return outcomes

    return asyncio.run(all_of_them())


def looked_up(provider: TwilioVoice, query: LookupQuery, *taken: str) -> dict[tuple[int, int], Receipt]:
    async def ask() -> dict[tuple[int, int], Receipt]:
        found = await provider.look_up([query], frozenset(taken))
        await provider.close()
        return found

    return asyncio.run(ask())


@pytest.mark.parametrize(
    ("language", "spoken", "said_in", "asks"),
    [
        ("nb", "nb", "nb-NO", "bekrefte"),
        ("nn", "nn", "nb-NO", "stadfeste"),
        ("se", "nb", "nb-NO", "bekrefte"),
        ("en", "en", "en-GB", "confirm"),
    ],
)
def test_what_a_call_says(language: str, spoken: str, said_in: str, asks: str) -> None:
    assert spoken_language(language) == spoken
    document = fromstring(message_twiml(TEXT, language, WORDS, "https://example.test/keys#rc=5&rp=all"))
    gathers = document.findall("Gather")
    assert len(gathers) == 2, "for whoever was not quick enough"
    for gather in gathers:
        assert gather.get("action") == "https://example.test/keys#rc=5&rp=all"
        assert gather.get("numDigits") == "1"
        text, menu = gather.findall("Say")
        assert text.text == TEXT
        assert asks in (menu.text or "")
        assert {text.get("language"), menu.get("language")} == {said_in}


def test_without_an_address_no_key_is_spoken_of() -> None:
    document = fromstring(message_twiml(TEXT, "nb", WORDS))
    assert document.findall("Gather") == []
    assert [said.text for said in document.findall("Say")] == [TEXT, TEXT]


def test_a_long_message_is_said_once() -> None:
    twiml = message_twiml("Lang & kort. " * 123, "nb", WORDS, "https://example.test/keys")
    assert len(twiml) <= LONGEST_TWIML
    assert len(fromstring(twiml).findall("Gather")) == 1


def test_whoever_confirms_is_thanked() -> None:
    document = fromstring(confirmed_twiml("se", WORDS))
    assert [verb.tag for verb in document] == ["Say", "Hangup"]


@pytest.mark.parametrize(
    ("status", "answered_by", "receipt"),
    [
        *((word, "", (PENDING, "")) for word in ("queued", "initiated", "ringing", "in-progress", "new word")),
        # Somebody, or something, has answered: that confirms nothing.
        ("completed", "", (FAILED, "call_not_confirmed")),
        ("completed", "human", (FAILED, "call_not_confirmed")),
        ("completed", "unknown", (FAILED, "call_not_confirmed")),
        ("completed", "machine_start", (FAILED, "call_machine")),
        ("completed", "machine_end_beep", (FAILED, "call_machine")),
        ("busy", "", (FAILED, "call_busy")),
        ("no-answer", "", (FAILED, "call_no_answer")),
        ("failed", "", (FAILED, "call_failed")),
        ("canceled", "", (FAILED, "call_canceled")),
    ],
)
def test_what_a_status_says(status: str, answered_by: str, receipt: tuple[ReceiptStatus, str]) -> None:
    found = call_receipt("CA1", status, answered_by)
    assert (found.reference, found.status, found.code) == ("CA1", *receipt)
    if found.code:
        assert "does not know" not in in_plain_words(found.code)


def test_a_call_is_taken_rings_and_is_answered(sandbox: Sandbox) -> None:
    (outcome,) = sent(voice(sandbox), call())
    assert isinstance(outcome, Accepted) and outcome.reference
    made = sandbox.mailbox.phone_calls[outcome.reference]
    assert (made.caller, made.to) == (CALLER, NUMBER)
    eventually(lambda: made.status == "completed")
    assert made.words == [TEXT, TEXT]
    assert set(made.languages) == {"nb-NO"}


@pytest.mark.parametrize(
    ("step", "code"),
    [
        (Step(Behaviour.LINE_BUSY), "call_busy"),
        (Step(Behaviour.NO_ANSWER), "call_no_answer"),
        (Step(Behaviour.NOT_CONNECTED), "call_failed"),
        (Step(Behaviour.DELIVERED, keys=""), "call_not_confirmed"),
        (Step(Behaviour.MACHINE), "call_machine"),
    ],
)
def test_how_a_call_ended_can_be_asked_for(sandbox: Sandbox, step: Step, code: str) -> None:
    sandbox.script.override(f"call:{NUMBER}", step)

    async def ask() -> list[Receipt]:
        provider = voice(sandbox, detect_machines=True)
        outcome = await provider.send(call())
        assert isinstance(outcome, Accepted) and outcome.reference
        while sandbox.mailbox.phone_calls[outcome.reference].status in ("queued", "ringing", "in-progress"):
            await asyncio.sleep(0.01)
        found = await provider.receipts([outcome.reference])
        await provider.close()
        return found

    (receipt,) = asyncio.run(asyncio.wait_for(ask(), 20))
    assert (receipt.status, receipt.code) == (FAILED, code)


@pytest.mark.parametrize(
    ("step", "outcome"),
    [
        (Step(Behaviour.REFUSED, code="21215"), Rejected("21215")),
        (Step(Behaviour.REFUSED, code="13224"), Rejected("13224")),
        (Step(Behaviour.REFUSED, code="21210"), Deferred("21210")),
        (Step(Behaviour.BUSY, code="20429", seconds=3), Deferred("20429", 3.0)),
        (Step(Behaviour.ERROR_AFTER), Unknown("20500")),
        (Step(Behaviour.CUT), Unknown("connection_lost")),
        (Step(Behaviour.MALFORMED), Unknown("bad_answer")),
    ],
)
def test_how_an_attempt_ends(sandbox: Sandbox, step: Step, outcome: Outcome) -> None:
    sandbox.script.override(f"call:{NUMBER}", step)
    assert sent(voice(sandbox), call()) == [outcome]


def test_a_call_of_unknown_fate_is_found_by_number_and_time(sandbox: Sandbox) -> None:
    began = datetime.now(UTC)
    sandbox.script.override(f"call:{NUMBER}", Step(Behaviour.ERROR_AFTER, times=1))
    assert sent(voice(sandbox), call()) == [Unknown("20500")]
    (made,) = sandbox.mailbox.phone_calls.values()
    query = LookupQuery(7, 1, NUMBER, TEXT, began)
    found = looked_up(voice(sandbox), query)
    assert found[7, 1].reference == made.sid
    assert looked_up(voice(sandbox), query, made.sid) == {}, "another attempt holds it"
    assert looked_up(voice(sandbox), LookupQuery(7, 1, "+4799990000", TEXT, began)) == {}


def test_a_call_that_was_never_taken_is_not_found(sandbox: Sandbox) -> None:
    began = datetime.now(UTC)
    sandbox.script.override(f"call:{NUMBER}", Step(Behaviour.ERROR_BEFORE, times=1))
    assert sent(voice(sandbox), call()) == [Unknown("20500")]
    assert looked_up(voice(sandbox), LookupQuery(7, 1, NUMBER, TEXT, began)) == {}


def test_a_refused_callback_address_does_not_stop_the_call(sandbox: Sandbox) -> None:
    first, second = sent(voice(sandbox, callback_base_url="nowhere"), call(delivery_id=1), call(delivery_id=2))
    assert isinstance(first, Accepted) and isinstance(second, Accepted)
    assert [made.callback_url for made in sandbox.mailbox.phone_calls.values()] == ["", ""]


def test_without_a_caller_nobody_is_called(sandbox: Sandbox) -> None:
    (outcome,) = sent(voice(sandbox, caller=""), call())
    assert outcome == Deferred("not_configured")
    assert not sandbox.mailbox.phone_calls
