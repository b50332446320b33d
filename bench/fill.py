"""Fill a store with invented schools, by a few statements that the database runs itself: an import of a country's
students would take longer than the benchmark.

Each family has two guardians, each with a verified mobile and an e-mail address of their own; 100 students come from
85 families, so that 100,000 students have 170,000 guardians, who get 340,000 messages.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta

from sqlalchemy import Connection, Date, bindparam, text

from config.clock import UtcDateTime
from config.database import Database

_FAMILIES_OF_100_STUDENTS = 85
_CLASS = 28
_FILLED = (
    "school", "student_group", "person", "student", "enrolment", "membership", "address", "contact_point",
    "guardianship",
)  # fmt: skip
_TYPED = (bindparam("born", type_=Date), bindparam("verified", type_=UtcDateTime))
_COUNT = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < :count) "
# A student's family is the integer part of 0.85 × (number - 1); the guardians of family f are 2f + 1 and 2f + 2.
_FAMILY = f"((i - 1) * {_FAMILIES_OF_100_STUDENTS} / 100)"
_SCHOOL = (
    "INSERT INTO school (id, ref, name, source) VALUES (:school, 'S' || CAST(:school AS TEXT), :name, 'bench')",
    "INSERT INTO student_group (id, school_id, ref, name, grade, home, source) "
    + _COUNT
    + "SELECT :group0 + i, :school, 'C' || CAST(:group0 + i AS TEXT), '1-' || CAST(i AS TEXT), 'VG1', true, 'bench' "
    f"FROM n WHERE i <= (:count + {_CLASS - 1}) / {_CLASS}",
    "INSERT INTO person (id, ref, given_name, family_name, birth_date, deceased, protection, language, source) "
    + _COUNT
    + "SELECT :student0 + i, 'B' || CAST(:student0 + i AS TEXT), 'Elev', 'Nummer ' || CAST(:student0 + i AS TEXT), "
    ":born, false, 'none', 'nb', 'bench' FROM n",
    "INSERT INTO student (person_id, source) " + _COUNT + "SELECT :student0 + i, 'bench' FROM n",
    "INSERT INTO enrolment (student_id, school_id, source, main, grade) "
    + _COUNT
    + "SELECT :student0 + i, :school, 'bench', true, 'VG1' FROM n",
    "INSERT INTO membership (group_id, student_id, source) "
    + _COUNT
    + f"SELECT :group0 + 1 + (i - 1) / {_CLASS}, :student0 + i, 'bench' FROM n",
)
# One in ten reads nynorsk.
_GUARDIANS = (
    "INSERT INTO person (id, given_name, family_name, deceased, protection, language, source) "
    + _COUNT
    + "SELECT :guardian0 + i, 'Foresatt', 'Nummer ' || CAST(i AS TEXT), false, 'none', "
    "CASE WHEN i % 10 = 0 THEN 'nn' ELSE 'nb' END, 'bench' FROM n",
    "INSERT INTO address (id, channel, value, takes_messages, failures) "
    + _COUNT
    + "SELECT :address0 + 2 * i - 1, 'sms', '+47' || CAST(90000000 + :address0 / 2 + i AS TEXT), true, 0 FROM n",
    "INSERT INTO address (id, channel, value, takes_messages, failures) "
    + _COUNT
    + "SELECT :address0 + 2 * i, 'email', 'g' || CAST(:guardian0 + i AS TEXT) || '@example.com', true, 0 FROM n",
    "INSERT INTO contact_point (person_id, address_id, source, verified_at, verified_by) "
    + _COUNT
    + "SELECT :guardian0 + i, :address0 + 2 * i - 1, 'krr', :verified, 'source' FROM n",
    "INSERT INTO contact_point (person_id, address_id, source, verified_at, verified_by) "
    + _COUNT
    + "SELECT :guardian0 + i, :address0 + 2 * i, 'krr', :verified, 'source' FROM n",
)
_LINKS = tuple(
    "INSERT INTO guardianship (student_id, guardian_id, basis, source, student_agreed) "
    + _COUNT
    + f"SELECT :student0 + i, :guardian0 + 2 * {_FAMILY} + {parent}, 'custody', 'freg', false FROM n"
    for parent in (1, 2)
)


@dataclass(frozen=True, slots=True)
class School:
    """A school to be invented. `messages` of one channel: an alert to it makes so many SMS, and as many e-mails."""

    name: str
    messages: int

    @property
    def families(self) -> int:
        return (self.messages + 1) // 2

    @property
    def guardians(self) -> int:
        return 2 * self.families

    @property
    def students(self) -> int:
        return (100 * self.families - 1) // _FAMILIES_OF_100_STUDENTS + 1


def school_of_students(name: str, students: int) -> School:
    """A school of about so many students."""
    return School(name, 2 * (students * _FAMILIES_OF_100_STUDENTS // 100))


def fill(database: Database, schools: Sequence[School]) -> None:
    """Invent the schools with all their students, guardians and addresses, in an empty store with its tables."""
    persons = sum(school.students for school in schools)
    students = groups = guardians = 0
    common = {
        "born": date.today() - timedelta(days=16 * 366),  # noqa: DTZ011 (under 18 wherever the machine stands)
        "verified": datetime.now(UTC) - timedelta(days=30),
    }
    with database.write() as connection:
        for number, school in enumerate(schools, 1):
            values = common | {
                "school": number,
                "name": school.name,
                "student0": students,
                "group0": groups,
                "guardian0": persons + guardians,
                "address0": 2 * guardians,
            }
            for statements, count in (
                (_SCHOOL, school.students),
                (_GUARDIANS, school.guardians),
                (_LINKS, school.students),
            ):
                for statement in statements:
                    _run(connection, statement, values | {"count": count})
            students += school.students
            groups += (school.students + _CLASS - 1) // _CLASS
            guardians += school.guardians
    with database.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        # As the database does by itself after an import. The other tables stay as they are in a new installation.
        for table in _FILLED:
            connection.execute(text(f"ANALYZE {table}"))


def _run(connection: Connection, statement: str, values: dict[str, object]) -> None:
    types = [one for one in _TYPED if f":{one.key}" in statement]
    connection.execute(text(statement).bindparams(*types), values)
