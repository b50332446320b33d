"""All rows of an alert in plain lists, to count again what a report counts in the database."""

from __future__ import annotations

from collections import Counter
from datetime import datetime
from typing import Any

from sqlalchemy import select

from contacts.codes import Protection
from contacts.tables import MEMBERSHIP, PERSON, STUDENT_GROUP
from dispatcher.reports.classes import Standing, student_class
from dispatcher.tables import ALERT_STUDENT, ATTEMPT, DECISION, DELIVERY, EVENT, MARK, RECIPIENT
from tests.dispatcher.reports.conftest import Case


class Rows:
    """All rows of the alert, in plain lists."""

    def __init__(self, case: Case) -> None:
        with case.database.read() as connection:

            def all_of(statement: Any) -> list[Any]:
                return list(connection.execute(statement))

            self.deliveries = all_of(select(DELIVERY).where(DELIVERY.c.alert_id == case.alert))
            ids = {row.id for row in self.deliveries}
            self.links = [row for row in all_of(select(RECIPIENT)) if row.delivery_id in ids]
            self.attempts = [row for row in all_of(select(ATTEMPT)) if row.delivery_id in ids]
            self.events = [row for row in all_of(select(EVENT)) if row.delivery_id in ids]
            self.decisions = [
                row for row in all_of(select(DECISION).where(DECISION.c.alert_id == case.alert)) if not row.superseded
            ]
            self.students = [
                row.student_id for row in all_of(select(ALERT_STUDENT).where(ALERT_STUDENT.c.alert_id == case.alert))
            ]
            self.marks = [
                row for row in all_of(select(MARK).where(MARK.c.alert_id == case.alert)) if row.taken_back_at is None
            ]
            hidden = {row.id for row in all_of(select(PERSON)) if row.protection is not Protection.NONE}
            groups = {row.id: row.name for row in all_of(select(STUDENT_GROUP))}
            self.homes = {
                row.student_id: groups[row.group_id]
                for row in all_of(select(MEMBERSHIP))
                if row.student_id not in hidden
            }

    def class_of(self, student: int) -> str:
        linked = {row.delivery_id for row in self.links if row.student_id == student and row.unlinked_at is None}
        states = frozenset(row.state for row in self.deliveries if row.id in linked)
        verdicts = frozenset(row.verdict for row in self.decisions if row.student_id == student)
        marked = any(row.student_id == student for row in self.marks)
        return student_class(Standing(True, states, verdicts, marked=marked)).value

    def home_classes(self) -> dict[tuple[str | None, str], int]:
        """Students by home class (None: hidden) and class of the report."""
        return dict(Counter((self.homes.get(student), self.class_of(student)) for student in self.students))

    def paid(self, channel: str) -> int:
        """SMS segments, or calls, that a provider has, or may have."""
        return sum(
            row.segments if channel == "sms" else 1
            for row in self.deliveries
            if row.channel == channel and (row.accepted_at is not None or row.state == "unknown")
        )

    def up_to(self, channel: str, moment: str, start: datetime, seconds: float) -> int:
        """Messages of a channel whose `moment` ("accepted_at") was at most so long after the start."""
        return sum(
            row.channel == channel
            and getattr(row, moment) is not None
            and (moment == "accepted_at" or row.state == "delivered")
            and (getattr(row, moment) - start).total_seconds() <= seconds
            for row in self.deliveries
        )
