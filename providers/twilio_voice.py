"""Calls through Twilio's Calls API that read a message aloud, with the official client."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from config.sections import TwilioAccount
from config.spare_sections import VoiceSettings
from providers.base import Channel, LookupFailed, LookupQuery, Message, Outcome, Receipt
from providers.errors import own_outcome
from providers.spoken import VoiceWords
from providers.twilio_call_status import call_receipt
from providers.twilio_calls import TwilioCalls
from providers.twilio_create import TwilioCreations, callback_url
from providers.twilio_lookup import Found, Records, look_up, receipts
from providers.twilio_voice_words import message_twiml

# The name under which attempts, receipts and confirmations are kept, and callbacks come in.
TWILIO_VOICE = "twilio_voice"


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
        self._configured = bool(account_sid and auth_token and caller)
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
        self._creations = TwilioCreations(self._calls, account_sid, "Calls", callback_base_url)

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
        """Have Twilio call."""
        if not self._configured:
            return own_outcome("not_configured")
        return await self._creations.create(lambda base: self._form(message, base))

    def _form(self, message: Message, base: str) -> dict[str, Any]:
        action = callback_url(base, self.name, "keys", message) if base else ""
        form: dict[str, Any] = {
            "To": message.to,
            "From": self._caller,
            "Twiml": message_twiml(message.body, message.language, self._words, action),
            "Timeout": self._ring_seconds,
        }
        if base:
            # Told once, at the end: whether anybody picked up on the way changes nothing.
            form["StatusCallback"] = callback_url(base, self.name, "status", message)
        if self._detect_machines:
            form["MachineDetection"] = "Enable"
        return form

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
        await self._creations.check()

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
