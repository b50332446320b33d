"""The one way a delivery changes its state: guarded by the transition table, with its event and its progress.

Every move names what it wants and what it can prove. The UPDATE's WHERE clause holds the states from which the move is
allowed, so that of two movers only one wins, in whatever order they come. What is refused changes nothing and leaves a
refused event behind.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import CTE, Connection, Float, Integer, String, case, func, insert, null, select, true, update
from sqlalchemy.sql.elements import ColumnElement
from sqlalchemy.types import TypeEngine

from config.clock import db_now, plus_seconds
from config.filling import fill
from config.rows import rows_of
from config.tables import BigInt
from dispatcher.codes import DeliveryState, MoveSource
from dispatcher.outbox.transitions import FINAL, NO_PROOF, PROVES_ACCEPTANCE, Proof, sources_of
from dispatcher.tables import DELIVERY, EVENT, PROGRESS

# What `fill` writes of an event.
EVENT_COLUMNS = ("delivery_id", "attempt", "from_state", "to_state", "at", "source", "code", "refused")
# Rows in one statement: well under SQLite's and PostgreSQL's limits on bound values.
_ROWS = 500


@dataclass(frozen=True, slots=True)
class Move:
    """One delivery's wish to move. `attempt`: fences the move to that attempt; None: whatever the attempt.

    That an earlier attempt was accepted after all is true of a message that waits, whatever attempt it waits for.
    `wait_seconds`: until it is due again (deferred, queued), is looked up (unknown) or is polled (accepted); None for
    an accepted or unknown one means: never.
    """

    delivery_id: int
    to: DeliveryState
    attempt: int | None = None
    code: str | None = None
    reference: str | None = None
    provider: str | None = None
    wait_seconds: float | None = None


@dataclass(frozen=True, slots=True)
class Moved:
    """A move that took place."""

    delivery_id: int
    attempt: int
    alert_id: int | None
    channel: str
    before: DeliveryState
    to: DeliveryState
    at: datetime


def apply_moves(
    connection: Connection,
    moves: Sequence[Move],
    source: MoveSource,
    proof: Proof = NO_PROOF,
    *,
    report_refused: bool = True,
    extra: dict[str, Any] | None = None,
    locked: Mapping[int, DeliveryState] | None = None,
) -> list[Moved]:
    """Carry out those of `moves` that are allowed, in the caller's transaction; return them.

    At most one move a delivery. `extra`: further columns to set on every row moved. `report_refused`: leave an event
    for those refused (a mover that only tries, such as a sweep, does not). `locked`: the states of these rows, where
    the caller has read them in this transaction and holds their locks.
    """
    by_target: dict[DeliveryState, list[Move]] = defaultdict(list)
    for move in moves:
        by_target[move.to].append(move)
    moved: list[Moved] = []
    wishes = {move.delivery_id: move for move in moves}
    states = _lock(connection, wishes) if locked is None else locked
    for target, wanted in by_target.items():
        for start in range(0, len(wanted), _ROWS):
            moved += _move_chunk(connection, target, wanted[start : start + _ROWS], states, proof, extra or {})
    _write_events(connection, moved, wishes, source)
    count_progress(connection, ((m.alert_id, m.channel, m.before, m.to) for m in moved))
    if report_refused:
        done = {m.delivery_id for m in moved}
        refused = [m for m in moves if m.delivery_id not in done and not _already_there(m, states)]
        _write_refused(connection, refused, source)
    return moved


def _lock(connection: Connection, ids: Iterable[int]) -> dict[int, DeliveryState]:
    """Lock the rows, in one order, so that two movers of the same rows wait for each other instead of deadlocking.

    No lock here, nor anywhere in the outbox, keeps others from pointing at the row (`key_share`): an event, a receipt
    or a recipient that is being written would otherwise wait for the mover, and the mover for it.
    """
    ordered = sorted(ids)
    states: dict[int, DeliveryState] = {}
    for start in range(0, len(ordered), _ROWS):
        chunk = ordered[start : start + _ROWS]
        statement = select(DELIVERY.c.id, DELIVERY.c.state).where(DELIVERY.c.id.in_(chunk)).order_by(DELIVERY.c.id)
        states.update((row.id, row.state) for row in connection.execute(statement.with_for_update(key_share=True)))
    return states


def _already_there(move: Move, states: Mapping[int, DeliveryState]) -> bool:
    """A receipt was faster than our own record of the acceptance: nothing was refused, it is known already."""
    return move.to is DeliveryState.ACCEPTED and states.get(move.delivery_id) in PROVES_ACCEPTANCE


def _move_chunk(
    connection: Connection,
    target: DeliveryState,
    wanted: Sequence[Move],
    states: Mapping[int, DeliveryState],
    proof: Proof,
    extra: dict[str, Any],
) -> list[Moved]:
    by_source: dict[DeliveryState, list[Move]] = defaultdict(list)
    for move in wanted:
        if move.delivery_id in states:
            by_source[states[move.delivery_id]].append(move)
    moved: list[Moved] = []
    for before in sources_of(target, proof) & by_source.keys():
        wish = _wishes(connection, by_source[before])
        same_attempt: ColumnElement[bool] = wish.c.attempt.is_(None) | (DELIVERY.c.attempt == wish.c.attempt)
        if target is DeliveryState.ACCEPTED and before is not DeliveryState.SENDING:
            same_attempt = true()
        statement = (
            update(DELIVERY)
            .values({"state": target, **_columns_for(target, wish), **extra})
            .where(DELIVERY.c.id == wish.c.id, DELIVERY.c.state == before, same_attempt)
            .returning(DELIVERY.c.id, DELIVERY.c.attempt, DELIVERY.c.alert_id, DELIVERY.c.channel, db_now().label("at"))
        )
        moved += [
            Moved(row.id, row.attempt, row.alert_id, row.channel, before, target, row.at)
            for row in connection.execute(statement)
        ]
    return moved


_WISH: Mapping[str, TypeEngine[Any]] = {
    "id": BigInt,
    "attempt": Integer(),
    "code": String(),
    "reference": String(),
    "provider": String(),
    "wait": Float(),
}


def _wishes(connection: Connection, moves: Sequence[Move]) -> CTE:
    rows = [(m.delivery_id, m.attempt, m.code, m.reference, m.provider, m.wait_seconds) for m in moves]
    return rows_of(connection, "wish", _WISH, rows)


def _columns_for(target: DeliveryState, wish: CTE) -> dict[str, Any]:
    """The columns that a move into `target` sets beside the state."""
    now = db_now()
    later: ColumnElement[Any] = case((wish.c.wait.is_(None), null()), else_=plus_seconds(now, wish.c.wait))
    columns: dict[str, Any] = {
        "claimed_by": None,
        "lease_until": None,
        "code": wish.c.code,
        "reference": func.coalesce(wish.c.reference, DELIVERY.c.reference),
        "provider": func.coalesce(wish.c.provider, DELIVERY.c.provider),
        "lookup_at": later if target is DeliveryState.UNKNOWN else None,
        "poll_at": later if target is DeliveryState.ACCEPTED else None,
    }
    if target in (DeliveryState.DEFERRED, DeliveryState.QUEUED):
        columns["due_at"] = func.coalesce(later, now)
    if target is DeliveryState.DEFERRED:
        columns["deferrals"] = DELIVERY.c.deferrals + 1
    if target is DeliveryState.UNKNOWN:
        columns["lookups"] = 0
    if target in (DeliveryState.ACCEPTED, DeliveryState.DELIVERED, DeliveryState.UNDELIVERED):
        columns["accepted_at"] = func.coalesce(DELIVERY.c.accepted_at, now)
    if target in FINAL:
        columns["finished_at"] = now
    return columns


def _write_events(connection: Connection, moved: Sequence[Moved], wishes: dict[int, Move], source: MoveSource) -> None:
    fill(
        connection,
        EVENT,
        EVENT_COLUMNS,
        [
            (
                m.delivery_id,
                m.attempt,
                m.before.value,
                m.to.value,
                m.at,
                source.value,
                wishes[m.delivery_id].code,
                False,
            )
            for m in moved
        ],
    )


def _write_refused(connection: Connection, refused: Sequence[Move], source: MoveSource) -> None:
    if refused:
        connection.execute(
            insert(EVENT),
            [
                {
                    "delivery_id": move.delivery_id,
                    "attempt": move.attempt or 0,
                    "from_state": None,
                    "to_state": move.to,
                    "source": source,
                    "code": move.code,
                    "refused": True,
                }
                for move in refused
            ],
        )


def count_progress(
    connection: Connection,
    changes: Iterable[tuple[int | None, str, DeliveryState | None, DeliveryState]],
) -> None:
    """Append what a batch changed, as deltas: (alert, channel, state before or None when new, state after)."""
    deltas: Counter[tuple[int, str, DeliveryState]] = Counter()
    for alert_id, channel, before, after in changes:
        if alert_id is None:
            continue
        if before is not None:
            deltas[alert_id, channel, before] -= 1
        deltas[alert_id, channel, after] += 1
    rows = [
        {"alert_id": alert_id, "channel": channel, "state": state, "delta": delta}
        for (alert_id, channel, state), delta in deltas.items()
        if delta
    ]
    if rows:
        connection.execute(insert(PROGRESS), rows)
