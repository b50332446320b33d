"""The statements that move deliveries, drawn up once for each kind of move and kept.

On PostgreSQL one statement moves the rows and writes what goes with that: an event for each, and what the batch changed
in the alert's progress. SQLite has no such statements, and there a statement more costs nothing.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from typing import Any, NamedTuple

from sqlalchemy import (
    CTE,
    ColumnElement,
    Connection,
    Executable,
    Float,
    Integer,
    Select,
    String,
    case,
    false,
    func,
    insert,
    literal,
    null,
    select,
    true,
    union_all,
    update,
)
from sqlalchemy.types import TypeEngine

from config.clock import db_now_when_run, plus_seconds
from config.filling import fill
from config.rows import GivenRows
from config.tables import BigInt
from dispatcher.codes import DeliveryState, MoveSource
from dispatcher.outbox.transitions import FINAL
from dispatcher.tables import DELIVERY, EVENT, PROGRESS

EVENT_COLUMNS = ("delivery_id", "attempt", "from_state", "to_state", "at", "source", "code", "refused")
PROGRESS_COLUMNS = ("alert_id", "channel", "state", "delta", "at")
_WISH: Mapping[str, TypeEngine[Any]] = {
    "id": BigInt,
    "attempt": Integer(),
    "code": String(),
    "reference": String(),
    "provider": String(),
    "wait": Float(),
}
# Rows that only name what shall move, and rows that say more.
_PLAIN = GivenRows("wish", {"id": BigInt})
_FULL = GivenRows("wish", _WISH)
_IDS = GivenRows("locking", {"id": BigInt})


class Move(NamedTuple):
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

    @property
    def is_plain(self) -> bool:
        return self[2:] == _NOTHING_MORE


_NOTHING_MORE = (None,) * 5


class Moved(NamedTuple):
    """A move that took place."""

    delivery_id: int
    attempt: int
    before: DeliveryState
    to: DeliveryState


@dataclass(frozen=True, eq=False)
class Further:
    """Columns that a move sets beside those that every move into its state sets; `bindparam`s in them are given later.

    Made once, beside whoever makes such moves: the statement is kept with it.
    """

    columns: Mapping[str, Any] = field(default_factory=dict)


NOTHING_FURTHER = Further()


def lock_rows(connection: Connection, ids: Collection[int]) -> dict[int, DeliveryState]:
    """Lock the deliveries, in one order, so that two movers of the same rows wait for each other without deadlock.

    As everywhere in the outbox, the lock keeps nobody from pointing at the row (`key_share`, decision 0019). Since no
    foreign key points at a delivery any more (0022), that makes no difference now.
    """
    dialect = connection.dialect.name
    rows = connection.execute(_lock(dialect), _IDS.values(dialect, [(id_,) for id_ in ids]))
    return {row.id: row.state for row in rows}


@cache
def _lock(dialect: str) -> Select[Any]:
    these = select(_IDS.cte(dialect).c.id)
    statement = select(DELIVERY.c.id, DELIVERY.c.state).where(DELIVERY.c.id.in_(these)).order_by(DELIVERY.c.id)
    return statement.with_for_update(key_share=True, of=DELIVERY)


def move_rows(
    connection: Connection,
    before: DeliveryState,
    target: DeliveryState,
    moves: Sequence[Move],
    source: MoveSource,
    further: Further,
    given: Mapping[str, Any],
) -> list[Moved]:
    """Move those of the locked rows that are in `before`, with their events and the alerts' progress."""
    dialect = connection.dialect.name
    plain = all(move.is_plain for move in moves)
    rows = [move[:1] for move in moves] if plain else [(move[0], *move[2:]) for move in moves]
    values = {**(_PLAIN if plain else _FULL).values(dialect, rows), **given}
    if dialect == "sqlite":
        return _move_in_steps(
            connection, before, target, source, _update(dialect, before, target, plain, further), values
        )
    statement = _move_at_once(before, target, plain, source, further)
    return [Moved(row.id, row.attempt, before, target) for row in connection.execute(statement, values)]


@cache
def _move_at_once(
    before: DeliveryState, target: DeliveryState, plain: bool, source: MoveSource, further: Further
) -> Executable:
    moved = _update("postgresql", before, target, plain, further).cte("moved")
    event = (
        moved.c.id,
        moved.c.attempt,
        literal(before, EVENT.c.from_state.type),
        literal(target, EVENT.c.to_state.type),
        moved.c.at,
        literal(source, EVENT.c.source.type),
        moved.c.code,
        false(),
    )
    logged = insert(EVENT).from_select(EVENT_COLUMNS, select(*event)).cte("logged")
    changes = [_change(moved, before, -func.count()), _change(moved, target, func.count())]
    counted = insert(PROGRESS).from_select(PROGRESS_COLUMNS, union_all(*changes)).cte("counted")
    return select(moved.c.id, moved.c.attempt).add_cte(logged, counted)


def _change(moved: CTE, state: DeliveryState, delta: ColumnElement[int]) -> Select[Any]:
    return (
        select(moved.c.alert_id, moved.c.channel, literal(state, PROGRESS.c.state.type), delta, func.max(moved.c.at))
        .where(moved.c.alert_id.is_not(None))
        .group_by(moved.c.alert_id, moved.c.channel)
    )


def _move_in_steps(
    connection: Connection,
    before: DeliveryState,
    target: DeliveryState,
    source: MoveSource,
    statement: Any,
    values: Mapping[str, Any],
) -> list[Moved]:
    rows = connection.execute(statement, values).all()
    events: list[tuple[object, ...]] = [
        (row.id, row.attempt, before.value, target.value, row.at, source.value, row.code, False) for row in rows
    ]
    fill(connection, EVENT, EVENT_COLUMNS, events)
    of_alerts = Counter((row.alert_id, row.channel, row.at) for row in rows if row.alert_id is not None)
    progress: list[tuple[object, ...]] = []
    for (alert_id, channel, at), count in of_alerts.items():
        progress.append((alert_id, channel.value, before.value, -count, at))
        progress.append((alert_id, channel.value, target.value, count, at))
    fill(connection, PROGRESS, PROGRESS_COLUMNS, progress)
    return [Moved(row.id, row.attempt, before, target) for row in rows]


@cache
def _update(dialect: str, before: DeliveryState, target: DeliveryState, plain: bool, further: Further) -> Any:
    wish = (_PLAIN if plain else _FULL).cte(dialect)
    same_attempt: ColumnElement[bool] = true()
    # Whatever attempt it waits for, an earlier one that was accepted after all is the end of its waiting.
    if not plain and (target is not DeliveryState.ACCEPTED or before is DeliveryState.SENDING):
        same_attempt = wish.c.attempt.is_(None) | (DELIVERY.c.attempt == wish.c.attempt)
    return (
        update(DELIVERY)
        .values({"state": target, **_columns_for(target, None if plain else wish), **further.columns})
        .where(DELIVERY.c.id == wish.c.id, DELIVERY.c.state == before, same_attempt)
        .returning(
            DELIVERY.c.id,
            DELIVERY.c.attempt,
            DELIVERY.c.alert_id,
            DELIVERY.c.channel,
            DELIVERY.c.code,
            db_now_when_run().label("at"),
        )
    )


def _columns_for(target: DeliveryState, wish: CTE | None) -> dict[str, Any]:
    """The columns that a move into `target` sets beside the state; without a wish, as one that says nothing more."""
    now = db_now_when_run()
    later: ColumnElement[Any] = null()
    columns: dict[str, Any] = {"claimed_by": None, "lease_until": None, "code": None}
    if wish is not None:
        later = case((wish.c.wait.is_(None), null()), else_=plus_seconds(now, wish.c.wait))
        columns |= {
            "code": wish.c.code,
            "reference": func.coalesce(wish.c.reference, DELIVERY.c.reference),
            "provider": func.coalesce(wish.c.provider, DELIVERY.c.provider),
        }
    columns["lookup_at"] = later if target is DeliveryState.UNKNOWN else None
    columns["poll_at"] = later if target is DeliveryState.ACCEPTED else None
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
