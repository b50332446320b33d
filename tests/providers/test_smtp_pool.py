"""Which connection a mail takes, how long it waits for one, and what becomes of it when there is none."""

from __future__ import annotations

import asyncio

import pytest

from providers.base import Accepted, Deferred, Outcome, Rejected, Unknown
from providers.smtp_mail import OutgoingMail
from providers.smtp_pool import SmtpPool
from providers.smtp_server import SmtpServerAddress
from tests.providers.conftest import email
from tests.providers.smtp_far_end import (
    GROUP,
    FarEnd,
    Line,
    Talk,
    go_on_taking,
    ids,
    numbered,
    outcomes,
    provider,
    take_all,
)


def test_what_finds_no_connection_in_time_was_not_sent() -> None:
    async def talk(line: Line) -> None:
        await line.greet("8BITMIME")
        await line.left()

    sent, _far = outcomes(talk, 2, timeout_seconds=0.3)
    assert sent == [Deferred("answered_late"), Deferred("too_busy")]


def test_a_server_that_never_greets_is_told_apart_from_a_busy_one() -> None:
    async def talk(line: Line) -> None:
        await line.left()

    sent, _far = outcomes(talk, 2, timeout_seconds=0.3)
    assert sent == [Deferred("connect_timeout")] * 2


def test_a_server_that_wants_fewer_connections_gets_them() -> None:
    async def talk(line: Line) -> None:
        if line.number > 1:
            line.say("421 4.7.0 one is enough")
        else:
            await take_all(line)

    sent, far = outcomes(talk, 60, connections=4)
    assert all(isinstance(outcome, Accepted) for outcome in sent)
    assert ids(far) == list(range(1, 61))
    assert len(far.lines) <= 4


def test_a_mail_that_the_server_cannot_carry_stops_no_other() -> None:
    async def talk(line: Line) -> None:
        await line.greet("PIPELINING")
        await go_on_taking(line)

    async def run() -> tuple[list[Outcome], FarEnd]:
        async with FarEnd(talk) as far:
            sender = provider(far.port, connections=1)
            mails = [numbered(1), email("blåbær@skole.example"), numbered(3)]
            sent = await asyncio.gather(*map(sender.send, mails))
            await sender.close()
            return sent, far

    sent, far = asyncio.run(run())
    assert sent == [Accepted("L1N0001"), Rejected("smtputf8_missing"), Accepted("L1N0002")]
    assert ids(far) == [1, 3]


def test_closing_ends_what_is_under_way() -> None:
    async def talk(line: Line) -> None:
        await line.greet("PIPELINING")
        await line.envelope()
        line.say(*GROUP)
        await line.text()
        await line.envelope()
        handed_over.set()
        await line.left()

    handed_over = asyncio.Event()

    async def run() -> list[Outcome]:
        async with FarEnd(talk) as far:
            sender = provider(far.port, connections=1)
            sending = asyncio.gather(*(sender.send(numbered(number)) for number in (1, 2, 3)))
            await handed_over.wait()
            await sender.close()
            return await sending

    assert asyncio.run(run()) == [Unknown("connection_lost"), *[Deferred("lost_before_sending")] * 2]


async def take_one(line: Line) -> None:
    await line.greet("PIPELINING")
    await line.envelope()
    line.say(*GROUP)
    await line.text()
    line.say("250 2.0.0 Ok: queued as KEPT")


class Third:
    """When the third connection has come, and when it is the only one at work."""

    def __init__(self) -> None:
        self.opened, self.alone = asyncio.Event(), asyncio.Event()


async def busy_and_stale(later: Talk, third: Third) -> tuple[list[Outcome], FarEnd]:
    """Three mails. The first connection has carried one and closes when it is used again; the second has a text that
    is not answered before the third connection comes. The third mail begins on the first connection.

    `later`: what the third connection does.
    """
    busy = asyncio.Event()

    async def talk(line: Line) -> None:
        if line.number > 2:
            third.opened.set()
            await later(line)
        elif line.number == 1:
            await take_one(line)
            await line.envelope()
            line.cut()
        else:
            await line.greet("PIPELINING")
            await line.envelope()
            line.say(*GROUP)
            await line.text()
            busy.set()
            await third.opened.wait()
            line.say("250 2.0.0 Ok: queued as OTHER")
            assert await line.command() == "QUIT", "the third mail may come here only by way of a new connection"

    async with FarEnd(talk) as far:
        sender = provider(far.port, connections=2)
        two = [asyncio.create_task(sender.send(numbered(number))) for number in (1, 2)]
        await busy.wait()
        await asyncio.wait(two, return_when=asyncio.FIRST_COMPLETED)
        last = asyncio.create_task(sender.send(numbered(3)))
        await asyncio.wait(two)
        third.alone.set()
        ended = [*(task.result() for task in two), await last]
        await sender.close()
        return ended, far


def test_a_mail_from_a_stale_connection_waits_for_a_new_one() -> None:
    async def run() -> tuple[list[Outcome], FarEnd]:
        third = Third()

        async def later(line: Line) -> None:
            await third.alone.wait()
            await take_all(line)

        return await busy_and_stale(later, third)

    ended, far = asyncio.run(asyncio.wait_for(run(), 30))
    assert set(ended) == {Accepted("KEPT"), Accepted("OTHER"), Accepted("L3N0001")}
    assert sorted(ids(far)) == [1, 2, 3]


def test_a_mail_from_a_stale_connection_that_gets_no_new_one_is_deferred() -> None:
    async def later(line: Line) -> None:
        line.say("421 4.7.0 two are enough")

    async def run() -> tuple[list[Outcome], FarEnd]:
        return await busy_and_stale(later, Third())

    ended, far = asyncio.run(asyncio.wait_for(run(), 30))
    assert ended[2] == Deferred("greeting 421 4.7.0")
    assert set(ended[:2]) == {Accepted("KEPT"), Accepted("OTHER")}
    assert len(far.lines) == 3


def test_a_kept_connection_that_does_not_answer_is_not_a_stale_one() -> None:
    """It would let the next connection wait as well."""

    async def talk(line: Line) -> None:
        await take_one(line)
        await line.envelope()
        assert await line.left() == b""

    async def run() -> tuple[list[Outcome], FarEnd]:
        async with FarEnd(talk) as far:
            sender = provider(far.port, timeout_seconds=0.4)
            ended = [await sender.send(numbered(1)), await sender.send(numbered(2))]
            await sender.close()
            return ended, far

    ended, far = asyncio.run(run())
    assert ended == [Accepted("KEPT"), Deferred("answered_late")]
    assert len(far.lines) == 1


def test_no_mail_queues_behind_another_while_a_connection_is_being_opened() -> None:
    answered, second_may_come = asyncio.Event(), asyncio.Event()

    async def talk(line: Line) -> None:
        if line.number == 2:
            await second_may_come.wait()
            await take_one(line)
            answered.set()
            return
        await take_one(line)
        await line.envelope()
        line.say(*GROUP)
        await line.text()
        second_may_come.set()
        await answered.wait()
        line.say("250 2.0.0 Ok: queued as LAST")

    async def run() -> list[Outcome]:
        async with FarEnd(talk) as far:
            sender = provider(far.port, connections=2)
            first = await sender.send(numbered(1))
            rest = await asyncio.gather(*(sender.send(numbered(number)) for number in (2, 3)))
            await sender.close()
            return [first, *rest]

    assert asyncio.run(asyncio.wait_for(run(), 30)) == [Accepted("KEPT"), Accepted("LAST"), Accepted("KEPT")]


def test_a_kept_connection_that_the_server_closes_is_forgotten() -> None:
    forgotten = asyncio.Event()

    async def talk(line: Line) -> None:
        if line.number == 1:
            await take_one(line)
            line.end()
            assert await line.left() == b""
            forgotten.set()
        else:
            await take_all(line)

    async def run() -> tuple[list[Outcome], FarEnd]:
        async with FarEnd(talk) as far:
            sender = provider(far.port)
            first = await sender.send(numbered(1))
            await forgotten.wait()
            ended = [first, await sender.send(numbered(2))]
            await sender.close()
            return ended, far

    ended, far = asyncio.run(asyncio.wait_for(run(), 30))
    assert ended == [Accepted("KEPT"), Accepted("L2N0001")]
    assert ids(far) == [1, 2]


def test_when_the_only_connection_ends_another_is_opened_although_more_were_refused_before() -> None:
    async def talk(line: Line) -> None:
        if line.number == 2:
            line.say("421 4.7.0 one is enough")
            refused.set()
        elif line.number == 1:
            await line.greet("PIPELINING")
            await line.envelope()
            await refused.wait()
            line.say(*GROUP)
            await line.text()
            await line.envelope()
            line.say("250 2.0.0 Ok: queued as FIRST", *GROUP)
            await line.text()
            line.say("250 2.0.0 Ok: queued as SECOND")
            line.end()
            assert await line.left() == b""
            forgotten.set()
        else:
            await take_all(line)

    refused, forgotten = asyncio.Event(), asyncio.Event()

    async def run() -> list[Outcome]:
        async with FarEnd(talk) as far:
            sender = provider(far.port, connections=2)
            two = await asyncio.gather(*(sender.send(numbered(number)) for number in (1, 2)))
            await forgotten.wait()
            ended = [*two, await sender.send(numbered(3))]
            await sender.close()
            return ended

    ended = asyncio.run(asyncio.wait_for(run(), 30))
    assert ended == [Accepted("FIRST"), Accepted("SECOND"), Accepted("L3N0001")]


def waiting_mail(number: int, seconds: float) -> OutgoingMail:
    """A mail that has this long for its whole way, whatever the connection's own time-out is."""
    loop = asyncio.get_running_loop()
    return OutgoingMail(
        envelope=f"MAIL FROM:<a@b.example>\r\nRCPT TO:<foresatt{number}@skole.example>\r\nDATA\r\n".encode(),
        head=f"Message-ID: <delivery-{number}@b.example>\r\n".encode(),
        text=b"\r\nHei\r\n.\r\n",
        reference=str(number),
        smtputf8=False,
        wait_until=loop.time() + seconds / 2,
        end_by=loop.time() + seconds,
        ended=loop.create_future(),
    )


def ended_in_time(talk: Talk, *seconds: float) -> list[Outcome]:
    async def run() -> list[Outcome]:
        async with FarEnd(talk) as far:
            server = SmtpServerAddress(
                host="127.0.0.1", port=far.port, security="none", username="", password="", greet_as="x.example"
            )
            pool = SmtpPool(server, size=1, timeout_seconds=60)
            mails = [waiting_mail(number, each) for number, each in enumerate(seconds)]
            ended = await asyncio.gather(*map(pool.deliver, mails))
            await pool.close()
            return ended

    # Far less than the connection's own time-out.
    return asyncio.run(asyncio.wait_for(run(), 20))


def test_a_mail_ends_in_its_own_time_on_a_connection_that_has_longer() -> None:
    async def talk(line: Line) -> None:
        await line.greet("PIPELINING")
        await line.envelope()
        await line.left()

    assert ended_in_time(talk, 0.8) == [Deferred("answered_late")]


def test_a_mail_ends_in_its_own_time_while_it_waits_for_its_second_connection() -> None:
    async def talk(line: Line) -> None:
        if line.number == 1:
            await take_one(line)
            await line.envelope()
            line.cut()
        else:
            await line.left()

    assert ended_in_time(talk, 30, 0.8) == [Accepted("KEPT"), Deferred("connect_timeout")]


def test_the_time_of_a_mail_behind_another_begins_when_that_one_is_answered() -> None:
    async def talk(line: Line) -> None:
        await line.greet("PIPELINING")
        await line.envelope()
        line.say(*GROUP)
        await line.text()
        await line.envelope()
        line.say("250 2.0.0 Ok: queued as FIRST")
        await asyncio.sleep(1.0)  # a slow server: beyond the first mail's time
        line.say(*GROUP)
        await line.text()
        line.say("250 2.0.0 Ok: queued as NEXT")

    assert ended_in_time(talk, 0.8, 30) == [Accepted("FIRST"), Accepted("NEXT")]


def test_a_fault_of_the_program_in_connecting_is_not_hidden(monkeypatch: pytest.MonkeyPatch) -> None:
    async def broken(server: SmtpServerAddress, timeout_seconds: float) -> None:
        raise ZeroDivisionError

    async def run() -> list[Outcome | BaseException]:
        sender = provider(1)
        monkeypatch.setattr("providers.smtp_pool.connect", broken)
        ended = await asyncio.gather(*(sender.send(numbered(number)) for number in (1, 2)), return_exceptions=True)
        await sender.close()
        return ended

    assert all(isinstance(end, ZeroDivisionError) for end in asyncio.run(asyncio.wait_for(run(), 20)))
