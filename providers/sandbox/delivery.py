"""What becomes of an SMS after it was taken: it waits in its sender's queue, leaves, arrives, and is reported."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Mapping
from urllib.parse import urldefrag

import aiohttp
from twilio.request_validator import RequestValidator

from providers.sandbox.mailbox import Sms, utc_now
from providers.sandbox.script import Behaviour, Step

# Twilio's own limits for `#rc=5&rp=all` (https://www.twilio.com/docs/usage/webhooks/webhooks-connection-overrides):
# at most 5 repeats and 15 seconds in all; without the fragment one repeat, of a failed connection only.
_MOST_RETRIES = 5
_TOTAL_SECONDS = 15.0


class Delivery:
    """The way of every taken SMS, as timers on the running loop.

    `segments_per_second`: the pace of one sender, 0 for no limit. `delivery_seconds`: from leaving to arriving.
    `retry_seconds`: the pause before a failed callback is repeated.
    """

    def __init__(
        self,
        auth_token: str,
        *,
        segments_per_second: float = 0.0,
        delivery_seconds: float = 0.05,
        retry_seconds: float = 0.2,
    ) -> None:
        self.segments_per_second = segments_per_second
        self.delivery_seconds = delivery_seconds
        self.retry_seconds = retry_seconds
        self._validator = RequestValidator(auth_token)
        self._free_at: dict[str, float] = {}
        self._session: aiohttp.ClientSession | None = None
        self._tasks: set[asyncio.Task[None]] = set()
        self._timers: set[asyncio.TimerHandle] = set()

    async def start(self) -> None:
        self._session = aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=16))

    async def stop(self) -> None:
        """Forget what is under way; nothing more is reported."""
        self.forget()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        if self._session is not None:
            await self._session.close()

    def forget(self) -> None:
        for timer in self._timers:
            timer.cancel()
        self._timers.clear()
        for task in self._tasks:
            task.cancel()
        self._free_at.clear()

    def enqueue(self, sms: Sms, step: Step) -> None:
        """Put a taken message into its sender's queue."""
        if step.behaviour is Behaviour.QUEUED:
            return
        now = asyncio.get_running_loop().time()
        leaves = max(now, self._free_at.get(sms.sender, 0.0))
        if self.segments_per_second:
            self._free_at[sms.sender] = leaves + sms.segments / self.segments_per_second
        self.at(leaves, lambda: self._leave(sms, step))

    def at(self, moment: float, work: Callable[[], Coroutine[None, None, None]]) -> None:
        """Begin this at that time of the loop, unless all is forgotten before."""
        loop = asyncio.get_running_loop()

        def begin() -> None:
            self._timers.discard(timer)
            task = loop.create_task(work())
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

        timer = loop.call_at(moment, begin)
        self._timers.add(timer)

    async def _leave(self, sms: Sms, step: Step) -> None:
        if sms.validity_seconds is not None and (utc_now() - sms.created).total_seconds() > sms.validity_seconds:
            await self._ends(sms, "failed", "30036", step)
            return
        sms.status, sms.date_sent = "sent", utc_now()
        if step.callbacks:
            await self._report(sms, "sent")
        await asyncio.sleep(self.delivery_seconds)
        if step.behaviour is Behaviour.UNDELIVERED:
            await self._ends(sms, "undelivered", step.code, step)
        else:
            await self._ends(sms, "delivered", "", step)

    async def _ends(self, sms: Sms, status: str, code: str, step: Step) -> None:
        sms.status = status
        sms.error_code = int(code) if code else None
        if step.callbacks:
            await self._report(sms, status)

    async def _report(self, sms: Sms, status: str) -> None:
        if not sms.callback_url:
            return
        form = {
            "AccountSid": sms.account_sid,
            "ApiVersion": "2010-04-01",
            "From": sms.sender,
            "MessageSid": sms.sid,
            "MessageStatus": status,
            "SmsSid": sms.sid,
            "SmsStatus": status,
            "To": sms.to,
        }
        if sms.error_code is not None:
            form["ErrorCode"] = str(sms.error_code)
        if await self.tell(sms.callback_url, form) is not None:
            sms.callbacks_sent += 1

    async def tell(self, address: str, form: Mapping[str, str]) -> str | None:
        """Post a callback, signed; repeat it as the fragment of its address asks for. What it was answered with; None
        when nobody took it."""
        if self._session is None:
            return None
        url, overrides = urldefrag(address)
        headers = self._signed(url, form)
        retries = retries_asked(overrides)
        loop = asyncio.get_running_loop()
        give_up = loop.time() + _TOTAL_SECONDS
        while True:
            try:
                timeout = aiohttp.ClientTimeout(total=max(0.1, give_up - loop.time()))
                async with self._session.post(url, data=form, headers=headers, timeout=timeout) as answer:
                    text = await answer.text()
                    if answer.status < 400:
                        return text
            except (aiohttp.ClientError, TimeoutError):
                pass  # the same as a bad answer: counted against the retries below
            if not retries or loop.time() + self.retry_seconds > give_up:
                return None
            retries -= 1
            await asyncio.sleep(self.retry_seconds)

    async def answer(self, url: str, form: Mapping[str, str]) -> tuple[int, str]:
        """Tell the webhook at `url` of an SMS that came in; the status of its answer, and the answer.

        Raises ClientError or TimeoutError when there is none.
        """
        assert self._session is not None
        timeout = aiohttp.ClientTimeout(total=_TOTAL_SECONDS)
        bare = urldefrag(url).url
        async with self._session.post(bare, data=form, headers=self._signed(bare, form), timeout=timeout) as answered:
            return answered.status, await answered.text()

    def _signed(self, url: str, form: Mapping[str, str]) -> dict[str, str]:
        return {"X-Twilio-Signature": self._validator.compute_signature(url, dict(form))}


def retries_asked(overrides: str) -> int:
    """How often the fragment of a callback address (`rc=5&rp=all`) asks for a repeat after a 5xx."""
    pairs = dict(pair.partition("=")[::2] for pair in overrides.split("&"))
    policies = pairs.get("rp", "ct").split(",")
    count = pairs.get("rc", "1")
    if not count.isdecimal() or not {"all", "5xx"}.intersection(policies):
        return 0
    return min(int(count), _MOST_RETRIES)
