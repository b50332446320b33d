"""An adult student's consent that one guardian is told: given and withdrawn, with who, when and the evidence."""

from __future__ import annotations

from datetime import date

from sqlalchemy import Connection, Row, exists, insert, select, update

from config.clock import db_now
from config.errors import UsageError
from contacts.acts import Act, entitlement_changed
from contacts.codes import ConsentPurpose
from contacts.entitlement import ADULT_AGE, eighteenth_birthday, is_adult
from contacts.forgetting import lock_persons
from contacts.models import LONGEST_EVIDENCE
from contacts.people import FoundPerson
from contacts.tables import CONSENT, GUARDIANSHIP


def give_consent(
    connection: Connection,
    student: FoundPerson,
    guardian: FoundPerson,
    *,
    purpose: ConsentPurpose,
    on: date,
    today: date,
    evidence: str,
    operator: str,
) -> Act:
    """Record that the student consents, from the day `on`. An open consent already there is left as it is.

    Raises UsageError when the student was no adult on that day, the day is to come or lies before a withdrawal, or
    the store knows of no link between the two.
    """
    _check(on, today, evidence)
    if student.birth_date is None:
        raise UsageError(
            f"The birth date of student {student.label} is not known, so it is not certain that they are an adult.",
            remedy="Import the student's document from the population register first.",
        )
    if not is_adult(student.birth_date, on):
        raise UsageError(
            f"Student {student.label} was not yet {ADULT_AGE} on {on.isoformat()}: no consent is needed or taken.",
            remedy=f"It can be given from {eighteenth_birthday(student.birth_date).isoformat()} on.",
        )
    linked = exists().where(GUARDIANSHIP.c.student_id == student.id, GUARDIANSHIP.c.guardian_id == guardian.id)
    if not connection.execute(select(linked)).scalar():
        raise UsageError(
            f"{guardian.label} has never been linked to student {student.label}.",
            remedy="Check the ref. If it is right, import the link first, as a contact person: "
            "beredskap import guardians FILE.",
        )
    # Two at once: the second sees what the first has recorded.
    lock_persons(connection, [student.id, guardian.id])
    last = _last(connection, student, guardian, purpose)
    if last is not None and last.withdrawn_on is None:
        if on < last.given_on:
            raise UsageError(
                f"This consent is on record already, given on {last.given_on.isoformat()}.",
                remedy="An earlier day cannot be recorded beside it.",
            )
        return Act(False, f"Already given, on {last.given_on.isoformat()}: in force, nothing was changed.")
    if last is not None and on < last.withdrawn_on:
        raise UsageError(
            f"This consent was withdrawn on {last.withdrawn_on.isoformat()}, later than {on.isoformat()}.",
            remedy="A new one counts from the day of the withdrawal at the earliest.",
        )
    connection.execute(
        insert(CONSENT).values(
            student_id=student.id,
            guardian_id=guardian.id,
            purpose=purpose,
            given_on=on,
            given_evidence=evidence.strip(),
            given_by=operator,
        )
    )
    _record(connection, "consent.give", student, guardian, purpose, on, operator)
    return Act(True, f"Consent to {purpose.value} given: {guardian.label} for student {student.label}, from {on}.")


def withdraw_consent(
    connection: Connection,
    student: FoundPerson,
    guardian: FoundPerson,
    *,
    purpose: ConsentPurpose,
    on: date,
    today: date,
    evidence: str,
    operator: str,
) -> Act:
    """Record that the student withdraws, with effect from the day `on`; for alerts under way, too.

    Raises UsageError when there is no consent, or the day is to come or lies before the one it was given on.
    """
    _check(on, today, evidence)
    last = _last(connection, student, guardian, purpose)
    if last is None:
        raise UsageError(
            f"Student {student.label} has given {guardian.label} no consent to {purpose.value}.",
            remedy="There is nothing to withdraw.",
        )
    if last.withdrawn_on is not None:
        return Act(False, f"Already withdrawn, on {last.withdrawn_on.isoformat()}: nothing was changed.")
    if on < last.given_on:
        raise UsageError(
            f"This consent was given on {last.given_on.isoformat()}, later than {on.isoformat()}.",
            remedy="Give the day of the withdrawal with --on.",
        )
    connection.execute(
        update(CONSENT)
        .where(CONSENT.c.id == last.id)
        .values(withdrawn_on=on, withdrawn_evidence=evidence.strip(), withdrawn_by=operator, withdrawn_at=db_now())
    )
    _record(connection, "consent.withdraw", student, guardian, purpose, on, operator)
    return Act(True, f"Consent to {purpose.value} withdrawn: {guardian.label} for student {student.label}, from {on}.")


def _check(on: date, today: date, evidence: str) -> None:
    if on > today:
        raise UsageError(
            f"{on.isoformat()} is still to come.", remedy="Record the consent on the day itself, or later with --on."
        )
    if not evidence.strip():
        raise UsageError(
            "The evidence is missing.",
            remedy='Say with --evidence where it can be found, such as "form 2026/17 in the archive".',
        )
    if len(evidence.strip()) > LONGEST_EVIDENCE:
        raise UsageError(
            f"The evidence is longer than {LONGEST_EVIDENCE} characters.",
            remedy="Say where it can be found, not what it says.",
        )


def _last(
    connection: Connection, student: FoundPerson, guardian: FoundPerson, purpose: ConsentPurpose
) -> Row[int, date, date | None] | None:
    return connection.execute(
        select(CONSENT.c.id, CONSENT.c.given_on, CONSENT.c.withdrawn_on)
        .where(
            CONSENT.c.student_id == student.id,
            CONSENT.c.guardian_id == guardian.id,
            CONSENT.c.purpose == purpose,
        )
        .order_by(CONSENT.c.withdrawn_on.is_(None).desc(), CONSENT.c.withdrawn_on.desc(), CONSENT.c.id.desc())
    ).first()


def _record(
    connection: Connection,
    act: str,
    student: FoundPerson,
    guardian: FoundPerson,
    purpose: ConsentPurpose,
    on: date,
    operator: str,
) -> None:
    entitlement_changed(
        connection,
        operator=operator,
        act=act,
        subject=f"student {student.label}",
        details={"guardian": guardian.label, "purpose": purpose.value, "on": on.isoformat()},
    )
