"""Calls through Twilio's Calls API that read a message aloud, with the official client."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

from config.sections import TwilioAccount, VoiceSettings
from providers.base import Accepted, Channel, Deferred, LookupFailed, LookupQuery, Message, Outcome, Receipt, Unknown
from providers.errors import own_outcome
from providers.spoken import VoiceWords
from providers.twilio_call_status import call_receipt
from providers.twilio_calls import Lost, Negative, NotSent, TwilioCalls
from providers.twilio_lookup import Found, Records, look_up, receipts
from providers.twilio_sms import CALLBACK_OVERRIDES
from providers.twilio_voice_words import message_twiml

# The name under which attempts, receipts and confirmations are kept, and callbacks come in.
TWILIO_VOICE = "twilio_voice"
_BAD_CALLBACK = frozenset({"21205", "21609"})
_HEADERS = {"Content-Type": "application/x-www-form-urlencoded", "Accept": "application/json"}
# Seconds for which a refused callback address is left out, before it is tried again.
_CALLBACK_PAUSE = 60.0


class TwilioVoice:
    """One caller at Twilio; the contract is `providers.base.Provider`. A call is taken when Twilio has it in its queue.

    The words go with the call, so that it needs nothing of ours to be said; only to hear which key was pressed Twilio
    asks our portal. Without a public address there is no key, and no call is ever confirmed.
    """

    channel = Channel.VOICE
    can_look_up = True

    def __init__(
        self,
        *,
        account_sid: str,
        auth_token: str,
        caller: str,
        words: Mapping[str, VoiceWords],
        name: str = TWILIO_VOICE,
        api_base_url: str = "",
        callback_base_url: str = "",
        timeout_seconds: float = 10.0,
        connections: int = 8,
        ring_seconds: int = 40,
        detect_machines: bool = False,
    ) -> None:
        self.name = name
        self.call_seconds = 2 * timeout_seconds
        self.connections = connections
        self._caller = caller
        self._words = words
        self._account_sid = account_sid
        self._calls_uri = f"/Accounts/{account_sid}/Calls.json"
        self._configured = bool(account_sid and auth_token and caller)
        self._callback_base_url = callback_base_url.rstrip("/")
        self._callback_paused_until = 0.0
        self._ring_seconds = ring_seconds
        self._detect_machines = detect_machines
        self._calls = TwilioCalls(
            # The client refuses empty credentials; nothing is sent with these.
            account_sid=account_sid or "none",
            auth_token=auth_token or "none",
            api_base_url=api_base_url,
            timeout_seconds=timeout_seconds,
            connections=connections,
        )

    @classmethod
    def from_settings(
        cls, account: TwilioAccount, voice: VoiceSettings, words: Mapping[str, VoiceWords], *, callback_base_url: str
    ) -> TwilioVoice:
        """By the account that sends SMS. `callback_base_url`: the public address of `beredskap web`, or empty."""
        return cls(
            account_sid=account.account_sid,
            auth_token=account.auth_token.get_secret_value(),
            caller=voice.caller,
            words=words,
            api_base_url=account.api_base_url,
            callback_base_url=callback_base_url,
            timeout_seconds=account.timeout_seconds,
            ring_seconds=voice.ring_seconds,
            detect_machines=voice.detect_machines,
        )

    async def send(self, message: Message) -> Outcome:
        """Have Twilio call. A refused callback address does not stop it: it calls again without."""
        if not self._configured:
            return own_outcome("not_configured")
        loop = asyncio.get_running_loop()
        deadline = loop.time() + self._calls.timeout_seconds
        base = self._callback_base_url if loop.time() >= self._callback_paused_until else ""
        outcome = await self._create(message, base, deadline)
        if base and isinstance(outcome, Deferred) and outcome.code in _BAD_CALLBACK:
            self._callback_paused_until = loop.time() + _CALLBACK_PAUSE
            outcome = await self._create(message, "", deadline)
        return outcome

    async def _create(self, message: Message, base: str, deadline: float) -> Outcome:
        of = f"{message.delivery_id}/{message.attempt}"
        action = f"{base}/callbacks/{self.name}/keys/{of}{CALLBACK_OVERRIDES}" if base else ""
        form: dict[str, Any] = {
            "To": message.to,
            "From": self._caller,
            "Twiml": message_twiml(message.body, message.language, self._words, action),
            "Timeout": self._ring_seconds,
        }
        if base:
            # Told once, at the end: whether anybody picked up on the way changes nothing.
            form["StatusCallback"] = f"{base}/callbacks/{self.name}/status/{of}{CALLBACK_OVERRIDES}"
        if self._detect_machines:
            form["MachineDetection"] = "Enable"
        create = partial(
            self._calls.client.api.v2010.create_async, "POST", self._calls_uri, data=form, headers=_HEADERS
        )
        try:
            taken = await self._calls.call(create, deadline=deadline)
        except NotSent as not_sent:
            return own_outcome(not_sent.code)
        except Lost as lost:
            return Unknown(lost.code)
        except Negative as negative:
            return negative.outcome
        except UnicodeEncodeError:
            # A text that no encoding can carry. Not raised: the exception holds the text.
            return own_outcome("poison")
        reference = taken.get("sid") if isinstance(taken, dict) else None
        return Accepted(reference) if reference and isinstance(reference, str) else Unknown("bad_answer")

    async def look_up(self, queries: list[LookupQuery], taken: frozenset[str]) -> dict[tuple[int, int], Receipt]:
        """By caller, number and time: what a call said, Twilio does not keep."""
        wordless = [replace(query, body="") for query in queries]
        return await look_up(self._calls, self._caller, wordless, taken, CALLS)

    async def receipts(self, references: list[str]) -> list[Receipt]:
        return await receipts(self._calls, references, CALLS)

    async def check(self) -> None:
        """Read the account: proves the address, the credentials, and that the account is active."""
        if not self._configured:
            raise LookupFailed("not_configured")
        account = await self._calls.ask(lambda: self._calls.client.api.v2010.accounts(self._account_sid).fetch_async())
        if account.status != "active":
            raise LookupFailed("account_not_active")

    async def close(self) -> None:
        await self._calls.close()


@dataclass(frozen=True, slots=True, repr=False)
class FoundCall(Found):
    """One call that Twilio has. `error_code`: by whom it was answered, where it knows."""

    def receipt(self) -> Receipt:
        return call_receipt(self.reference, self.status, self.error_code)


def _found(call: Any) -> Found:
    if not call.sid:
        raise ValueError("a call without a SID")
    return FoundCall(
        reference=call.sid,
        to=call.to or "",
        sender=call._from or "",
        body="",
        created=call.date_created,
        status=call.status or "",
        error_code=call.answered_by or "",
    )


CALLS = Records(lambda client: client.calls, _found)
