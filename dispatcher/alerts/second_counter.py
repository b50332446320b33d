"""A second process that counts some students of a large draft: Python counts on one core only, and a county waits.

The parent writes the database's address and the share into one pipe and reads the count from another. The help is
only help: when the second process fails, the parent is told so and counts that share itself.
"""

from __future__ import annotations

import contextlib
import pickle
import subprocess
import sys
from collections.abc import Callable, Iterator

from config.database import Database
from dispatcher.alerts.counting import Count, Share, count_share


@contextlib.contextmanager
def counted_elsewhere(database: Database, share: Share) -> Iterator[Callable[[], Count | None]]:
    """Count the share in another process meanwhile; yields what waits for the count, None when there is none.

    Leaving ends the process, done or not.
    """
    # A session of its own: Ctrl-C reaches the parent, which ends it. -P: a config.py in the user's working directory
    # is not ours. The database's address goes through the pipe, because it may hold a password.
    process = subprocess.Popen(
        [sys.executable, "-P", "-m", __name__],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    assert process.stdin is not None and process.stdout is not None
    answer = process.stdout

    def counted() -> Count | None:
        written = answer.read()
        if process.wait() != 0:
            return None
        count: Count = pickle.loads(written)  # noqa: S301  from our own child
        return count

    try:
        # A process that could not even start has closed its end; its status tells.
        with contextlib.suppress(BrokenPipeError), process.stdin as question:
            pickle.dump((database.engine.url.render_as_string(hide_password=False), share), question)
        yield counted
    finally:
        process.kill()
        process.wait()
        answer.close()


def _count_for_the_parent() -> None:
    url, share = pickle.load(sys.stdin.buffer)  # noqa: S301  from our own parent
    with Database(url).read() as connection:
        counted = count_share(connection, share)
    sys.stdout.buffer.write(pickle.dumps(counted, pickle.HIGHEST_PROTOCOL))


if __name__ == "__main__":
    _count_for_the_parent()
