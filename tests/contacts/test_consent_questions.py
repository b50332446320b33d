"""Who is asked before they turn 18: on which day, at which address, and who is never written to."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, datetime, timedelta
from typing import Any

import pytest

from contacts.codes import AddressChannel, ConsentPurpose, Protection
from contacts.consent_questions import (
    Question,
    QuestionFacts,
    address_to_ask,
    load_questions,
    may_still_be_asked,
    question,
)
from contacts.reach import PointFacts
from tests.contacts.store import DAY, LATELY, LONG_AGO, ContactStore

SMS, EMAIL = AddressChannel.SMS, AddressChannel.EMAIL
BIRTHDAY = date(2026, 12, 23)
PHONE, MAIL = PointFacts(1, SMS), PointFacts(2, EMAIL)


def facts(**values: Any) -> QuestionFacts:
    return replace(QuestionFacts(7, "3A-004", 1, "nb", BIRTHDAY, points=(PHONE,)), **values)


@pytest.mark.parametrize(
    ("today", "days", "due"),
    [
        (date(2026, 11, 22), 30, False),
        (date(2026, 11, 23), 30, True),
        (date(2026, 12, 15), 7, False),
        (date(2026, 12, 16), 7, True),
        (date(2026, 12, 23), 30, True),  # the birthday itself
        (date(2026, 12, 24), 30, False),
    ],
)
def test_on_which_day(today: date, days: int, due: bool) -> None:
    assert question(facts(), today, days) is (Question.TO_ASK if due else Question.NOT_DUE)


@pytest.mark.parametrize(
    ("values", "answer"),
    [
        ({"gone": True, "may_be_protected": True}, Question.GONE),
        ({"may_be_protected": True, "answered": True}, Question.HELD),
        ({"answered": True, "asked_at": LATELY}, Question.ANSWERED),
        ({"asked_at": LATELY, "guardians": 0, "points": ()}, Question.ASKED),
        ({"guardians": 0, "points": ()}, Question.NO_GUARDIAN),
        ({"points": ()}, Question.NO_ADDRESS),
        ({"points": (replace(PHONE, opted_out=True),)}, Question.UNUSABLE_ADDRESS),
        ({"points": (replace(PHONE, failing=True),)}, Question.UNUSABLE_ADDRESS),
        ({"points": (replace(PHONE, takes_messages=False),)}, Question.UNUSABLE_ADDRESS),
        ({"points": (replace(PHONE, verified=True, stale=True),)}, Question.UNUSABLE_ADDRESS),
        ({"shared": frozenset({1})}, Question.SHARED_ADDRESS),
        ({"points": (PHONE, MAIL), "shared": frozenset({2})}, Question.TO_ASK),
    ],
)
def test_what_stands_first_counts(values: dict[str, Any], answer: Question) -> None:
    assert question(facts(**values), DAY, 30) is answer


@pytest.mark.parametrize(
    ("points", "shared", "chosen"),
    [
        ((PHONE, MAIL), (), 2),
        ((PHONE, MAIL), (2,), 1),
        ((PHONE, replace(MAIL, failing=True)), (), 1),
        ((replace(PHONE, verified=True), MAIL), (), 2),
        ((MAIL, PointFacts(3, EMAIL, verified=True)), (), 3),
        ((PointFacts(3, EMAIL), MAIL), (), 2),
        ((replace(MAIL, opted_out=True),), (), 2),  # STOP is about SMS
        ((), (), None),
    ],
)
def test_by_e_mail_where_there_is_one(points: tuple[PointFacts, ...], shared: tuple[int, ...], chosen: int) -> None:
    point = address_to_ask(facts(points=points, shared=frozenset(shared)))
    assert (point and point.address_id) == chosen


@pytest.mark.parametrize(
    ("values", "address", "still"),
    [
        ({"asked_at": LATELY, "turns_18": DAY - timedelta(days=1)}, 1, True),
        ({"answered": True}, 1, False),
        ({"gone": True}, 1, False),
        ({"may_be_protected": True}, 1, False),
        ({"guardians": 0}, 1, False),
        ({}, 2, False),  # an address that is not theirs any more
        ({"shared": frozenset({1})}, 1, False),
        ({"points": (replace(PHONE, opted_out=True),)}, 1, False),
    ],
)
def test_what_waits_leaves_only_while_it_is_still_to_be_asked(
    values: dict[str, Any], address: int, still: bool
) -> None:
    assert may_still_be_asked(facts(**values), address) is still


class Class3A:
    """A student who turns 18 on 1 December, with a guardian and an e-mail address of her own."""

    def __init__(self, store: ContactStore, **values: Any) -> None:
        self.store = store
        self.student = store.student("3A-004", school=store.school(), birth_date=date(2008, 12, 1), **values)
        self.guardian = store.guardian(self.student)
        store.point(self.guardian, "ola@example.com")
        self.own = store.point(self.student, "nora@example.com", verified=None, source="pifu:x")

    @property
    def question(self) -> Question:
        found = load_questions(self.store.connection, [self.student], DAY, stale_after_months=18)
        return question(found[self.student], DAY, 30)


def test_what_is_in_the_store_reaches_the_rule(store: ContactStore) -> None:
    nora = Class3A(store)
    assert nora.question is Question.TO_ASK
    (facts,) = load_questions(store.connection, [nora.student, nora.guardian], DAY, stale_after_months=18).values()
    assert (facts.ref, facts.language, facts.turns_18, facts.guardians) == ("3A-004", "nb", date(2026, 12, 1), 1)
    # Her mother has the same address; a grandmother who has died does not count.
    store.point(store.guardian(deceased=True), "nora@example.com")
    assert nora.question is Question.TO_ASK
    store.point(nora.guardian, "nora@example.com")
    assert nora.question is Question.SHARED_ADDRESS


def test_a_sibling_with_the_same_address_would_read_it(store: ContactStore) -> None:
    nora = Class3A(store)
    store.point(store.student("1A-001"), "nora@example.com")
    assert nora.question is Question.SHARED_ADDRESS


@pytest.mark.parametrize(
    ("values", "answer"),
    [
        ({"deceased": True}, Question.GONE),
        ({"left_on": DAY}, Question.GONE),
        ({"left_on": DAY + timedelta(days=1)}, Question.TO_ASK),
        ({"protection": Protection.CONFIDENTIAL}, Question.HELD),
        ({"protection": Protection.STRICTLY_CONFIDENTIAL}, Question.HELD),
        ({"protection": Protection.CLIENT}, Question.TO_ASK),
        ({"protection_unknown": True}, Question.HELD),
    ],
)
def test_who_is_gone_or_may_be_protected(store: ContactStore, values: dict[str, Any], answer: Question) -> None:
    assert Class3A(store, **values).question is answer


def test_a_release_is_about_guardians_and_lets_no_message_go_to_the_student(store: ContactStore) -> None:
    nora = Class3A(store, protection=Protection.CONFIDENTIAL)
    store.release(nora.student, DAY + timedelta(days=30))
    assert nora.question is Question.HELD


@pytest.mark.parametrize(
    ("given", "withdrawn", "purpose", "answer"),
    [
        (DAY, None, ConsentPurpose.ALERTS, Question.ANSWERED),
        (DAY - timedelta(days=9), DAY, ConsentPurpose.ALERTS, Question.ANSWERED),
        (DAY, None, ConsentPurpose.PORTAL, Question.TO_ASK),
    ],
)
def test_a_consent_given_or_withdrawn_is_an_answer(
    store: ContactStore, given: date, withdrawn: date | None, purpose: ConsentPurpose, answer: Question
) -> None:
    nora = Class3A(store)
    store.consent(nora.student, nora.guardian, given, withdrawn, purpose=purpose)
    assert nora.question is answer


def test_where_nobody_is_told_there_is_nothing_to_ask(store: ContactStore) -> None:
    nora = Class3A(store)
    store.block(nora.guardian)
    assert nora.question is Question.NO_GUARDIAN


@pytest.mark.parametrize(("ended", "confirmed"), [(LATELY, LATELY), (None, LONG_AGO)])
def test_an_address_that_has_ended_or_is_stale(
    store: ContactStore, ended: datetime | None, confirmed: datetime
) -> None:
    student = store.student("3A-009", birth_date=date(2008, 12, 1))
    store.guardian(student)
    store.point(student, verified=LONG_AGO, confirmed=confirmed, ended_at=ended)
    (facts,) = load_questions(store.connection, [student], DAY, stale_after_months=18).values()
    assert question(facts, DAY, 30) is (Question.NO_ADDRESS if ended else Question.UNUSABLE_ADDRESS)
