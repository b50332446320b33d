"""Creating a message or a call at Twilio: one request, how it ends, and where Twilio tells what became of it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from functools import partial
from typing import Any, Final

from providers.base import Accepted, Deferred, LookupFailed, Message, Outcome, Unknown
from providers.errors import own_outcome
from providers.twilio_calls import Lost, Negative, NotSent, TwilioCalls

# At most 5 repeats, after a time-out as after a 4xx or 5xx, so that a receipt outlives our own 503. The fragment is
# no part of the request nor of its signature.
# https://www.twilio.com/docs/usage/webhooks/webhooks-connection-overrides
CALLBACK_OVERRIDES: Final = "#rc=5&rp=all"
_BAD_CALLBACK = frozenset({"21205", "21609"})
_HEADERS = {"Content-Type": "application/x-www-form-urlencoded", "Accept": "application/json"}
# Seconds for which a refused callback address is left out, before it is tried again.
_CALLBACK_PAUSE = 60.0


def callback_url(base: str, name: str, what: str, message: Message) -> str:
    """Where Twilio tells `what` of an attempt. `base`: our public address; `name`: of the provider."""
    return f"{base}/callbacks/{name}/{what}/{message.delivery_id}/{message.attempt}{CALLBACK_OVERRIDES}"


class TwilioCreations:
    """What one account creates of one kind: `resource`, Messages or Calls. Without `callback_base_url` no callbacks."""

    def __init__(self, calls: TwilioCalls, account_sid: str, resource: str, callback_base_url: str) -> None:
        self._calls = calls
        self._account_sid = account_sid
        self._uri = f"/Accounts/{account_sid}/{resource}.json"
        self._callback_base_url = callback_base_url.rstrip("/")
        self._callback_paused_until = 0.0

    async def create(self, form_of: Callable[[str], dict[str, Any]]) -> Outcome:
        """`form_of` makes the form, given our public address, or nothing to leave callbacks out.

        A refused callback address does not stop it: it goes again without.
        """
        loop = asyncio.get_running_loop()
        deadline = loop.time() + self._calls.timeout_seconds
        base = self._callback_base_url if loop.time() >= self._callback_paused_until else ""
        outcome = await self._create(form_of(base), deadline)
        if base and isinstance(outcome, Deferred) and outcome.code in _BAD_CALLBACK:
            self._callback_paused_until = loop.time() + _CALLBACK_PAUSE
            outcome = await self._create(form_of(""), deadline)
        return outcome

    async def _create(self, form: dict[str, Any], deadline: float) -> Outcome:
        # One layer below the client's own `create_async`, which draws up thirty parameters that we do not send, and an
        # object of everything in the answer, of which we need the reference alone.
        create = partial(self._calls.client.api.v2010.create_async, "POST", self._uri, data=form, headers=_HEADERS)
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

    async def check(self) -> None:
        """Read the account: proves the address, the credentials, and that it is active. Raises LookupFailed."""
        account = await self._calls.ask(lambda: self._calls.client.api.v2010.accounts(self._account_sid).fetch_async())
        if account.status != "active":
            raise LookupFailed("account_not_active")
