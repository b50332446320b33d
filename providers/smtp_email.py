"""E-mail through an SMTP server, one mail to one recipient, over a few connections that are used again."""

from __future__ import annotations

import asyncio
import re
import ssl
import time
from collections.abc import Callable
from contextlib import suppress

import aiosmtplib

from config.sections import SmtpSettings
from providers.base import Channel, LookupFailed, LookupQuery, Message, Outcome, Receipt
from providers.errors import own_outcome
from providers.mime import Writer, mail_head, mail_text, message_id
from providers.smtp_mail import OutgoingMail
from providers.smtp_pool import SmtpPool
from providers.smtp_server import NotConnected, SmtpServerAddress, connect, own_name

# An address that can go unquoted into a command and a header; a quoted local part is refused.
_SAFE = r"""[^\s<>()\[\],;:\\"@\x00-\x1f\x7f]"""
_ADDRESS = re.compile(rf"{_SAFE}{{1,64}}@(?P<domain>{_SAFE}{{1,255}})")
# What nearly all of them look like: nothing to encode, and every part of the domain of a length that DNS allows.
_PLAIN_ADDRESS = re.compile(r"(?a)[\w.+-]{1,64}@[\w-]{1,63}(?:\.[\w-]{1,63}){1,2}")
# A mail on every connection, the envelope of the next behind it, and one that waits so that there always is a next.
_SENDS_PER_CONNECTION = 3


class SmtpEmail:
    """One mail server; the contract is `providers.base.Provider`.

    Any reply of the server is certain: 4xx defers, 5xx rejects, at every stage. A connection that is lost before the
    text was handed over defers; after that it is unknown. A call has `timeout_seconds`; waiting for a connection and
    making one has as much again, so that an attempt ends within `call_seconds`, twice `timeout_seconds`.

    `bounce_address`: the envelope's sender, to which bounces go; empty: `from_address`. `concurrency`: how many calls
    of `send` at once keep all connections busy. `pipelining`: False to wait for every answer, even where the server
    takes commands in groups.
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
        bounce_address: str = "",
        timeout_seconds: float = 10.0,
        connections: int = 4,
        pipelining: bool = True,
        tls_context: ssl.SSLContext | None = None,
        now: Callable[[], float] = time.time,
    ) -> None:
        self.call_seconds = 2 * timeout_seconds
        self.concurrency = _SENDS_PER_CONNECTION * connections
        self._timeout = timeout_seconds
        self._now = now
        self._writer = Writer(from_address, from_name) if host and from_address else None
        self._bounce_address = bounce_address or from_address
        self._server = SmtpServerAddress(
            host=host,
            port=port,
            security=security,
            username=username,
            password=password,
            greet_as=own_name(self._writer.domain if self._writer else "localhost"),
            tls_context=tls_context,
        )
        self._pool = SmtpPool(self._server, size=connections, timeout_seconds=timeout_seconds, pipelining=pipelining)

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
            bounce_address=smtp.bounce_address,
            timeout_seconds=smtp.timeout_seconds,
            connections=smtp.connections,
            pipelining=smtp.pipelining,
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
            text = mail_text(self._writer, message.subject, message.body, message.language, message.urgent)
        except UnicodeEncodeError:
            # A text that no encoding can carry. Not raised: the exception holds the text.
            return own_outcome("poison")
        smtputf8 = not address.isascii()
        option = " SMTPUTF8" if smtputf8 else ""
        loop = asyncio.get_running_loop()
        now = loop.time()
        mail = OutgoingMail(
            envelope=f"MAIL FROM:<{self._bounce_address}>{option}\r\nRCPT TO:<{address}>\r\nDATA\r\n".encode(),
            head=mail_head(to=address, message_id=name, at=self._now()),
            text=text,
            reference=name,
            smtputf8=smtputf8,
            wait_until=now + self._timeout,
            end_by=now + self.call_seconds,
            ended=loop.create_future(),
        )
        return await self._pool.deliver(mail)

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
            client = await connect(self._server, self._timeout)
        except NotConnected as failed:
            code = failed.code
        if code:
            raise LookupFailed(code)
        try:
            await client.noop()
            with suppress(aiosmtplib.SMTPException, OSError):
                await client.quit()
        except (aiosmtplib.SMTPException, OSError):
            code = "lost_before_sending"
        finally:
            client.close()
        if code:
            raise LookupFailed(code)

    async def close(self) -> None:
        await self._pool.close()


def _usable(address: str) -> str | None:
    """The address with its domain in ASCII (IDNA), or None when it cannot be put into a command safely."""
    if _PLAIN_ADDRESS.fullmatch(address):
        return address
    found = _ADDRESS.fullmatch(address)
    if found is None:
        return None
    local = address[: found.start("domain")]
    try:
        local.encode()
        return local + found["domain"].encode("idna").decode("ascii")
    except UnicodeError:
        return None
