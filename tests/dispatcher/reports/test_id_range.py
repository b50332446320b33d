"""Which deliveries are an alert's: a range of ids where nobody else's lie between, and looked up otherwise."""

from __future__ import annotations

import pytest
from sqlalchemy import Connection, delete, func, select

from config.database import Database
from dispatcher.codes import DeliveryState
from dispatcher.reports.id_range import deliveries_of
from dispatcher.tables import DELIVERY, EVENT, RECIPIENT
from tests.dispatcher.reports.world import World

S = DeliveryState


def _found(connection: Connection, alert: int) -> tuple[set[int], bool]:
    """The ids that the condition holds for, and whether a range of ids said so."""
    groups = connection.execute(
        select(func.count(), func.min(DELIVERY.c.id), func.max(DELIVERY.c.id))
        .where(DELIVERY.c.alert_id == alert)
        .group_by(DELIVERY.c.state)
    )
    condition = deliveries_of(connection, alert, [(row[0], row[1], row[2]) for row in groups])
    found = set(connection.execute(select(EVENT.c.delivery_id).where(condition(EVENT.c.delivery_id))).scalars())
    return found, "BETWEEN" in str(condition(EVENT.c.delivery_id))


@pytest.mark.parametrize(
    ("owners", "range_says"),
    [
        ("", False),
        ("a", True),
        ("bbaaabb", True),
        ("baab" "ba", False),
        # A message that was never committed, or is gone, leaves a gap that is nobody's.
        ("ba.a.ab", True),
        ("a.ba", False),
    ],
)  # fmt: skip
def test_a_range_only_where_all_between_are_the_alerts(database: Database, owners: str, range_says: bool) -> None:
    with database.write() as connection:
        world = World(connection)
        student = world.student("1A-001")
        guardian = world.guardian(of=student)
        alerts = {"a": world.alert([student]), "b": world.alert([student])}
        own = set()
        for number, owner in enumerate(owners):
            state = S.DELIVERED if number % 2 else S.ACCEPTED
            made = world.delivery(alerts.get(owner, alerts["b"]), state, [(student, guardian)])
            if owner == "a":
                own.add(made)
            elif owner == ".":
                for table, key in ((RECIPIENT, "delivery_id"), (EVENT, "delivery_id"), (DELIVERY, "id")):
                    connection.execute(delete(table).where(table.c[key] == made))
        assert _found(connection, alerts["a"]) == (own, range_says)
