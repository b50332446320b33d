"""The web application: provider callbacks, answers to SMS and calls, the portal's pages, and how it is itself."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Final

from sqlalchemy import text
from sqlalchemy.exc import SQLAlchemyError
from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.datastructures import MutableHeaders
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from config.catalogue import load_catalogue
from config.database import Database
from config.settings import Settings
from dispatcher.metering.meter import SILENT
from portal.arrivals import Arrivals
from portal.pages.served import Pages
from portal.twilio_answers import TwilioAnswers
from portal.twilio_callbacks import TwilioCallbacks, receipt_of_call, receipt_of_sms
from portal.twilio_keys import TwilioKeys
from portal.twilio_signature import TwilioSignature
from providers.spoken import voice_words
from providers.twilio_sms import TWILIO, TWILIO_BACKUP
from providers.twilio_voice import TWILIO_VOICE

if TYPE_CHECKING:
    from dispatcher.metering.exposed import Metrics

SECURITY_HEADERS: Final = {
    "Cache-Control": "no-store",
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Referrer-Policy": "no-referrer",
    "Strict-Transport-Security": "max-age=31536000",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
}
_HEALTH_SECONDS: Final = 2.0


def create_app(settings: Settings, database: Database, metrics: Metrics | None = None) -> Starlette:
    """The application over one database, which stays the caller's to dispose of.

    `metrics` are told at /metrics to whoever has their token; those without one are not told here, where anybody may
    ask. Raises UsageError when the public address in the settings is none, or when there are pages and the key file
    cannot be used.
    """
    webhooks: list[TwilioCallbacks | TwilioAnswers | TwilioKeys] = []
    meter = metrics.meter if metrics else SILENT
    for provider, account in ((TWILIO, settings.sms), (TWILIO_BACKUP, settings.sms_backup)):
        signature = TwilioSignature(account, settings.sms.callback_base_url)
        webhooks.append(TwilioCallbacks(signature, Arrivals(database, provider, meter), receipt_of_sms))
        webhooks.append(TwilioAnswers(signature, provider, settings, database))
    # Also when nobody is called any more: calls from before may still be told of.
    signature = TwilioSignature(settings.sms, settings.sms.callback_base_url)
    webhooks.append(TwilioCallbacks(signature, Arrivals(database, TWILIO_VOICE, meter), receipt_of_call))
    extra = settings.organisation.messages_dir
    words = voice_words(load_catalogue(Path(extra) if extra else None))
    webhooks.append(TwilioKeys(signature, TWILIO_VOICE, words, database))
    health = Health(database)
    pages = Pages(settings, database)

    @asynccontextmanager
    async def lifespan(_app: Starlette) -> AsyncIterator[None]:
        pages.begin()
        yield
        for each in webhooks:
            each.close()
        pages.close()
        health.close()

    app = Starlette(
        routes=[
            *(route for each in webhooks for route in each.routes()),
            Route("/healthz", health.answer, methods=["GET"]),
            Route("/readyz", health.readiness, methods=["GET"]),
            *(metering_routes(metrics) if metrics else ()),
            *pages.routes,
        ],
        middleware=[Middleware(SecurityHeaders)],
        exception_handlers={Exception: _fault},
        lifespan=lifespan,
    )
    app.router.redirect_slashes = False
    app.state.end_streams = pages.end_streams
    return app


class Health:
    """Whether the process is up (it answers) and the database is; open to anybody, so it says no more than that."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._asking: asyncio.Future[bool] | None = None
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="health")

    async def answer(self, _request: Request) -> Response:
        return JSONResponse({"up": True, "database": await self._answers()})

    async def readiness(self, _request: Request) -> Response:
        """The same for a balancer that reads the status alone: 503 while what it would send here is told to come again.

        Not for whoever restarts processes: this one is well, and goes on by itself when the database is back.
        """
        answers = await self._answers()
        return JSONResponse({"up": True, "database": answers}, 200 if answers else 503)

    async def _answers(self) -> bool:
        # All who ask at once share one question, so that asking often costs the database nothing.
        if self._asking is None or self._asking.done():
            self._asking = asyncio.get_running_loop().run_in_executor(self._thread, self._database_answers)
        done, _ = await asyncio.wait({self._asking}, timeout=_HEALTH_SECONDS)
        return bool(done) and self._asking.result()

    def close(self) -> None:
        self._thread.shutdown(wait=False)

    def _database_answers(self) -> bool:
        try:
            with self._database.read() as connection:
                connection.execute(text("SELECT 1"))
        except SQLAlchemyError:
            return False
        return True


def metering_routes(metrics: Metrics) -> list[Route]:
    """/metrics, where there is a token to ask for."""
    if not metrics.needs_token:
        return []

    async def answer(request: Request) -> Response:
        if not metrics.may_read(request.headers.get("Authorization", "")):
            return PlainTextResponse("Unauthorized", 401, headers={"WWW-Authenticate": "Bearer"})
        content_type, content = await run_in_threadpool(metrics.page, request.headers.get("Accept", ""))
        return Response(content, headers={"Content-Type": content_type})

    return [Route("/metrics", answer, methods=["GET"])]


class SecurityHeaders:
    """Adds the headers to every answer of the application; one that says another value keeps it."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in SECURITY_HEADERS.items():
                    headers.setdefault(name, value)
            await send(message)

        await self._app(scope, receive, send_with_headers if scope["type"] == "http" else send)


async def _fault(_request: Request, _error: Exception) -> Response:
    # Answered outside the middleware. The exception itself goes on to the server, which logs it.
    return PlainTextResponse("Internal Server Error", 500, headers=SECURITY_HEADERS)
