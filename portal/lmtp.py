"""Bounces from a mail server, handed over by LMTP (RFC 2033): taken when they are stored, and otherwise tried again.

A mail that is no bounce is refused, so that whoever wrote it hears that nobody reads it here.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Iterator
from typing import Final

import structlog
from aiosmtpd.controller import Controller
from aiosmtpd.lmtp import LMTP
from aiosmtpd.smtp import Envelope, Session
from sqlalchemy.exc import SQLAlchemyError

from config.database import Database
from config.errors import UsageError
from config.set_aside import usable
from config.settings import Settings
from dispatcher.outbox.bounces import Told, take_bounce
from portal.server import WebServer, serving
from providers.mime import Writer

# A bounce carries the headers of what came back, or all of it, and ours are some kilobytes.
MOST_BYTES: Final = 2_000_000
# Seconds for the first connection, which the library makes by itself to see whether it listens.
_START_SECONDS: Final = 30.0
# As the library hands on the empty sender of what must not be answered (RFC 5321, 4.5.5).
_NO_SENDER: Final = (None, "", "<>")
_TAKEN: Final = "250 2.0.0 Thank you"
_LATER: Final = "451 4.3.0 Try again later"

log = structlog.stdlib.get_logger(__name__)


class BounceDesk:
    """What the mail server is answered."""

    def __init__(self, database: Database, domain: str) -> None:
        self._database = database
        self._domain = domain

    async def handle_RCPT(  # noqa: N802 (the library's name)
        self, server: LMTP, session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        if envelope.rcpt_tos:
            # LMTP wants an answer for each, and a bounce has one.
            return "452 4.5.3 One recipient at a time"
        envelope.rcpt_tos.append(address)
        return "250 2.1.5 Ok"

    async def handle_DATA(self, server: LMTP, session: Session, envelope: Envelope) -> str:  # noqa: N802
        content = envelope.original_content or b""
        try:
            told = await asyncio.to_thread(self._take, content)
        except SQLAlchemyError as error:
            log.warning("a bounce could not be stored", fault=type(error).__name__)
            return _LATER
        if told is Told.NO_BOUNCE and envelope.mail_from not in _NO_SENDER:
            return "550 5.7.1 Nobody reads mail that is sent here"
        log.info("mail was taken", told=told.value)
        return _TAKEN

    async def handle_exception(self, error: Exception) -> str:
        # The library would tell the mail server, and the log, what the exception says, and have the bounce thrown away.
        log.error("a mail could not be taken: a fault of Beredskap", exc_info=error)
        return _LATER

    def _take(self, content: bytes) -> Told:
        with self._database.write() as connection:
            return take_bounce(connection, content, self._domain)


class _LmtpController(Controller):
    def factory(self) -> LMTP:
        return LMTP(self.handler, **self.SMTP_kwargs)


@contextlib.contextmanager
def taking_bounces(settings: Settings, database: Database) -> Iterator[int]:
    """Listen meanwhile, in a thread of its own, where the settings name a port; yields it, or 0.

    Raises UsageError when that port cannot be had, or our own address is not set.
    """
    bounces = usable(settings.bounces)
    host, port = bounces.lmtp_host, bounces.lmtp_port
    if not port:
        yield 0
        return
    domain = Writer(settings.smtp.from_address, settings.smtp.from_name).domain
    controller = _LmtpController(
        BounceDesk(database, domain),
        hostname=host,
        port=port,
        ready_timeout=_START_SECONDS,
        server_hostname=domain,
        data_size_limit=MOST_BYTES,
        ident="Beredskap",
    )
    try:
        controller.start()
    except (OSError, TimeoutError) as error:
        raise UsageError(
            f"Bounces cannot be taken at {host}:{port}: {error.strerror or 'nothing listens there in time'}.",
            unchanged="Nothing was started.",
            remedy="Stop what listens there, or choose another bounces.lmtp_port.",
        ) from None
    log.info("taking bounces", address=f"{host}:{port}")
    try:
        yield port
    finally:
        controller.stop()


@contextlib.contextmanager
def beside_work(server: WebServer, settings: Settings, database: Database) -> Iterator[None]:
    """What `beredskap run` does beside its work: the web server's, and taking bounces."""
    with taking_bounces(settings, database), serving(server):
        yield
