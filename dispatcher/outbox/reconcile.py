"""Clear up what is unknown, and ask for receipts that did not come.

An SMS of unknown fate is looked up at the provider. Found: it is accepted, with its reference. Not found twice, the
settle time apart: it was never taken, and is queued again. Until then it is never sent. An e-mail cannot be looked up:
it is repeated once, under the same Message-ID, and then stays unknown. An SMS that was given to a provider that cannot
be asked stays unknown, too. Only the provider that was given a message is asked about it.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from datetime import timedelta

from sqlalchemy import Connection, select, tuple_, update

from config.clock import db_now, plus_seconds
from config.database import Database
from contacts.tables import ADDRESS
from dispatcher.codes import DeliveryState, Lane, MoveSource
from dispatcher.outbox.messages import Renderer
from dispatcher.outbox.move_statements import Further, Move
from dispatcher.outbox.moves import apply_moves
from dispatcher.outbox.receipts import Arrived, take_receipts
from dispatcher.outbox.record import POISON, POISON_AFTER
from dispatcher.outbox.transitions import Proof
from dispatcher.tables import ATTEMPT, DELIVERY, AnyRow
from providers.base import Channel, LookupFailed, LookupQuery, Provider, Receipt, ReceiptStatus

# Look-ups that must find nothing, the settle time apart, before an SMS counts as never taken.
LOOKUPS_NEEDED = 2
# A row whose claim was lost this often is what kills its senders.
_LOOKUP_BATCH = 500
_POLL_BATCH = 200
# Beyond the message's own life: the provider's last word may come a little late, and then nobody asks any more.
GRACE_SECONDS = 600.0
_POLL_LONGEST = 600.0
# After a question that the provider did not answer, where it names no time itself: a line that was cut for a moment
# must not keep receipts away for a minute.
_POLL_AGAIN = 10.0
FOUND_NOTHING = Proof(lookup_found_nothing=True)
_REPEAT = Further({"repeats": DELIVERY.c.repeats + 1})


async def look_up_unknown(
    database: Database, lane: Lane, provider: Provider, renderer: Renderer, settle_seconds: float
) -> int:
    """Look up the unknown deliveries of one lane that are due for it; the number taken up."""
    with database.write() as connection:
        rows = _take_up(connection, lane, provider, settle_seconds)
        if not provider.can_look_up:
            _repeat_or_leave(connection, rows)
            return len(rows)
        rows, queries = _queries(connection, renderer, rows)
        taken = _references_of_others(connection, rows)
    if not rows:
        return 0
    try:
        found = await provider.look_up(queries, taken)
    except LookupFailed as failure:
        with database.write() as connection:
            _ask_later(connection, rows, failure.retry_after or settle_seconds)
        return len(rows)
    with database.write() as connection:
        _record_lookup(connection, provider, rows, found)
    return len(rows)


async def poll_receipts(
    database: Database,
    lane: Lane,
    provider: Provider,
    taken: Callable[[Sequence[Arrived]], None] = lambda _arrived: None,
) -> int:
    """Ask for the receipts of accepted messages that are overdue; the number asked for.

    `taken` is called with those that came, once they are on record.
    """
    with database.write() as connection:
        rows = connection.execute(
            select(
                DELIVERY.c.id,
                DELIVERY.c.reference,
                DELIVERY.c.accepted_at,
                DELIVERY.c.expires_at,
                db_now().label("now"),
            )
            .where(
                DELIVERY.c.lane == lane,
                DELIVERY.c.channel == provider.channel,
                DELIVERY.c.provider == provider.name,
                DELIVERY.c.state == DeliveryState.ACCEPTED,
                DELIVERY.c.poll_at <= db_now(),
            )
            .order_by(DELIVERY.c.poll_at)
            .limit(_POLL_BATCH)
            .with_for_update(skip_locked=True, key_share=True)
        ).all()
        for wait, ids in _by_wait(rows).items():
            later = None if wait is None else plus_seconds(db_now(), wait)
            connection.execute(update(DELIVERY).where(DELIVERY.c.id.in_(ids)).values(poll_at=later))
    if not rows:
        return 0
    try:
        receipts = await provider.receipts([row.reference for row in rows if row.reference])
    except LookupFailed as failure:
        with database.write() as connection:
            ids = [row.id for row in rows]
            wait = failure.retry_after or _POLL_AGAIN
            connection.execute(
                update(DELIVERY)
                .where(DELIVERY.c.id.in_(ids), DELIVERY.c.state == DeliveryState.ACCEPTED)
                .values(poll_at=plus_seconds(db_now(), wait))
            )
        return len(rows)
    owners = {row.reference: row.id for row in rows}
    arrived = [Arrived(one, owners.get(one.reference)) for one in receipts if one.status is not ReceiptStatus.PENDING]
    with database.write() as connection:
        take_receipts(connection, provider.name, arrived, MoveSource.POLL)
    taken(arrived)
    return len(rows)


def _by_wait(rows: Sequence[AnyRow]) -> dict[float | None, list[int]]:
    """When to ask again: the age of the acceptance later, so ever more seldom; None when its time is over."""
    waits: dict[float | None, list[int]] = {}
    for row in rows:
        if row.now > row.expires_at + timedelta(seconds=GRACE_SECONDS):
            wait = None
        else:
            age = (row.now - row.accepted_at).total_seconds()
            wait = float(round(max(1.0, min(age, _POLL_LONGEST))))
        waits.setdefault(wait, []).append(row.id)
    return waits


def _take_up(connection: Connection, lane: Lane, provider: Provider, settle_seconds: float) -> Sequence[AnyRow]:
    """Rows that this provider was given last, due for a look-up; moved on by the settle time at once, so that nobody
    else takes them up meanwhile."""
    rows = connection.execute(
        select(
            DELIVERY.c.id,
            DELIVERY.c.alert_id,
            DELIVERY.c.notice_id,
            DELIVERY.c.address_id,
            DELIVERY.c.channel,
            DELIVERY.c.language,
            DELIVERY.c.attempt,
            DELIVERY.c.claimed_at,
            DELIVERY.c.lost_claims,
            DELIVERY.c.lookups,
            DELIVERY.c.repeats,
            DELIVERY.c.expires_at,
            ADDRESS.c.value.label("to"),
            db_now().label("now"),
        )
        .join(ADDRESS, ADDRESS.c.id == DELIVERY.c.address_id)
        .where(
            DELIVERY.c.lane == lane,
            DELIVERY.c.channel == provider.channel,
            DELIVERY.c.provider == provider.name,
            DELIVERY.c.state == DeliveryState.UNKNOWN,
            DELIVERY.c.lookup_at <= db_now(),
        )
        .order_by(DELIVERY.c.lookup_at)
        .limit(_LOOKUP_BATCH)
        .with_for_update(of=DELIVERY, skip_locked=True, key_share=True)
    ).all()
    if rows:
        connection.execute(
            update(DELIVERY)
            .where(DELIVERY.c.id.in_([row.id for row in rows]))
            .values(lookup_at=plus_seconds(db_now(), settle_seconds))
        )
    return rows


def _queries(
    connection: Connection, renderer: Renderer, rows: Sequence[AnyRow]
) -> tuple[list[AnyRow], list[LookupQuery]]:
    """What to ask about each row. One whose words can no longer be made stays unknown, and keeps nobody else back."""
    asked, queries, lost = [], [], []
    for row in rows:
        try:
            queries.append(renderer.lookup_query(connection, row))
            asked.append(row)
        except (LookupError, ValueError):
            lost.append(row.id)
    _ask_no_more(connection, lost)
    return asked, queries


def _references_of_others(connection: Connection, rows: Sequence[AnyRow]) -> frozenset[str]:
    """References that attempts already hold, of any delivery to these addresses."""
    statement = (
        select(ATTEMPT.c.reference)
        .join(DELIVERY, DELIVERY.c.id == ATTEMPT.c.delivery_id)
        .where(DELIVERY.c.address_id.in_({row.address_id for row in rows}), ATTEMPT.c.reference.is_not(None))
    )
    return frozenset(connection.execute(statement).scalars())


def _record_lookup(
    connection: Connection,
    provider: Provider,
    rows: Sequence[AnyRow],
    found: Mapping[tuple[int, int], Receipt],
) -> None:
    here = [(row, found[row.id, row.attempt]) for row in rows if (row.id, row.attempt) in found]
    apply_moves(
        connection,
        [
            Move(
                row.id,
                DeliveryState.ACCEPTED,
                attempt=row.attempt,
                reference=receipt.reference,
                provider=provider.name,
                wait_seconds=0.0,
            )
            for row, receipt in here
        ],
        MoveSource.RECONCILER,
    )
    for row, receipt in here:
        connection.execute(
            update(ATTEMPT)
            .where(ATTEMPT.c.delivery_id == row.id, ATTEMPT.c.number == row.attempt)
            .values(reference=receipt.reference)
        )
    take_receipts(
        connection,
        provider.name,
        [Arrived(receipt, row.id, row.attempt) for row, receipt in here if receipt.status is not ReceiptStatus.PENDING],
        MoveSource.RECONCILER,
    )
    missing = [row for row in rows if (row.id, row.attempt) not in found]
    _count_lookup(connection, [row for row in missing if row.lookups + 1 < LOOKUPS_NEEDED])
    _never_taken(connection, [row for row in missing if row.lookups + 1 >= LOOKUPS_NEEDED])


def _count_lookup(connection: Connection, rows: Sequence[AnyRow]) -> None:
    if rows:
        connection.execute(
            update(DELIVERY)
            .where(
                # of that attempt alone: another one that became unknown meanwhile starts to count from nothing
                tuple_(DELIVERY.c.id, DELIVERY.c.attempt).in_([(row.id, row.attempt) for row in rows]),
                DELIVERY.c.state == DeliveryState.UNKNOWN,
            )
            .values(lookups=DELIVERY.c.lookups + 1)
        )


def _never_taken(connection: Connection, rows: Sequence[AnyRow]) -> None:
    """It is proven that the provider has nothing: queue again, or end it."""
    moves = []
    for row in rows:
        if row.lost_claims >= POISON_AFTER:
            moves.append(Move(row.id, DeliveryState.REJECTED, attempt=row.attempt, code=POISON))
        elif row.expires_at <= row.now:
            moves.append(Move(row.id, DeliveryState.EXPIRED, attempt=row.attempt, code="expired"))
        else:
            moves.append(Move(row.id, DeliveryState.QUEUED, attempt=row.attempt, code="never_taken"))
    apply_moves(connection, moves, MoveSource.RECONCILER, FOUND_NOTHING)


def _repeat_or_leave(connection: Connection, rows: Sequence[AnyRow]) -> None:
    """E-mail: repeat once, under the same Message-ID; after that it stays unknown. An SMS stays so at once."""
    again = [row for row in rows if row.channel is Channel.EMAIL and row.repeats == 0 and row.expires_at > row.now]
    apply_moves(
        connection,
        [Move(row.id, DeliveryState.QUEUED, attempt=row.attempt, code="repeat") for row in again],
        MoveSource.RECONCILER,
        FOUND_NOTHING,
        further=_REPEAT,
    )
    _ask_no_more(connection, {row.id for row in rows} - {row.id for row in again})


def _ask_no_more(connection: Connection, delivery_ids: Collection[int]) -> None:
    """These stay unknown, which is reported as "may have been told", and still take receipts."""
    if delivery_ids:
        connection.execute(
            update(DELIVERY)
            .where(DELIVERY.c.id.in_(delivery_ids), DELIVERY.c.state == DeliveryState.UNKNOWN)
            .values(lookup_at=None)
        )


def _ask_later(connection: Connection, rows: Sequence[AnyRow], seconds: float) -> None:
    """The provider could not answer: nothing is concluded. Long after its time is over, nobody asks any more."""
    over = {row.id for row in rows if row.now > row.expires_at + timedelta(seconds=GRACE_SECONDS)}
    _ask_no_more(connection, over)
    again = [row.id for row in rows if row.id not in over]
    if again:
        connection.execute(
            update(DELIVERY)
            .where(DELIVERY.c.id.in_(again), DELIVERY.c.state == DeliveryState.UNKNOWN)
            .values(lookup_at=plus_seconds(db_now(), seconds))
        )
