"""Persons, their identifiers and their role as students: what an import adds and changes, and whose word counts.

The population register decides name, birth date, protection and death, from its first document about a person on.
Among the others a person belongs to the source that brought them (or takes them over from the register, which knows
no language and no student number); another source only fills what is blank. The language is what the contact register
says, where it says one: there people choose it themselves. What a guardian chose with us stands against all of them.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from sqlalchemy import ColumnElement, and_, case, exists, false, func, insert, literal, null, or_, select, true, update

from config.clock import UtcDateTime
from contacts.codes import Protection
from contacts.imports import staged, store
from contacts.imports.comparing import Comparison
from contacts.imports.records import ID, REF
from contacts.imports.step import Kind, Step, Verb

REGISTER = "freg"

_TOLD = staged.person
_STORED = store.person
_ENTERS = and_(_TOLD.c.state == staged.ENTERS, ~_TOLD.c.removed)
_IN_STORE = exists().where(staged.match.c.n == _TOLD.c.n)
# A document may be silent about the grading, and so may a later one: what was told once stays told.
_TELLS_PROTECTION = and_(_TOLD.c.from_register, _TOLD.c.protection.is_not(None))
_STUDENT = or_(
    exists().where(staged.student.c.person_id == _TOLD.c.person_id),
    exists().where(store.student.c.person_id == _TOLD.c.person_id),
)


def person_steps(comparison: Comparison) -> Iterator[Step]:
    yield from _new_persons(comparison)
    yield from _changed_persons(comparison)
    yield from _identifiers(comparison)
    yield from _students(comparison)


def _new_persons(comparison: Comparison) -> Iterator[Step]:
    now = literal(comparison.now, UtcDateTime())
    for kind, role in ((Kind.STUDENTS, _STUDENT), (Kind.GUARDIANS, ~_STUDENT)):
        new = and_(_ENTERS, ~_IN_STORE, role)
        values: dict[str, ColumnElement[Any]] = {
            "id": _TOLD.c.person_id,
            "ref": _TOLD.c.own_ref,
            "given_name": _TOLD.c.given_name,
            "family_name": _TOLD.c.family_name,
            "birth_date": _TOLD.c.birth_date,
            "deceased": func.coalesce(_TOLD.c.deceased, literal(False)),
            "protection": func.coalesce(_TOLD.c.protection, Protection.NONE.value),
            "protection_unknown": _TOLD.c.protection_unknown,
            "protection_told": _TELLS_PROTECTION,
            "language": _TOLD.c.language,
            "register_document_at": case((_TOLD.c.register_document, now), else_=null()),
            "source": literal(comparison.source),
        }
        yield Step(
            insert(_STORED).from_select(list(values), select(*values.values()).where(new)),
            # New student rows are counted where they are made, so that a guardian who becomes a student counts too.
            None if kind is Kind.STUDENTS else select(_TOLD.c.n).where(new),
            kind,
            Verb.ADDED,
        )


def _changed_persons(comparison: Comparison) -> Iterator[Step]:
    told, stored = _TOLD, _STORED
    source = literal(comparison.source)
    own = or_(stored.c.source == source, stored.c.source == REGISTER)
    open_to_all = stored.c.register_document_at.is_(None)
    nameless = and_(stored.c.given_name == "", stored.c.family_name == "")
    named = or_(told.c.given_name != "", told.c.family_name != "")
    # Known already, as a guardian say, or by the register's document alone. Of a student whom another source brought,
    # it is not for this one to say.
    new_student = ~exists().where(store.student.c.person_id == stored.c.id, store.student.c.source != REGISTER)
    may_name = and_(named, or_(told.c.from_register, and_(open_to_all, or_(own, nameless))))
    may_date = and_(
        told.c.birth_date.is_not(None),
        or_(told.c.from_register, and_(open_to_all, or_(own, stored.c.birth_date.is_(None)))),
    )
    chosen = exists().where(
        store.register_entry.c.person_id == stored.c.id, store.register_entry.c.language.is_not(None)
    )
    may_choose = and_(
        stored.c.language_chosen_at.is_(None),
        true() if comparison.contact_register else and_(or_(own, stored.c.language.is_(None)), ~chosen),
    )
    # The contact register brings nobody and takes nobody over.
    may_own = false() if comparison.contact_register else ~told.c.from_register
    values: dict[str, ColumnElement[Any]] = {
        "given_name": case((may_name, told.c.given_name), else_=stored.c.given_name),
        "family_name": case((may_name, told.c.family_name), else_=stored.c.family_name),
        "birth_date": case((may_date, told.c.birth_date), else_=stored.c.birth_date),
        "deceased": case(
            (and_(told.c.from_register, told.c.deceased.is_not(None)), told.c.deceased), else_=stored.c.deceased
        ),
        "protection": case((_TELLS_PROTECTION, told.c.protection), else_=stored.c.protection),
        "protection_unknown": case(
            (_TELLS_PROTECTION, false()),
            (and_(told.c.protection_unknown, ~stored.c.protection_told, new_student), true()),
            else_=stored.c.protection_unknown,
        ),
        "protection_told": or_(stored.c.protection_told, _TELLS_PROTECTION),
        "language": case((and_(told.c.language.is_not(None), may_choose), told.c.language), else_=stored.c.language),
        "ref": case(
            (and_(told.c.own_ref.is_not(None), or_(own, stored.c.ref.is_(None))), told.c.own_ref), else_=stored.c.ref
        ),
        "source": case(
            (and_(may_own, or_(stored.c.source == REGISTER, and_(nameless, may_name))), source),
            else_=stored.c.source,
        ),
    }
    first_document = and_(told.c.register_document, stored.c.register_document_at.is_(None))
    differs = or_(first_document, *(stored.c[name].is_distinct_from(value) for name, value in values.items()))
    same = and_(_ENTERS, _IN_STORE, stored.c.id == told.c.person_id)
    document_at = case(
        (told.c.register_document, literal(comparison.now, UtcDateTime())), else_=stored.c.register_document_at
    )
    for kind, role in ((Kind.STUDENTS, _STUDENT), (Kind.GUARDIANS, ~_STUDENT)):
        yield Step(
            update(stored).where(same, differs, role).values({**values, "register_document_at": document_at}),
            select(told.c.n).join(stored, stored.c.id == told.c.person_id).where(same, differs, role),
            kind,
            Verb.CHANGED,
        )


def _identifiers(comparison: Comparison) -> Iterator[Step]:
    told, stored = staged.identifier, store.identifier
    joined = select(told.c.person_n).join(_TOLD, _TOLD.c.n == told.c.person_n)
    same = and_(stored.c.scheme == told.c.scheme, stored.c.lookup == told.c.lookup)
    new = and_(_ENTERS, told.c.scheme.not_in((ID, REF)), ~exists().where(same))
    values: dict[str, ColumnElement[Any]] = {
        "person_id": _TOLD.c.person_id,
        "scheme": told.c.scheme,
        "lookup": told.c.lookup,
        "ciphertext": told.c.ciphertext,
        "current": told.c.current,
    }
    yield Step(
        insert(stored).from_select(
            list(values), select(*values.values()).join(_TOLD, _TOLD.c.n == told.c.person_n).where(new)
        ),
        # Of new persons they are no news.
        joined.where(new, _IN_STORE),
        Kind.IDENTIFIERS,
        Verb.ADDED,
    )
    turned = and_(
        same,
        _TOLD.c.n == told.c.person_n,
        _ENTERS,
        or_(_TOLD.c.from_register, told.c.scheme == comparison.source),
        stored.c.current != told.c.current,
    )
    yield Step(
        update(stored).where(turned).values(current=told.c.current),
        select(stored.c.id).where(turned),
        Kind.IDENTIFIERS,
        Verb.CHANGED,
    )


def _students(comparison: Comparison) -> Iterator[Step]:
    told, stored = staged.student, store.student
    known = exists().where(stored.c.person_id == told.c.person_id)
    new = select(told.c.person_id, literal(comparison.source)).where(~known)
    yield Step(insert(stored).from_select(["person_id", "source"], new), new, Kind.STUDENTS, Verb.ADDED)
    back = and_(stored.c.person_id == told.c.person_id, stored.c.left_on.is_not(None))
    yield Step(
        update(stored).where(back).values(left_on=None, source=comparison.source),
        select(told.c.person_id).join(stored, back),
        Kind.STUDENTS,
        Verb.CHANGED,
    )
    # Who came by the register's document goes to a school now, which will say when they leave.
    adopted = and_(stored.c.person_id == told.c.person_id, stored.c.source == REGISTER)
    if comparison.source != REGISTER:
        yield Step(update(stored).where(adopted).values(source=comparison.source))
