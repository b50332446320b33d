"""What students decide themselves about their guardians: seen, given, withdrawn and taken back, on record as theirs."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

import pytest
from sqlalchemy import select

from config.audit import AuditEntry
from config.counters import CONTACTS_REVISION, read_counter
from config.tables import core_table
from contacts import tables
from contacts.codes import Basis, ConsentPurpose, Protection
from contacts.entitlement import ConsentState, Reason
from contacts.facts import load_cases
from contacts.student_consents import OwnConsent, OwnGuardian, Said, give, own_guardians, take_back, withdraw
from contacts.students_own import Standing
from tests.contacts.store import ADULT, CHILD, DAY, ContactStore

ALERTS, PORTAL = ConsentPurpose.ALERTS, ConsentPurpose.PORTAL
YESTERDAY = DAY - timedelta(days=1)
LOG = core_table(AuditEntry)


class Pupil:
    """A student who looks, and decides."""

    def __init__(self, store: ContactStore, **student: Any) -> None:
        self.store = store
        self.connection = store.connection
        self.id = store.student(**({"birth_date": ADULT} | student))
        self.found = store.found_student()

    def guardian(self, name: str = "OLA", **values: Any) -> int:
        return self.store.guardian(self.id, given_name=name, family_name="EKSEMPEL", **values)

    def sees(self) -> tuple[OwnGuardian, ...]:
        return own_guardians(self.connection, self.found, DAY).guardians

    def standing(self) -> Standing:
        return own_guardians(self.connection, self.found, DAY).rights.standing

    def consent(self, purpose: ConsentPurpose = ALERTS) -> OwnConsent:
        (guardian,) = self.sees()
        (found,) = [one for one in guardian.consents if one.purpose is purpose]
        return found

    def give(self, guardian: int, purpose: ConsentPurpose = ALERTS) -> Said:
        return give(self.connection, self.found, guardian, purpose, DAY).outcome

    def withdraw(self, guardian: int, purpose: ConsentPurpose = ALERTS) -> Said:
        return withdraw(self.connection, self.found, guardian, purpose, DAY).outcome

    def take_back(self, guardian: int) -> Said:
        return take_back(self.connection, self.found, guardian, DAY).outcome

    def reason(self) -> Reason:
        (case,) = load_cases(self.connection, [self.id], DAY, stale_after_months=18)
        return case.decide(case.guardians[0], DAY).reason

    def log(self) -> list[tuple[str, str, str]]:
        rows = self.connection.execute(select(LOG.c.operator, LOG.c.act, LOG.c.subject).order_by(LOG.c.id))
        return [(row.operator, row.act, row.subject) for row in rows]


@pytest.fixture
def nora(store: ContactStore) -> Pupil:
    return Pupil(store)


def test_given_withdrawn_and_given_again(nora: Pupil) -> None:
    ola = nora.guardian()
    assert nora.consent() == OwnConsent(ALERTS, ConsentState.NEVER_GIVEN)
    assert nora.withdraw(ola) is Said.NEVER_GIVEN
    assert nora.give(ola) is Said.GIVEN
    assert nora.consent() == OwnConsent(ALERTS, ConsentState.IN_FORCE, since=DAY)
    assert nora.reason() is Reason.CONSENTED
    assert nora.give(ola) is Said.ALREADY_GIVEN
    assert nora.withdraw(ola) is Said.WITHDRAWN
    assert nora.consent() == OwnConsent(ALERTS, ConsentState.WITHDRAWN, withdrawn_on=DAY)
    assert nora.reason() is Reason.CONSENT_WITHDRAWN
    assert nora.withdraw(ola) is Said.ALREADY_WITHDRAWN
    assert nora.give(ola) is Said.GIVEN
    assert nora.consent().state is ConsentState.IN_FORCE


def test_it_is_on_record_as_the_student_s_own_and_waiting_messages_are_decided_again(nora: Pupil) -> None:
    ola = nora.guardian()
    nora.give(ola)
    nora.withdraw(ola)
    mine = "student 2B-017"
    assert nora.log() == [(mine, "consent.give", mine), (mine, "consent.withdraw", mine)]
    assert read_counter(nora.connection, CONTACTS_REVISION) == 2
    row = nora.connection.execute(select(tables.CONSENT)).one()
    told = "portal, logged in with Feide"
    assert (row.given_by, row.given_evidence) == (mine, told)
    assert (row.withdrawn_by, row.withdrawn_evidence) == (mine, told)


def test_one_purpose_is_never_taken_for_the_other(nora: Pupil) -> None:
    ola = nora.guardian()
    nora.give(ola, PORTAL)
    assert nora.consent(PORTAL).state is ConsentState.IN_FORCE
    assert nora.consent(ALERTS).state is ConsentState.NEVER_GIVEN
    assert nora.withdraw(ola, ALERTS) is Said.NEVER_GIVEN
    assert nora.reason() is Reason.ADULT_WITHOUT_CONSENT


def test_who_is_listed(nora: Pupil) -> None:
    store = nora.store
    birthday = date(2026, 3, 2)
    nora.guardian("Anne")
    for name, valid_to in (("Bo", birthday), ("Carl", DAY), ("Dag", birthday - timedelta(days=1))):
        store.link(nora.id, store.guardian(given_name=name, family_name="E"), valid_to=valid_to)
    store.consent(nora.id, store.guardian(given_name="Eva", family_name="E"), DAY)
    nora.guardian("Finn", deceased=True)
    store.guardian(store.student("1A-001"), given_name="Gro")
    # Who lost custody before the birthday is none of them, nor is the dead, nor anybody else's.
    assert [one.name for one in nora.sees()] == ["Anne Eksempel", "Bo E", "Carl E", "Eva E"]


def test_nothing_of_a_guardian_but_the_name_and_of_a_protected_one_not_that(nora: Pupil) -> None:
    ola = nora.guardian("OLA MARIUS")
    nora.store.point(ola, "+4799999912")
    (shown,) = nora.sees()
    assert shown.name == "Ola Marius Eksempel" and "Ola" not in repr(shown)
    kari = nora.guardian("KARI", protection=Protection.STRICTLY_CONFIDENTIAL)
    (hidden,) = [one for one in nora.sees() if one.guardian_id == kari]
    assert hidden.name is None
    assert nora.give(kari) is Said.GIVEN


@pytest.mark.parametrize("change", [{"protection": Protection.CONFIDENTIAL}, {"protection_unknown": True}])
def test_a_protected_student_decides_as_the_others_do(store: ContactStore, change: dict[str, Any]) -> None:
    pupil = Pupil(store, **change)
    ola = pupil.guardian()
    assert pupil.give(ola) is Said.GIVEN
    assert [one.name for one in pupil.sees()] == ["Ola Eksempel"]
    # What others are told is another matter.
    assert pupil.reason() in (Reason.PROTECTED_HOLD, Reason.PROTECTION_UNKNOWN)


@pytest.mark.parametrize(
    ("student", "standing"),
    [
        ({"birth_date": date(2008, 11, 24)}, Standing.YOUNG),
        ({"birth_date": date(2012, 1, 1)}, Standing.CHILD),
        ({"birth_date": None}, Standing.AGE_UNKNOWN),
        ({"left_on": DAY}, Standing.GONE),
        ({"deceased": True}, Standing.GONE),
    ],
)
def test_those_who_may_not_consent(store: ContactStore, student: dict[str, Any], standing: Standing) -> None:
    pupil = Pupil(store, **student)
    ola = pupil.guardian()
    assert (pupil.sees(), pupil.standing()) == ((), standing)
    assert pupil.give(ola) is pupil.withdraw(ola) is Said.NOT_ALLOWED
    assert pupil.take_back(ola) is (Said.NOT_LISTED if standing is Standing.YOUNG else Said.NOT_ALLOWED)
    assert pupil.log() == []
    if standing is Standing.YOUNG:
        assert "2026-11-24" in give(pupil.connection, pupil.found, ola, ALERTS, DAY).words


def test_nobody_consents_to_a_stranger(nora: Pupil) -> None:
    stranger = nora.store.guardian(nora.store.student("1A-001"))
    for guardian in (stranger, nora.id, 999_999):
        assert nora.give(guardian) is nora.withdraw(guardian) is nora.take_back(guardian) is Said.NOT_LISTED


def named(pupil: Pupil) -> int:
    store = pupil.store
    friend = store.guardian(given_name="Liv", family_name="Venn")
    store.link(pupil.id, friend, Basis.CONTACT_PERSON, source="student", student_agreed=True)
    return friend


def test_one_of_16_sees_and_takes_back_whom_they_named_and_nobody_else(store: ContactStore) -> None:
    pupil = Pupil(store, birth_date=CHILD)
    friend = named(pupil)
    mother = pupil.guardian()
    (shown,) = pupil.sees()
    assert (shown.name, shown.named_by_student, shown.consents) == ("Liv Venn", True, ())
    assert pupil.take_back(mother) is Said.NOT_LISTED
    assert pupil.take_back(friend) is Said.TAKEN_BACK
    assert pupil.sees() == ()
    assert pupil.take_back(friend) is Said.NOT_LISTED
    assert pupil.log() == [("student 2B-017", "contact_person.take_back", "student 2B-017")]
    rows = pupil.connection.execute(select(tables.GUARDIANSHIP))
    ends = {row.guardian_id: row.valid_to for row in rows}
    assert ends == {friend: DAY, mother: None}


def test_an_adult_who_takes_somebody_back_withdraws_what_was_consented_to(nora: Pupil) -> None:
    friend = named(nora)
    nora.give(friend)
    assert nora.take_back(friend) is Said.TAKEN_BACK
    (shown,) = nora.sees()
    assert not shown.named_by_student
    assert [one.state for one in shown.consents] == [ConsentState.WITHDRAWN, ConsentState.NEVER_GIVEN]
    assert nora.reason() is Reason.CONSENT_WITHDRAWN
