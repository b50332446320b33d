"""The statements that load facts: built once for each kind of database, run for one set of ids after the other."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta
from functools import cache
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Date,
    Select,
    String,
    and_,
    bindparam,
    case,
    exists,
    false,
    func,
    or_,
    select,
    type_coerce,
)

from config.clock import UtcDateTime, oslo_midnight
from contacts.codes import CONTACT_REGISTER, VerifiedBy
from contacts.id_sets import among
from contacts.tables import (
    ADDRESS,
    BLOCK,
    CONSENT,
    CONTACT_POINT,
    ENROLMENT,
    GUARDIANSHIP,
    PERSON,
    RELEASE,
    STUDENT,
)

_ON = bindparam("on", type_=Date)


@dataclass(frozen=True, slots=True)
class Statements:
    """Parameters: `students`, `guardians`, `addresses` (id sets), `on` (a day), `purpose` (of consents), moments named
    below.

    Codes come as plain text.
    """

    # student id, ref, school id, birth date, deceased, protection, released, has a register document,
    # protection unknown
    students: Select[Any]
    # student id, guardian id, guardian deceased, guardianship: basis, from, to, documented, student agreed
    guardianships: Select[Any]
    # student id, guardian id, guardian deceased, given on, withdrawn on
    consents: Select[Any]
    # guardian id, language, address id, channel, takes messages, opted out, rank: 2 if verified, and 1 if confirmed
    # since `fresh_from`, somebody else has the address too, it is failing and this source has not verified it since,
    # confirmed with us since `fresh_from`, the register's word
    points: Select[Any]
    # address id, the id and language of a living owner to whom alerts may go
    sharers: Select[Any]
    # guardian id, student id or null, from, to
    blocks: Select[Any]


@cache
def statements(dialect: str) -> Statements:
    return Statements(
        students=_students(dialect),
        guardianships=_guardianships(dialect),
        consents=_consents(dialect),
        points=_points(dialect),
        sharers=_sharers(dialect),
        blocks=_blocks(dialect),
    )


def not_over(end: ColumnElement[Any]) -> ColumnElement[bool]:
    """`end`, the first day on which something no longer holds, is none or later than the day `on`."""
    return or_(end.is_(None), end > _ON)


def main_school() -> ColumnElement[Any]:
    """The id of the school that speaks to the guardians of the enclosing statement's STUDENT on the day `on`.

    That is the one that people here said, while the student goes there; else one that a source calls the main one.
    """
    enrolment, student = ENROLMENT.c, STUDENT.c
    goes = (
        select(enrolment.school_id)
        .where(enrolment.student_id == student.person_id, not_over(enrolment.ended_on))
        .limit(1)
        .correlate(STUDENT)
    )
    # Two questions: SQLite knows no column of the enclosing statement in ORDER BY.
    said = goes.where(enrolment.school_id == student.main_school_id)
    told = goes.order_by(enrolment.main.desc(), enrolment.school_id)
    return func.coalesce(said.scalar_subquery(), told.scalar_subquery())


def may_be_told(person_id: ColumnElement[int]) -> ColumnElement[bool]:
    """Persons to whom alerts may go at all: somebody's guardian, or no student.

    A student's own address is there to ask the student. That somebody's child gave the same one changes nothing about
    who is told there, and in which language.
    """
    return or_(
        ~exists().where(STUDENT.c.person_id == person_id),
        exists().where(GUARDIANSHIP.c.guardian_id == person_id),
        exists().where(CONSENT.c.guardian_id == person_id),
    )


def release_in_force(student_id: ColumnElement[int]) -> ColumnElement[bool]:
    """Somebody released this student by the end of the day `on` (`day_end`, a moment), to that day or a later one."""
    release = RELEASE.c
    return exists().where(
        release.student_id == student_id,
        release.until >= _ON,
        release.released_at < bindparam("day_end", type_=UtcDateTime),
    )


def _students(dialect: str) -> Select[Any]:
    student, person = STUDENT.c, PERSON.c
    return (
        select(
            student.person_id,
            person.ref,
            main_school(),
            person.birth_date,
            person.deceased,
            type_coerce(person.protection, String),
            release_in_force(student.person_id),
            person.register_document_at.is_not(None),
            person.protection_unknown,
        )
        .join_from(STUDENT, PERSON, person.id == student.person_id)
        .where(among(student.person_id, "students", dialect))
    )


def _guardianships(dialect: str) -> Select[Any]:
    link, guardian = GUARDIANSHIP.c, PERSON.c
    return (
        select(
            link.student_id,
            link.guardian_id,
            guardian.deceased,
            type_coerce(link.basis, String),
            link.valid_from,
            link.valid_to,
            link.decision_ref.is_not(None),
            link.student_agreed,
        )
        .join_from(GUARDIANSHIP, PERSON, guardian.id == link.guardian_id)
        .where(among(link.student_id, "students", dialect))
    )


def _consents(dialect: str) -> Select[Any]:
    consent, guardian = CONSENT.c, PERSON.c
    return (
        select(
            consent.student_id,
            consent.guardian_id,
            guardian.deceased,
            consent.given_on,
            consent.withdrawn_on,
        )
        .join_from(CONSENT, PERSON, guardian.id == consent.guardian_id)
        .where(
            among(consent.student_id, "students", dialect),
            consent.purpose == bindparam("purpose", type_=consent.purpose.type),
        )
    )


def _points(dialect: str) -> Select[Any]:
    point, address = CONTACT_POINT.c, ADDRESS.c
    confirmed = func.coalesce(point.confirmed_at, point.verified_at)
    by_code = func.coalesce(point.verified_by == VerifiedBy.CODE, false())
    # Asked for each point by itself: joined instead, a PostgreSQL without statistics (just filled, or restored) reads
    # the table of points again and again.
    other = CONTACT_POINT.alias("other").c
    shared = exists().where(
        other.address_id == point.address_id, other.person_id != point.person_id, other.ended_at.is_(None)
    )
    return (
        select(
            point.person_id,
            PERSON.c.language,
            point.address_id,
            type_coerce(address.channel, String),
            address.takes_messages,
            address.opted_out_at.is_not(None),
            case((point.verified_at.is_not(None), 2), else_=0)
            + case((confirmed >= bindparam("fresh_from", type_=UtcDateTime), 1), else_=0),
            shared,
            address.failing_since.is_not(None)
            & or_(point.verified_at.is_(None), point.verified_at <= address.failing_since),
            and_(by_code, confirmed >= bindparam("fresh_from", type_=UtcDateTime)),
            and_(point.source == CONTACT_REGISTER, ~by_code),
        )
        .join_from(CONTACT_POINT, ADDRESS, address.id == point.address_id)
        .join(PERSON, PERSON.c.id == point.person_id)
        .where(among(point.person_id, "guardians", dialect), point.ended_at.is_(None))
    )


def _sharers(dialect: str) -> Select[Any]:
    point, owner = CONTACT_POINT.c, PERSON.c
    return (
        select(point.address_id, point.person_id, owner.language)
        .join_from(CONTACT_POINT, PERSON, owner.id == point.person_id)
        .where(
            among(point.address_id, "addresses", dialect),
            point.ended_at.is_(None),
            owner.deceased.is_(False),
            may_be_told(point.person_id),
        )
    )


def _blocks(dialect: str) -> Select[Any]:
    block = BLOCK.c
    return select(block.guardian_id, block.student_id, block.valid_from, block.valid_to).where(
        among(block.guardian_id, "guardians", dialect), block.valid_from <= _ON, not_over(block.valid_to)
    )


def day_parameters(on: date) -> dict[str, object]:
    """The values of `on` and `day_end` for statements about the day `on` in Oslo."""
    return {"on": on, "day_end": oslo_midnight(on + timedelta(days=1))}
