"""Looking into the sandbox and telling it how to behave: a page for people, JSON for programs."""

from __future__ import annotations

import secrets
from html import escape

import aiohttp
from aiohttp import web

from providers.sandbox.delivery import Delivery
from providers.sandbox.mailbox import Json, Mailbox, segment_count
from providers.sandbox.script import Behaviour, Script, Step
from providers.sandbox.smtp import SmtpServer
from providers.sandbox.twilio_api import TwilioApi, answer

_NEWEST_SHOWN = 200
_WISHES = {
    "to",
    "stage",
    "latency",
    "segments_per_second",
    "delivery_seconds",
    "most_per_page",
    "mails_per_connection",
}
_PAGE = """<!DOCTYPE html>
<html lang="en"><head><meta charset="utf-8"><title>Sandbox: what arrived</title>
<style>body{{font:16px/1.5 sans-serif;margin:2rem}}table{{border-collapse:collapse}}
td,th{{border:1px solid #767676;padding:.25rem .5rem;text-align:left;vertical-align:top}}
td.text{{white-space:pre-wrap;max-width:40rem}}</style></head>
<body><h1>Sandbox: what arrived</h1>
<p>{sms} SMS, {email} e-mails, {voice} calls, {doubled} taken more than once. The newest {shown} of each:</p>
<h2>SMS</h2><table><tr><th>created<th>from<th>to<th>status<th>code<th>text</tr>{sms_rows}</table>
<h2>Calls</h2><table><tr><th>created<th>from<th>to<th>status<th>keys<th>said</tr>{call_rows}</table>
<h2>E-mail</h2><table><tr><th>received<th>to<th>Message-ID<th>source</tr>{mail_rows}</table>
</body></html>
"""


class Inspection:
    """The routes `/` and `/sandbox/…`."""

    def __init__(self, mailbox: Mailbox, script: Script, delivery: Delivery, api: TwilioApi, smtp: SmtpServer) -> None:
        self._mailbox = mailbox
        self._script = script
        self._delivery = delivery
        self._api = api
        self._smtp = smtp

    def routes(self) -> list[web.RouteDef]:
        return [
            web.get("/", self._page),
            web.get("/sandbox/messages", self._messages),
            web.delete("/sandbox/messages", self._reset),
            web.get("/sandbox/counts", self._counts),
            web.get("/sandbox/calls", self._calls),
            web.post("/sandbox/script", self._set),
            web.post("/sandbox/answers", self._answer),
        ]

    async def _page(self, request: web.Request) -> web.Response:
        counts = self._mailbox.counts()
        doubled = counts["doubled"]
        sms_rows = "".join(
            f"<tr><td>{one.created:%H:%M:%S}<td>{escape(one.sender)}<td>{escape(one.to)}<td>{escape(one.status)}"
            f'<td>{one.error_code or ""}<td class="text">{escape(one.body)}</tr>'
            for one in reversed(list(self._mailbox.sms.values())[-_NEWEST_SHOWN:])
        )
        mail_rows = "".join(
            f"<tr><td>{one.received:%H:%M:%S}<td>{escape(', '.join(one.recipients))}<td>{escape(one.message_id)}"
            f'<td class="text">{escape(one.data.decode("utf-8", "replace"))}</tr>'
            for one in reversed(self._mailbox.mails[-_NEWEST_SHOWN:])
        )
        call_rows = "".join(
            f"<tr><td>{one.created:%H:%M:%S}<td>{escape(one.caller)}<td>{escape(one.to)}<td>{escape(one.status)}"
            f'<td>{escape(one.keys)}<td class="text">{escape(" ".join(one.words))}</tr>'
            for one in reversed(list(self._mailbox.phone_calls.values())[-_NEWEST_SHOWN:])
        )
        text = _PAGE.format(
            sms=counts["sms"],
            email=counts["email"],
            voice=counts["voice"],
            call_rows=call_rows,
            doubled=len(doubled) if isinstance(doubled, dict) else 0,
            shown=_NEWEST_SHOWN,
            sms_rows=sms_rows,
            mail_rows=mail_rows,
        )
        return web.Response(text=text, content_type="text/html")

    async def _messages(self, request: web.Request) -> web.Response:
        """Everything that arrived, oldest first; `?to=` narrows it to one number or address."""
        to = request.query.get("to")
        sms: list[Json] = [one.as_seen() for one in self._mailbox.sms.values() if to in (None, one.to)]
        mails: list[Json] = [one.as_seen() for one in self._mailbox.mails if to is None or to in one.recipients]
        voice: list[Json] = [one.as_seen() for one in self._mailbox.phone_calls.values() if to in (None, one.to)]
        return answer(200, {"sms": sms, "email": mails, "voice": voice})

    async def _counts(self, request: web.Request) -> web.Response:
        return answer(200, self._mailbox.counts())

    async def _calls(self, request: web.Request) -> web.Response:
        """Every request to the API with its times, in the order in which they came."""
        calls: list[Json] = [one.as_seen() for one in self._mailbox.calls]
        return answer(200, {"calls": calls})

    async def _reset(self, request: web.Request) -> web.Response:
        """Forget all messages and overrides."""
        self._delivery.forget()
        self._mailbox.clear()
        self._script.reset()
        return answer(200, {"reset": True})

    async def _answer(self, request: web.Request) -> web.Response:
        """Play an SMS that somebody sends to one of the numbers, and say what the program replied.

        {"from": "+4799990001", "body": "STOPP", "url": "http://127.0.0.1:8080/callbacks/twilio/answers"}
        "to": the number that is answered; without it the sender of the last SMS to "from". "sid": to send one again;
        "opt_out_type": as Twilio sets it where it has words of its own.
        """
        try:
            wish = await request.json()
            sender, url = str(wish["from"]), str(wish["url"])
            earlier = self._mailbox.by_number.get(sender, [])
            to = str(wish.get("to") or (earlier[-1].sender if earlier else ""))
            sid = str(wish.get("sid") or f"SM{secrets.token_hex(16)}")
            form = inbound_form(self._api.account_sid, sid, sender, to, str(wish["body"]))
            form |= {"OptOutType": str(wish["opt_out_type"])} if "opt_out_type" in wish else {}
            status, reply = await self._delivery.answer(url, form)
        except (ValueError, KeyError, TypeError, AttributeError):
            return answer(400, {"error": "not an answer; see providers/sandbox/inspection.py"})
        except (aiohttp.ClientError, TimeoutError):
            return answer(502, {"error": "nobody answers at that address"})
        return answer(200, {"status": status, "reply": reply, "sid": sid})

    async def _set(self, request: web.Request) -> web.Response:
        """Change the behaviour: of an address, of an SMTP stage, or of the whole sandbox.

        {"to": "+4799990001", "behaviour": "busy", "times": 2, "seconds": 1}   ("to": "*" for all, "list" for the list)
        {"to": "call:+4799990001", "behaviour": "delivered", "keys": "12"}     ("call:*" for all that are called)
        {"stage": "mail", "reply": "451 4.3.0 Try again", "times": 1}          (connect, ehlo, login or mail)
        {"latency": 0.3, "segments_per_second": 10, "delivery_seconds": 2}
        {"most_per_page": 50, "mails_per_connection": 10}
        """
        try:
            wish = await request.json()
            self._apply(wish)
        except (ValueError, KeyError, TypeError, AttributeError):
            return answer(400, {"error": "not a behaviour; see providers/sandbox/inspection.py"})
        return answer(200, {"set": True})

    def _apply(self, wish: dict[str, Json]) -> None:
        """Raises one of the errors that `_set` answers with 400 when the wish is none."""
        if not wish.keys() & _WISHES:
            raise ValueError("nothing is wished for")
        if "to" in wish:
            step = Step(
                Behaviour(str(wish["behaviour"])),
                times=int(str(wish.get("times", 0))),
                code=str(wish.get("code", "")),
                status=int(str(wish.get("status", 400))),
                seconds=float(str(wish.get("seconds", 1.0))),
                callbacks=bool(wish.get("callbacks", True)),
                keys=str(wish.get("keys", "2")),
            )
            self._script.override(str(wish["to"]), step)
        if "stage" in wish:
            self._script.fail_stage(str(wish["stage"]), str(wish["reply"]), int(str(wish.get("times", 1))))
        if "latency" in wish:
            self._api.latency = float(str(wish["latency"]))
        if "segments_per_second" in wish:
            self._delivery.segments_per_second = float(str(wish["segments_per_second"]))
        if "delivery_seconds" in wish:
            self._delivery.delivery_seconds = float(str(wish["delivery_seconds"]))
        if "most_per_page" in wish:
            self._api.most_per_page = int(str(wish["most_per_page"]))
        if "mails_per_connection" in wish:
            self._smtp.mails_per_connection = int(str(wish["mails_per_connection"]))


def inbound_form(account_sid: str, sid: str, sender: str, to: str, body: str) -> dict[str, str]:
    """What Twilio tells of an SMS that came in; blank fields too, as it sends them."""
    places = {f"{end}{what}": "" for end in ("From", "To") for what in ("City", "State", "Zip")}
    return places | {
        "AccountSid": account_sid,
        "ApiVersion": "2010-04-01",
        "Body": body,
        "From": sender,
        "FromCountry": "NO",
        "MessageSid": sid,
        "NumMedia": "0",
        "NumSegments": str(segment_count(body)),
        "SmsMessageSid": sid,
        "SmsSid": sid,
        "SmsStatus": "received",
        "To": to,
        "ToCountry": "NO",
    }
