"""A Postfix of our own, so that bounces are those that a real mail server makes. It must be started by root."""

from __future__ import annotations

import os
import pwd
import shutil
import socket
import subprocess
import tempfile
from pathlib import Path
from types import TracebackType

from tests.services.server import free_port
from tests.services.waiting import eventually

_POSTFIX = shutil.which("postfix") or shutil.which("postfix", path="/usr/sbin:/sbin")
_MASTER = """smtp.{port} inet n - n - - smtpd
pickup unix n - n 60 1 pickup
cleanup unix n - n - 0 cleanup
qmgr unix n - n 300 1 qmgr
rewrite unix - - n - - trivial-rewrite
bounce unix - - n - 0 bounce
defer unix - - n - 0 bounce
trace unix - - n - 0 bounce
flush unix n - n 1000? 0 flush
proxymap unix - - n - - proxymap
smtp unix - - n - - smtp
lmtp unix - - n - - lmtp
error unix - - n - - error
retry unix - - n - - error
showq unix n - n - - showq
anvil unix - - n - 1 anvil
postlog unix-dgram n - n - 1 postlogd
"""


def why_not() -> str:
    """Why no Postfix can be started here; "" when one can."""
    if _POSTFIX is None:
        return "Postfix is not installed"
    if os.geteuid() != 0:
        return "Postfix can be started by root alone"
    try:
        pwd.getpwnam("postfix")
    except KeyError:
        return "there is no user called postfix"
    return ""


class Postfix:
    """Takes mail at `port` and hands it to the server at `next_port`, by LMTP to `lmtp_port` what goes to `domain`."""

    def __init__(self, *, next_port: int, lmtp_port: int, domain: str) -> None:
        self.port = free_port()
        # Not below pytest's own folder, which root alone may enter.
        self._directory = Path(tempfile.mkdtemp(prefix="postfix-"))
        self._directory.chmod(0o755)
        self._config = self._directory / "config"
        self._config.mkdir()
        for name in ("spool", "data"):
            (self._directory / name).mkdir()
        shutil.chown(self._directory / "data", "postfix")
        self._write(next_port, lmtp_port, domain)

    def _write(self, next_port: int, lmtp_port: int, domain: str) -> None:
        settings = {
            "compatibility_level": "3.6",
            "queue_directory": self._directory / "spool",
            "data_directory": self._directory / "data",
            "maillog_file": self._directory / "log",
            "maillog_file_prefixes": self._directory,
            "myhostname": "mx.example.net",
            "mydestination": "",
            "alias_maps": "",
            "alias_database": "",
            "inet_interfaces": "127.0.0.1",
            "inet_protocols": "ipv4",
            "mynetworks": "127.0.0.0/8",
            "smtpd_relay_restrictions": "permit_mynetworks, reject",
            "default_transport": f"smtp:[127.0.0.1]:{next_port}",
            "transport_maps": f"inline:{{ {domain}=lmtp:inet:127.0.0.1:{lmtp_port} }}",
            "disable_dns_lookups": "yes",
            "smtp_tls_security_level": "none",
            "smtputf8_enable": "no",
        }
        lines = "".join(f"{name} = {value}\n" for name, value in settings.items())
        (self._config / "main.cf").write_text(lines, encoding="ascii")
        master = _MASTER.replace("smtp.{port}", f"127.0.0.1:{self.port}")
        (self._config / "master.cf").write_text(master, encoding="ascii")

    def __enter__(self) -> Postfix:
        self._command("start")
        eventually(self._listens, what="Postfix answers")
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._command("stop")
        shutil.rmtree(self._directory)

    def log(self) -> str:
        return (self._directory / "log").read_text(encoding="utf-8", errors="replace")

    def _command(self, what: str) -> None:
        assert _POSTFIX is not None
        done = subprocess.run([_POSTFIX, "-c", self._config, what], capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr

    def _listens(self) -> bool:
        with socket.socket() as probe:
            return probe.connect_ex(("127.0.0.1", self.port)) == 0
