"""The alerts that a guardian has received about the students whose page they see: as they read them, and what became
of each message."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Final

from sqlalchemy import Connection, func, select

from config.catalogue import MsgType, ResponseType
from contacts.guardian_view import GuardianView
from dispatcher.codes import AlertStatus, DeliveryState
from dispatcher.tables import ALERT, ALERT_TEXT, DELIVERY, RECIPIENT, AnyRow
from providers.base import Channel
from providers.spoken import spoken_language

NEWEST: Final = 50


class Arrival(StrEnum):
    """What became of a message that left."""

    DELIVERED = "delivered"
    HANDED_OVER = "handed_over"  # the provider has it, and says no more (yet)
    UNCLEAR = "unclear"  # it may have been sent
    FAILED = "failed"


# A message in another state never left, and was not received.
_ARRIVALS: Final = {
    DeliveryState.DELIVERED: Arrival.DELIVERED,
    DeliveryState.ACCEPTED: Arrival.HANDED_OVER,
    DeliveryState.UNKNOWN: Arrival.UNCLEAR,
    DeliveryState.UNDELIVERED: Arrival.FAILED,
}


@dataclass(frozen=True, slots=True)
class ReceivedMessage:
    """One message, in the words and the language in which it left. `title` is an e-mail's subject, of the others too.

    `at`: when it was handed over. Where it went is not told: an address may be shared, or somebody else's by now.
    """

    channel: Channel
    language: str
    title: str = field(repr=False)
    text: str = field(repr=False)
    at: datetime
    arrival: Arrival


@dataclass(frozen=True, slots=True)
class ReceivedAlert:
    """An alert, and the messages of it in the order in which they left. `students`: of those with a page, whom it was
    about; for the program alone."""

    number: str
    status: AlertStatus
    msg_type: MsgType
    all_clear: bool
    sent_at: datetime
    students: tuple[int, ...]
    messages: tuple[ReceivedMessage, ...]


def received_alerts(connection: Connection, view: GuardianView, limit: int = NEWEST) -> tuple[ReceivedAlert, ...]:
    """The newest alerts that the guardian was a recipient of, about students whose page they see on the view's day.

    Two queries. Only messages that left: what was cancelled before, or meant them no longer, is not among them.
    """
    students = [student.student_id for student in view.students]
    if not students:
        return ()
    mine = (
        RECIPIENT.c.student_id.in_(students),
        RECIPIENT.c.guardian_id == view.guardian_id,
        RECIPIENT.c.unlinked_at.is_(None),
        DELIVERY.c.state.in_(list(_ARRIVALS)),
    )
    newest = (
        select(ALERT.c.id)
        .join(DELIVERY, DELIVERY.c.alert_id == ALERT.c.id)
        .join(RECIPIENT, RECIPIENT.c.delivery_id == DELIVERY.c.id)
        .where(*mine)
        .group_by(ALERT.c.id)
        .order_by(ALERT.c.confirmed_at.desc(), ALERT.c.id.desc())
        .limit(limit)
    )
    at = func.coalesce(DELIVERY.c.accepted_at, DELIVERY.c.finished_at, DELIVERY.c.claimed_at).label("left_at")
    rows = connection.execute(
        select(
            ALERT.c.id,
            ALERT.c.number,
            ALERT.c.status,
            ALERT.c.msg_type,
            ALERT.c.response_type,
            ALERT.c.confirmed_at,
            RECIPIENT.c.student_id,
            DELIVERY.c.id.label("delivery_id"),
            DELIVERY.c.channel,
            DELIVERY.c.language,
            DELIVERY.c.state,
            at,
        )
        .join(DELIVERY, DELIVERY.c.alert_id == ALERT.c.id)
        .join(RECIPIENT, RECIPIENT.c.delivery_id == DELIVERY.c.id)
        .where(*mine, ALERT.c.id.in_(newest))
        .order_by(ALERT.c.confirmed_at.desc(), ALERT.c.id.desc(), at, DELIVERY.c.id, RECIPIENT.c.student_id)
    ).all()
    by_alert: dict[int, list[AnyRow]] = {}
    for row in rows:
        by_alert.setdefault(row.id, []).append(row)
    words = _words(connection, by_alert)
    return tuple(_received(found, words) for found in by_alert.values())


def _words(connection: Connection, alerts: Iterable[int]) -> dict[tuple[int, str], AnyRow]:
    rows = connection.execute(select(ALERT_TEXT).where(ALERT_TEXT.c.alert_id.in_(list(alerts))))
    return {(row.alert_id, row.language): row for row in rows}


def _received(rows: list[AnyRow], words: dict[tuple[int, str], AnyRow]) -> ReceivedAlert:
    alert = rows[0]
    by_delivery = {row.delivery_id: row for row in rows}
    return ReceivedAlert(
        alert.number,
        alert.status,
        alert.msg_type,
        alert.response_type == ResponseType.ALL_CLEAR,
        alert.confirmed_at,
        tuple(sorted({row.student_id for row in rows})),
        tuple(_message(row, words) for row in by_delivery.values()),
    )


def _message(row: AnyRow, words: dict[tuple[int, str], AnyRow]) -> ReceivedMessage:
    language = spoken_language(row.language) if row.channel is Channel.VOICE else row.language
    said = words[row.id, language]
    text = {Channel.SMS: said.sms, Channel.EMAIL: said.email, Channel.VOICE: said.spoken or said.sms}[row.channel]
    return ReceivedMessage(row.channel, language, said.subject, text, row.left_at, _ARRIVALS[row.state])
