"""A school with a family of whom every table holds something, and ways to look whether anything of them is left."""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

from sqlalchemy import insert, select

from config.clock import oslo_date
from config.database import Database
from config.keys import Keys
from contacts import tables
from contacts.codes import InvitationState, RegisterStatus, ReminderWay, VisitorKind
from contacts.people import guardian_ref
from contacts.visits import Patience, begin_visit
from dispatcher.codes import NoticeKind
from dispatcher.outbox.chain import ChainEnd
from dispatcher.outbox.enqueue import enqueue_notice
from dispatcher.tables import ALERT, CHAIN, MARK, NOTICE
from providers.base import Accepted, Channel, ReceiptStatus, Rejected
from tests.dispatcher.auditing.auditing import send_all
from tests.dispatcher.world import NOW, World
from tests.services.schema import all_tables

TODAY = oslo_date(NOW)
LAST_YEAR = date(2025, 6, 20)
_FIRST = ("Čáhppe", "Đurđi", "Ŋiella", "Áilu", "Žaneta", "Bærta", "Øyvor", "Åsne")


@dataclass(frozen=True)
class Person:
    """Somebody with everything by which they could be recognised."""

    id: int
    ref: str
    marks: tuple[str, ...]


@dataclass(frozen=True)
class Family:
    student: Person
    guardian: Person

    @property
    def ids(self) -> set[int]:
        return {self.student.id, self.guardian.id}

    @property
    def marks(self) -> tuple[str, ...]:
        return self.student.marks + self.guardian.marks


class Town:
    """A `World` whose persons can be recognised in whatever is kept of them."""

    def __init__(self, database: Database, keys: Keys) -> None:
        self.world = World(database)
        self.database = database
        self.keys = keys
        self._made = 0

    def family(self, *, left_on: date | None = None, shared_phone: str | None = None, **student: Any) -> Family:
        """A student and a guardian of whom every table of the contact store holds a row."""
        self._made += 1
        number = self._made
        with self.world.store() as store:
            values = self._names() | {"birth_date": date(2010, 3, 2)} | student
            ref = f"{number}B-{number:03d}"
            pupil = store.student(ref, school=self.world.school, grade="VG1", left_on=left_on, **values)
            store.group(f"{number}B", self.world.school, pupil)
            adult = self._names()
            guardian = store.guardian(pupil, **adult)
            phone = shared_phone or f"+4791{secrets.randbelow(10**6):06d}"
            email = f"{secrets.token_hex(5)}@example.no"
            point = store.point(guardian, phone)
            store.point(guardian, email, source="pifu:x")
            nins = [self._identifier(store.connection, one) for one in (pupil, guardian)]
            store.connection.execute(
                insert(tables.REGISTER_ENTRY).values(person_id=guardian, status=RegisterStatus.ACTIVE, reserved=True)
            )
            street = f"Gateveien {secrets.token_hex(4)}"
            store.connection.execute(
                insert(tables.POSTAL_ADDRESS).values(
                    person_id=guardian, lines=street, postal_code="5218", place="NORDSTRØNO", country="NO"
                )
            )
            store.connection.execute(
                insert(tables.REMINDER).values(
                    guardian_id=guardian,
                    campaign=1,
                    number=1,
                    letters=1,
                    way=ReminderWay.LETTER,
                    first_at=self.world.now,
                    last_at=self.world.now,
                )
            )
            for person, visitor in ((pupil, VisitorKind.STUDENT), (guardian, VisitorKind.GUARDIAN)):
                begin_visit(store.connection, visitor, Patience(1800, 36_000), person_id=person)
            store.consent(pupil, guardian, date(2026, 1, 1), given_evidence="form 7")
            store.block(guardian, pupil, valid_to=date(2026, 3, 1))
            store.release(pupil, date(2026, 3, 1))
            self._code(store.connection, guardian, point, phone)
            self._invitation(store.connection, pupil, guardian, nins[1][1])
        self.world.later(900)  # the code is of no use any more
        return Family(
            Person(pupil, ref, (values["given_name"], values["family_name"], ref, *nins[0])),
            Person(
                guardian,
                guardian_ref(guardian),
                (
                    adult["given_name"],
                    adult["family_name"],
                    street,
                    *(() if shared_phone else (phone,)),
                    email,
                    *nins[1],
                ),
            ),
        )

    def _names(self) -> dict[str, Any]:
        return {
            "given_name": f"{secrets.choice(_FIRST)}{secrets.token_hex(4)}",
            "family_name": f"Etternavn{secrets.token_hex(4)}",
        }

    def _identifier(self, connection: Any, person: int) -> tuple[str, ...]:
        nin = f"{secrets.randbelow(10**11):011d}"
        lookup, ciphertext = self.keys.lookup_hash(nin, "nin"), self.keys.encrypt(nin)
        connection.execute(
            insert(tables.IDENTIFIER).values(
                person_id=person, scheme="nin", lookup=lookup, ciphertext=ciphertext, current=True
            )
        )
        return nin, lookup, ciphertext

    def _invitation(self, connection: Any, student: int, guardian: int, lookup: str) -> None:
        connection.execute(
            insert(tables.INVITATION).values(
                student_id=student,
                guardian_id=guardian,
                code_hash=secrets.token_hex(32),
                state=InvitationState.CONFIRMED,
                made_at=self.world.now,
                expires_at=self.world.now + timedelta(days=7),
                ended_at=self.world.now,
            )
        )
        connection.execute(insert(tables.CODE_TRY).values(lookup=lookup, began_at=self.world.now, tries=1))

    def _code(self, connection: Any, person: int, point: int, phone: str) -> None:
        challenge = connection.execute(
            insert(tables.CHALLENGE)
            .values(
                contact_point_id=point,
                nonce=secrets.token_hex(8),
                created_at=self.world.now,
                expires_at=self.world.now + timedelta(minutes=15),
            )
            .returning(tables.CHALLENGE.c.id)
        ).scalar_one()
        notice = connection.execute(
            insert(NOTICE)
            .values(
                kind=NoticeKind.VERIFICATION_CODE,
                person_id=person,
                challenge_id=challenge,
                operator="kontor",
                created_at=self.world.now,
            )
            .returning(NOTICE.c.id)
        ).scalar_one()
        address = connection.scalars(select(tables.ADDRESS.c.id).where(tables.ADDRESS.c.value == phone)).one()
        enqueue_notice(connection, notice, Channel.SMS, address, "nb", 900.0)

    def alert(self, *families: Family, ended: bool = True) -> int:
        """An alert about the families' students: one message refused, the others accepted, all SMS delivered."""
        students = [one.student for one in families]
        audience = {"schools": [], "groups": [], "grades": [], "students": [one.ref for one in students]}
        alert = self.world.alert([one.id for one in students], audience=audience)
        self.world.plan()
        with self.world.clock(), self.database.write() as connection:
            for guardian_id in {one.guardian.id for one in families}:
                ends = {"taken": 2, "step_at": self.world.now, "ended": ChainEnd.CALL_LIST}
                connection.execute(insert(CHAIN).values(alert_id=alert, guardian_id=guardian_id, **ends))
            for one in families:
                named = {"alert_id": alert, "student_id": one.student.id, "guardian_id": one.guardian.id}
                note = f"{one.student.marks[0]}: {one.guardian.marks[0]} henter"
                connection.execute(insert(MARK).values(**named, note=note, marked_by="rektor"))
        if ended:
            refused = self.world.claim_one(Channel.EMAIL, size=1)
            self.world.record((refused, Rejected("550 5.1.1")))
            for one in self.world.claim(Channel.SMS):
                reference = f"SM-{secrets.token_hex(4)}"
                self.world.record((one, Accepted(reference)))
                self.world.receipt(reference, ReceiptStatus.DELIVERED, one.delivery_id, one.attempt)
            send_all(self.world)
            self.world.later(8 * 3600)
            self.world.sweep()
        return alert

    def number(self, alert: int) -> str:
        (row,) = self.world.rows(ALERT, ALERT.c.id == alert)
        return str(row.number)

    @contextmanager
    def at(self, moment: datetime) -> Iterator[None]:
        self.world.now = moment
        with self.world.clock():
            yield


def everything(database: Database) -> dict[str, list[tuple[Any, ...]]]:
    """Every row of every table, as values."""
    with database.read() as connection:
        return {
            table.name: [tuple(row) for row in connection.execute(select(table))]
            for table in all_tables().sorted_tables
        }


def found_in_tables(database: Database, marks: tuple[str, ...]) -> set[tuple[str, str]]:
    """(table, mark) wherever one of the marks stands in a value of any column of any table."""
    return {
        (name, mark)
        for name, rows in everything(database).items()
        for row in rows
        for mark in marks
        if any(mark in str(value) for value in row)
    }


def found_in_files(database: Database, marks: tuple[str, ...]) -> set[str]:
    """The marks that stand in an SQLite database's files, its log among them."""
    file = Path(str(database.engine.url.database))
    content = b"".join(each.read_bytes() for each in sorted(file.parent.glob(f"{file.name}*")))
    return {mark for mark in marks if mark.encode() in content}
