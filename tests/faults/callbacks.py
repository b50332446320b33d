"""Status callbacks as a provider posts them: signed, in the order and number that a test wants."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Sequence
from dataclasses import dataclass
from urllib.error import URLError
from urllib.parse import urldefrag
from urllib.request import urlopen

import aiohttp
from twilio.request_validator import RequestValidator

from providers.sandbox.server import ACCOUNT_SID, AUTH_TOKEN
from tests.services.processes import Running
from tests.services.server import free_port
from tests.services.waiting import eventually
from tests.whole.conftest import Installation

_VALIDATOR = RequestValidator(AUTH_TOKEN)


@dataclass(frozen=True, slots=True)
class Callback:
    """One callback: where to, about which message, and what it says."""

    url: str
    sid: str
    status: str
    code: str = ""

    def form(self) -> dict[str, str]:
        form = {"AccountSid": ACCOUNT_SID, "MessageSid": self.sid, "MessageStatus": self.status, "To": "+4790000001"}
        return form | ({"ErrorCode": self.code} if self.code else {})


def take_callbacks(installation: Installation) -> str:
    """Let the installation take callbacks at a port of its own; its public address."""
    port = free_port()
    url = f"http://127.0.0.1:{port}"
    installation.set("web", port=port)
    installation.set("sms", callback_base_url=url)
    return url


def start_web(installation: Installation) -> Running:
    """`beredskap web`, which answers by the time this returns."""
    web = installation.start("web")
    eventually(lambda: healthy(installation), 30, what="web answers")
    return web


def healthy(installation: Installation) -> bool:
    """Whether `beredskap web` answers, and has its database."""
    try:
        with urlopen(f"{installation.settings['sms']['callback_base_url']}/healthz", timeout=10) as answer:
            health = json.load(answer)
    except URLError:
        return False
    return health == {"up": True, "database": True}


def callback_of(sms: dict[str, str], status: str, code: str = "") -> Callback:
    """What the sandbox would post about a message that it has, as it shows it."""
    return Callback(urldefrag(sms["callback_url"]).url, sms["sid"], status, code)


def post(callbacks: Sequence[Callback], *, at_once: int = 1) -> list[int]:
    """Post them, so many at a time, each begun in its order; the statuses of the answers."""

    async def one(session: aiohttp.ClientSession, room: asyncio.Semaphore, callback: Callback) -> int:
        form = callback.form()
        headers = {"X-Twilio-Signature": _VALIDATOR.compute_signature(callback.url, form)}
        async with room, session.post(callback.url, data=form, headers=headers) as answer:
            await answer.read()
            return answer.status

    async def all_of_them() -> list[int]:
        room = asyncio.Semaphore(at_once)
        async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0)) as session:
            return await asyncio.gather(*(one(session, room, callback) for callback in callbacks))

    return asyncio.run(all_of_them())
