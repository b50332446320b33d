"""Students who turn 18 soon: from that day on their guardians are told only if the student has consented."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta

from sqlalchemy import Connection, select

from contacts.audience import Audience, AudienceSchool
from contacts.entitlement import Verdict, eighteenth_birthday
from contacts.facts import load_cases
from contacts.facts_sql import not_over
from contacts.people import student_ref
from contacts.tables import PERSON, SCHOOL, STUDENT

# Eighteen years are 6,574 or 6,575 days, and a birthday on 29 February counts a day later: the days asked of the
# database are a little more than those wanted.
_FEWEST_DAYS, _MOST_DAYS = 6573, 6577


@dataclass(frozen=True, slots=True)
class ComingOfAge:
    """A student who turns 18 on `on`. `guardians`: how many may be told until then; later by consent only."""

    student: str
    on: date
    school: str
    guardians: int


@dataclass(frozen=True, slots=True)
class ComingOfAges:
    """`protected`: how many more there are of whom nothing is shown; None when some schools were asked about, because
    that would tell where they go."""

    since: date
    until: date
    students: tuple[ComingOfAge, ...]
    protected: int | None


def coming_of_age(connection: Connection, schools: Sequence[AudienceSchool], today: date, days: int) -> ComingOfAges:
    """Those at school today (at these schools, or all) who turn 18 today or within `days` days; the next ones first.

    Not who may be protected: neither them nor, by --school, where they go.
    """
    last = today + timedelta(days=days)
    candidates = (
        select(PERSON.c.id, PERSON.c.ref, PERSON.c.birth_date, PERSON.c.protection, PERSON.c.protection_unknown)
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
    found = {
        row.id: row
        for row in connection.execute(candidates, {"on": today})
        if today <= eighteenth_birthday(row.birth_date) <= last
    }
    shown = [id_ for id_, row in found.items() if not row.protection.protected and not row.protection_unknown]
    cases = load_cases(connection, shown, today, stale_after_months=1, with_points=False)
    names: dict[int, str] = {
        row.id: row.name
        for row in connection.execute(
            select(SCHOOL.c.id, SCHOOL.c.name).where(SCHOOL.c.id.in_({case.school_id for case in cases}))
        )
    }
    students = [
        ComingOfAge(
            student_ref(case.student_id, case.ref),
            birthday := eighteenth_birthday(found[case.student_id].birth_date),
            names.get(case.school_id or 0, ""),
            # On the birthday itself the rule has spoken already: what it said the day before is what ends.
            sum(
                case.decide(guardian, min(today, birthday - timedelta(days=1))).verdict is Verdict.ENTITLED
                for guardian in case.guardians
            ),
        )
        for case in cases
    ]
    return ComingOfAges(
        today,
        last,
        tuple(sorted(students, key=lambda one: (one.on, one.school, one.student))),
        None if schools else len(found) - len(shown),
    )
