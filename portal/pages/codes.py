"""Where somebody who has logged in as a guardian enters the code that a student gave them."""

from __future__ import annotations

from typing import Final

from starlette.responses import Response

from contacts.codes import NameFrom
from contacts.invitation_entry import Entrant, Entry, enter_code, needs_name
from contacts.national_id import NationalId
from contacts.registers.whom import numbers_of
from portal.access import GUARDIANS, Page, refusal
from portal.log_in.who import unsealed
from portal.pages.student import NOT_DONE
from portal.texts import marked
from portal.visit import Visit

_SAID: Final = {
    Entry.NOT_ACCEPTED: marked("This code cannot be used. Check it with the student."),
    Entry.TOO_MANY_TRIES: marked("You have entered five codes within an hour. Try again in an hour."),
    Entry.NAME_MISSING: marked("Type your name as well: the student must see who you are."),
}


def _entrant(visit: Visit) -> Entrant | None:
    """Whoever is logged in, with the name of the log-in or the one that they typed; None when the number with which
    they did is no longer on record."""
    visitor = visit.visitor
    assert visitor is not None
    number, name = "", ""
    if visitor.stranger is not None:
        stranger = unsealed(visit.portal.keys, visitor.stranger)
        number, name = stranger.number, stranger.name
    elif visitor.person_id is not None:
        with visit.portal.database.read() as connection:
            numbers = numbers_of(connection, visit.portal.keys, [visitor.person_id], ended_too=True)
        number = numbers.get(visitor.person_id, "")
    if not number:
        return None
    if name:
        given, _, family = name.rpartition(" ")
        return Entrant(NationalId(number), given, family, NameFrom.LOGIN)
    typed = visit.form.get("given_name", ""), visit.form.get("family_name", "")
    return Entrant(NationalId(number), *typed, NameFrom.THEMSELVES)


def _form(visit: Visit) -> Response:
    return _show(visit, None)


def _show(visit: Visit, answered: Entry | None) -> Response:
    entrant = _entrant(visit)
    if entrant is None:
        return refusal(visit, NOT_DONE, 409)
    with visit.portal.database.read() as connection:
        asks_name = needs_name(connection, visit.portal.keys, Entrant(entrant.number, *_of_log_in(entrant)))
    problem = None if answered is None else _SAID.get(answered)
    return visit.show(
        "code.html",
        200 if problem is None else 409,
        asks_name=asks_name,
        entered=answered is Entry.ENTERED,
        problem=None if problem is None else visit.say(problem),
    )


def _of_log_in(entrant: Entrant) -> tuple[str, str]:
    """The names that need not be typed again."""
    return (entrant.given_name, entrant.family_name) if entrant.name_from is NameFrom.LOGIN else ("", "")


def _enter(visit: Visit) -> Response:
    entrant = _entrant(visit)
    if entrant is None:
        return refusal(visit, NOT_DONE, 409)
    today = visit.today()
    with visit.portal.database.write() as connection:
        answered = enter_code(connection, visit.portal.keys, entrant, visit.form.get("code", ""), today)
    return visit.go("/guardian/code/entered") if answered is Entry.ENTERED else _show(visit, answered)


def _entered(visit: Visit) -> Response:
    return _show(visit, Entry.ENTERED)


PAGES: Final = (
    Page("GET", "/guardian/code", _form, GUARDIANS, strangers=True),
    Page("POST", "/guardian/code", _enter, GUARDIANS, strangers=True),
    Page("GET", "/guardian/code/entered", _entered, GUARDIANS, strangers=True),
)
