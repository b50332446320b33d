"""A server process of the tests: started, killed, frozen, started again on the same port, and gone at the end."""

from __future__ import annotations

import atexit
import ctypes
import os
import pwd
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
from abc import ABC, abstractmethod
from pathlib import Path
from typing import Any

import psutil

from tests.services.waiting import eventually

_PR_SET_PDEATHSIG = 1


class Server(ABC):
    """One server with a directory and a port of its own, both kept over restarts."""

    name = "server"

    def __init__(self) -> None:
        self.owner = _unprivileged() if os.geteuid() == 0 else None
        self.directory = _directory(self.name, self.owner)
        self.port = free_port()
        self._process: subprocess.Popen[bytes] | None = None
        # Fixtures stop the server; this is for an end of the session that skips them (a second Ctrl-C).
        atexit.register(self.discard)

    @abstractmethod
    def command(self) -> list[str]:
        """The command line that runs the server in the foreground."""

    @abstractmethod
    def answers(self) -> bool:
        """Whether the server takes a question now."""

    @property
    def log(self) -> Path:
        return self.directory / "log"

    @property
    def pid(self) -> int:
        assert self._process is not None, f"{self.name} was not started"
        return self._process.pid

    @property
    def running(self) -> bool:
        return self._process is not None and self._process.poll() is None

    def start(self) -> None:
        """Start it and wait until it answers."""
        assert not self.running, f"{self.name} runs already"
        with self.log.open("ab") as log:
            self._process = subprocess.Popen(
                self.command(), stdin=subprocess.DEVNULL, stdout=log, stderr=log, **self.as_owner()
            )

        def ready() -> bool:
            if not self.running:
                raise RuntimeError(f"{self.name} did not start:\n{self.log.read_text(errors='replace')[-2000:]}")
            return self.answers()

        eventually(ready, 60, what=f"{self.name} answers")

    def stop(self, how: signal.Signals = signal.SIGTERM) -> None:
        """Ask it to end with the signal `how`, and wait until it has."""
        assert self._process is not None
        self._process.send_signal(how)
        self._process.wait(60)

    def kill(self) -> None:
        """As `kill -9`, its child processes too: nothing is flushed, nobody is told."""
        assert self._process is not None
        children = psutil.Process(self._process.pid).children(recursive=True) if self.running else []
        self._process.kill()
        self._process.wait(60)
        for child in children:
            _kill(child)
        psutil.wait_procs(children, 60)

    def restart(self, how: signal.Signals = signal.SIGTERM) -> None:
        self.stop(how)
        self.start()

    def freeze(self) -> None:
        """Stop answering without closing anything, as a machine that hangs."""
        assert self._process is not None
        self._process.send_signal(signal.SIGSTOP)

    def thaw(self) -> None:
        assert self._process is not None
        self._process.send_signal(signal.SIGCONT)

    def discard(self) -> None:
        """End it for certain and remove its directory."""
        atexit.unregister(self.discard)
        if self.running:
            self.thaw()
            self.kill()
        shutil.rmtree(self.directory, ignore_errors=True)

    def as_owner(self) -> dict[str, Any]:
        """Options of subprocess that run a command as the server's user, in a session that Ctrl-C does not reach."""
        options: dict[str, Any] = {"start_new_session": True, "cwd": self.directory}
        # The kernel counts the thread that started a process as its parent: only the main one lives long enough.
        if threading.current_thread() is threading.main_thread():
            options["preexec_fn"] = die_with_parent
        if self.owner is not None:
            options |= {"user": self.owner.pw_uid, "group": self.owner.pw_gid, "extra_groups": []}
        return options


def free_port() -> int:
    """A loopback port that nobody listens on now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def die_with_parent() -> None:
    """In a child before exec: the kernel kills it when the test process dies, however that dies (Linux)."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)


def _unprivileged() -> pwd.struct_passwd:
    """The user for servers that refuse to run as root."""
    for name in ("postgres", "nobody"):
        try:
            return pwd.getpwnam(name)
        except KeyError:
            continue
    raise RuntimeError(
        "The tests run as root, PostgreSQL refuses to, and this machine has neither a user postgres nor nobody: "
        "run the tests as an ordinary user."
    )


def _directory(name: str, owner: pwd.struct_passwd | None) -> Path:
    # Not pytest's tmp_path: as root it lies in a directory that the server's user may not enter.
    base = Path(tempfile.gettempdir())
    if owner is not None and not reachable(base):
        base = Path("/tmp")
    directory = Path(tempfile.mkdtemp(prefix=f"beredskap-{name}-", dir=base))
    if owner is not None:
        os.chown(directory, owner.pw_uid, owner.pw_gid)
    return directory


def reachable(path: Path) -> bool:
    """Whether any user of this machine may enter `path`."""
    return all(part.stat().st_mode & 0o001 for part in [path, *path.parents])


def _kill(process: psutil.Process) -> None:
    try:
        process.kill()
    except psutil.NoSuchProcess:
        return
