"""Taking persons out of the contact store, and counting what goes with them. The dispatcher's part comes first: see
`dispatcher.retention`.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Sequence
from itertools import islice
from typing import Any

from sqlalchemy import Boolean, Column, ColumnElement, Connection, delete, exists, func, or_, select, update

from contacts.codes import Protection
from contacts.holdings import CONTACT_HOLDINGS, Fate, Holding
from contacts.people import FORGOTTEN
from contacts.tables import ADDRESS, CHALLENGE, CODE_TRY, CONTACT_POINT, IDENTIFIER, INVITATION, PERSON

# So many persons are taken out in one transaction: a few hundredths of a second, and others write in between.
CHUNK = 200


def in_chunks(ids: Iterable[int], size: int = CHUNK) -> Iterator[list[int]]:
    """The ids in their order, `size` at a time."""
    rest = iter(ids)
    while chunk := list(islice(rest, size)):
        yield chunk


def lock_persons(connection: Connection, ids: Collection[int]) -> None:
    """Nobody adds a row about these persons until the transaction ends; whoever was adding one is waited for."""
    connection.execute(select(PERSON.c.id).where(PERSON.c.id.in_(ids)).order_by(PERSON.c.id).with_for_update()).all()


def rows_about(holding: Holding, ids: Collection[int]) -> ColumnElement[bool]:
    """SQL that is true for the rows of a table that name one of these persons."""
    return or_(*(column.in_(ids) for column in holding.persons))


def count_all(connection: Connection, ids: Sequence[int]) -> Counter[str]:
    """How many rows go when these persons are forgotten, by kind; with the addresses that nobody else has."""
    gone = set(ids)
    found: Counter[str] = Counter()
    addresses: set[int] = set()
    between: set[tuple[str, int]] = set()
    for chunk in in_chunks(ids):
        for holding in _DELETED:
            about = rows_about(holding, chunk)
            if len(holding.persons) > 1:
                # A row between two persons may be met twice.
                between |= {(holding.kind, one) for one in connection.scalars(select(holding.table.c.id).where(about))}
            else:
                counted = select(func.count()).select_from(holding.table).where(about)
                found[holding.kind] += connection.execute(counted).scalar_one()
        addresses |= addresses_of(connection, chunk)
    found.update(kind for kind, _id in between)
    found["addresses"] = len(addresses) - _of_others(connection, addresses, gone)
    return +found


def addresses_of(connection: Connection, ids: Collection[int]) -> set[int]:
    """The addresses that these persons have, or had."""
    return set(connection.scalars(select(CONTACT_POINT.c.address_id).where(CONTACT_POINT.c.person_id.in_(ids))))


def _of_others(connection: Connection, addresses: Collection[int], gone: Collection[int]) -> int:
    """How many of the addresses somebody else has as well."""
    shared: set[int] = set()
    for chunk in in_chunks(sorted(addresses)):
        rows = connection.execute(
            select(CONTACT_POINT.c.address_id, CONTACT_POINT.c.person_id).where(CONTACT_POINT.c.address_id.in_(chunk))
        )
        shared |= {row.address_id for row in rows if row.person_id not in gone}
    return len(shared)


def take_out(connection: Connection, ids: Collection[int]) -> Counter[str]:
    """Delete all rows about these persons, and empty their own; how many rows went, by kind (codes on their way
    and tries of codes are not counted). Addresses stay.

    The row of a person stays, because an alert may be about to point at it, and so that nobody else ever gets the same
    number (see docs/decisions/0033). Lock them first.
    """
    gone: Counter[str] = Counter()
    points = select(CONTACT_POINT.c.id).where(CONTACT_POINT.c.person_id.in_(ids))
    connection.execute(delete(CHALLENGE).where(CHALLENGE.c.contact_point_id.in_(points)))
    # By their number: who enters a student's code may have become a person of the store since.
    numbers = select(IDENTIFIER.c.lookup).where(IDENTIFIER.c.person_id.in_(ids), IDENTIFIER.c.ciphertext.is_not(None))
    connection.execute(delete(CODE_TRY).where(CODE_TRY.c.lookup.in_(numbers)))
    connection.execute(delete(INVITATION).where(INVITATION.c.entered_lookup.in_(numbers)))
    for holding in _DELETED:
        gone[holding.kind] += connection.execute(delete(holding.table).where(rows_about(holding, ids))).rowcount
    connection.execute(update(PERSON).where(PERSON.c.id.in_(ids)).values(EMPTY_PERSON))
    return +gone


def without_owner(connection: Connection, addresses: Collection[int]) -> list[int]:
    """Those of the addresses that nobody has any more; locked, so that nobody is given one of them meanwhile."""
    locked = select(ADDRESS.c.id).where(ADDRESS.c.id.in_(addresses)).order_by(ADDRESS.c.id).with_for_update()
    connection.execute(locked).all()
    owned = exists().where(CONTACT_POINT.c.address_id == ADDRESS.c.id)
    return list(connection.scalars(select(ADDRESS.c.id).where(ADDRESS.c.id.in_(addresses), ~owned)))


def _blank(column: Column[Any]) -> object:
    """What a column of an emptied row holds: nothing, or where there must be something, what says least."""
    if column.nullable:
        return None
    if isinstance(column.type, Boolean):
        return False
    return {"protection": Protection.NONE, "source": FORGOTTEN}.get(column.name, "")


_DELETED = [one for one in CONTACT_HOLDINGS if one.fate is Fate.DELETED and one.persons]
EMPTY_PERSON = {column.name: _blank(column) for column in PERSON.columns if not column.primary_key}
