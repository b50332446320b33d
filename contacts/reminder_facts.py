"""Loading what the rule of reminders asks: whom it is asked about at all, and the facts about some of them at once."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import replace
from datetime import date

from sqlalchemy import Connection, func, select, union

from contacts.audience import Audience, AudienceSchool
from contacts.codes import ConsentPurpose, Protection
from contacts.entitlement import Verdict
from contacts.facts import load_cases
from contacts.facts_sql import not_over
from contacts.id_sets import among, id_set
from contacts.postal import PostalAddress
from contacts.protection import may_be_protected
from contacts.reach import PointFacts
from contacts.reminders import Campaign, ReminderFacts
from contacts.tables import CONSENT, GUARDIANSHIP, PERSON, POSTAL_ADDRESS, REMINDER, STUDENT


def guardians_at(connection: Connection, schools: Sequence[AudienceSchool], today: date) -> list[int]:
    """The guardians of whom it is asked: linked today to a student of these schools (or, none given, of all)."""
    pairs = union(
        select(GUARDIANSHIP.c.guardian_id, GUARDIANSHIP.c.student_id).where(not_over(GUARDIANSHIP.c.valid_to)),
        select(CONSENT.c.guardian_id, CONSENT.c.student_id).where(
            CONSENT.c.purpose == ConsentPurpose.ALERTS, not_over(CONSENT.c.withdrawn_on)
        ),
    ).subquery()
    found = (
        select(pairs.c.guardian_id)
        .distinct()
        .join(STUDENT, STUDENT.c.person_id == pairs.c.student_id)
        .where(not_over(STUDENT.c.left_on))
        .order_by(pairs.c.guardian_id)
    )
    if schools:
        found = found.where(pairs.c.student_id.in_(Audience(schools=tuple(schools)).select_ids(today)))
    return list(connection.scalars(found, {"on": today}))


def load_reminders(
    connection: Connection, guardian_ids: Collection[int], today: date, *, stale_after_months: int
) -> dict[int, ReminderFacts]:
    """The facts about these guardians on the day `today` in Oslo, by their ids."""
    dialect = connection.dialect.name
    wanted = {"guardians": id_set(guardian_ids, dialect)}
    persons = connection.execute(
        select(PERSON, POSTAL_ADDRESS)
        .outerjoin(POSTAL_ADDRESS, POSTAL_ADDRESS.c.person_id == PERSON.c.id)
        .where(among(PERSON.c.id, "guardians", dialect)),
        wanted,
    ).all()
    facts = {
        row.id: ReminderFacts(
            row.id,
            " ".join(part for part in (row.given_name, row.family_name) if part),
            row.language,
            students=0,
            postal=None
            if row.lines is None or row.protection is not Protection.NONE or row.protection_unknown
            else PostalAddress(tuple(row.lines.split("\n")), row.postal_code, row.place, row.country),
        )
        for row in persons
    }
    for guardian_id, campaign in _campaigns(connection, guardian_ids).items():
        facts[guardian_id] = replace(facts[guardian_id], last=campaign)
    return _with_students(connection, facts, today, stale_after_months)


def _with_students(
    connection: Connection, facts: dict[int, ReminderFacts], today: date, stale_after_months: int
) -> dict[int, ReminderFacts]:
    """The facts with the students who give reason to write, and the guardian's points as they stand for all of these.

    An address that a blocked person shares with regard to one of them is used about none.
    """
    students = _students(connection, facts, today)
    reasons: dict[int, set[int]] = {}
    schools: dict[int, set[int]] = {}
    points: dict[int, dict[int, PointFacts]] = {}
    for case in load_cases(connection, students, today, stale_after_months=stale_after_months):
        hidden = may_be_protected(case.facts.protection, unknown=case.facts.protection_unknown)
        for guardian in case.guardians:
            if guardian.guardian_id not in facts:
                continue
            own = points.setdefault(guardian.guardian_id, {})
            for point in guardian.points:
                if point.address_id not in own or point.shared_with_blocked:
                    own[point.address_id] = point
            if hidden or case.school_id is None or case.decide(guardian, today).verdict is not Verdict.ENTITLED:
                continue
            reasons.setdefault(guardian.guardian_id, set()).add(case.student_id)
            schools.setdefault(guardian.guardian_id, set()).add(case.school_id)
    return {
        guardian_id: replace(
            one,
            students=len(reasons.get(guardian_id, ())),
            schools=tuple(sorted(schools.get(guardian_id, ()))),
            points=tuple(points.get(guardian_id, {}).values()),
        )
        for guardian_id, one in facts.items()
    }


def _students(connection: Connection, guardian_ids: Collection[int], today: date) -> list[int]:
    """Everybody at school today whom one of these guardians was ever linked to: which links hold is for the rule."""
    dialect = connection.dialect.name
    linked = union(
        *(
            select(link.c.student_id)
            .join(STUDENT, STUDENT.c.person_id == link.c.student_id)
            .where(among(link.c.guardian_id, "guardians", dialect), not_over(STUDENT.c.left_on))
            for link in (GUARDIANSHIP, CONSENT)
        )
    )
    return sorted(connection.scalars(linked, {"guardians": id_set(guardian_ids, dialect), "on": today}))


def _campaigns(connection: Connection, guardian_ids: Collection[int]) -> dict[int, Campaign]:
    """The last campaign of each of these guardians who has had one."""
    dialect, table = connection.dialect.name, REMINDER.c
    latest = (
        select(table.guardian_id, func.max(table.campaign).label("campaign"))
        .where(among(table.guardian_id, "guardians", dialect))
        .group_by(table.guardian_id)
        .subquery()
    )
    rows = connection.execute(
        select(REMINDER).join(
            latest, (table.guardian_id == latest.c.guardian_id) & (table.campaign == latest.c.campaign)
        ),
        {"guardians": id_set(guardian_ids, dialect)},
    )
    return {
        row.guardian_id: Campaign(
            row.id,
            row.campaign,
            row.number,
            row.letters,
            row.first_at,
            row.last_at,
            row.notice_id,
            fixed=row.fixed_at is not None,
            given_up=row.given_up_at is not None,
        )
        for row in rows
    }
