"""Calls of one register: with a token, within a time, and repeated where only the moment was wrong.

All of them are look-ups, so that each may be repeated. Identity numbers travel in bodies alone, never in an address;
nothing of an answer or of an exception's text is told, but a status and the register's own error code.
"""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from types import TracebackType
from typing import TYPE_CHECKING, Final

from config.spare_sections import RegisterSettings
from contacts.registers.maskinporten import TokenSource
from contacts.registers.register import Register, RegisterError, check_settings

if TYPE_CHECKING:
    from aiohttp import ClientResponse, ClientSession
    from tenacity import RetryCallState

_ATTEMPTS: Final = 4
_FIRST_WAIT: Final = 0.5
# A register that wants to be left alone for longer is asked another time.
_LONGEST_WAIT: Final = 60.0
# A thousand documents are some ten megabytes.
_LARGEST_ANSWER: Final = 128 * 1024 * 1024
_CODE: Final = re.compile(r"[A-Za-z0-9-]{1,20}")


@dataclass(frozen=True, slots=True)
class Reply:
    """What the register answered. `status`: 200, or one of those that the caller said it understands."""

    status: int
    body: bytes
    etag: str | None = None


class _TryAgain(Exception):  # noqa: N818 (no error for anybody but the loop around it)
    """It may go better the next time. `error`: what to say when it does not. `wait`: seconds, when they are named."""

    def __init__(self, error: RegisterError, wait: float | None = None) -> None:
        super().__init__()
        self.error = error
        self.wait = wait


class LiveRegister:
    """One register as this installation may ask it. Keeps its token from one round of calls to the next.

    `before_call` is called before each call, and before each portion of the answers is applied; what it raises ends the
    round.
    """

    def __init__(
        self, register: Register, settings: RegisterSettings, *, before_call: Callable[[], None] = lambda: None
    ) -> None:
        self.register = register
        self.settings = settings
        self.before_call = before_call
        self._tokens = TokenSource(register, settings)

    def ask(self, work: Callable[[Calls], Awaitable[None]]) -> None:
        """Do `work` with calls of this register, on an event loop of its own. Raises BeredskapError."""
        check_settings(self.register, self.settings)

        async def run() -> None:
            async with Calls(self, self._tokens) as calls:
                await work(calls)

        asyncio.run(run())


class Calls:
    """One round of calls, on kept connections. To be used with `async with`."""

    def __init__(self, live: LiveRegister, tokens: TokenSource) -> None:
        self._live = live
        self._register = live.register
        self._tokens = tokens
        self._http: ClientSession | None = None
        self._renewed = False

    async def __aenter__(self) -> Calls:
        from aiohttp import ClientSession, ClientTimeout

        self._http = ClientSession(timeout=ClientTimeout(total=self._live.settings.timeout_seconds))
        return self

    async def __aexit__(
        self, _kind: type[BaseException] | None, _error: BaseException | None, _trace: TracebackType | None
    ) -> None:
        if self._http is not None:
            await self._http.close()

    async def post(self, path: str, content: Mapping[str, object], *, query: Sequence[tuple[str, str]] = ()) -> Reply:
        """Ask with a JSON body. Raises BeredskapError when there is no answer with status 200."""
        body = json.dumps(content, separators=(",", ":")).encode()
        return await self._repeated("POST", path, query, {"Content-Type": "application/json"}, body)

    async def get(
        self,
        path: str,
        *,
        query: Sequence[tuple[str, str]] = (),
        etag: str | None = None,
        understood: tuple[int, ...] = (),
    ) -> Reply:
        """Ask without a body; `understood`: statuses other than 200 that are answers. Raises BeredskapError."""
        headers = {"If-None-Match": etag} if etag else {}
        return await self._repeated("GET", path, query, headers, None, understood)

    async def _repeated(
        self,
        method: str,
        path: str,
        query: Sequence[tuple[str, str]],
        headers: Mapping[str, str],
        body: bytes | None,
        understood: tuple[int, ...] = (),
    ) -> Reply:
        from tenacity import AsyncRetrying, retry_if_exception_type, stop_after_attempt

        try:
            async for attempt in AsyncRetrying(
                stop=stop_after_attempt(_ATTEMPTS),
                wait=_wait,
                retry=retry_if_exception_type(_TryAgain),
                reraise=True,
            ):
                with attempt:
                    self._live.before_call()
                    return await self._once(method, path, query, headers, body, understood)
        except _TryAgain as given_up:
            raise given_up.error from None
        raise AssertionError("every attempt ends with an answer or an exception")

    async def _once(
        self,
        method: str,
        path: str,
        query: Sequence[tuple[str, str]],
        headers: Mapping[str, str],
        body: bytes | None,
        understood: tuple[int, ...],
    ) -> Reply:
        from aiohttp import ClientError

        assert self._http is not None, "calls are made within `async with`"
        server = "Maskinporten"
        try:
            token = await self._tokens.token(self._http)
            server = self._register.name
            async with self._http.request(
                method,
                f"{self._live.settings.base_url}{path}",
                params=list(query),
                data=body,
                headers={"Accept": "application/json", "Authorization": f"Bearer {token}", **headers},
                allow_redirects=False,
            ) as answer:
                if answer.status == 200 or answer.status in understood:
                    return Reply(answer.status, await _whole(answer, self._register), answer.headers.get("ETag"))
                raise self._refused(answer, await answer.content.read(4096))
        except (ClientError, TimeoutError, OSError) as error:
            # The text of such an error names the address; its type says enough.
            name = server[0].upper() + server[1:]
            raise _TryAgain(
                RegisterError(
                    f"{name} does not answer ({type(error).__name__}).",
                    remedy="Try again later; look at the firewall, and at "
                    f"{self._register.section}.base_url and .token_url in the settings.",
                )
            ) from None

    def _refused(self, answer: ClientResponse, body: bytes) -> RegisterError | _TryAgain:
        """What an answer that is none means: an error, or a reason to ask again."""
        subject, status = self._register.subject, answer.status
        if status == 429:
            wait = _seconds(answer.headers.get("Retry-After"), self._register.retry_after_unit)
            error = RegisterError(
                f"{subject} is asked too often and wants to be left alone"
                + (f" for {wait:.0f} s." if wait and wait > 1 else "."),
                remedy="Try again later.",
            )
            return error if wait is not None and wait > _LONGEST_WAIT else _TryAgain(error, wait)
        told = f"status {status}" + _code(body)
        if status in (401, 403):
            error = RegisterError(
                f"{subject} does not let us in ({told}).",
                remedy=f"Check that {self._register.section}.scope is right and was granted.",
            )
            if status == 403 or self._renewed:
                return error
            # A token may end before its time, once.
            self._renewed = True
            self._tokens.forget()
            return _TryAgain(error, 0.0)
        error = RegisterError(
            f"{subject} did not answer what it was asked ({told}).",
            remedy="Try again later; if it goes on, ask whoever runs the register.",
        )
        return _TryAgain(error) if status >= 500 else error


def _wait(state: RetryCallState) -> float:
    error = state.outcome.exception() if state.outcome else None
    named = error.wait if isinstance(error, _TryAgain) else None
    return named if named is not None else _FIRST_WAIT * 2.0 ** (state.attempt_number - 1)


def _seconds(header: str | None, unit: float) -> float | None:
    """The Retry-After header in seconds; None when it is no number (a date is not documented for any register)."""
    if header is None or not re.fullmatch(r"[0-9]{1,12}", header.strip()):
        return None
    return int(header) * unit


def _code(body: bytes) -> str:
    """The register's own error code, `{"kode": "FREG-001", "melding": …}`; never its text."""
    try:
        told = json.loads(body)
    except (ValueError, RecursionError):
        return ""
    code = told.get("kode") if isinstance(told, dict) else None
    return f", {code}" if isinstance(code, str) and _CODE.fullmatch(code) else ""


async def _whole(answer: ClientResponse, register: Register) -> bytes:
    body = bytearray()
    async for chunk in answer.content.iter_chunked(1 << 16):
        body += chunk
        if len(body) > _LARGEST_ANSWER:
            raise RegisterError(
                f"{register.subject} gave an answer longer than any that was asked for.",
                remedy=f"Check {register.section}.base_url.",
            )
    return bytes(body)
