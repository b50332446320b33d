"""A small fictional school in the store. Every person, number and address is invented."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import date
from typing import Any

from sqlalchemy import Connection, Table, insert, select

from config.clock import db_now, oslo_date
from config.database import Database
from contacts.codes import AddressChannel, Basis, Protection, VerifiedBy
from contacts.tables import (
    ADDRESS,
    CONTACT_POINT,
    ENROLMENT,
    GUARDIANSHIP,
    MEMBERSHIP,
    PERSON,
    SCHOOL,
    STUDENT,
    STUDENT_GROUP,
)

NAME = "Prøvedal vgs"
SOURCE = "test"
# Names that stand in no log, no path and no library, so that a search for them finds a leak and nothing else.
GIVEN = ("Tuvelille", "Brynhildur", "Zakkarias", "Qvistine", "Ørjanulf", "Ásllát")
FAMILY = ("Fjellkvistsen", "Knattholmstad", "Vesleåsbakken", "Gjøkemyrhaug")
# The endings to which providers/sandbox/script.py gives a behaviour.
UNDELIVERED, NOT_IN_USE, STOP, BUSY, HANG = "0003", "0005", "0610", "0429", "0408"
ERROR_BEFORE, ERROR_AFTER, CUT, MALFORMED = "0500", "0501", "0710", "0720"
# Taken in the end, each exactly once, however badly the provider answers.
TAKEN_ENDINGS = (UNDELIVERED, NOT_IN_USE, BUSY, HANG, ERROR_BEFORE, ERROR_AFTER, CUT, MALFORMED)


@dataclass(slots=True)
class School:
    """What was put into the store, as a test asks for it."""

    students: int = 0
    # Address → its id; numbers and e-mail addresses of guardians who are to be told.
    numbers: dict[str, int] = field(default_factory=dict)
    emails: dict[str, int] = field(default_factory=dict)
    # By what becomes of them: refs of students.
    refs: dict[str, str] = field(default_factory=dict)
    guardians: list[int] = field(default_factory=list)
    # A guardian with a phone number that nobody has verified.
    unverified_guardian: int = 0

    def number(self, ending: str) -> str:
        """The one number with this ending."""
        (found,) = (number for number in self.numbers if number.endswith(ending))
        return found

    @property
    def messages(self) -> int:
        return len(self.numbers) + len(self.emails)


class _Filling:
    """Rows gathered table by table, with ids given here."""

    def __init__(self, first_id: int) -> None:
        self.rows: dict[Table, list[dict[str, Any]]] = {
            table: []
            for table in (
                SCHOOL,
                PERSON,
                STUDENT,
                ENROLMENT,
                STUDENT_GROUP,
                MEMBERSHIP,
                GUARDIANSHIP,
                ADDRESS,
            )
        }
        self.points: list[dict[str, Any]] = []
        self._next = first_id

    def id(self) -> int:
        self._next += 1
        return self._next

    def person(self, **values: Any) -> int:
        id_ = self.id()
        defaults: dict[str, Any] = {
            "ref": None,
            "given_name": GIVEN[id_ % len(GIVEN)],
            "family_name": FAMILY[id_ % len(FAMILY)],
            "birth_date": None,
            "deceased": False,
            "protection": Protection.NONE,
            "language": None,
            "source": SOURCE,
        }
        self.rows[PERSON].append(defaults | {"id": id_} | values)
        return id_

    def address(self, channel: AddressChannel, value: str) -> int:
        id_ = self.id()
        self.rows[ADDRESS].append({"id": id_, "channel": channel, "value": value, "takes_messages": True})
        return id_

    def point(self, person: int, address: int, *, verified: bool = True) -> None:
        self.points.append({"person_id": person, "address_id": address, "verified": verified})


def fill(
    database: Database,
    students: int = 20,
    *,
    endings: Iterable[str] = (),
    tags: Iterable[str] = (),
    special: bool = False,
) -> School:
    """Put a school of so many students in class 2B into the store, each with two guardians with SMS and e-mail.

    The numbers of the first guardians get `endings`, their e-mail addresses `tags`. `special` adds students with a
    case of their own: siblings who share both guardians, an adult without consent, a protected one, one whose
    guardians nobody can reach, and one whose guardian's only number was never verified.
    """
    school = School()
    with database.write() as connection:
        today = oslo_date(connection.execute(select(db_now())).scalar_one())
        filling = _Filling(0)
        school_id, group_id = filling.id(), filling.id()
        filling.rows[SCHOOL].append({"id": school_id, "ref": "S1", "name": NAME, "source": SOURCE})
        filling.rows[STUDENT_GROUP].append(
            {"id": group_id, "school_id": school_id, "ref": "S1:2B", "name": "2B", "home": True, "source": SOURCE}
        )
        maker = _Maker(filling, school, school_id, group_id, today)
        scripted, tagged = list(endings), list(tags)
        for _ in range(students):
            student = maker.student()
            for _ in range(2):
                maker.guardian(
                    [student],
                    ending=scripted.pop(0) if scripted else "",
                    tag=tagged.pop(0) if tagged else "",
                )
        if special:
            maker.special_cases()
        _store(connection, filling)
    return school


@dataclass(slots=True)
class _Maker:
    filling: _Filling
    school: School
    school_id: int
    group_id: int
    today: date

    def student(self, case: str = "", *, years: int = 16, **values: Any) -> int:
        self.school.students += 1
        ref = f"2B-{self.school.students:03d}"
        id_ = self.filling.person(ref=ref, birth_date=date(self.today.year - years, 1, 1), **values)
        rows = self.filling.rows
        rows[STUDENT].append({"person_id": id_, "source": SOURCE})
        rows[ENROLMENT].append(
            {"student_id": id_, "school_id": self.school_id, "source": SOURCE, "main": True, "grade": "VG2"}
        )
        rows[MEMBERSHIP].append({"group_id": self.group_id, "student_id": id_, "source": SOURCE})
        if case:
            self.school.refs[case] = ref
        return id_

    def guardian(
        self, students: list[int], *, ending: str = "", tag: str = "", reached: bool = True, verified: bool = True
    ) -> int:
        id_ = self.filling.person()
        for student in students:
            self.filling.rows[GUARDIANSHIP].append(
                {
                    "student_id": student,
                    "guardian_id": id_,
                    "basis": Basis.CUSTODY,
                    "source": SOURCE,
                    "student_agreed": False,
                }
            )
        number = f"+479{id_ % 1000:03d}{ending or f'{1000 + id_ % 1000}'}"
        sms = self.filling.address(AddressChannel.SMS, number)
        self.filling.point(id_, sms, verified=verified)
        if verified:
            address = f"foresatt.{id_}{f'+{tag}' if tag else ''}@heime.example"
            email = self.filling.address(AddressChannel.EMAIL, address)
            self.filling.point(id_, email)
            if reached:
                self.school.emails[address] = email
        if reached and verified:
            self.school.numbers[number] = sms
        self.school.guardians.append(id_)
        return id_

    def special_cases(self) -> None:
        siblings = [self.student("sibling"), self.student("sibling")]
        for _ in range(2):
            self.guardian(siblings)
        self.guardian([self.student("adult", years=19)], reached=False)
        self.guardian([self.student("protected", protection=Protection.CONFIDENTIAL)], reached=False)
        self.student("no_guardian")
        lonely = self.student("unverified")
        self.school.unverified_guardian = self.guardian([lonely], reached=False, verified=False)


def _store(connection: Connection, filling: _Filling) -> None:
    for table, rows in filling.rows.items():
        connection.execute(insert(table), rows)
    for verified in (True, False):
        rows = [
            {"person_id": one["person_id"], "address_id": one["address_id"], "source": SOURCE}
            for one in filling.points
            if one["verified"] is verified
        ]
        said = {"verified_at": db_now(), "verified_by": VerifiedBy.SOURCE, "confirmed_at": db_now()} if verified else {}
        if rows:
            connection.execute(insert(CONTACT_POINT).values(**said), rows)
    if connection.dialect.name == "postgresql":
        # Ids were given here; those that the database gives must come after them.
        for table in (PERSON, ADDRESS, SCHOOL, STUDENT_GROUP):
            connection.exec_driver_sql(f"SELECT setval(pg_get_serial_sequence('{table.name}', 'id'), 1000000)")
