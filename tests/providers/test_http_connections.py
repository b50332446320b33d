"""The HTTP connections under Twilio's client: whole answers however they are cut, and nothing mixed up."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from providers.http_connections import Answer, BadAnswerError, HttpConnections, Origin, split_url

OK = b"HTTP/1.1 201 Created\r\nContent-Length: 2\r\nRetry-After: 7\r\n\r\n{}"
REQUEST = b"GET / HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n"


async def _with_server(
    handle: Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]],
    work: Callable[[HttpConnections, Origin], Awaitable[None]],
) -> None:
    server = await asyncio.start_server(handle, "127.0.0.1", 0)
    pool = HttpConnections()
    try:
        async with asyncio.timeout(10):
            await work(pool, Origin("127.0.0.1", server.sockets[0].getsockname()[1], tls=False))
    finally:
        await pool.close()
        server.close()


def _exchange(pieces: Sequence[bytes], *, then_close: bool = False) -> Answer | Exception:
    """What comes of a request that is answered with these pieces."""
    result: list[Answer | Exception] = []

    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        for piece in pieces:
            writer.write(piece)
            await writer.drain()
            await asyncio.sleep(0)
        if then_close:
            writer.close()

    async def work(pool: HttpConnections, origin: Origin) -> None:
        connection = await pool.take(origin)
        try:
            result.append(await connection.ask(REQUEST))
        except (OSError, BadAnswerError) as error:
            result.append(error)
        assert connection.open or not isinstance(result[0], Answer) or then_close

    asyncio.run(_with_server(handle, work))
    return result[0]


@given(st.lists(st.integers(1, len(OK) - 1), max_size=4))
def test_an_answer_is_whole_however_it_is_cut(cuts: list[int]) -> None:
    places = [0, *sorted(set(cuts)), len(OK)]
    pieces = [OK[start:end] for start, end in pairwise(places)]
    answer = _exchange(pieces)
    assert isinstance(answer, Answer)
    assert (answer.status, answer.body, answer.headers["retry-after"]) == (201, b"{}", "7")


@given(st.binary(min_size=1, max_size=60))
def test_whatever_a_server_says_ends_in_an_answer_or_an_error(nonsense: bytes) -> None:
    assert isinstance(_exchange([nonsense], then_close=True), (Answer, OSError, BadAnswerError))


@pytest.mark.parametrize(
    ("said", "expected"),
    [
        (b"HTTP/1.1 100 Continue\r\n\r\n" + OK, 201),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n", 200),
        (b"HTTP/1.1 302 Found\r\nLocation: http://127.0.0.1:1/\r\nContent-Length: 0\r\n\r\n", 302),
        (b"220 mail.example ESMTP\r\n", BadAnswerError),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n{}", ConnectionResetError),
    ],
)
def test_answers_of_many_kinds(said: bytes, expected: int | type[Exception]) -> None:
    answer = _exchange([said], then_close=expected is ConnectionResetError)
    assert (answer.status if isinstance(answer, Answer) else type(answer)) == expected


def test_a_connection_is_used_again_and_never_after_it_was_left_unanswered() -> None:
    opened = 0

    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal opened
        opened += 1
        while head := await reader.readline():
            await reader.readuntil(b"\r\n\r\n")
            if b"/slow" in head:
                continue
            writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n" + head.split()[1].ljust(5)[:5])
        writer.close()

    async def work(pool: HttpConnections, origin: Origin) -> None:
        async def ask(path: str) -> bytes:
            connection = await pool.take(origin)
            try:
                answer = await connection.ask(REQUEST.replace(b"GET /", f"GET {path}".encode()))
            except BaseException:
                connection.close()
                raise
            pool.give_back(origin, connection)
            return answer.body

        assert [await ask("/one"), await ask("/two")] == [b"/one ", b"/two "]
        assert opened == 1
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.05):
                await ask("/slow")
        assert await ask("/new") == b"/new "
        assert opened == 2

    asyncio.run(_with_server(handle, work))


def test_what_is_said_without_a_question_ends_the_connection() -> None:
    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(OK)
        await writer.drain()
        writer.write(OK)

    async def work(pool: HttpConnections, origin: Origin) -> None:
        connection = await pool.take(origin)
        assert (await connection.ask(REQUEST)).status == 201
        pool.give_back(origin, connection)
        while connection.open:
            await asyncio.sleep(0)
        assert await pool.take(origin) is not connection

    asyncio.run(_with_server(handle, work))


@pytest.mark.parametrize(
    ("url", "host_header", "target"),
    [
        ("https://api.twilio.com/2010/x.json", "api.twilio.com", "/2010/x.json"),
        ("http://127.0.0.1:8080?a=1", "127.0.0.1:8080", "/?a=1"),
        ("https://[::1]:443/x", "[::1]", "/x"),
    ],
)
def test_addresses(url: str, host_header: str, target: str) -> None:
    origin, found = split_url(url)
    assert (origin.host_header, found) == (host_header, target)


@pytest.mark.parametrize("url", ["ftp://example.com/", "/relative", "https://"])
def test_no_address(url: str) -> None:
    with pytest.raises(ValueError, match="no http or https address"):
        split_url(url)
