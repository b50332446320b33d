"""All alerts to one school since a day: how many of each kind, and how far each came."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime

from rich.console import Console
from rich.table import Table
from rich.text import Text
from sqlalchemy import Connection, func, select

from config.catalogue import MsgType
from config.clock import oslo_date, oslo_midnight
from config.operators import Operator
from contacts.audience import AudienceSchool, attending
from contacts.protection import maybe_protected
from contacts.tables import PERSON
from dispatcher.alerts.sight import alerts_since
from dispatcher.codes import AlertState, AlertStatus
from dispatcher.reports.classes import CLASS_OF_RANK, ClassCounts, counts_of, students_by_class
from dispatcher.reports.reduced import kept_figures
from dispatcher.reports.words import grouped, oslo_day_time
from dispatcher.tables import AnyRow


@dataclass(frozen=True, slots=True)
class SchoolAlert:
    """One alert, and the students of the school whom it was about, by class."""

    number: str
    confirmed_at: datetime
    status: AlertStatus
    msg_type: MsgType
    scenario: str
    state: AlertState
    classes: ClassCounts


@dataclass(frozen=True, slots=True)
class SchoolTerm:
    """`last_exercise`: None when there was none since that day."""

    school: str
    since: date
    alerts: tuple[SchoolAlert, ...]

    @property
    def counts(self) -> dict[AlertStatus, int]:
        """News and the all-clear of an exercise are not exercises more."""
        return {status: sum(one.status is status for one in self._first) for status in AlertStatus}

    @property
    def last_exercise(self) -> datetime | None:
        return max((one.confirmed_at for one in self._first if one.status is AlertStatus.EXERCISE), default=None)

    @property
    def _first(self) -> list[SchoolAlert]:
        return [one for one in self.alerts if one.msg_type is MsgType.ALERT]

    def as_json(self) -> dict[str, object]:
        return {
            "school": self.school,
            "since": self.since,
            "counts": {status.value: count for status, count in self.counts.items()},
            "last_exercise": self.last_exercise,
            "alerts": list(self.alerts),
        }


def start_of_term(today: date) -> date:
    """The first day of the half-year that is a term: 1 August or 1 January (pure)."""
    return date(today.year, 8 if today.month >= 8 else 1, 1)


def school_term(connection: Connection, operator: Operator, school: AudienceSchool, since: date) -> SchoolTerm:
    """The alerts about students of the school that the operator may look at, the oldest first.

    An alert that singled out students counts for the school by those alone who are not, and may not be, protected: a
    row here would tell that the others go there.
    """
    rows = alerts_since(connection, operator, oslo_midnight(since))
    counted = ((row, _classes(connection, row, school)) for row in rows)
    return SchoolTerm(
        school.name,
        since,
        tuple(
            SchoolAlert(row.number, row.confirmed_at, row.status, row.msg_type, row.scenario, row.state, classes)
            for row, classes in counted
            if classes.students
        ),
    )


def _classes(connection: Connection, alert: AnyRow, school: AudienceSchool) -> ClassCounts:
    kept = kept_figures(connection, alert.id)
    if kept is not None:
        # Whether it singled out students is not on record any more: it counts where it named the school.
        named = any(one["ref"] == school.ref for one in alert.audience.get("schools", ()))
        return next((one.classes for one in kept.schools if named and one.school == school.name), counts_of({}))
    classes = students_by_class(alert.id).subquery("classes")
    statement = (
        select(classes.c.rank, func.count().label("students"))
        .where(classes.c.student_id.in_(attending((school,), oslo_date(alert.confirmed_at))))
        .group_by(classes.c.rank)
    )
    if alert.audience.get("students"):
        statement = statement.join(PERSON, PERSON.c.id == classes.c.student_id).where(~maybe_protected())
    return counts_of({CLASS_OF_RANK[row.rank]: row.students for row in connection.execute(statement)})


def print_school_term(console: Console, term: SchoolTerm) -> None:
    """One line an alert, and what they come to."""
    console.print(Text(f"{term.school}   since {term.since}", style="bold"))
    console.print(Text(", ".join(f"{status.value} {count}" for status, count in term.counts.items())))
    last = term.last_exercise
    console.print(Text(f"last exercise {oslo_day_time(last)}" if last else "no exercise since then"))
    if term.alerts:
        console.print()
        console.print(_table(term.alerts))


def _table(alerts: Sequence[SchoolAlert]) -> Table:
    table = Table.grid(padding=(0, 2, 0, 0))
    for number in range(7):
        table.add_column(justify="right" if number > 3 else "left", overflow="fold")
    table.add_row("", "", "", "", *(Text(words) for words in ("nobody reached", "confirmed", "students")))
    for one in alerts:
        facts = (one.number, oslo_day_time(one.confirmed_at)[:-3], one.status.value, one.scenario)
        counts = (one.classes.nobody_reached, one.classes.confirmed, one.classes.students)
        table.add_row(*map(Text, facts), *(Text(grouped(count)) for count in counts))
    return table
