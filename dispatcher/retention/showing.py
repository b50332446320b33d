"""What a person is shown of the rows about them: everything of their own, and nobody else's protected data.

Somebody else is named only where the person may know them: there is a link between the two today, nobody is blocked,
and the other is not protected, nor may be. No address, number or ref of somebody else is ever shown.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import Any, Final

from sqlalchemy import Connection, Row, or_, select

from config.keys import Keys
from contacts.facts_sql import not_over
from contacts.forgetting import addresses_of
from contacts.holdings import Holding
from contacts.people import FoundPerson, short_name
from contacts.tables import (
    ADDRESS,
    BLOCK,
    CONSENT,
    GUARDIANSHIP,
    PERSON,
    SCHOOL,
    STUDENT_GROUP,
)

NOT_NAMED: Final = "not named here"
_STAFF = "who of the staff did it: their own data"
_NOT_IN_STORE = "of somebody of whom nothing else is held, until the student has answered whether it is the right one"
# Columns that are not shown, and why.
NOT_SHOWN: Mapping[str, str] = {
    "consent.given_by": _STAFF,
    "consent.withdrawn_by": _STAFF,
    "block.recorded_by": _STAFF,
    "release.released_by": _STAFF,
    "invitation.code_hash": "made of a code that the student alone was shown",
    "invitation.entered_lookup": _NOT_IN_STORE,
    "invitation.entered_number": _NOT_IN_STORE,
    "invitation.entered_name": _NOT_IN_STORE,
    "notice.operator": _STAFF,
    "decision.inputs": "made of what stands elsewhere in the export, and of what is held of the other person",
    "reminder.notice_id": "a number of our own: the message stands among the routine messages",
    "verification_challenge.nonce": "a random number of which a code was made",
    "visit.token": "the hash of what their browser holds",
    "visit.token_before": "the hash of what their browser held",
    "visit.form_token": "a random number that stands in the forms of that visit",
    "visit.operator": "empty: a visit of staff is about nobody",
    "visit.stranger": "empty: who is in the store is no stranger to it",
    "visit.renewed_at": "when the random number of the browser was changed",
}
# Where what a column points at is shown in its place.
_SHOWN_AS = {
    "address_id": "address",
    "school_id": "school",
    "main_school_id": "main_school",
    "group_id": "group",
    "ciphertext": "number",
}


def shown_as(holding: Holding, column: str) -> str | None:
    """Under which name a column is shown; None for one that is not, or that names the person alone."""
    if f"{holding.table.name}.{column}" in NOT_SHOWN or (len(holding.persons) == 1 and _names(holding, column)):
        return None
    return column.removesuffix("_id") if _names(holding, column) else _SHOWN_AS.get(column, column)


def _names(holding: Holding, column: str) -> bool:
    return any(person.name == column for person in holding.persons)


@dataclass
class Eyes:
    """What one person may see. `own`: the addresses that are, or were, theirs."""

    connection: Connection
    keys: Keys
    person: FoundPerson
    today: date
    own: set[int] = field(init=False)
    known: set[int] = field(init=False)

    def __post_init__(self) -> None:
        self.own = addresses_of(self.connection, [self.person.id])
        self.known = self._known()

    def _known(self) -> set[int]:
        me = self.person.id
        found: set[int] = set()
        for link, end in ((GUARDIANSHIP, GUARDIANSHIP.c.valid_to), (CONSENT, CONSENT.c.withdrawn_on)):
            pairs = select(link.c.student_id, link.c.guardian_id)
            pairs = pairs.where(or_(link.c.student_id == me, link.c.guardian_id == me), not_over(end))
            for row in self.connection.execute(pairs, {"on": self.today}):
                found |= {row.student_id, row.guardian_id}
        blocks = select(BLOCK.c.student_id, BLOCK.c.guardian_id).where(
            or_(BLOCK.c.guardian_id == me, BLOCK.c.guardian_id.in_(found)), not_over(BLOCK.c.valid_to)
        )
        for row in self.connection.execute(blocks, {"on": self.today}):
            if row.guardian_id == me:
                found -= found if row.student_id is None else {row.student_id}
            elif row.student_id in (None, me):
                found.discard(row.guardian_id)
        others = select(PERSON.c.id, PERSON.c.protection, PERSON.c.protection_unknown).where(PERSON.c.id.in_(found))
        hidden = {
            row.id for row in self.connection.execute(others) if row.protection.protected or row.protection_unknown
        }
        return (found - hidden) | {me}

    def name(self, other: int) -> str:
        """Somebody else, as they may be named."""
        if other not in self.known:
            return NOT_NAMED
        row = self.connection.execute(
            select(PERSON.c.given_name, PERSON.c.family_name).where(PERSON.c.id == other)
        ).one()
        return short_name(row.given_name, row.family_name) or NOT_NAMED

    def address(self, address_id: int) -> str | None:
        """An address in full when it is the person's own; None for any other."""
        if address_id not in self.own:
            return None
        return str(self.connection.scalars(select(ADDRESS.c.value).where(ADDRESS.c.id == address_id)).one())

    def row(self, holding: Holding, row: Row[Any]) -> dict[str, Any]:
        """A row of one of the tables, by the names of its columns; without what tells of somebody who is not named."""
        shown: dict[str, Any] = {}
        others = {
            column.name: row._mapping[column.name]
            for column in holding.persons
            if row._mapping[column.name] not in (None, self.person.id)
        }
        for column in holding.table.columns:
            value = row._mapping[column.name]
            name = shown_as(holding, column.name)
            if name is None or (column.name == "lookup" and row._mapping["ciphertext"] is not None):
                continue  # the keyed hash of a number, which is shown itself
            if column.name in others:
                shown[name] = self.name(value)
            elif _names(holding, column.name):
                shown[name] = None if value is None else "yourself"
            elif column.name == "source" and not set(others.values()) <= self.known:
                shown[name] = NOT_NAMED  # a roster's name tells the school
            else:
                shown[name] = self._value(column.name, value)
        return shown

    def _value(self, column: str, value: Any) -> Any:
        match column:
            case "address_id":
                address = self.connection.execute(select(ADDRESS).where(ADDRESS.c.id == value)).one()
                return {name: one for name, one in address._mapping.items() if name != "id"}
            case "school_id" | "main_school_id":
                if value is None:
                    return None
                return self.connection.scalars(select(SCHOOL.c.name).where(SCHOOL.c.id == value)).one()
            case "group_id":
                return self.connection.scalars(select(STUDENT_GROUP.c.name).where(STUDENT_GROUP.c.id == value)).one()
            case "ciphertext":
                return None if value is None else self.keys.decrypt(value)
        return value
