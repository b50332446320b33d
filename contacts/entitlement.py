"""The entitlement rule: may this guardian be told about this student on this day? The only place that decides.

The rule is a table, and the first row that matches wins:

 1  student dead                                                      no        student_deceased
 2  guardian dead                                                     no        deceased
 3  guardian blocked by a documented decision on that day             no        blocked
 4  student's birth date unknown                                      held      birth_date_unknown
 5  student protected, and not released                               held      protected_hold
5a  whether the student is protected is not known, and not released   held      protection_unknown
 6  under 18: custody, foster or appointed, valid that day            entitled  custody, foster, appointed
 7  under 18: school_register, valid that day, and the population
    register has given no document about this student                 entitled  school_register
 8  under 18: contact person, valid that day, with a documented
    decision or (15–17) because the student asked for it              entitled  documented_contact
 9  under 18: contact person, valid that day, without                 no        undocumented_contact
10  under 18: anything else                                           no        no_custody
11  18 or more: consent to alerts in force, on any basis              entitled  consented
12  18 or more: consent withdrawn, or never given                     no        consent_withdrawn,
                                                                                adult_without_consent

Only rows 6 to 10 look at a guardianship. Several sources may tell one of the same guardian: `decide` takes the best.

Who was told of a danger also learns that it is over, or that there was none, whatever rows 9, 10 and 12 say by then:
entitled, told_earlier. A person's decision (row 3), what a person must decide (4 to 5a) and death stand against it.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from enum import StrEnum

from contacts.codes import Basis, Protection

ADULT_AGE = 18
# Held, too, though the rule was asked nothing: nobody is registered for the student, and a person must look.
NO_GUARDIAN = "no_guardian_known"
# From this age a student may name additional contact persons.
OWN_CONTACTS_AGE = 15


class Verdict(StrEnum):
    ENTITLED = "entitled"
    HELD = "held"  # a person must decide
    NO = "no"


class Reason(StrEnum):
    """Why; in the order of the table, which is also the order in which one row beats another."""

    STUDENT_DECEASED = "student_deceased"
    DECEASED = "deceased"
    BLOCKED = "blocked"
    BIRTH_DATE_UNKNOWN = "birth_date_unknown"
    PROTECTED_HOLD = "protected_hold"
    PROTECTION_UNKNOWN = "protection_unknown"
    CUSTODY = "custody"
    FOSTER = "foster"
    APPOINTED = "appointed"
    SCHOOL_REGISTER = "school_register"
    DOCUMENTED_CONTACT = "documented_contact"
    UNDOCUMENTED_CONTACT = "undocumented_contact"
    NO_CUSTODY = "no_custody"
    CONSENTED = "consented"
    CONSENT_WITHDRAWN = "consent_withdrawn"
    ADULT_WITHOUT_CONSENT = "adult_without_consent"
    TOLD_EARLIER = "told_earlier"  # not a row of the table: `decide_told`


class ConsentState(StrEnum):
    """What an adult student has said to one guardian about one purpose, as it stands on the day."""

    IN_FORCE = "in_force"
    WITHDRAWN = "withdrawn"
    NEVER_GIVEN = "never_given"


@dataclass(frozen=True, slots=True)
class Entitlement:
    verdict: Verdict
    reason: Reason


@dataclass(frozen=True, slots=True)
class Period:
    """Days from `start` on, `end` no longer among them; None where there is no limit."""

    start: date | None = None
    end: date | None = None

    def covers(self, day: date) -> bool:
        return (self.start is None or self.start <= day) and (self.end is None or day < self.end)


@dataclass(frozen=True, slots=True)
class StudentFacts:
    """What the rule asks about a student. `birth_date` is the register's field, never read from an identity number.

    `released`: a recorded act lets the guardians of this held student be told on the day in question.
    `has_register_document`: the population register has told about this student, so that it knows who has custody.
    `protection_unknown`: no source has said whether this student is protected, and theirs says that of nobody.
    """

    birth_date: date | None
    deceased: bool = False
    protection: Protection = Protection.NONE
    released: bool = False
    has_register_document: bool = False
    protection_unknown: bool = False


@dataclass(frozen=True, slots=True)
class GuardianFacts:
    """What the rule asks about a guardian, with regard to one student. `blocks`: documented decisions, of any day."""

    deceased: bool = False
    blocks: tuple[Period, ...] = ()


@dataclass(frozen=True, slots=True)
class GuardianshipFacts:
    """One source's word on a guardianship. `documented`: a decision on file; `student_agreed`: the student asked."""

    basis: Basis
    valid: Period = Period()
    documented: bool = False
    student_agreed: bool = False


_VERDICTS = {
    Verdict.ENTITLED: (
        Reason.CUSTODY,
        Reason.FOSTER,
        Reason.APPOINTED,
        Reason.SCHOOL_REGISTER,
        Reason.DOCUMENTED_CONTACT,
        Reason.CONSENTED,
        Reason.TOLD_EARLIER,
    ),
    Verdict.HELD: (Reason.BIRTH_DATE_UNKNOWN, Reason.PROTECTED_HOLD, Reason.PROTECTION_UNKNOWN),
    Verdict.NO: (
        Reason.STUDENT_DECEASED,
        Reason.DECEASED,
        Reason.BLOCKED,
        Reason.UNDOCUMENTED_CONTACT,
        Reason.NO_CUSTODY,
        Reason.CONSENT_WITHDRAWN,
        Reason.ADULT_WITHOUT_CONSENT,
    ),
}
# Each reason has one verdict, so these few answers serve everybody and none is made while an alert is planned.
ANSWERS = {reason: Entitlement(verdict, reason) for verdict, reasons in _VERDICTS.items() for reason in reasons}

_RANK = {reason: rank for rank, reason in enumerate(Reason)}
_BY_REGISTERED_BASIS = {
    Basis.CUSTODY: Reason.CUSTODY,
    Basis.FOSTER: Reason.FOSTER,
    Basis.APPOINTED: Reason.APPOINTED,
}
_BY_CONSENT = {
    ConsentState.IN_FORCE: Reason.CONSENTED,
    ConsentState.WITHDRAWN: Reason.CONSENT_WITHDRAWN,
    ConsentState.NEVER_GIVEN: Reason.ADULT_WITHOUT_CONSENT,
}


def entitlement(
    student: StudentFacts,
    guardian: GuardianFacts,
    guardianship: GuardianshipFacts,
    consent: ConsentState,
    on: date,
) -> Entitlement:
    """The answer of the table for one guardianship on the day `on` in Oslo."""
    return decide(student, guardian, (guardianship,), consent, on)


def decide(
    student: StudentFacts,
    guardian: GuardianFacts,
    guardianships: Iterable[GuardianshipFacts],
    consent: ConsentState,
    on: date,
) -> Entitlement:
    """The one answer for a student and a guardian on the day `on` in Oslo, over all that the sources say of the two.

    Of several guardianships the one that stands first in the table decides, whatever their order; one that is not
    valid that day changes nothing. With none, a minor's guardian has no custody; an adult's needs only the consent.
    """
    reason = _whatever_the_basis(student, guardian, consent, on)
    if reason is None:
        birth_date = student.birth_date
        assert birth_date is not None  # row 4
        reason = Reason.NO_CUSTODY
        for guardianship in guardianships:
            found = _minor(student, guardianship, birth_date, on)
            if found is not reason and _RANK[found] < _RANK[reason]:
                reason = found
    return ANSWERS[reason]


def decide_told(answer: Entitlement) -> Entitlement:
    """The answer for somebody who was told of a danger, and shall learn that it is over. `answer`: the table's."""
    return ANSWERS[Reason.TOLD_EARLIER] if answer.reason in _NO_LONGER else answer


_NO_LONGER = frozenset(
    {
        Reason.UNDOCUMENTED_CONTACT,
        Reason.NO_CUSTODY,
        Reason.CONSENT_WITHDRAWN,
        Reason.ADULT_WITHOUT_CONSENT,
    }
)


def _whatever_the_basis(
    student: StudentFacts, guardian: GuardianFacts, consent: ConsentState, on: date
) -> Reason | None:
    """Rows 1 to 5, 11 and 12; None for a minor on whom the guardianship decides."""
    if student.deceased:
        return Reason.STUDENT_DECEASED
    if guardian.deceased:
        return Reason.DECEASED
    if guardian.blocks and any(block.covers(on) for block in guardian.blocks):
        return Reason.BLOCKED
    if student.birth_date is None:
        return Reason.BIRTH_DATE_UNKNOWN
    if not student.released and student.protection.protected:
        return Reason.PROTECTED_HOLD
    if not student.released and student.protection_unknown:
        return Reason.PROTECTION_UNKNOWN
    if is_adult(student.birth_date, on):
        return _BY_CONSENT[consent]
    return None


def _minor(student: StudentFacts, guardianship: GuardianshipFacts, birth_date: date, on: date) -> Reason:
    """Rows 6 to 10."""
    if not guardianship.valid.covers(on):
        return Reason.NO_CUSTODY
    basis = guardianship.basis
    registered = _BY_REGISTERED_BASIS.get(basis)
    if registered is not None:
        return registered
    if basis is Basis.SCHOOL_REGISTER and not student.has_register_document:
        return Reason.SCHOOL_REGISTER
    if basis is Basis.CONTACT_PERSON:
        asked_for = guardianship.student_agreed and age_on(birth_date, on) >= OWN_CONTACTS_AGE
        return Reason.DOCUMENTED_CONTACT if guardianship.documented or asked_for else Reason.UNDOCUMENTED_CONTACT
    return Reason.NO_CUSTODY


def consent_state(consents: Iterable[Period], on: date) -> ConsentState:
    """What the consents of one student, guardian and purpose come to; each lasts until the day it was withdrawn."""
    state = ConsentState.NEVER_GIVEN
    for consent in consents:
        if consent.covers(on):
            return ConsentState.IN_FORCE
        if consent.end is not None and consent.end <= on:
            state = ConsentState.WITHDRAWN
    return state


def age_on(birth_date: date, on: date) -> int:
    """Whole years lived on the day `on`; a birthday on 29 February falls on 1 March in other years."""
    return on.year - birth_date.year - ((on.month, on.day) < (birth_date.month, birth_date.day))


def is_adult(birth_date: date, on: date) -> bool:
    """Whether the person is 18 on the day `on`; the birthday counts from its first hour."""
    return eighteenth_birthday(birth_date) <= on


def eighteenth_birthday(birth_date: date) -> date:
    """The day on which the person becomes 18; 1 March for a birthday on 29 February: year 18 is never a leap year."""
    try:
        return birth_date.replace(year=birth_date.year + ADULT_AGE)
    except ValueError:
        return date(birth_date.year + ADULT_AGE, 3, 1)
