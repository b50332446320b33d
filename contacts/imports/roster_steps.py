"""Schools, groups, enrolments and memberships: what an import adds and changes."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from sqlalchemy import ColumnElement, and_, exists, func, insert, literal, or_, select, update

from contacts.imports import staged, store
from contacts.imports.comparing import Comparison
from contacts.imports.records import GroupKind
from contacts.imports.roster import stored_ref
from contacts.imports.step import Kind, Step, Verb

_GROUP = staged.group
_OPEN = _GROUP.c.state == staged.OPEN


def school_steps(comparison: Comparison) -> Iterator[Step]:
    told, stored = _GROUP, store.school
    schools = and_(_OPEN, told.c.kind == GroupKind.SCHOOL.value)
    in_store = exists().where(stored.c.id == told.c.school_id)
    new = and_(schools, ~in_store)
    ref = func.coalesce(told.c.ref, stored_ref(comparison, told.c.key))
    yield Step(
        insert(stored).from_select(
            ["id", "ref", "name", "source"],
            select(told.c.school_id, ref, told.c.name, literal(comparison.source)).where(new),
        ),
        select(told.c.n).where(new),
        Kind.SCHOOLS,
        Verb.ADDED,
    )
    renamed = and_(
        schools,
        stored.c.id == told.c.school_id,
        stored.c.source == comparison.source,
        or_(stored.c.name != told.c.name, stored.c.ref != told.c.ref),
    )
    yield Step(
        update(stored).where(renamed).values(name=told.c.name, ref=func.coalesce(told.c.ref, stored.c.ref)),
        select(told.c.n).join(stored, renamed),
        Kind.SCHOOLS,
        Verb.CHANGED,
    )
    key = store.school_key
    same = and_(key.c.source == comparison.source, key.c.key == told.c.key)
    unknown = and_(schools, ~exists().where(same))
    yield Step(
        insert(key).from_select(
            ["source", "key", "school_id"],
            select(literal(comparison.source), told.c.key, told.c.school_id).where(unknown),
        ),
        # Of new schools they are no news.
        select(told.c.n).where(unknown, in_store),
        Kind.IDENTIFIERS,
        Verb.ADDED,
    )
    turned = and_(schools, same, key.c.school_id != told.c.school_id)
    yield Step(
        update(key).where(turned).values(school_id=told.c.school_id),
        select(told.c.n).join(key, turned),
        Kind.IDENTIFIERS,
        Verb.CHANGED,
    )


def group_steps(comparison: Comparison) -> Iterator[Step]:
    told, stored = _GROUP, store.group
    groups = and_(_OPEN, told.c.group_id.is_not(None))
    home = told.c.kind == GroupKind.HOME.value
    new = and_(groups, ~exists().where(stored.c.id == told.c.group_id))
    grade = func.coalesce(told.c.grade, stored.c.grade) if comparison.unspoken.grades else told.c.grade
    values = (
        told.c.group_id,
        told.c.school_id,
        stored_ref(comparison, told.c.key),
        told.c.name,
        told.c.grade,
        home,
        literal(comparison.source),
    )
    yield Step(
        insert(stored).from_select(
            ["id", "school_id", "ref", "name", "grade", "home", "source"], select(*values).where(new)
        ),
        select(told.c.n).where(new),
        Kind.GROUPS,
        Verb.ADDED,
    )
    changed = and_(
        groups,
        stored.c.id == told.c.group_id,
        or_(
            stored.c.name != told.c.name,
            stored.c.school_id != told.c.school_id,
            stored.c.grade.is_distinct_from(grade),
            stored.c.home != home,
        ),
    )
    yield Step(
        update(stored).where(changed).values(name=told.c.name, school_id=told.c.school_id, grade=grade, home=home),
        select(told.c.n).join(stored, changed),
        Kind.GROUPS,
        Verb.CHANGED,
    )


def enrolment_steps(comparison: Comparison) -> Iterator[Step]:
    told, stored = staged.enrolment, store.enrolment
    same = and_(
        stored.c.student_id == told.c.student_id,
        stored.c.school_id == told.c.school_id,
        stored.c.source == comparison.source,
    )
    names = ["student_id", "school_id", "main", "grade", "ended_on"]
    new = select(*(told.c[name] for name in names), literal(comparison.source)).where(~exists().where(same))
    yield Step(insert(stored).from_select([*names, "source"], new), new, Kind.ENROLMENTS, Verb.ADDED)
    values: dict[str, ColumnElement[Any]] = {name: told.c[name] for name in names[2:]}
    if not comparison.full or comparison.unspoken.grades:
        # The grade comes from a class, and changes need not tell of it again.
        values["grade"] = func.coalesce(told.c.grade, stored.c.grade)
    differs = or_(*(stored.c[name].is_distinct_from(value) for name, value in values.items()))
    yield Step(
        update(stored).where(same, differs).values(values),
        select(told.c.student_id).join(stored, same).where(differs),
        Kind.ENROLMENTS,
        Verb.CHANGED,
    )


def membership_steps(comparison: Comparison) -> Iterator[Step]:
    told, stored = staged.place, store.membership
    same = and_(stored.c.student_id == told.c.student_id, stored.c.group_id == told.c.group_id)
    new = select(told.c.student_id, told.c.group_id, told.c.ended_on, literal(comparison.source)).where(
        ~exists().where(same)
    )
    yield Step(
        insert(stored).from_select(["student_id", "group_id", "ended_on", "source"], new),
        new,
        Kind.MEMBERSHIPS,
        Verb.ADDED,
    )
    differs = stored.c.ended_on.is_distinct_from(told.c.ended_on)
    yield Step(
        update(stored).where(same, differs).values(ended_on=told.c.ended_on),
        select(told.c.student_id).join(stored, same).where(differs),
        Kind.MEMBERSHIPS,
        Verb.CHANGED,
    )
