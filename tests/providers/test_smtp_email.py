"""Every way handing over a mail can end, over real connections."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Awaitable, Callable, Iterator
from datetime import UTC, datetime
from email import message_from_bytes
from email.policy import default

import pytest

from providers.base import Accepted, Deferred, LookupFailed, LookupQuery, Outcome, Rejected, Unknown
from providers.sandbox.server import Sandbox, SandboxConfig
from providers.smtp_email import SmtpEmail
from tests.providers.certificates import server_context
from tests.providers.conftest import ADDRESS, TEXT, email
from tests.providers.smtp_far_end import provider as smtp


@pytest.fixture(params=[True, False], ids=["in groups", "one by one"])
def sandbox(request: pytest.FixtureRequest) -> Iterator[Sandbox]:
    """Every outcome is the same with commands in groups and without."""
    with Sandbox(SandboxConfig(pipelining=request.param)) as running:
        yield running


def using(provider: SmtpEmail, *work: Callable[[SmtpEmail], Awaitable[object]]) -> list[object]:
    """Do all of this in one loop, one after the other."""

    async def run() -> list[object]:
        try:
            return [await step(provider) for step in work]
        finally:
            await provider.close()

    return asyncio.run(run())


def sent(provider: SmtpEmail, to: str = ADDRESS, times: int = 1) -> list[object]:
    return using(provider, *[lambda it: it.send(email(to))] * times)


def test_a_mail_arrives_with_its_text_and_the_servers_queue_id(sandbox: Sandbox) -> None:
    assert sent(smtp(sandbox.smtp_port)) == [Accepted("SB00000001")]
    (mail,) = sandbox.mailbox.mails
    assert (mail.sender, mail.recipients) == ("varsel@skole.example", (ADDRESS,))
    read = message_from_bytes(mail.data, policy=default)
    assert read["Message-ID"] == mail.message_id == "<delivery-7@skole.example>"
    body = read.get_body(("plain",))  # type: ignore[attr-defined]
    assert body.get_content().strip() == TEXT


@pytest.mark.parametrize("text", [".", "..", ".\n.\n", "a\n.b\n..c\n.", "\n.\n"])
def test_lines_with_dots_arrive_whole(sandbox: Sandbox, text: str) -> None:
    using(smtp(sandbox.smtp_port), lambda it: it.send(email(body=text)))
    (mail,) = sandbox.mailbox.mails
    body = message_from_bytes(mail.data, policy=default).get_body(("plain",))  # type: ignore[attr-defined]
    assert body.get_content().replace("\r\n", "\n").rstrip("\n") == text.rstrip("\n")


@pytest.mark.parametrize(
    ("tag", "outcome", "taken", "then"),
    [
        ("refuse", Rejected("550 5.1.1"), 0, Rejected("550 5.1.1")),
        ("full", Rejected("552 5.2.2"), 0, Rejected("552 5.2.2")),
        ("policy", Rejected("554 5.7.1"), 0, Rejected("554 5.7.1")),
        ("grey", Deferred("450 4.2.0"), 0, Accepted("SB00000001")),
        ("later-data", Deferred("451 4.3.0"), 0, Accepted("SB00000001")),
        ("later-end", Deferred("452 4.3.1"), 0, Accepted("SB00000001")),
        ("cut-before", Deferred("lost_before_sending"), 0, Accepted("SB00000001")),
        ("cut", Unknown("connection_lost"), 1, Accepted("SB00000002")),
        ("hang", Unknown("read_timeout"), 1, Accepted("SB00000002")),
    ],
)
def test_outcomes(sandbox: Sandbox, tag: str, outcome: Outcome, taken: int, then: Outcome) -> None:
    provider = smtp(sandbox.smtp_port, timeout_seconds=0.5)
    first, second = sent(provider, f"ola+{tag}@skole.example", times=2)
    assert (first, second) == (outcome, then)
    assert len(sandbox.mailbox.mails) == taken + isinstance(then, Accepted)
    # A repeat can be known as one.
    assert {mail.message_id for mail in sandbox.mailbox.mails} <= {"<delivery-7@skole.example>"}


@pytest.mark.parametrize(
    ("stage", "reply", "outcome"),
    [
        ("mail", "451 4.3.0 not now", Deferred("sender 451 4.3.0")),
        ("mail", "550 5.7.1 not yours", Deferred("sender 550 5.7.1")),
        ("mail", "530 5.7.0 log in", Deferred("sender 530 5.7.0")),
        ("connect", "421 4.3.2 too many", Deferred("greeting 421 4.3.2")),
        ("connect", "554 5.7.1 go away", Deferred("greeting 554 5.7.1")),
        ("mail", "", Deferred("lost_before_sending")),
    ],
)
def test_refusals_before_the_recipient_is_named(sandbox: Sandbox, stage: str, reply: str, outcome: Outcome) -> None:
    sandbox.script.fail_stage(stage, reply, 1)
    first, second = sent(smtp(sandbox.smtp_port), times=2)
    assert first == outcome
    assert isinstance(second, Accepted)


def test_after_a_refusal_the_connection_serves_the_next_mail(sandbox: Sandbox) -> None:
    provider = smtp(sandbox.smtp_port)
    steps = [lambda it, to=to: it.send(email(to)) for to in ("a+refuse@skole.example", ADDRESS, ADDRESS)]
    refused, *taken = using(provider, *steps)
    assert refused == Rejected("550 5.1.1")
    assert all(isinstance(outcome, Accepted) for outcome in taken)
    assert sandbox.smtp.connections_made == 1


@pytest.mark.parametrize("reply", ["", "421 4.4.2 idle for too long"])
def test_a_stale_kept_connection_is_replaced_and_the_mail_sent_once(sandbox: Sandbox, reply: str) -> None:
    async def grow_stale(provider: SmtpEmail) -> None:
        sandbox.script.fail_stage("mail", reply, 1)

    first, _, second = using(
        smtp(sandbox.smtp_port), lambda it: it.send(email()), grow_stale, lambda it: it.send(email(delivery_id=8))
    )
    assert isinstance(first, Accepted)
    assert isinstance(second, Accepted)
    assert sandbox.smtp.connections_made == 2
    assert [mail.message_id[:11] for mail in sandbox.mailbox.mails] == ["<delivery-7", "<delivery-8"]


def test_a_restarted_server_costs_no_mail(sandbox: Sandbox) -> None:
    async def restart(provider: SmtpEmail) -> None:
        sandbox.drop_connections()

    outcomes = using(smtp(sandbox.smtp_port), lambda it: it.send(email()), restart, lambda it: it.send(email()))
    assert isinstance(outcomes[2], Accepted)
    assert len(sandbox.mailbox.mails) == 2


def test_few_connections_carry_many_mails(sandbox: Sandbox) -> None:
    async def run() -> list[Outcome]:
        provider = smtp(sandbox.smtp_port, connections=3, timeout_seconds=20.0)
        try:
            return await asyncio.gather(*(provider.send(email(delivery_id=number)) for number in range(200)))
        finally:
            await provider.close()

    assert all(isinstance(outcome, Accepted) for outcome in asyncio.run(run()))
    assert sandbox.smtp.connections_made <= 3
    assert len({mail.message_id for mail in sandbox.mailbox.mails}) == 200


def test_no_server_is_certain(unused_port: int) -> None:
    assert sent(smtp(unused_port)) == [Deferred("connect_refused")]


@pytest.mark.parametrize("missing", ["host", "from_address"])
def test_without_settings_nothing_is_tried(sandbox: Sandbox, missing: str) -> None:
    assert sent(smtp(sandbox.smtp_port, **{missing: ""})) == [Deferred("not_configured")]
    assert sandbox.smtp.connections_made == 0


@pytest.mark.parametrize("utf8", [True, False])
def test_letters_before_the_at_sign_need_a_server_that_takes_them(utf8: bool) -> None:
    with Sandbox(SandboxConfig(smtputf8=utf8)) as sandbox:
        unusual, usual = using(
            smtp(sandbox.smtp_port),
            lambda it: it.send(email("blåbær@skåle.example")),
            lambda it: it.send(email("ola@skåle.example")),
        )
        assert isinstance(usual, Accepted)
        assert sandbox.mailbox.mails[-1].recipients == ("ola@xn--skle-roa.example",)
        assert sandbox.smtp.connections_made == 1
        if utf8:
            assert isinstance(unusual, Accepted)
            assert sandbox.mailbox.mails[0].recipients == ("blåbær@xn--skle-roa.example",)
            assert "To: blåbær@".encode() in sandbox.mailbox.mails[0].data
        else:
            assert unusual == Rejected("smtputf8_missing")


@pytest.mark.parametrize(
    "address",
    [
        *("", "ola", "@x.example", "a@", "a b@x.example", "a@b@c", "a@x.example> SIZE=1", "a,b@x.example"),
        *('"a"@x.example', "a@x..example", "a\t@x.example", "a@x.example\u2028", "a\ud800@x.example"),
    ],
)
def test_an_address_that_would_forge_a_command_or_header_goes_nowhere(sandbox: Sandbox, address: str) -> None:
    assert sent(smtp(sandbox.smtp_port), address) == [Rejected("bad_address")]
    assert sandbox.smtp.connections_made == 0


def test_a_text_that_nothing_can_carry_is_poison_and_not_an_exception(sandbox: Sandbox) -> None:
    assert using(smtp(sandbox.smtp_port), lambda it: it.send(email(body="\ud800"))) == [Rejected("poison")]


@pytest.mark.parametrize("security", ["starttls", "tls"])
def test_mail_goes_out_encrypted_and_logged_in(security: str) -> None:
    contexts = server_context()
    config = SandboxConfig(
        smtp_username="skolen",
        smtp_password="hemmelig",
        tls_context=contexts.server,
        implicit_tls=security == "tls",
    )
    with Sandbox(config) as sandbox:
        known = {"security": security, "tls_context": contexts.client}
        account = {"username": "skolen", "password": "hemmelig"}
        assert sent(smtp(sandbox.smtp_port, **known, **account)) == [Accepted("SB00000001")]
        (mail,) = sandbox.mailbox.mails
        assert (mail.over_tls, mail.login) == (True, "skolen")
        using(smtp(sandbox.smtp_port, **known, **account), lambda it: it.check())
        wrong = smtp(sandbox.smtp_port, **known, username="skolen", password="feil")
        assert sent(wrong) == [Deferred("login_failed")]
        assert sent(smtp(sandbox.smtp_port, **known)) == [Deferred("sender 530 5.7.0")]
        # The system's certificates do not know this server.
        assert sent(smtp(sandbox.smtp_port, security=security, **account)) == [Deferred("tls_failed")]
        assert len(sandbox.mailbox.mails) == 1


def test_a_server_without_starttls_gets_nothing_in_clear(sandbox: Sandbox) -> None:
    assert sent(smtp(sandbox.smtp_port, security="starttls")) == [Deferred("tls_failed")]
    assert not sandbox.mailbox.mails


def test_check_logs_in_and_sends_nothing(sandbox: Sandbox) -> None:
    using(smtp(sandbox.smtp_port), lambda it: it.check())
    assert sandbox.smtp.connections_made == 1
    assert not sandbox.mailbox.mails


def test_check_says_why_not(sandbox: Sandbox, unused_port: int) -> None:
    for provider, code in (
        (smtp(unused_port), "connect_refused"),
        (smtp(sandbox.smtp_port, host=""), "not_configured"),
        (smtp(sandbox.smtp_port, username="a", password="b"), "login_failed"),
    ):
        with pytest.raises(LookupFailed) as failed:
            using(provider, lambda it: it.check())
        assert failed.value.code == code


def test_mail_cannot_be_looked_up_and_that_is_not_nothing_found(sandbox: Sandbox) -> None:
    provider = smtp(sandbox.smtp_port)
    assert not provider.can_look_up
    with pytest.raises(LookupFailed, match="no_look_up"):
        using(provider, lambda it: it.look_up([LookupQuery(1, 1, ADDRESS, TEXT, datetime.now(UTC))], frozenset()))
    assert using(provider, lambda it: it.receipts(["SB00000001"])) == [[]]


def test_cancelling_passes_through_and_frees_the_place(sandbox: Sandbox) -> None:
    async def run() -> None:
        provider = smtp(sandbox.smtp_port, connections=1, timeout_seconds=30.0)
        sending = asyncio.create_task(provider.send(email("ola+hang@skole.example")))
        while not sandbox.mailbox.mails:
            await asyncio.sleep(0.01)
        sending.cancel()
        with pytest.raises(asyncio.CancelledError):
            await sending
        assert isinstance(await provider.send(email()), Accepted)
        await provider.close()

    asyncio.run(run())


def test_nothing_personal_is_logged_or_shown(sandbox: Sandbox, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("DEBUG")
    provider = smtp(sandbox.smtp_port, timeout_seconds=0.5)
    tags = ("x", "refuse", "policy", "grey", "later-data", "cut", "cut-before", "hang")
    outcomes = using(provider, *[lambda it, tag=tag: it.send(email(f"ola+{tag}@skole.example")) for tag in tags])
    shown = caplog.text + repr(outcomes) + repr(email())
    assert not re.search(r"ola\+|låst", shown)
