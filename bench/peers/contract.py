"""What every peer does alike: it is called the same way, runs its own workers, and prints one line of JSON.

    python bench/peers/PEER.py --database-url URL --redis-url URL --sms-url URL --smtp HOST:PORT --count N --processes 2

prints {"sent": N, "seconds": S}: from the first message enqueued until the last one is recorded as sent in the
database. What fails ends with one sentence and status 1. The packages are those of `make bench-env`.
"""

from __future__ import annotations

import argparse
import contextlib
import ctypes
import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO

FOLDER = Path(__file__).resolve().parent
START_SECONDS = 60.0
STOP_SECONDS = 30.0
_PR_SET_PDEATHSIG = 1


class PeerError(Exception):
    """The measurement is not valid; the text is the sentence to print."""


@dataclass(frozen=True, slots=True)
class Call:
    """One call of a peer. A peer leaves aside what it does not need."""

    database_url: str
    redis_url: str
    sms_url: str
    smtp_host: str
    smtp_port: int
    count: int
    processes: int


def main(measure: Callable[[Call], float]) -> None:
    """Read the call, let `measure` answer the seconds, and print them."""
    # Whoever stops the peer stops its workers: the way out goes through every `finally`.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))
    # But not a pool's children: a pool ends them by this signal, and one that tidies up first may wait for the others.
    os.register_at_fork(after_in_child=lambda: signal.signal(signal.SIGTERM, signal.SIG_DFL))
    call = _read_call()
    try:
        seconds = measure(call)
    except ModuleNotFoundError as error:
        sys.exit(f"{error.name} is not installed here: run `make bench-env`, and the peer by .venv-bench/bin/python.")
    except PeerError as error:
        sys.exit(str(error))
    print(json.dumps({"sent": call.count, "seconds": round(seconds, 4)}))


@contextlib.contextmanager
def schema(call: Call, name: str) -> Iterator[None]:
    """An empty schema of the peer's own in the database, dropped at the end with all that is in it."""
    from sqlalchemy import create_engine, text
    from sqlalchemy.exc import OperationalError

    engine = create_engine(call.database_url, isolation_level="AUTOCOMMIT")

    def run(*statements: str) -> None:
        with engine.connect() as connection:
            for statement in statements:
                connection.execute(text(statement))

    try:
        run(f"DROP SCHEMA IF EXISTS {name} CASCADE", f"CREATE SCHEMA {name}")
    except OperationalError:
        raise PeerError("The database does not answer at --database-url, so nothing was measured.") from None
    try:
        yield
    finally:
        run(f"DROP SCHEMA IF EXISTS {name} CASCADE")
        engine.dispose()


@contextlib.contextmanager
def empty_redis(call: Call, name: str) -> Iterator[None]:
    """No key with `name` in it, before and after."""
    import redis

    with redis.Redis.from_url(call.redis_url) as client:

        def sweep() -> None:
            for key in client.scan_iter(match=f"*{name}*", count=1000):
                client.delete(key)

        try:
            sweep()
        except redis.RedisError:
            raise PeerError("Redis does not answer at --redis-url, so nothing was measured.") from None
        try:
            yield
        finally:
            sweep()


@contextlib.contextmanager
def workers(command: Sequence[str], *, ready: str, times: int) -> Iterator[Callable[[], None]]:
    """Run workers; they are ready when their log has said `ready` so many times. Yields a check that they live."""
    with tempfile.TemporaryFile() as log:
        process = subprocess.Popen(
            [sys.executable, *command],
            cwd=FOLDER,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            start_new_session=True,
            preexec_fn=_end_with_parent,
        )

        def check() -> None:
            if process.poll() is not None:
                raise PeerError(f"The workers ended by themselves ({process.returncode}): {_last_line(log)}")

        try:
            deadline = time.monotonic() + START_SECONDS
            while _text(log).count(ready) < times:
                check()
                if time.monotonic() > deadline:
                    raise PeerError(f"The workers were not ready after {START_SECONDS:g} s: {_last_line(log)}")
                time.sleep(0.05)
            yield check
        finally:
            _stop(process)


def _stop(process: subprocess.Popen[bytes]) -> None:
    process.terminate()
    try:
        process.wait(STOP_SECONDS)
    except subprocess.TimeoutExpired:
        pass
    finally:
        # Its children are in its group; most often nobody is left in it.
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def _end_with_parent() -> None:
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)


def _text(log: IO[bytes]) -> str:
    # Read at an offset of its own: the workers write at the file's.
    return os.pread(log.fileno(), 1 << 20, 0).decode(errors="replace")


def _last_line(log: IO[bytes]) -> str:
    return next((line.strip() for line in reversed(_text(log).splitlines()) if line.strip()), "they said nothing")


def _read_call() -> Call:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--database-url", required=True, help="postgresql+psycopg://…")
    parser.add_argument("--redis-url", default="")
    parser.add_argument("--sms-url", default="", help="where Twilio's API is answered: http://127.0.0.1:PORT")
    parser.add_argument("--smtp", default="127.0.0.1:25", help="HOST:PORT of an SMTP server without TLS")
    parser.add_argument("--count", type=int, required=True, help="how many messages")
    parser.add_argument("--processes", type=int, default=2)
    given = parser.parse_args()
    host, _, port = given.smtp.rpartition(":")
    if given.count < 1 or given.processes < 1 or not host or not port.isdigit():
        parser.error("--count and --processes are at least 1, and --smtp is HOST:PORT")
    return Call(given.database_url, given.redis_url, given.sms_url, host, int(port), given.count, given.processes)
