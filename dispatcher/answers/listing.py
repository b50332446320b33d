"""The answers to SMS as people read them: which number, masked, whose it is by ref, and what they wrote."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import ColumnElement, Connection, func, select

from contacts.addresses import mask_phone
from contacts.people import guardian_ref
from contacts.tables import ADDRESS, CONTACT_POINT
from dispatcher.codes import AnswerKind
from dispatcher.tables import ALERT, ANSWER


@dataclass(frozen=True, slots=True)
class ListedAnswer:
    """One answer. `guardians`: the refs of those who have the number today; none when nobody in the store has it.
    `alert`: the number of the alert that it probably answers."""

    received_at: datetime
    kind: AnswerKind
    number: str
    guardians: tuple[str, ...]
    alert: str | None
    text: str


def list_answers(
    connection: Connection, *, alert_id: int | None = None, unmatched: bool = False, limit: int
) -> list[ListedAnswer]:
    """The answers, the newest first. `alert_id`: to that alert; `unmatched`: those alone that a person must read."""
    where: list[ColumnElement[bool]] = []
    if alert_id is not None:
        where.append(ANSWER.c.alert_id == alert_id)
    if unmatched:
        where.append(ANSWER.c.kind == AnswerKind.OTHER)
    rows = connection.execute(
        select(ANSWER, ADDRESS.c.value, ALERT.c.number)
        .outerjoin(ADDRESS, ADDRESS.c.id == ANSWER.c.address_id)
        .outerjoin(ALERT, ALERT.c.id == ANSWER.c.alert_id)
        .where(*where)
        .order_by(ANSWER.c.id.desc())
        .limit(limit)
    ).all()
    owners = _owners(connection, {row.address_id for row in rows if row.address_id is not None})
    return [
        ListedAnswer(
            received_at=row.received_at,
            kind=row.kind,
            number=row.masked or mask_phone(row.value or ""),
            guardians=owners.get(row.address_id, ()),
            alert=row.number,
            text=row.text,
        )
        for row in rows
    ]


def unmatched_answers(connection: Connection, alert_id: int) -> int:
    """How many answers to the alert a person must read."""
    return connection.execute(
        select(func.count()).select_from(ANSWER).where(ANSWER.c.alert_id == alert_id, ANSWER.c.kind == AnswerKind.OTHER)
    ).scalar_one()


def confirmed_messages(connection: Connection, alert_id: int) -> int:
    """How many messages of the alert were confirmed by an answer."""
    return connection.execute(
        select(func.count(ANSWER.c.delivery_id.distinct())).where(
            ANSWER.c.alert_id == alert_id, ANSWER.c.kind == AnswerKind.CONFIRMATION
        )
    ).scalar_one()


def _owners(connection: Connection, addresses: Collection[int]) -> Mapping[int, tuple[str, ...]]:
    found: dict[int, list[str]] = defaultdict(list)
    rows = connection.execute(
        select(CONTACT_POINT.c.address_id, CONTACT_POINT.c.person_id)
        .where(CONTACT_POINT.c.address_id.in_(addresses), CONTACT_POINT.c.ended_at.is_(None))
        .distinct()
        .order_by(CONTACT_POINT.c.address_id, CONTACT_POINT.c.person_id)
    )
    for row in rows:
        found[row.address_id].append(guardian_ref(row.person_id))
    return {address_id: tuple(refs) for address_id, refs in found.items()}
