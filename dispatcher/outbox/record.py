"""Write down how attempts ended: the attempt always, the delivery's move when the fence and the table allow it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from typing import Any, NamedTuple

from sqlalchemy import Connection, Enum, Insert, String, case, func, select
from sqlalchemy.dialects import postgresql, sqlite

from config.clock import db_now_when_run
from config.rows import GivenRows
from dispatcher.codes import AttemptOutcome, DeliveryState, MoveSource
from dispatcher.outbox.addresses import note_ends, note_opt_outs
from dispatcher.outbox.claim import ALONE_AFTER, Claimed
from dispatcher.outbox.hastening import hasten
from dispatcher.outbox.move_statements import Further, Move, Moved, lock_rows
from dispatcher.outbox.moves import apply_moves
from dispatcher.outbox.transitions import Proof, attempt_outcome, retry_delay, state_after
from dispatcher.tables import ATTEMPT, DELIVERY
from providers.base import Accepted, Channel, Deferred, Outcome, Rejected

POISON = "poison"
# An exception out of a provider's library after bytes may have left; "unexpected" where the provider says so itself.
CRASHED = "crashed"
_CRASHES = frozenset({CRASHED, "unexpected"})
# A whole batch is lost with its process, whichever row was the cause, if any was: that only makes a row be claimed
# alone. Claims lost alone speak against the row itself, and so does the crash of the call that had it in hand.
LOST_CLAIM = Further({"lost_claims": DELIVERY.c.lost_claims + 1})
_CRASHED_ALONE = Further(
    {"lost_claims": case((DELIVERY.c.lost_claims < ALONE_AFTER, ALONE_AFTER), else_=DELIVERY.c.lost_claims) + 1}
)
POISON_AFTER = ALONE_AFTER + 3


@dataclass(frozen=True, slots=True)
class Patience:
    """How long things wait, in seconds: see [dispatch] in config/defaults.toml."""

    retry_first: float
    retry_longest: float
    settle: float
    receipt_poll: float


class Ended(NamedTuple):
    """One attempt that ended. `elsewhere`: this provider does not work, and another one of the channel does."""

    claimed: Claimed
    provider: str
    outcome: Outcome
    elsewhere: bool = False


def record_outcomes(connection: Connection, ended: Sequence[Ended], patience: Patience) -> None:
    """Record a batch of outcomes in the caller's transaction."""
    moves = [_move(one, patience) for one in ended]
    moved = _apply(connection, moves)
    note_ends(connection, moved, {move.delivery_id: move.code for move in moves})
    hasten(connection, moved)
    stopped = [one.claimed.delivery_id for one in ended if isinstance(one.outcome, Rejected) and one.outcome.opted_out]
    note_opt_outs(connection, stopped)
    write_attempts(
        connection,
        [
            AttemptRow(
                one.claimed.delivery_id,
                one.claimed.attempt,
                one.provider,
                one.claimed.claimed_at,
                attempt_outcome(one.outcome),
                code=getattr(one.outcome, "code", None),
                reference=getattr(one.outcome, "reference", None),
            )
            for one in ended
        ],
    )


def _apply(connection: Connection, moves: Sequence[Move]) -> list[Moved]:
    """Move the deliveries; a claim that ended in a crash counts as one that was lost alone."""
    crashed: list[Move] = []
    others: list[Move] = []
    for move in moves:
        (crashed if move.to is DeliveryState.UNKNOWN and move.code in _CRASHES else others).append(move)
    if not crashed:
        return apply_moves(connection, others, MoveSource.SEND)
    # Locked together, in the order in which all movers lock.
    locked = lock_rows(connection, sorted(move.delivery_id for move in moves))
    moved = apply_moves(connection, others, MoveSource.SEND, locked=locked)
    return moved + apply_moves(connection, crashed, MoveSource.SEND, further=_CRASHED_ALONE, locked=locked)


def release(connection: Connection, claims: Sequence[Claimed], *, provider: str) -> None:
    """Give back what was claimed and never handed over; only the claim's owner may say so."""
    apply_moves(
        connection,
        [Move(one.delivery_id, DeliveryState.QUEUED, attempt=one.attempt, wait_seconds=0.0) for one in claims],
        MoveSource.SEND,
        Proof(owner_never_sent=True),
    )
    write_attempts(
        connection,
        [AttemptRow(one.delivery_id, one.attempt, provider, one.claimed_at, AttemptOutcome.RELEASED) for one in claims],
    )


class AttemptRow(NamedTuple):
    """One attempt, as it is written down."""

    delivery_id: int
    number: int
    provider: str
    began_at: datetime
    outcome: AttemptOutcome
    code: str | None = None
    reference: str | None = None


def write_attempts(connection: Connection, rows: Sequence[AttemptRow]) -> None:
    """Insert attempts; one that was written as unknown when its lease ran out takes the truth that came later."""
    if not rows:
        return
    dialect = connection.dialect.name
    if dialect == "sqlite":
        connection.execute(_write_attempts(dialect), [row._asdict() for row in rows])
    else:
        # One run for all: a run for each row took PostgreSQL as long as all the rest of the record.
        connection.execute(_write_attempts(dialect), _TRIED.values(dialect, rows))


@cache
def _write_attempts(dialect: str) -> Any:
    if dialect == "sqlite":
        statement = upsert(dialect, ATTEMPT).values(ended_at=db_now_when_run())
    else:
        tried = _TRIED.cte(dialect)
        columns = [*AttemptRow._fields, "ended_at"]
        statement = upsert(dialect, ATTEMPT).from_select(columns, select(*tried.c, db_now_when_run()))
    return statement.on_conflict_do_update(
        index_elements=[ATTEMPT.c.delivery_id, ATTEMPT.c.number],
        set_={
            "outcome": statement.excluded.outcome,
            "code": statement.excluded.code,
            "reference": func.coalesce(statement.excluded.reference, ATTEMPT.c.reference),
            "ended_at": statement.excluded.ended_at,
        },
        where=ATTEMPT.c.outcome == AttemptOutcome.UNKNOWN,
    )


_TRIED = GivenRows(
    "tried",
    {name: String() if isinstance(ATTEMPT.c[name].type, Enum) else ATTEMPT.c[name].type for name in AttemptRow._fields},
)


def upsert(dialect: str, table: Any) -> Any:
    """INSERT with ON CONFLICT, in the words of this kind of database."""
    insert: Insert = (sqlite.insert if dialect == "sqlite" else postgresql.insert)(table)
    return insert


def _move(one: Ended, patience: Patience) -> Move:
    outcome = one.outcome
    return Move(
        one.claimed.delivery_id,
        state_after(outcome),
        attempt=one.claimed.attempt,
        code=getattr(outcome, "code", None),
        reference=getattr(outcome, "reference", None),
        provider=one.provider,
        wait_seconds=_wait(one, patience),
    )


def _wait(one: Ended, patience: Patience) -> float | None:
    match one.outcome:
        case Accepted(reference=reference):
            return patience.receipt_poll if one.claimed.channel is not Channel.EMAIL and reference else None
        case Deferred() if one.elsewhere:
            return 0.0
        case Deferred(retry_after=retry_after):
            return retry_delay(
                one.claimed.deferrals, retry_after, first=patience.retry_first, longest=patience.retry_longest
            )
        case Rejected():
            return None
        case _:
            return unknown_wait(one.claimed.channel, one.claimed.repeats, patience.settle)


def unknown_wait(channel: Channel, repeats: int, settle: float) -> float | None:
    """Seconds until an unknown delivery is taken up: an SMS or a call is looked up at once, an e-mail repeated once."""
    if channel is not Channel.EMAIL:
        return 0.0
    return settle if repeats == 0 else None
