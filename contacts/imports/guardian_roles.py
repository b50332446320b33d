"""A guardian's role at a school that changes alone tell to be over, and the links that end with it.

A full roster ends a link by its silence. A delta tells of one role and is silent about the others, so it ends only what
rested on that one: the links to students who, as this source tells, go to that school and to none where the guardian
may still have a role.
"""

from __future__ import annotations

from sqlalchemy import ColumnElement, FromClause, and_, exists, update

from contacts.imports import staged, store
from contacts.imports.comparing import Comparison
from contacts.imports.records import GroupKind


def resolve_guardian_roles(comparison: Comparison) -> None:
    """Find the school and the guardian of each role. One of somebody whom nobody knows ends nothing."""
    role, group, key = staged.guardian_role, staged.group, store.school_key
    here = and_(group.c.key == role.c.group_key, group.c.kind == GroupKind.SCHOOL.value, group.c.state == staged.OPEN)
    comparison.connection.execute(update(role).where(here).values(school_id=group.c.school_id))
    comparison.connection.execute(
        update(role)
        .where(role.c.school_id.is_(None), key.c.source == comparison.source, key.c.key == role.c.group_key)
        .values(school_id=key.c.school_id)
    )
    comparison.resolve(role, "guardian")
    comparison.refuse(
        role,
        and_(~role.c.active, role.c.guardian_id.is_not(None), role.c.school_id.is_(None)),
        "a guardian's role is over at what is no school here: their links go on until a full roster ends them",
    )
    comparison.connection.execute(update(role).where(role.c.state == staged.OPEN).values(state=staged.ENTERS))


def role_is_over(comparison: Comparison, link: FromClause) -> ColumnElement[bool]:
    """The student of `link` goes to some school of this source, and at each of them the guardian's role is over."""
    enrolment = store.enrolment
    goes = and_(
        enrolment.c.student_id == link.c.student_id,
        enrolment.c.source == comparison.source,
        comparison.current(enrolment.c.ended_on),
    )
    over = staged.guardian_role
    still = over.alias("still")
    mine = and_(over.c.guardian_id == link.c.guardian_id, over.c.state == staged.ENTERS, ~over.c.active)
    over_there = exists().where(
        mine,
        over.c.school_id == enrolment.c.school_id,
        ~exists().where(
            still.c.guardian_id == over.c.guardian_id,
            still.c.school_id == over.c.school_id,
            still.c.state == staged.ENTERS,
            still.c.active,
        ),
    )
    return and_(exists().where(mine), exists().where(goes), ~exists().where(goes, ~over_there))
