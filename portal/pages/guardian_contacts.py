"""The guardian's own phone numbers, e-mail addresses and language, once for all their students.

A contact point is called by its row's number, which means nothing to anybody but its owner: each act looks it up among
the guardian's own.
"""

from __future__ import annotations

import re
from datetime import date
from typing import Final

from sqlalchemy import Connection
from starlette.responses import Response

from config.catalogue import LANGUAGES
from config.errors import UsageError
from contacts.addresses import AddressFault
from contacts.codes import AddressChannel
from contacts.guardian_view import language_of
from contacts.own_acts import (
    Added,
    Refused,
    acting,
    add_own,
    choose_language,
    confirm_own,
    find_own,
    read_own,
    remove_own,
)
from contacts.own_points import OwnPoint, own_points
from contacts.people import FoundPerson, find_guardian, guardian_ref
from contacts.verification import Confirmed, WrongCode
from dispatcher.routine.own_codes import CodeSent, send_own_code
from portal.access import GUARDIANS, Page, refusal
from portal.pages.guardian_words import DEAD, DONE, FAULTS, NO_CODES, REFUSALS, STATES, TOLD_BY
from portal.texts import NAMES, marked
from portal.visit import Visit

_LIST: Final = "/guardian/contact"


def _contact(visit: Visit) -> Response:
    return _list(visit, done=DONE.get(visit.query.get("done", ""), ""))


def _add(visit: Visit) -> Response:
    phone = visit.form.get("channel") != AddressChannel.EMAIL
    channel = AddressChannel.SMS if phone else AddressChannel.EMAIL
    typed = read_own(channel, visit.form.get("address", ""))
    if isinstance(typed, AddressFault):
        return _list(visit, fault=FAULTS[typed], fault_at=channel, status=400)
    with visit.portal.database.write() as connection:
        guardian = _guardian(visit, connection)
        if guardian is None:
            return _not_for_you(visit)
        added = add_own(connection, guardian, typed)
        own = find_own(connection, guardian, added.point_id) if isinstance(added, Added) else None
    if isinstance(added, Refused):
        return _list(visit, fault=REFUSALS[added], fault_at=channel, status=409)
    if own is not None and own.verified:
        return visit.go(f"{_LIST}?done=known")
    if not added.takes_codes:
        return visit.go(f"{_LIST}?done=fixed-line")
    return _send(visit, added.point_id)


def _code(visit: Visit) -> Response:
    return _send(visit, _point_id(visit))


def _send(visit: Visit, point_id: int) -> Response:
    """Send a code in a transaction of its own: an act is recorded last in each (`config.audit.record_act`)."""
    with visit.portal.database.write() as connection:
        guardian = _guardian(visit, connection)
        if guardian is None:
            return _not_for_you(visit)
        code = send_own_code(connection, guardian, point_id, visit.portal.settings.organisation)
    if isinstance(code, CodeSent):
        return visit.go(f"{_LIST}/{point_id}")
    if isinstance(code, Refused):
        return refusal(visit, REFUSALS[code], 404)
    return _list(visit, fault=NO_CODES[code], status=409)


def _enter(visit: Visit) -> Response:
    return _one(visit, _number(visit.path["point"]))


def _confirm(visit: Visit) -> Response:
    point_id = _point_id(visit)
    with visit.portal.database.write() as connection:
        guardian = _guardian(visit, connection)
        if guardian is None:
            return _not_for_you(visit)
        answer = confirm_own(connection, visit.portal.keys, guardian, point_id, visit.form.get("code", ""))
    if isinstance(answer, Confirmed):
        return visit.go(f"{_LIST}?done=confirmed")
    if answer is Refused.NOT_YOURS:
        return refusal(visit, REFUSALS[answer], 404)
    if isinstance(answer, WrongCode):
        fault = visit.say(marked("The code is wrong. Tries left: {left}.")).format(left=answer.tries_left)
    else:
        fault = visit.say(REFUSALS[answer] if isinstance(answer, Refused) else DEAD[answer.why])
    return _one(visit, point_id, fault=fault, status=400)


def _remove(visit: Visit) -> Response:
    point_id = _point_id(visit)
    with visit.portal.database.write() as connection:
        guardian = _guardian(visit, connection)
        if guardian is None:
            return _not_for_you(visit)
        even_last = visit.form.get("even_last") == "yes"
        answer = remove_own(connection, guardian, point_id, even_last=even_last)
    if answer is Refused.LAST:
        return _one(visit, point_id, fault=visit.say(REFUSALS[answer]), last=True, status=409)
    if isinstance(answer, Refused):
        return refusal(visit, REFUSALS[answer], 404)
    return visit.go(f"{_LIST}?done=removed")


def _language(visit: Visit) -> Response:
    chosen = next((one for one in LANGUAGES if one == visit.form.get("language")), None)
    if chosen is None:
        return _list(visit, status=400)
    with visit.portal.database.write() as connection:
        guardian = _guardian(visit, connection)
        if guardian is None:
            return _not_for_you(visit)
        choose_language(connection, guardian, chosen, operator=acting(guardian))
    return visit.go(f"{_LIST}?done=language")


def _list(visit: Visit, *, done: str = "", fault: str = "", fault_at: str = "", status: int = 200) -> Response:
    """All addresses; with what was done, or what was wrong (at one of the fields), and what was typed there."""
    today = visit.today()
    with visit.portal.database.read() as connection:
        if _guardian(visit, connection) is None:
            return _not_for_you(visit)
        points, spoken = _points(visit, connection, today), language_of(connection, visit.person_id)
    return visit.show(
        "guardian_contacts.html",
        status,
        points=points,
        states=STATES,
        told_by=TOLD_BY,
        spoken=spoken,
        names=NAMES,
        done=done,
        fault=fault,
        fault_at=fault_at,
        typed=visit.form.get("address", ""),
    )


def _one(visit: Visit, point_id: int, *, fault: str = "", last: bool = False, status: int = 200) -> Response:
    """One address, where its code is entered; `last`: where they are asked whether they mean to remove it."""
    today = visit.today()
    with visit.portal.database.read() as connection:
        guardian = _guardian(visit, connection)
        own = guardian and find_own(connection, guardian, point_id)
        points = _points(visit, connection, today) if own else ()
    point = next((one for one in points if own and one.point_id == own.point.id), None)
    if point is None:
        return refusal(visit, REFUSALS[Refused.NOT_YOURS], 404)
    return visit.show("guardian_point.html", status, point=point, fault=fault, last=last)


def _points(visit: Visit, connection: Connection, today: date) -> tuple[OwnPoint, ...]:
    months = visit.portal.settings.organisation.stale_after_months
    return own_points(connection, visit.person_id, today, stale_after_months=months)


def _guardian(visit: Visit, connection: Connection) -> FoundPerson | None:
    """Who is logged in; None for a student who is nobody's guardian: their addresses are not kept up here."""
    try:
        return find_guardian(connection, guardian_ref(visit.person_id))
    except UsageError:
        return None


def _not_for_you(visit: Visit) -> Response:
    return refusal(visit, marked("This page is not for you."))


def _point_id(visit: Visit) -> int:
    """The contact point that a form names."""
    return _number(visit.form.get("point", ""))


def _number(given: str) -> int:
    """The number of a row; 0, which is nobody's, for what is no number."""
    return int(given) if re.fullmatch(r"[0-9]{1,15}", given) else 0


PAGES: Final = (
    Page("GET", _LIST, _contact, GUARDIANS),
    Page("GET", f"{_LIST}/{{point:str}}", _enter, GUARDIANS),
    Page("POST", f"{_LIST}/add", _add, GUARDIANS),
    Page("POST", f"{_LIST}/code", _code, GUARDIANS),
    Page("POST", f"{_LIST}/confirm", _confirm, GUARDIANS),
    Page("POST", f"{_LIST}/remove", _remove, GUARDIANS),
    Page("POST", "/guardian/language", _language, GUARDIANS),
)
