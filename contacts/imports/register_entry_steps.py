"""What the contact register says of persons as such: kept as it was told last, and only of persons in the store."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from sqlalchemy import ColumnElement, and_, exists, insert, or_, select, update

from contacts.imports import staged, store
from contacts.imports.step import Kind, Step, Verb


def register_entry_steps() -> Iterator[Step]:
    told, stored = staged.person, store.register_entry
    enters = and_(told.c.state == staged.ENTERS, told.c.register_status.is_not(None))
    same = stored.c.person_id == told.c.person_id
    values: dict[str, ColumnElement[Any]] = {
        "status": told.c.register_status,
        "reserved": told.c.reserved,
        "expired": told.c.expired,
        "language": told.c.language,
    }
    new = select(told.c.person_id, *values.values()).where(enters, ~exists().where(same))
    yield Step(insert(stored).from_select(["person_id", *values], new), new, Kind.REGISTER_ENTRIES, Verb.ADDED)
    differs = or_(*(stored.c[name].is_distinct_from(value) for name, value in values.items()))
    yield Step(
        update(stored).where(enters, same, differs).values(values),
        select(stored.c.person_id).join(told, same).where(enters, differs),
        Kind.REGISTER_ENTRIES,
        Verb.CHANGED,
    )
