"""What Twilio says about an accepted SMS: its status callback, believed only with a valid signature.

https://www.twilio.com/docs/usage/webhooks/webhooks-security · https://www.twilio.com/docs/messaging/guides/track-outbound-message-status
"""

from __future__ import annotations

import asyncio
import re
from typing import Final
from urllib.parse import urlsplit

import structlog
from starlette.datastructures import ImmutableMultiDict
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route
from twilio.request_validator import RequestValidator

from config.errors import UsageError
from config.sections import TwilioAccount
from dispatcher.outbox.receipts import Arrived
from portal.arrivals import Arrivals, NotStored
from portal.forms import BadForm, read_form
from providers.base import Receipt
from providers.twilio_lookup import receipt_status

# Deliveries count from 1: a callback for this one is checked as any other and stored nowhere. `beredskap doctor`
# proves by it that the public address and the signature are right.
PROBE_DELIVERY: Final = 0
SIGNATURE_HEADER: Final = "X-Twilio-Signature"
# `provider`: the account that the message went through; each has a token of its own.
PATH: Final = "/callbacks/{provider}/status/{delivery_id}/{attempt}"
# Twilio's callbacks have some 500 bytes.
MOST_BYTES: Final = 32_768
RETRY_AFTER_SECONDS: Final = 5

# What fits into the columns, without leading zeros: each delivery and attempt has one address.
_DELIVERY_ID: Final = re.compile(r"0|[1-9][0-9]{0,17}")
_ATTEMPT: Final = re.compile(r"0|[1-9][0-9]{0,8}")
_SID: Final = re.compile(r"[A-Za-z]{2}[0-9A-Za-z]{1,62}")
_STATUS: Final = re.compile(r"[A-Za-z_-]{1,32}")
_CODE: Final = re.compile(r"[0-9]{0,10}")
# Seconds between two log lines about refused signatures: a stranger shall not fill the disk.
_COMPLAINT_PAUSE: Final = 60.0

log = structlog.stdlib.get_logger(__name__)


def callback_url(base_url: str, provider: str, delivery_id: int, attempt: int) -> str:
    """The public address of one attempt's callback, as Twilio signs it."""
    return base_url.rstrip("/") + PATH.format(provider=provider, delivery_id=delivery_id, attempt=attempt)


class TwilioCallbacks:
    """The status callback of one account. Without an auth token or a public address in the settings, every call is
    refused."""

    def __init__(self, account: TwilioAccount, callback_base_url: str, arrivals: Arrivals) -> None:
        """Raises UsageError when the public address in the settings is none."""
        self._base_url = callback_base_url.rstrip("/")
        self._prefix = _path_of(self._base_url)
        token = account.auth_token.get_secret_value()
        # An empty token would be a key that everybody knows.
        self._validator = RequestValidator(token) if token and self._base_url else None
        self._arrivals = arrivals
        self._refused = 0
        self._complained_at = float("-inf")

    def routes(self) -> list[Route]:
        """The callback's route, also below the path of the public address: some proxies keep it, some cut it off."""
        path = PATH.replace("{provider}", self._arrivals.provider)
        paths = [path, self._prefix + path] if self._prefix else [path]
        return [Route(path, self._take, methods=["POST"]) for path in paths]

    async def _take(self, request: Request) -> Response:
        delivery_id, attempt = request.path_params["delivery_id"], request.path_params["attempt"]
        if not _DELIVERY_ID.fullmatch(delivery_id) or not _ATTEMPT.fullmatch(attempt):
            return PlainTextResponse("Not Found", 404)
        signature = request.headers.get(SIGNATURE_HEADER)
        # Asked before the body is read; the validator itself raises a TypeError without one.
        if self._validator is None or not signature:
            return self._refuse()
        try:
            form = await read_form(request, MOST_BYTES)
        except BadForm as bad:
            return PlainTextResponse(bad.reason, bad.status)
        if not self._validator.validate(self._public_url(request, int(delivery_id), int(attempt)), form, signature):
            return self._refuse()
        receipt = _receipt(form)
        if receipt is None:
            return PlainTextResponse("no status of a message", 400)
        if int(delivery_id) == PROBE_DELIVERY:
            return Response(status_code=204)
        try:
            await self._arrivals.store(Arrived(receipt, int(delivery_id), int(attempt)))
        except NotStored:
            return PlainTextResponse("try again", 503, headers={"Retry-After": str(RETRY_AFTER_SECONDS)})
        return Response(status_code=204)

    def _public_url(self, request: Request, delivery_id: int, attempt: int) -> str:
        """The address that Twilio called. Never made from the Host header, which the caller writes."""
        url = callback_url(self._base_url, self._arrivals.provider, delivery_id, attempt)
        query = request.scope["query_string"].decode("latin-1")
        return f"{url}?{query}" if query else url

    def _refuse(self) -> Response:
        self._refused += 1
        now = asyncio.get_running_loop().time()
        if now - self._complained_at >= _COMPLAINT_PAUSE:
            log.warning("callbacks with a wrong signature were refused", count=self._refused)
            self._refused, self._complained_at = 0, now
        return PlainTextResponse("Forbidden", 403)


def _receipt(form: ImmutableMultiDict[str, str]) -> Receipt | None:
    """What the callback says; None when it is no status of a message. Reads no number and no text."""
    sid, status, code = form.get("MessageSid", ""), form.get("MessageStatus", ""), form.get("ErrorCode", "")
    if not _SID.fullmatch(sid) or not _STATUS.fullmatch(status) or not _CODE.fullmatch(code):
        return None
    return Receipt(sid, receipt_status(status.lower()), code)


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
