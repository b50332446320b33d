"""What Twilio calls is believed only with a valid signature over the exact public address and every field, blank ones
too.

https://www.twilio.com/docs/usage/webhooks/webhooks-security
"""

from __future__ import annotations

import asyncio
from typing import Final
from urllib.parse import urlsplit

import structlog
from starlette.datastructures import ImmutableMultiDict
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from twilio.request_validator import RequestValidator

from config.errors import UsageError
from config.sections import TwilioAccount
from portal.forms import BadForm, read_form

SIGNATURE_HEADER: Final = "X-Twilio-Signature"
# Twilio's calls have some 500 bytes, with the longest SMS some 6,000.
MOST_BYTES: Final = 32_768
RETRY_AFTER_SECONDS: Final = 5
# Seconds between two log lines of one kind about a stranger's calls: they shall not fill the disk.
_COMPLAINT_PAUSE: Final = 60.0

log = structlog.stdlib.get_logger(__name__)


class NotBelieved(Exception):  # noqa: N818 (an answer that the caller must expect)
    """The call is none of Twilio's, or cannot be read. `response`: what it is answered with."""

    def __init__(self, response: Response) -> None:
        super().__init__(response.status_code)
        self.response = response


class TwilioSignature:
    """The signature of one account. Without an auth token or a public address in the settings, all are refused."""

    def __init__(self, account: TwilioAccount, callback_base_url: str) -> None:
        """Raises UsageError when the public address in the settings is none."""
        self.base_url = callback_base_url.rstrip("/")
        self._prefix = _path_of(self.base_url)
        token = account.auth_token.get_secret_value()
        # An empty token would be a key that everybody knows.
        self._validator = RequestValidator(token) if token and self.base_url else None
        self._refused = Complaint("callbacks with a wrong signature were refused")

    def paths(self, path: str) -> list[str]:
        """Where `path` is called, also below the path of the public address: some proxies keep it, some cut it off."""
        return [path, self._prefix + path] if self._prefix else [path]

    async def form(self, request: Request, url: str) -> ImmutableMultiDict[str, str]:
        """The fields that Twilio sent to `url`, our public address as Twilio knows it, without the query.

        Raises NotBelieved when it was not Twilio, or the form cannot be read.
        """
        signature = request.headers.get(SIGNATURE_HEADER)
        # Asked before the body is read; the validator itself raises a TypeError without one.
        if self._validator is None or not signature:
            raise self._refuse()
        try:
            form = await read_form(request, MOST_BYTES)
        except BadForm as bad:
            raise NotBelieved(PlainTextResponse(bad.reason, bad.status)) from None
        # Never the Host header, which the caller writes.
        query = request.scope["query_string"].decode("latin-1")
        if not self._validator.validate(f"{url}?{query}" if query else url, form, signature):
            raise self._refuse()
        return form

    def _refuse(self) -> NotBelieved:
        self._refused.note()
        return NotBelieved(PlainTextResponse("Forbidden", 403))


class Complaint:
    """A warning in the log that comes at most once a minute, with the number of times that it was due."""

    def __init__(self, words: str) -> None:
        self._words = words
        self._count = 0
        self._made_at = float("-inf")

    def note(self) -> None:
        """It happened once more. Called in the event loop."""
        self._count += 1
        now = asyncio.get_running_loop().time()
        if now - self._made_at >= _COMPLAINT_PAUSE:
            log.warning(self._words, count=self._count)
            self._count, self._made_at = 0, now


def try_again() -> Response:
    """The answer when something could not be stored: Twilio shall send it again."""
    return PlainTextResponse("try again", 503, headers={"Retry-After": str(RETRY_AFTER_SECONDS)})


def _path_of(base_url: str) -> str:
    if not base_url:
        return ""
    try:
        parts = urlsplit(base_url)
        usable = parts.scheme in ("http", "https") and parts.hostname and (parts.port is None or parts.port > 0)
    except ValueError:
        usable = False
    if not usable or parts.query or parts.fragment or "{" in parts.path:
        raise UsageError(
            "The setting sms.callback_base_url is no web address.",
            remedy="Give the public address of beredskap web, for example https://varsling.eksempel.no.",
        )
    return parts.path
