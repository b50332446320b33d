"""Whatever a mail server does, what it took and what is said about it agree."""

from __future__ import annotations

import asyncio
from collections import Counter
from enum import StrEnum
from itertools import cycle

from hypothesis import given, settings
from hypothesis import strategies as st

from providers.base import Accepted, Deferred, Message, Outcome, Rejected, Unknown
from tests.providers.conftest import email
from tests.providers.smtp_far_end import FarEnd, Line, provider


class Mood(StrEnum):
    """What the server does with one mail, however often it meets it."""

    TAKE = "take"
    REFUSE_SENDER = "refuse-sender"
    REFUSE = "refuse"
    REFUSE_BUT_GO_ON = "refuse-but-go-on"  # RCPT refused, DATA answered with 354 all the same
    REFUSE_DATA = "refuse-data"
    REFUSE_TEXT = "refuse-text"
    LATER = "later"
    LATER_TEXT = "later-text"
    CLOSE_BEFORE = "close-before"
    CLOSE_AT_DATA = "close-at-data"
    GO_AWAY = "go-away"
    GO_AWAY_TEXT = "go-away-text"
    EXTRA_BEFORE = "extra-before"  # one answer too many to the envelope
    SWALLOW = "swallow"  # one too few
    GARBAGE = "garbage"
    CLOSE_UNTAKEN = "close-untaken"  # after the final dot
    CLOSE_TAKEN = "close-taken"
    CLOSE_ANSWERED = "close-answered"  # taken and answered, and closed with commands unread
    EXTRA_AFTER = "extra-after"  # taken, and one answer too many
    GARBAGE_TAKEN = "garbage-taken"


CLOSE = ""
GOOD = ("250 ok", "250 ok", "354 go on")
ENVELOPE = {
    Mood.REFUSE_SENDER: ("550 5.7.1 no", "503 no", "503 no"),
    Mood.REFUSE: ("250 ok", "550 5.1.1 no", "503 none"),
    Mood.REFUSE_BUT_GO_ON: ("250 ok", "550 5.1.1 no", "354 go on"),
    Mood.REFUSE_DATA: ("250 ok", "250 ok", "554 no"),
    Mood.LATER: ("250 ok", "450 later", "503 none"),
    Mood.CLOSE_BEFORE: ("250 ok", CLOSE),
    Mood.CLOSE_AT_DATA: ("250 ok", "250 ok", CLOSE),
    Mood.GO_AWAY: ("250 ok", "421 bye", CLOSE),
    Mood.EXTRA_BEFORE: ("250 ok", "250 ok\r\n250 really", "354 go on"),
    Mood.GARBAGE: ("250 ok", "banana", CLOSE),
}
TEXT = {
    Mood.REFUSE_TEXT: "554 5.7.1 no",
    Mood.LATER_TEXT: "452 4.3.1 later",
    Mood.GO_AWAY_TEXT: "421 bye",
    Mood.CLOSE_UNTAKEN: CLOSE,
    Mood.CLOSE_TAKEN: CLOSE,
    Mood.EXTRA_AFTER: "250 ok\r\n250 really",
    Mood.GARBAGE_TAKEN: "banana",
}
TAKES = set(Mood) - set(ENVELOPE) - {Mood.REFUSE_TEXT, Mood.LATER_TEXT, Mood.GO_AWAY_TEXT, Mood.CLOSE_UNTAKEN}
CLOSES = {Mood.GO_AWAY_TEXT, Mood.CLOSE_UNTAKEN, Mood.CLOSE_TAKEN, Mood.CLOSE_ANSWERED}

ENDS: dict[Mood, tuple[type[Outcome], ...]] = {
    **dict.fromkeys(set(ENVELOPE) | {Mood.LATER_TEXT, Mood.GO_AWAY_TEXT}, (Deferred,)),
    **dict.fromkeys((Mood.REFUSE, Mood.REFUSE_BUT_GO_ON, Mood.REFUSE_DATA, Mood.REFUSE_TEXT), (Rejected,)),
    **dict.fromkeys((Mood.TAKE, Mood.CLOSE_ANSWERED, Mood.EXTRA_AFTER), (Accepted,)),
    **dict.fromkeys((Mood.CLOSE_UNTAKEN, Mood.CLOSE_TAKEN, Mood.GARBAGE_TAKEN), (Unknown,)),
    # One answer too few after one too many looks like good manners; what was taken is still told right.
    Mood.SWALLOW: (Deferred, Accepted),
    # After one answer too many, the refusal of our address looks like the recipient's.
    Mood.REFUSE_SENDER: (Deferred, Rejected),
}


class MoodyServer:
    """Answers every mail as its address says, in pieces of these sizes."""

    def __init__(self, pipelining: bool, sizes: list[int]) -> None:
        self._pipelining = pipelining
        self._sizes = cycle(sizes)
        self.taken: Counter[int] = Counter()

    async def talk(self, line: Line) -> None:
        await line.greet("PIPELINING" if self._pipelining else "8BITMIME")
        while True:
            command = await line.command()
            if command == "QUIT":
                line.say("221 bye")
                return
            if command == "RSET":
                line.say("250 ok")
                continue
            if command == "DATA":
                # An answer too many has made our refusal of the recipient look like that of the sender.
                line.say("503 none")
                continue
            assert command.startswith("MAIL")
            if not await (self._group(line) if self._pipelining else self._one_by_one(line)):
                return

    async def _group(self, line: Line) -> bool:
        """Answer an envelope in one go; False ends the connection."""
        number, mood = who(await line.command())
        assert await line.command() == "DATA"
        answers = ENVELOPE.get(mood, GOOD[1:] if mood is Mood.SWALLOW else GOOD)
        await self._say(line, *answers)
        if CLOSE in answers:
            return False
        return not answers[-1].startswith("354") or await self._text(line, number, mood)

    async def _one_by_one(self, line: Line) -> bool:
        await self._say(line, "250 ok")
        number, mood = who(await line.command())
        _, *answers = ENVELOPE.get(Mood.REFUSE if mood is Mood.REFUSE_SENDER else mood, GOOD)
        while answer := answers.pop(0):
            await self._say(line, answer)
            if answer.startswith("354"):
                return await self._text(line, number, mood)
            if answer[0] in "45" or not answers:
                return answers != [CLOSE]
            assert await line.command() == "DATA"
        return False

    async def _text(self, line: Line, number: int, mood: Mood) -> bool:
        data = await line.text()
        assert f"<delivery-{number}@".encode() in data
        assert mood not in ENVELOPE, "a text left that was refused before"
        self.taken[number] += mood in TAKES
        await self._say(line, TEXT.get(mood, f"250 2.0.0 Ok: queued as NR{number:04}"))
        return mood not in CLOSES

    async def _say(self, line: Line, *answers: str) -> None:
        data = "".join(f"{answer}\r\n" for answer in answers if answer).encode()
        while data:
            size = next(self._sizes)
            line.say_bytes(data[:size])
            data = data[size:]
            await asyncio.sleep(0)


def who(command: str) -> tuple[int, Mood]:
    number, _, mood = command.removeprefix("RCPT TO:<").partition("@")[0].partition("+")
    return int(number), Mood(mood)


def mail(number: int, mood: Mood) -> Message:
    return email(f"{number}+{mood}@skole.example", delivery_id=number)


async def send_all(
    server: MoodyServer, moods: list[Mood], connections: int, given_up: dict[int, int]
) -> list[Outcome | BaseException]:
    """Send a mail of every mood at once. `given_up`: after how many turns of the loop which ones are cancelled."""
    async with FarEnd(server.talk) as far:
        sender = provider(far.port, connections=connections)
        tasks = [asyncio.create_task(sender.send(mail(number, mood))) for number, mood in enumerate(moods)]
        for turn in range(max(given_up.values(), default=-1) + 1):
            for number, when in given_up.items():
                if when == turn and number < len(tasks):
                    tasks[number].cancel()
            await asyncio.sleep(0)
        ended = await asyncio.gather(*tasks, return_exceptions=True)
        await sender.close()
    return ended


@settings(max_examples=80, deadline=None)
@given(
    moods=st.lists(st.sampled_from(Mood) | st.just(Mood.TAKE), min_size=1, max_size=12),
    connections=st.integers(1, 3),
    pipelining=st.booleans(),
    sizes=st.lists(st.integers(1, 100), min_size=1, max_size=5),
    given_up=st.dictionaries(st.integers(0, 11), st.integers(0, 60), max_size=3),
)
def test_what_the_server_took_and_what_is_said_about_it_agree(
    moods: list[Mood], connections: int, pipelining: bool, sizes: list[int], given_up: dict[int, int]
) -> None:
    if not pipelining:
        moods = [mood for mood in moods if mood is not Mood.SWALLOW] or [Mood.TAKE]
    server = MoodyServer(pipelining, sizes)
    ended = asyncio.run(asyncio.wait_for(send_all(server, moods, connections, given_up), 60))
    for number, (mood, outcome) in enumerate(zip(moods, ended, strict=True)):
        taken = server.taken[number]
        assert taken <= 1, mood
        if isinstance(outcome, asyncio.CancelledError):
            assert number in given_up
            continue
        assert isinstance(outcome, ENDS[mood]), (mood, outcome)
        if isinstance(outcome, Accepted):
            assert (taken, outcome.reference) == (1, f"NR{number:04}" if mood is not Mood.EXTRA_AFTER else name(number))
        elif not isinstance(outcome, Unknown):
            assert not taken, (mood, outcome)


def name(number: int) -> str:
    return f"<delivery-{number}@skole.example>"
