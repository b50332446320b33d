"""Postal addresses of guardians: kept as the population register told them last, where letters are wanted at all.

Of whoever is graded, or was and has not been told otherwise, none is kept: what was stored before goes.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from sqlalchemy import ColumnElement, and_, delete, exists, insert, or_, select, update

from contacts.codes import Protection
from contacts.imports import staged, store
from contacts.imports.comparing import Comparison
from contacts.imports.links import is_guardian
from contacts.imports.step import Kind, Step, Verb

_TOLD = staged.person
_STORED = store.postal_address
_COLUMNS = {
    "lines": "postal_lines",
    "postal_code": "postal_code",
    "place": "postal_place",
    "country": "postal_country",
}


def postal_steps(comparison: Comparison) -> Iterator[Step]:
    same = _STORED.c.person_id == _TOLD.c.person_id
    speaks = and_(_TOLD.c.state == staged.ENTERS, _TOLD.c.from_register)
    gone: ColumnElement[bool] = exists().where(same, speaks)
    if comparison.postal_addresses:
        keep = and_(speaks, _TOLD.c.postal_lines.is_not(None), is_guardian(), _ungraded())
        yield from _kept(keep, same)
        gone = and_(gone, ~exists().where(same, keep))
    yield Step(delete(_STORED).where(gone), select(_STORED.c.person_id).where(gone), Kind.POSTAL_ADDRESSES, Verb.ENDED)


def _kept(keep: ColumnElement[bool], same: ColumnElement[bool]) -> Iterator[Step]:
    values: dict[str, ColumnElement[Any]] = {name: _TOLD.c[column] for name, column in _COLUMNS.items()}
    new = select(_TOLD.c.person_id, *values.values()).where(keep, ~exists().where(same))
    yield Step(insert(_STORED).from_select(["person_id", *values], new), new, Kind.POSTAL_ADDRESSES, Verb.ADDED)
    differs = or_(*(_STORED.c[name] != value for name, value in values.items()))
    yield Step(
        update(_STORED).where(keep, same, differs).values(values),
        select(_STORED.c.person_id).join(_TOLD, same).where(keep, differs),
        Kind.POSTAL_ADDRESSES,
        Verb.CHANGED,
    )


def _ungraded() -> ColumnElement[bool]:
    graded = exists().where(store.person.c.id == _TOLD.c.person_id, store.person.c.protection != Protection.NONE)
    return or_(_TOLD.c.protection == Protection.NONE.value, and_(_TOLD.c.protection.is_(None), ~graded))
