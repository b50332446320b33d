"""A provider that answers after a while, and refuses what comes too fast: for measuring what limits a sender.

    python bench/slow_provider.py PORT LATENCY_SECONDS [REQUESTS_A_SECOND]

Without a limit it takes everything. With one it answers 429 when its bucket is empty: it holds one second's requests
and fills at the limit's rate. GET /counts tells how many it has taken and refused.
"""

from __future__ import annotations

import asyncio
import itertools
import json
import sys

_SIDS = itertools.count(1)


class Limit:
    """A token bucket of one second's requests; none for a rate of 0."""

    def __init__(self, rate: float) -> None:
        self._rate = rate
        self._tokens = rate
        self._at = 0.0

    def admits(self, now: float) -> bool:
        if not self._rate:
            return True
        self._tokens = min(self._rate, self._tokens + (now - self._at) * self._rate)
        self._at = now
        if self._tokens < 1:
            return False
        self._tokens -= 1
        return True


class Counts:
    def __init__(self) -> None:
        self.taken = 0
        self.refused = 0

    def as_json(self) -> bytes:
        return json.dumps({"taken": self.taken, "refused": self.refused}).encode()


class Http(asyncio.Protocol):
    """Just enough HTTP/1.1, one request at a time on each connection, as clients without pipelining send them."""

    def __init__(self, latency: float, limit: Limit, counts: Counts) -> None:
        self._latency, self._limit, self._counts = latency, limit, counts
        self._loop = asyncio.get_running_loop()
        self._buffer = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        head, found, rest = self._buffer.partition(b"\r\n\r\n")
        if not found or len(rest) < _length(head):
            return
        self._buffer = b""
        if head.startswith(b"POST"):
            self._take()
        else:
            body = self._counts.as_json() if b" /counts" in head else b'{"messages": [], "next_page_uri": null}'
            self._answer(b"200 OK", body)

    def _take(self) -> None:
        if self._limit.admits(self._loop.time()):
            self._counts.taken += 1
            body = b'{"sid":"SM%032x","status":"queued"}' % next(_SIDS)
            self._loop.call_later(self._latency, self._answer, b"201 Created", body)
        else:
            self._counts.refused += 1
            self._answer(b"429 Too Many Requests", b'{"code": 20429, "message": "Too Many Requests"}')

    def _answer(self, status: bytes, body: bytes) -> None:
        if not self._transport.is_closing():
            head = b"HTTP/1.1 %s\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n"
            self._transport.write(head % (status, len(body)) + body)


def _length(head: bytes) -> int:
    lines = (line.split(b":", 1) for line in head.split(b"\r\n")[1:])
    return next((int(value) for name, value in lines if name.lower() == b"content-length"), 0)


async def serve(port: int, latency: float, rate: float) -> None:
    limit, counts = Limit(rate), Counts()
    loop = asyncio.get_running_loop()
    await loop.create_server(lambda: Http(latency, limit, counts), "127.0.0.1", port, backlog=1024)
    await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(serve(int(sys.argv[1]), float(sys.argv[2]), float(sys.argv[3]) if len(sys.argv) > 3 else 0.0))
