"""Whatever is thrown at the application, it answers, and never with a fault of its own."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from typing import Any
from urllib.parse import urlencode

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from starlette.applications import Starlette
from starlette.types import Message

from config.database import Database
from portal.app import create_app
from tests.portal.serving import form_of, path_of, settings_with, signed

FORM = b"application/x-www-form-urlencoded"
quick = settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])


@pytest.fixture
def application(sqlite_database: Database, monkeypatch: pytest.MonkeyPatch) -> Iterator[Starlette]:
    yield create_app(settings_with(monkeypatch), sqlite_database)


def answer(
    app: Starlette,
    path: str,
    *,
    method: str = "POST",
    query: bytes = b"",
    chunks: list[bytes] | None = None,
    headers: dict[str, bytes] | None = None,
    leaves: bool = False,
) -> int:
    """The status of one request, straight through the application; an exception out of it fails the test."""
    parts = chunks or [b""]
    incoming: list[Message] = [
        {"type": "http.request", "body": part, "more_body": leaves or n + 1 < len(parts)}
        for n, part in enumerate(parts)
    ]
    incoming.append({"type": "http.disconnect"})
    sent: list[Message] = []

    async def receive() -> Message:
        return incoming.pop(0) if incoming else {"type": "http.disconnect"}

    async def send(message: Message) -> None:
        sent.append(message)

    scope: dict[str, Any] = {
        "type": "http",
        "asgi": {"version": "3.0"},
        "http_version": "1.1",
        "method": method,
        "scheme": "http",
        "path": path,
        "raw_path": path.encode("utf-8", "surrogatepass"),
        "query_string": query,
        "headers": [(name.lower().encode(), value) for name, value in (headers or {}).items()],
        "client": ("127.0.0.1", 1),
        "server": ("127.0.0.1", 80),
    }
    asyncio.run(app(scope, receive, send))
    status: int = sent[0]["status"]
    return status


@quick
@given(
    path=st.one_of(
        st.text(max_size=60).map(lambda text: "/" + text),
        st.builds("/callbacks/twilio/status/{}/{}".format, st.text(max_size=12), st.text(max_size=12)),
        st.builds(path_of, st.integers(), st.integers()),
    ),
    method=st.sampled_from(["GET", "POST", "HEAD", "PUT", "PATCH", "TRACE", "X"]),
)
def test_any_path(application: Starlette, path: str, method: str) -> None:
    assert answer(application, path, method=method) in (200, 403, 404, 405)


@quick
@given(
    chunks=st.lists(st.binary(max_size=20_000), max_size=4),
    query=st.binary(max_size=50),
    signature=st.binary(max_size=60),
    kind=st.one_of(st.just(FORM), st.binary(max_size=40)),
    length=st.one_of(st.just(b""), st.binary(max_size=8), st.integers().map(lambda n: str(n).encode())),
    leaves=st.booleans(),
)
def test_any_body_query_and_header(
    application: Starlette,
    chunks: list[bytes],
    query: bytes,
    signature: bytes,
    kind: bytes,
    length: bytes,
    leaves: bool,
) -> None:
    headers = {"X-Twilio-Signature": signature, "Content-Type": kind, "Content-Length": length}
    status = answer(application, path_of(1), query=query, chunks=chunks, headers=headers, leaves=leaves)
    assert status in (400, 403, 413)


texts = st.text(st.characters(exclude_categories=("Cs",)), max_size=40)


@quick
@given(
    more=st.dictionaries(texts, texts, max_size=5),
    status=st.one_of(st.sampled_from(["delivered", "failed", "sent"]), texts),
    code=st.one_of(st.none(), st.just(""), texts),
    sid=st.one_of(st.just("SM" + "a" * 32), texts),
    delivery_id=st.integers(0, 10**18 - 1),
    attempt=st.integers(0, 10**9 - 1),
)
def test_anything_that_twilio_itself_might_sign(
    application: Starlette,
    more: dict[str, str],
    status: str,
    code: str | None,
    sid: str,
    delivery_id: int,
    attempt: int,
) -> None:
    form = {**more, **form_of(sid, status, code)}
    headers = {name: value.encode() for name, value in signed(path_of(delivery_id, attempt), form).items()}
    body = urlencode(form).encode()
    answered = answer(application, path_of(delivery_id, attempt), chunks=[body[:7], body[7:]], headers=headers)
    assert answered in (204, 400)
    if sid == "SM" + "a" * 32 and status in ("delivered", "failed", "sent") and not code:
        assert answered == 204
