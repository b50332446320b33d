"""A dead man's switch on loopback, as healthchecks.io is one."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


@dataclass(slots=True)
class Switch:
    """Its address, what it was asked for, and what it answers."""

    url: str
    asked: list[str] = field(default_factory=list)
    status: int = 200


@contextmanager
def served_switch(path: str) -> Iterator[Switch]:
    """A switch at this path, for as long as the context lasts."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            switch.asked.append(self.path)
            self.send_response(switch.status)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *_args: object) -> None:
            return

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    switch = Switch(f"http://127.0.0.1:{server.server_port}/{path}")
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield switch
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
