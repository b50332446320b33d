"""Reading the audit log: the entries that somebody asks for, and whether all of them still fit."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Select, or_, select

from config.audit import AUDIT_ENTRIES, AuditEntry
from config.audit_chain import Entry, UnreadableEntryError, Verified, verify_chain
from config.counters import read_counter
from config.tables import core_table

_TABLE = core_table(AuditEntry)
_COLUMNS = (
    _TABLE.c.id,
    _TABLE.c.at,
    _TABLE.c.operator,
    _TABLE.c.act,
    _TABLE.c.subject,
    _TABLE.c.details,
    _TABLE.c.previous,
    _TABLE.c.hash,
)


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which entries. `since` is the first moment, `before` the first one too late; None: without a limit.

    `act`: an act ("alert.send"), or what stands before the point, for all acts of that kind ("alert").
    """

    since: datetime | None = None
    before: datetime | None = None
    act: str | None = None
    operator: str | None = None


def newest_entries(connection: Connection, wanted: Wanted, limit: int) -> list[Entry]:
    """Up to `limit` of the entries that are wanted, newest first. Raises UnreadableEntryError."""
    statement = select(*_COLUMNS).order_by(_TABLE.c.id.desc()).limit(limit)
    if wanted.since is not None:
        statement = statement.where(_TABLE.c.at >= wanted.since)
    if wanted.before is not None:
        statement = statement.where(_TABLE.c.at < wanted.before)
    if wanted.act is not None:
        of_kind = _TABLE.c.act.startswith(f"{wanted.act}.", autoescape=True)
        statement = statement.where(or_(_TABLE.c.act == wanted.act, of_kind))
    if wanted.operator is not None:
        statement = statement.where(_TABLE.c.operator == wanted.operator)
    return list(_entries(connection, statement))


def verify_log(connection: Connection, noted: str | None = None) -> Verified:
    """Whether the whole log is as it was written; `connection` reads one snapshot. `noted`: as for `verify_chain`."""
    everything = _entries(connection, select(*_COLUMNS).order_by(_TABLE.c.id))
    return verify_chain(everything, appended=read_counter(connection, AUDIT_ENTRIES), noted=noted)


def _entries(connection: Connection, statement: Select[Any]) -> Iterator[Entry]:
    """One after the other, however many there are."""
    with connection.execute(statement, execution_options={"stream_results": True}) as rows:
        while True:
            try:
                row = rows.fetchone()
            except (ValueError, TypeError):
                # SQLite keeps whatever is put into a column: a text that is no moment, or no JSON.
                raise UnreadableEntryError from None
            if row is None:
                return
            entry = Entry(row.id, row.at, row.operator, row.act, row.subject, row.details, row.previous, row.hash)
            texts = (entry.operator, entry.act, entry.subject)
            if not isinstance(entry.details, dict) or not all(isinstance(text, str) for text in texts):
                raise UnreadableEntryError
            yield entry
