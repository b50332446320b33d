"""What Twilio says about an accepted SMS, or a call: its status callback.

https://www.twilio.com/docs/messaging/guides/track-outbound-message-status
https://www.twilio.com/docs/voice/api/call-resource#statuscallback
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Final, TypeAlias

from starlette.datastructures import ImmutableMultiDict
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from dispatcher.outbox.receipts import Arrived
from portal.arrivals import Arrivals, NotStored
from portal.twilio_signature import NotBelieved, TwilioSignature, try_again
from providers.base import Receipt
from providers.twilio_call_status import call_receipt
from providers.twilio_lookup import receipt_status

Form: TypeAlias = ImmutableMultiDict[str, str]

# Deliveries count from 1: a callback for this one is checked as any other and stored nowhere. `beredskap doctor`
# proves by it that the public address and the signature are right.
PROBE_DELIVERY: Final = 0
# `provider`: the account that the message went through; each has a token of its own.
PATH: Final = "/callbacks/{provider}/status/{delivery_id}/{attempt}"

# What fits into the columns, without leading zeros: each delivery and attempt has one address.
DELIVERY_ID: Final = re.compile(r"0|[1-9][0-9]{0,17}")
ATTEMPT: Final = re.compile(r"0|[1-9][0-9]{0,8}")
SID: Final = re.compile(r"[A-Za-z]{2}[0-9A-Za-z]{1,62}")
_STATUS: Final = re.compile(r"[A-Za-z_-]{1,32}")
_CODE: Final = re.compile(r"[0-9]{0,10}")


def callback_url(base_url: str, provider: str, delivery_id: int, attempt: int) -> str:
    """The public address of one attempt's callback, as Twilio signs it."""
    return base_url.rstrip("/") + PATH.format(provider=provider, delivery_id=delivery_id, attempt=attempt)


class TwilioCallbacks:
    """The status callback of one account. `read`: what it says; None when it is no status."""

    def __init__(self, signature: TwilioSignature, arrivals: Arrivals, read: Callable[[Form], Receipt | None]) -> None:
        self._signature = signature
        self._arrivals = arrivals
        self._read = read

    def routes(self) -> list[Route]:
        path = PATH.replace("{provider}", self._arrivals.provider)
        return [Route(each, self._take, methods=["POST"]) for each in self._signature.paths(path)]

    def close(self) -> None:
        self._arrivals.close()

    async def _take(self, request: Request) -> Response:
        delivery_id, attempt = request.path_params["delivery_id"], request.path_params["attempt"]
        if not DELIVERY_ID.fullmatch(delivery_id) or not ATTEMPT.fullmatch(attempt):
            return PlainTextResponse("Not Found", 404)
        url = callback_url(self._signature.base_url, self._arrivals.provider, int(delivery_id), int(attempt))
        try:
            form = await self._signature.form(request, url)
        except NotBelieved as stranger:
            return stranger.response
        receipt = self._read(form)
        if receipt is None:
            return PlainTextResponse("no status of a message", 400)
        if int(delivery_id) == PROBE_DELIVERY:
            return Response(status_code=204)
        try:
            await self._arrivals.store(Arrived(receipt, int(delivery_id), int(attempt)))
        except NotStored:
            return try_again()
        return Response(status_code=204)


def receipt_of_sms(form: Form) -> Receipt | None:
    """What the callback says; None when it is no status of a message. Reads no number and no text."""
    sid, status, code = form.get("MessageSid", ""), form.get("MessageStatus", ""), form.get("ErrorCode", "")
    if not SID.fullmatch(sid) or not _STATUS.fullmatch(status) or not _CODE.fullmatch(code):
        return None
    return Receipt(sid, receipt_status(status.lower()), code)


def receipt_of_call(form: Form) -> Receipt | None:
    """The same of a call."""
    sid, status = form.get("CallSid", ""), form.get("CallStatus", "")
    if not SID.fullmatch(sid) or not _STATUS.fullmatch(status):
        return None
    return call_receipt(sid, status.lower(), form.get("AnsweredBy", ""))
