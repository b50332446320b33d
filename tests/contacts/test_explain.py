"""What `contacts explain` knows and shows, and what it never shows of a protected student."""

from __future__ import annotations

import io
from datetime import date
from typing import Any

import pytest
from rich.console import Console
from sqlalchemy import insert

from contacts import tables
from contacts.codes import AddressChannel, Basis, Protection, RegisterStatus, VerifiedBy
from contacts.commands.explanation import draw
from contacts.entitlement import Reason, Verdict
from contacts.explain import Explanation, ProtectedExplanation, explain
from contacts.reach import Unreachable
from tests.contacts.store import ADULT, DAY, LATELY, LONG_AGO, ContactStore


def explained(store: ContactStore, on: date = DAY) -> Explanation:
    found = explain(store.connection, store.found_student(), on, stale_after_months=18)
    assert isinstance(found, Explanation)
    return found


def page(explanation: Explanation | ProtectedExplanation, width: int = 200) -> str:
    drawn = io.StringIO()
    draw(explanation, Console(file=drawn, width=width, highlight=False))
    return drawn.getvalue()


def lines(text: str) -> list[str]:
    return [" ".join(line.split()) for line in text.splitlines() if line.strip()]


@pytest.fixture
def family(store: ContactStore) -> ContactStore:
    """Nora with a father who can be told, a blocked mother, and a contact person without a decision."""
    school = store.school()
    nora = store.student(school=school)
    store.group("2B", school, nora)
    store.group("Kor", school, nora, home=False)
    ola = store.guardian(nora)
    store.point(ola)
    liv = store.guardian(nora, given_name="LIV")
    store.point(liv, "+4799999913")
    store.block(liv)
    per = store.guardian(given_name="Per", family_name="Stri")
    store.link(nora, per, Basis.CONTACT_PERSON, source="manual")
    store.point(per, "+4799999914")
    return store


def test_the_page_of_the_design(family: ContactStore) -> None:
    ola, liv, per = (guardian.guardian for guardian in explained(family).guardians)
    assert lines(page(explained(family))) == [
        "Student 2B-017 Nora E. 16 years (18 on 2028-03-02) Eksempel vgs class 2B",
        "As of 2026-11-23",
        "guardian basis verdict reason would be told by",
        f"Ola E. {ola} custody (FREG) entitled custody SMS +47 9xx xx x12 (verified KRR 2026-06-29)",
        f"Liv E. {liv} custody (FREG) no blocked decision 2026/113, 2026-02-01 →",
        f"Per S. {per} contact_person (MANUAL) no undocumented_contact",
    ]


def test_no_whole_address_is_shown(family: ContactStore) -> None:
    shown = page(explained(family)) + repr(explained(family))
    assert not any(number in shown for number in ("99999912", "99999913", "99999914"))


def test_eighty_columns_hold_the_whole_page(family: ContactStore) -> None:
    _, liv, per = (guardian.guardian for guardian in explained(family).guardians)
    text = page(explained(family), 80)
    assert all(len(line) <= 80 for line in text.splitlines())
    assert lines(text)[-4:] == [
        "SMS +47 9xx xx x12 (verified KRR 2026-06-29)",
        f"Liv E. {liv} custody (FREG) no blocked",
        "decision 2026/113, 2026-02-01 →",
        f"Per S. {per} contact_person (MANUAL) no undocumented_contact",
    ]


def test_one_who_is_not_entitled_has_no_points_and_one_who_is_has_all(family: ContactStore) -> None:
    ola, liv, per = explained(family).guardians
    assert [len(guardian.points) for guardian in (ola, liv, per)] == [1, 0, 0]
    assert [guardian.verdict for guardian in (ola, liv, per)] == [Verdict.ENTITLED, Verdict.NO, Verdict.NO]


def test_each_contact_point_says_why_it_would_not_be_used(store: ContactStore) -> None:
    nora = store.student()
    ola = store.guardian(nora)
    store.point(ola, "+4799999911", opted_out_at=LATELY)
    store.point(ola, "+4722225555", takes_messages=False)
    store.point(ola, "ola@example.com", verified=None)
    store.point(ola, "+4799999915", verified=LONG_AGO, confirmed=LONG_AGO)
    store.point(ola, "+4799999916", failing_since=LATELY)
    (guardian,) = explained(store).guardians
    assert guardian.unreachable is None
    assert [(point.channel, point.unused, point.stale) for point in guardian.points] == [
        (AddressChannel.SMS, None, True),
        (AddressChannel.SMS, Unreachable.OPTED_OUT, False),
        (AddressChannel.SMS, Unreachable.FIXED_LINE_ONLY, False),
        (AddressChannel.SMS, Unreachable.FAILING, False),
        (AddressChannel.EMAIL, Unreachable.UNVERIFIED_ONLY, False),
    ]
    text = page(explained(store))
    for words in (
        "verified KRR 2024-01-01, stale",
        "has answered STOP",
        "fixed line",
        "failing",
        "--include-unverified",
    ):
        assert words in text


def test_a_number_of_the_register_that_the_guardian_has_replaced_says_so(store: ContactStore) -> None:
    ola = store.guardian(store.student())
    store.point(ola, "+4799999911")
    store.point(ola, "+4799999912", source="guardian", by=VerifiedBy.CODE)
    assert lines(page(explained(store), 80))[-2:] == [
        "SMS +47 9xx xx x12 (verified code 2026-06-29)",
        "(SMS +47 9xx xx x11: verified KRR 2026-06-29, not used: the guardian has confirmed another with us)",
    ]


def test_a_number_that_others_have_in_the_register_says_so_and_is_used_all_the_same(store: ContactStore) -> None:
    ola = store.guardian(store.student())
    store.point(ola, "+4799999911", shared_in_register=True)
    store.point(ola, "+4799999911", source="pifu:NO1", verified=None)
    store.point(ola, "+4799999912", shared_in_register=False)
    store.point(ola, "ola@example.com", verified=None)
    (guardian,) = explained(store).guardians
    assert [(point.unused, point.shared_in_register) for point in guardian.points] == [
        (None, True),
        (None, False),
        (Unreachable.UNVERIFIED_ONLY, None),
    ]
    assert [line for line in lines(page(explained(store), 80)) if "shared" in line] == [
        "SMS +47 9xx xx x11 (verified KRR 2026-06-29, shared in KRR)"
    ]


def test_an_entitled_guardian_whom_nothing_reaches_is_said_to_be_one(store: ContactStore) -> None:
    store.guardian(store.student())
    (guardian,) = explained(store).guardians
    assert (guardian.verdict, guardian.unreachable) == (Verdict.ENTITLED, Unreachable.NO_CONTACT_POINT)
    assert "nobody: no contact point" in page(explained(store))


def test_several_sources_of_one_address_are_one_line_with_the_one_that_verified(store: ContactStore) -> None:
    ola = store.guardian(store.student())
    store.point(ola, verified=None, source="pifu:NO1")
    store.point(ola, source="krr")
    (guardian,) = explained(store).guardians
    (point,) = guardian.points
    assert (point.sources, point.verified_source, point.verified_on) == (("pifu:NO1", "krr"), "krr", date(2026, 6, 29))


@pytest.mark.parametrize(
    ("entry", "shown"),
    [
        ({"status": RegisterStatus.ACTIVE, "reserved": False, "expired": False}, []),
        (
            {"status": RegisterStatus.ACTIVE, "reserved": True},
            ["KRR: reserved against digital letters (alerts are none)"],
        ),
        ({"status": RegisterStatus.ACTIVE, "reserved": False, "expired": True}, ["KRR: contact information expired"]),
        ({"status": RegisterStatus.DELETED}, ["KRR: deleted"]),
        ({"status": RegisterStatus.NOT_REGISTERED}, ["KRR: never registered"]),
    ],
)
def test_what_the_contact_register_says(store: ContactStore, entry: dict[str, Any], shown: list[str]) -> None:
    ola = store.guardian(store.student())
    store.point(ola)
    store.connection.execute(insert(tables.REGISTER_ENTRY).values(person_id=ola, **entry))
    assert [line for line in lines(page(explained(store), 80)) if line.startswith("KRR")] == shown


def test_the_day_decides(store: ContactStore) -> None:
    store.guardian(store.student(birth_date=ADULT))
    before, on_the_day = (explained(store, day) for day in (date(2026, 3, 1), date(2026, 3, 2)))
    assert (before.age, before.guardians[0].reason) == (17, Reason.CUSTODY)
    assert (on_the_day.age, on_the_day.guardians[0].reason) == (18, Reason.ADULT_WITHOUT_CONSENT)
    assert "17 years (18 on 2026-03-02)" in page(before)
    assert "18 years (18 since 2026-03-02)" in page(on_the_day)


def test_a_student_without_guardians_birth_date_or_school(store: ContactStore) -> None:
    store.student(birth_date=None)
    text = page(explained(store))
    for words in ("birth date unknown", "no school today", "No guardian is registered"):
        assert words in text


def test_the_days_of_a_guardianship_are_its_first_and_its_last(store: ContactStore) -> None:
    nora, ola = store.student(), store.guardian()
    store.link(nora, ola, Basis.FOSTER, valid_from=date(2026, 1, 1), valid_to=date(2026, 7, 1))
    assert "foster (FREG) 2026-01-01 → 2026-06-30" in page(explained(store))


@pytest.mark.parametrize(
    ("protection", "reason"),
    [
        ({"protection": Protection.STRICTLY_CONFIDENTIAL}, Reason.PROTECTED_HOLD),
        ({"protection_unknown": True}, Reason.PROTECTION_UNKNOWN),
    ],
)
def test_of_a_student_who_may_be_protected_only_the_decision_is_shown(
    store: ContactStore, protection: dict[str, Any], reason: Reason
) -> None:
    school = store.school()
    nora = store.student(school=school, **protection)
    store.group("2C", school, nora)
    ola = store.guardian(nora)
    store.point(ola, shared_in_register=True)
    store.connection.execute(
        insert(tables.REGISTER_ENTRY).values(person_id=ola, status=RegisterStatus.ACTIVE, reserved=True)
    )
    store.block(store.guardian(nora, given_name="Liv"))
    found = explain(store.connection, store.found_student(), DAY, stale_after_months=18)
    assert isinstance(found, ProtectedExplanation)
    assert {(one.reason, one.guardians) for one in found.answers} == {(reason, 1), (Reason.BLOCKED, 1)}
    shown = page(found) + repr(found)
    secrets = ("Nora", "Eksempel vgs", "2C", "Ola", "Liv", "G-", "x12", "2026/113", "2010", "KRR", "reserved", "shared")
    assert not [secret for secret in secrets if secret in shown]


@pytest.mark.parametrize(
    ("protection", "words", "who"),
    [
        ({"protection": Protection.CONFIDENTIAL}, "protected", "a protected student"),
        ({"protection_unknown": True}, "protection not known", "a student who may be protected"),
    ],
)
def test_a_released_student_shows_no_more_than_that(
    store: ContactStore, protection: dict[str, Any], words: str, who: str
) -> None:
    nora = store.student(**protection)
    store.point(store.guardian(nora))
    store.release(nora, date(2026, 12, 31))
    found = explain(store.connection, store.found_student(), DAY, stale_after_months=18)
    assert lines(page(found)) == [
        f"Student 2B-017 {words}, released to 2026-12-31 2026-11-23",
        "verdict reason guardians",
        "entitled custody 1",
        f"Nothing else is shown of {who}.",
    ]
