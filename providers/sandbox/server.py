"""The sandbox as a whole: Twilio's API, SMTP and the inspection on loopback ports, in a loop or a thread of its own."""

from __future__ import annotations

import asyncio
import ssl
import threading
from dataclasses import dataclass
from types import TracebackType

from aiohttp import web

from providers.sandbox.delivery import Delivery
from providers.sandbox.inspection import Inspection
from providers.sandbox.mailbox import Mailbox
from providers.sandbox.script import Script
from providers.sandbox.smtp import SmtpServer
from providers.sandbox.twilio_api import TwilioApi
from providers.sandbox.voice_api import VoiceApi

ACCOUNT_SID = "AC" + "0" * 31 + "1"
AUTH_TOKEN = "sandbox-token"  # noqa: S105 (opens nothing but the sandbox)


@dataclass(frozen=True, slots=True, kw_only=True)
class SandboxConfig:
    """How the sandbox is set up. Ports of 0 are chosen by the system; seconds and segments a second as named.

    `smtp_username` with `smtp_password` asks for a log-in; `tls_context` offers STARTTLS, or with `implicit_tls`
    speaks TLS from the first byte. `smtputf8`, `pipelining`: what the mail server announces.
    """

    host: str = "127.0.0.1"
    port: int = 0
    smtp_port: int = 0
    account_sid: str = ACCOUNT_SID
    auth_token: str = AUTH_TOKEN
    latency: float = 0.0
    segments_per_second: float = 0.0
    delivery_seconds: float = 0.05
    callback_retry_seconds: float = 0.2
    smtp_username: str = ""
    smtp_password: str = ""
    tls_context: ssl.SSLContext | None = None
    implicit_tls: bool = False
    smtputf8: bool = True
    pipelining: bool = True


class Sandbox:
    """A loopback provider. `async with` it in a loop, or `with` it from anywhere: then it has a thread of its own."""

    def __init__(self, config: SandboxConfig | None = None) -> None:
        self.config = config or SandboxConfig()
        self.mailbox = Mailbox()
        self.script = Script()
        self.delivery = Delivery(
            self.config.auth_token,
            segments_per_second=self.config.segments_per_second,
            delivery_seconds=self.config.delivery_seconds,
            retry_seconds=self.config.callback_retry_seconds,
        )
        self.api = TwilioApi(
            self.config.account_sid,
            self.config.auth_token,
            self.mailbox,
            self.script,
            self.delivery,
            latency=self.config.latency,
        )
        self.voice = VoiceApi(self.api, self.mailbox, self.script, self.delivery)
        self.smtp = SmtpServer(
            self.mailbox,
            self.script,
            username=self.config.smtp_username,
            password=self.config.smtp_password,
            tls_context=self.config.tls_context,
            implicit_tls=self.config.implicit_tls,
            smtputf8=self.config.smtputf8,
            pipelining=self.config.pipelining,
            latency=self.config.latency,
        )
        self.sms_url = ""
        self.smtp_port = 0
        self._runner: web.AppRunner | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._thread: threading.Thread | None = None
        self._stopping: asyncio.Event | None = None

    async def __aenter__(self) -> Sandbox:
        """Listen on both ports. Raises OSError when one is taken."""
        application = web.Application()
        inspection = Inspection(self.mailbox, self.script, self.delivery, self.api, self.smtp)
        application.add_routes([*self.api.routes(), *self.voice.routes(), *inspection.routes()])
        # The time-out cannot be 0: that is "for ever" to aiohttp, and a scripted hang would hold the sandbox.
        self._runner = web.AppRunner(application, access_log=None, shutdown_timeout=0.05, handler_cancellation=True)
        try:
            await self.delivery.start()
            await self._runner.setup()
            site = web.TCPSite(self._runner, self.config.host, self.config.port, backlog=1024)
            await site.start()
            self.smtp_port = await self.smtp.start(self.config.host, self.config.smtp_port)
        except BaseException:
            await self.__aexit__(None, None, None)
            raise
        port: int = self._runner.addresses[0][1]
        self.sms_url = f"http://{self.config.host}:{port}"
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.delivery.stop()
        await self.smtp.stop()
        if self._runner is not None:
            await self._runner.cleanup()

    def __enter__(self) -> Sandbox:
        started: threading.Event = threading.Event()
        failure: list[BaseException] = []

        async def serve() -> None:
            self._loop, self._stopping = asyncio.get_running_loop(), asyncio.Event()
            async with self:
                started.set()
                await self._stopping.wait()

        def run() -> None:
            try:
                asyncio.run(serve())
            except BaseException as error:  # noqa: BLE001 (handed to the thread that waits, which raises it)
                failure.append(error)
            finally:
                started.set()

        self._thread = threading.Thread(target=run, name="sandbox", daemon=True)
        self._thread.start()
        started.wait()
        if failure:
            raise failure[0]
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._loop is not None and self._stopping is not None and self._thread is not None:
            self._loop.call_soon_threadsafe(self._stopping.set)
            self._thread.join()

    def drop_connections(self) -> None:
        """Cut every open SMTP connection; callable from another thread."""
        assert self._loop is not None
        self._loop.call_soon_threadsafe(self.smtp.drop_connections)
