"""The one way a delivery changes its state: guarded by the transition table, with its event and its progress.

Every move names what it wants and what it can prove. The UPDATE's WHERE clause holds the state from which the move is
allowed, so that of two movers only one wins, in whatever order they come. What is refused changes nothing and leaves a
refused event behind.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import Connection, insert

from dispatcher.codes import DeliveryState, MoveSource
from dispatcher.outbox.move_statements import NOTHING_FURTHER, Further, Move, Moved, lock_rows, move_rows
from dispatcher.outbox.transitions import NO_PROOF, PROVES_ACCEPTANCE, Proof, sources_of
from dispatcher.tables import EVENT


def apply_moves(
    connection: Connection,
    moves: Sequence[Move],
    source: MoveSource,
    proof: Proof = NO_PROOF,
    *,
    further: Further = NOTHING_FURTHER,
    given: Mapping[str, Any] | None = None,
    locked: Mapping[int, DeliveryState] | None = None,
) -> list[Moved]:
    """Carry out those of `moves` that are allowed, in the caller's transaction; return them.

    At most one move a delivery. `further`: columns to set on every row moved, with the values `given` for them.
    `locked`: the states of these rows, where the caller has read them in this transaction and holds their locks.
    """
    if not moves:
        return []
    states = lock_rows(connection, sorted(move.delivery_id for move in moves)) if locked is None else locked
    wishes: dict[tuple[DeliveryState, DeliveryState], list[Move]] = defaultdict(list)
    for move in moves:
        before = states.get(move.delivery_id)
        if before is not None:
            wishes[before, move.to].append(move)
    moved: list[Moved] = []
    for (before, target), wanted in wishes.items():
        if before in sources_of(target, proof):
            moved += move_rows(connection, before, target, wanted, source, further, given or {})
    if len(moved) < len(moves):
        done = {one.delivery_id for one in moved}
        refused = [one for one in moves if one.delivery_id not in done and not _already_there(one, states)]
        _write_refused(connection, refused, source)
    return moved


def _already_there(move: Move, states: Mapping[int, DeliveryState]) -> bool:
    """A receipt was faster than our own record of the acceptance: nothing was refused, it is known already."""
    return move.to is DeliveryState.ACCEPTED and states.get(move.delivery_id) in PROVES_ACCEPTANCE


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
