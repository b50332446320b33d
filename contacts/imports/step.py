"""One step of an import: what it would do, as a count, and the statement that does it."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from sqlalchemy import Connection, Executable, Select, func, select


class Kind(StrEnum):
    """What is counted, in the order in which people read it."""

    SCHOOLS = "schools"
    STUDENTS = "students"
    GUARDIANS = "guardians"
    ENROLMENTS = "enrolments"
    GROUPS = "groups"
    MEMBERSHIPS = "memberships"
    GUARDIANSHIPS = "guardianships"
    CONTACT_POINTS = "contact points"
    IDENTIFIERS = "identifiers"
    REGISTER_ENTRIES = "register entries"
    POSTAL_ADDRESSES = "postal addresses"
    CONSENTS = "consents"


class Verb(StrEnum):
    ADDED = "added"
    CHANGED = "changed"
    ENDED = "ended"


@dataclass(frozen=True, slots=True)
class Step:
    """`rows` selects what `statement` will touch, before it does. Without a kind the step is not counted: a means.

    The same conditions make both, so a preview cannot promise what applying does not do.
    """

    statement: Executable
    rows: Select[tuple[object, ...]] | None = None
    kind: Kind | None = None
    verb: Verb | None = None

    def count(self, connection: Connection) -> int:
        if self.rows is None:
            return 0
        return int(connection.execute(select(func.count()).select_from(self.rows.subquery())).scalar_one())

    def apply(self, connection: Connection) -> None:
        connection.execute(self.statement)
