"""The way from a request to a page: its cookies and form are read, and the page is answered in a thread of its own."""

from __future__ import annotations

import asyncio
import contextvars
from collections.abc import Awaitable, Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from typing import Final

import structlog
from sqlalchemy.exc import InterfaceError, OperationalError
from sqlalchemy.exc import TimeoutError as NoConnectionError
from starlette.datastructures import ImmutableMultiDict
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from portal import cookies
from portal.access import Asked, Page, answer
from portal.forms import BadForm, read_form
from portal.rendering import page as shown
from portal.texts import LANGUAGES, marked, preferred, translator
from portal.visit import Portal

log = structlog.stdlib.get_logger(__name__)

_MOST_BYTES: Final = 16_384
# Receipts have threads of their own: they wait for no page.
_THREADS: Final = 8
_LONGEST_COOKIE: Final = 128
Endpoint = Callable[[Request], Awaitable[Response]]
_EMPTY: Final[ImmutableMultiDict[str, str]] = ImmutableMultiDict()


class Door:
    """Makes routes of pages."""

    def __init__(self, portal: Portal) -> None:
        self._portal = portal
        self._threads = ThreadPoolExecutor(_THREADS, thread_name_prefix="page")

    def routes(self, pages: Iterable[Page]) -> list[Route]:
        return [self._route(page) for page in pages]

    def close(self) -> None:
        self._threads.shutdown(wait=False)

    def _route(self, page: Page) -> Route:
        async def endpoint(request: Request) -> Response:
            try:
                form = await read_form(request, _MOST_BYTES) if page.method == "POST" else _EMPTY
            except BadForm as bad:
                return PlainTextResponse(bad.reason, bad.status)
            asked = Asked(
                token=held(request, cookies.VISIT),
                language=language_of(request),
                path={name: str(value) for name, value in request.path_params.items()},
                query=ImmutableMultiDict(request.query_params.multi_items()),
                form=form,
                origin=_origin(request),
                last_event=request.headers.get("Last-Event-ID", ""),
            )
            if _holds_nul(asked):
                return PlainTextResponse("the request holds a sign that no text has", 400)
            loop = asyncio.get_running_loop()
            context = contextvars.copy_context()
            return await loop.run_in_executor(self._threads, context.run, answer, page, self._portal, asked)

        return Route(page.path, guarded(endpoint), methods=[page.method], name=f"{page.method} {page.path}")


def guarded(endpoint: Endpoint) -> Endpoint:
    """An endpoint that says so when the database does not answer."""

    async def answered(request: Request) -> Response:
        try:
            return await endpoint(request)
        except (OperationalError, InterfaceError, NoConnectionError) as error:
            log.warning("page_without_database", kind=type(error).__name__)
            return unavailable(language_of(request))

    return answered


def _holds_nul(asked: Asked) -> bool:
    """Nobody types it, and PostgreSQL takes no text with it."""
    given = (*asked.path.values(), *(value for _, value in (*asked.query.multi_items(), *asked.form.multi_items())))
    return any("\x00" in value for value in given)


def _origin(request: Request) -> str:
    origin = request.headers.get("Origin", "")
    # Pages of ours tell no referrer; of their forms browsers then say no more than this.
    return "" if origin == "null" else origin


def held(request: Request, cookie: str) -> str:
    """What the browser holds under this name; nothing that is no token of ours."""
    value = request.cookies.get(cookie, "")
    return value if value.isascii() and len(value) <= _LONGEST_COOKIE else ""


def language_of(request: Request) -> str:
    """The language that the visitor chose, else the one that their browser prefers."""
    chosen = request.cookies.get(cookies.LANGUAGE, "")
    return chosen if chosen in LANGUAGES else preferred(request.headers.get("Accept-Language", ""))


def unavailable(language: str) -> Response:
    """What is said while the database does not answer."""
    reason = marked("The portal is not available at the moment. Nothing was changed. Try again in a few minutes.")
    return refused(language, reason, 503)


def refused(language: str, reason: str, status: int) -> Response:
    """Why there is no page, for somebody who is not logged in. `reason`: a text that is `marked`."""
    words = translator(language)(reason)
    return shown("refused.html", language, status, visitor=None, form_token="", reason=words)
