"""Many mails on one connection in as few round trips as RFC 2920 allows, each with its own outcome."""

from __future__ import annotations

import asyncio

import pytest

from providers.base import Accepted, Deferred, Outcome, Rejected, Unknown
from tests.providers.certificates import server_context
from tests.providers.smtp_far_end import GROUP, FarEnd, Line, go_on_taking, ids, numbered, outcomes, provider, take_all


def test_an_envelope_is_one_group_and_the_next_goes_along_with_the_text() -> None:
    async def talk(line: Line) -> None:
        await line.greet("PIPELINING")
        assert await line.envelope() == "foresatt1@skole.example"
        line.say(*GROUP)
        await line.text()
        # Not a word about the first text until the second envelope is here.
        assert await line.envelope() == "foresatt2@skole.example"
        line.say("250 2.0.0 Ok: queued as FIRST", *GROUP)
        await line.text()
        line.say("250 2.0.0 Ok: queued as SECOND")
        assert await line.command() == "QUIT"
        line.say("221 bye")

    sent, far = outcomes(talk, 2)
    assert sent == [Accepted("FIRST"), Accepted("SECOND")]
    assert ids(far) == [1, 2]


@pytest.mark.parametrize(("extensions", "pipelining"), [(["8BITMIME"], True), (["PIPELINING"], False)])
def test_without_pipelining_every_command_waits_for_its_answer(extensions: list[str], pipelining: bool) -> None:
    async def talk(line: Line) -> None:
        await line.greet(*extensions)
        for number in (1, 2):
            assert await line.chunk() == b"MAIL FROM:<varsel@skole.example>\r\n"
            line.say("250 ok")
            assert await line.chunk() == f"RCPT TO:<foresatt{number}@skole.example>\r\n".encode()
            line.say("250 ok")
            assert await line.chunk() == b"DATA\r\n"
            line.say("354 go on")
            assert (await line.chunk()).endswith(b"\r\n.\r\n")
            line.say(f"250 ok queued as N{number:04}")

    sent, _far = outcomes(talk, 2, pipelining=pipelining)
    assert sent == [Accepted("N0001"), Accepted("N0002")]


def test_answers_cut_into_single_bytes_and_many_lines_are_the_same_answers() -> None:
    async def talk(line: Line) -> None:
        await line.greet("PIPELINING")
        await line.envelope()
        await drip(line, "250-2.1.0 sender", "250 2.1.0 ok", *GROUP[1:])
        await line.text()
        await drip(line, "250-2.0.0 thanks", "250 2.0.0 Ok: queued as SLOWLY")

    async def drip(line: Line, *replies: str) -> None:
        for byte in "".join(f"{reply}\r\n" for reply in replies).encode():
            line.say_bytes(bytes([byte]))
            await asyncio.sleep(0)

    sent, _far = outcomes(talk, 1)
    assert sent == [Accepted("SLOWLY")]


@pytest.mark.parametrize("pipelining", [True, False])
@pytest.mark.parametrize(
    ("answers", "outcome"),
    [
        (["451 4.3.0 no", "503 no", "503 no"], Deferred("sender 451 4.3.0")),
        (["550 5.7.1 no", "250 ok", "554 no"], Deferred("sender 550 5.7.1")),
        (["250 ok", "550 5.1.1 no", "503 5.5.1 none"], Rejected("550 5.1.1")),
        (["250 ok", "450 4.2.0 later", "554 5.5.1 none"], Deferred("450 4.2.0")),
        (["250 ok", "250 ok", "451 4.3.0 later"], Deferred("451 4.3.0")),
        (["250 ok", "251 elsewhere", "554 5.7.1 no"], Rejected("554 5.7.1")),
    ],
)
def test_a_refused_envelope_is_forgotten_and_the_connection_goes_on(
    answers: list[str], outcome: Outcome, pipelining: bool
) -> None:
    async def talk(line: Line) -> None:
        await line.greet("PIPELINING" if pipelining else "8BITMIME")
        for answer in answers:
            assert (await line.command())[:4] in ("MAIL", "RCPT", "DATA")
            line.say(answer)
            if not pipelining and answer[0] != "2":
                break
        assert await line.command() == "RSET"
        line.say("250 forgotten")
        await go_on_taking(line)

    sent, far = outcomes(talk, 2)
    assert sent == [outcome, Accepted("L1N0001")]
    assert ids(far) == [2]


@pytest.mark.parametrize(
    ("refusal", "outcome"), [("550 5.1.1 no", Rejected("550 5.1.1")), ("450 later", Deferred("450"))]
)
def test_a_354_after_a_refused_recipient_gets_no_text(refusal: str, outcome: Outcome) -> None:
    after: list[bytes] = []

    async def talk(line: Line) -> None:
        if line.number > 1:
            await take_all(line)
            return
        await line.greet("PIPELINING")
        await line.envelope()
        line.say("250 ok", refusal, "354 go on")
        after.append(await line.left())

    sent, far = outcomes(talk, 2)
    assert sent == [outcome, Accepted("L2N0001")]
    assert after == [b""]
    assert ids(far) == [2]


@pytest.mark.parametrize(
    ("answers", "outcome"),
    [
        # One answer too many: what follows cannot be told apart.
        (["250 ok", "250 ok", "250 ok", "354 go on"], Deferred("lost_before_sending")),
        (["250 ok", "250 ok", "354 go on", "250 taken"], Deferred("lost_before_sending")),
        (["250 ok", "250 ok", "354 go on", "banana"], Deferred("lost_before_sending")),
        (["250 ok", "354 go on"], Deferred("lost_before_sending")),
        (["354 go on"], Deferred("lost_before_sending")),
        (["250 ok", "252 perhaps", "354 go on"], Deferred("lost_before_sending")),
        (["250 ok", "250 ok", "250 ok"], Deferred("lost_before_sending")),
        (["250 ok", "HTTP/1.1 400 Bad Request"], Deferred("lost_before_sending")),
        (["250-ok", "251 ok"], Deferred("lost_before_sending")),
        (["421 4.3.2 going down"], Deferred("sender 421 4.3.2")),
        (["250 ok", "421 4.3.2 going down"], Deferred("421 4.3.2")),
        (["250 ok", "250 ok", "421 4.3.2 going down"], Deferred("421 4.3.2")),
        # Refused is refused, whatever is said afterwards.
        (["250 ok", "550 5.1.1 no", "421 4.3.2 going down"], Rejected("550 5.1.1")),
        (["250 ok", "550 5.1.1 no", "banana"], Rejected("550 5.1.1")),
        (["550 5.7.1 no", "354 go on"], Deferred("sender 550 5.7.1")),
    ],
)
def test_irregular_answers_to_an_envelope_end_the_connection(answers: list[str], outcome: Outcome) -> None:
    after: list[bytes] = []

    async def talk(line: Line) -> None:
        if line.number > 1:
            await take_all(line)
            return
        await line.greet("PIPELINING")
        await line.envelope()
        line.say(*answers)
        after.append(await line.left())

    sent, far = outcomes(talk, 2)
    assert sent == [outcome, Accepted("L2N0001")]
    assert after == [b""]
    assert ids(far) == [2]


@pytest.mark.parametrize(
    ("answers", "first", "second_on", "closes"),
    [
        # The mail whose text was handed over has its own outcome; the envelope behind it goes on a new connection.
        (["250 2.0.0 queued as KEPT"], Accepted("KEPT"), 2, True),
        (["250 2.0.0 queued as KEPT", "250 ok", "250 ok"], Accepted("KEPT"), 2, True),
        (["250 2.0.0 queued as KEPT", "421 4.4.2 ten are enough"], Accepted("KEPT"), 2, False),
        (["250 2.0.0 queued as KEPT", "250 ok", "421 4.4.2 ten are enough"], Accepted("KEPT"), 2, False),
        (["250 2.0.0 queued as KEPT", "250 junk", *GROUP], Accepted("KEPT"), 2, False),
        (["250 2.0.0 queued as KEPT", "banana"], Accepted("KEPT"), 2, False),
        (["421 4.3.2 going down"], Deferred("421 4.3.2"), 2, False),
        (["554 5.7.1 spam"], Rejected("554 5.7.1"), 2, True),
        ([], Unknown("connection_lost"), 2, True),
        (["banana"], Unknown("bad_answer"), 2, False),
        (["299 hm", *GROUP], Unknown("299"), 2, False),
        (["354 once more"], Unknown("354"), 2, False),
        # All is well: it stays.
        (["554 5.7.1 spam", *GROUP], Rejected("554 5.7.1"), 1, False),
        (["452 4.3.1 full", *GROUP], Deferred("452 4.3.1"), 1, False),
    ],
)
def test_a_connection_that_ends_in_the_middle_of_a_group_gives_each_mail_its_outcome(
    answers: list[str], first: Outcome, second_on: int, closes: bool
) -> None:
    async def talk(line: Line) -> None:
        if line.number > 1:
            await take_all(line)
            return
        await line.greet("PIPELINING")
        await line.envelope()
        line.say(*GROUP)
        await line.text()
        await line.envelope()
        line.say(*answers)
        if second_on == 1:
            await line.text()
            line.say("250 2.0.0 Ok: queued as L1N0001")
            await line.command()
        elif closes:
            line.cut()
        else:
            assert await line.left() == b""

    sent, far = outcomes(talk, 2)
    assert sent == [first, Accepted(f"L{second_on}N0001")]
    assert ids(far) == [1, 2]


@pytest.mark.parametrize("farewell", ["", "421 4.7.0 too many on one connection"])
@pytest.mark.parametrize("extension", ["PIPELINING", "8BITMIME"])
def test_a_server_that_closes_after_ten_mails_costs_none(farewell: str, extension: str) -> None:
    async def talk(line: Line) -> None:
        await line.greet(extension)
        for _ in range(10):
            for answer in GROUP:
                if (await line.command()) == "QUIT":
                    return
                line.say(answer)
            await line.text()
            line.say("250 ok")
        if farewell:
            line.say(farewell)

    sent, far = outcomes(talk, 95, connections=3)
    assert all(isinstance(outcome, Accepted) for outcome in sent)
    assert sorted(ids(far)) == list(range(1, 96))


def test_a_server_that_closes_every_connection_at_once_is_not_asked_for_ever() -> None:
    async def talk(line: Line) -> None:
        await line.greet("PIPELINING")
        if line.number == 1:
            await line.envelope()
            line.say(*GROUP)
            await line.text()
            await line.envelope()
            line.say("250 2.0.0 queued as ONLY1")
        else:
            await line.command()

    sent, far = outcomes(talk, 2)
    assert sent == [Accepted("ONLY1"), Deferred("lost_before_sending")]
    assert len(far.lines) == 2


def test_a_mail_behind_one_that_is_never_answered_takes_another_connection() -> None:
    async def talk(line: Line) -> None:
        if line.number > 1:
            await take_all(line)
            return
        await line.greet("PIPELINING")
        await line.envelope()
        line.say(*GROUP)
        await line.text()
        await line.left()

    sent, far = outcomes(talk, 2, timeout_seconds=0.4)
    assert sent == [Unknown("read_timeout"), Accepted("L2N0001")]
    assert ids(far) == [1, 2]


def test_a_reset_that_is_refused_ends_the_connection() -> None:
    async def talk(line: Line) -> None:
        if line.number > 1:
            await take_all(line)
            return
        await line.greet("PIPELINING")
        await line.envelope()
        line.say("250 ok", "550 5.1.1 no", "503 none")
        assert await line.command() == "RSET"
        line.say("502 5.5.1 never heard of it")
        await line.left()

    sent, far = outcomes(talk, 2)
    assert sent == [Rejected("550 5.1.1"), Accepted("L2N0001")]
    assert ids(far) == [2]


def test_nothing_more_is_said_on_a_connection_that_went_bad() -> None:
    async def talk(line: Line) -> None:
        if line.number > 1:
            await take_all(line)
            return
        await line.greet("8BITMIME")
        for answer in GROUP:
            await line.command()
            line.say(answer)
        await line.text()
        line.say("250 2.0.0 queued as KEPT", "banana")
        assert await line.left() == b""

    sent, _far = outcomes(talk, 2)
    assert sent == [Accepted("KEPT"), Accepted("L2N0001")]


def test_a_server_that_never_answers_an_envelope_is_not_given_the_text() -> None:
    async def talk(line: Line) -> None:
        await line.greet("PIPELINING")
        await line.envelope()
        assert await line.left() == b""

    sent, _far = outcomes(talk, 1, timeout_seconds=0.3)
    assert sent == [Deferred("answered_late")]


def test_what_was_announced_before_tls_does_not_count() -> None:
    contexts = server_context()

    async def talk(line: Line) -> None:
        await line.greet("PIPELINING", "STARTTLS")
        assert await line.chunk() == b"STARTTLS\r\n"
        line.say("220 go on")
        await line.start_tls(contexts.server)
        assert (await line.command()).startswith("EHLO")
        line.say("250-far.invalid", "250 8BITMIME")
        assert (await line.chunk()).count(b"\r\n") == 1
        line.say("421 that was enough")

    sent, _far = outcomes(talk, 1, security="starttls", tls_context=contexts.client)
    assert sent == [Deferred("sender 421")]


@pytest.mark.parametrize("given_up", [1, 2, 3])
def test_giving_up_one_mail_shifts_no_answer_of_the_others(given_up: int) -> None:
    """1: its text was handed over. 2: its envelope is behind that text. 3: it waits."""
    reached, proceed = asyncio.Event(), asyncio.Event()

    async def talk(line: Line) -> None:
        if line.number > 1:
            await take_all(line)
            return
        await line.greet("PIPELINING")
        await line.envelope()
        line.say(*GROUP)
        await line.text()
        await line.envelope()
        reached.set()
        await proceed.wait()
        line.say("250 2.0.0 Ok: queued as L1N0001", "250 ok", "250 ok", "354 go on")
        await line.text()
        if given_up == 3:
            line.say("552 5.2.2 for the second")
            assert await line.command() == "QUIT"
            return
        await line.envelope()
        line.say("552 5.2.2 for the second", *GROUP)
        await line.text()
        line.say("250 2.0.0 Ok: queued as L1N0003")

    async def run() -> tuple[list[Outcome | BaseException], FarEnd]:
        async with FarEnd(talk) as far:
            sender = provider(far.port, connections=1)
            tasks = [asyncio.create_task(sender.send(numbered(number))) for number in (1, 2, 3)]
            await reached.wait()
            tasks[given_up - 1].cancel()
            await asyncio.wait([tasks[given_up - 1]])
            proceed.set()
            ended = await asyncio.gather(*tasks, return_exceptions=True)
            await sender.close()
            return ended, far

    ended, far = asyncio.run(asyncio.wait_for(run(), 30))
    assert isinstance(ended.pop(given_up - 1), asyncio.CancelledError)
    if given_up == 1:
        assert ended == [Rejected("552 5.2.2"), Accepted("L1N0003")]
    elif given_up == 2:
        # Its 354 came, and its text did not leave: the connection ended, and the third mail took the next one.
        assert ended == [Accepted("L1N0001"), Accepted("L2N0001")]
        assert ids(far) == [1, 3]
    else:
        assert ended == [Accepted("L1N0001"), Rejected("552 5.2.2")]
        assert ids(far) == [1, 2]
