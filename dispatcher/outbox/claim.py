"""Take due deliveries for this process: fenced by the attempt number, leased by the database's clock.

A claim joins the alert: only rows of an alert that is being planned or open, not expired and past its hold are taken.
A stop therefore holds for every row that was not yet claimed. Alerts under way at the same time have equal parts of
each claim, however large they are; a drill waits for actual alerts. What a claim finds to be lost (an entitlement that
ended, an owner who answered STOP, a student who has answered already, somebody who was to be called and has got the
message meanwhile) is cancelled in the same transaction. A follow-up does not leave before the earlier messages to the
same people are out: only its own claims ask for that.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from typing import Any, NamedTuple

from sqlalchemy import Connection, Float, Select, String, bindparam, func, select

from config.clock import db_now_when_run, oslo_date, plus_seconds
from config.counters import CONTACTS_REVISION, read_counter
from config.database import Database
from contacts.tables import ADDRESS
from dispatcher.codes import AlertState, AlertStatus, DeliveryState, Lane, MoveSource
from dispatcher.outbox.calls import CONFIRMED_MEANWHILE, confirmed_meanwhile
from dispatcher.outbox.follow import follow, kind_of_row
from dispatcher.outbox.move_statements import Further, Move
from dispatcher.outbox.moves import apply_moves
from dispatcher.outbox.questions import not_to_leave
from dispatcher.outbox.recheck import lost_entitlements
from dispatcher.outbox.transitions import DUE
from dispatcher.tables import ALERT, DELIVERY, AnyRow
from providers.base import Channel

ALIVE = (AlertState.PLANNING, AlertState.OPEN)
# A row whose claim was lost this often may itself be what kills workers: it is claimed alone from then on.
ALONE_AFTER = 2
# Alerts that share one claim. With more of them under way, each claim begins with those that the last one left out.
_TOGETHER = 8


class Claimed(NamedTuple):
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
    due_since: datetime  # from then on it might have left
    alert_number: str | None

    def __repr__(self) -> str:
        return f"Claimed(delivery_id={self.delivery_id}, attempt={self.attempt})"


@dataclass(frozen=True, slots=True)
class ClaimRequest:
    """Who claims what: at most `size` due deliveries of one channel in one lane, for `lease_seconds`.

    `after`: the alert that an earlier claim took from last; the others come before it. `own_alone`: only what no other
    provider may carry, a part of a self-test.
    """

    lane: Lane
    channel: Channel
    size: int
    lease_seconds: float
    holder: str
    provider: str
    alone: bool
    after: int
    own_alone: bool = False


def claim(database: Database, request: ClaimRequest, *, stale_after_months: int) -> list[Claimed]:
    """Claim due deliveries in one transaction. An empty list: nothing is due (or others have it)."""
    while True:
        claims, set_aside = _claim_some(database, request, stale_after_months)
        if claims or not set_aside:
            return claims


def _claim_some(database: Database, request: ClaimRequest, stale_after_months: int) -> tuple[list[Claimed], bool]:
    """What was claimed, and whether others were set aside, which are not due any more: then more may stand behind."""
    with database.write() as connection:
        picked = _due(connection, request)
        alive = _alive(connection, picked)
        rows = [row for row in picked if row.alert_id is None or row.alert_id in alive]
        if not rows:
            return [], False
        following = follow(connection, rows, alive)
        due = [row for row in rows if row.id not in following.waiting]
        lost = {**following.lost} | _lost(connection, due, alive, set(following.lost), stale_after_months)
        keep = [row for row in due if row.id not in lost]
        locked = {row.id: row.state for row in rows}
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
            further=_CLAIM,
            given={"holder": request.holder, "lease_seconds": request.lease_seconds, "provider": request.provider},
            locked=locked,
        )
        attempts = {move.delivery_id: move.attempt for move in moved}
    claims = [_claimed(row, attempts[row.id], alive.get(row.alert_id)) for row in keep if row.id in attempts]
    return claims, bool(lost or following.waiting)


_CLAIM = Further(
    {
        "attempt": DELIVERY.c.attempt + 1,
        "claimed_by": bindparam("holder", type_=String),
        "claimed_at": db_now_when_run(),
        "lease_until": plus_seconds(db_now_when_run(), bindparam("lease_seconds", type_=Float)),
        "provider": bindparam("provider", type_=String),
    }
)


def _due(connection: Connection, request: ClaimRequest) -> list[AnyRow]:
    """The rows to claim, locked: of each alert that may leave an equal part, what the one lacks going to the next."""
    of: Sequence[int | None] = [None]
    if request.lane is Lane.ALERTS:
        found = alerts_to_send(connection, request.channel, request.provider, own_alone=request.own_alone)
        of = _in_turn(found, request.after)[:_TOGETHER]
    rows: list[AnyRow] = []
    left = 1 if request.alone else request.size
    for place, alert_id in enumerate(of):
        part = -(-left // (len(of) - place))
        given = {"alert": alert_id, "channel": request.channel, "most": part}
        due = connection.execute(_due_rows(alert_id is not None, request.alone), given).all()
        rows += due
        left -= len(due)
        if left <= 0:
            break
    return rows


def _in_turn(alerts: Sequence[int], after: int) -> list[int]:
    return sorted(alerts, key=lambda alert_id: (alert_id <= after, alert_id))


@cache
def _due_rows(of_alert: bool, alone: bool) -> Select[Any]:
    lost_often = DELIVERY.c.lost_claims >= ALONE_AFTER
    return (
        select(
            DELIVERY.c.id,
            DELIVERY.c.state,
            DELIVERY.c.alert_id,
            DELIVERY.c.notice_id,
            DELIVERY.c.address_id,
            DELIVERY.c.channel,
            DELIVERY.c.language,
            DELIVERY.c.segments,
            DELIVERY.c.due_at,
            DELIVERY.c.expires_at,
            DELIVERY.c.deferrals,
            DELIVERY.c.repeats,
            DELIVERY.c.contacts_revision,
            DELIVERY.c.decided_on,
            ADDRESS.c.value.label("to"),
            ADDRESS.c.opted_out_at,
            db_now_when_run().label("now"),
        )
        .select_from(DELIVERY.join(ADDRESS, ADDRESS.c.id == DELIVERY.c.address_id))
        .where(
            DELIVERY.c.alert_id == bindparam("alert") if of_alert else DELIVERY.c.alert_id.is_(None),
            DELIVERY.c.channel == bindparam("channel"),
            DELIVERY.c.state.in_(DUE),
            DELIVERY.c.due_at <= db_now_when_run(),
            DELIVERY.c.expires_at > db_now_when_run(),
            lost_often if alone else ~lost_often,
        )
        .order_by(DELIVERY.c.due_at, DELIVERY.c.id)
        .limit(bindparam("most"))
        .with_for_update(of=DELIVERY, skip_locked=True, key_share=True)
    )


def alerts_to_send(
    connection: Connection, channel: Channel, provider: str | None = None, *, own_alone: bool = False
) -> list[int]:
    """The alerts that may leave now and have a due message: the actual ones, or if there are none, the drills.

    Of the parts of a self-test those that `provider` is to carry; `own_alone`: nothing but them.
    """
    rows = connection.execute(_ALERTS[channel]).all()
    first = [row for row in rows if row.status is AlertStatus.ACTUAL] or rows
    carried = (provider,) if own_alone else (None, provider)
    return [row.id for row in first if row.only_provider in carried]


def _alerts(channel: Channel) -> Select[Any]:
    # Not `exists`, for which PostgreSQL may read through all rows of an alert that are done.
    first_due = select(func.min(DELIVERY.c.due_at)).where(
        DELIVERY.c.alert_id == ALERT.c.id,
        DELIVERY.c.channel == channel,
        DELIVERY.c.state.in_(DUE),
    )
    return select(ALERT.c.id, ALERT.c.status, ALERT.c.only_provider).where(
        ALERT.c.state.in_(ALIVE),
        ALERT.c.hold_until <= db_now_when_run(),
        ALERT.c.expires_at > db_now_when_run(),
        first_due.scalar_subquery() <= db_now_when_run(),
    )


_ALERTS = {channel: _alerts(channel) for channel in Channel}


def _alive(connection: Connection, due: Sequence[AnyRow]) -> dict[int, AnyRow]:
    """Those alerts of the due rows that are still alive, asked once more now that the rows are ours.

    A stop that was recorded while they were being picked has counted them as held back.
    """
    alerts = {row.alert_id for row in due if row.alert_id is not None}
    if not alerts:
        return {}
    statement = select(
        ALERT.c.id,
        ALERT.c.number,
        ALERT.c.hold_until,
        ALERT.c.references_id,
        ALERT.c.msg_type,
        ALERT.c.response_type,
        ALERT.c.self_test_id,
    ).where(ALERT.c.id.in_(alerts), ALERT.c.state.in_(ALIVE))
    return {row.id: row for row in connection.execute(statement)}


def _lost(
    connection: Connection,
    due: Sequence[AnyRow],
    alerts: Mapping[int, AnyRow],
    known: Collection[int],
    stale_after_months: int,
) -> dict[int, str]:
    """Those of the due rows that must not be sent any more, with the reason's code; beside those `known` to be lost."""
    left = [row for row in due if row.id not in known]
    lost = {row.id: "opted_out" for row in left if row.channel is Channel.SMS and row.opted_out_at is not None}
    calls = [row for row in left if row.channel is Channel.VOICE]
    lost.update(dict.fromkeys(confirmed_meanwhile(connection, calls), CONFIRMED_MEANWHILE))
    if not left:
        return lost
    today = oslo_date(left[0].now)
    revision = read_counter(connection, CONTACTS_REVISION)
    stale = [
        row.id
        for row in left
        if row.alert_id is not None
        # Staff are told because the settings name them, and about nobody.
        and alerts[row.alert_id].self_test_id is None
        and row.id not in lost
        and (row.contacts_revision != revision or row.decided_on != today)
    ]
    if stale:
        to_told = {one.id for one in alerts.values() if (kind := kind_of_row(one)) is not None and kind.ends_it}
        gone = lost_entitlements(connection, stale, today, revision, stale_after_months, to_told=to_told)
        lost.update(dict.fromkeys(gone, "entitlement_lost"))
    notices = [row for row in due if row.notice_id is not None and row.id not in lost]
    if notices:
        lost.update(not_to_leave(connection, notices, today, stale_after_months))
    return lost


def _claimed(row: AnyRow, attempt: int, alert: AnyRow | None) -> Claimed:
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
        due_since=row.due_at if alert is None else max(row.due_at, alert.hold_until),
        alert_number=None if alert is None else alert.number,
    )
