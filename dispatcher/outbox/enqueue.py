"""New deliveries enter the outbox here, and only here: one message per alert, channel, address and round."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, Protocol

from sqlalchemy import Connection, insert, select, update

from config.clock import db_now, plus_seconds
from dispatcher.codes import DeliveryState, Lane, MoveSource
from dispatcher.outbox.moves import count_progress
from dispatcher.outbox.record import upsert
from dispatcher.tables import DELIVERY, EVENT, RECIPIENT, AnyRow
from providers.base import Channel


class Recipient(Protocol):
    """Who is meant by a message: a guardian, about a student."""

    @property
    def student_id(self) -> int: ...
    @property
    def guardian_id(self) -> int: ...
    @property
    def stale(self) -> bool: ...
    @property
    def unverified(self) -> bool: ...


class Wanted(Protocol):
    """A message that a plan asks for."""

    @property
    def channel(self) -> Channel: ...
    @property
    def address_id(self) -> int: ...
    @property
    def language(self) -> str: ...
    @property
    def recipients(self) -> Sequence[Recipient]: ...


@dataclass(frozen=True, slots=True)
class Basis:
    """What the deliveries of one plan rest on: their alert, its end, and what was known of the contacts, and when."""

    alert_id: int
    expires_at: datetime
    contacts_revision: int
    decided_on: date


# The columns of a delivery on which nothing has happened yet.
_NEW: dict[str, Any] = {
    "state": DeliveryState.QUEUED,
    "attempt": 0,
    "lost_claims": 0,
    "deferrals": 0,
    "repeats": 0,
    "lookups": 0,
}


def enqueue(connection: Connection, basis: Basis, wanted: Sequence[Wanted], segments: Mapping[str, int]) -> int:
    """Make the alert's messages that are not there yet and link everybody meant by each; the number made.

    Somebody who joins a message that was cancelled for those it was meant for opens its next round.
    `segments`: of one SMS, by language.
    """
    if not wanted:
        return 0
    known = _existing(connection, basis.alert_id, wanted)
    rows = []
    for one in wanted:
        existing = known.get((one.channel, one.address_id))
        if existing is None or existing.state is DeliveryState.CANCELLED:
            round_ = 1 if existing is None else existing.round + 1
            rows.append(_row(basis, one, segments, round_))
    made = _insert(connection, rows, db_now(), MoveSource.PLANNER)
    _lower_revision(connection, basis, [row for row in known.values() if row.state is not DeliveryState.CANCELLED])
    ids = {key: row.id for key, row in known.items()} | {(row.channel, row.address_id): row.id for row in made}
    _link(connection, wanted, ids)
    return len(made)


def enqueue_notice(
    connection: Connection, notice_id: int, channel: Channel, address_id: int, language: str, life_seconds: float
) -> int:
    """Make the one message of a notice, in the routine lane; its id. It expires after `life_seconds`."""
    row = {
        "notice_id": notice_id,
        "channel": channel,
        "address_id": address_id,
        "round": 1,
        "language": language,
        "segments": 1,
        "contacts_revision": 0,
        "decided_on": date.min,
        "lane": Lane.ROUTINE,
        **_NEW,
    }
    statement = insert(DELIVERY).values(**row, due_at=db_now(), expires_at=plus_seconds(db_now(), life_seconds))
    delivery_id = int(connection.execute(statement.returning(DELIVERY.c.id)).scalar_one())
    _log_new(connection, [delivery_id], MoveSource.PLANNER)
    return delivery_id


def enqueue_next_round(connection: Connection, failed: Sequence[AnyRow]) -> int:
    """A second chance for these rows of one alert's delivery table, for the same recipients; the number made."""
    rows = [
        {
            **_NEW,
            "alert_id": row.alert_id,
            "channel": row.channel,
            "address_id": row.address_id,
            "round": row.round + 1,
            "language": row.language,
            "segments": row.segments,
            "expires_at": row.expires_at,
            "contacts_revision": row.contacts_revision,
            "decided_on": row.decided_on,
            "lane": Lane.ALERTS,
        }
        for row in failed
    ]
    made = _insert(connection, rows, db_now(), MoveSource.OPERATOR)
    new_ids = {(row.channel, row.address_id): row.id for row in made}
    before = {row.id: new_ids[row.channel, row.address_id] for row in failed}
    recipients = connection.execute(
        select(RECIPIENT).where(RECIPIENT.c.delivery_id.in_(before), RECIPIENT.c.unlinked_at.is_(None))
    ).all()
    if recipients:
        connection.execute(
            insert(RECIPIENT),
            [
                {
                    "delivery_id": before[row.delivery_id],
                    "student_id": row.student_id,
                    "guardian_id": row.guardian_id,
                    "stale": row.stale,
                    "unverified": row.unverified,
                }
                for row in recipients
            ],
        )
    return len(made)


def _existing(connection: Connection, alert_id: int, wanted: Sequence[Wanted]) -> dict[tuple[Channel, int], AnyRow]:
    """The latest round of each of these messages that an earlier chunk has made, locked until we are done."""
    statement = (
        select(
            DELIVERY.c.id,
            DELIVERY.c.channel,
            DELIVERY.c.address_id,
            DELIVERY.c.round,
            DELIVERY.c.state,
            DELIVERY.c.contacts_revision,
        )
        .where(DELIVERY.c.alert_id == alert_id, DELIVERY.c.address_id.in_({one.address_id for one in wanted}))
        .order_by(DELIVERY.c.round, DELIVERY.c.id)
        .with_for_update(key_share=True)
    )
    return {(row.channel, row.address_id): row for row in connection.execute(statement)}


def _lower_revision(connection: Connection, basis: Basis, joined: Sequence[AnyRow]) -> None:
    """Whoever joins a message may rest on older knowledge than it was last checked by: then it is checked again."""
    newer = [row.id for row in joined if row.contacts_revision > basis.contacts_revision]
    if newer:
        connection.execute(
            update(DELIVERY).where(DELIVERY.c.id.in_(newer)).values(contacts_revision=basis.contacts_revision)
        )


def _row(basis: Basis, one: Wanted, segments: Mapping[str, int], round_: int) -> dict[str, Any]:
    return {
        **_NEW,
        "alert_id": basis.alert_id,
        "channel": one.channel,
        "address_id": one.address_id,
        "round": round_,
        "language": one.language,
        "segments": segments[one.language] if one.channel is Channel.SMS else 1,
        "expires_at": basis.expires_at,
        "contacts_revision": basis.contacts_revision,
        "decided_on": basis.decided_on,
        "lane": Lane.ALERTS,
    }


def _insert(
    connection: Connection, rows: Sequence[dict[str, Any]], due_at: Any, source: MoveSource
) -> Sequence[AnyRow]:
    if not rows:
        return []
    made = connection.execute(
        insert(DELIVERY)
        .values(due_at=due_at)
        .returning(DELIVERY.c.id, DELIVERY.c.alert_id, DELIVERY.c.channel, DELIVERY.c.address_id),
        rows,
    ).all()
    _log_new(connection, [row.id for row in made], source)
    count_progress(connection, ((row.alert_id, row.channel, None, DeliveryState.QUEUED) for row in made))
    return made


def _log_new(connection: Connection, delivery_ids: Sequence[int], source: MoveSource) -> None:
    """The first event of each new delivery."""
    connection.execute(
        insert(EVENT),
        [
            {
                "delivery_id": delivery_id,
                "attempt": 0,
                "from_state": None,
                "to_state": DeliveryState.QUEUED,
                "source": source,
                "code": None,
                "refused": False,
            }
            for delivery_id in delivery_ids
        ],
    )


def _link(connection: Connection, wanted: Sequence[Wanted], ids: Mapping[tuple[Channel, int], int]) -> None:
    rows = [
        {
            "delivery_id": ids[one.channel, one.address_id],
            "student_id": recipient.student_id,
            "guardian_id": recipient.guardian_id,
            "stale": recipient.stale,
            "unverified": recipient.unverified,
        }
        for one in wanted
        for recipient in one.recipients
    ]
    connection.execute(upsert(connection, RECIPIENT).on_conflict_do_nothing(), rows)
