"""Consents, blocks and releases: recorded once, with who and why, and what waits is decided again."""

from __future__ import annotations

from datetime import date, timedelta

import pytest
from sqlalchemy import select

from config.audit import AuditEntry
from config.counters import CONTACTS_REVISION, read_counter
from config.errors import UsageError
from contacts import tables
from contacts.acts import Act
from contacts.audience_names import find_school
from contacts.blocks import block, unblock
from contacts.codes import ConsentPurpose, Protection
from contacts.consents import LONGEST_EVIDENCE, give_consent, withdraw_consent
from contacts.entitlement import Reason
from contacts.facts import load_cases
from contacts.holds import held_students, hold_again, release
from tests.contacts.store import ADULT, CHILD, DAY, ContactStore

TOMORROW = DAY + timedelta(days=1)
YESTERDAY = DAY - timedelta(days=1)


class Office:
    """One student with one guardian, and the acts on them; `traces` is what they left."""

    def __init__(self, store: ContactStore, **student: object) -> None:
        self.store = store
        self.connection = store.connection
        self.student_id = store.student(**student)  # type: ignore[arg-type]
        self.guardian_id = store.guardian(self.student_id)
        self.student = store.found_student()
        self.guardian = store.found_guardian(self.guardian_id)

    def give(self, on: date = DAY, purpose: ConsentPurpose = ConsentPurpose.ALERTS, evidence: str = "form 7") -> Act:
        return give_consent(
            self.connection,
            self.student,
            self.guardian,
            purpose=purpose,
            on=on,
            today=DAY,
            evidence=evidence,
            operator="kari",
        )

    def withdraw(self, on: date = DAY, purpose: ConsentPurpose = ConsentPurpose.ALERTS) -> Act:
        return withdraw_consent(
            self.connection,
            self.student,
            self.guardian,
            purpose=purpose,
            on=on,
            today=DAY,
            evidence="by telephone",
            operator="kari",
        )

    def block(self, first: date = DAY, last: date | None = None, about_student: bool = False) -> Act:
        return block(
            self.connection,
            self.guardian,
            student=self.student if about_student else None,
            decision="2026/113",
            first_day=first,
            last_day=last,
            operator="kari",
        )

    def unblock(self, on: date = DAY, decision: str = "2026/113", about_student: bool = False) -> Act:
        return unblock(
            self.connection,
            self.guardian,
            student=self.student if about_student else None,
            decision=decision,
            from_day=on,
            operator="kari",
        )

    def release(self, until: date = TOMORROW, reason: str = "agreed") -> Act:
        return release(self.connection, self.student, reason=reason, until=until, today=DAY, operator="kari")

    def hold(self) -> Act:
        return hold_again(self.connection, self.student, reason="mistake", today=DAY, operator="kari")

    def reason(self, on: date = DAY) -> Reason:
        (case,) = load_cases(self.connection, [self.student_id], on, stale_after_months=18)
        return case.decide(case.guardians[0], on).reason

    def traces(self) -> tuple[int, list[tuple[str, str, str]]]:
        """The contacts revision, and the audit log."""
        rows = self.connection.execute(select(AuditEntry.operator, AuditEntry.act, AuditEntry.subject))  # type: ignore[call-overload]
        return read_counter(self.connection, CONTACTS_REVISION), [tuple(row) for row in rows]


@pytest.fixture
def adult(store: ContactStore) -> Office:
    return Office(store, birth_date=ADULT)


@pytest.fixture
def child(store: ContactStore) -> Office:
    return Office(store)


@pytest.fixture
def protected(store: ContactStore) -> Office:
    return Office(store, protection=Protection.CONFIDENTIAL)


def test_consent_given_withdrawn_and_given_again(adult: Office) -> None:
    assert adult.reason() is Reason.ADULT_WITHOUT_CONSENT
    assert adult.give(on=YESTERDAY).changed
    assert adult.reason() is Reason.CONSENTED
    assert adult.withdraw().changed
    assert adult.reason() is Reason.CONSENT_WITHDRAWN
    assert adult.reason(YESTERDAY) is Reason.CONSENTED
    assert adult.give().changed
    assert adult.reason() is Reason.CONSENTED
    revision, acts = adult.traces()
    assert revision == 3
    assert acts == [
        ("kari", "consent.give", "student 2B-017"),
        ("kari", "consent.withdraw", "student 2B-017"),
        ("kari", "consent.give", "student 2B-017"),
    ]


def test_a_consent_keeps_who_when_and_the_evidence(adult: Office) -> None:
    adult.give(on=YESTERDAY, evidence=" form 7 ")
    adult.withdraw()
    row = adult.connection.execute(select(tables.CONSENT)).one()
    assert (row.given_on, row.given_evidence, row.given_by) == (YESTERDAY, "form 7", "kari")
    assert (row.withdrawn_on, row.withdrawn_evidence, row.withdrawn_by) == (DAY, "by telephone", "kari")
    assert row.given_at.tzinfo is not None and row.withdrawn_at >= row.given_at


def test_evidence_as_long_as_it_may_be(adult: Office) -> None:
    assert adult.give(evidence="å" * LONGEST_EVIDENCE + " ").changed


def test_doing_it_twice_says_so_and_leaves_no_trace(adult: Office) -> None:
    adult.give(on=YESTERDAY)
    again = adult.give()
    assert not again.changed and YESTERDAY.isoformat() in again.words
    adult.withdraw()
    assert not adult.withdraw().changed
    assert adult.traces()[0] == 2


def test_one_purpose_is_never_taken_for_the_other(adult: Office) -> None:
    adult.give(purpose=ConsentPurpose.PORTAL)
    assert adult.reason() is Reason.ADULT_WITHOUT_CONSENT
    with pytest.raises(UsageError, match="no consent to alerts"):
        adult.withdraw()
    assert adult.give().changed
    adult.withdraw(purpose=ConsentPurpose.PORTAL)
    assert adult.reason() is Reason.CONSENTED


def test_consents_that_cannot_be(adult: Office) -> None:
    with pytest.raises(UsageError, match="not yet 18 on 2026-03-01"):
        adult.give(on=date(2026, 3, 1))
    with pytest.raises(UsageError, match="still to come"):
        adult.give(on=TOMORROW)
    with pytest.raises(UsageError, match="evidence is missing"):
        adult.give(evidence=" ")
    with pytest.raises(UsageError, match="evidence is longer than 512 characters"):
        adult.give(evidence="x" * (LONGEST_EVIDENCE + 1))
    with pytest.raises(UsageError, match="no consent"):
        adult.withdraw()
    adult.give(on=date(2026, 3, 2))
    with pytest.raises(UsageError, match="later than"):
        adult.withdraw(on=date(2026, 3, 1))
    adult.withdraw(on=date(2026, 6, 1))
    with pytest.raises(UsageError, match="withdrawn on 2026-06-01"):
        adult.give(on=date(2026, 5, 31))
    assert adult.give(on=date(2026, 6, 1)).changed
    with pytest.raises(UsageError, match="on record already"):
        adult.give(on=date(2026, 5, 31))


def test_a_minor_s_consent_is_not_taken(child: Office) -> None:
    with pytest.raises(UsageError, match="not yet 18") as error:
        child.give()
    assert "2028-03-02" in error.value.remedy


def test_without_a_birth_date_nobody_is_an_adult(store: ContactStore) -> None:
    with pytest.raises(UsageError, match="birth date"):
        Office(store, birth_date=None).give()


def test_consent_for_somebody_never_linked_is_refused(adult: Office) -> None:
    adult.guardian = adult.store.found_guardian(adult.store.guardian())
    with pytest.raises(UsageError, match="never been linked"):
        adult.give()


def test_a_block_begins_and_ends_on_its_days(child: Office) -> None:
    assert child.block(first=DAY, last=TOMORROW).changed
    assert [child.reason(DAY + timedelta(days=days)) for days in (-1, 0, 1, 2)] == [
        Reason.CUSTODY,
        Reason.BLOCKED,
        Reason.BLOCKED,
        Reason.CUSTODY,
    ]
    assert not child.block(first=DAY, last=TOMORROW).changed
    assert child.traces() == (1, [("kari", "guardian.block", f"guardian {child.guardian.label}")])
    with pytest.raises(UsageError, match="other days"):
        child.block(first=DAY)
    assert child.block(first=DAY + timedelta(days=2)).changed


def test_a_block_that_cannot_be(child: Office) -> None:
    with pytest.raises(UsageError, match="before the first"):
        child.block(first=DAY, last=YESTERDAY)
    with pytest.raises(UsageError, match="decision is missing"):
        block(
            child.connection,
            child.guardian,
            student=None,
            decision=" ",
            first_day=DAY,
            last_day=None,
            operator="kari",
        )


def test_unblocking_ends_the_block_and_keeps_its_days(child: Office) -> None:
    child.block(first=YESTERDAY)
    assert child.unblock().changed
    assert child.reason() is Reason.CUSTODY
    assert child.reason(YESTERDAY) is Reason.BLOCKED
    assert not child.unblock().changed
    assert child.traces()[0] == 2


def test_unblocking_before_it_began_means_it_never_held(child: Office) -> None:
    child.block(first=DAY)
    child.unblock(on=YESTERDAY)
    assert child.reason() is Reason.CUSTODY


def test_unblocking_asks_for_the_decision_and_the_student_that_it_was_about(child: Office) -> None:
    child.block(about_student=True)
    for act in (lambda: child.unblock(), lambda: child.unblock(decision="2026/114", about_student=True)):
        with pytest.raises(UsageError, match="No such block"):
            act()
    assert child.reason() is Reason.BLOCKED
    assert child.unblock(about_student=True).changed


def test_whose_protection_nobody_told_is_released_like_a_protected_one(store: ContactStore) -> None:
    untold = Office(store, protection_unknown=True)
    assert untold.reason() is Reason.PROTECTION_UNKNOWN
    assert untold.release(until=date(2999, 1, 1)).changed
    assert untold.reason(date(2900, 1, 1)) is not Reason.PROTECTION_UNKNOWN
    assert untold.hold().changed
    assert untold.reason(date(2900, 1, 1)) is Reason.PROTECTION_UNKNOWN


def test_a_release_and_taking_it_back(protected: Office) -> None:
    # The row is stamped by the database's clock; what it decides is asked for the day after the test's own.
    assert protected.reason() is Reason.PROTECTED_HOLD
    far = date(2999, 1, 1)
    assert protected.release(until=far).changed
    assert protected.reason(date(2900, 1, 1)) is not Reason.PROTECTED_HOLD
    assert not protected.release(until=DAY).changed
    assert protected.hold().changed
    assert protected.reason(date(2900, 1, 1)) is Reason.PROTECTED_HOLD
    assert not protected.hold().changed
    revision, acts = protected.traces()
    assert revision == 2
    assert [act for _, act, _ in acts] == ["student.release", "student.hold"]


def test_a_longer_release_follows_a_shorter(protected: Office) -> None:
    protected.release(until=DAY)
    assert protected.release(until=TOMORROW).changed


def test_releases_that_cannot_be(protected: Office, store: ContactStore) -> None:
    with pytest.raises(UsageError, match="has passed"):
        protected.release(until=YESTERDAY)
    with pytest.raises(UsageError, match="reason is missing"):
        protected.release(reason="")
    store.student("1A-001")
    with pytest.raises(UsageError, match="not protected"):
        release(
            store.connection,
            store.found_student("1A-001"),
            reason="r",
            until=TOMORROW,
            today=DAY,
            operator="kari",
        )


def test_the_held_are_listed_by_ref_and_reason(store: ContactStore) -> None:
    one, two = store.school("NO1"), store.school("NO2", "Andre vgs")
    unknown = store.student("A-2", school=one, birth_date=None)
    graded = store.student("A-1", school=one, protection=Protection.STRICTLY_CONFIDENTIAL)
    elsewhere = store.student("B-1", school=two, protection=Protection.CONFIDENTIAL)
    released = store.student("A-3", school=one, protection=Protection.CONFIDENTIAL)
    untold = store.student("A-8", school=one, birth_date=CHILD, protection_unknown=True)
    free = store.student("A-4", school=one, birth_date=CHILD)
    gone = store.student("A-5", school=one, birth_date=None, left_on=DAY)
    dead = store.student("A-6", school=one, birth_date=None, deceased=True)
    store.guardian(unknown, graded, elsewhere, released, free, gone, dead, untold)
    store.student("A-7", school=one, birth_date=CHILD)  # nobody is registered, and somebody must look
    store.release(released, DAY)

    def held(school: str | None = None) -> list[tuple[str, str]]:
        named = find_school(store.connection, school) if school else None
        return [(one.student, one.reason) for one in held_students(store.connection, [named] if named else [], DAY)]

    assert held() == [
        ("A-2", "birth_date_unknown"),
        ("A-7", "no_guardian_known"),
        ("A-1", "protected_hold"),
        ("B-1", "protected_hold"),
        ("A-8", "protection_unknown"),
    ]
    assert held("Andre vgs") == [("B-1", "protected_hold")]
