"""What an alert has cost, about: the SMS and the calls that a provider has, or may have, at the prices of today."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import Connection, func, or_, select

from dispatcher.codes import DeliveryState
from dispatcher.tables import DELIVERY
from providers.base import Channel


@dataclass(frozen=True, slots=True)
class Prices:
    """In NOK. `per_call`: None when the settings that say it cannot be used."""

    per_segment: float
    per_call: float | None


@dataclass(frozen=True, slots=True)
class Cost:
    """`sms_segments` and `calls` of the messages that a provider has, or may have; `nok`: what they cost, about.
    `calls_priced` is False when there were calls whose price nobody knows: then `nok` is that of the SMS alone."""

    sms_segments: int
    calls: int
    calls_priced: bool
    nok: float


def cost(connection: Connection, alert_id: int, prices: Prices) -> Cost:
    """Count it. Nothing of an alert that was reduced to figures can be counted any more."""
    paid = or_(DELIVERY.c.accepted_at.is_not(None), DELIVERY.c.state == DeliveryState.UNKNOWN)
    rows = connection.execute(
        select(DELIVERY.c.channel, func.sum(DELIVERY.c.segments).label("segments"), func.count().label("messages"))
        .where(DELIVERY.c.alert_id == alert_id, paid)
        .group_by(DELIVERY.c.channel)
    )
    found = {row.channel: row for row in rows}
    segments = found[Channel.SMS].segments if Channel.SMS in found else 0
    calls = found[Channel.VOICE].messages if Channel.VOICE in found else 0
    return Cost(
        sms_segments=segments,
        calls=calls,
        calls_priced=not calls or prices.per_call is not None,
        nok=round(segments * prices.per_segment + calls * (prices.per_call or 0.0), 2),
    )
