"""Reading what has happened in the population register, and asking about those of the store whom it happened to.

Most events are about strangers. Their numbers are compared with the store's by keyed hash, and kept nowhere. Our place
in the list moves on when the effect of a page stands in the database, never before: read again, a page changes nothing.
"""

from __future__ import annotations

from dataclasses import dataclass

from config.errors import BeredskapError
from contacts.imports.records import shown
from contacts.registers.calls import Calls, LiveRegister
from contacts.registers.feed import EventsTooOldError, Page, read_page
from contacts.registers.register import RegisterError, check_settings
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
    check_settings(live.register, live.settings)
    events = 0
    results: list[Result] = []
    with one.noted(EVENTS):
        try:
            while (page := _next_page(one, live)).events:
                if (result := _asked_about(one, live, page)) is not None:
                    results.append(result)
                with one.database.write() as connection:
                    set_position(connection, page.next)
                events += page.events
        except BeredskapError as error:
            if events:
                error.unchanged = f"{shown(events)} events were read before and stay so; the rest is for the next time."
            raise
    return EventsRead(events, tuple(results))


def _asked_about(one: Round, live: LiveRegister, page: Page) -> Result | None:
    """Ask about those on the page who are in the store and may be asked about; None when nobody is."""
    with one.database.read() as connection:
        known = set(known_by(connection, one.keys, page.persons).values())
        if not known:
            return None
        asked = population_register_asked(connection, one.today()) & known
    return sync_documents(one, live, asked) if asked.everybody else None


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
