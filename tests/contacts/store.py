"""A small contact store for tests: rows by name, with everything that a test does not speak of left as it mostly is."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, date, datetime
from typing import Any

from sqlalchemy import Connection, Table, insert, select

from contacts import tables
from contacts.codes import AddressChannel, Basis, ConsentPurpose, Protection, VerifiedBy
from contacts.people import FoundPerson, find_guardian, find_student, guardian_ref

DAY = date(2026, 11, 23)
LONG_AGO = datetime(2024, 1, 1, 12, tzinfo=UTC)
LATELY = datetime(2026, 6, 29, 12, tzinfo=UTC)
CHILD = date(2010, 3, 2)
ADULT = date(2008, 3, 2)


class ContactStore:
    """Fills the tables through one connection; each method returns the new row's id."""

    def __init__(self, connection: Connection) -> None:
        self.connection = connection

    def school(self, ref: str = "NO1", name: str = "Eksempel vgs", **values: Any) -> int:
        return self._add(tables.SCHOOL, {"ref": ref, "name": name, "source": "test"} | values)

    def student(
        self,
        ref: str | None = "2B-017",
        *,
        school: int | None = None,
        grade: str | None = None,
        left_on: date | None = None,
        **values: Any,
    ) -> int:
        person = {"given_name": "Nora", "family_name": "Eksempel", "birth_date": CHILD} | values
        student_id = self._person(person | {"ref": ref})
        self.connection.execute(insert(tables.STUDENT).values(person_id=student_id, source="test", left_on=left_on))
        if school is not None:
            self.enrol(student_id, school, grade=grade)
        return student_id

    def enrol(self, student: int, school: int, **values: Any) -> None:
        row = {"student_id": student, "school_id": school, "source": "test", "main": True} | values
        self.connection.execute(insert(tables.ENROLMENT).values(row))

    def group(self, name: str, school: int, *members: int, home: bool = True) -> int:
        group_id = self._add(
            tables.STUDENT_GROUP,
            {"ref": f"{school}:{name}", "name": name, "school_id": school, "home": home, "source": "test"},
        )
        for student_id in members:
            self.connection.execute(
                insert(tables.MEMBERSHIP).values(group_id=group_id, student_id=student_id, source="test")
            )
        return group_id

    def guardian(self, *students: int, basis: Basis = Basis.CUSTODY, **values: Any) -> int:
        guardian_id = self._person({"given_name": "Ola", "family_name": "Eksempel"} | values)
        for student_id in students:
            self.link(student_id, guardian_id, basis)
        return guardian_id

    def link(self, student: int, guardian: int, basis: Basis = Basis.CUSTODY, **values: Any) -> int:
        row = {
            "student_id": student,
            "guardian_id": guardian,
            "basis": basis,
            "source": "freg",
            "student_agreed": False,
        }
        return self._add(tables.GUARDIANSHIP, row | values)

    def consent(
        self, student: int, guardian: int, given_on: date, withdrawn_on: date | None = None, **values: Any
    ) -> int:
        row = {
            "student_id": student,
            "guardian_id": guardian,
            "purpose": ConsentPurpose.ALERTS,
            "given_on": given_on,
            "given_evidence": "form",
            "given_by": "test",
            "withdrawn_on": withdrawn_on,
        }
        return self._add(tables.CONSENT, row | values)

    def block(self, guardian: int, student: int | None = None, **values: Any) -> int:
        row = {
            "guardian_id": guardian,
            "student_id": student,
            "decision_ref": "2026/113",
            "valid_from": date(2026, 2, 1),
            "recorded_by": "test",
        }
        return self._add(tables.BLOCK, row | values)

    def release(self, student: int, until: date, released_at: datetime = LATELY) -> int:
        row = {"student_id": student, "reason": "r", "until": until, "released_by": "test", "released_at": released_at}
        return self._add(tables.RELEASE, row)

    def address(self, value: str, **values: Any) -> int:
        """An address of this value, the one already there if it is."""
        channel = AddressChannel.EMAIL if "@" in value else AddressChannel.SMS
        found = self.connection.scalars(select(tables.ADDRESS.c.id).where(tables.ADDRESS.c.value == value)).first()
        row = {"channel": channel, "value": value, "takes_messages": True, "failures": 0}
        return found or self._add(tables.ADDRESS, row | values)

    def point(
        self,
        person: int,
        value: str = "+4799999912",
        *,
        verified: datetime | None = LATELY,
        confirmed: datetime | None = LATELY,
        source: str = "krr",
        by: VerifiedBy = VerifiedBy.SOURCE,
        ended_at: datetime | None = None,
        shared_in_register: bool | None = None,
        **address: Any,
    ) -> int:
        row = {
            "person_id": person,
            "address_id": self.address(value, **address),
            "source": source,
            "verified_at": verified,
            "verified_by": None if verified is None else by,
            "confirmed_at": confirmed,
            "ended_at": ended_at,
            "shared_in_register": shared_in_register,
        }
        return self._add(tables.CONTACT_POINT, row)

    def found_student(self, ref: str = "2B-017") -> FoundPerson:
        return find_student(self.connection, ref)

    def found_guardian(self, guardian: int) -> FoundPerson:
        return find_guardian(self.connection, guardian_ref(guardian))

    def _person(self, values: Mapping[str, Any]) -> int:
        row = {"deceased": False, "protection": Protection.NONE, "source": "test", "language": "nb"}
        return self._add(tables.PERSON, row | dict(values))

    def _add(self, table: Table, values: Mapping[str, Any]) -> int:
        new_id: int = self.connection.execute(insert(table).values(dict(values)).returning(table.c.id)).scalar_one()
        return new_id
