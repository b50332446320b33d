"""New deliveries enter the outbox here, and only here: one message per alert, channel, address and round."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from functools import cache
from typing import Any, NamedTuple, Protocol

from sqlalchemy import Connection, Select, bindparam, cast, func, insert, literal, select, update
from sqlalchemy.dialects.postgresql import REGCLASS

from config.clock import db_now, plus_seconds
from config.filling import fill
from contacts.id_sets import id_set, ids_given
from dispatcher.codes import DeliveryState, Lane, MoveSource
from dispatcher.outbox.move_statements import EVENT_COLUMNS, PROGRESS_COLUMNS
from dispatcher.outbox.record import upsert
from dispatcher.tables import DELIVERY, EVENT, PROGRESS, RECIPIENT, AnyRow
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


class NewDelivery(NamedTuple):
    """What a new delivery of an alert has of its own; codes as their plain text."""

    alert_id: int
    channel: str
    address_id: int
    round: int
    language: str
    segments: int
    expires_at: datetime
    contacts_revision: int
    decided_on: date


# The columns of a delivery on which nothing has happened yet.
_NEW: dict[str, Any] = {
    "state": DeliveryState.QUEUED.value,
    "attempt": 0,
    "lost_claims": 0,
    "deferrals": 0,
    "repeats": 0,
    "lookups": 0,
}
_DELIVERY_COLUMNS = ("id", "due_at", *NewDelivery._fields, "lane", *_NEW)
_RECIPIENT_COLUMNS = ("delivery_id", "student_id", "guardian_id", "stale", "unverified")


def enqueue(connection: Connection, basis: Basis, wanted: Sequence[Wanted], segments: Mapping[str, int]) -> int:
    """Make the alert's messages that are not there yet and link everybody meant by each; the number made.

    Somebody who joins a message that was cancelled for those it was meant for opens its next round.
    `segments`: of one SMS, by language.
    """
    if not wanted:
        return 0
    known = _existing(connection, basis.alert_id, wanted)
    new: list[NewDelivery] = []
    opened: list[Wanted] = []
    joined: list[tuple[int, Wanted]] = []
    for one in wanted:
        existing = known.get((one.channel, one.address_id))
        if existing is None or existing.state is DeliveryState.CANCELLED:
            new.append(_new(basis, one, segments, 1 if existing is None else existing.round + 1))
            opened.append(one)
        else:
            joined.append((existing.id, one))
    made = _insert(connection, new, MoveSource.PLANNER)
    _lower_revision(connection, basis, list(known.values()))
    # Nobody can be linked to a message that has only just been made.
    fill(connection, RECIPIENT, _RECIPIENT_COLUMNS, _links(zip(made, opened, strict=True)))
    links = _links(joined)
    if links:
        rows = [dict(zip(_RECIPIENT_COLUMNS, link, strict=True)) for link in links]
        connection.execute(upsert(connection.dialect.name, RECIPIENT).on_conflict_do_nothing(), rows)
    return len(made)


def enqueue_notice(
    connection: Connection,
    notice_id: int,
    channel: Channel,
    address_id: int,
    language: str,
    life_seconds: float,
    *,
    segments: int = 1,
) -> int:
    """Make the one message of a notice, in the routine lane; its id. It expires after `life_seconds`."""
    row = {
        "notice_id": notice_id,
        "channel": channel,
        "address_id": address_id,
        "round": 1,
        "language": language,
        "segments": segments,
        "contacts_revision": 0,
        "decided_on": date.min,
        "lane": Lane.ROUTINE,
        **_NEW,
    }
    statement = insert(DELIVERY).values(**row, due_at=db_now(), expires_at=plus_seconds(db_now(), life_seconds))
    delivery_id, due_at = connection.execute(statement.returning(DELIVERY.c.id, DELIVERY.c.due_at)).one()
    _log_new(connection, [delivery_id], due_at, MoveSource.PLANNER)
    return int(delivery_id)


def enqueue_next_round(connection: Connection, failed: Sequence[AnyRow]) -> int:
    """A second chance for these rows of one alert's delivery table, for the same recipients; the number made."""
    new = [
        NewDelivery(
            row.alert_id,
            row.channel.value,
            row.address_id,
            row.round + 1,
            row.language,
            row.segments,
            row.expires_at,
            row.contacts_revision,
            row.decided_on,
        )
        for row in failed
    ]
    made = _insert(connection, new, MoveSource.OPERATOR)
    after = dict(zip((row.id for row in failed), made, strict=True))
    recipients = connection.execute(
        select(RECIPIENT).where(RECIPIENT.c.delivery_id.in_(after), RECIPIENT.c.unlinked_at.is_(None))
    ).all()
    links: list[tuple[object, ...]] = [
        (after[row.delivery_id], row.student_id, row.guardian_id, row.stale, row.unverified) for row in recipients
    ]
    fill(connection, RECIPIENT, _RECIPIENT_COLUMNS, links)
    return len(made)


def _existing(connection: Connection, alert_id: int, wanted: Sequence[Wanted]) -> dict[tuple[Channel, int], AnyRow]:
    """The latest round of each of these messages that an earlier chunk has made, locked until we are done."""
    addresses: dict[Channel, list[int]] = {}
    for one in wanted:
        addresses.setdefault(one.channel, []).append(one.address_id)
    found: list[int] = []
    for channel, ids in addresses.items():
        given = {"alert": alert_id, "channel": channel, "addresses": id_set(ids, connection.dialect.name)}
        rounds = connection.execute(latest_rounds(connection.dialect.name), given).scalars()
        found += [delivery_id for delivery_id in rounds if delivery_id is not None]
    if not found:
        return {}
    # Locked in one order, so that who records outcomes meanwhile waits for us instead of deadlocking.
    statement = (
        select(
            DELIVERY.c.id,
            DELIVERY.c.channel,
            DELIVERY.c.address_id,
            DELIVERY.c.round,
            DELIVERY.c.state,
            DELIVERY.c.contacts_revision,
        )
        .where(DELIVERY.c.id.in_(found))
        .order_by(DELIVERY.c.id)
        .with_for_update(key_share=True)
    )
    return {(row.channel, row.address_id): row for row in connection.execute(statement)}


@cache
def latest_rounds(dialect: str) -> Select[Any]:
    """For each of `addresses` the latest delivery of one alert on one channel, or NULL.

    One look into the unique index for each address, whatever the database knows of the table: while its first large
    alert is planned, PostgreSQL has no statistics of it, and would read the whole of it for each chunk.
    """
    each = ids_given("addresses", dialect)
    latest = (
        select(DELIVERY.c.id)
        .where(
            DELIVERY.c.alert_id == bindparam("alert"),
            DELIVERY.c.channel == bindparam("channel"),
            DELIVERY.c.address_id == each.c.value,
        )
        .order_by(DELIVERY.c.round.desc())
        .limit(1)
        .scalar_subquery()
    )
    return select(latest).select_from(each)


def _lower_revision(connection: Connection, basis: Basis, known: Sequence[AnyRow]) -> None:
    """Whoever joins a message may rest on older knowledge than it was last checked by: then it is checked again."""
    newer = [
        row.id
        for row in known
        if row.state is not DeliveryState.CANCELLED and row.contacts_revision > basis.contacts_revision
    ]
    if newer:
        connection.execute(
            update(DELIVERY).where(DELIVERY.c.id.in_(newer)).values(contacts_revision=basis.contacts_revision)
        )


def _new(basis: Basis, one: Wanted, segments: Mapping[str, int], round_: int) -> NewDelivery:
    return NewDelivery(
        basis.alert_id,
        one.channel.value,
        one.address_id,
        round_,
        one.language,
        segments[one.language] if one.channel is Channel.SMS else 1,
        basis.expires_at,
        basis.contacts_revision,
        basis.decided_on,
    )


def _insert(connection: Connection, new: Sequence[NewDelivery], source: MoveSource) -> list[int]:
    """The ids of the deliveries made of `new`, in its order."""
    if not new:
        return []
    now, ids = _reserve(connection, len(new))
    fresh = (Lane.ALERTS.value, *_NEW.values())
    fill(connection, DELIVERY, _DELIVERY_COLUMNS, [(id_, now, *one, *fresh) for id_, one in zip(ids, new, strict=True)])
    _log_new(connection, ids, now, source)
    queued = Counter((one.alert_id, one.channel) for one in new)
    fill(
        connection, PROGRESS, PROGRESS_COLUMNS, [(*of, DeliveryState.QUEUED.value, n, now) for of, n in queued.items()]
    )
    return ids


def _reserve(connection: Connection, count: int) -> tuple[datetime, list[int]]:
    """The database's clock, and ids for so many new deliveries: what is linked to them can be written at once, too."""
    if connection.dialect.name == "sqlite":
        # The one writer of an SQLite database is us.
        now, last = connection.execute(select(db_now(), func.coalesce(func.max(DELIVERY.c.id), 0))).one()
        return now, list(range(last + 1, last + 1 + count))
    # In a SELECT of its own, so that the name is looked up once and not for every id.
    sequence = select(cast(func.pg_get_serial_sequence(DELIVERY.name, "id"), REGCLASS)).scalar_subquery()
    statement = select(db_now(), func.nextval(sequence)).select_from(func.generate_series(1, literal(count)))
    rows = connection.execute(statement).all()
    return rows[0][0], [row[1] for row in rows]


def _log_new(connection: Connection, delivery_ids: Sequence[int], now: datetime, source: MoveSource) -> None:
    """The first event of each new delivery."""
    state = DeliveryState.QUEUED.value
    fill(
        connection,
        EVENT,
        EVENT_COLUMNS,
        [(id_, 0, None, state, now, source.value, None, False) for id_ in delivery_ids],
    )


def _links(messages: Iterable[tuple[int, Wanted]]) -> list[tuple[object, ...]]:
    """Who is meant by each of these messages, given with the ids of their deliveries."""
    return [
        (delivery_id, one.student_id, one.guardian_id, one.stale, one.unverified)
        for delivery_id, wanted in messages
        for one in wanted.recipients
    ]
