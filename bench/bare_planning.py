"""The yardstick of planning: insert the rows that planning an alert stored, with SQLAlchemy Core and nothing else.

    python bench/bare_planning.py PLANNED_DATABASE_URL TARGET_DATABASE_URL ALERT_ID

The target holds the same students, guardians and addresses. Prints the rows and the seconds of the inserts alone:
reading is not counted.
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Iterator

from sqlalchemy import Connection, Select, Table, create_engine, insert, select

from config.database import Database
from dispatcher.tables import ALERT, DECISION, DELIVERY, EVENT, PROGRESS, RECIPIENT

CHUNK = 5000


def planned_rows(alert_id: int) -> Iterator[tuple[Table, Select[tuple[object, ...]]]]:
    """The tables that planning writes, each with its rows of this alert."""
    deliveries = select(DELIVERY.c.id).where(DELIVERY.c.alert_id == alert_id)
    yield DECISION, select(DECISION).where(DECISION.c.alert_id == alert_id)
    yield DELIVERY, select(DELIVERY).where(DELIVERY.c.alert_id == alert_id)
    yield EVENT, select(EVENT).where(EVENT.c.delivery_id.in_(deliveries))
    yield RECIPIENT, select(RECIPIENT).where(RECIPIENT.c.delivery_id.in_(deliveries))
    yield PROGRESS, select(PROGRESS).where(PROGRESS.c.alert_id == alert_id)


def copy(reading: Connection, target: Database, table: Table, rows: Select[tuple[object, ...]]) -> tuple[int, float]:
    """Insert these rows, a transaction a chunk: how many they were, and the seconds."""
    count, seconds = 0, 0.0
    for chunk in reading.execution_options(yield_per=CHUNK).execute(rows).mappings().partitions(CHUNK):
        values = [dict(row) for row in chunk]
        began = time.monotonic()
        with target.write() as writing:
            writing.execute(insert(table), values)
        seconds += time.monotonic() - began
        count += len(values)
    return count, seconds


def main(planned: str, target_url: str, alert_id: int) -> None:
    target = Database(target_url)
    with create_engine(planned).connect() as reading:
        copy(reading, target, ALERT, select(ALERT).where(ALERT.c.id == alert_id))
        done = [copy(reading, target, table, rows) for table, rows in planned_rows(alert_id)]
    print(json.dumps({"rows": sum(count for count, _s in done), "seconds": sum(seconds for _c, seconds in done)}))


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], int(sys.argv[3]))
