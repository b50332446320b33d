"""Processes of the `beredskap` command, as an operator or a service manager starts them; none outlives its test."""

from __future__ import annotations

import json
import os
import secrets
import signal
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil

from tests.services.nursery import Born, Nursery
from tests.services.waiting import eventually

COMMAND = Path(sys.executable).with_name("beredskap")
_MARK = "TEST_PROCESS_MARK"
_GUARD = Path(__file__).with_name("guard")


@dataclass(frozen=True, slots=True)
class Finished:
    """A command that has ended: its exit status and all it wrote."""

    status: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        return json.loads(self.out)


class Running:
    """A command that runs. What it writes goes to files, so that it never waits for a reader."""

    def __init__(self, process: subprocess.Popen[bytes] | Born, out: Path, err: Path) -> None:
        self.process = process
        self._out = out
        self._err = err

    @property
    def pid(self) -> int:
        return self.process.pid

    @property
    def alive(self) -> bool:
        return self.process.poll() is None

    @property
    def out(self) -> str:
        """What it has written to stdout so far."""
        return self._out.read_text(encoding="utf-8", errors="replace")

    @property
    def err(self) -> str:
        return self._err.read_text(encoding="utf-8", errors="replace")

    def wait(self, seconds: float = 60.0) -> Finished:
        """Wait until it ends by itself."""
        try:
            status = self.process.wait(seconds)
        except subprocess.TimeoutExpired:
            raise AssertionError(f"still running after {seconds:g} s\n{self.out}\n{self.err}") from None
        return Finished(status, self.out, self.err)

    def wait_for(self, text: str, seconds: float = 30.0) -> str:
        """Wait until `text` stands in its output (either stream). Returns all output so far."""

        def seen() -> str:
            written = self.out + self.err
            if text not in written and not self.alive:
                raise AssertionError(f"ended with {self.process.returncode} before it said {text!r}:\n{written}")
            return written if text in written else ""

        return eventually(seen, seconds, what=f"the output holds {text!r}")

    def interrupt(self) -> None:
        """As Ctrl-C in its terminal."""
        self.process.send_signal(signal.SIGINT)

    def terminate(self) -> None:
        """As a service manager that stops it."""
        self.process.send_signal(signal.SIGTERM)

    def kill(self) -> None:
        """As `kill -9`, and wait until it is gone. Its children live on, as they do in life."""
        self.process.kill()
        self.process.wait(30)

    def freeze(self) -> None:
        self.process.send_signal(signal.SIGSTOP)

    def thaw(self) -> None:
        self.process.send_signal(signal.SIGCONT)


class Processes:
    """Starts commands with one environment, and ends all of them, detached ones included.

    With a nursery they begin where the program is loaded already, but for those with an environment that the loading
    itself has to see.
    """

    def __init__(self, directory: Path, environment: Mapping[str, str], nursery: Nursery | None = None) -> None:
        self.directory = directory
        self._nursery = nursery
        self._mark = secrets.token_hex(8)
        self.environment = {**guarded(environment), _MARK: self._mark, "COLUMNS": "80"}
        self._count = 0
        self._started: list[Running] = []

    def start(
        self,
        *arguments: str | Path,
        environment: Mapping[str, str] | None = None,
        command: Path | str = COMMAND,
    ) -> Running:
        """Start `beredskap ARGUMENTS…` (or another `command`) in the test's directory, with nothing to read."""
        self._count += 1
        out, err = (self.directory / f".process-{self._count}.{stream}" for stream in ("out", "err"))
        line = [str(command), *map(str, arguments)]
        all_of_it = {**self.environment, **(environment or {})}
        process: subprocess.Popen[bytes] | Born
        with out.open("wb") as out_file, err.open("wb") as err_file:
            if self._nursery is not None and command == COMMAND and not _seen_when_loading(all_of_it):
                process = self._nursery.start(line, self.directory, all_of_it, out_file, err_file)
            else:
                process = subprocess.Popen(
                    line,
                    cwd=self.directory,
                    env=all_of_it,
                    stdin=subprocess.DEVNULL,
                    stdout=out_file,
                    stderr=err_file,
                    start_new_session=True,
                    preexec_fn=listen_to_ctrl_c,
                )
        running = Running(process, out, err)
        self._started.append(running)
        return running

    def run(
        self,
        *arguments: str | Path,
        environment: Mapping[str, str] | None = None,
        seconds: float = 60.0,
        command: Path | str = COMMAND,
    ) -> Finished:
        """Run a command to its end."""
        return self.start(*arguments, environment=environment, command=command).wait(seconds)

    def living(self) -> list[psutil.Process]:
        """Every process that comes from these commands and is not dead, detached ones too."""
        # Of a command from the nursery the system knows the nursery's environment; its session is its own.
        sessions = {running.pid for running in self._started}
        found = []
        for process in psutil.process_iter():
            try:
                ours = os.getsid(process.pid) in sessions or process.environ().get(_MARK) == self._mark
                if ours and process.status() != psutil.STATUS_ZOMBIE:
                    found.append(process)
            except (ProcessLookupError, psutil.NoSuchProcess, psutil.AccessDenied, psutil.ZombieProcess):
                continue
        return found

    def end_all(self) -> None:
        """kill -9 everything; again, as long as something was started meanwhile."""
        for _ in range(20):
            found = self.living()
            if not found:
                break
            for process in found:
                try:
                    process.kill()
                except psutil.NoSuchProcess:
                    continue
            psutil.wait_procs(found, 5)
        for running in self._started:
            running.process.wait(10)


def guarded(environment: Mapping[str, str]) -> dict[str, str]:
    """The environment of Python processes that cannot leave this machine, and write at once."""
    return {**environment, "PYTHONPATH": str(_GUARD), "PYTHONUNBUFFERED": "1", "PYTHONFAULTHANDLER": "1"}


def _seen_when_loading(environment: Mapping[str, str]) -> bool:
    """A changed clock, or other libraries."""
    return "LD_PRELOAD" in environment or environment.get("PYTHONPATH") != str(_GUARD)


def listen_to_ctrl_c() -> None:
    """In a child before exec: what runs the tests in the background (a shell, nohup) has them, and so it, ignore
    Ctrl-C and the end of the window."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    signal.signal(signal.SIGHUP, signal.SIG_DFL)


def clean_environment(home: Path) -> dict[str, str]:
    """The environment of a user who has never used Beredskap: nothing of this machine's settings in it."""
    kept = {name: os.environ[name] for name in ("PATH", "LANG", "LC_ALL", "TMPDIR", "TZ") if name in os.environ}
    return {**kept, "HOME": str(home), "XDG_DATA_HOME": str(home / "data"), "XDG_CONFIG_HOME": str(home / "config")}
