"""How long hand-over and delivery took: exact percentiles, counted by the database, seconds from confirmation."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Column, Connection, case, func, or_, select
from sqlalchemy.sql.elements import ColumnElement

from dispatcher.codes import DeliveryState
from dispatcher.tables import DELIVERY
from providers.base import Channel


@dataclass(frozen=True, slots=True)
class Spread:
    """Seconds from confirmation over `count` deliveries. p50 and p95 by nearest rank: a time that one of them took."""

    count: int
    first: float
    p50: float
    p95: float
    max: float


@dataclass(frozen=True, slots=True)
class ChannelTimes:
    """`hand_over`: until the provider had it. `delivery`: until the provider said that the phone had it.

    None where nothing was handed over, or nothing delivered (e-mail gets no receipts).
    """

    channel: Channel
    first_hand_over_at: datetime
    last_hand_over_at: datetime
    hand_over: Spread
    delivery: Spread | None


def channel_times(connection: Connection, alert_id: int, confirmed_at: datetime | None) -> tuple[ChannelTimes, ...]:
    """The times of each channel that handed anything over."""
    if confirmed_at is None:
        return ()
    handed_over = _moments(connection, alert_id, DELIVERY.c.accepted_at, DELIVERY.c.accepted_at.is_not(None))
    delivered = _moments(connection, alert_id, DELIVERY.c.finished_at, DELIVERY.c.state == DeliveryState.DELIVERED)
    return tuple(
        ChannelTimes(
            channel,
            handed_over[channel].first,
            handed_over[channel].last,
            handed_over[channel].since(confirmed_at),
            delivered[channel].since(confirmed_at) if channel in delivered else None,
        )
        for channel in Channel
        if channel in handed_over
    )


@dataclass(frozen=True, slots=True)
class _Moments:
    count: int
    first: datetime
    p50: datetime
    p95: datetime
    last: datetime

    def since(self, start: datetime) -> Spread:
        def seconds(moment: datetime) -> float:
            return round((moment - start).total_seconds(), 3)

        return Spread(self.count, seconds(self.first), seconds(self.p50), seconds(self.p95), seconds(self.last))


def _moments(
    connection: Connection, alert_id: int, moment: Column[datetime], condition: ColumnElement[bool]
) -> dict[Channel, _Moments]:
    """First, p50, p95 and last of a time, for each channel.

    Outcomes are recorded in batches, which share a time: equal times are counted first, and only those few sorted.
    """
    times = (
        select(DELIVERY.c.channel, moment.label("at"), func.count().label("n"))
        .where(DELIVERY.c.alert_id == alert_id, condition)
        .group_by(DELIVERY.c.channel, moment)
        .subquery("times")
    )
    ranked = select(
        times.c.channel,
        times.c.at,
        times.c.n,
        func.sum(times.c.n).over(partition_by=times.c.channel, order_by=times.c.at).label("up_to"),
        func.sum(times.c.n).over(partition_by=times.c.channel).label("total"),
    ).subquery("ranked")

    def holds(percent: int) -> ColumnElement[bool]:
        wanted = ranked.c.total * percent
        return (ranked.c.up_to * 100 >= wanted) & ((ranked.c.up_to - ranked.c.n) * 100 < wanted)

    marks = {"p50": holds(50), "p95": holds(95), "last": ranked.c.up_to == ranked.c.total}
    columns = [
        func.max(case((mark, ranked.c.at))).label(name)
        for name, mark in {"first": ranked.c.up_to == ranked.c.n, **marks}.items()
    ]
    rows = connection.execute(
        select(ranked.c.channel, func.max(ranked.c.total).label("total"), *columns)
        .where(or_(ranked.c.up_to == ranked.c.n, *marks.values()))
        .group_by(ranked.c.channel)
    )
    return {row.channel: _Moments(int(row.total), row.first, row.p50, row.p95, row.last) for row in rows}
