"""A student's desk: invitations made, entered and answered there, each act a transaction at the desk's own time."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, date, datetime, timedelta
from typing import Any, TypeVar

from sqlalchemy import Connection, insert, select

from config.audit import AuditEntry
from config.clock import bound_db_now, oslo_date
from config.counters import CONTACTS_REVISION, read_counter
from config.database import Database
from config.keys import Keys
from config.tables import core_table
from contacts import tables
from contacts.codes import ConsentPurpose
from contacts.entitlement import Reason
from contacts.facts import load_cases
from contacts.invitation_answers import Answered, Outcome, confirm, refuse
from contacts.invitation_entry import Entrant, Entry, enter_code
from contacts.invitations import Made, NotMade, OwnInvitation, make_invitation, own_invitations, revoke_invitation
from contacts.national_id import NationalId
from contacts.people import student_of_id
from tests.contacts.store import ADULT, ContactStore

T = TypeVar("T")
NOON = datetime(2026, 11, 23, 11, tzinfo=UTC)
LOG = core_table(AuditEntry)
# Synthetic numbers.
LIV = Entrant(NationalId("10838290049"), "LIV", "VENN")
PER = Entrant(NationalId("17912090140"), "Per", "Feil")
KEPT_OF_SOMEBODY = ("guardian_id", "entered_lookup", "entered_number", "entered_name", "name_from")


class Desk:
    """One student, and whoever logs in; the clock stands until `later`."""

    def __init__(self, database: Database, keys: Keys, **student: Any) -> None:
        self.database = database
        self.keys = keys
        self.now = NOON
        with self.store() as store:
            self.school = store.school()
            values: dict[str, Any] = {"school": self.school, "birth_date": ADULT} | student
            self.student_id = store.student(**values)

    @property
    def today(self) -> date:
        return oslo_date(self.now)

    def later(self, passed: timedelta) -> None:
        self.now += passed

    @contextmanager
    def store(self) -> Iterator[ContactStore]:
        with bound_db_now(self.now), self.database.write() as connection:
            yield ContactStore(connection)

    def act(self, what: Callable[..., T], *values: Any, keyed: bool = True, **options: Any) -> T:
        with self.store() as store:
            student = student_of_id(store.connection, self.student_id)
            keys = (self.keys,) if keyed else ()
            return what(store.connection, *keys, student, *values, **options)

    def of(self, student_id: int) -> Desk:
        """The same at another student's."""
        other = copy.copy(self)
        other.student_id = student_id
        return other

    def make(self, *purposes: ConsentPurpose) -> Made | NotMade:
        return self.act(make_invitation, purposes, self.today)

    def code(self, *purposes: ConsentPurpose) -> str:
        made = self.make(*(purposes or (ConsentPurpose.ALERTS,)))
        assert isinstance(made, Made)
        return made.code

    def enter(self, code: str, who: Entrant = LIV) -> Entry:
        with self.store() as store:
            return enter_code(store.connection, self.keys, who, code, self.today)

    def entered(self, *purposes: ConsentPurpose, who: Entrant = LIV) -> int:
        assert self.enter(self.code(*purposes), who) is Entry.ENTERED
        return self.listed()[0].id

    def confirm(self, invitation: int) -> Outcome:
        return self.act(confirm, invitation, self.today)

    def refuse(self, invitation: int) -> Answered:
        return self.act(refuse, invitation, keyed=False).answer

    def revoke(self, invitation: int) -> bool:
        return self.act(revoke_invitation, invitation, keyed=False)

    def listed(self) -> list[OwnInvitation]:
        return self.act(own_invitations)

    def states(self) -> list[str]:
        return [one.state.value for one in self.listed()]

    def person(self, who: Entrant, **values: Any) -> int:
        """Let the store know this person, by their number."""
        with self.store() as store:
            person = store.guardian(**({"given_name": "Liv", "family_name": "Fra Folkeregisteret"} | values))
            self.number(store.connection, person, who)
        return person

    def number(self, connection: Connection, person: int, who: Entrant) -> None:
        number = who.number.number
        row = {"lookup": self.keys.lookup_hash(number, "nin"), "ciphertext": self.keys.encrypt(number)}
        connection.execute(insert(tables.IDENTIFIER).values(person_id=person, scheme="nin", current=True, **row))

    def rows(self, table: Any, *where: Any) -> list[Any]:
        with self.database.read() as connection:
            return list(connection.execute(select(table).where(*where)))

    def invitation(self) -> Any:
        (row,) = self.rows(tables.INVITATION)
        return row

    def holds_nobody(self) -> bool:
        return all(getattr(self.invitation(), name) is None for name in KEPT_OF_SOMEBODY)

    def persons(self) -> int:
        return len(self.rows(tables.PERSON))

    def reason(self) -> Reason:
        with self.database.read() as connection:
            (case,) = load_cases(connection, [self.student_id], self.today, stale_after_months=18)
            return case.decide(case.guardians[0], self.today).reason

    def log(self) -> list[tuple[str, str]]:
        with self.database.read() as connection:
            return [
                (row.operator, row.act)
                for row in connection.execute(select(LOG.c.operator, LOG.c.act).order_by(LOG.c.id))
            ]

    def revision(self) -> int:
        with self.database.read() as connection:
            return read_counter(connection, CONTACTS_REVISION)
