"""What `/metrics` says, and to whom; and a small listener for processes that have no web server of their own."""

from __future__ import annotations

import contextlib
import hmac
import socket
import socketserver
import threading
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, Final
from wsgiref.simple_server import WSGIRequestHandler, WSGIServer
from wsgiref.types import StartResponse, WSGIEnvironment

import structlog
from prometheus_client import CollectorRegistry
from prometheus_client.exposition import choose_encoder

from config.database import Database
from dispatcher.metering.asked import StoreCollector
from dispatcher.metering.counted import CountingMeter

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIApplication

log = structlog.get_logger(__name__)

PATH: Final = "/metrics"
_BEARER: Final = "Bearer "


class Metrics:
    """The metrics of one process: what its `meter` counts, and with a `database` the figures of the installation."""

    def __init__(self, database: Database | None, token: str) -> None:
        self._registry = CollectorRegistry(auto_describe=False)
        self._token = token
        self.meter = CountingMeter(self._registry)
        if database is not None:
            self._registry.register(StoreCollector(database))

    @property
    def needs_token(self) -> bool:
        return bool(self._token)

    def may_read(self, authorization: str) -> bool:
        """Whether whoever sends this Authorization header may read them."""
        if not self._token:
            return True
        given = authorization.removeprefix(_BEARER).encode("utf-8", "surrogateescape")
        return authorization.startswith(_BEARER) and hmac.compare_digest(given, self._token.encode())

    def page(self, accept: str) -> tuple[str, bytes]:
        """(content type, content) in a form that this Accept header names. Asks the database; may take seconds."""
        encode, content_type = choose_encoder(accept)
        return content_type, encode(self._registry)


@contextlib.contextmanager
def listen(metrics: Metrics, host: str, port: int) -> Iterator[int]:
    """Answer at this address meanwhile, in threads of its own; yields the port.

    One that cannot be had is a line in the log, and 0: no message waits for that.
    """
    try:
        server = _Server((host, port), _SilentHandler)
    except OSError as error:
        log.warning("metrics_not_served", host=host, port=port, error=error.strerror or "no such address")
        yield 0
        return
    server.set_app(_application(metrics))
    thread = threading.Thread(target=server.serve_forever, name="metrics", daemon=True)
    thread.start()
    log.info("metrics_served", host=host, port=server.server_port)
    try:
        yield server.server_port
    finally:
        server.shutdown()
        server.server_close()
        thread.join(timeout=5.0)


def _application(metrics: Metrics) -> WSGIApplication:
    def answer(environment: WSGIEnvironment, start: StartResponse) -> list[bytes]:
        if environment.get("PATH_INFO") != PATH:
            return _plain(start, "404 Not Found")
        if environment.get("REQUEST_METHOD") != "GET":
            return _plain(start, "405 Method Not Allowed")
        if not metrics.may_read(environment.get("HTTP_AUTHORIZATION", "")):
            return _plain(start, "401 Unauthorized", ("WWW-Authenticate", "Bearer"))
        content_type, content = metrics.page(environment.get("HTTP_ACCEPT", ""))
        start("200 OK", [("Content-Type", content_type), ("Content-Length", str(len(content)))])
        return [content]

    return answer


def _plain(start: StartResponse, status: str, *headers: tuple[str, str]) -> list[bytes]:
    start(status, [("Content-Type", "text/plain; charset=utf-8"), *headers])
    return [status.partition(" ")[2].encode()]


class _Server(socketserver.ThreadingMixIn, WSGIServer):
    daemon_threads = True

    def __init__(self, address: tuple[str, int], handler: type[WSGIRequestHandler]) -> None:
        self.address_family = socket.AF_INET6 if ":" in address[0] else socket.AF_INET
        super().__init__(address, handler)

    def server_bind(self) -> None:
        # Not WSGIServer's, which asks the name service for our name.
        socketserver.TCPServer.server_bind(self)
        self.server_name, self.server_port = self.server_address[:2]  # type: ignore[assignment]
        self.setup_environ()

    def handle_error(self, request: Any, client_address: Any) -> None:
        log.warning("metrics_not_answered", exc_info=True)


class _SilentHandler(WSGIRequestHandler):
    # Whoever connects and says nothing is sent away.
    timeout = 10.0

    def log_message(self, format: str, *args: Any) -> None:
        return None
