"""Keep what watching sums short: old rows of progress are folded into one for each alert, channel and state.

A row says what one batch changed, so a large alert leaves tens of thousands. Their order means nothing, only their sum
does: folding is right whatever order their transactions commit in. It takes the rows that it sees and nobody else has,
and one that becomes visible later, with a lower id or an older time, is simply summed then.
"""

from __future__ import annotations

from collections import Counter
from datetime import datetime

from sqlalchemy import ColumnElement, Connection, delete, func, insert, select

from config.clock import db_now, plus_seconds
from config.database import Database
from dispatcher.codes import AlertState, DeliveryState
from dispatcher.tables import ALERT, PROGRESS
from providers.base import Channel

# The rate that watching shows is that of the last seconds: younger rows stay as they are.
FOLD_AFTER_SECONDS = 15.0
# So many old rows of an alert are worth a transaction; and this is the most that one takes.
FOLD_FROM = 500
_MOST = 10_000


def fold_progress(database: Database) -> int:
    """Fold the old rows of every living alert that has many; the number of rows that went. Cheap when there are few.

    What is left of an alert that has ended stays as it is.
    """
    old = select(func.count()).where(PROGRESS.c.alert_id == ALERT.c.id, PROGRESS.c.at < _old()).scalar_subquery()
    alive = ALERT.c.state.in_((AlertState.PLANNING, AlertState.OPEN))
    with database.read() as connection:
        alerts = connection.execute(select(ALERT.c.id).where(alive, old >= FOLD_FROM)).scalars().all()
    gone = 0
    for alert_id in alerts:
        with database.write() as connection:
            gone += fold(connection, alert_id)
    return gone


def fold(connection: Connection, alert_id: int) -> int:
    """Fold the old rows of one alert, in the caller's transaction; the number of rows that went."""
    taken = (
        select(PROGRESS.c.id)
        .where(PROGRESS.c.alert_id == alert_id, PROGRESS.c.at < _old())
        .order_by(PROGRESS.c.id)
        .limit(_MOST)
        .with_for_update(skip_locked=True)
    )
    rows = connection.execute(
        delete(PROGRESS)
        .where(PROGRESS.c.id.in_(taken))
        .returning(PROGRESS.c.channel, PROGRESS.c.state, PROGRESS.c.delta, PROGRESS.c.at)
    ).all()
    sums: Counter[tuple[Channel, DeliveryState]] = Counter()
    latest: dict[tuple[Channel, DeliveryState], datetime] = {}
    for row in rows:
        key = (row.channel, row.state)
        sums[key] += row.delta
        latest[key] = max(row.at, latest.get(key, row.at))
    folded = [
        {"alert_id": alert_id, "channel": channel, "state": state, "delta": total, "at": latest[channel, state]}
        for (channel, state), total in sums.items()
        if total
    ]
    if folded:
        connection.execute(insert(PROGRESS), folded)
    return len(rows) - len(folded)


def _old() -> ColumnElement[datetime]:
    return plus_seconds(db_now(), -FOLD_AFTER_SECONDS)
