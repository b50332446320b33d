"""What is left of an alert that was reduced to figures: its report, without anybody who was told or meant."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import TYPE_CHECKING, Any

from sqlalchemy import Connection, case, func, select

from config.clock import OSLO
from config.errors import UsageError
from contacts.facts_sql import not_over
from contacts.protection import maybe_protected
from contacts.tables import ENROLMENT, PERSON, SCHOOL
from dispatcher.codes import StudentClass
from dispatcher.reports.acts import Act
from dispatcher.reports.classes import CLASS_OF_RANK, ClassCounts, counts_of, students_by_class
from dispatcher.reports.figures import (
    AlertHead,
    AttemptCount,
    DecisionCount,
    ReasonCount,
    Reduced,
    Report,
    SchoolClasses,
    StateCount,
    Text,
    UnreachableCount,
)
from dispatcher.reports.times import ChannelTimes
from dispatcher.tables import FIGURES

if TYPE_CHECKING:
    from pydantic import TypeAdapter


@dataclass(frozen=True, slots=True)
class Kept:
    """The figures of a report that are counted from rows about persons. `languages`: messages by language."""

    reduced_at: datetime
    schools: tuple[SchoolClasses, ...]
    classes: ClassCounts
    states: tuple[StateCount, ...]
    times: tuple[ChannelTimes, ...]
    reasons: tuple[ReasonCount, ...]
    unreachable: tuple[UnreachableCount, ...]
    decisions: tuple[DecisionCount, ...]
    unknown: int
    long_unknown: int
    email_repeats: int
    refused_moves: int
    attempts: tuple[AttemptCount, ...]
    stale: int
    unverified: int
    languages: dict[str, int]
    unmatched_answers: int = 0
    confirmed_by_answer: int = 0
    reached_by_telephone: int = 0

    @classmethod
    def of(cls, report: Report, schools: tuple[SchoolClasses, ...], reduced_at: datetime) -> Kept:
        """What is kept of a report. Acts and texts stand elsewhere, and stay there."""
        return cls(
            reduced_at=reduced_at,
            schools=schools,
            languages={text.language: text.deliveries for text in report.texts},
            **{name: getattr(report, name) for name in _COUNTED},
        )

    def as_report(self, *, alert: AlertHead, texts: tuple[Text, ...], acts: tuple[Act, ...]) -> Report:
        return Report(
            alert=alert,
            texts=texts,
            acts=acts,
            reduced=Reduced(self.reduced_at, self.schools),
            **{name: getattr(self, name) for name in _COUNTED},
        )

    def as_json(self) -> dict[str, Any]:
        figures: dict[str, Any] = _adapter().dump_python(self, mode="json")
        return figures


# What a report and what is kept of it have in common.
_COUNTED = (
    "classes",
    "states",
    "times",
    "reasons",
    "unreachable",
    "decisions",
    "unknown",
    "long_unknown",
    "email_repeats",
    "refused_moves",
    "attempts",
    "stale",
    "unverified",
    "unmatched_answers",
    "confirmed_by_answer",
    "reached_by_telephone",
)


def kept_figures(connection: Connection, alert_id: int) -> Kept | None:
    """The figures of an alert that was reduced to them; None of one that was not."""
    figures = connection.scalars(select(FIGURES.c.figures).where(FIGURES.c.alert_id == alert_id)).first()
    return None if figures is None else _adapter().validate_python(figures)


def reduced_at(connection: Connection, alerts: Sequence[int]) -> Mapping[int, datetime]:
    """When those of the alerts that were reduced to figures were."""
    rows = connection.execute(select(FIGURES.c.alert_id, FIGURES.c.reduced_at).where(FIGURES.c.alert_id.in_(alerts)))
    return {row.alert_id: row.reduced_at for row in rows}


def who_is_gone(number: str, since: datetime) -> UsageError:
    """What is said when somebody asks who was told by an alert of which the figures alone are left."""
    return UsageError(
        f"Alert {number} was reduced to figures on {since.astimezone(OSLO):%Y-%m-%d}: who was told is no longer on "
        "record.",
        remedy=f"beredskap report {number} shows the figures.",
    )


def classes_by_school(
    connection: Connection, alert_id: int, on: date, *, singled_out: bool
) -> tuple[SchoolClasses, ...]:
    """The students of an alert by class, for the school that each of them went to on the day `on`.

    `singled_out`: students were named one by one. Then those who are protected, or may be, stand for no school: a
    figure would tell where they went.
    """
    classes = students_by_class(alert_id).subquery("classes")
    # One school each, as the numbers must add up: the one that speaks to the guardians.
    rank = func.row_number().over(
        partition_by=ENROLMENT.c.student_id, order_by=(case((ENROLMENT.c.main, 0), else_=1), ENROLMENT.c.school_id)
    )
    ranked = select(ENROLMENT.c.student_id, ENROLMENT.c.school_id, rank.label("rank")).where(
        ENROLMENT.c.student_id.in_(select(classes.c.student_id)), not_over(ENROLMENT.c.ended_on)
    )
    if singled_out:
        ranked = ranked.join(PERSON, PERSON.c.id == ENROLMENT.c.student_id).where(~maybe_protected())
    went = ranked.subquery("went")
    rows = connection.execute(
        select(SCHOOL.c.name, classes.c.rank, func.count().label("students"))
        .select_from(
            classes.outerjoin(went, (went.c.student_id == classes.c.student_id) & (went.c.rank == 1)).outerjoin(
                SCHOOL, SCHOOL.c.id == went.c.school_id
            )
        )
        .group_by(SCHOOL.c.name, classes.c.rank),
        {"on": on},
    )
    found: dict[str | None, dict[StudentClass, int]] = {}
    for row in rows:
        found.setdefault(row.name, {})[CLASS_OF_RANK[row.rank]] = row.students
    return tuple(
        SchoolClasses(school, counts_of(counts))
        for school, counts in sorted(found.items(), key=lambda item: (item[0] is None, item[0] or ""))
    )


def _adapter() -> TypeAdapter[Kept]:
    from pydantic import TypeAdapter

    return TypeAdapter(Kept)
