"""`contacts purge`: whom and what the policy in the settings does not let us keep is forgotten, a little at a time.

Each step is one transaction, whole in itself, and the next run goes on where one was stopped. It stands aside for
alerts: while one is under way, no step is made.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any

from sqlalchemy import ColumnElement, Connection, and_, func, select

from config.audit import record_act
from config.clock import months_before, oslo_midnight
from config.database import Database
from config.spare_sections import RetentionSettings
from contacts.forgetting import count_all, in_chunks, lock_persons
from contacts.invitations import end_overdue, remove_old
from contacts.leaving import Leaving, ids_where
from contacts.tables import PERSON
from dispatcher.outbox.claim import ALIVE
from dispatcher.retention.forgetting import being_told, clear_away, forget
from dispatcher.retention.reducing import (
    count_alert,
    old_alerts,
    old_notices,
    reduce_alert,
    remove_reduced,
    remove_routine,
)
from dispatcher.tables import ALERT, NOTICE


@dataclass(frozen=True, slots=True)
class Limits:
    """What the policy means on one day: who left by which day, and which alerts ended before which moment."""

    leaving: Leaving
    alerts_day: date

    @classmethod
    def on(cls, today: date, policy: RetentionSettings) -> Limits:
        return cls(
            Leaving(
                today,
                months_before(today, policy.students_months),
                months_before(today, policy.guardians_months),
            ),
            months_before(today, policy.alerts_months),
        )

    @property
    def alerts_before(self) -> datetime:
        return oslo_midnight(self.alerts_day)


@dataclass(frozen=True, slots=True)
class Purge:
    """What goes, or has gone. `rows`: rows by kind. `waits_for`: the number of the alert that stopped it halfway;
    `finished`: nothing stopped it."""

    students: int = 0
    guardians: int = 0
    alerts: int = 0
    rows: Mapping[str, int] = field(default_factory=dict)
    waits_for: str | None = None
    finished: bool = True

    @property
    def anything(self) -> bool:
        return bool(self.students or self.guardians or self.alerts or any(self.rows.values()))

    def as_json(self) -> dict[str, Any]:
        rows = {kind.replace(" ", "_"): count for kind, count in sorted(self.rows.items())}
        return {"students": self.students, "guardians": self.guardians, "alerts": self.alerts, "rows": rows}


def alert_under_way(connection: Connection) -> str | None:
    """The number of an alert that is being planned or sent, if there is one."""
    number: str | None = connection.scalars(select(ALERT.c.number).where(ALERT.c.state.in_(ALIVE)).limit(1)).first()
    return number


def preview(connection: Connection, limits: Limits) -> Purge:
    """What a purge would do now."""
    students = _gone(connection, limits.leaving.students())
    guardians = _gone(connection, limits.leaving.guardians())
    alerts = old_alerts(connection, limits.alerts_before)
    rows = count_all(connection, [*students, *guardians])
    for alert_id in alerts:
        rows.update(count_alert(connection, alert_id))
    notices = select(func.count()).select_from(NOTICE).where(old_notices(limits.alerts_before))
    rows["routine messages"] = connection.execute(notices).scalar_one()
    return Purge(len(students), len(guardians), len(alerts), +rows)


def purge(database: Database, limits: Limits, *, operator: str, stopping: Callable[[], bool] = lambda: False) -> Purge:
    """Do it, in steps; it stops before the next one when an alert has begun, or `stopping` is true."""
    return _Run(database, limits, operator, stopping).run()


class _Run:
    """One purge, and what it has done so far."""

    def __init__(self, database: Database, limits: Limits, operator: str, stopping: Callable[[], bool]) -> None:
        self._database = database
        self._limits = limits
        self._operator = operator
        self._stopping = stopping
        self._rows: Counter[str] = Counter()
        self._waits_for: str | None = None

    def run(self) -> Purge:
        """Alerts come before persons: while it is known who went to which school, and with fewer rows to rename."""
        with self._database.write() as connection:
            end_overdue(connection)
        alerts = self._reduce()
        students = self._forget(self._limits.leaving.students(), "students")
        guardians = self._forget(self._limits.leaving.guardians(), "guardians")
        finished = self._may_go_on()
        if finished:
            with self._database.write() as connection:
                remove_old(connection, self._limits.alerts_before)
                clear_away(connection)
        return Purge(students, guardians, alerts, +self._rows, self._waits_for, finished)

    def _may_go_on(self) -> bool:
        if self._stopping():
            return False
        if self._waits_for is None:
            with self._database.read() as connection:
                self._waits_for = alert_under_way(connection)
        return self._waits_for is None

    def _reduce(self) -> int:
        before = self._limits.alerts_before
        done = 0
        with self._database.read() as connection:
            alerts = old_alerts(connection, before)
            notices = select(func.count()).select_from(NOTICE).where(old_notices(before))
            routine = connection.execute(notices).scalar_one()
        for alert_id in alerts:
            if not self._may_go_on():
                return done
            with self._database.read() as connection:
                self._rows.update(count_alert(connection, alert_id))
            reduce_alert(self._database, alert_id, operator=self._operator)
            done += 1
        if remove_reduced(self._database, self._may_go_on) and remove_routine(self._database, before, self._may_go_on):
            self._rows["routine messages"] += routine
        return done

    def _forget(self, who: ColumnElement[bool], kind: str) -> int:
        done = 0
        with self._database.read() as connection:
            ids = _gone(connection, who)
        for chunk in in_chunks(ids):
            if not self._may_go_on():
                break
            with self._database.write() as connection:
                done += self._forget_chunk(connection, chunk, who, kind)
        return done

    def _forget_chunk(self, connection: Connection, chunk: list[int], who: ColumnElement[bool], kind: str) -> int:
        lock_persons(connection, chunk)
        # Somebody may have come back since; and an alert that was confirmed since may be about one of them.
        still = _gone(connection, and_(who, PERSON.c.id.in_(chunk)))
        if not still or alert_under_way(connection) is not None:
            return 0
        gone = forget(connection, still)
        self._rows.update(gone)
        record_act(
            connection,
            operator=self._operator,
            act="contacts.purge",
            subject="contacts",
            details={kind: len(still)} | dict(sorted(gone.items())),
        )
        return len(still)


def _gone(connection: Connection, who: ColumnElement[bool]) -> list[int]:
    told = being_told(connection)
    return [one for one in ids_where(connection, who) if one not in told]
