"""What students may decide themselves, by their age on the day (pure, but for asking whether they go to school)."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from typing import Final

from sqlalchemy import Connection, select

from contacts.entitlement import ADULT_AGE, OWN_CONTACTS_AGE, age_on, eighteenth_birthday
from contacts.facts_sql import not_over
from contacts.people import FoundPerson
from contacts.tables import STUDENT

# Whatever of a student's own words has to fit into a column.
_MOST: Final = 128


class Standing(StrEnum):
    """What a student is to these pages on one day. What stands first here counts."""

    GONE = "gone"  # has died, or goes to no school
    AGE_UNKNOWN = "age_unknown"  # no register has told the birth date
    ADULT = "adult"  # 18 or more: consents, and names guardians
    YOUNG = "young"  # 15 to 17: names additional contact persons
    CHILD = "child"


@dataclass(frozen=True, slots=True)
class OwnRights:
    """What a student may do. `adult_on`: from when a consent can be given; None when that is not known."""

    standing: Standing
    adult_on: date | None

    @property
    def consents(self) -> bool:
        return self.standing is Standing.ADULT

    @property
    def invites(self) -> bool:
        return self.standing in (Standing.ADULT, Standing.YOUNG)


def own_rights(birth_date: date | None, *, gone: bool, on: date) -> OwnRights:
    """`gone`: has died, or goes to no school on the day `on` in Oslo. Protection changes nothing: it is about what
    others are told, and these are the student's own decisions."""
    adult_on = None if birth_date is None else eighteenth_birthday(birth_date)
    return OwnRights(_standing(birth_date, gone=gone, on=on), adult_on)


def _standing(birth_date: date | None, *, gone: bool, on: date) -> Standing:
    if gone:
        return Standing.GONE
    if birth_date is None:
        return Standing.AGE_UNKNOWN
    age = age_on(birth_date, on)
    if age >= ADULT_AGE:
        return Standing.ADULT
    return Standing.YOUNG if age >= OWN_CONTACTS_AGE else Standing.CHILD


def rights_of(connection: Connection, student: FoundPerson, today: date) -> OwnRights:
    """The rights of a student of the store today."""
    goes = select(STUDENT.c.person_id).where(STUDENT.c.person_id == student.id, not_over(STUDENT.c.left_on))
    attends = connection.execute(goes, {"on": today}).first() is not None
    return own_rights(student.birth_date, gone=student.deceased or not attends, on=today)


def as_operator(student: FoundPerson) -> str:
    """Under which name the acts of a student are recorded: "student 2B-017"."""
    return f"student {student.label}"[:_MOST]
