"""An SMS gateway on loopback, as the service `smseagle` of Apprise calls it."""

from __future__ import annotations

import json
import threading
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType


@dataclass
class SmsGateway:
    """Takes messages while it is entered. `asked`: (number, text) of each; `says`: its answer, None: none at all in
    time; `url`: its address for Apprise, with {to} in the recipient's place."""

    says: str | None = "ok"
    status: int = 200
    asked: list[tuple[str, str]] = field(default_factory=list)
    url: str = ""
    _go_on: threading.Event = field(default_factory=threading.Event)

    def __enter__(self) -> SmsGateway:
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self._thread = threading.Thread(target=self._server.serve_forever)
        self._thread.start()
        self.url = f"smseagle://token@127.0.0.1:{self._server.server_address[1]}/{{to}}"
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._go_on.set()
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def _handler(gateway) -> type[BaseHTTPRequestHandler]:  # noqa: N805 (`self` is the handler below)
        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                asked = json.loads(self.rfile.read(int(self.headers["Content-Length"])))["params"]
                gateway.asked.append((asked["to"], asked["message"]))
                if gateway.says is None:
                    gateway._go_on.wait(30)
                    return
                body = json.dumps({"result": {"message_id": 1, "status": gateway.says}}).encode()
                self.send_response(gateway.status)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, format: str, *args: object) -> None:
                """Keeps the tests' output clean."""

        return Handler
