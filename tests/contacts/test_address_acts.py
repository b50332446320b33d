"""STOP, its taking back and forgotten failures, as staff record them: for the address, and on record."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from sqlalchemy import select

from config.audit_reading import Wanted, newest_entries
from config.errors import UsageError
from contacts import tables
from contacts.acts import Act
from contacts.address_acts import forget_failures, opt_in, opt_out
from contacts.codes import AddressChannel, Protection
from contacts.contact_points import STUDENT_SOURCE, add_point, points_of, read_typed
from contacts.facts import load_cases
from contacts.people import find_owner
from contacts.reach import ReachOptions, Unreachable, reach
from tests.contacts.store import DAY, LATELY, ContactStore

WHY = {"evidence": "case 2026/91", "operator": "kari"}
ACTUAL = ReachOptions(frozenset(AddressChannel), use_stale=True)


class Desk:
    """A guardian with a phone, which another guardian shares, and an e-mail address."""

    def __init__(self, store: ContactStore) -> None:
        self.store = store
        self.student, self.other = store.student("A"), store.student("B")
        guardian, sharer = store.guardian(self.student), store.guardian(self.other)
        store.point(guardian)
        store.point(guardian, source="pifu", verified=None)
        store.point(guardian, "ola@example.com")
        store.point(sharer)
        self.guardian = store.found_guardian(guardian)

    def why_not(self, student: int) -> list[Unreachable | None]:
        (case,) = load_cases(self.store.connection, [student], DAY, stale_after_months=18)
        (guardian,) = case.guardians
        return [reach([point], ACTUAL).unreachable for point in guardian.points]

    def acts(self) -> list[tuple[str, str]]:
        entries = newest_entries(self.store.connection, Wanted(), 10)
        return [(entry.act, str(entry.details)) for entry in reversed(entries)]


@pytest.fixture
def desk(store: ContactStore) -> Desk:
    return Desk(store)


def test_stop_by_word_of_mouth_and_its_taking_back(desk: Desk) -> None:
    connection, guardian = desk.store.connection, desk.guardian
    assert opt_out(connection, guardian, None, **WHY).changed
    assert desk.why_not(desk.student) == [Unreachable.OPTED_OUT, None]
    assert desk.why_not(desk.other) == [Unreachable.OPTED_OUT]
    assert opt_out(connection, guardian, read_typed("999 99 912", None), **WHY) == Act(
        False, f"+47 9xx xx x12 of {guardian.label} gets no SMS already: nothing was changed."
    )
    assert opt_in(connection, guardian, None, **WHY).changed
    assert desk.why_not(desk.student) == [None, None]
    assert not opt_in(connection, guardian, read_typed("999 99 912", None), **WHY).changed
    evidence = str({"channel": "sms", "evidence": "case 2026/91"})
    assert desk.acts() == [("contact.opt_out", evidence), ("contact.opt_in", evidence)]


def test_failures_are_forgotten_for_all_who_share_the_address(desk: Desk) -> None:
    connection, guardian = desk.store.connection, desk.guardian
    connection.execute(tables.ADDRESS.update().values(failures=3, failing_since=LATELY))
    assert desk.why_not(desk.student) == [Unreachable.FAILING] * 2
    with pytest.raises(UsageError, match="More than one contact point") as caught:
        forget_failures(connection, guardian, None, **WHY)
    assert "+47 9xx xx x12" in str(caught.value) and "99999912" not in str(caught.value)
    assert forget_failures(connection, guardian, read_typed("999 99 912", None), **WHY).changed
    assert (desk.why_not(desk.student), desk.why_not(desk.other)) == ([None, Unreachable.FAILING], [None])
    assert list(connection.scalars(select(tables.ADDRESS.c.failures).order_by(tables.ADDRESS.c.id))) == [0, 3]
    assert not forget_failures(connection, guardian, read_typed("999 99 912", None), **WHY).changed
    assert forget_failures(connection, guardian, None, **WHY).changed  # the only one that is left
    assert len(desk.acts()) == 2


@pytest.mark.parametrize("act", [opt_out, opt_in, forget_failures])
def test_what_cannot_be_meant_changes_nothing(desk: Desk, act: Callable[..., Act]) -> None:
    connection, guardian = desk.store.connection, desk.guardian
    for typed, evidence, words in (
        (None, " ", "evidence is missing"),
        (read_typed("+4799999913", None), "case", "no such contact point"),
    ):
        with pytest.raises(UsageError, match=words):
            act(connection, guardian, typed, evidence=evidence, operator="kari")
    assert desk.acts() == []


def test_without_any_that_fits_nothing_is_guessed(desk: Desk) -> None:
    with pytest.raises(UsageError, match="has answered STOP"):
        opt_in(desk.store.connection, desk.guardian, None, **WHY)
    with pytest.raises(UsageError, match="has failed"):
        forget_failures(desk.store.connection, desk.guardian, None, **WHY)
    with pytest.raises(UsageError, match="no such contact point"):
        opt_out(desk.store.connection, desk.guardian, read_typed(None, "ola@example.com"), **WHY)


def test_a_students_own_address_by_hand(store: ContactStore) -> None:
    student = store.student("3A-004")
    mine, protected = find_owner(store.connection, "3a-004"), {"protection": Protection.CONFIDENTIAL}
    phone, mail = read_typed("999 99 912", None), read_typed(None, "nora@example.com")
    assert phone is not None and mail is not None
    assert [add_point(store.connection, mine, one, operator="kari").changed for one in (phone, mail)] == [True, True]
    assert not add_point(store.connection, mine, mail, operator="kari").changed
    assert {one.source for one in points_of(store.connection, student)} == {STUDENT_SOURCE}
    assert opt_out(store.connection, mine, None, **WHY).changed
    acts = newest_entries(store.connection, Wanted(), 10)
    assert {(entry.act, entry.subject) for entry in acts} == {
        ("contact.add", "student 3A-004"),
        ("contact.opt_out", "student 3A-004"),
    }
    # Of one who may be protected not even the end of a number is shown, or taken; a guardian's is, whoever they are.
    guardian = store.guardian(store.student("1A-001", **protected), **protected)
    for ref in ("1A-001", "9Z-999", "G-999999"):
        with pytest.raises(UsageError):
            find_owner(store.connection, ref)
    assert find_owner(store.connection, f"G-{guardian}").id == guardian
