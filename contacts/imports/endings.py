"""What a full export ends by its silence, within its own schools and its own source, and what a record ends by name.

A record that was refused ends nothing: whom it was about is spared.
"""

from __future__ import annotations

from collections.abc import Iterator

from sqlalchemy import ColumnElement, FromClause, Select, and_, exists, insert, or_, select, update

from contacts.imports import staged, store
from contacts.imports.comparing import Comparison
from contacts.imports.guardian_roles import role_is_over
from contacts.imports.records import GroupKind, Lost
from contacts.imports.step import Kind, Step, Verb


def find_scope(comparison: Comparison) -> None:
    """The stored schools and students that this import speaks about in full."""
    connection, group, enrolment = comparison.connection, staged.group, store.enrolment
    mine = enrolment.c.source == comparison.source
    suspended = connection.execute(refused_unknown().limit(1)).first() is not None
    if comparison.full and not suspended:
        told = and_(group.c.kind == GroupKind.SCHOOL.value, group.c.state == staged.OPEN)
        key = store.school_key
        # A school whose number has become known may turn out to be another one of the store: what was told of it ends.
        before = select(key.c.school_id).join(group, and_(key.c.source == comparison.source, key.c.key == group.c.key))
        connection.execute(
            insert(staged.school_scope).from_select(
                ["school_id"],
                select(group.c.school_id).where(told, group.c.school_id > 0).union(before.where(told)),
            )
        )
        in_scope = enrolment.c.school_id.in_(select(staged.school_scope.c.school_id))
        elsewhere = enrolment.alias("elsewhere")
        candidates = (
            select(enrolment.c.student_id.label("id"))
            .where(mine, in_scope)
            .union(select(staged.student.c.person_id.label("id")))
            .subquery()
        )
        outside = exists().where(
            elsewhere.c.student_id == candidates.c.id,
            elsewhere.c.source == comparison.source,
            elsewhere.c.school_id.not_in(select(staged.school_scope.c.school_id)),
            comparison.current(elsewhere.c.ended_on),
        )
        connection.execute(
            insert(staged.student_scope).from_select(["person_id"], select(candidates.c.id).where(~outside))
        )
    person = staged.person
    connection.execute(
        insert(staged.student_scope).from_select(
            ["person_id"],
            select(person.c.person_id).where(
                person.c.state == staged.ENTERS,
                person.c.all_guardians,
                ~exists().where(staged.student_scope.c.person_id == person.c.person_id),
            ),
        )
    )


def refused_unknown() -> Select[tuple[str]]:
    """Refused records that do not say whom they are about: they may be about anybody, so nobody is surely absent."""
    refusal = staged.refusal
    return select(refusal.c.file).where(
        refusal.c.lost == int(Lost.RECORD), refusal.c.scheme.is_(None), ~refusal.c.found
    )


def ending_steps(comparison: Comparison) -> Iterator[Step]:
    today = comparison.today
    student, enrolment, membership = store.student, store.enrolment, store.membership
    left = _student_leaves(comparison)
    yield Step(
        update(student).where(left).values(left_on=today),
        select(student.c.person_id).where(left),
        Kind.STUDENTS,
        Verb.ENDED,
    )
    points = _points_end(comparison)
    yield Step(
        update(store.point).where(points).values(ended_at=comparison.now),
        select(store.point.c.id).where(points),
        Kind.CONTACT_POINTS,
        Verb.ENDED,
    )
    links = guardianship_ends(comparison)
    yield Step(
        update(store.guardianship).where(links).values(valid_to=today),
        select(store.guardianship.c.id).where(links),
        Kind.GUARDIANSHIPS,
        Verb.ENDED,
    )
    places = _membership_ends(comparison)
    yield Step(
        update(membership).where(places).values(ended_on=today),
        select(membership.c.student_id).where(places),
        Kind.MEMBERSHIPS,
        Verb.ENDED,
    )
    enrolments = _enrolment_ends(comparison, enrolment)
    yield Step(
        update(enrolment).where(enrolments).values(ended_on=today),
        select(enrolment.c.student_id).where(enrolments),
        Kind.ENROLMENTS,
        Verb.ENDED,
    )


def _spared(column: ColumnElement[int]) -> ColumnElement[bool]:
    return exists().where(staged.spared.c.person_id == column)


def _removed(column: ColumnElement[int]) -> ColumnElement[bool]:
    person = staged.person
    return exists().where(person.c.person_id == column, person.c.removed, person.c.state == staged.ENTERS)


def _switched_off(column: ColumnElement[int]) -> ColumnElement[bool]:
    """A membership that is told, and told to hold no longer."""
    member = staged.membership
    return exists().where(member.c.student_id == column, member.c.state == staged.ENTERS, ~member.c.live)


def _enrolment_ends(comparison: Comparison, enrolment: FromClause) -> ColumnElement[bool]:
    member, told = staged.membership, staged.enrolment
    off = exists().where(
        member.c.student_id == enrolment.c.student_id,
        member.c.school_id == enrolment.c.school_id,
        member.c.kind == GroupKind.SCHOOL.value,
        member.c.state == staged.ENTERS,
        ~member.c.live,
    )
    in_scope = exists().where(staged.school_scope.c.school_id == enrolment.c.school_id)
    return and_(
        enrolment.c.source == comparison.source,
        comparison.current(enrolment.c.ended_on),
        ~exists().where(told.c.student_id == enrolment.c.student_id, told.c.school_id == enrolment.c.school_id),
        ~_spared(enrolment.c.student_id),
        or_(in_scope, off, _removed(enrolment.c.student_id)),
    )


def _membership_ends(comparison: Comparison) -> ColumnElement[bool]:
    membership, member, told = store.membership, staged.membership, staged.place
    off = exists().where(
        member.c.student_id == membership.c.student_id,
        member.c.group_id == membership.c.group_id,
        member.c.state == staged.ENTERS,
        ~member.c.live,
    )
    in_scope = exists().where(
        store.group.c.id == membership.c.group_id,
        staged.school_scope.c.school_id == store.group.c.school_id,
        *(
            ~store.group.c.ref.startswith(f"{comparison.source}/{key}", autoescape=True)
            for key in comparison.unspoken.groups
        ),
    )
    return and_(
        membership.c.source == comparison.source,
        comparison.current(membership.c.ended_on),
        ~exists().where(told.c.student_id == membership.c.student_id, told.c.group_id == membership.c.group_id),
        ~_spared(membership.c.student_id),
        or_(in_scope, off, _removed(membership.c.student_id)),
    )


def _student_leaves(comparison: Comparison) -> ColumnElement[bool]:
    """No school is left to them, and one of those that speak here was theirs."""
    student = store.student
    was_here = store.enrolment.alias("was_here")
    other = store.enrolment.alias("other")
    goes_on = and_(
        other.c.student_id == student.c.person_id,
        comparison.current(other.c.ended_on),
        ~_enrolment_ends(comparison, other),
    )
    here = exists().where(
        was_here.c.student_id == student.c.person_id,
        was_here.c.source == comparison.source,
        or_(
            was_here.c.school_id.in_(select(staged.school_scope.c.school_id)),
            _switched_off(student.c.person_id),
        ),
    )
    return and_(
        student.c.source == comparison.source,
        student.c.left_on.is_(None),
        ~exists().where(staged.student.c.person_id == student.c.person_id),
        ~_spared(student.c.person_id),
        or_(_removed(student.c.person_id), and_(here, ~exists().where(goes_on))),
    )


def guardianship_current(comparison: Comparison) -> ColumnElement[bool]:
    """This source's guardianships in force, of the students that this import speaks about in full."""
    link = store.guardianship
    return and_(
        link.c.source == comparison.source,
        comparison.current(link.c.valid_to),
        exists().where(staged.student_scope.c.person_id == link.c.student_id),
    )


def guardianship_ends(comparison: Comparison) -> ColumnElement[bool]:
    link, told = store.guardianship, staged.guardianship
    pair = and_(told.c.student_id == link.c.student_id, told.c.guardian_id == link.c.guardian_id)
    named = exists().where(
        pair,
        or_(told.c.state == staged.REFUSED, and_(told.c.state == staged.ENTERS, told.c.basis == link.c.basis)),
    )
    absent = and_(
        guardianship_current(comparison),
        link.c.basis.not_in(comparison.unspoken.bases),
        ~named,
        ~_spared(link.c.student_id),
        ~_spared(link.c.guardian_id),
    )
    taken_out = and_(
        link.c.source == comparison.source,
        comparison.current(link.c.valid_to),
        or_(_removed(link.c.student_id), _removed(link.c.guardian_id)),
    )
    role_over = and_(
        link.c.source == comparison.source,
        comparison.current(link.c.valid_to),
        role_is_over(comparison, link),
        ~named,
        ~_spared(link.c.student_id),
        ~_spared(link.c.guardian_id),
    )
    if not comparison.one_basis:
        return or_(absent, taken_out, role_over)
    replaced = and_(
        link.c.source == comparison.source,
        comparison.current(link.c.valid_to),
        exists().where(pair, told.c.state == staged.ENTERS),
        ~named,
    )
    return or_(absent, taken_out, role_over, replaced)


def _points_end(comparison: Comparison) -> ColumnElement[bool]:
    """Addresses of a guardian, or a student, of whom the source no longer says a word."""
    point, link = store.point, store.guardianship
    here, elsewhere = link.alias("here"), link.alias("elsewhere")
    silent = and_(
        ~exists().where(staged.person.c.person_id == point.c.person_id),
        ~_spared(point.c.person_id),
        or_(
            exists().where(
                here.c.guardian_id == point.c.person_id,
                here.c.source == comparison.source,
                here.c.student_id.in_(select(staged.student_scope.c.person_id)),
            ),
            exists().where(staged.student_scope.c.person_id == point.c.person_id),
        ),
        ~exists().where(
            elsewhere.c.guardian_id == point.c.person_id,
            elsewhere.c.source == comparison.source,
            comparison.current(elsewhere.c.valid_to),
            or_(
                elsewhere.c.student_id.not_in(select(staged.student_scope.c.person_id)),
                elsewhere.c.basis.in_(comparison.unspoken.bases),
            ),
        ),
    )
    return and_(
        point.c.source == comparison.source,
        point.c.ended_at.is_(None),
        or_(_removed(point.c.person_id), silent) if comparison.full else _removed(point.c.person_id),
    )
