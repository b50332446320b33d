"""A far end that takes everything at once and keeps only counts: Twilio's create call, and SMTP. For measuring."""

from __future__ import annotations

import asyncio
import itertools
import json
import sys
import time

_SIDS = itertools.count(1)


class Counts:
    """When the first and the last message came, and how many, by channel (seconds of the machine's clock)."""

    def __init__(self) -> None:
        self.first: dict[str, float] = {}
        self.last: dict[str, float] = {}
        self.taken: dict[str, int] = {"sms": 0, "email": 0}

    def add(self, channel: str) -> None:
        now = time.time()
        self.first.setdefault(channel, now)
        self.last[channel] = now
        self.taken[channel] += 1

    def as_json(self) -> bytes:
        return json.dumps({"first": self.first, "last": self.last, "taken": self.taken}).encode()


class Http(asyncio.Protocol):
    """Just enough HTTP/1.1: POST is a message created, GET /counts tells the counts, any other GET an empty list."""

    def __init__(self, counts: Counts) -> None:
        self._counts = counts
        self._buffer = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        while True:
            head, found, rest = self._buffer.partition(b"\r\n\r\n")
            if not found:
                return
            length = 0
            for line in head.split(b"\r\n")[1:]:
                if line[:15].lower() == b"content-length:":
                    length = int(line[15:])
            if len(rest) < length:
                return
            self._buffer = rest[length:]
            self._answer(head)

    def _answer(self, head: bytes) -> None:
        if head.startswith(b"POST"):
            self._counts.add("sms")
            body = b'{"sid": "SM%032x", "status": "queued"}' % next(_SIDS)
            status = b"201 Created"
        else:
            body = self._counts.as_json() if b" /counts" in head else b'{"messages": [], "next_page_uri": null}'
            status = b"200 OK"
        self._transport.write(
            b"HTTP/1.1 %s\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%s" % (status, len(body), body)
        )


class Smtp(asyncio.Protocol):
    """Just enough SMTP: every recipient is taken."""

    def __init__(self, counts: Counts) -> None:
        self._counts = counts
        self._buffer = b""
        self._data = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        transport.write(b"220 sink ESMTP\r\n")

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        while True:
            if self._data:
                _mail, found, rest = self._buffer.partition(b"\r\n.\r\n")
                if not found:
                    return
                self._buffer, self._data = rest, False
                self._counts.add("email")
                self._transport.write(b"250 2.0.0 taken\r\n")
                continue
            line, found, rest = self._buffer.partition(b"\r\n")
            if not found:
                return
            self._buffer = rest
            self._command(line[:4].upper())

    def _command(self, verb: bytes) -> None:
        if verb == b"EHLO":
            self._transport.write(b"250-sink\r\n250-8BITMIME\r\n250 SMTPUTF8\r\n")
        elif verb == b"DATA":
            self._data = True
            self._transport.write(b"354 go on\r\n")
        elif verb == b"QUIT":
            self._transport.write(b"221 2.0.0 bye\r\n")
            self._transport.close()
        else:
            self._transport.write(b"250 2.0.0 ok\r\n")


async def serve() -> None:
    counts = Counts()
    loop = asyncio.get_running_loop()
    http = await loop.create_server(lambda: Http(counts), "127.0.0.1", 0)
    smtp = await loop.create_server(lambda: Smtp(counts), "127.0.0.1", 0)
    ports = {"http": http.sockets[0].getsockname()[1], "smtp": smtp.sockets[0].getsockname()[1]}
    print(json.dumps(ports), flush=True)
    await asyncio.Event().wait()


if __name__ == "__main__":
    try:
        asyncio.run(serve())
    except KeyboardInterrupt:
        sys.exit(0)
