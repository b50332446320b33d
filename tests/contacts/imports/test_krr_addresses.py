"""The contact register's addresses: when each was confirmed, when it ends, and what no answer takes away."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest
from sqlalchemy import update

from config.clock import bound_db_now
from contacts import tables
from contacts.codes import AddressChannel, VerifiedBy
from contacts.contact_points import TypedAddress, add_point, remove_point
from contacts.facts import load_cases
from contacts.imports.step import Kind
from contacts.people import find_guardian, find_student, guardian_ref
from tests.contacts.imports.importing import TODAY, Importer
from tests.contacts.imports.krr_files import (
    JUNE,
    KARI,
    MAIL,
    OLE,
    PHONE,
    active,
    contacts,
    deleted,
    entries,
    reasons,
    told,
)
from tests.contacts.imports.pifu_files import (
    KARI_NIN,
    OLE_NIN,
    small_school,
)
from tests.contacts.imports.test_guardians_csv import HEAD, line


def test_each_channel_becomes_stale_by_its_own_time(school: Importer) -> None:
    school.krr(
        active(
            KARI_NIN,
            kontaktinformasjon=contacts(PHONE, MAIL, updated="2023-01-10T08:00:00Z", verified="2026-01-10T08:00:00Z")
            | {"epostadresse_sist_verifisert": "2025-05-22T10:00:00Z"},
        )
    )
    with school.database.read() as connection:
        nora = find_student(connection, "2B-017")
        (case,) = load_cases(connection, [nora.id], TODAY, stale_after_months=18)
    kari = school.person(KARI).id
    (points,) = (guardian.points for guardian in case.guardians if guardian.guardian_id == kari)
    # The school's own two are not verified here; the mail was confirmed 18 months and a day ago.
    assert {(point.channel, point.stale) for point in points if point.verified} == {
        (AddressChannel.SMS, False),
        (AddressChannel.EMAIL, True),
    }


def test_a_newer_confirmation_is_kept_and_an_older_answer_takes_nothing_back(school: Importer) -> None:
    def confirmed(moment: str) -> dict[str, Any]:
        return active(KARI_NIN, kontaktinformasjon=contacts(PHONE, updated="2024-01-01T00:00:00Z", verified=moment))

    school.krr(confirmed("2025-03-01T00:00:00Z"))
    assert school.krr(confirmed("2026-06-29T10:15:52Z")).count(Kind.CONTACT_POINTS).changed == 1
    assert told(school) == {(KARI, PHONE): (JUNE, VerifiedBy.SOURCE, JUNE)}
    assert school.krr(confirmed("2025-03-01T00:00:00Z")).changes == 0


def test_what_the_register_no_longer_tells_ends_for_it_alone(school: Importer) -> None:
    school.krr(
        active(KARI_NIN, kontaktinformasjon=contacts(PHONE, MAIL)),
        active(OLE_NIN, kontaktinformasjon=contacts("+4799900333")),
    )
    # Of Ole, who was not asked for, nothing is said.
    plan = school.krr(active(KARI_NIN, kontaktinformasjon=contacts("+4799900444", MAIL)))
    assert (plan.count(Kind.CONTACT_POINTS).added, plan.count(Kind.CONTACT_POINTS).ended) == (1, 1)
    assert set(told(school)) == {(KARI, "+4799900444"), (KARI, MAIL), (OLE, "+4799900333")}
    assert set(told(school, ended=True)) == {(KARI, PHONE)}
    # And back: it is in force again.
    school.krr(active(KARI_NIN, kontaktinformasjon=contacts(PHONE, MAIL)))
    assert set(told(school)) == {(KARI, PHONE), (KARI, MAIL), (OLE, "+4799900333")}


@pytest.mark.parametrize("silence", [{}, None])
def test_addresses_that_the_register_keeps_to_itself_have_not_ended(
    sqlite_school: Importer, silence: dict[str, str] | None
) -> None:
    sqlite_school.krr(active(KARI_NIN, kontaktinformasjon=contacts(PHONE, MAIL)))
    sqlite_school.krr(active(KARI_NIN, varslingsstatus="KAN_IKKE_VARSLES", kontaktinformasjon=silence))
    assert len(told(sqlite_school)) == 2
    assert entries(sqlite_school)[KARI][:3] == ("active", False, True)


def test_who_can_be_notified_and_has_no_address_has_none(sqlite_school: Importer) -> None:
    sqlite_school.krr(active(KARI_NIN, kontaktinformasjon=contacts(PHONE, MAIL)))
    sqlite_school.krr(active(KARI_NIN, kontaktinformasjon={}))
    assert told(sqlite_school) == {}


def test_what_a_guardian_confirmed_by_a_code_stays(school: Importer) -> None:
    school.krr(active(KARI_NIN, kontaktinformasjon=contacts(PHONE, MAIL)))
    kari = school.person(KARI).id
    with bound_db_now(school.now), school.database.write() as connection:
        own = TypedAddress(AddressChannel.SMS, "+4799900555", True)
        add_point(connection, find_guardian(connection, guardian_ref(kari)), own, operator="tester")
        by_code = {"verified_at": school.now, "verified_by": VerifiedBy.CODE, "confirmed_at": school.now}
        point, address = tables.CONTACT_POINT, tables.ADDRESS
        for value in ("+4799900555", PHONE):
            connection.execute(
                update(point).where(point.c.address_id == address.c.id, address.c.value == value).values(**by_code)
            )
    # Told again, the code is still what verified it; no longer told, it stays; what no code confirmed goes.
    school.krr(active(KARI_NIN, kontaktinformasjon=contacts(PHONE, MAIL, verified="2026-08-01T00:00:00Z")))
    assert told(school)[KARI, PHONE] == (school.now, VerifiedBy.CODE, school.now)
    school.krr(deleted(KARI_NIN))
    assert set(told(school)) == {(KARI, PHONE)}
    assert {(KARI, "+4799900555"), (KARI, PHONE)} <= school.points()
    assert (KARI, MAIL) not in school.points()


def test_what_its_owner_removed_no_source_brings_back_but_a_later_word_of_their_own_does(school: Importer) -> None:
    in_june, in_august = ({"updated": f"2026-0{month}-01T00:00:00Z"} for month in (6, 8))
    school.krr(active(KARI_NIN, kontaktinformasjon=contacts(PHONE, MAIL, **in_june)))
    own_school = "+4790000001"
    with bound_db_now(datetime(2026, 7, 1, tzinfo=UTC)), school.database.write() as connection:
        kari = find_guardian(connection, guardian_ref(school.person(KARI).id))
        for value in (PHONE, own_school):
            remove_point(connection, kari, TypedAddress(AddressChannel.SMS, value, True), operator="tester")
    gone = {(KARI, PHONE), (KARI, own_school)}

    def told_again(updated: str | None = None) -> set[tuple[str, str]]:
        plans = [school.pifu(small_school(), trusted=("pifu",))]
        plans.append(school.krr(active(KARI_NIN, kontaktinformasjon=contacts(PHONE, MAIL, updated=updated))))
        if updated is None:
            assert all(plan.changes == 0 for plan in plans)
        return school.points() & gone

    assert told_again(**in_june) == set()
    assert told_again() == set()
    assert told_again(**in_august) == {(KARI, PHONE)}
    # A source that has never told it does not bring it back either; the older answer, read again, ends nothing.
    school.guardians(HEAD + line(guardian_nin=KARI_NIN, given_name="", family_name="", phone=own_school))
    assert told_again(**in_june) == {(KARI, PHONE)}
    # Nobody but its owner brings back the other.
    with school.database.write() as connection:
        add_point(connection, kari, TypedAddress(AddressChannel.SMS, own_school, True), operator="tester")
    assert school.points() & gone == gone


def test_without_trust_the_time_is_kept_and_nothing_is_verified(school: Importer) -> None:
    answer = active(KARI_NIN, kontaktinformasjon=contacts(PHONE))
    assert not school.krr(answer, trusted=()).contacts_verified
    assert told(school) == {(KARI, PHONE): (None, None, JUNE)}
    assert school.krr(answer, trusted=()).changes == 0
    school.krr(answer)
    assert told(school) == {(KARI, PHONE): (JUNE, VerifiedBy.SOURCE, JUNE)}


def test_a_time_that_is_lost_later_takes_no_verification_away(sqlite_school: Importer) -> None:
    sqlite_school.krr(active(KARI_NIN, kontaktinformasjon=contacts(PHONE)))
    plan = sqlite_school.krr(active(KARI_NIN, kontaktinformasjon=contacts(PHONE, updated=None)))
    assert (plan.changes, plan.refused) == (0, 1)
    assert told(sqlite_school) == {(KARI, PHONE): (JUNE, VerifiedBy.SOURCE, JUNE)}


NEW = "+4799900222"
OLDER = active(KARI_NIN, kontaktinformasjon=contacts(PHONE, MAIL, updated="2025-03-01T00:00:00Z"))
NEWER = active(KARI_NIN, kontaktinformasjon=contacts(NEW, MAIL, updated="2026-11-01T00:00:00Z"))


@pytest.mark.parametrize("answers", [(OLDER, NEWER, OLDER), (NEWER, OLDER)])
def test_an_older_answer_read_again_undoes_no_newer_one(school: Importer, answers: tuple[dict[str, Any], ...]) -> None:
    for answer in answers[:-1]:
        school.krr(answer)
    before = school.everything()
    assert school.krr(answers[-1]).changes == 0
    assert school.everything() == before
    assert set(told(school)) == {(KARI, NEW), (KARI, MAIL)}


def test_an_older_answer_stores_no_address_either(sqlite_school: Importer) -> None:
    """It may be read together with others, which are news."""
    sqlite_school.krr(NEWER)
    sqlite_school.krr(OLDER, active(OLE_NIN, kontaktinformasjon=contacts("+4799900333")))
    assert PHONE not in {row.value for row in sqlite_school.rows(tables.ADDRESS)}
    assert set(told(sqlite_school)) == {(KARI, NEW), (KARI, MAIL), (OLE, "+4799900333")}


def test_each_channel_has_its_own_age(sqlite_school: Importer) -> None:
    sqlite_school.krr(NEWER)
    newer_mail = contacts(PHONE, "ny@eksempel.example", updated="2025-03-01T00:00:00Z")
    newer_mail["epostadresse_oppdatert"] = "2026-11-02T00:00:00Z"
    sqlite_school.krr(active(KARI_NIN, kontaktinformasjon=newer_mail))
    assert set(told(sqlite_school)) == {(KARI, NEW), (KARI, "ny@eksempel.example")}


def test_an_answer_later_than_the_last_one_but_not_than_a_code_counts(sqlite_school: Importer) -> None:
    sqlite_school.krr(OLDER)
    point, address = tables.CONTACT_POINT, tables.ADDRESS
    by_code = {
        "verified_at": sqlite_school.now,
        "verified_by": VerifiedBy.CODE,
        "confirmed_at": sqlite_school.now,
    }
    with sqlite_school.database.write() as connection:
        connection.execute(
            update(point).where(point.c.address_id == address.c.id, address.c.value == PHONE).values(**by_code)
        )
    sqlite_school.krr(NEWER)
    assert set(told(sqlite_school)) == {(KARI, PHONE), (KARI, NEW), (KARI, MAIL)}


def test_one_that_had_ended_and_is_told_without_a_time_is_not_verified(school: Importer) -> None:
    school.krr(active(KARI_NIN, kontaktinformasjon=contacts(PHONE)))
    school.krr(deleted(KARI_NIN))
    plan = school.krr(active(KARI_NIN, kontaktinformasjon=contacts(PHONE, updated=None)))
    assert [reason for _, reason in reasons(plan)] == [
        "mobiltelefonnummer comes without a time at which it was confirmed: it is not verified by this"
    ]
    assert told(school)[KARI, PHONE][:2] == (None, None)
    # With its time it is again.
    school.krr(active(KARI_NIN, kontaktinformasjon=contacts(PHONE)))
    assert told(school) == {(KARI, PHONE): (JUNE, VerifiedBy.SOURCE, JUNE)}
