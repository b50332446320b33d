"""What counts as confirmed: one definition, for the classes of students as for what follows for a guardian.

A message has arrived for certain when its provider says so, or when it was answered, whatever the provider says.
"""

from __future__ import annotations

from typing import Final

from sqlalchemy import ColumnElement, and_

from dispatcher.codes import AnswerKind, DeliveryState
from dispatcher.tables import ANSWER

CONFIRMING: Final = DeliveryState.DELIVERED


def is_confirmation(alert_id: int) -> ColumnElement[bool]:
    """SQL, true for an answer that confirms a message of the alert."""
    return and_(ANSWER.c.alert_id == alert_id, ANSWER.c.kind == AnswerKind.CONFIRMATION)
