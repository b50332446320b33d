"""Counting what an alert would do: the plan of every student of a draft, made and thrown away, a chunk at a time."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from datetime import date

from sqlalchemy import Connection, select

from contacts.entitlement import Verdict
from contacts.facts import CHUNK, collector_paused
from contacts.reach import Unreachable
from dispatcher.alerts.plan import Plan, is_adult_without_consent
from dispatcher.alerts.planner import plan_students
from dispatcher.codes import StudentClass
from dispatcher.outbox.following import NEVER_TOLD
from dispatcher.tables import ALERT, ALERT_STUDENT
from providers.base import Channel


@dataclass(slots=True)
class Count:
    """What has been counted so far; addresses and guardians count once, whatever the chunk they come in."""

    classes: Counter[StudentClass] = field(default_factory=Counter)
    adults: int = 0
    never_told: int = 0
    unreached: Counter[str] = field(default_factory=Counter)
    held: Counter[str] = field(default_factory=Counter)
    guardians: set[int] = field(default_factory=set)
    unverified: set[int] = field(default_factory=set)
    stale: set[int] = field(default_factory=set)
    addresses: dict[tuple[Channel, int], str] = field(default_factory=dict)

    def add(self, chunk: Plan) -> None:
        for student in chunk.students:
            self.classes[student.forecast] += 1
            if student.forecast is StudentClass.UNREACHED:
                self.unreached[student.reason] += 1
            elif student.forecast is StudentClass.HELD:
                self.held[student.reason] += 1
            elif student.forecast is StudentClass.NOBODY_MAY_BE_TOLD:
                self.adults += is_adult_without_consent(student)
                self.never_told += student.reason == NEVER_TOLD
        for decision in chunk.decisions:
            if decision.verdict is Verdict.ENTITLED and decision.guardian_id is not None:
                if decision.unreachable == Unreachable.UNVERIFIED_ONLY:
                    self.unverified.add(decision.guardian_id)
                elif decision.unreachable is None:
                    self.guardians.add(decision.guardian_id)
        for delivery in chunk.deliveries:
            self.addresses[delivery.channel, delivery.address_id] = delivery.language
            self.stale.update(one.guardian_id for one in delivery.recipients if one.stale)

    def merge(self, other: Count) -> None:
        """Take up what was counted of other students of the same draft."""
        self.classes += other.classes
        self.adults += other.adults
        self.never_told += other.never_told
        self.unreached += other.unreached
        self.held += other.held
        self.guardians |= other.guardians
        self.unverified |= other.unverified
        self.stale |= other.stale
        self.addresses |= other.addresses


@dataclass(frozen=True, slots=True)
class Share:
    """Some students of a draft: those after position `first`, up to and including position `last`."""

    alert_id: int
    on: date
    stale_after_months: int
    first: int
    last: int


def count_share(connection: Connection, share: Share) -> Count:
    """Plan these students without storing anything, a chunk of them in memory at a time."""
    alert = connection.execute(select(ALERT).where(ALERT.c.id == share.alert_id)).one()
    months = share.stale_after_months
    counted = Count()
    for start in range(share.first, share.last, CHUNK):
        students = connection.execute(
            select(ALERT_STUDENT.c.student_id)
            .where(
                ALERT_STUDENT.c.alert_id == share.alert_id,
                ALERT_STUDENT.c.position > start,
                ALERT_STUDENT.c.position <= min(start + CHUNK, share.last),
            )
            .order_by(ALERT_STUDENT.c.position)
        )
        with collector_paused():
            ids = list(students.scalars())
            counted.add(plan_students(connection, alert, ids, start, share.on, months, with_inputs=False))
    return counted
