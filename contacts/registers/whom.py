"""Whom the registers may be asked about: nobody of whom the answer would not be used.

Of students of 18 or more the population register is not asked, nor of their guardians, nor of students whose age is
not known for sure, except for that age. The contact register is asked about those who may be told today, by the rule
of entitlement itself: guardians of minors, and those to whom an adult student has consented.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import date
from typing import Any

from sqlalchemy import ColumnElement, Connection, or_, select

from config.keys import Keys
from config.tables import core_table
from contacts.codes import Basis
from contacts.entitlement import ConsentState, Verdict, is_adult
from contacts.facts import StudentCase, load_cases
from contacts.id_sets import among, id_set
from contacts.imports.records import NIN
from contacts.models import PersonIdentifier
from contacts.tables import GUARDIANSHIP, PERSON, STUDENT

_IDENTIFIER = core_table(PersonIdentifier)
# Who has custody, or stands for those who have it; contact persons and relatives are no business of the register's.
_RESPONSIBLE = (Basis.CUSTODY, Basis.FOSTER, Basis.APPOINTED, Basis.SCHOOL_REGISTER)


@dataclass(frozen=True, slots=True)
class Asked:
    """Ids of persons whom the population register may be asked about; nobody is in two of the sets.

    `minors`: students under 18, with their parental responsibility. `ageless`: students whose birth date is not known:
    for that alone. `guardians`: the guardians of `minors`, without anything about their relations.
    """

    minors: frozenset[int] = frozenset()
    ageless: frozenset[int] = frozenset()
    guardians: frozenset[int] = frozenset()

    def __and__(self, persons: Collection[int]) -> Asked:
        """Those of them who are among `persons`."""
        chosen = frozenset(persons)
        return Asked(self.minors & chosen, self.ageless & chosen, self.guardians & chosen)

    @property
    def everybody(self) -> frozenset[int]:
        return self.minors | self.ageless | self.guardians


def population_register_asked(connection: Connection, today: date) -> Asked:
    """Whom the population register may be asked about on the day `today` in Oslo. The dead too: deaths are annulled."""
    births = connection.execute(
        select(STUDENT.c.person_id, PERSON.c.birth_date)
        .join(PERSON, PERSON.c.id == STUDENT.c.person_id)
        .where(_goes_on(STUDENT.c.left_on, today))
    ).all()
    minors = frozenset(row.person_id for row in births if row.birth_date and not is_adult(row.birth_date, today))
    ageless = frozenset(row.person_id for row in births if row.birth_date is None)
    links = connection.execute(
        select(GUARDIANSHIP.c.guardian_id)
        .where(
            among(GUARDIANSHIP.c.student_id, "students", connection.dialect.name),
            GUARDIANSHIP.c.basis.in_(_RESPONSIBLE),
            _goes_on(GUARDIANSHIP.c.valid_to, today),
        )
        .distinct(),
        {"students": id_set(minors, connection.dialect.name)},
    ).scalars()
    return Asked(minors, ageless, frozenset(links) - minors - ageless)


def contact_register_asked(connection: Connection, today: date) -> frozenset[int]:
    """Ids of the guardians whom the contact register may be asked about on the day `today` in Oslo."""
    students = connection.execute(
        select(STUDENT.c.person_id)
        .join(PERSON, PERSON.c.id == STUDENT.c.person_id)
        .where(_goes_on(STUDENT.c.left_on, today), PERSON.c.birth_date.is_not(None))
        .order_by(STUDENT.c.person_id)
    ).scalars()
    return frozenset(
        guardian.guardian_id
        for case in load_cases(connection, list(students), today, stale_after_months=0, with_points=False)
        for guardian in case.guardians
        if case.decide(guardian, today).verdict is not Verdict.NO
        # A protected student is held before the rule comes to their age.
        and (guardian.consent is ConsentState.IN_FORCE or not _adult(case, today))
    )


def _adult(case: StudentCase, today: date) -> bool:
    born = case.facts.birth_date
    return born is None or is_adult(born, today)


def numbers_of(
    connection: Connection, keys: Keys, persons: Collection[int], *, ended_too: bool = False
) -> dict[int, str]:
    """Person id → their identity number in use; with `ended_too`, of those without one, a number that they had."""
    found: dict[int, str] = {}
    wanted = among(_IDENTIFIER.c.person_id, "persons", connection.dialect.name)
    statement = (
        select(_IDENTIFIER.c.person_id, _IDENTIFIER.c.ciphertext)
        .where(wanted, _IDENTIFIER.c.scheme == NIN, _IDENTIFIER.c.ciphertext.is_not(None))
        .order_by(_IDENTIFIER.c.person_id, _IDENTIFIER.c.current.desc(), _IDENTIFIER.c.id.desc())
    )
    if not ended_too:
        statement = statement.where(_IDENTIFIER.c.current)
    for row in connection.execute(statement, {"persons": id_set(persons, connection.dialect.name)}):
        if row.person_id not in found:
            found[row.person_id] = keys.decrypt(row.ciphertext)
    return found


def known_by(connection: Connection, keys: Keys, numbers: Iterable[str]) -> dict[str, int]:
    """Identity number → the person of the store who has it or had it; strangers' numbers are left out."""
    hashes = {keys.lookup_hash(number, NIN): number for number in numbers}
    found: dict[str, int] = {}
    wanted = list(hashes)
    for start in range(0, len(wanted), 1000):
        some = wanted[start : start + 1000]
        rows: Any = connection.execute(
            select(_IDENTIFIER.c.lookup, _IDENTIFIER.c.person_id).where(
                _IDENTIFIER.c.scheme == NIN, _IDENTIFIER.c.lookup.in_(some)
            )
        )
        found.update((hashes[row.lookup], row.person_id) for row in rows)
    return found


def without_document(connection: Connection, persons: Collection[int]) -> frozenset[int]:
    """Those of these persons of whom the store has no document of the population register yet."""
    dialect = connection.dialect.name
    missing = select(PERSON.c.id).where(among(PERSON.c.id, "persons", dialect), PERSON.c.register_document_at.is_(None))
    return frozenset(connection.execute(missing, {"persons": id_set(persons, dialect)}).scalars())


def _goes_on(end: ColumnElement[Any], today: date) -> ColumnElement[bool]:
    return or_(end.is_(None), end > today)
