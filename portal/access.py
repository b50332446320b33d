"""Who may ask for which page. Every page says it in its line of the table; this is the one place that checks it."""

from __future__ import annotations

import hmac
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Final

import structlog
from starlette.datastructures import ImmutableMultiDict
from starlette.responses import RedirectResponse, Response

from config.errors import BeredskapError
from config.operators import NotPermittedError, Operator, record_refusal
from config.portal_sections import PortalSettings
from config.roles import Reach, Right, reach
from config.set_aside import usable
from config.spare_sections import OperatorSettings
from contacts.codes import VisitorKind
from contacts.visits import OpenVisit, Patience, find_visit, note_seen, renew_visit
from portal.cookies import visit_cookie
from portal.texts import marked
from portal.visit import Portal, Visit

log = structlog.stdlib.get_logger(__name__)

Answerer = Callable[[Visit], Response]
FORM_TOKEN: Final = "form_token"  # noqa: S105 (the name of a field)
GUARDIANS: Final = frozenset({VisitorKind.GUARDIAN})
STUDENTS: Final = frozenset({VisitorKind.STUDENT})
STAFF: Final = frozenset({VisitorKind.STAFF})
EVERYBODY: Final = frozenset(VisitorKind)
NO_ROLE_TO_SEND: Final = marked(
    "Your role does not allow you to send alerts. In an emergency, an actual alert can be sent from the command line "
    "with beredskap alert send --break-glass: the county is told at once."
)


@dataclass(frozen=True, slots=True)
class Page:
    """One line of the table. `who`: logged in as what one may ask for it; None: anybody, logged in or not.

    `right`: what staff must have as operators besides. `strangers`: also guardians of whom the store knows nothing.
    `sends`: there only where the settings allow alerts to be sent from the portal.
    """

    method: str
    path: str
    answer: Answerer
    who: frozenset[VisitorKind] | None
    right: Right | None = None
    strangers: bool = False
    sends: bool = False


@dataclass(frozen=True, slots=True)
class Asked:
    """A request as far as a page needs it. `token`: what the browser holds of a visit; `origin`: of the page whose form
    it sends, where the browser says so; `last_event`: the newest of a stream that it has had, when it comes back."""

    token: str
    language: str
    path: dict[str, str]
    query: ImmutableMultiDict[str, str]
    form: ImmutableMultiDict[str, str]
    origin: str
    last_event: str


def patience(settings: PortalSettings) -> Patience:
    return Patience(settings.idle_minutes * 60, settings.longest_hours * 3600)


def answer(page: Page, portal: Portal, asked: Asked) -> Response:
    """The answer to a request for `page`: of the page itself, or why this visitor does not get it."""
    settings = usable(portal.settings.portal)
    visitor = _visitor(portal, asked.token, patience(settings))
    visit = Visit(portal, asked.language, dict(asked.path), asked.query, asked.form, asked.last_event, visitor)
    refused = _refusal(page, visit) or _foreign_form(page, visit, asked, settings)
    if refused is not None:
        return refused
    if page.right is not None and visitor is not None and visitor.operator is not None:
        visit = replace(visit, operator=admitted(portal, visitor.operator, page.right))
    try:
        if visit.operator is not None and visit.operator.reach is Reach.NOTHING:
            visit.operator.refuse()
        answered = page.answer(visit)
    except NotPermittedError as no:
        record_refusal(portal.database, no)
        return refusal(visit, NO_ROLE_TO_SEND if page.right is Right.SEND else marked("Your role does not allow this."))
    except BeredskapError as error:
        # Its words are for whoever types commands. A page that can be refused says why itself.
        log.warning("page_refused", path=page.path, kind=type(error).__name__)
        return refusal(visit, marked("This could not be done. Nothing was changed."), 409)
    if visitor is not None:
        _go_on(portal, visitor, answered)
    return answered


def admitted(portal: Portal, name: str, right: Right) -> Operator:
    """A member of staff as the operator whom the settings name, and their reach in `right`; NOTHING when they no longer
    do. Whoever keeps the settings file has no part in it: nobody types commands here."""
    entry = portal.settings.operators.entry(name)
    if not isinstance(entry, OperatorSettings):
        return Operator(name, right, Reach.NOTHING, set_aside=entry is not None)
    return Operator(name, right, reach(entry.roles, right), entry.roles, entry.schools)


def refusal(visit: Visit, reason: str, status: int = 403) -> Response:
    """Why there is no page, in the visitor's language. `reason`: a text that is `marked`."""
    return visit.show("refused.html", status, reason=visit.say(reason))


def _visitor(portal: Portal, token: str, patience: Patience) -> OpenVisit | None:
    if not token:
        return None
    with portal.database.read() as connection:
        return find_visit(connection, token, patience)


def _refusal(page: Page, visit: Visit) -> Response | None:
    if page.who is None:
        return None
    if visit.visitor is None:
        return RedirectResponse("/", 303)
    if visit.visitor.visitor not in page.who:
        return refusal(visit, marked("This page is not for you."))
    is_stranger = visit.visitor.person_id is None and visit.visitor.operator is None
    if is_stranger and not page.strangers:
        return refusal(visit, marked("This page is not for you."))
    return None


def _foreign_form(page: Page, visit: Visit, asked: Asked, settings: PortalSettings) -> Response | None:
    """A form that another site sends in the name of a visitor, or one from before they logged in."""
    if page.method != "POST" or visit.visitor is None:
        return None
    known = hmac.compare_digest(asked.form.get(FORM_TOKEN, "").encode(), visit.visitor.form_token.encode())
    if known and asked.origin in ("", settings.public_url):
        return None
    return refusal(visit, marked("This form is too old. Nothing was changed. Go back, reload the page, and try again."))


def _go_on(portal: Portal, visitor: OpenVisit, answered: Response) -> None:
    if visitor.renew:
        with portal.database.write() as connection:
            token = renew_visit(connection, visitor)
        # Whoever has just logged out, or in, has another cookie in this answer already.
        if token is not None and "set-cookie" not in answered.headers:
            visit_cookie(answered, token)
    elif visitor.unseen:
        with portal.database.write() as connection:
            note_seen(connection, visitor)
