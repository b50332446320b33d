"""What providers say later: kept once, matched to its delivery, and let through only where the table allows it.

Receipts come late, twice and out of order, before our own commit, and for deliveries we do not know (yet).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from sqlalchemy import Connection, and_, select, update

from dispatcher.codes import AttemptOutcome, DeliveryState, MoveSource
from dispatcher.outbox.addresses import note_ends
from dispatcher.outbox.hastening import hasten
from dispatcher.outbox.move_statements import Move, Moved
from dispatcher.outbox.moves import apply_moves
from dispatcher.outbox.record import AttemptRow, upsert, write_attempts
from dispatcher.outbox.transitions import DUE, state_after_receipt
from dispatcher.tables import ATTEMPT, DELIVERY, RECEIPT, AnyRow
from providers.base import Receipt, ReceiptStatus
from providers.twilio_call_status import SAYS_NOTHING_OF_KEYS

# How many unmatched receipts are looked at again in one go.
_BATCH = 500
# Seconds after which a message is asked about that the provider has, as it said itself, and of which no more is known.
_POLL_SECONDS = 30.0
# Another attempt is under way, or has its own answer to come.
_ON_ITS_WAY = (DeliveryState.SENDING, DeliveryState.ACCEPTED, DeliveryState.UNKNOWN)


@dataclass(frozen=True, slots=True)
class Arrived:
    """A receipt as it came in. The callback URL names the delivery and the attempt; a poll knows the reference only."""

    receipt: Receipt
    delivery_id: int | None = None
    attempt: int | None = None


@dataclass(frozen=True, slots=True)
class _Matched:
    """A receipt and its delivery. `attempt`: the one it is about, where that is known."""

    delivery_id: int
    attempt: int | None
    receipt: Receipt


def take_receipts(
    connection: Connection, provider: str, arrived: Sequence[Arrived], source: MoveSource = MoveSource.RECEIPT
) -> int:
    """Keep receipts and apply them, in the caller's transaction; the number of those that were new.

    One that fits no delivery is kept, and matched when the delivery's reference becomes known (`match_waiting`).
    """
    new = _store_new(connection, provider, arrived)
    matched = _match(connection, provider, new)
    _apply(connection, matched, source)
    return len(new)


def match_waiting(connection: Connection) -> int:
    """Try again to match receipts that fitted no delivery when they came; the number matched."""
    waiting = connection.execute(
        select(
            RECEIPT.c.id, RECEIPT.c.reference, RECEIPT.c.status, RECEIPT.c.code, ATTEMPT.c.delivery_id, ATTEMPT.c.number
        )
        .join(ATTEMPT, and_(ATTEMPT.c.reference == RECEIPT.c.reference, ATTEMPT.c.provider == RECEIPT.c.provider))
        .where(RECEIPT.c.delivery_id.is_(None))
        .order_by(RECEIPT.c.id)
        .limit(_BATCH)
    ).all()
    for row in waiting:
        connection.execute(update(RECEIPT).where(RECEIPT.c.id == row.id).values(delivery_id=row.delivery_id))
    found = [
        _Matched(row.delivery_id, row.number, Receipt(row.reference, ReceiptStatus(row.status), row.code))
        for row in waiting
    ]
    _apply(connection, found, MoveSource.RECEIPT)
    return len(found)


def _store_new(connection: Connection, provider: str, arrived: Sequence[Arrived]) -> list[Arrived]:
    """Keep the receipts, and return those that the provider had not sent before."""
    named = {one.delivery_id for one in arrived if one.delivery_id is not None}
    known = set(connection.execute(select(DELIVERY.c.id).where(DELIVERY.c.id.in_(named))).scalars()) if named else set()
    first = {(one.receipt.reference, one.receipt.status.value): one for one in reversed(arrived)}
    if not first:
        return []
    statement = upsert(connection.dialect.name, RECEIPT).on_conflict_do_nothing(
        index_elements=["provider", "reference", "status"]
    )
    stored = connection.execute(
        statement.returning(RECEIPT.c.reference, RECEIPT.c.status),
        [
            {
                "provider": provider,
                "reference": reference,
                "status": status,
                "code": one.receipt.code,
                "delivery_id": one.delivery_id if one.delivery_id in known else None,
                "attempt": one.attempt,
            }
            for (reference, status), one in first.items()
        ],
    ).all()
    return [first[row.reference, row.status] for row in stored]


def _match(connection: Connection, provider: str, new: Sequence[Arrived]) -> list[_Matched]:
    """Those whose delivery is known: by the callback URL, else by the reference."""
    references = [one.receipt.reference for one in new]
    by_url = {
        row.reference: (row.delivery_id, row.attempt)
        for row in connection.execute(
            select(RECEIPT.c.reference, RECEIPT.c.delivery_id, RECEIPT.c.attempt).where(
                RECEIPT.c.provider == provider,
                RECEIPT.c.reference.in_(references),
                RECEIPT.c.delivery_id.is_not(None),
            )
        )
    }
    missing = [one.receipt.reference for one in new if one.receipt.reference not in by_url]
    by_attempt = {
        row.reference: (row.delivery_id, row.number)
        for row in connection.execute(
            select(ATTEMPT.c.reference, ATTEMPT.c.delivery_id, ATTEMPT.c.number).where(
                ATTEMPT.c.provider == provider, ATTEMPT.c.reference.in_(missing)
            )
        )
    }
    for reference, (delivery_id, _number) in by_attempt.items():
        connection.execute(
            update(RECEIPT)
            .where(RECEIPT.c.provider == provider, RECEIPT.c.reference == reference)
            .values(delivery_id=delivery_id)
        )
    owners = by_url | by_attempt
    return [_Matched(*owners[one.receipt.reference], one.receipt) for one in new if one.receipt.reference in owners]


def _apply(connection: Connection, matched: Sequence[_Matched], source: MoveSource) -> None:
    """Move the deliveries; of several receipts for one delivery the one that says most counts."""
    best: dict[int, _Matched] = {}
    for one in matched:
        known = best.get(one.delivery_id)
        if known is None or _SAYS[one.receipt.status] > _SAYS[known.receipt.status]:
            best[one.delivery_id] = one
    rows = {row.id: row for row in _locked(connection, best)}
    useful = [one for one in best.values() if _is_news(one, rows[one.delivery_id].state)]
    moved = apply_moves(
        connection,
        [_move(one, rows[one.delivery_id].state) for one in useful],
        source,
        locked={id_: row.state for id_, row in rows.items()},
    )
    note_ends(connection, moved, {one.delivery_id: one.receipt.code for one in useful})
    hasten(connection, moved)
    # Our own record may never come, when the process that sent it died.
    under_way = [move for move in moved if move.before is DeliveryState.SENDING]
    write_attempts(connection, [_attempt(move, rows[move.delivery_id], best[move.delivery_id]) for move in under_way])


def _attempt(move: Moved, row: AnyRow, one: _Matched) -> AttemptRow:
    """The attempt that was under way when a receipt came: that was accepted, or an earlier one, and nobody knows."""
    if one.attempt in (None, move.attempt):
        outcome, reference = AttemptOutcome.ACCEPTED, one.receipt.reference
    else:
        outcome, reference = AttemptOutcome.UNKNOWN, None
    return AttemptRow(move.delivery_id, move.attempt, row.provider, row.claimed_at, outcome, reference=reference)


_SAYS = {ReceiptStatus.PENDING: 0, ReceiptStatus.UNDELIVERED: 1, ReceiptStatus.DELIVERED: 2}


def _locked(connection: Connection, delivery_ids: Iterable[int]) -> Sequence[AnyRow]:
    """The deliveries, locked in the order in which all movers lock them."""
    return connection.execute(
        select(DELIVERY.c.id, DELIVERY.c.state, DELIVERY.c.provider, DELIVERY.c.claimed_at)
        .where(DELIVERY.c.id.in_(sorted(delivery_ids)))
        .order_by(DELIVERY.c.id)
        .with_for_update(key_share=True)
    ).all()


def _is_news(one: _Matched, state: DeliveryState) -> bool:
    """That the provider has a message is news only where we did not know; our own record says it better elsewhere.
    And that a call has ended says nothing of one that was confirmed by a key."""
    if state is DeliveryState.DELIVERED and one.receipt.code in SAYS_NOTHING_OF_KEYS:
        return False
    return one.receipt.status is not ReceiptStatus.PENDING or state in (*DUE, DeliveryState.UNKNOWN)


def _move(one: _Matched, state: DeliveryState) -> Move:
    """The move that a receipt proves. That an earlier attempt failed does not end the one that is on its way."""
    failed = one.receipt.status is ReceiptStatus.UNDELIVERED
    return Move(
        one.delivery_id,
        state_after_receipt(one.receipt.status),
        attempt=one.attempt if failed and state in _ON_ITS_WAY else None,
        code=one.receipt.code or None,
        reference=one.receipt.reference,
        wait_seconds=_POLL_SECONDS,
    )
