"""Finding out at Twilio what became of messages: of attempts without an answer, of accepted ones without a receipt.

Calls are kept there as messages are, without their words: see `Records`.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable, Coroutine, Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, TypeVar

from providers.base import LookupFailed, LookupQuery, Receipt, ReceiptStatus
from providers.twilio_calls import TwilioCalls

T = TypeVar("T")
# Above this number, one walk through the newest pages is cheaper than a question for each.
FEW = 50
# How much earlier than our attempt Twilio may say that it made the message: clocks differ.
DRIFT = timedelta(minutes=2)
_PAGE_SIZE = 1000
_FEW_PAGE_SIZE = 50
_MOST_PAGES = 200
# What Twilio puts before every text of a trial account.
_TRIAL = "Sent from your Twilio trial account -"

_STATUS = {
    "accepted": ReceiptStatus.PENDING,
    "scheduled": ReceiptStatus.PENDING,
    "queued": ReceiptStatus.PENDING,
    "sending": ReceiptStatus.PENDING,
    "sent": ReceiptStatus.PENDING,
    "delivered": ReceiptStatus.DELIVERED,
    "partially_delivered": ReceiptStatus.DELIVERED,
    "read": ReceiptStatus.DELIVERED,
    "undelivered": ReceiptStatus.UNDELIVERED,
    "failed": ReceiptStatus.UNDELIVERED,
    "canceled": ReceiptStatus.UNDELIVERED,
}


def receipt_status(twilio_status: str) -> ReceiptStatus:
    """What a Twilio message status says, in a callback or in a fetched message. An unknown word proves nothing."""
    return _STATUS.get(twilio_status, ReceiptStatus.PENDING)


@dataclass(frozen=True, slots=True)
class Found:
    """One message that Twilio has. `created` is None when Twilio does not say."""

    reference: str
    to: str
    sender: str
    body: str
    created: datetime | None
    status: str
    error_code: str

    def __repr__(self) -> str:
        return f"Found(reference={self.reference}, status={self.status})"

    def receipt(self) -> Receipt:
        return Receipt(self.reference, receipt_status(self.status), self.error_code)


@dataclass(frozen=True, slots=True)
class Records:
    """One kind of what Twilio keeps. `of`: the client's resource; `read`: one record of it."""

    of: Callable[[Any], Any]
    read: Callable[[Any], Found]


def match(
    queries: Iterable[LookupQuery], found: Iterable[Found], sender: str, taken: frozenset[str]
) -> dict[tuple[int, int], Receipt]:
    """Which message belongs to which attempt: same sender, number and text, made no earlier than it began (less DRIFT).

    A message answers one attempt at most. The latest attempt chooses first, and the message nearest in time: whatever
    a later attempt could have made, an earlier one could have as well, so no match is lost by that order.
    """
    free: dict[tuple[str, str], list[Found]] = {}
    for one in found:
        if one.reference not in taken and _same_sender(one.sender, sender):
            free.setdefault((one.to, _plain(one.body)), []).append(one)
    answers: dict[tuple[int, int], Receipt] = {}
    for query in sorted(queries, key=lambda query: query.began_at, reverse=True):
        candidates = free.get((query.to, _plain(query.body)), [])
        fitting = [one for one in candidates if one.created is None or one.created >= query.began_at - DRIFT]
        if fitting:
            began = query.began_at
            best = min(fitting, key=lambda one: abs(one.created - began) if one.created else timedelta.max)
            candidates.remove(best)
            answers[query.delivery_id, query.attempt] = best.receipt()
    return answers


def _plain(text: str) -> str:
    """The text without what may change on the way: white space, and the preface of trial accounts."""
    return " ".join(text.removeprefix(_TRIAL).split())


def _same_sender(one: str, other: str) -> bool:
    return one.replace(" ", "").casefold() == other.replace(" ", "").casefold()


async def look_up(
    calls: TwilioCalls,
    sender: str,
    queries: list[LookupQuery],
    taken: frozenset[str],
    records: Records | None = None,
) -> dict[tuple[int, int], Receipt]:
    """Search Twilio for these attempts. Raises LookupFailed when any part of the search fails.

    Never filters on DateSent: it has whole days, and is null while a message waits, which then would look absent and
    be sent twice.
    """
    if not queries:
        return {}
    earliest = min(query.began_at for query in queries) - DRIFT
    if len(queries) <= FEW:
        numbers = {query.to for query in queries}
        lists = await _all(_newest(calls, earliest, to=number, records=records) for number in numbers)
        found = [one for page in lists for one in page]
    else:
        found = await _newest(calls, earliest, records=records)
    return match(queries, found, sender, taken)


async def receipts(calls: TwilioCalls, references: list[str], records: Records | None = None) -> list[Receipt]:
    """How these messages stand now; what Twilio does not know is left out. Raises LookupFailed."""
    missing = set(references)
    answers: list[Receipt] = []
    if len(missing) > FEW:
        # What is asked for is what lately lacks a receipt: among the newest, as a rule.
        pages = -(-len(missing) // _PAGE_SIZE) + 1
        for one in await _newest(calls, None, most_pages=pages, records=records):
            if one.reference in missing:
                missing.discard(one.reference)
                answers.append(one.receipt())
    # Should there still be many, a different part of them each time, so that none is left out for ever.
    chosen = sorted(missing) if len(missing) <= FEW else random.sample(sorted(missing), FEW)
    single = await _all(_fetch(calls, reference, records or MESSAGES) for reference in chosen)
    return answers + [one.receipt() for one in single if one is not None]


async def _fetch(calls: TwilioCalls, reference: str, records: Records) -> Found | None:
    async def work() -> Found:
        return records.read(await records.of(calls.client)(reference).fetch_async())

    try:
        return await calls.ask(work)
    except LookupFailed as failed:
        if failed.code in ("20404", "http_404"):
            return None
        raise


async def _newest(
    calls: TwilioCalls,
    earliest: datetime | None,
    *,
    to: str | None = None,
    most_pages: int = _MOST_PAGES,
    records: Records | None = None,
) -> list[Found]:
    """The newest of these records, page by page, until a whole page is older than `earliest`.

    Without `earliest`, `most_pages` pages. Raises LookupFailed when `earliest` was not reached in so many pages.
    """
    kind = records or MESSAGES
    page: Any = None
    gathered: list[Found] = []

    async def work() -> tuple[Any, list[Found]]:
        if page is not None:
            following = await page.next_page_async()
        elif to is not None:
            following = await kind.of(calls.client).page_async(to=to, page_size=_FEW_PAGE_SIZE)
        else:
            following = await kind.of(calls.client).page_async(page_size=_PAGE_SIZE)
        # Read here, where an answer that is not as it should be counts as a bad answer.
        return following, [kind.read(record) for record in following]

    for _ in range(most_pages):
        page, found = await calls.ask(work)
        gathered += found
        if earliest is not None and all(one.created is not None and one.created < earliest for one in found):
            return gathered
        if page.next_page_url is None:
            return gathered
    if earliest is not None:
        raise LookupFailed("too_many_pages")
    return gathered


async def _all(works: Iterable[Coroutine[Any, Any, T]]) -> list[T]:
    """All at once; the first failure ends the others."""
    tasks = [asyncio.ensure_future(work) for work in works]
    try:
        return await asyncio.gather(*tasks)
    finally:
        for task in tasks:
            task.cancel()


def _found(message: Any) -> Found:
    if not message.sid:
        raise ValueError("a message without a SID")
    return Found(
        reference=message.sid,
        to=message.to or "",
        sender=message.from_ or "",
        body=message.body or "",
        created=message.date_created,
        status=message.status or "",
        error_code="" if message.error_code is None else str(message.error_code),
    )


MESSAGES = Records(lambda client: client.messages, _found)
