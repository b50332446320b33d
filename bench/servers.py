"""The servers that the benchmark runs against, each on a free loopback port and gone at the end.

PostgreSQL and Redis are those of the tests; here PostgreSQL waits for its disk, as in production. The far ends are
faster than any client: nginx with a canned answer for SMS, Postfix's smtp-sink for mail.
"""

from __future__ import annotations

import re
import shutil
import socket
from pathlib import Path

from tests.services.postgres import PostgresServer
from tests.services.server import Server

# What a machine of this kind would be given; the rest as PostgreSQL brings it.
POSTGRES_SETTINGS = {
    "fsync": "on",
    "full_page_writes": "on",
    "shared_buffers": "512MB",
    "max_wal_size": "4GB",
    "max_connections": "300",
}
_TOOLS = {"nginx": "nginx-light", "smtp-sink": "postfix", "smtp-source": "postfix", "wrk": "wrk"}
# One arrived message in nginx's log: seconds and milliseconds, and a line end.
_MOMENT_BYTES = len("1764000000.000\n")
_NGINX = """\
daemon off;
master_process off;
pid nginx.pid;
error_log stderr crit;
events {{ worker_connections 4096; }}
http {{
  client_body_temp_path body; proxy_temp_path proxy; fastcgi_temp_path fastcgi; uwsgi_temp_path uwsgi;
  scgi_temp_path scgi;
  default_type application/json;
  keepalive_timeout 600; keepalive_requests 1000000000;
  log_format moment '$msec';
  map $request_method $posted {{ POST 1; default 0; }}
  server {{
    listen 127.0.0.1:{port} backlog=4096;
    access_log posts.log moment buffer=64k flush=100ms if=$posted;
    location / {{
      if ($posted) {{ return 201 '{{"sid":"SM$request_id","status":"queued"}}'; }}
      return 200 '{{"messages": [], "next_page_uri": null}}';
    }}
  }}
}}
"""


class MissingToolError(RuntimeError):
    """A program of the benchmark is not on this machine; the text says which package to install."""


def tool(name: str) -> str:
    """The path of one of the far ends or reference clients. Raises MissingToolError."""
    found = shutil.which(name) or shutil.which(name, path="/usr/sbin:/usr/local/sbin:/sbin")
    if found is None:
        raise MissingToolError(f"{name} is not on this machine: install the Debian package {_TOOLS[name]}.")
    return found


def check_tools() -> None:
    """Raises MissingToolError when the far ends cannot run here."""
    for name in _TOOLS:
        tool(name)


class BenchPostgres(PostgresServer):
    def command(self) -> list[str]:
        # Of an option that is given twice, PostgreSQL takes the last.
        return [*super().command(), *(f"-c{name}={value}" for name, value in POSTGRES_SETTINGS.items())]


class SmsFarEnd(Server):
    """nginx that answers every POST as Twilio does when it has taken a message, and writes down the moment."""

    name = "nginx"

    def command(self) -> list[str]:
        configuration = self.directory / "nginx.conf"
        configuration.write_text(_NGINX.format(port=self.port), "utf-8")
        return [tool("nginx"), "-p", str(self.directory), "-c", str(configuration), "-e", "stderr"]

    def answers(self) -> bool:
        return _listens(self.port)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def taken(self) -> int:
        """How many messages it has taken, as of a tenth of a second ago."""
        log = self.directory / "posts.log"
        return log.stat().st_size // _MOMENT_BYTES if log.exists() else 0

    def moment(self, number: int) -> float:
        """When it took its message of this number (from 0), in seconds since 1970."""
        with (self.directory / "posts.log").open("rb") as log:
            log.seek(number * _MOMENT_BYTES)
            return float(log.read(_MOMENT_BYTES))


class MailFarEnd(Server):
    """smtp-sink; `pipelining`: whether it offers that to the client."""

    name = "smtp-sink"

    def __init__(self, *, pipelining: bool) -> None:
        super().__init__()
        self._pipelining = pipelining

    def command(self) -> list[str]:
        hide = [] if self._pipelining else ["-p"]
        return [tool("smtp-sink"), *hide, "-c", f"127.0.0.1:{self.port}", "1024"]

    def answers(self) -> bool:
        return _listens(self.port)

    @property
    def taken(self) -> int:
        """How many mails it has taken."""
        found = re.findall(rb"mesg=(\d+)", _tail(self.log))
        return int(found[-1]) if found else 0


def _tail(file: Path, size: int = 200) -> bytes:
    with file.open("rb") as read:
        read.seek(max(0, file.stat().st_size - size))
        return read.read()


def _listens(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0
