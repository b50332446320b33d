"""Looking up attempts without an answer: what matches what, and that a message in the queue is never overlooked."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from itertools import permutations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from providers.base import Accepted, LookupFailed, LookupQuery, Receipt, ReceiptStatus, Unknown
from providers.sandbox.mailbox import Sms
from providers.sandbox.script import Behaviour, Step
from providers.sandbox.server import Sandbox
from providers.twilio_lookup import DRIFT, Found, match, receipt_status
from tests.providers.conftest import NUMBER, TEXT, sms
from tests.providers.test_twilio_sms import twilio

NOON = datetime(2026, 11, 23, 12, tzinfo=UTC)


def query(delivery_id: int = 1, *, at: float = 0, to: str = NUMBER, body: str = TEXT) -> LookupQuery:
    return LookupQuery(delivery_id, 1, to, body, NOON + timedelta(seconds=at))


def found(reference: str, *, at: float | None = 0, to: str = NUMBER, body: str = TEXT, sender: str = "SKOLEN") -> Found:
    created = None if at is None else NOON + timedelta(seconds=at)
    return Found(reference, to, sender, body, created, "queued", "")


@pytest.mark.parametrize(
    ("status", "meaning"),
    [
        *((word, ReceiptStatus.PENDING) for word in ("accepted", "scheduled", "queued", "sending", "sent", "new word")),
        *((word, ReceiptStatus.DELIVERED) for word in ("delivered", "read", "partially_delivered")),
        *((word, ReceiptStatus.UNDELIVERED) for word in ("undelivered", "failed", "canceled")),
    ],
)
def test_status_words(status: str, meaning: ReceiptStatus) -> None:
    assert receipt_status(status) is meaning


@pytest.mark.parametrize(
    ("queries", "messages", "answer"),
    [
        ([query()], [found("a", at=1)], {1: "a"}),
        ([query()], [found("a", at=-119)], {1: "a"}),
        ([query()], [found("a", at=-121)], {}),
        ([query()], [found("a", at=None)], {1: "a"}),
        ([query()], [found("a", to="+4799990000")], {}),
        ([query()], [found("a", body="Noe annet")], {}),
        ([query()], [found("a", sender="OTHER")], {}),
        ([query()], [found("a", sender="skolen")], {1: "a"}),
        ([query(body="Hei  \n du ")], [found("a", body="Hei du")], {1: "a"}),
        ([query()], [found("a", body=f"Sent from your Twilio trial account - {TEXT}")], {1: "a"}),
        ([query()], [found("held")], {}),
        # Two attempts and one message: it is the one nearest in time.
        ([query(1), query(2, at=60)], [found("a", at=60)], {2: "a"}),
        ([query(1), query(2, at=60)], [found("a", at=61), found("b", at=1)], {1: "b", 2: "a"}),
        # The late one leaves the early message to the attempt that alone can have made it.
        ([query(1), query(2, at=150)], [found("a", at=0), found("b", at=150)], {1: "a", 2: "b"}),
    ],
)
def test_what_matches(queries: list[LookupQuery], messages: list[Found], answer: dict[int, str]) -> None:
    got = match(queries, messages, "SKOLEN", frozenset({"held"}))
    assert {delivery: receipt.reference for (delivery, _), receipt in got.items()} == answer


@given(
    st.lists(st.integers(min_value=0, max_value=400), max_size=5),
    st.lists(st.integers(min_value=-200, max_value=500), max_size=5),
)
def test_no_match_is_lost_and_none_is_used_twice(began: list[int], created: list[int]) -> None:
    queries = [query(number, at=at) for number, at in enumerate(began)]
    messages = [found(str(number), at=at) for number, at in enumerate(created)]
    got = match(queries, messages, "SKOLEN", frozenset())
    used = [receipt.reference for receipt in got.values()]
    assert len(used) == len(set(used))
    assert all(created[int(receipt.reference)] >= began[key[0]] - DRIFT.total_seconds() for key, receipt in got.items())
    # The best that any pairing can reach.
    slots = [*created, *([-10_000] * len(began))]
    best = max(
        (
            sum(at >= start - DRIFT.total_seconds() for start, at in zip(began, order, strict=True))
            for order in set(permutations(slots, len(began)))
        ),
        default=0,
    )
    assert len(got) == best


def ask(
    sandbox: Sandbox, queries: list[LookupQuery], taken: frozenset[str] = frozenset()
) -> dict[tuple[int, int], Receipt]:
    async def run() -> dict[tuple[int, int], Receipt]:
        provider = twilio(sandbox.sms_url, timeout_seconds=20.0)
        try:
            return await provider.look_up(queries, taken)
        finally:
            await provider.close()

    return asyncio.run(run())


def arrived(sandbox: Sandbox, reference: str, created: datetime, *, to: str = NUMBER, date_sent: bool = False) -> None:
    sandbox.mailbox.add_sms(
        Sms(reference, "AC1", "SKOLEN", to, TEXT, created, date_sent=created if date_sent else None)
    )


@pytest.mark.parametrize("ending", ["0501", "0710", "0711", "0720", "0801"])
def test_an_attempt_without_an_answer_is_found_while_it_waits_in_the_queue(sandbox: Sandbox, ending: str) -> None:
    began = datetime.now(UTC)
    number = "+479999" + ending
    # One segment in a hundred seconds: nothing leaves after the first, and date_sent stays null.
    sandbox.delivery.segments_per_second = 0.01

    async def run() -> None:
        provider = twilio(sandbox.sms_url)
        await provider.send(sms("+4799998888"))
        outcome = await provider.send(sms(number))
        assert isinstance(outcome, Unknown | Accepted)
        await provider.close()

    asyncio.run(run())
    (waiting,) = (one for one in sandbox.mailbox.sms.values() if one.to == number)
    assert waiting.date_sent is None
    got = ask(sandbox, [LookupQuery(7, 1, number, TEXT, began)])
    assert got == {(7, 1): Receipt(waiting.sid, ReceiptStatus.PENDING)}


def test_what_was_never_taken_is_not_found(sandbox: Sandbox) -> None:
    assert ask(sandbox, [query()]) == {}
    assert ask(sandbox, []) == {}


def test_references_of_other_attempts_answer_nothing(sandbox: Sandbox) -> None:
    arrived(sandbox, "SMheld", NOON)
    assert ask(sandbox, [query()], frozenset({"SMheld"})) == {}


def test_few_are_asked_by_number_and_found_behind_newer_messages(sandbox: Sandbox) -> None:
    arrived(sandbox, "SMold", NOON)
    for number in range(120):
        arrived(sandbox, f"SM{number}", NOON + timedelta(seconds=300 + number))
    held = frozenset(f"SM{number}" for number in range(120))
    got = ask(sandbox, [query(1), query(2, to="+4799990000")], held)
    assert {key: receipt.reference for key, receipt in got.items()} == {(1, 1): "SMold"}
    # Three pages of fifty for the one number, one for the other.
    assert sandbox.mailbox.requests == 4


def test_many_are_found_in_the_newest_pages_which_end_before_the_first_attempt(sandbox: Sandbox) -> None:
    for number in range(2500):
        arrived(sandbox, f"SMancient{number}", NOON - timedelta(hours=2))
    numbers = [f"+47990{number}" for number in range(10_000, 11_200)]
    for position, number in enumerate(numbers):
        arrived(sandbox, f"SM{position}", NOON + timedelta(seconds=position // 100), to=number)
    queries = [query(position, to=number) for position, number in enumerate(numbers)]
    got = ask(sandbox, queries)
    assert {key[0]: receipt.reference for key, receipt in got.items()} == {
        position: f"SM{position}" for position in range(1200)
    }
    # Pages of a thousand: 1,200 new ones, and on until a whole page is too old.
    assert sandbox.mailbox.requests == 3


@pytest.mark.parametrize("many", [False, True])
def test_when_twilio_does_not_answer_nothing_is_concluded(sandbox: Sandbox, many: bool) -> None:
    arrived(sandbox, "SMthere", NOON)
    sandbox.script.override("list", Step(Behaviour.ERROR_BEFORE))
    queries = [query(number) for number in range(60 if many else 3)]
    with pytest.raises(LookupFailed) as failed:
        ask(sandbox, queries)
    assert failed.value.code == "20500"


def test_a_page_that_never_comes_is_a_failure_in_time(sandbox: Sandbox) -> None:
    sandbox.script.override("list", Step(Behaviour.HANG))

    async def run() -> None:
        provider = twilio(sandbox.sms_url, timeout_seconds=0.2)
        try:
            await provider.look_up([query()], frozenset())
        finally:
            await provider.close()

    with pytest.raises(LookupFailed, match="read_timeout"):
        asyncio.run(run())
