"""The population register's list of events: what has happened to whom, a page at a time, by a running number.

Source: Skatteetaten, API documentation of Folkeregisteret ("Hendelsesliste"): `seq` is the first number of the page, a
page has 1,000 events, each consumer keeps its own place; 304 when there is nothing new, 406 when the place is more than
36 months old.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Final

from contacts.registers.answers import unreadable
from contacts.registers.calls import Calls, LiveRegister
from contacts.registers.register import RegisterError

_NOTHING_NEW: Final = 304
_TOO_OLD: Final = 406


class EventsTooOldError(RegisterError):
    """The events from our place on have been deleted: only a full round tells what became of people meanwhile."""


@dataclass(frozen=True, slots=True)
class Page:
    """`persons`: the identity numbers of those whom its events are about. `next`: the number of the event after it."""

    persons: frozenset[str]
    events: int
    next: int
    etag: str | None


def last_event(live: LiveRegister) -> int:
    """The number of the newest event, 0 when there is none. Raises BeredskapError."""
    found: list[object] = []

    async def ask(calls: Calls) -> None:
        found.append(_json(live, (await calls.get("/v1/hendelser/siste/sekvensnummer")).body))

    live.ask(ask)
    (number,) = found
    if not isinstance(number, int) or isinstance(number, bool) or number < 0:
        raise unreadable(live)
    return number


async def read_page(live: LiveRegister, calls: Calls, position: int, etag: str | None) -> Page:
    """The events from the number `position` on; none when nothing is new. Raises BeredskapError, EventsTooOldError.

    `etag`: what came with the last answer about this very position, when there was nothing.
    """
    reply = await calls.get(
        "/v1/hendelser/feed", query=(("seq", str(position)),), etag=etag, understood=(_NOTHING_NEW, _TOO_OLD)
    )
    if reply.status == _NOTHING_NEW:
        return Page(frozenset(), 0, position, etag)
    if reply.status == _TOO_OLD:
        raise EventsTooOldError(
            f"The events that {live.register.name} had for us are older than 36 months and gone.",
            remedy="A full round is needed: beredskap sync freg. The scheduler begins one by itself.",
        )
    events = _json(live, reply.body)
    if not isinstance(events, list):
        raise unreadable(live)
    persons: set[str] = set()
    following = position
    for event in events:
        number = event.get("sekvensnummer") if isinstance(event, dict) else None
        told = event.get("hendelse") if isinstance(event, dict) else None
        if not isinstance(number, int) or number < position or not isinstance(told, dict):
            raise unreadable(live)
        following = max(following, number + 1)
        who = told.get("folkeregisteridentifikator")
        if isinstance(who, str):
            persons.add(who)
    return Page(frozenset(persons), len(events), following, reply.etag)


def _json(live: LiveRegister, body: bytes) -> object:
    try:
        told: object = json.loads(body)
    except (ValueError, RecursionError):
        raise unreadable(live) from None
    return told
