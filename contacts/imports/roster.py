"""Who goes where: staged schools, groups and memberships become enrolments and places in groups."""

from __future__ import annotations

from typing import Final

from sqlalchemy import (
    ColumnElement,
    and_,
    case,
    exists,
    false,
    func,
    insert,
    literal,
    null,
    or_,
    select,
    true,
    update,
)

from contacts.imports import staged, store
from contacts.imports.comparing import Comparison
from contacts.imports.records import GroupKind, Unknown

_IN_GROUP = (GroupKind.HOME.value, GroupKind.GROUP.value)
# As the tables have it: SchoolKey.key, School.ref, StudentGroup.ref.
_LONGEST_KEY: Final = 256
_LONGEST_SCHOOL_REF: Final = 256
_LONGEST_GROUP_REF: Final = 280


def resolve_groups(comparison: Comparison) -> None:
    """Give schools and groups the ids of the stored ones, or new ones."""
    group, connection = staged.group, comparison.connection
    _refuse_twins(comparison)
    open_ones = group.c.state == staged.OPEN
    schools = and_(open_ones, group.c.kind == GroupKind.SCHOOL.value)
    _refuse_long_keys(comparison, schools)
    connection.execute(
        update(group).where(schools, store.school.c.ref == group.c.ref).values(school_id=store.school.c.id)
    )
    # Without a number that is known, a school is who its own source has called so before, and nobody else.
    by_number = group.alias("by_number")
    connection.execute(
        update(group)
        .where(schools, group.c.school_id.is_(None))
        .where(store.school_key.c.source == comparison.source, store.school_key.c.key == group.c.key)
        .where(~exists().where(by_number.c.school_id == store.school_key.c.school_id))
        .values(school_id=store.school_key.c.school_id)
    )
    comparison.allocate(group, "school_id", store.school, and_(schools, group.c.school_id.is_(None)))
    school = group.alias("school_of")
    not_school = and_(open_ones, group.c.kind != GroupKind.SCHOOL.value)
    connection.execute(
        update(group)
        .where(not_school, school.c.key == group.c.parent, school.c.state == staged.OPEN)
        .where(school.c.kind == GroupKind.SCHOOL.value)
        .values(school_id=school.c.school_id)
    )
    if not comparison.full:
        # What changed need not hold the school, which did not.
        connection.execute(
            update(group)
            .where(not_school, group.c.school_id.is_(None), ~_told_group(group.c.parent))
            .where(store.school_key.c.source == comparison.source, store.school_key.c.key == group.c.parent)
            .values(school_id=store.school_key.c.school_id)
        )
    comparison.refuse(
        group,
        and_(group.c.school_id.is_(None), group.c.kind != GroupKind.IGNORED.value),
        "its school is not in the file",
    )
    connection.execute(
        update(group)
        .where(not_school, store.group.c.ref == stored_ref(comparison, group.c.key))
        .values(group_id=store.group.c.id)
    )
    # A group that is over enters no more; one that the store has goes on to be known there.
    gone = and_(not_school, group.c.group_id.is_(None), or_(group.c.removed, comparison.over(group.c.ended_on)))
    connection.execute(update(group).where(gone).values(state=staged.NOT_NEEDED))
    wanted = and_(open_ones, group.c.kind.in_(_IN_GROUP), group.c.group_id.is_(None))
    comparison.allocate(group, "group_id", store.group, wanted)


def _told_group(key: ColumnElement[str]) -> ColumnElement[bool]:
    told = staged.group.alias("told_group")
    return exists().where(told.c.key == key)


def stored_ref(comparison: Comparison, key: ColumnElement[str]) -> ColumnElement[str]:
    """StudentGroup.ref, and School.ref without an organisation number: unique among all sources."""
    return literal(f"{comparison.source}/").concat(key)


def _refuse_long_keys(comparison: Comparison, schools: ColumnElement[bool]) -> None:
    """What PostgreSQL would not take in, and SQLite would: how long a key may be depends on its source's name."""
    group = staged.group
    ref = func.length(stored_ref(comparison, group.c.key))
    too_long = or_(
        and_(schools, func.length(group.c.key) > _LONGEST_KEY),
        and_(schools, group.c.ref.is_(None), ref > _LONGEST_SCHOOL_REF),
        and_(group.c.kind.in_(_IN_GROUP), ref > _LONGEST_GROUP_REF),
    )
    comparison.refuse(group, too_long, "its id is too long")


def _refuse_twins(comparison: Comparison) -> None:
    group = staged.group
    for name, reason in (
        ("key", "the same group occurs more than once, with other contents"),
        ("ref", "two schools have this number"),
    ):
        column = group.c[name]
        same = (
            select(column.label("value"), func.min(group.c.n).label("keep"))
            .add_columns(func.count(group.c.digest.distinct()).label("contents"))
            .where(group.c.state == staged.OPEN, column.is_not(None))
            .group_by(column)
            .having(func.count() > 1)
            .subquery()
        )
        comparison.refuse(group, column.in_(select(same.c.value).where(same.c.contents > 1)), reason)
        comparison.connection.execute(
            update(group)
            .where(group.c.state == staged.OPEN, column == same.c.value, group.c.n != same.c.keep)
            .values(state=staged.DUPLICATE)
        )


def resolve_memberships(comparison: Comparison) -> None:
    """Find each membership's group and student; those of today make the students, their schools and groups."""
    member, group, connection = staged.membership, staged.group, comparison.connection
    known = and_(member.c.state == staged.OPEN, group.c.key == member.c.group_key)
    connection.execute(
        update(member)
        .where(known, group.c.state.in_((staged.OPEN, staged.NOT_NEEDED)))
        .values(
            kind=group.c.kind,
            school_id=group.c.school_id,
            group_id=group.c.group_id,
            over_on=_earlier(member.c.ended_on, group.c.ended_on),
            active=and_(member.c.active, ~group.c.removed),
        )
    )
    comparison.refuse(
        member,
        and_(
            member.c.kind.is_(None),
            exists().where(group.c.key == member.c.group_key, group.c.state == staged.REFUSED),
        ),
        "the record of its group was refused",
    )
    connection.execute(
        update(member)
        .where(member.c.state == staged.OPEN, member.c.kind.is_(None))
        .where(store.group.c.ref == stored_ref(comparison, member.c.group_key))
        .values(
            kind=case((store.group.c.home, GroupKind.HOME.value), else_=GroupKind.GROUP.value),
            school_id=store.group.c.school_id,
            group_id=store.group.c.id,
            over_on=member.c.ended_on,
        )
    )
    if not comparison.full:
        connection.execute(
            update(member)
            .where(member.c.state == staged.OPEN, member.c.kind.is_(None), ~_told_group(member.c.group_key))
            .where(store.school_key.c.source == comparison.source, store.school_key.c.key == member.c.group_key)
            .values(kind=GroupKind.SCHOOL.value, school_id=store.school_key.c.school_id, over_on=member.c.ended_on)
        )
    comparison.refuse(member, member.c.kind.is_(None), "its group is not in the file")
    ignored = and_(member.c.state == staged.OPEN, member.c.kind == GroupKind.IGNORED.value)
    connection.execute(update(member).where(ignored).values(state=staged.NOT_NEEDED))
    comparison.resolve(member, "student")
    comparison.refuse(member, member.c.student_id.is_(None), "its person is not in the file")
    begun = or_(member.c.begins.is_(None), member.c.begins <= comparison.today)
    live = and_(member.c.active, begun, comparison.current(member.c.over_on))
    connection.execute(update(member).where(member.c.state == staged.OPEN).values(state=staged.ENTERS, live=live))
    _enrol(comparison)
    _find_students(comparison)
    _find_places(comparison)


def _earlier(one: ColumnElement[object], other: ColumnElement[object]) -> ColumnElement[object]:
    return case((one.is_(None), other), (other.is_(None), one), (other < one, other), else_=one)


def _enrol(comparison: Comparison) -> None:
    """The membership of the school itself decides; without one, that of a class or group speaks for its school."""
    member, connection = staged.membership, comparison.connection
    itself = member.alias("itself")
    says_school = exists().where(
        itself.c.student_id == member.c.student_id,
        itself.c.school_id == member.c.school_id,
        itself.c.kind == GroupKind.SCHOOL.value,
        itself.c.state == staged.ENTERS,
    )
    is_school = member.c.kind == GroupKind.SCHOOL.value
    connection.execute(
        insert(staged.enrolment).from_select(
            ["student_id", "school_id", "main", "ended_on"],
            select(
                member.c.student_id,
                member.c.school_id,
                func.max(case((member.c.main, 1), else_=0)) == 1,
                _latest(member.c.over_on),
            )
            .where(member.c.state == staged.ENTERS, member.c.live, or_(is_school, ~says_school))
            .group_by(member.c.student_id, member.c.school_id),
        )
    )
    enrolment = staged.enrolment
    for kind, name in ((GroupKind.GRADE, staged.group.c.name), (GroupKind.HOME, staged.group.c.grade)):
        told = (
            select(member.c.student_id, member.c.school_id, func.min(name).label("grade"))
            .join(staged.group, staged.group.c.key == member.c.group_key)
            .where(member.c.live, member.c.state == staged.ENTERS, member.c.kind == kind.value)
            .where(staged.group.c.state == staged.OPEN, name.is_not(None))
            .group_by(member.c.student_id, member.c.school_id)
            .subquery()
        )
        connection.execute(
            update(enrolment)
            .where(enrolment.c.grade.is_(None))
            .where(enrolment.c.student_id == told.c.student_id, enrolment.c.school_id == told.c.school_id)
            .values(grade=told.c.grade)
        )


def _latest(day: ColumnElement[object]) -> ColumnElement[object]:
    """The last of several days of a group of rows; none of them known to end means no end."""
    return case((func.count() > func.count(day), null()), else_=func.max(day))


def _find_students(comparison: Comparison) -> None:
    person = staged.person
    new_minor = (
        select(person.c.person_id)
        .where(person.c.state == staged.OPEN, person.c.unknown == int(Unknown.STUDENT))
        .where(~exists().where(staged.match.c.n == person.c.n))
    )
    comparison.connection.execute(
        insert(staged.student).from_select(["person_id"], select(staged.enrolment.c.student_id).union(new_minor))
    )


def _find_places(comparison: Comparison) -> None:
    member = staged.membership
    enrolled = exists().where(
        staged.enrolment.c.student_id == member.c.student_id, staged.enrolment.c.school_id == member.c.school_id
    )
    in_store = exists().where(
        store.enrolment.c.student_id == member.c.student_id,
        store.enrolment.c.school_id == member.c.school_id,
        comparison.current(store.enrolment.c.ended_on),
    )
    comparison.connection.execute(
        insert(staged.place).from_select(
            ["student_id", "group_id", "ended_on"],
            select(member.c.student_id, member.c.group_id, _latest(member.c.over_on))
            .where(member.c.state == staged.ENTERS, member.c.live, member.c.kind.in_(_IN_GROUP))
            .where(or_(enrolled, false() if comparison.full else in_store))
            .group_by(member.c.student_id, member.c.group_id),
        )
    )


def students_known(comparison: Comparison, student_id: ColumnElement[int]) -> ColumnElement[bool]:
    """The person is a student: by this import, or already in the store (in a full export only by another source)."""
    stored = exists().where(
        store.student.c.person_id == student_id,
        store.student.c.source != comparison.source if comparison.full else true(),
    )
    return or_(exists().where(staged.student.c.person_id == student_id), stored)
