"""What all steps of a comparison share: the connection, the day, the source, and how a staged record is refused."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime

from sqlalchemy import (
    ColumnElement,
    Connection,
    Table,
    and_,
    case,
    cast,
    exists,
    func,
    insert,
    literal,
    or_,
    select,
    update,
)

from config.tables import BigInt
from contacts.imports import staged, store
from contacts.imports.records import ID, REF, STORE_REF, Unspoken


def person_number(scheme: ColumnElement[str], lookup: ColumnElement[str]) -> ColumnElement[int | None]:
    """Person.id, of a reference by it. CASE keeps other references from being read as numbers."""
    return case((scheme.in_((ID, STORE_REF)), cast(lookup, BigInt)), else_=None)


@dataclass(frozen=True, slots=True)
class Comparison:
    """One comparison of the staged records with the store, within one transaction.

    `allocates`: new rows get their final ids; otherwise negative ones, which stand for them in a preview.
    `contact_register`, `one_basis`, `unspoken`: as in `Reading`. `own_addresses`: students' own addresses are taken.
    `postal_addresses`: those of guardians are.
    """

    connection: Connection
    source: str
    full: bool
    trusted: bool
    now: datetime
    today: date
    allocates: bool
    contact_register: bool
    one_basis: bool
    unspoken: Unspoken
    own_addresses: bool
    postal_addresses: bool

    def refuse(self, table: Table, condition: ColumnElement[bool], reason: str) -> None:
        """Refuse the open rows of a staged table that meet `condition`; each is listed with its place."""
        open_ones = and_(table.c.state == staged.OPEN, condition)
        found = select(table.c.file, table.c.record, literal(reason), literal(True)).where(open_ones)
        self.connection.execute(
            insert(staged.refusal).from_select(["file", "record", "reason", "found"], found, include_defaults=True)
        )
        self.connection.execute(update(table).where(open_ones).values(state=staged.REFUSED))

    def allocate(self, staged_table: Table, column: str, stored: Table, wanted: ColumnElement[bool]) -> None:
        """Give each wanted staged row an id for a new row of `stored`."""
        target = staged_table.c[column]
        if not self.allocates:
            self.connection.execute(update(staged_table).where(wanted).values({target: -staged_table.c.n}))
        elif self.connection.dialect.name == "postgresql":
            sequence = func.nextval(func.pg_get_serial_sequence(stored.name, "id"))
            self.connection.execute(update(staged_table).where(wanted).values({target: sequence}))
        else:
            # SQLite: this transaction is the only one that writes, so counting on from the highest id is safe.
            highest = select(func.coalesce(func.max(stored.c.id), 0)).scalar_subquery()
            numbered = (
                select(staged_table.c.n, (highest + func.row_number().over(order_by=staged_table.c.n)).label("id"))
                .where(wanted)
                .subquery()
            )
            self.connection.execute(
                update(staged_table).where(staged_table.c.n == numbered.c.n).values({target: numbered.c.id})
            )

    def resolve(self, table: Table, role: str) -> None:
        """Fill `<role>_id` of the open rows from their scheme and lookup: the import's own persons, then the store's.

        A row that names a person whose record was refused is refused with them.
        """
        scheme, lookup, target = (table.c[f"{role}_{part}"] for part in ("scheme", "lookup", "id"))
        named = and_(staged.identifier.c.scheme == scheme, staged.identifier.c.lookup == lookup)
        record = staged.person.c.n == staged.identifier.c.person_n
        open_ones = and_(table.c.state == staged.OPEN, target.is_(None))
        self.connection.execute(
            update(table)
            .where(open_ones, named, record, staged.person.c.state.in_((staged.OPEN, staged.ENTERS)))
            .values({target: staged.person.c.person_id})
        )
        self.refuse(
            table,
            and_(
                target.is_(None),
                exists().where(named, record, staged.person.c.state == staged.REFUSED),
            ),
            f"the record of its {role} was refused",
        )
        self.connection.execute(
            update(table)
            .where(open_ones, store.identifier.c.scheme == scheme, store.identifier.c.lookup == lookup)
            .values({target: store.identifier.c.person_id})
        )
        self.connection.execute(
            update(table)
            .where(open_ones, scheme == REF, store.person.c.ref == lookup)
            .values({target: store.person.c.id})
        )
        # What the store calls one student may be the school's ref of another, as in `contacts.people.find_student`.
        person = store.person
        student = exists().where(store.student.c.person_id == person.c.id)
        without = and_(person.c.id == person_number(scheme, lookup), person.c.ref.is_(None), student)
        theirs = person.c.ref == literal("S-").concat(lookup)
        self.refuse(
            table,
            and_(scheme == STORE_REF, exists().where(without), exists().where(theirs)),
            f"its {role} may be two students: one is called so by the school, the other by the store",
        )
        self.connection.execute(
            update(table).where(open_ones, scheme == STORE_REF, theirs).values({target: person.c.id})
        )
        self.connection.execute(
            update(table)
            .where(open_ones, or_(scheme == ID, without), person.c.id == person_number(scheme, lookup))
            .values({target: person.c.id})
        )

    def over(self, day: ColumnElement[date]) -> ColumnElement[bool]:
        """`day`, the first day on which something no longer holds, has come."""
        return and_(day.is_not(None), day <= self.today)

    def current(self, day: ColumnElement[date]) -> ColumnElement[bool]:
        return or_(day.is_(None), day > self.today)
