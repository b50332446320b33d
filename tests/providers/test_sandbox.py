"""The sandbox is Twilio to Twilio's own client: queue, filters, pages, receipts with a valid signature."""

from __future__ import annotations

import asyncio
import json
import signal
import subprocess
import sys
import tomllib
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from threading import Thread
from typing import Any

import pytest
from aiohttp import web
from hypothesis import given
from hypothesis import strategies as st
from twilio.base.exceptions import TwilioRestException
from twilio.request_validator import RequestValidator
from twilio.rest import Client

from providers.error_codes import TWILIO
from providers.sandbox.delivery import retries_asked
from providers.sandbox.mailbox import segment_count
from providers.sandbox.process import settings_of
from providers.sandbox.script import BY_NUMBER, BY_TAG, Behaviour, Script, Step
from providers.sandbox.server import ACCOUNT_SID, AUTH_TOKEN, Sandbox, SandboxConfig
from tests.providers.conftest import NUMBER, TEXT, eventually


def client(sandbox: Sandbox) -> Any:
    """The official client, the synchronous one, untouched but for its address."""
    official = Client(ACCOUNT_SID, AUTH_TOKEN, environment={"": ""})
    official.api.base_url = sandbox.sms_url
    return official


def call(method: str, url: str, body: object = None) -> Any:
    data = None if body is None else json.dumps(body).encode()
    with urllib.request.urlopen(urllib.request.Request(url, data=data, method=method)) as answer:
        return json.load(answer)


def test_a_message_as_the_official_client_sees_it(sandbox: Sandbox) -> None:
    sandbox.delivery.segments_per_second = 0.001
    official = client(sandbox)
    official.messages.create(to="+4799990000", from_="SKOLEN", body="first in the queue")
    message = official.messages.create(to=NUMBER, from_="SKOLEN", body=TEXT * 8, validity_period=60)
    assert (message.status, message.date_sent, message.error_code) == ("queued", None, None)
    assert (message.to, message.from_, message.body, message.num_segments) == (NUMBER, "SKOLEN", TEXT * 8, "2")
    assert abs(message.date_created - datetime.now(UTC)) < timedelta(minutes=1)
    assert official.messages(message.sid).fetch().sid == message.sid
    assert official.api.v2010.accounts(ACCOUNT_SID).fetch().status == "active"


@pytest.mark.parametrize(
    ("form", "code"),
    [
        ({"to": "", "from_": "SKOLEN", "body": "x"}, 21604),
        ({"to": NUMBER, "body": "x"}, 21603),
        ({"to": NUMBER, "from_": "SKOLEN"}, 21602),
        ({"to": "99991234", "from_": "SKOLEN", "body": "x"}, 21211),
        ({"to": NUMBER, "from_": "SKOLEN", "body": "x" * 1601}, 21617),
        ({"to": NUMBER, "from_": "SKOLEN", "body": "x", "validity_period": 36_001}, 21624),
        ({"to": NUMBER, "from_": "SKOLEN", "body": "x", "status_callback": "example.com"}, 21609),
        ({"to": "+4799990610", "from_": "SKOLEN", "body": "x"}, 21610),
    ],
)
def test_faults_come_as_twilios_errors(sandbox: Sandbox, form: dict[str, object], code: int) -> None:
    with pytest.raises(TwilioRestException) as refused:
        client(sandbox).messages.create(**form)
    assert (refused.value.status, refused.value.code) == (400, code)
    assert not sandbox.mailbox.sms


def test_an_unknown_message_is_404(sandbox: Sandbox) -> None:
    with pytest.raises(TwilioRestException) as refused:
        client(sandbox).messages("SM" + "0" * 32).fetch()
    assert (refused.value.status, refused.value.code) == (404, 20404)


def test_what_waits_is_hidden_from_every_filter_on_date_sent(sandbox: Sandbox) -> None:
    official = client(sandbox)
    gone = official.messages.create(to=NUMBER, from_="SKOLEN", body="gone")
    waits = official.messages.create(to="+4799990801", from_="SKOLEN", body="waits")
    eventually(lambda: sandbox.mailbox.sms[gone.sid].status == "delivered")
    today = sandbox.mailbox.sms[gone.sid].date_sent
    assert today is not None
    yesterday = today - timedelta(days=1)
    assert [one.sid for one in official.messages.list()] == [waits.sid, gone.sid]
    assert [one.sid for one in official.messages.list(date_sent=today)] == [gone.sid]
    assert [one.sid for one in official.messages.list(date_sent_after=yesterday)] == [gone.sid]
    assert official.messages.list(date_sent_before=yesterday) == []
    assert [one.sid for one in official.messages.list(to="+4799990801")] == [waits.sid]
    assert official.messages.list(from_="OTHER") == []


def test_pages_are_newest_first_and_whole_although_more_arrives(sandbox: Sandbox) -> None:
    official = client(sandbox)
    sids = [official.messages.create(to=NUMBER, from_="SKOLEN", body=str(number)).sid for number in range(7)]
    page = official.messages.page(to=NUMBER, page_size=3)
    seen = [one.sid for one in page]
    official.messages.create(to=NUMBER, from_="SKOLEN", body="late")
    while (page := page.next_page()) is not None:
        seen += [one.sid for one in page]
    assert seen == sids[::-1]


def test_a_page_can_be_shorter_than_asked_for(sandbox: Sandbox) -> None:
    official = client(sandbox)
    for number in range(5):
        official.messages.create(to=NUMBER, from_="SKOLEN", body=f"number {number}")
    call("POST", f"{sandbox.sms_url}/sandbox/script", {"most_per_page": 2})
    assert len(official.messages.list(page_size=1000)) == 5
    lists = [one for one in call("GET", f"{sandbox.sms_url}/sandbox/calls")["calls"] if one["what"] == "list"]
    assert [one["status"] for one in lists] == [200] * 3


def test_one_sender_is_a_queue_and_another_sender_is_another(sandbox: Sandbox) -> None:
    sandbox.delivery.segments_per_second = 0.01
    official = client(sandbox)
    first, second = (official.messages.create(to=NUMBER, from_="SKOLEN", body=str(number)) for number in (1, 2))
    other = official.messages.create(to=NUMBER, from_="ANNEN", body="3")
    eventually(lambda: sandbox.mailbox.sms[other.sid].status == "delivered")
    eventually(lambda: sandbox.mailbox.sms[first.sid].status == "delivered")
    assert sandbox.mailbox.sms[second.sid].status == "queued"


@contextmanager
def receiver(statuses: list[int]) -> Iterator[tuple[str, list[tuple[str, dict[str, str], str]]]]:
    """A server for callbacks that answers these statuses, then 204; yields its URL and what it got."""
    got: list[tuple[str, dict[str, str], str]] = []
    waiting = list(statuses)
    loop = asyncio.new_event_loop()

    async def take(request: web.Request) -> web.Response:
        form = {name: str(value) for name, value in (await request.post()).items()}
        got.append((str(request.url), form, request.headers.get("X-Twilio-Signature", "")))
        return web.Response(status=waiting.pop(0) if waiting else 204)

    async def start() -> tuple[web.AppRunner, int]:
        application = web.Application()
        application.router.add_post("/{path:.*}", take)
        runner = web.AppRunner(application)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        return runner, runner.addresses[0][1]

    runner, port = loop.run_until_complete(start())
    thread = Thread(target=loop.run_forever)
    thread.start()
    try:
        yield f"http://127.0.0.1:{port}", got
    finally:
        asyncio.run_coroutine_threadsafe(runner.cleanup(), loop).result()
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.close()


def test_receipts_are_signed_over_the_address_without_its_fragment(sandbox: Sandbox) -> None:
    with receiver([]) as (url, got):
        address = f"{url}/callbacks/twilio/status/5/1"
        client(sandbox).messages.create(
            to="+4799990005", from_="SKOLEN", body=TEXT, status_callback=f"{address}#rc=5&rp=all"
        )
        eventually(lambda: len(got) == 2)
    assert [form["MessageStatus"] for _, form, _ in got] == ["sent", "undelivered"]
    assert "ErrorCode" not in got[0][1]
    assert got[1][1]["ErrorCode"] == "30005"
    for seen, form, signature in got:
        assert seen == address
        assert RequestValidator(AUTH_TOKEN).validate(seen, form, signature)
        assert not RequestValidator("another").validate(seen, form, signature)


@pytest.mark.parametrize(("fragment", "posts"), [("#rc=5&rp=all", 4), ("", 2), ("#rc=1&rp=5xx", 3), ("#rc=5&rp=ct", 2)])
def test_a_refused_receipt_comes_again_when_the_address_asks_for_it(fragment: str, posts: int) -> None:
    with Sandbox(SandboxConfig(callback_retry_seconds=0.01)) as sandbox, receiver([503, 503]) as (url, got):
        callback = f"{url}/callbacks/twilio/status/5/1{fragment}"
        sid = client(sandbox).messages.create(to=NUMBER, from_="A", body="x", status_callback=callback).sid
        eventually(lambda: sandbox.mailbox.sms[sid].status == "delivered" and len(got) >= posts)
        # "sent" is refused twice, or until the repeats are used up; the rest go well.
        assert len(got) == posts


@pytest.mark.parametrize(
    ("overrides", "count"),
    [("rc=5&rp=all", 5), ("rc=9&rp=all", 5), ("rp=5xx", 1), ("rc=2&rp=4xx,5xx", 2), ("", 0), ("rc=x&rp=all", 0)],
)
def test_how_often_a_fragment_asks_for_a_repeat(overrides: str, count: int) -> None:
    assert retries_asked(overrides) == count


def test_a_message_that_outlives_its_validity_in_the_queue_fails(sandbox: Sandbox) -> None:
    sandbox.delivery.segments_per_second = 1.0
    official = client(sandbox)
    official.messages.create(to=NUMBER, from_="SKOLEN", body="first")
    late = official.messages.create(to=NUMBER, from_="SKOLEN", body="late", validity_period=60)
    sandbox.mailbox.sms[late.sid].created -= timedelta(minutes=2)
    eventually(lambda: sandbox.mailbox.sms[late.sid].status == "failed")
    assert official.messages(late.sid).fetch().error_code == 30036


def test_inspection_and_counts_prove_taken_once(sandbox: Sandbox) -> None:
    official = client(sandbox)
    for number, attempt in ((1, 1), (2, 1), (2, 2)):
        callback = f"http://127.0.0.1:1/callbacks/twilio/status/{number}/{attempt}"
        official.messages.create(to=NUMBER, from_="SKOLEN", body="<b>hei</b>", status_callback=callback)
    counts = call("GET", f"{sandbox.sms_url}/sandbox/counts")
    assert (counts["sms"], counts["email"]) == (3, 0)
    assert counts["sms_by_delivery"] == {"1": 1, "2": 2}
    assert counts["doubled"] == {"2": 2}
    assert len(call("GET", f"{sandbox.sms_url}/sandbox/messages")["sms"]) == 3
    assert call("GET", f"{sandbox.sms_url}/sandbox/messages?to=ola@skole.example") == {
        "sms": [],
        "email": [],
        "voice": [],
    }
    with urllib.request.urlopen(sandbox.sms_url) as page:
        html = page.read().decode()
    assert "3 SMS" in html and "&lt;b&gt;hei" in html and "<b>hei" not in html
    call("DELETE", f"{sandbox.sms_url}/sandbox/messages")
    assert call("GET", f"{sandbox.sms_url}/sandbox/counts")["sms"] == 0


def test_any_number_can_be_told_to_behave_otherwise(sandbox: Sandbox) -> None:
    control = f"{sandbox.sms_url}/sandbox/script"
    call("POST", control, {"to": NUMBER, "behaviour": "refused", "code": "21612", "times": 1})
    official = client(sandbox)
    with pytest.raises(TwilioRestException) as refused:
        official.messages.create(to=NUMBER, from_="SKOLEN", body="x")
    assert refused.value.code == 21612
    assert official.messages.create(to=NUMBER, from_="SKOLEN", body="x").status == "queued"
    call("POST", control, {"latency": 0.01, "segments_per_second": 5, "delivery_seconds": 0.2})
    assert (sandbox.api.latency, sandbox.delivery.segments_per_second) == (0.01, 5.0)
    call("POST", control, {"stage": "mail", "reply": "451 no", "times": 2})
    assert [sandbox.script.stage_reply("mail") for _ in range(3)] == ["451 no", "451 no", None]


@pytest.mark.parametrize("wish", [{"to": NUMBER, "behaviour": "dance"}, {"to": NUMBER}, [], {"stage": "mail"}])
def test_a_behaviour_that_is_none_is_refused(sandbox: Sandbox, wish: object) -> None:
    with pytest.raises(urllib.error.HTTPError, match="400"):
        call("POST", f"{sandbox.sms_url}/sandbox/script", wish)


def test_the_table_names_codes_that_the_catalogue_knows() -> None:
    for ending, step in BY_NUMBER.items():
        assert len(ending) == 4 and ending.isdecimal()
        assert not step.code or step.code in TWILIO
    for tag, step in BY_TAG.items():
        assert tag == tag.lower() and "+" not in tag
        assert step.code == "" or step.code[:3].isdecimal()


@pytest.mark.parametrize(
    ("address", "behaviours"),
    [
        ("+4799990429", [Behaviour.BUSY, Behaviour.BUSY, Behaviour.DELIVERED]),
        ("+4799990610", [Behaviour.REFUSED] * 3),
        ("ola+grey@x.example", [Behaviour.AT_RCPT, Behaviour.DELIVERED]),
        ("ola.nordmann@x.example", [Behaviour.DELIVERED]),
        ("refuse@x.example", [Behaviour.DELIVERED]),
        ("+4799991234", [Behaviour.DELIVERED]),
    ],
)
def test_steps_come_in_order(address: str, behaviours: list[Behaviour]) -> None:
    script = Script()
    assert [script.next_step(address).behaviour for _ in behaviours] == behaviours


def test_an_override_begins_anew_and_ends_with_a_reset() -> None:
    script = Script()
    script.override("*", Step(Behaviour.HANG))
    assert script.next_step("+4799990610").behaviour is Behaviour.HANG
    script.reset()
    assert script.next_step("+4799990610").behaviour is Behaviour.REFUSED


@pytest.mark.parametrize(
    ("text", "segments"),
    [
        ("", 1),
        ("æ" * 160, 1),
        ("æ" * 161, 2),
        ("€" * 80, 1),
        ("€" * 81, 2),
        ("š" * 70, 1),
        ("š" * 71, 2),
        ("😀" * 36, 2),
    ],
)
def test_segments(text: str, segments: int) -> None:
    assert segment_count(text) == segments


@given(st.text(max_size=700), st.text(max_size=20))
def test_a_longer_text_never_has_fewer_segments(text: str, more: str) -> None:
    assert segment_count(text + more) >= segment_count(text) >= 1


def test_a_taken_port_is_an_error_in_the_thread_that_asked(sandbox: Sandbox) -> None:
    port = int(sandbox.sms_url.rpartition(":")[2])
    with pytest.raises(OSError, match="address"), Sandbox(SandboxConfig(port=port)):
        pass


def test_the_printed_settings_are_toml_that_names_the_running_ports(sandbox: Sandbox) -> None:
    settings = tomllib.loads(settings_of(sandbox))
    assert settings["sms"]["api_base_url"] == sandbox.sms_url
    assert settings["smtp"]["port"] == sandbox.smtp_port
    assert settings["sms"]["account_sid"] == ACCOUNT_SID


PROGRAM = """
import typer
from providers.sandbox.command import sandbox
typer.run(sandbox)
"""


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_as_a_process_it_says_where_it_is_and_ends_cleanly(tmp_path: Path, number: signal.Signals) -> None:
    ready = tmp_path / "ready.json"
    options = ["--port", "0", "--smtp-port", "0", "--json", "--ready-file", str(ready)]
    process = subprocess.Popen(
        [sys.executable, "-c", PROGRAM, *options],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        cwd=Path(__file__).parents[2],
    )
    try:
        eventually(ready.exists, seconds=30.0)
        where = json.loads(ready.read_text())
        assert call("GET", f"{where['sms_url']}/sandbox/counts")["sms"] == 0
    finally:
        process.send_signal(number)
        output, errors = process.communicate(timeout=30)
    assert (process.returncode, errors) == (0, "")
    assert json.loads(output) == where
