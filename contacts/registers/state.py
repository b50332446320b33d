"""How the calls of each register went last, and how far its events have been read: rows of `register_sync`."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Final

from sqlalchemy import Connection, Row, select
from sqlalchemy.dialects import postgresql, sqlite

from config.clock import db_now
from config.database import Database
from config.errors import BeredskapError
from contacts.tables import REGISTER_SYNC

# The rows: a register's nightly round by its section of the settings; the reading of FREG's events.
EVENTS: Final = "freg_events"
_LONGEST_FAULT = 512
_LONGEST_ETAG = 256


@contextmanager
def noted(database: Database, name: str) -> Iterator[None]:
    """Write down how what is done within went: done, or the sentence that says why not (which is raised on)."""
    try:
        yield
    except BeredskapError as error:
        with database.write() as connection:
            _put(connection, name, tried_at=db_now(), fault=error.what[:_LONGEST_FAULT])
        raise
    with database.write() as connection:
        _put(connection, name, tried_at=db_now(), done_at=db_now(), fault=None)


def states(connection: Connection) -> dict[str, Row[Any]]:
    """What is written down, by name."""
    return {row.name: row for row in connection.execute(select(REGISTER_SYNC))}


def set_position(connection: Connection, position: int | None, etag: str | None = None) -> None:
    """The next event to read from now on; None: nobody knows, and only a full round helps."""
    if etag is not None and len(etag) > _LONGEST_ETAG:
        etag = None
    _put(connection, EVENTS, tried_at=db_now(), position=position, etag=etag)


def _put(connection: Connection, name: str, **values: Any) -> None:
    insert = sqlite.insert if connection.dialect.name == "sqlite" else postgresql.insert
    statement = insert(REGISTER_SYNC).values(name=name, **values)
    connection.execute(statement.on_conflict_do_update(index_elements=[REGISTER_SYNC.c.name], set_=values))
