"""The way to ID-porten or Feide, and back; and there once more, to log out."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any, Final, TypeGuard, TypeVar

from limits import RateLimitItemPerMinute
from limits.storage import MemoryStorage
from limits.strategies import MovingWindowRateLimiter
from sqlalchemy import select
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from config.portal_sections import LogInSettings
from config.set_aside import SetAside, usable
from config.settings import Settings
from contacts.codes import VisitorKind
from contacts.tables import SCHOOL
from contacts.visits import LOG_IN_SECONDS, begin_log_in, keep_secrets, take_log_in
from portal import cookies
from portal.access import patience
from portal.door import guarded, held, language_of, refused
from portal.log_in.claims import LEVELS, ClaimError, ClaimFault, feide_claims, guardian_claims
from portal.log_in.openid import LogInError, LogInFault, OpenIdProvider, ProviderName
from portal.log_in.who import feide_visit, guardian_visit
from portal.rendering import page
from portal.texts import marked
from portal.visit import Portal

R = TypeVar("R")

# From one address: a school's network has many behind one.
_STARTS: Final = RateLimitItemPerMinute(60, 5)
_NOBODY: Final = marked("There is nothing here for you with this log-in.")
_WORDS: Final = {
    LogInFault.CANCELLED: marked("You were not logged in: it was cancelled."),
    LogInFault.STALE: marked("You were not logged in: it took too long, or was begun in another window. Try again."),
    LogInFault.NOT_TAKEN: marked("You were not logged in: what came back does not prove who you are. Try again."),
    LogInFault.AWAY: marked("You cannot be logged in at the moment. Try again in a few minutes."),
    ClaimFault.LOW_LEVEL: marked("You were not logged in: choose a safer way, such as BankID or Buypass."),
    ClaimFault.NO_NUMBER: marked("You were not logged in: what came back does not prove who you are. Try again."),
    ClaimFault.NO_FEIDE_NAME: marked("You were not logged in: this Feide account has no Feide name."),
    ClaimFault.OTHER_REALM: marked("You were not logged in: this Feide account belongs to another school."),
}
_NAMES: Final = {ProviderName.ID_PORTEN: "ID-porten", ProviderName.FEIDE: "Feide"}
_TOO_MANY: Final = marked("There were too many log-ins from where you are. Wait five minutes, and try again.")


def way_out(settings: Settings, visitor: VisitorKind) -> str:
    """Where somebody goes on who has logged out here: to log out by what they logged in by, where that is configured
    still."""
    by = ProviderName.ID_PORTEN if visitor is VisitorKind.GUARDIAN else ProviderName.FEIDE
    sections = {ProviderName.ID_PORTEN: settings.id_porten, ProviderName.FEIDE: settings.feide}
    return f"/log-out/{by.value}" if is_configured(sections[by]) else "/"


def is_configured(section: LogInSettings | SetAside) -> TypeGuard[LogInSettings]:
    """Whether anybody can log in there. Settings that were set aside cost those log-ins, and nothing else."""
    return not isinstance(section, SetAside) and section.configured


class LogIns:
    """The providers that the settings name, and the way to each and back."""

    def __init__(self, portal: Portal) -> None:
        self._portal = portal
        self._settings = usable(portal.settings.portal)
        self._patience = patience(self._settings)
        self._providers: dict[str, OpenIdProvider] = {}
        public = self._settings.public_url
        id_porten, feide = portal.settings.id_porten, portal.settings.feide
        if is_configured(id_porten):
            name = ProviderName.ID_PORTEN
            back = f"{public}/logged-in/{name.value}"
            self._providers[name] = OpenIdProvider(name, id_porten, back, acr_values=LEVELS[0])
        if is_configured(feide):
            name = ProviderName.FEIDE
            self._providers[name] = OpenIdProvider(name, feide, f"{public}/logged-in/{name.value}")
        self._starts = MovingWindowRateLimiter(MemoryStorage())

    def check_keys(self) -> None:
        """At the start: whoever keeps the installation reads of a key that cannot be used before a visitor meets it."""
        for provider in self._providers.values():
            provider.check_key()

    def routes(self) -> list[Route]:
        return [
            Route("/log-in/{provider}/{school}", guarded(self._set_out), methods=["GET"]),
            Route("/logged-in/{provider}", guarded(self._come_back), methods=["GET"]),
            Route("/log-out/{provider}", guarded(self._leave), methods=["GET"]),
        ]

    async def _set_out(self, request: Request) -> Response:
        provider = self._providers.get(request.path_params["provider"])
        if provider is None:
            return self._refused(request, marked("There is no such page."), 404)
        client = request.client.host if request.client else ""
        if not self._starts.hit(_STARTS, client):
            return self._refused(request, _TOO_MANY, 429)
        named = request.path_params["school"]
        # Not longer than any number of a row: the database would refuse it.
        school = int(named) if re.fullmatch("[0-9]{1,15}", named) else 0
        token = await run_in_threadpool(self._begin, provider.name, school)
        if token is None:
            return self._refused(request, marked("There is no such school here."), 404)
        asked = {"ui_locales": language_of(request)}
        if provider.name is ProviderName.FEIDE:
            realm = await run_in_threadpool(self._realm, school)
            asked["login_hint"] = f"feide|realm|{realm}"
        try:
            address, secret = await provider.begin(**asked)
        except LogInError as error:
            return self._refused(request, _WORDS[error.fault], 503)
        await run_in_threadpool(self._written, lambda connection: keep_secrets(connection, token, secret))
        response = RedirectResponse(address, 302)
        cookies.log_in_cookie(response, token, LOG_IN_SECONDS)
        return response

    async def _come_back(self, request: Request) -> Response:
        provider = self._providers.get(request.path_params["provider"])
        if provider is None:
            return self._refused(request, marked("There is no such page."), 404)
        browser = held(request, cookies.LOG_IN)
        kept = await run_in_threadpool(
            self._written, lambda connection: take_log_in(connection, browser, provider.name.value)
        )
        if kept is None:
            return self._refused(request, _WORDS[LogInFault.STALE], 400)
        try:
            claims = await provider.finish(request, kept.secrets)
            token = await run_in_threadpool(self._visit, provider.name, claims, kept.school_id)
        except LogInError as error:
            return self._refused(request, _WORDS[error.fault], 503 if error.fault is LogInFault.AWAY else 403)
        except ClaimError as error:
            return self._refused(request, _WORDS[error.fault], 403)
        if token is None:
            return self._refused(request, _NOBODY, 403)
        response = RedirectResponse("/", 303)
        cookies.forget(response, cookies.LOG_IN)
        cookies.visit_cookie(response, token)
        return response

    async def _leave(self, request: Request) -> Response:
        """For somebody who has logged out here: a page that leads on to the provider's own log-out by itself.

        No redirect, for those after a form are held to the policy of the page with the form: it would have to allow
        each host to which the provider leads on.
        """
        provider = self._providers.get(request.path_params["provider"])
        if provider is None:
            return self._refused(request, marked("There is no such page."), 404)
        if held(request, cookies.VISIT):  # who has come by another site's link, and is logged in here
            return RedirectResponse("/", 303)
        try:
            address = await provider.log_out_address()
        except LogInError:
            address = ""
        if address is None:
            return RedirectResponse("/", 303)
        name = _NAMES[provider.name]
        return page(
            "logged_out.html", language_of(request), visitor=None, form_token="", provider=name, address=address
        )

    def _begin(self, provider: ProviderName, school: int) -> str | None:
        with self._portal.database.write() as connection:
            if connection.execute(select(SCHOOL.c.id).where(SCHOOL.c.id == school)).first() is None:
                return None
            return begin_log_in(connection, provider.value, school)

    def _visit(self, provider: ProviderName, claims: dict[str, Any], school: int) -> str | None:
        keys = self._portal.keys
        if provider is ProviderName.ID_PORTEN:
            guardian = guardian_claims(claims)
            return self._written(lambda connection: guardian_visit(connection, keys, guardian, self._patience))
        visitor = feide_claims(claims, self._realm(school))
        settings = self._portal.settings
        return self._written(lambda connection: feide_visit(connection, keys, settings, visitor, self._patience))

    def _realm(self, school: int) -> str:
        with self._portal.database.read() as connection:
            row = connection.execute(select(SCHOOL.c.name, SCHOOL.c.ref).where(SCHOOL.c.id == school)).one()
        return usable(self._portal.settings.feide).realm_of(row.name, row.ref)

    def _written(self, act: Callable[[Any], R]) -> R:
        with self._portal.database.write() as connection:
            return act(connection)

    def _refused(self, request: Request, reason: str, status: int) -> Response:
        response = refused(language_of(request), reason, status)
        cookies.forget(response, cookies.LOG_IN)
        return response
