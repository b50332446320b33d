"""The form that a request carries: read with a limit on size and time, blank fields kept, nothing guessed."""

from __future__ import annotations

import asyncio
from urllib.parse import parse_qsl

from starlette.datastructures import ImmutableMultiDict
from starlette.requests import ClientDisconnect, Request

FORM_TYPE = "application/x-www-form-urlencoded"
_READ_SECONDS = 10.0
_MOST_FIELDS = 200


class BadForm(Exception):  # noqa: N818 (an answer, no fault)
    """The body cannot be used. `status`: the HTTP status that says why. The text holds nothing of the body."""

    def __init__(self, status: int, reason: str) -> None:
        super().__init__(reason)
        self.status = status
        self.reason = reason


async def read_form(request: Request, most_bytes: int) -> ImmutableMultiDict[str, str]:
    """The fields of the body, each with all its values.

    Raises BadForm: 413 when it is longer than `most_bytes`, 408 when it does not come in time, else 400.
    """
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind != FORM_TYPE:
        raise BadForm(400, f"the content type must be {FORM_TYPE}")
    try:
        async with asyncio.timeout(_READ_SECONDS):
            body = await _read(request, most_bytes)
    except TimeoutError:
        raise BadForm(408, "the body did not come in time") from None
    except ClientDisconnect:
        raise BadForm(400, "the sender left before the end of the body") from None
    try:
        fields = parse_qsl(body.decode("utf-8"), keep_blank_values=True, errors="strict", max_num_fields=_MOST_FIELDS)
    except ValueError:  # UnicodeDecodeError is one, too
        raise BadForm(400, "the body is no form in UTF-8") from None
    return ImmutableMultiDict(fields)


async def _read(request: Request, most_bytes: int) -> bytes:
    length = request.headers.get("content-length", "")
    if length.isdecimal() and len(length) < 20 and int(length) > most_bytes:
        raise BadForm(413, "the body is too long")
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > most_bytes:
            raise BadForm(413, "the body is too long")
    return bytes(body)
