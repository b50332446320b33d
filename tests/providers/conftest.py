"""A sandbox for every test that asks, providers that point at it, and a server that answers raw bytes."""

from __future__ import annotations

import asyncio
import re
import socket
import time
from collections.abc import Callable, Iterator

import pytest

from providers.base import Channel, Message
from providers.sandbox.server import Sandbox

NUMBER = "+4799991234"
ADDRESS = "ola+test@skole.example"
TEXT = "Eksempel vgs: Skolen er låst."


@pytest.fixture
def sandbox() -> Iterator[Sandbox]:
    with Sandbox() as running:
        yield running


def sms(to: str = NUMBER, *, delivery_id: int = 7, attempt: int = 1, body: str = TEXT, validity: int = 600) -> Message:
    return Message(delivery_id, attempt, Channel.SMS, to, body, validity_seconds=validity)


def email(
    to: str = ADDRESS, *, delivery_id: int = 7, body: str = TEXT, subject: str = "Viktig", **more: object
) -> Message:
    return Message(delivery_id, 1, Channel.EMAIL, to, body, subject=subject, **more)  # type: ignore[arg-type]


def eventually(holds: Callable[[], bool], *, seconds: float = 10.0) -> None:
    """Wait until something observable is so; fails after `seconds`."""
    give_up = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < give_up, "it did not become so"
        time.sleep(0.01)


async def raw_server(answer: bytes) -> tuple[asyncio.Server, str]:
    """An HTTP server on loopback that reads a request and answers these bytes. Returns it and its base URL."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = await reader.readuntil(b"\r\n\r\n")
        found = re.search(rb"(?i)content-length: *(\d+)", head)
        length = int(found.group(1)) if found else 0
        await reader.readexactly(length)
        writer.write(answer)
        await writer.drain()
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    return server, f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"


def http_answer(status: int, body: bytes, *headers: str) -> bytes:
    lines = [f"HTTP/1.1 {status} Answer", f"Content-Length: {len(body)}", "Content-Type: application/json", *headers]
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + body


@pytest.fixture
def unused_port() -> int:
    """A port on which nothing listens."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port
