"""Who may be told about one student on one day, and why: each guardian's verdict, reason and contact points.

Of a student who is protected, or may be, nothing is shown but what is decided: no name, school, class, guardian or
address.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from datetime import UTC, date, datetime

from sqlalchemy import Connection, or_, select

from config.clock import oslo_date
from contacts.codes import AddressChannel, Basis, RegisterStatus, VerifiedBy
from contacts.contact_points import StoredPoint, points_of
from contacts.entitlement import Reason, Verdict, age_on, eighteenth_birthday
from contacts.facts import GuardianCase, load_cases
from contacts.facts_sql import not_over
from contacts.people import FoundPerson, guardian_ref, short_name
from contacts.reach import PointFacts, ReachOptions, Unreachable, reach, refusal
from contacts.tables import BLOCK, GUARDIANSHIP, MEMBERSHIP, PERSON, REGISTER_ENTRY, RELEASE, SCHOOL, STUDENT_GROUP

# What a real alert would use.
_ACTUAL = ReachOptions(frozenset(AddressChannel), use_stale=True)


@dataclass(frozen=True, slots=True)
class ExplainedLink:
    """One source's word on the guardianship; `until` is the first day on which it does not hold."""

    basis: Basis
    source: str
    since: date | None
    until: date | None
    decision: str | None


@dataclass(frozen=True, slots=True)
class ExplainedPoint:
    """One contact point, masked. `unused`: why a real alert would not use it; None when it would.

    `shared_in_register`: whether others have registered it in the contact register (KRR), too; None: nobody tells.
    """

    channel: AddressChannel
    masked: str
    sources: tuple[str, ...]
    verified_by: VerifiedBy | None
    verified_source: str | None
    verified_on: date | None
    stale: bool
    unused: Unreachable | None
    shared_in_register: bool | None


@dataclass(frozen=True, slots=True)
class ExplainedRegisterEntry:
    """What the contact register (KRR) said last of the guardian; None where it did not tell."""

    status: RegisterStatus
    reserved: bool | None
    expired: bool | None


@dataclass(frozen=True, slots=True)
class ExplainedBlock:
    decision: str
    since: date
    until: date | None


@dataclass(frozen=True, slots=True)
class ExplainedGuardian:
    guardian: str
    name: str = field(repr=False)
    links: tuple[ExplainedLink, ...]
    verdict: Verdict
    reason: Reason
    unreachable: Unreachable | None
    points: tuple[ExplainedPoint, ...]
    contact_register: ExplainedRegisterEntry | None
    blocks: tuple[ExplainedBlock, ...]


@dataclass(frozen=True, slots=True)
class Explanation:
    """About one student and one day. `school`: the one that speaks to the guardians today."""

    student: str
    on: date
    name: str = field(repr=False)
    age: int | None
    adult_on: date | None
    school: str | None
    classes: tuple[str, ...]
    guardians: tuple[ExplainedGuardian, ...]


@dataclass(frozen=True, slots=True)
class ProtectedAnswer:
    verdict: Verdict
    reason: Reason
    guardians: int


@dataclass(frozen=True, slots=True)
class ProtectedExplanation:
    """All that may be said of a student who is protected, or may be: the answers, and how many guardians each is about.

    `protection_unknown`: no source has told it.
    """

    student: str
    on: date
    protection_unknown: bool
    released_until: date | None
    answers: tuple[ProtectedAnswer, ...]


def explain(
    connection: Connection, student: FoundPerson, on: date, *, stale_after_months: int
) -> Explanation | ProtectedExplanation:
    """The rule's answers about one student on the day `on`, with what they rest on."""
    (case,) = load_cases(connection, [student.id], on, stale_after_months=stale_after_months)
    if student.may_be_protected:
        answers = Counter(case.decide(guardian, on) for guardian in case.guardians)
        return ProtectedExplanation(
            student.label,
            on,
            not student.protection.protected,
            _released_until(connection, student.id, on) if case.facts.released else None,
            tuple(ProtectedAnswer(one.verdict, one.reason, count) for one, count in sorted(answers.items(), key=str)),
        )
    guardians = []
    for guardian in case.guardians:
        answer = case.decide(guardian, on)
        entitled = answer.verdict is Verdict.ENTITLED
        guardians.append(
            ExplainedGuardian(
                guardian_ref(guardian.guardian_id),
                _name(connection, guardian.guardian_id),
                _links(connection, student.id, guardian.guardian_id),
                answer.verdict,
                answer.reason,
                reach(guardian.points, _ACTUAL).unreachable if entitled else None,
                _points(connection, guardian) if entitled else (),
                _register_entry(connection, guardian.guardian_id) if entitled else None,
                _blocks(connection, student.id, guardian.guardian_id, on) if answer.reason is Reason.BLOCKED else (),
            )
        )
    birth_date = student.birth_date
    return Explanation(
        student.label,
        on,
        student.short_name,
        None if birth_date is None else age_on(birth_date, on),
        None if birth_date is None else eighteenth_birthday(birth_date),
        None
        if case.school_id is None
        else connection.scalars(select(SCHOOL.c.name).where(SCHOOL.c.id == case.school_id)).one(),
        _classes(connection, student.id, on),
        tuple(guardians),
    )


def _points(connection: Connection, guardian: GuardianCase) -> tuple[ExplainedPoint, ...]:
    stored: dict[int, list[StoredPoint]] = {}
    for point in points_of(connection, guardian.guardian_id):
        stored.setdefault(point.address_id, []).append(point)
    explained = [_point(facts, stored[facts.address_id]) for facts in guardian.points]
    # What would be used first, SMS before e-mail.
    explained.sort(key=lambda point: (point.unused is not None, point.channel is not AddressChannel.SMS))
    return tuple(explained)


def _point(facts: PointFacts, rows: list[StoredPoint]) -> ExplainedPoint:
    best = max(rows, key=lambda row: row.verified_at or datetime.min.replace(tzinfo=UTC))
    return ExplainedPoint(
        facts.channel,
        best.masked,
        tuple(dict.fromkeys(row.source for row in rows)),
        best.verified_by,
        best.source if best.verified_at else None,
        oslo_date(best.verified_at) if best.verified_at else None,
        facts.stale,
        refusal(facts, _ACTUAL),
        next((row.shared_in_register for row in rows if row.shared_in_register is not None), None),
    )


def _register_entry(connection: Connection, guardian_id: int) -> ExplainedRegisterEntry | None:
    entry = REGISTER_ENTRY.c
    row = connection.execute(
        select(entry.status, entry.reserved, entry.expired).where(entry.person_id == guardian_id)
    ).first()
    return None if row is None else ExplainedRegisterEntry(*row)


def _name(connection: Connection, person_id: int) -> str:
    row = connection.execute(select(PERSON.c.given_name, PERSON.c.family_name).where(PERSON.c.id == person_id)).one()
    return short_name(*row)


def _links(connection: Connection, student_id: int, guardian_id: int) -> tuple[ExplainedLink, ...]:
    link = GUARDIANSHIP.c
    rows = connection.execute(
        select(link.basis, link.source, link.valid_from, link.valid_to, link.decision_ref)
        .where(link.student_id == student_id, link.guardian_id == guardian_id)
        .order_by(link.id)
    )
    return tuple(ExplainedLink(*row) for row in rows)


def _blocks(connection: Connection, student_id: int, guardian_id: int, on: date) -> tuple[ExplainedBlock, ...]:
    block = BLOCK.c
    rows = connection.execute(
        select(block.decision_ref, block.valid_from, block.valid_to)
        .where(
            block.guardian_id == guardian_id,
            or_(block.student_id.is_(None), block.student_id == student_id),
            block.valid_from <= on,
            not_over(block.valid_to),
        )
        .order_by(block.id),
        {"on": on},
    )
    return tuple(ExplainedBlock(*row) for row in rows)


def _classes(connection: Connection, student_id: int, on: date) -> tuple[str, ...]:
    rows = connection.scalars(
        select(STUDENT_GROUP.c.name)
        .join(MEMBERSHIP, MEMBERSHIP.c.group_id == STUDENT_GROUP.c.id)
        .where(MEMBERSHIP.c.student_id == student_id, STUDENT_GROUP.c.home, not_over(MEMBERSHIP.c.ended_on))
        .order_by(STUDENT_GROUP.c.name)
        .distinct(),
        {"on": on},
    )
    return tuple(rows)


def _released_until(connection: Connection, student_id: int, on: date) -> date | None:
    return connection.scalars(
        select(RELEASE.c.until)
        .where(RELEASE.c.student_id == student_id, RELEASE.c.until >= on)
        .order_by(RELEASE.c.until.desc())
    ).first()
