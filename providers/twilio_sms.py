"""SMS through Twilio's Messages API, with the official client."""

from __future__ import annotations

import asyncio
from functools import partial
from typing import Any

from config.sections import TwilioAccount
from providers.base import Accepted, Channel, Deferred, LookupFailed, LookupQuery, Message, Outcome, Receipt, Unknown
from providers.errors import own_outcome
from providers.twilio_calls import Lost, Negative, NotSent, TwilioCalls
from providers.twilio_lookup import look_up, receipts

# The names under which attempts and receipts are kept, and callbacks come in: one for each account.
TWILIO, TWILIO_BACKUP = "twilio", "twilio_backup"
# Twilio takes 1 to 36,000 seconds (https://www.twilio.com/docs/api/errors/21624 and 30045).
LEAST_VALIDITY, MOST_VALIDITY = 1, 36_000
# At most 5 repeats, after a time-out as after a 4xx or 5xx, so that a receipt outlives our own 503. The fragment is
# no part of the request nor of its signature.
# https://www.twilio.com/docs/usage/webhooks/webhooks-connection-overrides
CALLBACK_OVERRIDES = "#rc=5&rp=all"
_BAD_CALLBACK = "21609"
_HEADERS = {"Content-Type": "application/x-www-form-urlencoded", "Accept": "application/json"}
# Seconds for which a refused callback address is left out, before it is tried again.
_CALLBACK_PAUSE = 60.0


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
        self._account_sid = account_sid
        self._messages_uri = f"/Accounts/{account_sid}/Messages.json"
        self._configured = bool(account_sid and auth_token and sender)
        self._callback_base_url = callback_base_url.rstrip("/")
        self._callback_paused_until = 0.0
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
        """Create the message at Twilio. A refused callback address does not stop it: it goes again without."""
        if not self._configured:
            return own_outcome("not_configured")
        loop = asyncio.get_running_loop()
        deadline = loop.time() + self._calls.timeout_seconds
        callback = self._callback_url(message, loop.time())
        outcome = await self._create(message, callback, deadline)
        if callback and isinstance(outcome, Deferred) and outcome.code == _BAD_CALLBACK:
            self._callback_paused_until = loop.time() + _CALLBACK_PAUSE
            outcome = await self._create(message, "", deadline)
        return outcome

    def _callback_url(self, message: Message, now: float) -> str:
        if not self._callback_base_url or now < self._callback_paused_until:
            return ""
        path = f"/callbacks/{self.name}/status/{message.delivery_id}/{message.attempt}"
        return f"{self._callback_base_url}{path}{CALLBACK_OVERRIDES}"

    async def _create(self, message: Message, callback: str, deadline: float) -> Outcome:
        form: dict[str, Any] = {
            "To": message.to,
            "From": self._sender,
            "Body": message.body,
            "ValidityPeriod": max(LEAST_VALIDITY, min(int(message.validity_seconds), MOST_VALIDITY)),
        }
        if callback:
            form["StatusCallback"] = callback
        # One layer below `messages.create_async`, which draws up thirty parameters that we do not send, and an object
        # of everything in the answer, of which we need the reference alone.
        create = partial(
            self._calls.client.api.v2010.create_async, "POST", self._messages_uri, data=form, headers=_HEADERS
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
        return await look_up(self._calls, self._sender, queries, taken)

    async def receipts(self, references: list[str]) -> list[Receipt]:
        return await receipts(self._calls, references)

    async def check(self) -> None:
        """Read the account: proves the address, the credentials, and that the account is active."""
        if not self._configured:
            raise LookupFailed("not_configured")
        account = await self._calls.ask(lambda: self._calls.client.api.v2010.accounts(self._account_sid).fetch_async())
        if account.status != "active":
            raise LookupFailed("account_not_active")

    async def close(self) -> None:
        await self._calls.close()
