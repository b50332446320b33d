"""Starting the detached drainer, and the parent's end of the pipe to it. Light: the command that asks must be fast."""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
import threading

# The byte that a parent writes into the pipe: look at the database now.
_RING = b"!"


class DrainerHandle:
    """The parent's end of a drainer that it started. Closing it, or dying, lets the drainer end when it is done."""

    def __init__(self, process: subprocess.Popen[bytes]) -> None:
        self._process = process

    def ring(self) -> None:
        """Tell the drainer that something is due. It would see for itself within a second."""
        assert self._process.stdin is not None
        with contextlib.suppress(BrokenPipeError):
            self._process.stdin.write(_RING)
            self._process.stdin.flush()

    @property
    def ended(self) -> bool:
        """It is gone, and nobody sends; a drainer stays as long as its parent does."""
        return self._process.poll() is not None

    def close(self) -> None:
        """Let it end when it is done."""
        assert self._process.stdin is not None
        with contextlib.suppress(BrokenPipeError):
            self._process.stdin.close()

    def bury(self) -> None:
        """Wait for its end beside whatever else this process does: a server's dead children would stay otherwise."""
        threading.Thread(target=self._process.wait, name="drainer", daemon=True).start()


def start_drainer() -> DrainerHandle:
    """Start a drainer in a session of its own: Ctrl-C and a closed window do not reach it."""
    # -P: the working directory is the user's, and a cli.py or config.py that lies there is not ours.
    process = subprocess.Popen(
        [sys.executable, "-P", "-m", "cli", "drain"],
        stdin=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
        # It lives longer than the command, and is no operator.
        env={name: value for name, value in os.environ.items() if name != "BEREDSKAP_TOKEN"},
    )
    return DrainerHandle(process)
