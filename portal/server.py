"""The web server as an object: bound to its port, run in the main thread or in another one, stopped from anywhere."""

from __future__ import annotations

import contextlib
import socket
import threading
from collections.abc import Iterator
from typing import TYPE_CHECKING

import uvicorn

from config.database import Database
from config.errors import UsageError
from config.set_aside import SetAside, usable
from config.settings import Settings
from portal.app import create_app

if TYPE_CHECKING:
    from dispatcher.metering.exposed import Metrics

# Seconds that answers under way have at the end; a receipt is answered within five.
_GRACE = 10
_BACKLOG = 4096


class _Server(uvicorn.Server):
    """Ends what would go on for as long as somebody watches, before it waits for answers under way."""

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        self.config.app.state.end_streams()  # type: ignore[union-attr]
        await super().shutdown(sockets)


class WebServer:
    """Listens from its making on; answers while `run` runs; `serving` runs it in a thread."""

    def __init__(self, server: uvicorn.Server, listening: socket.socket) -> None:
        self._server = server
        self._socket = listening
        host, port = listening.getsockname()[:2]
        self.port: int = port
        self.url = f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"

    @property
    def started(self) -> bool:
        """True once requests are answered."""
        return self._server.started

    def run(self) -> None:
        """Serve until `stop`, and answer what is under way. In the main thread SIGTERM and SIGINT stop it, too, and are
        raised again at the end."""
        try:
            self._server.run(sockets=[self._socket])
        finally:
            self._socket.close()

    def stop(self) -> None:
        """Ask `run` to end; callable from any thread and from a signal handler."""
        self._server.should_exit = True


def create_server(
    settings: Settings,
    database: Database,
    *,
    host: str | None = None,
    port: int | None = None,
    metrics: Metrics | None = None,
) -> WebServer:
    """A server on `host` and `port`, by default those of the settings; port 0 lets the system choose.

    Raises UsageError when that address cannot be had, or the settings that would give it cannot be used. The caller
    sets up the logging and disposes of the database.
    """
    host = usable(settings.web).host if host is None else host
    port = usable(settings.web).port if port is None else port
    config = uvicorn.Config(
        create_app(settings, database, metrics),
        loop="asyncio",
        http="h11",
        ws="none",
        lifespan="on",
        log_config=None,
        access_log=False,
        server_header=False,
        # Whoever calls back proves it by a signature. Log-ins are counted by where they come from.
        proxy_headers=True,
        forwarded_allow_ips=_proxies(settings),
        backlog=_BACKLOG,
        timeout_graceful_shutdown=_GRACE,
    )
    return WebServer(_Server(config), _listen(host, port))


def _proxies(settings: Settings) -> list[str]:
    return [] if isinstance(settings.portal, SetAside) else list(settings.portal.trusted_proxies)


def _listen(host: str, port: int) -> socket.socket:
    try:
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        return socket.create_server((host, port), family=family, backlog=_BACKLOG)
    except (OSError, OverflowError) as error:
        reason = getattr(error, "strerror", None) or "there is no such port"
        raise UsageError(
            f"The web server cannot listen at {host}:{port}: {reason}.",
            unchanged="Nothing was started.",
            remedy="Stop what listens there, or choose another address with --host and --port.",
        ) from None


@contextlib.contextmanager
def serving(server: WebServer) -> Iterator[WebServer]:
    """Serve in a thread beside other work, and stop at its end."""
    thread = threading.Thread(target=server.run, name="web", daemon=True)
    thread.start()
    try:
        yield server
    finally:
        server.stop()
        thread.join(timeout=_GRACE)
