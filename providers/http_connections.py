"""HTTP/1.1 over connections that are kept: what a client for one fast, well-known server needs, and no more.

A general client spends ten times longer on a small request than the request itself takes. The bytes of an answer are
parsed by httptools (the parser of Node.js). Nothing is repeated and nothing redirected: that a request may have left is
the caller's to judge.
"""

from __future__ import annotations

import asyncio
import ssl
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import cast
from urllib.parse import urlsplit

import httptools

# A server closes what stands idle, after 15 s at the earliest (a common default): before it may, we take a new one.
_IDLE_SECONDS = 10.0
# No answer that we ask for is this long; a server that goes on and on must not fill the memory.
_LONGEST_ANSWER = 32 * 1024 * 1024


class BadAnswerError(Exception):
    """The server answered with something that is no HTTP, or too long."""


@dataclass(frozen=True, slots=True)
class Origin:
    """Where a connection leads."""

    host: str
    port: int
    tls: bool

    @property
    def host_header(self) -> str:
        name = f"[{self.host}]" if ":" in self.host else self.host
        return name if self.port == (443 if self.tls else 80) else f"{name}:{self.port}"


@dataclass(frozen=True, slots=True)
class Answer:
    """A whole answer. Header names in lower case."""

    status: int
    headers: Mapping[str, str]
    body: bytes


def split_url(url: str) -> tuple[Origin, str]:
    """The origin and the target (path and query) of an http or https address. Raises ValueError for any other."""
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise ValueError("no http or https address")
    tls = parts.scheme == "https"
    target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    return Origin(parts.hostname, parts.port or (443 if tls else 80), tls), target


class HttpConnections:
    """The kept connections. How many requests are under way at a time is the caller's to bound."""

    def __init__(self, tls_context: ssl.SSLContext | None = None) -> None:
        self._tls_context = tls_context
        self._idle: dict[Origin, list[_Connection]] = {}

    async def take(self, origin: Origin) -> _Connection:
        """A connection of one's own until it is given back: one used before, or a new one. Raises OSError."""
        idle = self._idle.setdefault(origin, [])
        oldest = time.monotonic() - _IDLE_SECONDS
        while idle:
            connection = idle.pop()
            if connection.open and connection.idle_since > oldest:
                return connection
            connection.close()
        loop = asyncio.get_running_loop()
        context: ssl.SSLContext | None = None
        if origin.tls:
            if self._tls_context is None:
                self._tls_context = await loop.run_in_executor(None, ssl.create_default_context)
            context = self._tls_context
        _transport, connection = await loop.create_connection(_Connection, origin.host, origin.port, ssl=context)
        return connection

    def give_back(self, origin: Origin, connection: _Connection) -> None:
        """Keep it for the next request, if the server lets it live."""
        if connection.open:
            connection.idle_since = time.monotonic()
            self._idle.setdefault(origin, []).append(connection)

    async def close(self) -> None:
        closing = [connection for idle in self._idle.values() for connection in idle]
        self._idle.clear()
        for connection in closing:
            connection.close()


class _Connection(asyncio.Protocol):
    """One connection, one request at a time."""

    def __init__(self) -> None:
        self.open = False
        self.idle_since = 0.0
        self._transport: asyncio.Transport | None = None
        self._parser = httptools.HttpResponseParser(self)
        self._answer: asyncio.Future[Answer] | None = None
        self._headers: dict[str, str] = {}
        self._body: list[bytes] = []
        self._length = 0

    async def ask(self, request: bytes) -> Answer:
        """Send the bytes of one request and wait for the whole answer.

        Raises ConnectionError when the connection is lost before that, BadAnswerError for what is no answer. Whoever
        does not wait for the end must close the connection.
        """
        if self._transport is None or not self.open:
            raise ConnectionResetError("closed before the request")
        self._answer = asyncio.get_running_loop().create_future()
        self._transport.write(request)
        return await self._answer

    def close(self) -> None:
        self.open = False
        if self._transport is not None:
            self._transport.abort()

    # What the loop calls

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)
        self.open = True

    def data_received(self, data: bytes) -> None:
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserError:
            self._fail(BadAnswerError())

    def connection_lost(self, _error: Exception | None) -> None:
        self._fail(ConnectionResetError("closed before the answer"))

    # What the parser calls

    def on_message_begin(self) -> None:
        if self._answer is None or self._answer.done():
            self.close()  # it speaks without being asked: what follows would be taken for the next answer
        self._headers, self._body, self._length = {}, [], 0

    def on_header(self, name: bytes, value: bytes) -> None:
        self._headers[name.decode("latin-1").lower()] = value.decode("latin-1")

    def on_body(self, data: bytes) -> None:
        self._length += len(data)
        if self._length > _LONGEST_ANSWER:
            self._fail(BadAnswerError())
        else:
            self._body.append(data)

    def on_message_complete(self) -> None:
        status = self._parser.get_status_code()
        if status < 200 or self._answer is None or self._answer.done():
            return  # "continue" and the like: the answer is still to come
        if not self._parser.should_keep_alive():
            self.close()
        self._answer.set_result(Answer(status, self._headers, b"".join(self._body)))

    def _fail(self, error: Exception) -> None:
        self.close()
        if self._answer is not None and not self._answer.done():
            self._answer.set_exception(error)
