"""Who is alive, and who may do what only one may do: heartbeat rows and leases, by the database's clock."""

from __future__ import annotations

import contextlib
import os
import secrets
import socket
from collections.abc import Mapping, Sequence
from pathlib import Path
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
    return f"{kind}-{_host()}-{os.getpid()}-{secrets.token_hex(3)}"[:64]


def died_here(process_id: str) -> bool:
    """Whether a process of this machine is certainly gone, though its row is fresh; of others nobody can tell."""
    host, pid = _place_of(process_id)
    if host != _host() or pid is None:
        return False
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return True
    except PermissionError:
        return False
    # Dead, and its parent has not asked yet.
    with contextlib.suppress(OSError):
        state = Path(f"/proc/{pid}/stat").read_text(encoding="ascii", errors="replace").rpartition(")")[2].split()
        return state[:1] == ["Z"]
    return False


def _host() -> str:
    return socket.gethostname().split(".")[0][:24]


def _place_of(process_id: str) -> tuple[str, int | None]:
    """(machine, process number) out of the name that `new_process_id` gave."""
    named, _, _chance = process_id.rpartition("-")
    rest, _, pid = named.rpartition("-")
    return rest.partition("-")[2], int(pid) if pid.isdecimal() and int(pid) > 0 else None


def beat(connection: Connection, process_id: str, kind: str, lane: str | None, health: Mapping[str, Any]) -> None:
    """Say that this process is alive, and how it is."""
    statement = upsert(connection.dialect.name, PROCESS).values(
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
    """The processes seen lately, of these kinds (none named: all); with a lane, those that work in it.

    Those of this machine that were killed meanwhile are left out: nobody has to wait until their rows are old.
    """
    statement = select(PROCESS).where(PROCESS.c.seen_at > plus_seconds(db_now(), -ALIVE_SECONDS))
    if kinds:
        statement = statement.where(PROCESS.c.kind.in_(kinds))
    if lane is not None:
        statement = statement.where(or_(PROCESS.c.lane == lane, PROCESS.c.lane == ALL_LANES))
    return [row for row in connection.execute(statement.order_by(PROCESS.c.id)) if not died_here(row.id)]


# The lease of whoever does the upkeep of a lane, and for how long it is taken: longer than any look-up takes, shorter
# than anybody would wait for a dead process's share of the work.
UPKEEP = "upkeep:"
UPKEEP_SECONDS = 15.0
ALL_LANES = "all"
# The kinds of process that send.
SENDING = ("worker", "drainer", "run")


def take_lease(connection: Connection, name: str, holder: str, seconds: float) -> bool:
    """Take or keep the lease; false when somebody else holds it. It runs out by itself, or when its holder is killed
    on this machine."""
    kept = connection.execute(
        update(LEASE)
        .where(LEASE.c.name == name, or_(LEASE.c.holder == holder, LEASE.c.until < db_now()))
        .values(holder=holder, until=plus_seconds(db_now(), seconds))
    )
    if kept.rowcount == 1:
        return True
    made = connection.execute(
        upsert(connection.dialect.name, LEASE)
        .values(name=name, holder=holder, until=plus_seconds(db_now(), seconds))
        .on_conflict_do_nothing()
        .returning(LEASE.c.name)  # the count of inserted rows is not told on PostgreSQL
    )
    if made.first() is not None:
        return True
    other = connection.execute(select(LEASE.c.holder).where(LEASE.c.name == name)).scalar()
    if other is None or not died_here(other):
        return False
    inherited = connection.execute(
        update(LEASE)
        .where(LEASE.c.name == name, LEASE.c.holder == other)
        .values(holder=holder, until=plus_seconds(db_now(), seconds))
    )
    return inherited.rowcount == 1


def give_back(connection: Connection, name: str, holder: str) -> None:
    connection.execute(delete(LEASE).where(LEASE.c.name == name, LEASE.c.holder == holder))
