"""The HTTP client under Twilio's own library: pooled connections, silence in the logs, and what the library drops."""

from __future__ import annotations

import math
from collections.abc import Mapping
from contextvars import ContextVar
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from types import SimpleNamespace
from urllib.parse import urlencode

import aiohttp
from twilio.http.async_http_client import AsyncTwilioHttpClient
from twilio.http.response import Response

_LONGEST_RETRY_AFTER = 3600.0
_FORM = {"Content-Type": "application/x-www-form-urlencoded"}


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


class PooledTwilioHttpClient(AsyncTwilioHttpClient):  # type: ignore[misc]  # the library has no types
    """One aiohttp session for all calls, made in the loop of the first call.

    It sets no time-out of its own: each call is wrapped in `asyncio.timeout` by the caller (the library's `timeout`
    is ignored in 9.13). It repeats nothing: a POST that was repeated after a 5xx could be a second message.
    """

    def __init__(self, connections: int) -> None:
        super().__init__(pool_connections=False)
        self._connections = connections
        self._pool: aiohttp.ClientSession | None = None

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
        """Send one request and read the whole answer. Nothing is logged: URL and form hold phone numbers."""
        call = current_call.get()
        async with self._open_session().request(
            method,
            url,
            params={name: str(value) for name, value in params.items()} if params else None,
            data=urlencode(data).encode() if data else None,
            headers={
                **(headers or {}),
                **(_FORM if data else {}),
                **({"Authorization": aiohttp.encode_basic_auth(*auth)} if auth else {}),
            },
            allow_redirects=allow_redirects,
            trace_request_ctx=call,
        ) as answer:
            call.retry_after = retry_after_seconds(answer.headers.get("Retry-After"), datetime.now(UTC))
            return Response(answer.status, await answer.text(), answer.headers)

    def _open_session(self) -> aiohttp.ClientSession:
        if self._pool is None:
            trace = aiohttp.TraceConfig()
            trace.on_connection_create_end.append(_connection_at_hand)
            trace.on_connection_reuseconn.append(_connection_at_hand)
            self._pool = aiohttp.ClientSession(
                connector=aiohttp.TCPConnector(limit=self._connections, ttl_dns_cache=300),
                timeout=aiohttp.ClientTimeout(total=None),
                trace_configs=[trace],
            )
        return self._pool

    async def close(self) -> None:
        if self._pool is not None:
            await self._pool.close()
            self._pool = None


async def _connection_at_hand(session: aiohttp.ClientSession, context: SimpleNamespace, params: object) -> None:
    context.trace_request_ctx.begun = True
