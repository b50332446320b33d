"""Take due deliveries for this process: fenced by the attempt number, leased by the database's clock.

A claim joins the alert: only rows of an alert that is being planned or open, not expired and past its hold are taken.
A stop therefore holds for every row that was not yet claimed. What a claim finds to be lost (an entitlement that
ended, an owner who answered STOP) is cancelled in the same transaction.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Connection, Select, and_, or_, select

from config.clock import db_now, oslo_date, plus_seconds
from config.counters import CONTACTS_REVISION, read_counter
from config.database import Database
from contacts.tables import ADDRESS
from dispatcher.codes import AlertState, DeliveryState, Lane, MoveSource
from dispatcher.outbox.moves import Move, apply_moves
from dispatcher.outbox.recheck import lost_entitlements
from dispatcher.outbox.transitions import DUE
from dispatcher.tables import ALERT, DELIVERY, AnyRow
from providers.base import Channel

ALIVE = (AlertState.PLANNING, AlertState.OPEN)
# A row whose claim was lost this often may itself be what kills workers: it is claimed alone from then on.
ALONE_AFTER = 2


@dataclass(frozen=True, slots=True)
class Claimed:
    """One delivery that this process may send, once, before its lease is half over."""

    delivery_id: int
    attempt: int
    alert_id: int | None
    notice_id: int | None
    channel: Channel
    language: str
    segments: int
    to: str
    seconds_left: float  # until the alert, or the notice, expires
    claimed_at: datetime
    deferrals: int
    repeats: int

    def __repr__(self) -> str:
        return f"Claimed(delivery_id={self.delivery_id}, attempt={self.attempt})"


@dataclass(frozen=True, slots=True)
class ClaimRequest:
    """Who claims what: at most `size` due deliveries of one channel in one lane, for `lease_seconds`."""

    lane: Lane
    channel: Channel
    size: int
    lease_seconds: float
    holder: str
    provider: str
    alone: bool = False


def claim(database: Database, request: ClaimRequest, *, stale_after_months: int) -> list[Claimed]:
    """Claim due deliveries in one transaction. An empty list: nothing is due (or others have it)."""
    with database.write() as connection:
        due = _not_stopped(connection, connection.execute(_due(request)).all())
        if not due:
            return []
        lost = _lost(connection, due, stale_after_months)
        keep = [row for row in due if row.id not in lost]
        locked = {row.id: row.state for row in due}
        apply_moves(
            connection,
            [Move(id_, DeliveryState.CANCELLED, code=code) for id_, code in lost.items()],
            MoveSource.CLAIM,
            locked=locked,
        )
        moved = apply_moves(
            connection,
            [Move(row.id, DeliveryState.SENDING) for row in keep],
            MoveSource.CLAIM,
            locked=locked,
            extra={
                "attempt": DELIVERY.c.attempt + 1,
                "claimed_by": request.holder,
                "claimed_at": db_now(),
                "lease_until": plus_seconds(db_now(), request.lease_seconds),
                "provider": request.provider,
            },
        )
        attempts = {move.delivery_id: move.attempt for move in moved}
    return [_claimed(row, attempts[row.id]) for row in keep if row.id in attempts]


def _due(request: ClaimRequest) -> Select[Any]:
    lost_often = DELIVERY.c.lost_claims >= ALONE_AFTER
    return (
        select(
            DELIVERY.c.id,
            DELIVERY.c.state,
            DELIVERY.c.alert_id,
            DELIVERY.c.notice_id,
            DELIVERY.c.channel,
            DELIVERY.c.language,
            DELIVERY.c.segments,
            DELIVERY.c.expires_at,
            DELIVERY.c.deferrals,
            DELIVERY.c.repeats,
            DELIVERY.c.contacts_revision,
            DELIVERY.c.decided_on,
            ADDRESS.c.value.label("to"),
            ADDRESS.c.opted_out_at,
            db_now().label("now"),
        )
        .select_from(
            DELIVERY.join(ADDRESS, ADDRESS.c.id == DELIVERY.c.address_id).outerjoin(
                ALERT, ALERT.c.id == DELIVERY.c.alert_id
            )
        )
        .where(
            *_is_due(request.lane),
            DELIVERY.c.channel == request.channel,
            lost_often if request.alone else ~lost_often,
        )
        .order_by(DELIVERY.c.due_at, DELIVERY.c.id)
        .limit(1 if request.alone else request.size)
        .with_for_update(of=DELIVERY, skip_locked=True, key_share=True)
    )


def _not_stopped(connection: Connection, due: Sequence[AnyRow]) -> list[AnyRow]:
    """Those whose alert is still alive, asked once more now that the rows are ours.

    A stop that was recorded while they were being picked has counted them as held back.
    """
    alerts = {row.alert_id for row in due if row.alert_id is not None}
    statement = select(ALERT.c.id).where(ALERT.c.id.in_(alerts), ALERT.c.state.in_(ALIVE))
    alive = set(connection.execute(statement).scalars()) if alerts else set()
    return [row for row in due if row.alert_id is None or row.alert_id in alive]


def _lost(connection: Connection, due: Sequence[AnyRow], stale_after_months: int) -> dict[int, str]:
    """Those of the due rows that must not be sent any more, with the reason's code."""
    lost = {row.id: "opted_out" for row in due if row.channel is Channel.SMS and row.opted_out_at is not None}
    today = oslo_date(due[0].now)
    revision = read_counter(connection, CONTACTS_REVISION)
    stale = [
        row.id
        for row in due
        if row.alert_id is not None
        and row.id not in lost
        and (row.contacts_revision != revision or row.decided_on != today)
    ]
    if stale:
        gone = lost_entitlements(connection, stale, today, revision, stale_after_months)
        lost.update(dict.fromkeys(gone, "entitlement_lost"))
    return lost


def _claimed(row: AnyRow, attempt: int) -> Claimed:
    return Claimed(
        delivery_id=row.id,
        attempt=attempt,
        alert_id=row.alert_id,
        notice_id=row.notice_id,
        channel=row.channel,
        language=row.language,
        segments=row.segments,
        to=row.to,
        seconds_left=(row.expires_at - row.now).total_seconds(),
        claimed_at=row.now,
        deferrals=row.deferrals,
        repeats=row.repeats,
    )


def _is_due(lane: Lane) -> tuple[ColumnElement[bool], ...]:
    """That a delivery, joined with its alert when it has one, may leave now."""
    alive = and_(ALERT.c.state.in_(ALIVE), ALERT.c.hold_until <= db_now(), ALERT.c.expires_at > db_now())
    return (
        DELIVERY.c.lane == lane,
        DELIVERY.c.state.in_(DUE),
        DELIVERY.c.due_at <= db_now(),
        DELIVERY.c.expires_at > db_now(),
        or_(DELIVERY.c.alert_id.is_(None), alive),
    )


def anything_due(connection: Connection, lane: Lane) -> bool:
    """Whether a claim in this lane would find something now; cheap, for whoever only wants to know."""
    statement = select(DELIVERY.c.id).outerjoin(ALERT, ALERT.c.id == DELIVERY.c.alert_id).where(*_is_due(lane))
    return connection.execute(statement.limit(1)).first() is not None
