"""Students' own decisions about their guardians, made by themselves: consents seen, given and withdrawn at once, and
contact persons whom they named taken back. `contacts.consents` writes them, as it does what staff record.

The names of guardians are shown and nothing else of them: no address, no number. Of one who is protected, or may be,
not even the name, because it may be a new one.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import date
from enum import StrEnum
from typing import Any, Final

from sqlalchemy import Connection, Row, select, update

from contacts.acts import entitlement_changed
from contacts.codes import Basis, ConsentPurpose
from contacts.consents import give_consent, withdraw_consent
from contacts.contact_points import STUDENT_SOURCE
from contacts.entitlement import ConsentState, Period, consent_state
from contacts.forgetting import lock_persons
from contacts.people import FORGOTTEN, FoundPerson, find_guardian, full_name, guardian_ref
from contacts.protection import may_be_protected
from contacts.students_own import OwnRights, Standing, as_operator, rights_of
from contacts.tables import CONSENT, GUARDIANSHIP, PERSON

# What is kept of how a student said it.
IN_THE_PORTAL: Final = "portal, logged in with Feide"


@dataclass(frozen=True, slots=True)
class OwnConsent:
    """What the student has said to one guardian about one purpose. `since`: from when it is in force;
    `withdrawn_on`: when it was last withdrawn, while it is not in force again."""

    purpose: ConsentPurpose
    state: ConsentState
    since: date | None = None
    withdrawn_on: date | None = None


@dataclass(frozen=True, slots=True)
class OwnGuardian:
    """Somebody who is linked to the student. `name`: None where it may not be shown. `named_by_student`: a contact
    person whom the student named, and may take back. `consents`: one for each purpose, none before the student is 18.
    """

    guardian_id: int
    label: str
    name: str | None = field(repr=False)
    named_by_student: bool
    consents: tuple[OwnConsent, ...] = ()


@dataclass(frozen=True, slots=True)
class OwnGuardians:
    """The page of a student's own decisions. `rights.adult_on` says from when consents can be given."""

    rights: OwnRights
    guardians: tuple[OwnGuardian, ...]


class Said(StrEnum):
    """What became of a decision."""

    GIVEN = "given"
    ALREADY_GIVEN = "already_given"
    WITHDRAWN = "withdrawn"
    ALREADY_WITHDRAWN = "already_withdrawn"
    NEVER_GIVEN = "never_given"  # there is nothing to withdraw
    TAKEN_BACK = "taken_back"
    NOT_LISTED = "not_listed"  # the person is none of those whom the student may decide about
    NOT_ALLOWED = "not_allowed"  # by their age, or because they no longer go to school


@dataclass(frozen=True, slots=True)
class Answer:
    """`words`: the outcome in English, as staff would read it."""

    outcome: Said
    words: str


def own_guardians(connection: Connection, student: FoundPerson, today: date) -> OwnGuardians:
    """Whom the student may decide about today in Oslo, by name.

    An adult: whoever was a guardian when they turned 18, or was linked since, and whoever a consent is on record for.
    From 15 to 17: the contact persons whom they named. Others get an empty list; `rights` says why.
    """
    rights = rights_of(connection, student, today)
    if not rights.invites:
        return OwnGuardians(rights, ())
    named, linked = _links(connection, student, rights, today)
    periods = _consents(connection, student) if rights.consents else {}
    wanted = named | linked | periods.keys() if rights.consents else named
    rows = connection.execute(
        select(
            PERSON.c.id, PERSON.c.given_name, PERSON.c.family_name, PERSON.c.protection, PERSON.c.protection_unknown
        ).where(PERSON.c.id.in_(wanted), PERSON.c.deceased.is_(False), PERSON.c.source != FORGOTTEN)
    ).all()
    guardians = [
        OwnGuardian(
            row.id,
            guardian_ref(row.id),
            _name(row),
            row.id in named,
            tuple(_consent(purpose, periods.get(row.id, ()), today) for purpose in ConsentPurpose)
            if rights.consents
            else (),
        )
        for row in rows
    ]
    return OwnGuardians(rights, tuple(sorted(guardians, key=lambda one: (one.name or "", one.guardian_id))))


def give(
    connection: Connection, student: FoundPerson, guardian_id: int, purpose: ConsentPurpose, today: date
) -> Answer:
    """The student consents, from today on."""
    guardian = _adults_guardian(connection, student, guardian_id, today)
    if isinstance(guardian, Answer):
        return guardian
    by = as_operator(student)
    done = give_consent(
        connection, student, guardian, purpose=purpose, on=today, today=today, evidence=IN_THE_PORTAL, operator=by
    )
    return Answer(Said.GIVEN if done.changed else Said.ALREADY_GIVEN, done.words)


def withdraw(
    connection: Connection, student: FoundPerson, guardian_id: int, purpose: ConsentPurpose, today: date
) -> Answer:
    """The student withdraws, at once, for alerts under way too: messages that wait are decided again."""
    guardian = _adults_guardian(connection, student, guardian_id, today)
    if isinstance(guardian, Answer):
        return guardian
    if guardian_id not in _consents(connection, student, purpose):
        return Answer(Said.NEVER_GIVEN, "No such consent has been given: there is nothing to withdraw.")
    by = as_operator(student)
    done = withdraw_consent(
        connection, student, guardian, purpose=purpose, on=today, today=today, evidence=IN_THE_PORTAL, operator=by
    )
    return Answer(Said.WITHDRAWN if done.changed else Said.ALREADY_WITHDRAWN, done.words)


def take_back(connection: Connection, student: FoundPerson, guardian_id: int, today: date) -> Answer:
    """The student takes a contact person back whom they named: the link ends today, and an adult's consents with it."""
    lock_persons(connection, [student.id, guardian_id])
    shown = own_guardians(connection, student, today)
    if not shown.rights.invites:
        return _not_allowed(shown.rights)
    of = next((one for one in shown.guardians if one.guardian_id == guardian_id and one.named_by_student), None)
    if of is None:
        return _NOT_LISTED
    connection.execute(
        update(GUARDIANSHIP)
        .where(
            GUARDIANSHIP.c.student_id == student.id,
            GUARDIANSHIP.c.guardian_id == guardian_id,
            GUARDIANSHIP.c.basis == Basis.CONTACT_PERSON,
            GUARDIANSHIP.c.source == STUDENT_SOURCE,
        )
        .values(valid_to=today)
    )
    for consent in of.consents:
        if consent.state is ConsentState.IN_FORCE:
            withdraw(connection, student, guardian_id, consent.purpose, today)
    entitlement_changed(
        connection,
        operator=as_operator(student),
        act="contact_person.take_back",
        subject=f"student {student.label}",
        details={"guardian": of.label, "on": today.isoformat()},
    )
    return Answer(Said.TAKEN_BACK, f"{of.label} is no longer a contact person of student {student.label}.")


_NOT_LISTED: Final = Answer(Said.NOT_LISTED, "This person is none of those whom the student may decide about.")


def _not_allowed(rights: OwnRights) -> Answer:
    why = {
        Standing.GONE: "The student does not go to school here.",
        Standing.AGE_UNKNOWN: "The student's birth date is not known.",
    }.get(rights.standing, f"The student can do this from {rights.adult_on} on.")
    return Answer(Said.NOT_ALLOWED, why)


def _adults_guardian(
    connection: Connection, student: FoundPerson, guardian_id: int, today: date
) -> FoundPerson | Answer:
    """The guardian, if the student may consent and they are on the student's list; nobody else writes about the two
    until the transaction ends."""
    lock_persons(connection, [student.id, guardian_id])
    shown = own_guardians(connection, student, today)
    if not shown.rights.consents:
        return _not_allowed(shown.rights)
    if all(one.guardian_id != guardian_id for one in shown.guardians):
        return _NOT_LISTED
    return find_guardian(connection, guardian_ref(guardian_id))


def _links(connection: Connection, student: FoundPerson, rights: OwnRights, today: date) -> tuple[set[int], set[int]]:
    """Whom the student named, and is linked to today; and who was a guardian when the student turned 18, or since."""
    named: set[int] = set()
    linked: set[int] = set()
    link = GUARDIANSHIP.c
    for row in connection.execute(
        select(link.guardian_id, link.basis, link.source, link.valid_to).where(link.student_id == student.id)
    ):
        if row.basis is Basis.CONTACT_PERSON and row.source == STUDENT_SOURCE:
            if row.valid_to is None or row.valid_to > today:
                named.add(row.guardian_id)
        elif row.valid_to is None or (rights.adult_on is not None and row.valid_to >= rights.adult_on):
            linked.add(row.guardian_id)
    return named, linked


def _consents(
    connection: Connection, student: FoundPerson, purpose: ConsentPurpose | None = None
) -> dict[int, list[Row[*tuple[Any, ...]]]]:
    """The student's consents by guardian, of all purposes or of one."""
    consent = CONSENT.c
    found: dict[int, list[Row[*tuple[Any, ...]]]] = defaultdict(list)
    for row in connection.execute(
        select(consent.guardian_id, consent.purpose, consent.given_on, consent.withdrawn_on).where(
            consent.student_id == student.id
        )
    ):
        if purpose in (None, row.purpose):
            found[row.guardian_id].append(row)
    return found


def _consent(purpose: ConsentPurpose, rows: Iterable[Row[*tuple[Any, ...]]], today: date) -> OwnConsent:
    periods = [Period(row.given_on, row.withdrawn_on) for row in rows if row.purpose is purpose]
    state = consent_state(periods, today)
    if state is ConsentState.IN_FORCE:
        since = min(one.start for one in periods if one.covers(today) and one.start is not None)
        return OwnConsent(purpose, state, since=since)
    ends = [one.end for one in periods if one.end is not None and one.end <= today]
    return OwnConsent(purpose, state, withdrawn_on=max(ends, default=None))


def _name(row: Row[*tuple[Any, ...]]) -> str | None:
    if may_be_protected(row.protection, unknown=row.protection_unknown):
        return None
    return full_name(row.given_name, row.family_name) or None
