"""Students who turn 18 soon: from that day on their guardians are told only if the student has consented."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from sqlalchemy import Connection, select

from contacts.audience import Audience, AudienceSchool
from contacts.consent_questions import Question, QuestionFacts, load_questions, question
from contacts.entitlement import eighteenth_birthday
from contacts.facts_sql import not_over
from contacts.tables import PERSON, SCHOOL, STUDENT

# Eighteen years are 6,574 or 6,575 days, and a birthday on 29 February counts a day later: the days asked of the
# database are a little more than those wanted.
_FEWEST_DAYS, _MOST_DAYS = 6573, 6577


@dataclass(frozen=True, slots=True)
class ComingOfAge:
    """A student who turns 18 on `on`. `guardians`: how many may be told until then; later by consent only.

    `question`: how it stands with asking the student; `asked_at`: when they were sent the question.
    """

    student_id: int
    student: str
    on: date
    school: str
    guardians: int
    question: Question
    asked_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class ComingOfAges:
    """`protected`: how many more there are of whom nothing is shown; None when some schools were asked about, because
    that would tell where they go."""

    since: date
    until: date
    students: tuple[ComingOfAge, ...]
    protected: int | None


def coming_of_age(
    connection: Connection, schools: Sequence[AudienceSchool], today: date, days: int, *, stale_after_months: int
) -> ComingOfAges:
    """Those at school today (at these schools, or all) who turn 18 today or within `days` days; the next ones first.

    Not who may be protected: neither them nor, by --school, where they go.
    """
    last = today + timedelta(days=days)
    candidates = (
        select(PERSON.c.id, PERSON.c.birth_date)
        .join(STUDENT, STUDENT.c.person_id == PERSON.c.id)
        .where(
            PERSON.c.birth_date >= today - timedelta(days=_MOST_DAYS),
            PERSON.c.birth_date <= last - timedelta(days=_FEWEST_DAYS),
            PERSON.c.deceased.is_(False),
            not_over(STUDENT.c.left_on),
        )
    )
    if schools:
        candidates = candidates.where(PERSON.c.id.in_(Audience(schools=tuple(schools)).select_ids(today)))
    found = [
        row.id
        for row in connection.execute(candidates, {"on": today})
        if today <= eighteenth_birthday(row.birth_date) <= last
    ]
    loaded = load_questions(connection, found, today, stale_after_months=stale_after_months)
    shown = [facts for facts in loaded.values() if not facts.may_be_protected]
    names: dict[int, str] = {
        row.id: row.name
        for row in connection.execute(
            select(SCHOOL.c.id, SCHOOL.c.name).where(SCHOOL.c.id.in_({facts.school_id for facts in shown}))
        )
    }
    students = [_listed(facts, names.get(facts.school_id or 0, ""), today, days) for facts in shown]
    return ComingOfAges(
        today,
        last,
        tuple(sorted(students, key=lambda one: (one.on, one.school, one.student))),
        None if schools else len(found) - len(shown),
    )


def _listed(facts: QuestionFacts, school: str, today: date, days: int) -> ComingOfAge:
    return ComingOfAge(
        facts.student_id,
        facts.ref,
        facts.turns_18,
        school,
        facts.guardians,
        question(facts, today, days),
        facts.asked_at,
    )
