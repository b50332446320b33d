"""One call to Twilio through the official client, and how it ended: before, during or after the request left."""

from __future__ import annotations

import asyncio
import json
import socket
import ssl
from collections.abc import Awaitable, Callable
from typing import Any, TypeVar

from tenacity import AsyncRetrying, retry_if_exception, stop_after_attempt, wait_exponential_jitter
from twilio.base.exceptions import TwilioException, TwilioRestException, TwilioServiceException
from twilio.rest import Client

from providers.base import Deferred, LookupFailed
from providers.errors import twilio_outcome
from providers.http_connections import BadAnswerError
from providers.twilio_http import Call, KeptTwilioHttpClient, current_call

T = TypeVar("T")
_CONNECT_TRIES = 3
_FIRST_WAIT = 0.05
_TOO_MANY = 429
# Whatever the provider names: a wrong number there must not keep every look-up away for a day.
_LONGEST_QUIET = 300.0


class NotSent(Exception):  # noqa: N818 (one of the ways a call ends)
    """The call ended before a byte of the request could leave. `again`: it may go well in a moment."""

    def __init__(self, code: str, *, again: bool = False) -> None:
        super().__init__(code)
        self.code = code
        self.again = again


class Lost(Exception):  # noqa: N818 (one of the ways a call ends)
    """The request may have left, and no usable answer came."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


class Negative(Exception):  # noqa: N818 (one of the ways a call ends)
    """Twilio answered, and not with success. `outcome`: what that means for the creation of a message."""

    def __init__(self, status: int, code: int | str | None, retry_after: float | None) -> None:
        super().__init__(str(status))
        self.status = status
        self.outcome = twilio_outcome(status, code, retry_after)


class TwilioCalls:
    """The official client over pooled connections.

    A call has `timeout_seconds`. Waiting for a free connection, and the short retries of what was certainly not sent,
    begin no later than `timeout_seconds` after the start: `call` ends within twice that.
    """

    def __init__(
        self, *, account_sid: str, auth_token: str, api_base_url: str, timeout_seconds: float, connections: int
    ) -> None:
        self.timeout_seconds = timeout_seconds
        self._slots = asyncio.Semaphore(connections)
        self._quiet_until = 0.0
        self._quiet_code = ""
        self._http = KeptTwilioHttpClient()
        # With an empty environment the library reads the process's own, and TWILIO_EDGE or TWILIO_REGION there would
        # be put into the host name. Another region has an api_base_url of its own.
        self.client = Client(account_sid, auth_token, http_client=self._http, environment={"BEREDSKAP": "1"})
        if api_base_url:
            self.client.api.base_url = api_base_url.rstrip("/")

    async def call(self, work: Callable[[], Awaitable[T]], *, deadline: float | None = None) -> T:
        """Run `work`, one request by the client. Raises NotSent, Lost or Negative.

        `deadline`: the loop's time until which the request may begin.
        """
        loop = asyncio.get_running_loop()
        until = loop.time() + self.timeout_seconds if deadline is None else deadline
        if loop.time() >= until:
            raise NotSent("too_busy")
        await self._slot(until)
        try:
            try:
                return await self._once(work)
            except NotSent as failed:
                if not failed.again or loop.time() >= until:
                    raise
            return await self._again(work, until)
        finally:
            self._slots.release()

    async def _slot(self, until: float) -> None:
        """Room for one more call. Raises NotSent when there is none before `until`."""
        if not self._slots.locked():
            await self._slots.acquire()  # at once: no timer is needed
            return
        try:
            async with asyncio.timeout_at(until):
                await self._slots.acquire()
        except TimeoutError:
            raise NotSent("too_busy") from None

    async def _again(self, work: Callable[[], Awaitable[T]], until: float) -> T:
        """The short retries of a call for which there was no connection."""
        loop = asyncio.get_running_loop()
        retrying = AsyncRetrying(
            retry=retry_if_exception(lambda error: isinstance(error, NotSent) and error.again and loop.time() < until),
            stop=stop_after_attempt(_CONNECT_TRIES - 1),
            wait=wait_exponential_jitter(multiplier=0.1, max=0.5, jitter=0.05),
            reraise=True,
        )
        await asyncio.sleep(_FIRST_WAIT)
        return await retrying(self._once, work)

    async def ask(self, work: Callable[[], Awaitable[T]]) -> T:
        """Run a read-only call. Raises LookupFailed, which carries neither URL nor answer.

        After a 429 nothing more is asked, about whatever, before the time is over that Twilio named.
        """
        quiet = self._quiet_until - asyncio.get_running_loop().time()
        if quiet > 0:
            raise LookupFailed(self._quiet_code, quiet)
        try:
            return await self.call(work)
        except (NotSent, Lost) as failed:
            code, retry_after = failed.code, None
        except Negative as negative:
            code = negative.outcome.code
            retry_after = negative.outcome.retry_after if isinstance(negative.outcome, Deferred) else None
            if negative.status == _TOO_MANY and retry_after is not None:
                self._quiet_code = code
                self._quiet_until = asyncio.get_running_loop().time() + min(retry_after, _LONGEST_QUIET)
        # Raised outside the handler: the chained exception would hold the URL, and that a phone number.
        raise LookupFailed(code, retry_after)

    async def close(self) -> None:
        await self._http.close()

    async def _once(self, work: Callable[[], Awaitable[T]]) -> T:
        call = Call()
        token = current_call.set(call)
        try:
            async with asyncio.timeout(self.timeout_seconds):
                return await work()
        except TimeoutError:
            raise (Lost("read_timeout") if call.begun else NotSent("connect_timeout")) from None
        except (TwilioRestException, TwilioServiceException) as error:
            raise Negative(error.status, error.code, call.retry_after) from None
        except TwilioException as error:
            raise _page_failure(error, call) from None
        except OSError as error:
            raise (Lost("connection_lost") if call.begun else _not_connected(error)) from None
        except BadAnswerError:
            raise Lost("bad_answer") from None
        except (ValueError, KeyError, TypeError, AttributeError):
            # From the client, which reads the answer without checking it; before the request, a fault of the message.
            if call.begun:
                raise Lost("bad_answer") from None
            raise
        except Exception:
            if call.begun:
                raise Lost("unexpected") from None
            raise
        finally:
            current_call.reset(token)


def _not_connected(error: Exception) -> NotSent:
    if isinstance(error, ssl.SSLError):
        return NotSent("tls_failed")
    if isinstance(error, socket.gaierror):
        return NotSent("name_not_found", again=True)
    return NotSent("connect_refused", again=True)


def _page_failure(error: Any, call: Call) -> Exception:
    """The library raises a bare TwilioException for a page that is not 200, with the answer as its second argument."""
    answer = error.args[1] if len(error.args) > 1 else None
    if answer is None:
        return Lost("bad_answer") if call.begun else NotSent("connect_refused")
    try:
        code = json.loads(answer.text).get("code")
    except (ValueError, AttributeError):
        code = None
    return Negative(answer.status_code, code, call.retry_after)
