"""Reading what has happened in the population register, and asking about those of the store whom it happened to.

Most events are about strangers. Their numbers are compared with the store's by keyed hash, and kept nowhere. Our place
in the list moves on when the effect of a page stands in the database, never before: read again, a page changes nothing.
"""

from __future__ import annotations

from dataclasses import dataclass

from contacts.registers.calls import Calls, LiveRegister
from contacts.registers.feed import EventsTooOldError, Page, read_page
from contacts.registers.register import RegisterError
from contacts.registers.state import EVENTS, set_position, states
from contacts.registers.sync import Result, Round, sync_documents
from contacts.registers.whom import known_by, population_register_asked


@dataclass(frozen=True, slots=True)
class EventsRead:
    """How many events were read, and what they led to: one result for each page that was about somebody of ours."""

    events: int
    results: tuple[Result, ...]


def read_events(one: Round, live: LiveRegister) -> EventsRead:
    """Read the events since the last time, to the end of the list. Raises BeredskapError; read pages stay read."""
    with one.noted(EVENTS):
        events = 0
        results: list[Result] = []
        while (page := _next_page(one, live)).events:
            events += page.events
            with one.database.read() as connection:
                known = known_by(connection, one.keys, page.persons)
                asked = population_register_asked(connection, one.today()) & set(known.values()) if known else None
            if asked is not None and asked.everybody:
                results.append(sync_documents(one, live, asked))
            with one.database.write() as connection:
                set_position(connection, page.next)
        return EventsRead(events, tuple(results))


def _next_page(one: Round, live: LiveRegister) -> Page:
    with one.database.read() as connection:
        state = states(connection).get(EVENTS)
    if state is None or state.position is None:
        raise RegisterError(
            f"Where to begin in the events of {live.register.name} is not known yet.",
            remedy="Do a full round first: beredskap sync freg.",
        )
    pages: list[Page] = []

    async def ask(calls: Calls) -> None:
        pages.append(await read_page(live, calls, state.position, state.etag))

    try:
        live.ask(ask)
    except EventsTooOldError:
        with one.database.write() as connection:
            set_position(connection, None)
        raise
    (page,) = pages
    if not page.events and page.etag != state.etag:
        with one.database.write() as connection:
            set_position(connection, page.next, page.etag)
    return page
