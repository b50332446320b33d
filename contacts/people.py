"""Finding one person by what people call them: a student by the school's own ref, a guardian by G-<id>.

Not every source has refs, and a number that several students have, or that may be an identity number, is taken from
none. Such a student goes by S-<id>: whoever is held must have a name by which they can be released.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from datetime import date
from typing import Any

from sqlalchemy import Connection, Select, exists, or_, select

from config.errors import UsageError
from contacts.codes import Protection
from contacts.protection import may_be_protected
from contacts.tables import CONSENT, GUARDIANSHIP, PERSON, STUDENT

# The source of a person of whom nothing is left but the row.
FORGOTTEN = "forgotten"
_SAYABLE = re.compile(r"(?=.*\d)[\w./-]{1,24}")


@dataclass(frozen=True, slots=True)
class FoundPerson:
    """One person. `label` is the ref that people use; the repr holds no name."""

    id: int
    label: str
    birth_date: date | None = field(repr=False)
    protection: Protection
    protection_unknown: bool
    deceased: bool
    given_name: str = field(repr=False)
    family_name: str = field(repr=False)

    @property
    def may_be_protected(self) -> bool:
        return may_be_protected(self.protection, unknown=self.protection_unknown)

    @property
    def short_name(self) -> str:
        return short_name(self.given_name, self.family_name) or self.label


def find_student(connection: Connection, ref: str) -> FoundPerson:
    """The student who goes by `ref`: the school's own ("2B-017"), or for one without the store's ("S-17"); whether at
    school today or not. Raises UsageError if none does, or two do."""
    wanted = ref.strip()
    students = _person().join(STUDENT, STUDENT.c.person_id == PERSON.c.id)
    row = connection.execute(students.where(PERSON.c.ref.in_([wanted, wanted.upper()]))).first()
    number = re.fullmatch(r"[Ss]-([0-9]{1,15})", wanted)
    if number:
        own = connection.execute(students.where(PERSON.c.id == int(number[1]), PERSON.c.ref.is_(None))).first()
        if row is not None and own is not None:
            raise UsageError(
                f"{_said(wanted)} is the school's ref of one student, and what the store calls another without a ref.",
                remedy="Let the school give one of them another ref, and import it.",
            )
        row = row or own
    if row is None:
        raise UsageError(
            f"No student has the ref {_said(wanted)}.",
            remedy='Give the school\'s own ref of the student, such as "2B-017", which a class list has; or what is '
            'shown for a student without one, such as "S-17".',
        )
    return FoundPerson(row[0], student_ref(row[0], row[1]), *row[2:])


def student_of_id(connection: Connection, student_id: int) -> FoundPerson | None:
    """The student of this number in the store, whether at school today or not; None when there is none."""
    of_id = _person().join(STUDENT, STUDENT.c.person_id == PERSON.c.id).where(PERSON.c.id == student_id)
    row = connection.execute(of_id).first()
    return None if row is None else FoundPerson(row[0], student_ref(row[0], row[1]), *row[2:])


def find_guardian(connection: Connection, ref: str) -> FoundPerson:
    """The guardian whom Beredskap calls `ref` ("G-17"). Raises UsageError if nobody, or no guardian, goes by it."""
    number = re.fullmatch(r"[Gg]-([0-9]{1,15})", ref.strip())
    row = None
    if number:
        guards = or_(
            exists().where(GUARDIANSHIP.c.guardian_id == PERSON.c.id),
            exists().where(CONSENT.c.guardian_id == PERSON.c.id),
            ~exists().where(STUDENT.c.person_id == PERSON.c.id),
        )
        known = PERSON.c.source != FORGOTTEN
        row = connection.execute(_person().where(PERSON.c.id == int(number[1]), guards, known)).first()
    if row is None:
        raise UsageError(
            f"No guardian has the ref {_said(ref.strip())}.",
            remedy='Guardians go by refs such as "G-17": beredskap contacts explain STUDENT shows those of a student.',
        )
    return FoundPerson(row[0], guardian_ref(row[0]), *row[2:])


def find_person(connection: Connection, ref: str) -> FoundPerson:
    """The student or the guardian who goes by `ref`. Raises UsageError if nobody does, or one of each."""
    if not re.fullmatch(r"[Gg]-[0-9]{1,15}", ref.strip()):
        return find_student(connection, ref)
    # A school may give its students refs that look like those of guardians.
    student = connection.scalars(
        select(STUDENT.c.person_id)
        .join(PERSON, PERSON.c.id == STUDENT.c.person_id)
        .where(PERSON.c.ref.in_([ref.strip(), ref.strip().upper()]))
    ).first()
    if student is None:
        return find_guardian(connection, ref)
    try:
        guardian = find_guardian(connection, ref)
    except UsageError:
        return find_student(connection, ref)
    if guardian.id == student:
        return guardian
    raise UsageError(
        f"{_said(ref.strip())} is the ref of a student, and of a guardian who is somebody else.",
        remedy="Let the school give the student another ref, and import it.",
    )


def student_ref(student_id: int, own: str | None) -> str:
    """What people call a student: the school's `own` ref ("2B-017"), or "S-17" for one without."""
    return own or f"S-{student_id}"


def find_owner(connection: Connection, ref: str) -> FoundPerson:
    """The student or the guardian who goes by `ref`, to speak of their addresses.

    Raises UsageError as `find_person` does, and for a student who may be protected: nothing is shown of one.
    """
    person = find_person(connection, ref)
    if person.may_be_protected and person.label != guardian_ref(person.id):
        raise UsageError(
            f"Student {person.label} is protected, or may be: no address of theirs is taken or shown here.",
            remedy="They are asked in person.",
        )
    return person


def guardian_ref(guardian_id: int) -> str:
    """What people call a guardian: "G-17"."""
    return f"G-{guardian_id}"


def person_subject(person: FoundPerson) -> str:
    """What the audit log calls a person: "student 2B-017", "guardian G-17"."""
    return f"{'guardian' if person.label == guardian_ref(person.id) else 'student'} {person.label}"


def short_name(given_name: str, family_name: str) -> str:
    """The given name and the first letter of the family name ("Kari E."), for lists that others may see; "" for none.

    The population register writes names in capitals.
    """
    initial = family_name.strip()[:1].upper()
    return " ".join(part for part in (_spelled(given_name), f"{initial}." if initial else "") if part)


def full_name(given_name: str, family_name: str) -> str:
    """Both names ("Kari Eksempel"), for those who may read them; "" for none."""
    return " ".join(part for part in (_spelled(given_name), _spelled(family_name)) if part)


def _spelled(name: str) -> str:
    name = name.strip()
    return name.title() if name.isupper() else name


def _person() -> Select[Any]:
    return select(
        PERSON.c.id,
        PERSON.c.ref,
        PERSON.c.birth_date,
        PERSON.c.protection,
        PERSON.c.protection_unknown,
        PERSON.c.deceased,
        PERSON.c.given_name,
        PERSON.c.family_name,
    )


def _said(ref: str) -> str:
    # Somebody may have typed a name or an identity number here; those are not repeated.
    return f'"{ref}"' if _SAYABLE.fullmatch(ref) and not re.search(r"\d{6}", ref) else "that was given"
