"""What the database tells of all that is under way, asked at each scrape: a few dozen rows, however much waits.

Never asked on the send path. Of an alert the sums of its progress are read and the beginning of an index, as claims and
watching do; routine messages are counted up to a limit.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from sqlalchemy import Connection, func, select

from config.clock import db_now, plus_seconds
from dispatcher.codes import AlertStatus, DeliveryState, Lane
from dispatcher.outbox.claim import ALIVE
from dispatcher.outbox.transitions import DUE
from dispatcher.reports.counting import LONG_UNKNOWN_SECONDS
from dispatcher.reports.watching import OK
from dispatcher.running.presence import ALL_LANES, SENDING, UPKEEP, UPKEEP_SECONDS, alive
from dispatcher.tables import ALERT, DELIVERY, LEASE, PROGRESS, AnyRow
from providers.base import Channel

# Of routine messages no more than this are counted: the gauge says "so many, or more".
MOST_COUNTED: Final = 10_000


@dataclass(frozen=True, slots=True)
class StoreFigures:
    """One scrape. By lane and channel: `waiting`, messages that have not left; `oldest_due_seconds`, for how long the
    first of them might have left; `long_unknown`, unknown ones older than a minute whose time is not over.

    `senders`: living processes that send in a lane. `ticks`: when somebody last did the upkeep of a lane, None where
    nobody is known to. `redis`: None where nobody uses one.
    """

    alerts: Mapping[AlertStatus, int]
    waiting: Mapping[tuple[Lane, Channel], int]
    oldest_due_seconds: Mapping[tuple[Lane, Channel], float]
    long_unknown: Mapping[tuple[Lane, Channel], int]
    senders: Mapping[Lane, int]
    processes: Mapping[str, int]
    ticks: Mapping[Lane, datetime | None]
    redis: bool | None


def store_figures(connection: Connection) -> StoreFigures:
    """Ask for all of it, in the caller's transaction."""
    now: datetime = connection.execute(select(db_now())).scalar_one()
    alerts = connection.execute(_ALERTS).all()
    waiting, oldest = _waiting(connection, alerts, now)
    living = alive(connection)
    return StoreFigures(
        alerts={status: sum(row.status is status for row in alerts) for status in AlertStatus},
        waiting=waiting,
        oldest_due_seconds=oldest,
        long_unknown=_long_unknown(connection),
        senders={lane: sum(_sends_in(process, lane) for process in living) for lane in Lane},
        processes=Counter(process.kind for process in living),
        ticks=_ticks(connection),
        redis=_redis(living),
    )


_FIRST_DUE = {
    channel: select(func.min(DELIVERY.c.due_at)).where(
        DELIVERY.c.alert_id == ALERT.c.id, DELIVERY.c.channel == channel, DELIVERY.c.state.in_(DUE)
    )
    for channel in Channel
}
_ALERTS = select(
    ALERT.c.id,
    ALERT.c.status,
    ALERT.c.hold_until,
    *(first.scalar_subquery().label(channel.value) for channel, first in _FIRST_DUE.items()),
).where(ALERT.c.state.in_(ALIVE))


def _waiting(
    connection: Connection, alerts: Sequence[AnyRow], now: datetime
) -> tuple[dict[tuple[Lane, Channel], int], dict[tuple[Lane, Channel], float]]:
    waiting = dict.fromkeys(((lane, channel) for lane in Lane for channel in Channel), 0)
    since: dict[tuple[Lane, Channel], list[datetime]] = {key: [] for key in waiting}
    if alerts:
        sums = (
            select(PROGRESS.c.channel, func.sum(PROGRESS.c.delta).label("messages"))
            .where(PROGRESS.c.alert_id.in_([row.id for row in alerts]), PROGRESS.c.state.in_(DUE))
            .group_by(PROGRESS.c.channel)
        )
        waiting |= {(Lane.ALERTS, row.channel): int(row.messages) for row in connection.execute(sums)}
    for channel in Channel:
        for row in alerts:
            if (due := row._mapping[channel.value]) is not None:
                since[Lane.ALERTS, channel].append(max(due, row.hold_until or due))
        of_notices = (DELIVERY.c.alert_id.is_(None), DELIVERY.c.channel == channel, DELIVERY.c.state.in_(DUE))
        some = select(DELIVERY.c.id).where(*of_notices).limit(MOST_COUNTED).subquery()
        waiting[Lane.ROUTINE, channel] = connection.execute(select(func.count()).select_from(some)).scalar_one()
        first = connection.execute(select(func.min(DELIVERY.c.due_at)).where(*of_notices)).scalar_one()
        since[Lane.ROUTINE, channel] += [first] if first is not None else []
    # What is due later than now does not wait yet.
    oldest = {key: max(0.0, (now - min(moments)).total_seconds()) if moments else 0.0 for key, moments in since.items()}
    return waiting, oldest


def _long_unknown(connection: Connection) -> dict[tuple[Lane, Channel], int]:
    counts = dict.fromkeys(((lane, channel) for lane in Lane for channel in Channel), 0)
    statement = (
        select(DELIVERY.c.lane, DELIVERY.c.channel, func.count().label("messages"))
        .where(
            DELIVERY.c.state == DeliveryState.UNKNOWN,
            DELIVERY.c.expires_at > db_now(),
            func.coalesce(DELIVERY.c.claimed_at, DELIVERY.c.due_at) <= plus_seconds(db_now(), -LONG_UNKNOWN_SECONDS),
        )
        .group_by(DELIVERY.c.lane, DELIVERY.c.channel)
    )
    return counts | {(row.lane, row.channel): int(row.messages) for row in connection.execute(statement)}


def _sends_in(process: AnyRow, lane: Lane) -> bool:
    return process.kind in SENDING and process.lane in (lane.value, ALL_LANES)


def _ticks(connection: Connection) -> dict[Lane, datetime | None]:
    """Whoever does it takes the lease anew each second, for so many more; one who ends in order gives it back."""
    ticks: dict[Lane, datetime | None] = dict.fromkeys(Lane)
    names = {UPKEEP + lane.value: lane for lane in Lane}
    for row in connection.execute(select(LEASE.c.name, LEASE.c.until).where(LEASE.c.name.in_(names))):
        ticks[names[row.name]] = row.until - timedelta(seconds=UPKEEP_SECONDS)
    return ticks


def _redis(living: Sequence[AnyRow]) -> bool | None:
    """Whether Redis answers every process that uses it, by their own word."""
    words = [process.health["redis"] for process in living if "redis" in process.health]
    return all(word == OK for word in words) if words else None
