"""The row by which others see that a web process is alive."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress

import structlog
from sqlalchemy.exc import SQLAlchemyError

from config.database import Database
from dispatcher.running.presence import BEAT_SECONDS, beat, leave, new_process_id

log = structlog.stdlib.get_logger(__name__)


@contextmanager
def beating(database: Database, kind: str) -> Iterator[str]:
    """Keep a process row fresh meanwhile, and take it away at the end; a database that is away stops nothing.

    Yields the id of the row.
    """
    process_id = new_process_id(kind)
    stopped = threading.Event()

    def run() -> None:
        away = False
        while not stopped.is_set():
            try:
                with database.write() as connection:
                    beat(connection, process_id, kind, None, {})
                away = False
            except SQLAlchemyError as error:
                if not away:
                    log.warning("the database is away", error=type(error).__name__)
                away = True
            stopped.wait(BEAT_SECONDS)

    thread = threading.Thread(target=run, name="heartbeat", daemon=True)
    thread.start()
    try:
        yield process_id
    finally:
        stopped.set()
        thread.join(BEAT_SECONDS)
        # Others forget the row by themselves when this does not get through.
        with suppress(SQLAlchemyError), database.write() as connection:
            leave(connection, process_id)
