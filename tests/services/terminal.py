"""A command on a terminal of its own (a pseudo-terminal), to type at its questions and press Ctrl-C."""

from __future__ import annotations

import os
import pty
import select
import subprocess
import termios
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import TracebackType

from tests.services.processes import listen_to_ctrl_c

CTRL_C = "\x03"


class Terminal:
    """80 columns, 24 rows. `screen` is all that was written, control sequences included."""

    def __init__(self, command: Sequence[str | Path], *, cwd: Path, environment: Mapping[str, str]) -> None:
        self._ours, theirs = pty.openpty()

        def take_terminal() -> None:
            os.login_tty(theirs)
            listen_to_ctrl_c()

        termios.tcsetwinsize(theirs, (24, 80))
        self.process = subprocess.Popen(
            [str(part) for part in command],
            cwd=cwd,
            env={**environment, "TERM": "xterm"},
            preexec_fn=take_terminal,
        )
        os.close(theirs)
        self.screen = ""

    def __enter__(self) -> Terminal:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close_window()
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait(30)

    def type(self, text: str) -> None:
        """Press the keys of `text`; Enter is "\\n"."""
        os.write(self._ours, text.encode())

    def wait_for(self, text: str, seconds: float = 30.0) -> str:
        """Read until `text` stands on the screen. Returns the screen."""
        deadline = time.monotonic() + seconds
        while text not in self.screen:
            if not self._read(deadline):
                raise AssertionError(f"the terminal never showed {text!r}, only:\n{self.screen}")
        return self.screen

    def wait(self, seconds: float = 60.0) -> int:
        """Read until the command ends. Returns its exit status."""
        deadline = time.monotonic() + seconds
        while self._read(deadline):
            pass
        return self.process.wait(max(0.1, deadline - time.monotonic()))

    def interrupt(self, tries: int = 5) -> int:
        """Press Ctrl-C, and again when the command has not ended some seconds later. Returns its exit status.

        Python does not see one that comes in the moment between a question is written and its answer is waited for: on
        a busy machine a test is so fast, and no person.
        """
        for _ in range(tries - 1):
            self.type(CTRL_C)
            try:
                return self.wait(5.0)
            except subprocess.TimeoutExpired:
                continue
        self.type(CTRL_C)
        return self.wait()

    def close_window(self) -> None:
        """As when the user closes the window: the command gets SIGHUP and its terminal is gone."""
        if self._ours >= 0:
            os.close(self._ours)
            self._ours = -1

    def _read(self, deadline: float) -> bool:
        """Read what there is; False when the other end closed or the deadline passed."""
        ready, _, _ = select.select([self._ours], [], [], max(0.0, deadline - time.monotonic()))
        if not ready:
            return False
        try:
            data = os.read(self._ours, 65536)
        except OSError:  # Linux answers so when the last process on the other side has ended
            return False
        self.screen += data.decode(errors="replace")
        return bool(data)
