"""A consent that two record at the same moment: one of them does, and the other is told so."""

from __future__ import annotations

from config.database import Database
from contacts.acts import Act
from contacts.codes import ConsentPurpose
from contacts.consents import give_consent
from tests.contacts.store import ADULT, DAY, ContactStore
from tests.contacts.test_invitations_at_once import at_once


def test_a_consent_given_twice_at_once_is_recorded_once(database: Database) -> None:
    with database.write() as connection:
        store = ContactStore(connection)
        student_id = store.student(birth_date=ADULT)
        guardian_id = store.guardian(student_id)
        student, guardian = store.found_student(), store.found_guardian(guardian_id)

    def give() -> Act:
        with database.write() as connection:
            return give_consent(
                connection,
                student,
                guardian,
                purpose=ConsentPurpose.ALERTS,
                on=DAY,
                today=DAY,
                evidence="form 7",
                operator="kontor",
            )

    given = at_once(*[give] * 4)
    assert sorted(act.changed for act in given) == [False, False, False, True]
