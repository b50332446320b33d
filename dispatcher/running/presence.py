"""Who is alive, and who may do what only one may do: heartbeat rows and leases, by the database's clock."""

from __future__ import annotations

import os
import secrets
import socket
from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import Connection, delete, or_, select, update

from config.clock import db_now, plus_seconds
from dispatcher.outbox.record import upsert
from dispatcher.tables import LEASE, PROCESS, AnyRow

# A process that has not been seen for this long counts as gone.
ALIVE_SECONDS = 15.0
BEAT_SECONDS = 3.0
# Rows of processes that died without a word are kept this long for whoever asks what happened.
_FORGET_SECONDS = 86_400.0


def new_process_id(kind: str) -> str:
    """A name for this process that no other has: kind, machine, process number, and chance."""
    host = socket.gethostname().split(".")[0][:24]
    return f"{kind}-{host}-{os.getpid()}-{secrets.token_hex(3)}"[:64]


def beat(connection: Connection, process_id: str, kind: str, lane: str | None, health: Mapping[str, Any]) -> None:
    """Say that this process is alive, and how it is."""
    statement = upsert(connection, PROCESS).values(
        id=process_id, kind=kind, lane=lane, started_at=db_now(), seen_at=db_now(), health=dict(health)
    )
    connection.execute(
        statement.on_conflict_do_update(
            index_elements=["id"], set_={"seen_at": statement.excluded.seen_at, "health": statement.excluded.health}
        )
    )
    connection.execute(delete(PROCESS).where(PROCESS.c.seen_at < plus_seconds(db_now(), -_FORGET_SECONDS)))


def leave(connection: Connection, process_id: str) -> None:
    """This process ends: its row and its leases go with it."""
    connection.execute(delete(PROCESS).where(PROCESS.c.id == process_id))
    connection.execute(delete(LEASE).where(LEASE.c.holder == process_id))


def alive(connection: Connection, kinds: Sequence[str] = (), lane: str | None = None) -> Sequence[AnyRow]:
    """The processes seen lately, of these kinds (none named: all); with a lane, those that work in it."""
    statement = select(PROCESS).where(PROCESS.c.seen_at > plus_seconds(db_now(), -ALIVE_SECONDS))
    if kinds:
        statement = statement.where(PROCESS.c.kind.in_(kinds))
    if lane is not None:
        statement = statement.where(or_(PROCESS.c.lane == lane, PROCESS.c.lane == ALL_LANES))
    return connection.execute(statement.order_by(PROCESS.c.id)).all()


ALL_LANES = "all"
# The kinds of process that send.
SENDING = ("worker", "drainer", "run")


def take_lease(connection: Connection, name: str, holder: str, seconds: float) -> bool:
    """Take or keep the lease; false when somebody else holds it. It runs out by itself."""
    kept = connection.execute(
        update(LEASE)
        .where(LEASE.c.name == name, or_(LEASE.c.holder == holder, LEASE.c.until < db_now()))
        .values(holder=holder, until=plus_seconds(db_now(), seconds))
    )
    if kept.rowcount == 1:
        return True
    made = connection.execute(
        upsert(connection, LEASE)
        .values(name=name, holder=holder, until=plus_seconds(db_now(), seconds))
        .on_conflict_do_nothing()
    )
    return made.rowcount == 1


def give_back(connection: Connection, name: str, holder: str) -> None:
    connection.execute(delete(LEASE).where(LEASE.c.name == name, LEASE.c.holder == holder))
