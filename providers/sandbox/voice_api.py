"""Twilio's Calls API, as far as the official client uses it, and what becomes of a call: it rings, somebody answers,
hears what the TwiML says, presses keys, and each key is told to the address that asked for it.
"""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Mapping
from functools import partial
from xml.etree.ElementTree import Element

from aiohttp import web
from defusedxml.ElementTree import ParseError, fromstring

from providers.sandbox.delivery import Delivery
from providers.sandbox.mailbox import Mailbox, PhoneCall, utc_now
from providers.sandbox.script import CALL as CALLED
from providers.sandbox.script import Behaviour, Script, Step
from providers.sandbox.twilio_api import (
    NOT_TAKEN,
    TwilioApi,
    answer,
    answer_taken,
    negative,
    page_of,
)

_LONGEST_TWIML = 4000
# How the calls end that nobody answers.
_UNANSWERED = {
    Behaviour.LINE_BUSY: "busy",
    Behaviour.NO_ANSWER: "no-answer",
    Behaviour.NOT_CONNECTED: "failed",
}


class VoiceApi:
    """The routes of calls. Who may ask, and how slowly it is answered, `api` says."""

    def __init__(self, api: TwilioApi, mailbox: Mailbox, script: Script, delivery: Delivery) -> None:
        self._api = api
        self._mailbox = mailbox
        self._script = script
        self._delivery = delivery

    def routes(self) -> list[web.RouteDef]:
        account = "/2010-04-01/Accounts/{account}"
        return [
            web.post(f"{account}/Calls.json", self._api.noted("create_call", self._create)),
            web.get(f"{account}/Calls.json", self._api.noted("list_calls", self._list)),
            web.get(f"{account}/Calls/{{sid}}.json", self._api.noted("fetch_call", self._fetch)),
        ]

    async def _create(self, request: web.Request) -> web.StreamResponse:
        wanted = await self._api.wanted(request, _fault_of, CALLED)
        if isinstance(wanted, web.Response):
            return wanted
        form, step = wanted
        call = PhoneCall(
            sid="CA" + secrets.token_hex(16),
            account_sid=self._api.account_sid,
            caller=form["From"],
            to=form["To"],
            twiml=form["Twiml"],
            created=utc_now(),
            callback_url=form.get("StatusCallback", ""),
            detects_machines=form.get("MachineDetection") in ("Enable", "DetectMessageEnd"),
        )
        self._mailbox.phone_calls[call.sid] = call
        if step.behaviour is not Behaviour.QUEUED:
            self._delivery.at(asyncio.get_running_loop().time(), partial(self._ring, call, step))
        return await answer_taken(request, call, step)

    async def _fetch(self, request: web.Request) -> web.Response:
        return await self._api.one_of(request, self._mailbox.phone_calls)

    async def _list(self, request: web.Request) -> web.Response:
        refused = await self._api.admit(request)
        if refused is not None:
            return refused
        step = self._script.next_step("list")
        if step.behaviour in NOT_TAKEN:
            return negative(step)
        query = dict(request.query)
        chosen = (
            call for call in reversed(list(self._mailbox.phone_calls.values())) if query.get("To", call.to) == call.to
        )
        path = f"/2010-04-01/Accounts/{self._api.account_sid}/Calls.json"
        return answer(200, page_of(chosen, query, path, "calls", self._api.most_per_page))

    async def _ring(self, call: PhoneCall, step: Step) -> None:
        call.status = "ringing"
        await asyncio.sleep(self._delivery.delivery_seconds)
        if step.behaviour in _UNANSWERED:
            await self._ends(call, _UNANSWERED[step.behaviour], step)
            return
        call.status = "in-progress"
        machine = step.behaviour is Behaviour.MACHINE
        if call.detects_machines:
            call.answered_by = "machine_start" if machine else "human"
        await self._talk(call, "" if machine else step.keys)
        await self._ends(call, "completed", step)

    async def _talk(self, call: PhoneCall, keys: str) -> None:
        """Say what the TwiML says. At a question a key is pressed, if there is one left, and what it is answered with
        is said next; without one the document goes on."""
        waiting, document = list(keys), _document(call.twiml)
        while document is not None:
            following: Element | None = None
            for verb in document:
                self._say(call, verb)
                if verb.tag == "Gather" and waiting:
                    key = waiting.pop(0)
                    call.keys += key
                    form = self._form(call) | {"Digits": key, "msg": "Gather End", "FinishedOnKey": ""}
                    told = await self._delivery.tell(verb.get("action", ""), form)
                    following = None if told is None else _document(told)
                    break
                if verb.tag == "Hangup":
                    return
            document = following

    def _say(self, call: PhoneCall, verb: Element) -> None:
        for said in (verb, *verb):
            if said.tag == "Say":
                call.words.append(said.text or "")
                call.languages.append(said.get("language", ""))

    async def _ends(self, call: PhoneCall, status: str, step: Step) -> None:
        call.status = status
        if not step.callbacks or not call.callback_url:
            return
        form = self._form(call) | {"CallbackSource": "call-progress-events", "SequenceNumber": "0"}
        if call.answered_by:
            form["AnsweredBy"] = call.answered_by
        if await self._delivery.tell(call.callback_url, form) is not None:
            call.callbacks_sent += 1

    def _form(self, call: PhoneCall) -> dict[str, str]:
        return {
            "AccountSid": call.account_sid,
            "ApiVersion": "2010-04-01",
            "CallSid": call.sid,
            "CallStatus": call.status,
            "Called": call.to,
            "Caller": call.caller,
            "Direction": "outbound-api",
            "From": call.caller,
            "To": call.to,
        }


def _document(twiml: str) -> Element | None:
    """The TwiML, or None where it is none: then Twilio says that an error has occurred, and hangs up."""
    try:
        document: Element = fromstring(twiml)
    except ParseError:
        return None
    return document


def _fault_of(form: Mapping[str, str]) -> tuple[str, str] | None:
    """What Twilio would find wrong with the form, as (code, message), or None."""
    if not form.get("To"):
        return "21201", "No 'To' number is specified"
    if not form.get("From"):
        return "21213", "'From' phone number is required"
    if not form["To"].startswith("+") or not form["To"][1:].isdecimal():
        return "21211", "The 'To' number is not a valid phone number."
    if not form["From"].startswith("+") or not form["From"][1:].isdecimal():
        return "21210", "The source phone number provided is not yet verified for your account."
    if not form.get("Twiml") or len(form["Twiml"]) > _LONGEST_TWIML or _document(form["Twiml"]) is None:
        return "21205", "Url is not a valid URL."
    callback = form.get("StatusCallback")
    if callback is not None and not callback.startswith(("http://", "https://")):
        return "21609", "The StatusCallback URL is not a valid URL."
    return None
