"""Calls that are needed no more: while one waited for its turn, the same people were told otherwise."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from typing import Final

from sqlalchemy import Connection, exists, or_, select

from dispatcher.outbox.confirmed import CONFIRMING, is_confirmation, reached_by_telephone
from dispatcher.tables import ANSWER, DELIVERY, RECIPIENT, AnyRow

CONFIRMED_MEANWHILE: Final = "confirmed"


def confirmed_meanwhile(connection: Connection, due: Sequence[AnyRow]) -> set[int]:
    """The ids of those of these due calls whose every guardian has got the alert for certain. A few at a time: a caller
    makes about one call a second."""
    return {row.id for row in due if _all_told(connection, row)}


def _all_told(connection: Connection, call: AnyRow) -> bool:
    meant = connection.execute(
        select(RECIPIENT.c.student_id, RECIPIENT.c.guardian_id).where(
            RECIPIENT.c.delivery_id == call.id, RECIPIENT.c.unlinked_at.is_(None)
        )
    ).all()
    about: dict[int, list[int]] = defaultdict(list)
    for row in meant:
        about[row.guardian_id].append(row.student_id)
    answered = exists().where(ANSWER.c.delivery_id == DELIVERY.c.id, is_confirmation(call.alert_id))
    told = connection.scalars(
        select(RECIPIENT.c.guardian_id)
        .join(DELIVERY, DELIVERY.c.id == RECIPIENT.c.delivery_id)
        .where(
            RECIPIENT.c.student_id.in_({row.student_id for row in meant}),
            RECIPIENT.c.guardian_id.in_(about),
            RECIPIENT.c.unlinked_at.is_(None),
            DELIVERY.c.alert_id == call.alert_id,
            or_(DELIVERY.c.state == CONFIRMING, answered),
        )
    )
    return bool(about) and about.keys() <= {*told, *reached_by_telephone(connection, call.alert_id, about)}
