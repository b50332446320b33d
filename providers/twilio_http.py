"""The HTTP client under Twilio's own library: kept connections, silence in the logs, and what the library drops."""

from __future__ import annotations

import base64
import logging
import math
from collections.abc import Mapping
from contextvars import ContextVar
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from functools import lru_cache
from urllib.parse import quote_plus, urlencode

from twilio.http import AsyncHttpClient
from twilio.http.response import Response

from providers.http_connections import HttpConnections, Origin, split_url

_LONGEST_RETRY_AFTER = 3600.0


@dataclass(slots=True)
class Call:
    """What one HTTP call showed beyond its answer.

    `begun`: a connection was at hand, so bytes of the request may have left. `retry_after`: seconds, when named.
    """

    begun: bool = False
    retry_after: float | None = None


# The call that the running task makes. The library leaves no other way to hand something through to the HTTP client.
current_call: ContextVar[Call] = ContextVar("current_twilio_call")


def retry_after_seconds(value: str | None, now: datetime) -> float | None:
    """The Retry-After header in seconds: a number or an HTTP date (RFC 9110), at most an hour; None when unusable."""
    if not value:
        return None
    try:
        seconds = float(value)
    except ValueError:
        try:
            moment = parsedate_to_datetime(value)
        except ValueError:
            return None
        if moment.tzinfo is None:
            moment = moment.replace(tzinfo=UTC)
        seconds = (moment - now).total_seconds()
    if not math.isfinite(seconds):
        return None
    return min(max(0.0, seconds), _LONGEST_RETRY_AFTER)


class KeptTwilioHttpClient(AsyncHttpClient):  # type: ignore[misc]  # the library has no types
    """Connections that are kept, instead of the library's own client, which takes four times as long for a message.

    It sets no time-out of its own: each call is wrapped in `asyncio.timeout` by the caller. It repeats nothing: a POST
    that was repeated after a 5xx could be a second message. Nothing is logged: URL and form hold phone numbers.
    """

    def __init__(self) -> None:
        super().__init__(logging.getLogger("twilio.silent"), is_async=True)
        self._connections = HttpConnections()

    async def request(
        self,
        method: str,
        url: str,
        params: Mapping[str, object] | None = None,
        data: Mapping[str, object] | None = None,
        headers: Mapping[str, str] | None = None,
        auth: tuple[str, str] | None = None,
        timeout: float | None = None,
        allow_redirects: bool = False,
    ) -> Response:
        """Send one request and read the whole answer. Raises OSError, or BadAnswerError."""
        call = current_call.get()
        query = urlencode({name: str(value) for name, value in params.items()}) if params else ""
        try:
            origin, head = _head(method, url, query, tuple((headers or {}).items()), auth)
        except ValueError:
            # Of the settings, not of the message: it waits until they are mended. The error may hold the address.
            raise ConnectionError("the settings give no address to connect to") from None
        body = _form(data) if data else b""
        connection = await self._connections.take(origin)
        call.begun = True
        try:
            answer = await connection.ask(b"%bContent-Length: %d\r\n\r\n%b" % (head, len(body), body))
        except BaseException:
            # Whatever still comes on it would answer a question that nobody waits for.
            connection.close()
            raise
        self._connections.give_back(origin, connection)
        if "retry-after" in answer.headers:
            call.retry_after = retry_after_seconds(answer.headers["retry-after"], datetime.now(UTC))
        return Response(answer.status, answer.body.decode("utf-8", "replace"), answer.headers)

    async def close(self) -> None:
        await self._connections.close()


@lru_cache(maxsize=64)
def _head(
    method: str, url: str, query: str, headers: tuple[tuple[str, str], ...], auth: tuple[str, str] | None
) -> tuple[Origin, bytes]:
    """The request up to its length: the same for every message of a sender."""
    origin, target = split_url(f"{url}{'&' if '?' in url else '?'}{query}" if query else url)
    lines = [f"{method} {target} HTTP/1.1", f"Host: {origin.host_header}"]
    lines += [f"{name}: {value}" for name, value in headers]
    if auth:
        lines.append(f"Authorization: Basic {base64.b64encode(':'.join(auth).encode()).decode()}")
    if any("\r" in line or "\n" in line for line in lines):
        raise ValueError("a line break in the head of a request")
    return origin, "".join(f"{line}\r\n" for line in lines).encode("ascii")


def _form(data: Mapping[str, object]) -> bytes:
    return "&".join([f"{name}={_quoted(str(value))}" for name, value in data.items()]).encode("ascii")


# The text and the sender are the same in each message of an alert.
_quoted = lru_cache(maxsize=1024)(quote_plus)
