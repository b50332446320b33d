"""Commands as children of one process that has loaded the program already: real processes, without the second and more
of work that each would spend on loading it.

`Nursery` stands in the tests' process and asks; what follows `serve` runs in the other one, which has no threads, forks
for each command, and tells how each of them ended.
"""

from __future__ import annotations

import gc
import importlib
import json
import os
import resource
import select
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Mapping
from pathlib import Path
from typing import IO, Any

_ROOT = Path(__file__).parents[2]
# What the commands load one by one when they need it. The rest comes with these.
_LOADED = (
    "cli",
    "dispatcher.running.runtime",
    "dispatcher.running.drainer",
    "dispatcher.commands.alert_send",
    "dispatcher.alerts.preview_page",
    "dispatcher.reports.report_files",
    "dispatcher.reports.watch_loop",
    "portal.app",
    "portal.server",
    "alembic.command",
    "aiosmtpd.lmtp",
    "psycopg",
    "redis",
    "twilio.rest",
    "uvicorn.main",
)


class Born:
    """A command that a nursery has started: what the tests need of `subprocess.Popen`."""

    def __init__(self, nursery: Nursery, pid: int) -> None:
        self._nursery = nursery
        self.pid = pid
        self.returncode: int | None = None

    def poll(self) -> int | None:
        """The exit status, negative for a signal; none while it lives."""
        if self.returncode is None:
            self.returncode = self._nursery.ended(self.pid, 0)
        return self.returncode

    def wait(self, timeout: float) -> int:
        """Raises `subprocess.TimeoutExpired` when it lives longer than so many seconds."""
        if self.returncode is None:
            self.returncode = self._nursery.ended(self.pid, timeout)
        if self.returncode is None:
            raise subprocess.TimeoutExpired("beredskap", timeout)
        return self.returncode

    def send_signal(self, number: signal.Signals) -> None:
        if self.poll() is None:
            os.kill(self.pid, number)

    def kill(self) -> None:
        self.send_signal(signal.SIGKILL)


class Nursery:
    """A process that has loaded the program, and starts its commands."""

    def __init__(self, environment: Mapping[str, str]) -> None:
        self._line, theirs = socket.socketpair()
        self._statuses: dict[int, int] = {}
        self._rest = b""
        self._lock = threading.Lock()
        with theirs:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "tests.services.nursery", str(theirs.fileno())],
                cwd=_ROOT,
                env=dict(environment),
                stdin=subprocess.DEVNULL,
                pass_fds=[theirs.fileno()],
                start_new_session=True,
            )

    def start(
        self, arguments: list[str], directory: Path, environment: Mapping[str, str], out: IO[bytes], err: IO[bytes]
    ) -> Born:
        """Start `beredskap ARGUMENTS…` in a session of its own."""
        asked = {"arguments": arguments, "directory": str(directory), "environment": dict(environment)}
        # A child of this process would have its limits.
        wish = json.dumps(asked | {"file_size": resource.getrlimit(resource.RLIMIT_FSIZE)})
        with self._lock:
            socket.send_fds(self._line, [f"{len(wish.encode()):08}".encode()], [out.fileno(), err.fileno()])
            self._line.sendall(wish.encode())
            while True:
                kind, pid, status = self._next(None)
                if kind == "born":
                    return Born(self, pid)
                self._statuses[pid] = status

    def ended(self, pid: int, seconds: float) -> int | None:
        """How a command ended; waits for so long."""
        until = time.monotonic() + seconds
        while True:
            with self._lock:
                if pid in self._statuses:
                    return self._statuses.pop(pid)
                left = until - time.monotonic()
                # A short look at a time: another thread may have something to start.
                if (told := self._next(max(0.0, min(left, 0.05)))) is not None:
                    self._statuses[told[1]] = told[2]
                elif left <= 0:
                    return None

    def close(self) -> None:
        self._line.close()
        self._process.wait(30)

    def _next(self, seconds: float | None) -> Any:
        """What it tells next: (what, pid, status); none when it has told nothing for so long."""
        while b"\n" not in self._rest:
            if not select.select([self._line], [], [], seconds)[0]:
                return None
            more = self._line.recv(65536)
            if not more:
                raise RuntimeError("the process that starts the commands has ended")
            self._rest += more
        line, _, self._rest = self._rest.partition(b"\n")
        return json.loads(line)


def serve(line: socket.socket) -> dict[str, Any] | None:
    """Start what is asked for, and tell what has ended, until nobody is there. In a new process: what it shall be."""
    reading, writing = os.pipe()
    os.set_blocking(writing, False)
    signal.signal(signal.SIGCHLD, lambda _number, _frame: None)
    signal.set_wakeup_fd(writing)
    while True:
        ready, _, _ = select.select([line, reading], [], [])
        if reading in ready:
            os.read(reading, 4096)
            _tell_the_ended(line)
        if line in ready:
            head, files, _, _ = socket.recv_fds(line, 8, 2)
            if not head:
                return None
            wish = json.loads(line.recv(int(head), socket.MSG_WAITALL))
            pid = os.fork()
            if pid == 0:
                signal.set_wakeup_fd(-1)
                line.close()
                os.close(reading)
                os.close(writing)
                _become(wish, files)
                return dict(wish)
            for file in files:
                os.close(file)
            line.sendall(json.dumps(("born", pid, 0)).encode() + b"\n")


def _tell_the_ended(line: socket.socket) -> None:
    while True:
        try:
            pid, status = os.waitpid(-1, os.WNOHANG)
        except ChildProcessError:
            return
        if pid == 0:
            return
        line.sendall(json.dumps(("ended", pid, os.waitstatus_to_exitcode(status))).encode() + b"\n")


def _become(wish: Mapping[str, Any], files: list[int]) -> None:
    """What a shell and the start of Python would have done."""
    os.setsid()
    os.chdir(wish["directory"])
    resource.setrlimit(resource.RLIMIT_FSIZE, tuple(wish["file_size"]))
    for number in (signal.SIGCHLD, signal.SIGHUP, signal.SIGTERM):
        signal.signal(number, signal.SIG_DFL)
    signal.signal(signal.SIGINT, signal.default_int_handler)
    for place, file in enumerate(files, 1):
        os.dup2(file, place)
        os.close(file)
    os.environ.clear()
    os.environ.update(wish["environment"])
    time.tzset()
    sys.argv = wish["arguments"]


def _load() -> None:
    for name in _LOADED:
        importlib.import_module(name)
    # A thread would not be there in the children, and what it had locked would be locked for ever.
    assert threading.active_count() == 1
    # What is here already is no garbage in any of them: none looks through it, and so copies it.
    gc.collect()
    gc.freeze()


if __name__ == "__main__":
    _load()
    if serve(socket.socket(fileno=int(sys.argv[1]))) is not None:
        # As the script in bin/ does; the interpreter then ends as it always does.
        importlib.import_module("cli").main()
