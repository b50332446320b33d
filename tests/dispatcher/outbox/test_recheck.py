"""Whoever loses the right to be told between planning and sending is not told; whoever keeps it is."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import pytest

from config.clock import OSLO
from contacts import student_consents
from contacts.codes import AddressChannel, Basis, ConsentPurpose, Protection
from contacts.contact_points import TypedAddress, remove_point
from contacts.people import student_of_id
from contacts.tables import CONSENT, CONTACT_POINT, GUARDIANSHIP, PERSON
from dispatcher.codes import DeliveryState
from dispatcher.tables import DECISION, DELIVERY
from providers.base import Accepted, Channel
from tests.contacts.store import ADULT
from tests.dispatcher.world import Family, World


def consenting(world: World, *, email: bool = False, phone: str | None = None) -> Family:
    family = world.family(email=email, phone=phone, birth_date=ADULT)
    with world.store(changed=False) as store:
        store.consent(family.student, family.guardian, date(2026, 9, 1))
    return family


def withdraw(world: World, family: Family) -> None:
    with world.store() as store:
        store.connection.execute(
            CONSENT.update()
            .where(CONSENT.c.student_id == family.student)
            .values(withdrawn_on=date(2026, 11, 23), withdrawn_evidence="form")
        )


def lost(world: World, alert: int, family: Family, reason: str) -> None:
    """The only message was cancelled for everybody, with the new answer beside the old one."""
    assert world.claim() == []
    (row,) = world.rows(DELIVERY, DELIVERY.c.alert_id == alert)
    assert (row.state, row.code, row.attempt) == (DeliveryState.CANCELLED, "entitlement_lost", 0)
    assert world.recipients(row.id) == set()
    assert world.recipients(row.id, linked=False) == {(student, family.guardian) for student in family.students}
    old = world.decisions(alert, superseded=True)
    assert [(student, verdict) for student, _, verdict, _ in old] == [(one, "entitled") for one in family.students]
    assert {one[3] for one in world.decisions(alert)} == {reason}
    assert len(world.decisions(alert)) == len(family.students)


def test_a_consent_withdrawn_after_planning(world: World) -> None:
    family = consenting(world)
    alert = world.sent(family)
    withdraw(world, family)
    lost(world, alert, family, "consent_withdrawn")


def test_an_address_that_its_owner_removed_after_planning(world: World) -> None:
    family = world.family(email=True)
    alert = world.sent(family)
    with world.store(changed=False) as store:
        remove_point(
            store.connection,
            store.found_guardian(family.guardian),
            TypedAddress(AddressChannel.SMS, family.phone, True),
            operator="guardian G-1",
        )
    assert world.claim() == []
    states = {row.channel: row.state for row in world.rows(DELIVERY, DELIVERY.c.alert_id == alert)}
    assert states == {Channel.SMS: DeliveryState.CANCELLED, Channel.EMAIL: DeliveryState.QUEUED}
    assert len(world.claim(Channel.EMAIL)) == 1


def test_an_adult_student_withdraws_by_themselves_after_planning(world: World) -> None:
    family = consenting(world)
    alert = world.sent(family)
    # Not `changed`: the student's act itself must have what waits decided again.
    with world.store(changed=False) as store:
        student = student_of_id(store.connection, family.student)
        assert student is not None
        said = student_consents.withdraw(
            store.connection, student, family.guardian, ConsentPurpose.ALERTS, date(2026, 11, 23)
        )
    assert said.outcome is student_consents.Said.WITHDRAWN
    lost(world, alert, family, "consent_withdrawn")


def test_a_block_recorded_after_planning(world: World) -> None:
    family = world.family(2)
    alert = world.sent(family)
    with world.store() as store:
        store.block(family.guardian)
    lost(world, alert, family, "blocked")


def test_a_guardian_who_died_and_a_student_who_is_protected_since(world: World) -> None:
    dead, hidden = world.family(), world.family()
    first, second = world.sent(dead), world.sent(hidden)
    with world.store() as store:
        store.connection.execute(PERSON.update().where(PERSON.c.id == dead.guardian).values(deceased=True))
        store.connection.execute(
            PERSON.update().where(PERSON.c.id == hidden.student).values(protection=Protection.STRICTLY_CONFIDENTIAL)
        )
    assert world.claim() == []
    assert world.decisions(first) == [(dead.student, dead.guardian, "no", "deceased")]
    assert world.decisions(second) == [(hidden.student, hidden.guardian, "held", "protected_hold")]


def test_a_link_that_is_gone(world: World) -> None:
    family = world.family()
    alert = world.sent(family)
    with world.store() as store:
        store.connection.execute(GUARDIANSHIP.delete().where(GUARDIANSHIP.c.guardian_id == family.guardian))
    lost(world, alert, family, "link_ended")
    (new,) = world.rows(DECISION, DECISION.c.superseded.is_(False))
    assert (new.verdict.value, new.inputs) == ("no", "{}")


@pytest.mark.parametrize(
    ("birthday", "midnight"),
    [
        (date(2026, 11, 24), datetime(2026, 11, 23, 23, tzinfo=UTC)),
        # The nights of the clock change: the day begins an hour before the clock is set, in summer time or winter time.
        (date(2026, 10, 25), datetime(2026, 10, 24, 22, tzinfo=UTC)),
        (date(2026, 10, 26), datetime(2026, 10, 25, 23, tzinfo=UTC)),
        (date(2027, 3, 28), datetime(2027, 3, 27, 23, tzinfo=UTC)),
        (date(2027, 3, 29), datetime(2027, 3, 28, 22, tzinfo=UTC)),
    ],
)
def test_the_eighteenth_birthday_begins_at_midnight_in_oslo(world: World, birthday: date, midnight: datetime) -> None:
    assert midnight.astimezone(OSLO).date() == birthday
    world.now = midnight - timedelta(minutes=30)
    family = world.family(email=True, birth_date=birthday.replace(year=birthday.year - 18))
    alert = world.sent(family)
    world.now = midnight - timedelta(seconds=1)
    sms = world.claim_one()
    world.release(sms)
    world.now = midnight
    assert world.claim() == world.claim(Channel.EMAIL) == []
    assert world.states(alert) == {DeliveryState.CANCELLED: 2}
    assert world.decisions(alert) == [(family.student, family.guardian, "no", "adult_without_consent")]
    assert len(world.decisions(alert, superseded=True)) == 1


@pytest.mark.parametrize("channel", [Channel.SMS, Channel.EMAIL])
def test_a_contact_point_that_was_removed(world: World, channel: Channel) -> None:
    family = world.family(email=True)
    alert = world.sent(family)
    with world.store() as store:
        address = store.address(family.phone if channel is Channel.SMS else family.email)
        store.connection.execute(
            CONTACT_POINT.update().where(CONTACT_POINT.c.address_id == address).values(ended_at=world.now)
        )
    assert world.claim(channel) == []
    # The guardian is entitled as before: who is not reached shows as such.
    assert world.decisions(alert, superseded=True) == []
    (other,) = world.claim(Channel.EMAIL if channel is Channel.SMS else Channel.SMS)
    world.release(other)


def test_an_address_that_nobody_vouches_for_any_more(world: World) -> None:
    sure, unsure = world.family(), world.family(verified=False)
    world.sent(sure, unsure, include_unverified=True)
    with world.store() as store:
        store.connection.execute(CONTACT_POINT.update().values(verified_at=None, verified_by=None))
    one = world.claim_one()
    assert one.to == unsure.phone
    world.release(one)


def test_an_address_that_a_blocked_guardian_shares_since(world: World) -> None:
    family = world.family()
    world.sent(family)
    with world.store() as store:
        other = store.guardian(family.student)
        store.point(other, family.phone)
        store.block(other, family.student)
    assert world.claim() == []
    (row,) = world.rows(DELIVERY)
    assert (row.state, row.code) == (DeliveryState.CANCELLED, "entitlement_lost")


def test_one_of_several_recipients_is_unlinked_and_the_message_leaves(world: World) -> None:
    adult = consenting(world)
    child = world.family(phone=adult.phone)
    alert = world.sent(adult, child)
    withdraw(world, adult)
    one = world.claim_one()
    assert world.recipients(one.delivery_id) == {(child.student, child.guardian)}
    assert world.recipients(one.delivery_id, linked=False) == {(adult.student, adult.guardian)}
    assert (adult.student, adult.guardian, "no", "consent_withdrawn") in world.decisions(alert)
    assert (child.student, child.guardian, "entitled", "custody") in world.decisions(alert)
    world.release(one)


def test_both_channels_find_the_same_and_one_new_answer_is_kept(world: World) -> None:
    family = consenting(world, email=True)
    alert = world.sent(family)
    withdraw(world, family)
    assert world.claim() == world.claim(Channel.EMAIL) == []
    assert world.states(alert) == {DeliveryState.CANCELLED: 2}
    assert [one[3] for one in world.decisions(alert)] == ["consent_withdrawn"]
    assert [one[3] for one in world.decisions(alert, superseded=True)] == ["consented"]


def test_who_is_still_entitled_is_asked_once_for_each_change(world: World) -> None:
    family = world.family(basis=Basis.FOSTER)
    alert = world.sent(family)
    with world.store():
        pass
    one = world.claim_one()
    row = world.delivery(one.delivery_id)
    assert (row.contacts_revision, row.decided_on) == (1, date(2026, 11, 23))
    assert world.decisions(alert, superseded=True) == []
    world.release(one)


def test_a_withdrawal_counts_for_a_message_that_is_tried_again(world: World) -> None:
    family = consenting(world)
    world.sent(family)
    world.release(world.claim_one())
    withdraw(world, family)
    assert world.claim() == []
    (row,) = world.rows(DELIVERY)
    assert (row.state, row.attempt) == (DeliveryState.CANCELLED, 1)


def give_consent_anew(world: World, family: Family) -> None:
    with world.store() as store:
        store.connection.execute(
            CONSENT.update()
            .where(CONSENT.c.student_id == family.student)
            .values(withdrawn_on=None, withdrawn_evidence=None)
        )


def test_of_two_guardians_each_is_asked_about_by_their_own_facts(world: World) -> None:
    family = world.family()
    with world.store(changed=False) as store:
        other = store.guardian(family.student)
        store.point(other, "+4799000077")
    alert = world.sent(family)
    with world.store() as store:
        store.block(family.guardian)
    (left,) = world.claim()
    assert left.to == "+4799000077"
    assert world.recipients(left.delivery_id) == {(family.student, other)}
    assert [row.state for row in world.rows(DELIVERY, DELIVERY.c.id != left.delivery_id)] == [DeliveryState.CANCELLED]
    assert sorted(world.decisions(alert)) == sorted(
        [(family.student, family.guardian, "no", "blocked"), (family.student, other, "entitled", "custody")]
    )
    world.release(left)


def test_of_two_children_one_is_unlinked_alone(world: World) -> None:
    family = world.family(2)
    alert = world.sent(family)
    gone, kept = family.students
    with world.store() as store:
        store.block(family.guardian, gone)
    one = world.claim_one()
    assert world.recipients(one.delivery_id) == {(kept, family.guardian)}
    assert world.decisions(alert, superseded=True) == [(gone, family.guardian, "entitled", "custody")]
    world.release(one)


def test_two_who_share_an_address_for_one_child_are_unlinked_each_for_themselves(world: World) -> None:
    family = world.family()
    with world.store(changed=False) as store:
        other = store.guardian(family.student)
        store.point(other, family.phone)
    world.sent(family)
    with world.store() as store:
        store.connection.execute(PERSON.update().where(PERSON.c.id == other).values(deceased=True))
    one = world.claim_one()
    assert world.recipients(one.delivery_id) == {(family.student, family.guardian)}
    world.release(one)


def test_who_was_unlinked_stays_so_whatever_changes_afterwards(world: World) -> None:
    """Their right came back, but others' went: the message was for nobody any more when it was looked at last."""
    first = consenting(world)
    second = consenting(world, phone=first.phone)
    world.sent(first, second)
    withdraw(world, first)
    world.release(world.claim_one())
    give_consent_anew(world, first)
    withdraw(world, second)
    assert world.claim() == []
    (row,) = world.rows(DELIVERY)
    assert (row.state, row.code) == (DeliveryState.CANCELLED, "entitlement_lost")


def test_the_answers_of_other_alerts_stay_as_they_are(world: World) -> None:
    family = consenting(world)
    early = world.sent(family)
    world.record((world.claim_one(), Accepted("SM1")))
    late = world.sent(family)
    withdraw(world, family)
    assert world.claim() == []
    assert [one[3] for one in world.decisions(late)] == ["consent_withdrawn"]
    assert [one[3] for one in world.decisions(early)] == ["consented"]
    assert world.decisions(early, superseded=True) == []
