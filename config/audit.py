"""The audit log: who did what to whom, one row an act, only ever appended to, each row chained to the one before."""

from __future__ import annotations

import os
import pwd
from collections.abc import Mapping
from contextvars import ContextVar
from datetime import datetime
from typing import Any, Final

from sqlalchemy import JSON, Column, ColumnElement, Connection, Label, Table, event, func, insert, select
from sqlmodel import Field, SQLModel

from config.audit_chain import NOTHING_BEFORE, chained, is_hash
from config.audit_guard import make_append_only
from config.clock import db_now
from config.counters import bump
from config.tables import BigInt, core_table, utc_column

# Counts the entries. Its row is also what makes acts come one after the other.
AUDIT_ENTRIES: Final = "audit_entries"
# For how long a process may stand still (Ctrl-Z, a paused machine) between an act's record and its commit. Then
# PostgreSQL ends the transaction: the acts of all others, confirmations too, wait for it.
STILL_SECONDS: Final = 10.0
_MOST: Final = 200
_OUT_OF_REACH: Final = 1 << 62

_acting: ContextVar[str | None] = ContextVar("acting_operator", default=None)


class AuditEntry(SQLModel, table=True):
    """One act. `subject` is a reference such as "student 2B-017": never a name, an address or an identity number.

    `id` counts from 1 without gaps. `previous` and `hash`: see `config.audit_chain`.
    """

    __tablename__ = "audit_entry"

    id: int = Field(sa_column=Column(BigInt, primary_key=True, autoincrement=False))
    at: datetime = Field(sa_column=utc_column(index=True))
    operator: str = Field(max_length=_MOST)
    act: str = Field(max_length=100)
    subject: str = Field(max_length=_MOST)
    details: dict[str, Any] = Field(sa_column=Column(JSON, nullable=False))
    previous: str = Field(max_length=64)
    hash: str = Field(max_length=64)


_TABLE = core_table(AuditEntry)


@event.listens_for(_TABLE, "after_create")
def _guard(_table: Table, connection: Connection, **_options: object) -> None:
    make_append_only(connection)


def record_act(
    connection: Connection,
    *,
    operator: str,
    act: str,
    subject: str,
    details: Mapping[str, Any] | None = None,
) -> None:
    """Append one act, within the transaction that does it: the act and its record stand or fall together.

    `act` says what was done in words of the domain ("student.release"); `details` must be representable as JSON and
    holds references, reasons and counts, no personal data. The only way by which rows get into this table.

    Call it last: whoever records an act waits until this transaction ends, and nobody who waits for another row may
    hold this one.
    """
    if connection.dialect.name == "postgresql":
        limit = func.set_config("idle_in_transaction_session_timeout", str(round(STILL_SECONDS * 1000)), True)
        connection.execute(select(limit))
    counted = bump(connection, AUDIT_ENTRIES)
    # The one before is the newest that is there, whatever it holds: a log that was tampered with is told of by whoever
    # verifies it, and must not keep an alert from going out.
    last = connection.execute(select(db_now().label("now"), _newest(_TABLE.c.id), _newest(_TABLE.c.hash))).one()
    entry = chained(
        number=_next(counted, last.id),
        at=last.now,
        # As much as their columns hold: a long ref is no reason to refuse the act.
        operator=operator[:_MOST],
        act=act,
        subject=subject[:_MOST],
        details=details or {},
        previous=last.hash if is_hash(last.hash) else NOTHING_BEFORE,
    )
    connection.execute(
        insert(_TABLE).values(
            id=entry.number,
            at=entry.at,
            operator=entry.operator,
            act=entry.act,
            subject=entry.subject,
            details=entry.details,
            previous=entry.previous,
            hash=entry.hash,
        )
    )


def _next(counted: int, newest: int | None) -> int:
    """The next number that was never given; of one that nobody can have reached, somebody wrote it there."""
    return counted if newest is None or newest >= _OUT_OF_REACH else max(counted, newest + 1)


def _newest(column: ColumnElement[Any]) -> Label[Any]:
    return select(column).order_by(_TABLE.c.id.desc()).limit(1).scalar_subquery().label(column.key)


def current_operator() -> str:
    """The name under which acts are recorded: that of the operator whom `act_as` named, else the system's user."""
    return _acting.get() or os_user()


def act_as(name: str) -> None:
    """Acts of this command are recorded under `name` from now on."""
    _acting.set(name)


def os_user() -> str:
    """The name of the operating-system user of this process; "uid 1000" where it has none.

    The real user, also of a program that runs with the rights of another.
    """
    try:
        # Not getpass.getuser(): it believes the environment, where everybody can write any name.
        return pwd.getpwuid(os.getuid()).pw_name
    except KeyError:  # a container's user, for instance
        return f"uid {os.getuid()}"
