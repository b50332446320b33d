"""E-mail through an SMTP server, one mail to one recipient, over a few connections that are used again."""

from __future__ import annotations

import asyncio
import re
import ssl
import time
from collections.abc import Callable
from contextlib import suppress
from enum import IntEnum

import aiosmtplib

from config.settings import SmtpSettings
from providers.base import Accepted, Channel, Deferred, LookupFailed, LookupQuery, Message, Outcome, Receipt, Unknown
from providers.errors import own_outcome, smtp_outcome
from providers.mime import Writer, mail_bytes, mail_frame, message_id
from providers.smtp_pool import Connection, NotConnected, SmtpPool, SmtpServerAddress, own_name

# An address that can go unquoted into a command and a header; a quoted local part is refused.
_SAFE = r"""[^\s<>()\[\],;:\\"@\x00-\x1f\x7f]"""
_ADDRESS = re.compile(rf"{_SAFE}{{1,64}}@(?P<domain>{_SAFE}{{1,255}})")
_QUEUED_AS = re.compile(r"(?:queued as|id=)\s*([A-Za-z0-9._-]{4,40})")


# RFC 5321: the server closes the connection; on one that was kept open, the sign that it stood idle for too long.
_GOING_AWAY = 421


class _Stage(IntEnum):
    """How far a mail has come. From CONTENT on, the server may have taken it."""

    SENDER = 1
    RECIPIENT = 2
    DATA = 3
    CONTENT = 4


class _Stale(Exception):  # noqa: N818 (a signal inside this file)
    """The server had closed a connection that was kept open; nothing was sent on it."""


class SmtpEmail:
    """One mail server; the contract is `providers.base.Provider`.

    Any reply of the server is certain: 4xx defers, 5xx rejects, at every stage. A connection that is lost before the
    text was handed over defers; after that it is unknown. A call has `timeout_seconds`; waiting for a connection and
    making one has as much again, so that an attempt ends within `call_seconds`, twice `timeout_seconds`.
    """

    name = "smtp"
    channel = Channel.EMAIL
    can_look_up = False

    def __init__(
        self,
        *,
        host: str,
        port: int,
        security: str,
        username: str,
        password: str,
        from_address: str,
        from_name: str,
        timeout_seconds: float = 10.0,
        connections: int = 4,
        tls_context: ssl.SSLContext | None = None,
        now: Callable[[], float] = time.time,
    ) -> None:
        self.call_seconds = 2 * timeout_seconds
        self._timeout = timeout_seconds
        self._now = now
        self._writer = Writer(from_address, from_name) if host and from_address else None
        server = SmtpServerAddress(
            host=host,
            port=port,
            security=security,
            username=username,
            password=password,
            greet_as=own_name(self._writer.domain if self._writer else "localhost"),
            tls_context=tls_context,
        )
        self._pool = SmtpPool(server, size=connections, timeout_seconds=timeout_seconds)

    @classmethod
    def from_settings(cls, smtp: SmtpSettings) -> SmtpEmail:
        return cls(
            host=smtp.host,
            port=smtp.port,
            security=smtp.security,
            username=smtp.username,
            password=smtp.password.get_secret_value(),
            from_address=smtp.from_address,
            from_name=smtp.from_name,
            timeout_seconds=smtp.timeout_seconds,
            connections=smtp.connections,
        )

    async def send(self, message: Message) -> Outcome:
        """Hand one mail over. The reference is the server's queue id when it names one, else the Message-ID."""
        if self._writer is None:
            return own_outcome("not_configured")
        address = _usable(message.to)
        if address is None:
            return own_outcome("bad_address")
        name = message_id(message.delivery_id, self._writer.domain)
        try:
            frame = mail_frame(self._writer, message.subject, message.body, message.language, message.urgent)
        except UnicodeEncodeError:
            # A text that no encoding can carry. Not raised: the exception holds the text.
            return own_outcome("poison")
        mail = mail_bytes(frame, to=address, message_id=name, at=self._now())
        deadline = asyncio.get_running_loop().time() + self._timeout
        try:
            async with self._pool.slot(deadline):
                kept = self._pool.idle()
                if kept is not None:
                    try:
                        return await self._transact(kept, address, mail, name)
                    except _Stale:
                        pass  # nothing was sent on it: once more on a new one
                return await self._transact(await self._pool.connect(deadline), address, mail, name)
        except NotConnected as failed:
            return _outcome_of(failed)

    async def _transact(self, connection: Connection, address: str, mail: bytes, name: str) -> Outcome:
        """One mail on one connection. Raises _Stale when a kept connection turned out to be closed."""
        client, stage = connection.client, _Stage.SENDER
        assert self._writer is not None
        options = []
        if not address.isascii():
            if not client.supports_extension("smtputf8"):
                self._pool.give_back(connection)
                return own_outcome("smtputf8_missing")
            options = ["SMTPUTF8"]
        encoding = "utf-8" if options else "ascii"
        until = asyncio.get_running_loop().time() + self._timeout
        reusable = False
        try:
            async with asyncio.timeout_at(until):
                await client.mail(self._writer.address, options=options, encoding=encoding)
                stage = _Stage.RECIPIENT
                await client.rcpt(address, encoding=encoding)
                stage = _Stage.DATA
                go_on = await client.execute_command(b"DATA")
                if go_on.code != aiosmtplib.SMTPStatus.start_input:
                    raise aiosmtplib.SMTPDataError(go_on.code, go_on.message)
                stage = _Stage.CONTENT
                done = await _hand_over(client, mail)
            reusable = True
            if done.code != aiosmtplib.SMTPStatus.completed:
                return smtp_outcome(done.code, done.message)
            queued = _QUEUED_AS.search(done.message)
            return Accepted(queued.group(1) if queued else name)
        except Exception as error:
            if stage is _Stage.CONTENT:
                return Unknown(_why_unknown(error))
            if isinstance(error, aiosmtplib.SMTPResponseException) and error.code >= 400:
                if error.code == _GOING_AWAY and connection.used:
                    raise _Stale from None
                reusable = await _start_over(client, until)
                return smtp_outcome(error.code, error.message, our_sender=stage is _Stage.SENDER)
            if isinstance(error, TimeoutError):
                return own_outcome("answered_late")
            if isinstance(error, (aiosmtplib.SMTPException, OSError)):
                if connection.used:
                    raise _Stale from None
                return own_outcome("lost_before_sending")
            raise
        finally:
            if reusable:
                self._pool.give_back(connection)
            else:
                client.close()

    async def look_up(self, queries: list[LookupQuery], taken: frozenset[str]) -> dict[tuple[int, int], Receipt]:
        """SMTP keeps no list. Raises LookupFailed, as nothing may be concluded."""
        raise LookupFailed("no_look_up")

    async def receipts(self, references: list[str]) -> list[Receipt]:
        """SMTP has none to ask for: bounces come as mail."""
        return []

    async def check(self) -> None:
        """Connect, greet, log in, NOOP and leave, on a connection of its own."""
        if self._writer is None:
            raise LookupFailed("not_configured")
        code = ""
        try:
            connection = await self._pool.connect(asyncio.get_running_loop().time() + self._timeout)
        except NotConnected as failed:
            code = failed.code
        if code:
            raise LookupFailed(code)
        try:
            await connection.client.noop()
            with suppress(aiosmtplib.SMTPException, OSError):
                await connection.client.quit()
        except (aiosmtplib.SMTPException, OSError):
            code = "lost_before_sending"
        finally:
            connection.client.close()
        if code:
            raise LookupFailed(code)

    async def close(self) -> None:
        await self._pool.close()


def _why_unknown(error: Exception) -> str:
    if isinstance(error, TimeoutError):
        return "read_timeout"
    if isinstance(error, aiosmtplib.SMTPResponseException):
        return "bad_answer"
    return "connection_lost" if isinstance(error, OSError) else "unexpected"


async def _hand_over(client: aiosmtplib.SMTP, mail: bytes) -> aiosmtplib.SMTPResponse:
    """Write the text after the server's 354 and read its answer.

    Not `client.data()`: it does not tell a connection lost before the 354, which is safe, from one lost after it.
    """
    protocol = client.protocol
    if protocol is None:
        raise aiosmtplib.SMTPServerDisconnected("closed")
    # RFC 5321 4.5.2: a leading dot is doubled.
    protocol.write(re.sub(rb"(?m)^\.", b"..", mail) + b".\r\n")
    return await protocol.read_response(timeout=client.timeout)


async def _start_over(client: aiosmtplib.SMTP, until: float) -> bool:
    """Clear the envelope after a refusal; False when the connection is of no more use."""
    try:
        async with asyncio.timeout_at(until):
            await client.rset()
    except (aiosmtplib.SMTPException, OSError):
        return False
    return True


def _outcome_of(failed: NotConnected) -> Outcome:
    """A refused greeting or log-in says nothing about the recipient: whatever its number, it defers."""
    return Deferred(failed.code)


def _usable(address: str) -> str | None:
    """The address with its domain in ASCII (IDNA), or None when it cannot be put into a command safely."""
    found = _ADDRESS.fullmatch(address)
    if found is None:
        return None
    local = address[: found.start("domain")]
    try:
        return local + found["domain"].encode("idna").decode("ascii")
    except UnicodeError:
        return None
