"""The mail server of the settings, and one connection to it: made, secured and logged in by aiosmtplib."""

from __future__ import annotations

import asyncio
import re
import socket
import ssl
from dataclasses import dataclass

import aiosmtplib
from tenacity import AsyncRetrying, retry_if_exception, stop_after_attempt, wait_exponential_jitter

from providers.errors import smtp_code

_CONNECT_TRIES = 3
_FQDN = re.compile(r"[A-Za-z0-9-]+(\.[A-Za-z0-9-]+)+")


class NotConnected(Exception):  # noqa: N818 (one of the ways an attempt ends)
    """No usable connection: nothing was sent. `again`: it may go well in a moment."""

    def __init__(self, code: str, *, again: bool = False) -> None:
        super().__init__(code)
        self.code = code
        self.again = again


@dataclass(frozen=True, slots=True, kw_only=True)
class SmtpServerAddress:
    """Where the mail server is and how to come in. `security`: none, starttls or tls. `greet_as`: our name in EHLO.

    `tls_context`: which certificates are trusted; None for the system's.
    """

    host: str
    port: int
    security: str
    username: str
    password: str
    greet_as: str
    tls_context: ssl.SSLContext | None = None

    def __repr__(self) -> str:
        return f"SmtpServerAddress(port={self.port}, security={self.security})"


def own_name(fallback: str) -> str:
    """The name this machine gives itself in EHLO.

    Not `socket.getfqdn()`, which asks the name server and can hang for many seconds before the first mail.
    """
    name = socket.gethostname()
    return name if _FQDN.fullmatch(name) else fallback


async def connect(server: SmtpServerAddress, timeout_seconds: float) -> aiosmtplib.SMTP:
    """A new connection, secured, greeted and logged in. Retries shortly within the time. Raises NotConnected."""
    loop = asyncio.get_running_loop()
    deadline = loop.time() + timeout_seconds
    retrying = AsyncRetrying(
        retry=retry_if_exception(
            lambda error: isinstance(error, NotConnected) and error.again and loop.time() < deadline
        ),
        stop=stop_after_attempt(_CONNECT_TRIES),
        wait=wait_exponential_jitter(multiplier=0.05, max=0.5, jitter=0.05),
        reraise=True,
    )
    return await retrying(_connect_once, server, timeout_seconds, deadline)


async def _connect_once(server: SmtpServerAddress, timeout_seconds: float, deadline: float) -> aiosmtplib.SMTP:
    client = aiosmtplib.SMTP(
        hostname=server.host,
        port=server.port,
        username=server.username or None,
        password=server.password if server.username else None,
        use_tls=server.security == "tls",
        start_tls=server.security == "starttls",
        local_hostname=server.greet_as,
        timeout=timeout_seconds,
        tls_context=server.tls_context,
    )
    try:
        async with asyncio.timeout_at(deadline):
            await client.connect()
            if client.is_ehlo_or_helo_needed:
                await client.ehlo()
    except (aiosmtplib.SMTPException, OSError) as error:
        client.close()
        raise _not_connected(error) from None
    except UnicodeError:
        client.close()
        raise NotConnected("name_not_found") from None  # a host name that no name server can be asked for
    except BaseException:
        client.close()
        raise
    if not client.is_connected:
        raise NotConnected("lost_before_sending")
    return client


def _not_connected(error: Exception) -> NotConnected:
    cause = error.__cause__ or error
    if isinstance(cause, ssl.SSLError):
        return NotConnected("tls_failed")
    if isinstance(cause, socket.gaierror):
        return NotConnected("name_not_found", again=True)
    if isinstance(error, aiosmtplib.SMTPAuthenticationError):
        return NotConnected("login_failed")
    if isinstance(error, aiosmtplib.SMTPResponseException):
        return NotConnected(f"greeting {smtp_code(error.code, error.message)}")
    if isinstance(error, TimeoutError):
        return NotConnected("connect_timeout")
    if isinstance(error, OSError):
        return NotConnected("connect_refused", again=True)
    # The server offers no STARTTLS, or no log-in that we know; aiosmtplib tells them apart in words only.
    return NotConnected("tls_failed" if "STARTTLS extension" in str(error) else "login_failed")
