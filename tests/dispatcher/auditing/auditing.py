"""What an audit of a `World` says, at its time."""

from __future__ import annotations

from typing import Any

from dispatcher.alerts.lifecycle import stop
from dispatcher.auditing.audit import audit
from dispatcher.auditing.findings import Audit, Code
from dispatcher.tables import ALERT
from providers.base import Accepted, Channel
from tests.dispatcher.world import World

GRACE = 60.0


def audited(world: World, grace: float = GRACE, **options: Any) -> Audit:
    with world.clock():
        return audit(world.database, grace, **options)


def found(world: World, **options: Any) -> list[tuple[Code, int]]:
    return [(one.code, one.count) for one in audited(world, **options).findings]


def noted(world: World, **options: Any) -> list[tuple[Code, int]]:
    return [(one.code, one.count) for one in audited(world, **options).notes]


def number_of(world: World, alert: int) -> str:
    (row,) = world.rows(ALERT, ALERT.c.id == alert)
    return str(row.number)


def stop_alert(world: World, alert: int) -> None:
    with world.clock(), world.database.write() as connection:
        stop(connection, number_of(world, alert), operator="leder")


def send_all(world: World) -> None:
    """Claim and hand over all that is due."""
    for channel in Channel:
        for one in world.claim(channel):
            world.record((one, Accepted(f"{channel.value}-{one.delivery_id}-{one.attempt}")))
