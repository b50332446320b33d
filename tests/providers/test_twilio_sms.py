"""Every way a call to Twilio can end, over real connections, with the official client."""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime

import pytest

from providers.base import Accepted, Deferred, LookupFailed, Outcome, ReceiptStatus, Rejected, Unknown
from providers.sandbox.script import Behaviour, Step
from providers.sandbox.server import ACCOUNT_SID, AUTH_TOKEN, Sandbox
from providers.twilio_http import retry_after_seconds
from providers.twilio_sms import TwilioSms
from tests.providers.certificates import server_context
from tests.providers.conftest import NUMBER, TEXT, http_answer, raw_server, sms


def twilio(url: str, **more: object) -> TwilioSms:
    settings: dict[str, object] = {
        "account_sid": ACCOUNT_SID,
        "auth_token": AUTH_TOKEN,
        "sender": "SKOLEN",
        "api_base_url": url,
        "timeout_seconds": 2.0,
    }
    return TwilioSms(**{**settings, **more})  # type: ignore[arg-type]


def using(provider: TwilioSms, *work: Callable[[TwilioSms], Awaitable[object]]) -> list[object]:
    """Do all of this in one loop, one after the other."""

    async def run() -> list[object]:
        try:
            return [await step(provider) for step in work]
        finally:
            await provider.close()

    return asyncio.run(run())


def sent(provider: TwilioSms, to: str = NUMBER) -> Outcome:
    (outcome,) = using(provider, lambda it: it.send(sms(to)))
    assert isinstance(outcome, Accepted | Rejected | Deferred | Unknown)
    return outcome


def test_an_accepted_message_is_what_was_asked_for(sandbox: Sandbox) -> None:
    outcome = sent(twilio(sandbox.sms_url))
    (message,) = sandbox.mailbox.sms.values()
    assert outcome == Accepted(message.sid)
    assert (message.sender, message.to, message.body) == ("SKOLEN", NUMBER, TEXT)
    assert message.validity_seconds == 600
    assert message.callback_url == ""


@pytest.mark.parametrize(
    ("ending", "outcome", "taken"),
    [
        ("0610", Rejected("21610", opted_out=True), 0),
        ("0211", Rejected("21211"), 0),
        ("0614", Rejected("21614"), 0),
        ("0429", Deferred("20429", 1.0), 0),
        ("0500", Unknown("20500"), 0),
        ("0501", Unknown("20500"), 1),
        ("0710", Unknown("connection_lost"), 1),
        ("0711", Unknown("connection_lost"), 1),
        ("0720", Unknown("bad_answer"), 1),
    ],
)
def test_outcomes(sandbox: Sandbox, ending: str, outcome: Outcome, taken: int) -> None:
    assert sent(twilio(sandbox.sms_url), "+479999" + ending) == outcome
    assert len(sandbox.mailbox.sms) == taken
    # Once only: the library's own repeats are off.
    assert sandbox.mailbox.requests == 1


def test_a_hanging_answer_is_unknown_in_spite_of_the_librarys_deaf_timeout(sandbox: Sandbox) -> None:
    assert sent(twilio(sandbox.sms_url, timeout_seconds=0.3), "+4799990408") == Unknown("read_timeout")
    assert len(sandbox.mailbox.sms) == 1


def test_what_hangs_before_it_is_taken_is_no_less_unknown(sandbox: Sandbox) -> None:
    sandbox.script.override(NUMBER, Step(Behaviour.HANG_BEFORE))
    assert sent(twilio(sandbox.sms_url, timeout_seconds=0.3)) == Unknown("read_timeout")
    assert not sandbox.mailbox.sms
    (noted,) = sandbox.mailbox.calls
    assert (noted.what, noted.to, noted.status, noted.ended) == ("create", NUMBER, 0, None)


def test_busy_twice_then_taken(sandbox: Sandbox) -> None:
    message = sms("+4799990429")
    outcomes = using(twilio(sandbox.sms_url), *[lambda it: it.send(message)] * 3)
    assert outcomes[:2] == [Deferred("20429", 1.0)] * 2
    assert isinstance(outcomes[2], Accepted)


@pytest.mark.parametrize("changed", [{"auth_token": "wrong"}, {"account_sid": "AC" + "9" * 32}])
def test_wrong_credentials_defer_for_they_can_be_mended(sandbox: Sandbox, changed: dict[str, object]) -> None:
    assert sent(twilio(sandbox.sms_url, **changed)) == Deferred("20003")
    assert not sandbox.mailbox.sms


@pytest.mark.parametrize("missing", ["account_sid", "auth_token", "sender"])
def test_without_settings_nothing_is_tried(sandbox: Sandbox, missing: str) -> None:
    provider = twilio(sandbox.sms_url, **{missing: ""})
    assert sent(provider) == Deferred("not_configured")
    assert sandbox.mailbox.requests == 0


@pytest.mark.parametrize("address", ["api.example", "ftp://api.example", "https://", "http://api.example:port"])
def test_an_address_of_the_settings_that_is_none_is_certain(address: str) -> None:
    assert sent(twilio(address)) == Deferred("connect_refused")


def test_no_server_is_certain(unused_port: int) -> None:
    assert sent(twilio(f"http://127.0.0.1:{unused_port}")) == Deferred("connect_refused")


def test_edge_and_region_in_the_environment_do_not_mangle_the_host(
    sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TWILIO_EDGE", "dublin")
    monkeypatch.setenv("TWILIO_REGION", "ie1")
    assert isinstance(sent(twilio(sandbox.sms_url)), Accepted)


@pytest.mark.parametrize(
    ("answer", "outcome"),
    [
        (http_answer(201, b"[]"), Unknown("bad_answer")),
        (http_answer(201, b"{}"), Unknown("bad_answer")),
        (http_answer(201, b"null"), Unknown("bad_answer")),
        (http_answer(201, b"\xff\xfe"), Unknown("bad_answer")),
        (http_answer(200, b""), Unknown("bad_answer")),
        (http_answer(502, b"<html>"), Unknown("http_502")),
        (http_answer(503, b"{}", "Retry-After: 9"), Unknown("http_503")),
        (http_answer(302, b"", "Location: http://127.0.0.1:1/"), Unknown("http_302")),
        (http_answer(400, b"<html>"), Rejected("http_400")),
        (http_answer(429, b"slow down", "Retry-After: 7"), Deferred("http_429", 7.0)),
        (http_answer(429, b"", "Retry-After: tomorrow"), Deferred("http_429", None)),
        (
            http_answer(400, json.dumps({"type": "t", "title": "x", "status": 400, "code": 21211}).encode()),
            Rejected("21211"),
        ),
        (b"nonsense\r\n\r\n", Unknown("bad_answer")),
        (b"", Unknown("connection_lost")),
        (b"HTTP/1.1 201 Created\r\nContent-Length: 50\r\n\r\n{", Unknown("connection_lost")),
    ],
)
def test_answers_that_no_server_should_give(answer: bytes, outcome: Outcome) -> None:
    async def run() -> Outcome:
        server, url = await raw_server(answer)
        provider = twilio(url)
        try:
            return await provider.send(sms())
        finally:
            await provider.close()
            server.close()

    assert asyncio.run(run()) == outcome


def test_a_certificate_that_nobody_vouches_for_defers() -> None:
    async def run() -> Outcome:
        async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            writer.close()

        server = await asyncio.start_server(serve, "127.0.0.1", 0, ssl=server_context().server)
        provider = twilio(f"https://127.0.0.1:{server.sockets[0].getsockname()[1]}")
        # What the failed handshake leaves behind on the server's side is not the subject.
        asyncio.get_running_loop().set_exception_handler(lambda loop, context: None)
        try:
            return await provider.send(sms())
        finally:
            await provider.close()
            server.close()

    assert asyncio.run(run()) == Deferred("tls_failed")


def test_cancelling_passes_through(sandbox: Sandbox) -> None:
    async def run() -> None:
        provider = twilio(sandbox.sms_url, timeout_seconds=30.0)
        sending = asyncio.create_task(provider.send(sms("+4799990408")))
        while not sandbox.mailbox.sms:
            await asyncio.sleep(0.01)
        sending.cancel()
        with pytest.raises(asyncio.CancelledError):
            await sending
        # The connection's place is free again.
        assert isinstance(await provider.send(sms()), Accepted)
        await provider.close()

    asyncio.run(run())


@pytest.mark.parametrize(("asked", "given"), [(0, 1), (-5, 1), (1, 1), (36_000, 36_000), (86_400, 36_000)])
def test_the_validity_period_keeps_to_twilios_limits(sandbox: Sandbox, asked: int, given: int) -> None:
    using(twilio(sandbox.sms_url), lambda it: it.send(sms(validity=asked)))
    (message,) = sandbox.mailbox.sms.values()
    assert message.validity_seconds == given


def test_the_callback_address_names_delivery_and_attempt_and_asks_for_retries(sandbox: Sandbox) -> None:
    provider = twilio(sandbox.sms_url, callback_base_url="http://127.0.0.1:1/")
    using(provider, lambda it: it.send(sms(delivery_id=41, attempt=3)))
    (message,) = sandbox.mailbox.sms.values()
    assert message.callback_url == "http://127.0.0.1:1/callbacks/twilio/status/41/3#rc=5&rp=all"


def test_a_refused_callback_address_does_not_stop_the_message(sandbox: Sandbox) -> None:
    provider = twilio(sandbox.sms_url, callback_base_url="http://no_such_host.example")
    first, second = using(provider, lambda it: it.send(sms()), lambda it: it.send(sms(delivery_id=8)))
    assert isinstance(first, Accepted)
    assert isinstance(second, Accepted)
    assert [message.callback_url for message in sandbox.mailbox.sms.values()] == ["", ""]
    # The second did not try the address again.
    assert sandbox.mailbox.requests == 3


def test_a_text_that_nothing_can_carry_is_poison_and_not_an_exception(sandbox: Sandbox) -> None:
    (outcome,) = using(twilio(sandbox.sms_url), lambda it: it.send(sms(body="\ud800")))
    assert outcome == Rejected("poison")
    assert sandbox.mailbox.requests == 0


def test_hundreds_at_once_over_few_connections(sandbox: Sandbox) -> None:
    async def run() -> list[Outcome]:
        provider = twilio(sandbox.sms_url, connections=4, timeout_seconds=20.0)
        messages = [sms(f"+47990{number:05d}", delivery_id=number) for number in range(90_000, 90_200)]
        try:
            return await asyncio.gather(*(provider.send(message) for message in messages))
        finally:
            await provider.close()

    outcomes = asyncio.run(run())
    assert all(isinstance(outcome, Accepted) for outcome in outcomes)
    assert len({outcome.reference for outcome in outcomes if isinstance(outcome, Accepted)}) == 200


def test_check_reads_the_account_and_sends_nothing(sandbox: Sandbox) -> None:
    using(twilio(sandbox.sms_url), lambda it: it.check())
    assert sandbox.mailbox.requests == 1
    assert not sandbox.mailbox.sms


@pytest.mark.parametrize(
    ("changed", "code"), [({"auth_token": "wrong"}, "20003"), ({"auth_token": ""}, "not_configured")]
)
def test_check_says_why_not(sandbox: Sandbox, changed: dict[str, object], code: str) -> None:
    with pytest.raises(LookupFailed) as failed:
        using(twilio(sandbox.sms_url, **changed), lambda it: it.check())
    assert failed.value.code == code


def test_check_sees_a_suspended_account() -> None:
    async def run() -> None:
        server, url = await raw_server(http_answer(200, b'{"sid": "AC1", "status": "suspended"}'))
        provider = twilio(url)
        try:
            await provider.check()
        finally:
            await provider.close()
            server.close()

    with pytest.raises(LookupFailed, match="account_not_active"):
        asyncio.run(run())


def test_receipts_of_few_and_of_many(sandbox: Sandbox) -> None:
    async def run() -> None:
        provider = twilio(sandbox.sms_url, timeout_seconds=20.0)
        references = []
        for ending in ("1111", "0003", "0801"):
            outcome = await provider.send(sms("+479999" + ending))
            assert isinstance(outcome, Accepted)
            references.append(outcome.reference)
        while {one.status for one in sandbox.mailbox.sms.values()} != {"delivered", "undelivered", "queued"}:
            await asyncio.sleep(0.01)
        few = {one.reference: one for one in await provider.receipts([*references, "SM" + "0" * 32])}
        assert [few[reference].status for reference in references] == [
            ReceiptStatus.DELIVERED,
            ReceiptStatus.UNDELIVERED,
            ReceiptStatus.PENDING,
        ]
        assert few[references[1]].code == "30003"
        assert len(few) == 3
        before = sandbox.mailbox.requests
        outcomes = await asyncio.gather(*(provider.send(sms(f"+47990{number}")) for number in range(81_000, 81_100)))
        references += [outcome.reference for outcome in outcomes if isinstance(outcome, Accepted)]
        many = await provider.receipts(references)
        assert {one.reference for one in many} == set(references)
        # A hundred sent, and their receipts in one page.
        assert sandbox.mailbox.requests - before == 101
        await provider.close()

    asyncio.run(run())


def test_a_poll_that_is_too_early_says_when_to_come_back(sandbox: Sandbox) -> None:
    sandbox.script.override("list", Step(Behaviour.BUSY, seconds=4.0))
    with pytest.raises(LookupFailed) as failed:
        using(twilio(sandbox.sms_url), lambda it: it.receipts([f"SM{number:032d}" for number in range(60)]))
    assert (failed.value.code, failed.value.retry_after) == ("20429", 4.0)
    # Neither the URL nor the answer hangs on the exception.
    assert failed.value.__context__ is None


def test_after_a_429_nothing_is_asked_before_the_time_is_over(sandbox: Sandbox) -> None:
    sandbox.script.override("list", Step(Behaviour.BUSY, times=1, seconds=0.3))
    many, one = [f"SM{number:032d}" for number in range(60)], ["SM" + "0" * 32]

    async def run() -> None:
        provider = twilio(sandbox.sms_url)
        for references in (many, one):
            with pytest.raises(LookupFailed) as failed:
                await provider.receipts(references)
            assert failed.value.code == "20429"
            assert failed.value.retry_after is not None
            assert 0 < failed.value.retry_after <= 0.3
        assert len(sandbox.mailbox.calls) == 1
        await asyncio.sleep(failed.value.retry_after)
        assert await provider.receipts(one) == []
        assert [call.what for call in sandbox.mailbox.calls] == ["list", "fetch"]
        # Sending is another matter: its own answers tell when.
        assert isinstance(await provider.send(sms()), Accepted)
        await provider.close()

    asyncio.run(run())


@pytest.mark.parametrize(
    ("header", "seconds"),
    [
        (None, None),
        ("", None),
        ("3", 3.0),
        ("1.5", 1.5),
        ("-4", 0.0),
        ("1e9", 3600.0),
        ("nan", None),
        ("inf", None),
        ("soon", None),
        ("Mon, 23 Nov 2026 07:00:30 GMT", 30.0),
        ("Mon, 23 Nov 2026 06:00:00 GMT", 0.0),
    ],
)
def test_retry_after(header: str | None, seconds: float | None) -> None:
    assert retry_after_seconds(header, datetime(2026, 11, 23, 7, tzinfo=UTC)) == seconds


def test_nothing_personal_is_logged_or_shown(sandbox: Sandbox, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("DEBUG")
    provider = twilio(sandbox.sms_url, timeout_seconds=0.5)
    endings = ("1234", "0610", "0429", "0500", "0501", "0408", "0710", "0720")
    outcomes = using(provider, *[lambda it, ending=ending: it.send(sms("+479999" + ending)) for ending in endings])
    using(twilio("http://127.0.0.1:9"), lambda it: it.send(sms()))
    shown = caplog.text + repr(outcomes) + repr(sms())
    assert not re.search(r"\+?47 ?9999|%2B47", shown)
    assert "låst" not in shown
