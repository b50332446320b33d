"""SMS through Twilio's Messages API, with the official client."""

from __future__ import annotations

from typing import Any

from config.sections import TwilioAccount
from providers.base import Channel, LookupFailed, LookupQuery, Message, Outcome, Receipt
from providers.errors import own_outcome
from providers.twilio_calls import TwilioCalls
from providers.twilio_create import TwilioCreations, callback_url
from providers.twilio_lookup import look_up, receipts

# The names under which attempts and receipts are kept, and callbacks come in: one for each account.
TWILIO, TWILIO_BACKUP = "twilio", "twilio_backup"
# Twilio takes 1 to 36,000 seconds (https://www.twilio.com/docs/api/errors/21624 and 30045).
LEAST_VALIDITY, MOST_VALIDITY = 1, 36_000


class TwilioSms:
    """One sender at Twilio; the contract is `providers.base.Provider`.

    One call has `timeout_seconds`. Waiting for a connection and the short retries of what was certainly not sent have
    as much again, so that an attempt ends within `call_seconds`, twice `timeout_seconds`.
    """

    channel = Channel.SMS
    can_look_up = True

    def __init__(
        self,
        *,
        account_sid: str,
        auth_token: str,
        sender: str,
        name: str = TWILIO,
        api_base_url: str = "",
        callback_base_url: str = "",
        timeout_seconds: float = 10.0,
        connections: int = 32,
    ) -> None:
        self.name = name
        self.call_seconds = 2 * timeout_seconds
        self._sender = sender
        self._configured = bool(account_sid and auth_token and sender)
        self._calls = TwilioCalls(
            # The client refuses empty credentials; nothing is sent with these.
            account_sid=account_sid or "none",
            auth_token=auth_token or "none",
            api_base_url=api_base_url,
            timeout_seconds=timeout_seconds,
            connections=connections,
        )
        self._creations = TwilioCreations(self._calls, account_sid, "Messages", callback_base_url)

    @classmethod
    def from_settings(
        cls, account: TwilioAccount, sender: str, *, name: str = TWILIO, callback_base_url: str = ""
    ) -> TwilioSms:
        """For one sender of one account: the sender of alerts, or that of routine messages.

        `callback_base_url`: the public address of `beredskap web`; empty: no callbacks are asked for.
        """
        return cls(
            account_sid=account.account_sid,
            auth_token=account.auth_token.get_secret_value(),
            sender=sender,
            name=name,
            api_base_url=account.api_base_url,
            callback_base_url=callback_base_url,
            timeout_seconds=account.timeout_seconds,
            connections=account.connections,
        )

    async def send(self, message: Message) -> Outcome:
        """Create the message at Twilio."""
        if not self._configured:
            return own_outcome("not_configured")
        return await self._creations.create(lambda base: self._form(message, base))

    def _form(self, message: Message, base: str) -> dict[str, Any]:
        form = {
            "To": message.to,
            "From": self._sender,
            "Body": message.body,
            "ValidityPeriod": max(LEAST_VALIDITY, min(int(message.validity_seconds), MOST_VALIDITY)),
        }
        return form | {"StatusCallback": callback_url(base, self.name, "status", message)} if base else form

    async def look_up(self, queries: list[LookupQuery], taken: frozenset[str]) -> dict[tuple[int, int], Receipt]:
        return await look_up(self._calls, self._sender, queries, taken)

    async def receipts(self, references: list[str]) -> list[Receipt]:
        return await receipts(self._calls, references)

    async def check(self) -> None:
        """Read the account: proves the address, the credentials, and that the account is active."""
        if not self._configured:
            raise LookupFailed("not_configured")
        await self._creations.check()

    async def close(self) -> None:
        await self._calls.close()
