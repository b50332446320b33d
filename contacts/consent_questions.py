"""Who is asked, before their 18th birthday, whether guardians may go on to be told; and at which of their addresses.

The question goes to students, and to nobody else: only to an address that no other person in the store has. Of one who
is protected, or may be, a message could tell where they go to school: they are asked in person.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from enum import StrEnum

from sqlalchemy import Connection, func, select

from contacts.codes import AddressChannel
from contacts.entitlement import ConsentState, Verdict, eighteenth_birthday
from contacts.facts import StudentCase, load_cases
from contacts.facts_sql import not_over
from contacts.id_sets import among, id_set
from contacts.people import student_ref
from contacts.point_facts import load_points
from contacts.protection import may_be_protected
from contacts.reach import PointFacts, ReachOptions, refusal
from contacts.tables import CONTACT_POINT, PERSON, STUDENT

# A routine message: nothing stale. Whoever reads it at a wrong address learns nothing of anybody, so that an address
# that the student or the school's own system has given serves without a code.
_OPTIONS = ReachOptions(frozenset(AddressChannel), use_stale=False, include_unverified=True)


class Question(StrEnum):
    """How the question stands with one student. What stands first here counts."""

    GONE = "gone"  # has died, or goes to no school
    HELD = "held"  # protected, or may be
    ANSWERED = "answered"
    ASKED = "asked"
    NOT_DUE = "not_due"  # the birthday is over, or far away
    NO_GUARDIAN = "no_guardian"  # nobody is told until then: there is nothing to ask about
    NO_ADDRESS = "no_address"
    UNUSABLE_ADDRESS = "unusable_address"  # failing, answered STOP, a fixed line, not confirmed for long
    SHARED_ADDRESS = "shared_address"  # somebody else would read it
    TO_ASK = "to_ask"


@dataclass(frozen=True, slots=True)
class QuestionFacts:
    """What the rule asks about one student. `guardians`: how many may be told until the birthday.

    `points`: the student's own; `shared`: those of their addresses that another living person has, too.
    """

    student_id: int
    ref: str
    school_id: int | None
    language: str | None
    turns_18: date
    gone: bool = False
    may_be_protected: bool = False
    answered: bool = False
    asked_at: datetime | None = None
    guardians: int = 1
    points: tuple[PointFacts, ...] = ()
    shared: frozenset[int] = frozenset()


def question(facts: QuestionFacts, today: date, days: int) -> Question:
    """How the question stands with the student on the day `today`, where it is asked `days` days before at most."""
    if facts.gone:
        return Question.GONE
    if facts.may_be_protected:
        return Question.HELD
    if facts.answered:
        return Question.ANSWERED
    if facts.asked_at is not None:
        return Question.ASKED
    if not today <= facts.turns_18 <= today + timedelta(days=days):
        return Question.NOT_DUE
    if facts.guardians == 0:
        return Question.NO_GUARDIAN
    if address_to_ask(facts) is not None:
        return Question.TO_ASK
    if not facts.points:
        return Question.NO_ADDRESS
    works = any(refusal(point, _OPTIONS) is None for point in facts.points)
    return Question.SHARED_ADDRESS if works else Question.UNUSABLE_ADDRESS


def address_to_ask(facts: QuestionFacts) -> PointFacts | None:
    """The address for the question: an e-mail address where there is one, verified rather than not."""
    return min(
        _usable(facts),
        key=lambda point: (point.channel is not AddressChannel.EMAIL, not point.verified, point.address_id),
        default=None,
    )


def may_still_be_asked(facts: QuestionFacts, address_id: int) -> bool:
    """Whether a question that waits to leave for this address may do so still, whatever has become of the student."""
    if facts.gone or facts.may_be_protected or facts.answered or facts.guardians == 0:
        return False
    return any(point.address_id == address_id for point in _usable(facts))


def _usable(facts: QuestionFacts) -> list[PointFacts]:
    return [
        point for point in facts.points if refusal(point, _OPTIONS) is None and point.address_id not in facts.shared
    ]


def load_questions(
    connection: Connection, student_ids: Collection[int], today: date, *, stale_after_months: int
) -> dict[int, QuestionFacts]:
    """The facts about these students on the day `today` in Oslo, by their ids; without those of unknown age."""
    dialect = connection.dialect.name
    rows = connection.execute(
        select(
            STUDENT.c.person_id,
            PERSON.c.birth_date,
            PERSON.c.deceased,
            PERSON.c.protection,
            PERSON.c.protection_unknown,
            PERSON.c.language,
            STUDENT.c.consent_asked_at,
            not_over(STUDENT.c.left_on).label("goes"),
        )
        .join(PERSON, PERSON.c.id == STUDENT.c.person_id)
        .where(among(STUDENT.c.person_id, "students", dialect), PERSON.c.birth_date.is_not(None)),
        {"students": id_set(student_ids, dialect), "on": today},
    ).all()
    found = {row.person_id: row for row in rows}
    cases = load_cases(connection, sorted(found), today, stale_after_months=stale_after_months, with_points=False)
    points = load_points(connection, found, today, stale_after_months).by_guardian
    shared = _shared(connection, {point.address_id for own in points.values() for point in own})
    facts: dict[int, QuestionFacts] = {}
    for case in cases:
        row = found[case.student_id]
        birthday = eighteenth_birthday(row.birth_date)
        facts[case.student_id] = QuestionFacts(
            case.student_id,
            student_ref(case.student_id, case.ref),
            case.school_id,
            row.language,
            birthday,
            gone=row.deceased or not row.goes,
            may_be_protected=may_be_protected(row.protection, unknown=row.protection_unknown),
            answered=any(guardian.consent is not ConsentState.NEVER_GIVEN for guardian in case.guardians),
            asked_at=row.consent_asked_at,
            guardians=_told_until(case, birthday, today),
            points=points.get(case.student_id, ()),
            shared=shared,
        )
    return facts


def _told_until(case: StudentCase, birthday: date, today: date) -> int:
    # On the birthday itself the rule has spoken already: what it said the day before is what ends.
    day = min(today, birthday - timedelta(days=1))
    return sum(case.decide(guardian, day).verdict is Verdict.ENTITLED for guardian in case.guardians)


def _shared(connection: Connection, addresses: Collection[int]) -> frozenset[int]:
    """Those of the addresses that several living persons have, guardians or not."""
    dialect = connection.dialect.name
    point = CONTACT_POINT.c
    return frozenset(
        connection.scalars(
            select(point.address_id)
            .join(PERSON, PERSON.c.id == point.person_id)
            .where(
                among(point.address_id, "addresses", dialect),
                point.ended_at.is_(None),
                PERSON.c.deceased.is_(False),
            )
            .group_by(point.address_id)
            .having(func.min(point.person_id) < func.max(point.person_id)),
            {"addresses": id_set(addresses, dialect)},
        )
    )
