"""Twilio's Messages API, as far as the official client uses it: create, fetch, list, and the account.

Kept as at Twilio: times have whole seconds, `date_sent` is null until the message has left (and such a message fails
every DateSent filter), lists are newest first, and a page names the next one in `next_page_uri`.
"""

from __future__ import annotations

import asyncio
import base64
import hmac
import itertools
import json
import secrets
import time
from collections.abc import Awaitable, Callable, Iterable, Mapping
from datetime import date
from typing import Protocol, TypeAlias
from urllib.parse import parse_qsl, urlencode

from aiohttp import web

from providers.errors import in_plain_words
from providers.sandbox.delivery import Delivery
from providers.sandbox.mailbox import ApiCall, Json, Mailbox, Sms, segment_count, utc_now
from providers.sandbox.script import Behaviour, Script, Step

NOT_TAKEN = frozenset({Behaviour.REFUSED, Behaviour.BUSY, Behaviour.ERROR_BEFORE})
# Longer than any client waits.
FOR_EVER = 3600.0
MOST_PER_PAGE = 1000
_LONGEST_TEXT = 1600
_VALIDITY = range(1, 36001)
CALL = web.RequestKey("call", ApiCall)

_Handler: TypeAlias = Callable[[web.Request], Awaitable[web.StreamResponse]]


class TwilioApi:
    """The routes below /2010-04-01. `latency`: seconds added to every answer. `most_per_page`: messages in one page of
    the list, however many are asked for."""

    def __init__(
        self,
        account_sid: str,
        auth_token: str,
        mailbox: Mailbox,
        script: Script,
        delivery: Delivery,
        *,
        latency: float = 0.0,
    ) -> None:
        self.account_sid = account_sid
        self.latency = latency
        self.most_per_page = MOST_PER_PAGE
        self._mailbox = mailbox
        self._script = script
        self._delivery = delivery
        credentials = base64.b64encode(f"{account_sid}:{auth_token}".encode()).decode()
        self._authorization = f"Basic {credentials}".encode()

    def routes(self) -> list[web.RouteDef]:
        account = "/2010-04-01/Accounts/{account}"
        return [
            web.get(f"{account}.json", self._account),
            web.post(f"{account}/Messages.json", self.noted("create", self._create)),
            web.get(f"{account}/Messages.json", self.noted("list", self._list)),
            web.get(f"{account}/Messages/{{sid}}.json", self.noted("fetch", self._fetch)),
        ]

    def noted(self, what: str, handler: _Handler) -> _Handler:
        """The handler, with a note of when it was called and how it answered."""

        async def handle(request: web.Request) -> web.StreamResponse:
            call = request[CALL] = ApiCall(what, began=time.monotonic())
            self._mailbox.calls.append(call)
            answered = await handler(request)
            call.ended, call.status = time.monotonic(), answered.status
            return answered

        return handle

    async def admit(self, request: web.Request) -> web.Response | None:
        """Count the request, wait out the latency, and answer here when the caller may not come in."""
        self._mailbox.requests += 1
        if self.latency:
            await asyncio.sleep(self.latency)
        given = request.headers.get("Authorization", "").encode()
        if not hmac.compare_digest(given, self._authorization):
            return error(401, "20003", "Authenticate")
        if request.match_info["account"] != self.account_sid:
            return error(404, "20404", "The requested resource was not found")
        return None

    async def _account(self, request: web.Request) -> web.Response:
        refused = await self.admit(request)
        if refused is not None:
            return refused
        return answer(200, {"sid": self.account_sid, "friendly_name": "Sandbox", "status": "active", "type": "Full"})

    async def wanted(
        self, request: web.Request, fault_of: Callable[[Mapping[str, str]], tuple[str, str] | None], whose: str = ""
    ) -> web.Response | tuple[dict[str, str], Step]:
        """What shall be created, and how that goes; or the answer, where it is not. `whose`: before the number, in the
        script."""
        body = await request.read()
        refused = await self.admit(request)
        if refused is not None:
            return refused
        form = dict(parse_qsl(body.decode(), keep_blank_values=True))
        fault = fault_of(form)
        if fault is not None:
            return error(400, *fault)
        request[CALL].to = form["To"]
        step = self._script.next_step(whose + form["To"])
        if step.behaviour is Behaviour.HANG_BEFORE:
            await asyncio.sleep(FOR_EVER)
        return negative(step) if step.behaviour in NOT_TAKEN else (form, step)

    async def one_of(self, request: web.Request, records: Mapping[str, Record]) -> web.Response:
        """The message or call that the path names."""
        refused = await self.admit(request)
        if refused is not None:
            return refused
        found = records.get(request.match_info["sid"])
        if found is None:
            return error(404, "20404", "The requested resource was not found")
        return answer(200, found.as_twilio())

    async def _create(self, request: web.Request) -> web.StreamResponse:
        wanted = await self.wanted(request, _fault_of)
        if isinstance(wanted, web.Response):
            return wanted
        form, step = wanted
        return await answer_taken(request, self._take(form, step), step)

    def _take(self, form: Mapping[str, str], step: Step) -> Sms:
        validity = form.get("ValidityPeriod")
        sms = Sms(
            sid="SM" + secrets.token_hex(16),
            account_sid=self.account_sid,
            sender=form["From"],
            to=form["To"],
            body=form["Body"],
            created=utc_now(),
            callback_url=form.get("StatusCallback", ""),
            validity_seconds=int(validity) if validity else None,
            segments=segment_count(form["Body"]),
        )
        self._mailbox.add_sms(sms)
        self._delivery.enqueue(sms, step)
        return sms

    async def _fetch(self, request: web.Request) -> web.Response:
        return await self.one_of(request, self._mailbox.sms)

    async def _list(self, request: web.Request) -> web.Response:
        refused = await self.admit(request)
        if refused is not None:
            return refused
        step = self._script.next_step("list")
        if step.behaviour in NOT_TAKEN:
            return negative(step)
        if step.behaviour is Behaviour.HANG:
            await asyncio.sleep(FOR_EVER)
        query = dict(request.query)
        request[CALL].to = query.get("To", "")
        newest_first = reversed(
            self._mailbox.by_number.get(query["To"], []) if "To" in query else list(self._mailbox.sms.values())
        )
        path = f"/2010-04-01/Accounts/{self.account_sid}/Messages.json"
        chosen = (sms for sms in newest_first if _passes(sms, query))
        return answer(200, page_of(chosen, query, path, "messages", self.most_per_page))


class Record(Protocol):
    """What the lists hold: a message, or a call."""

    @property
    def sid(self) -> str: ...
    def as_twilio(self) -> dict[str, Json]: ...


def page_of(
    chosen: Iterable[Record], query: Mapping[str, str], path: str, name: str, most_per_page: int
) -> dict[str, Json]:
    """One page of a list, newest first, and the address of the next one."""
    size = max(1, min(int(query.get("PageSize", "50")), most_per_page))
    number = int(query.get("Page", "0"))
    if "PageToken" in query:
        # The page after the record that the token names, whatever has arrived since.
        chosen = _after(chosen, query["PageToken"].removeprefix("PA"))
    page = list(itertools.islice(chosen, size + 1))
    more, page = len(page) > size, page[:size]
    filters = {key: value for key, value in query.items() if key not in ("Page", "PageToken", "PageSize")}

    def uri(page_number: int, token: str = "") -> str:
        parts = {**filters, "PageSize": str(size), "Page": str(page_number)}
        return f"{path}?{urlencode(parts | ({'PageToken': token} if token else {}))}"

    return {
        name: [record.as_twilio() for record in page],
        "page": number,
        "page_size": size,
        "start": number * size,
        "end": number * size + max(0, len(page) - 1),
        "uri": uri(number, query.get("PageToken", "")),
        "first_page_uri": uri(0),
        "next_page_uri": uri(number + 1, f"PA{page[-1].sid}") if more else None,
        "previous_page_uri": None,
    }


def _after(records: Iterable[Record], sid: str) -> Iterable[Record]:
    rest = itertools.dropwhile(lambda record: record.sid != sid, records)
    return itertools.islice(rest, 1, None)


def _passes(sms: Sms, query: Mapping[str, str]) -> bool:
    if query.get("From", sms.sender) != sms.sender:
        return False
    for name, compare in (("DateSent", 0), ("DateSent<", -1), ("DateSent>", 1)):
        if name in query:
            if sms.date_sent is None:
                return False
            day, wanted = sms.date_sent.date(), date.fromisoformat(query[name][:10])
            if (day > wanted) - (day < wanted) not in (0, compare):
                return False
    return True


def _fault_of(form: Mapping[str, str]) -> tuple[str, str] | None:
    """What Twilio would find wrong with the form, as (code, message), or None."""
    if not form.get("To"):
        return "21604", "A 'To' phone number is required."
    if not form.get("From"):
        return "21603", "A 'From' phone number is required."
    if not form.get("Body"):
        return "21602", "Message body is required."
    if not form["To"].startswith("+") or not form["To"][1:].isdecimal():
        return "21211", "The 'To' number is not a valid phone number."
    if len(form["Body"]) > _LONGEST_TEXT:
        return "21617", "The concatenated message body exceeds the 1600 character limit."
    callback = form.get("StatusCallback")
    if callback is not None and (not callback.startswith(("http://", "https://")) or "_" in callback.split("/")[2]):
        return "21609", "The StatusCallback URL is not a valid URL."
    validity = form.get("ValidityPeriod")
    if validity is not None and (not validity.isdecimal() or int(validity) not in _VALIDITY):
        return "21624", "The ValidityPeriod is not valid."
    return None


def negative(step: Step) -> web.Response:
    if step.behaviour is Behaviour.BUSY:
        return error(429, step.code or "20429", "Too Many Requests", {"Retry-After": f"{step.seconds:g}"})
    if step.behaviour is Behaviour.ERROR_BEFORE:
        return error(500, step.code or "20500", "An internal server error has occurred")
    return error(step.status, step.code, in_plain_words(step.code))


async def answer_taken(request: web.Request, taken: Record, step: Step) -> web.StreamResponse:
    """Answer for a message or a call that is in the queue, well or badly."""
    if step.behaviour is Behaviour.ERROR_AFTER:
        return error(500, step.code or "20500", "An internal server error has occurred")
    if step.behaviour is Behaviour.HANG:
        await asyncio.sleep(FOR_EVER)
    if step.behaviour is Behaviour.SLOW:
        await asyncio.sleep(step.seconds)
    if step.behaviour is Behaviour.MALFORMED:
        return web.Response(status=201, body=b'{"sid": "SM', content_type="application/json")
    if step.behaviour in (Behaviour.CUT, Behaviour.CUT_SILENT):
        if request.transport is not None:
            if step.behaviour is Behaviour.CUT:
                request.transport.write(b'HTTP/1.1 201 Created\r\nContent-Length: 900\r\n\r\n{"sid": "SM')
            request.transport.close()
        return web.Response(status=201)
    return answer(201, taken.as_twilio())


def answer(status: int, body: Mapping[str, Json], headers: Mapping[str, str] | None = None) -> web.Response:
    return web.Response(status=status, body=json.dumps(body).encode(), content_type="application/json", headers=headers)


def error(status: int, code: str, message: str, headers: Mapping[str, str] | None = None) -> web.Response:
    body: dict[str, Json] = {
        "code": int(code),
        "message": message,
        "more_info": f"https://www.twilio.com/docs/errors/{code}",
        "status": status,
    }
    return answer(status, body, headers)
