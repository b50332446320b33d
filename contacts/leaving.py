"""Who has been gone for long enough to be forgotten: students who left, and guardians of nobody who is still here."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

from sqlalchemy import ColumnElement, Connection, and_, exists, or_, select

from contacts.people import FORGOTTEN
from contacts.tables import BLOCK, CONSENT, GUARDIANSHIP, PERSON, STUDENT


@dataclass(frozen=True, slots=True)
class Leaving:
    """The days that decide. A student goes who left on `students_before` or earlier; a guardian whose last link to a
    student who stays ended on `guardians_before` or earlier. `today` is the day in Oslo.
    """

    today: date
    students_before: date
    guardians_before: date

    def students(self) -> ColumnElement[bool]:
        """SQL, true for persons who were students long ago, and are nobody's guardian."""
        left = exists().where(STUDENT.c.person_id == PERSON.c.id, STUDENT.c.left_on <= self.students_before)
        return and_(left, ~self._guards_somebody())

    def guardians(self) -> ColumnElement[bool]:
        """SQL, true for persons who are no student, and nobody's guardian any more."""
        return and_(
            PERSON.c.source != FORGOTTEN,
            ~exists().where(STUDENT.c.person_id == PERSON.c.id),
            ~self._guards_somebody(),
        )

    def _guards_somebody(self) -> ColumnElement[bool]:
        stays = or_(STUDENT.c.left_on.is_(None), STUDENT.c.left_on > self.students_before)
        linked = exists().where(
            GUARDIANSHIP.c.guardian_id == PERSON.c.id,
            STUDENT.c.person_id == GUARDIANSHIP.c.student_id,
            stays,
            or_(
                GUARDIANSHIP.c.valid_to.is_(None),
                GUARDIANSHIP.c.valid_to > self.guardians_before,
                # Without the block, an import that tells of the guardian again would make them somebody to be told.
                exists().where(
                    BLOCK.c.guardian_id == GUARDIANSHIP.c.guardian_id,
                    or_(BLOCK.c.valid_to.is_(None), BLOCK.c.valid_to > self.today),
                ),
            ),
        )
        permitted = exists().where(
            CONSENT.c.guardian_id == PERSON.c.id,
            STUDENT.c.person_id == CONSENT.c.student_id,
            stays,
            or_(CONSENT.c.withdrawn_on.is_(None), CONSENT.c.withdrawn_on > self.guardians_before),
        )
        return or_(linked, permitted)


def ids_where(connection: Connection, condition: ColumnElement[bool]) -> list[int]:
    """The ids of the persons for whom the condition holds, in their order."""
    return list(connection.scalars(select(PERSON.c.id).where(condition).order_by(PERSON.c.id)))
