"""The rule of reminders as a table: what lacks, which address works, and how it stands with one guardian."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from contacts.codes import AddressChannel
from contacts.postal import PostalAddress
from contacts.reach import PointFacts
from contacts.reminders import (
    Campaign,
    Lack,
    LastMessage,
    ReminderFacts,
    Rules,
    Standing,
    address_for,
    lacks,
    may_still_leave,
    sent,
    standing,
)

NOW = datetime(2026, 11, 27, 9, 0, tzinfo=UTC)
RULES = Rules(days_between=8, at_most=9, letters=True)
HOME = PostalAddress(("Skipavika 88",), "5218", "NORDSTRØNO")
PHONE, EMAIL = AddressChannel.SMS, AddressChannel.EMAIL


def phone(**facts: Any) -> PointFacts:
    return PointFacts(1, PHONE, **{"verified": True} | facts)


def email(**facts: Any) -> PointFacts:
    return PointFacts(2, EMAIL, **{"verified": True} | facts)


def facts(*points: PointFacts, **values: Any) -> ReminderFacts:
    return ReminderFacts(7, "Kari Eksempel", "nb", **{"points": points, "postal": HOME} | values)


def reminded(number: int, days: float, **values: Any) -> Campaign:
    at = NOW - timedelta(days=days)
    return Campaign(1, 1, number, 0, at, at, **values)


@pytest.mark.parametrize(
    ("points", "expected"),
    [
        ((phone(), email()), {}),
        ((phone(), email(), email(verified=False)), {}),
        ((phone(opted_out=True), email()), {}),
        ((), {PHONE: Lack.MISSING, EMAIL: Lack.MISSING}),
        ((phone(), email(verified=False)), {EMAIL: Lack.UNVERIFIED}),
        ((phone(stale=True), email()), {PHONE: Lack.STALE}),
        ((phone(stale=True), phone(verified=False), email()), {PHONE: Lack.STALE}),
        ((phone(failing=True), email()), {PHONE: Lack.FAILING}),
        ((phone(takes_messages=False), email()), {PHONE: Lack.MISSING}),
        ((phone(shared_with_blocked=True), email()), {PHONE: Lack.MISSING}),
        ((phone(replaced=True), email()), {PHONE: Lack.MISSING}),
    ],
)
def test_what_lacks(points: tuple[PointFacts, ...], expected: dict[AddressChannel, Lack]) -> None:
    assert lacks(points) == expected


@pytest.mark.parametrize(
    ("points", "expected"),
    [
        ((phone(), email()), Standing.COMPLETE),
        ((phone(),), Standing.DUE_SMS),
        ((email(),), Standing.DUE_EMAIL),
        # Stale and unverified ones are asked about, and never written to; nor is a number that answered STOP.
        ((phone(stale=True), email()), Standing.DUE_EMAIL),
        ((phone(stale=True), email(verified=False)), Standing.DUE_LETTER),
        ((phone(opted_out=True),), Standing.DUE_LETTER),
        ((phone(failing=True), email(shared_with_blocked=True)), Standing.DUE_LETTER),
        ((), Standing.DUE_LETTER),
    ],
)
def test_the_channel_that_works(points: tuple[PointFacts, ...], expected: Standing) -> None:
    assert standing(facts(*points), LastMessage.LEFT, NOW, RULES) is expected


def test_without_an_address_for_letters_somebody_must_ask_in_person() -> None:
    for one, rules in ((facts(postal=None), RULES), (facts(), replace(RULES, letters=False))):
        assert standing(one, LastMessage.LEFT, NOW, rules) is Standing.NO_WAY


def test_who_is_told_about_nobody_is_not_asked() -> None:
    assert standing(facts(phone(), students=0), LastMessage.LEFT, NOW, RULES) is Standing.NOT_OURS
    assert standing(facts(phone(), email(), students=0), LastMessage.LEFT, NOW, RULES) is Standing.COMPLETE


@pytest.mark.parametrize(
    ("last", "message", "expected"),
    [
        (None, LastMessage.LEFT, Standing.DUE_SMS),  # the first at once
        (reminded(1, 7.999), LastMessage.LEFT, Standing.TOO_SOON),
        (reminded(1, 8), LastMessage.LEFT, Standing.DUE_SMS),
        (reminded(1, 0.1), LastMessage.UNDER_WAY, Standing.UNDER_WAY),
        # What was not sent does not count, and need not be waited for.
        (reminded(1, 0.9), LastMessage.NEVER_LEFT, Standing.DUE_SMS),
        (reminded(9, 0.9), LastMessage.NEVER_LEFT, Standing.DUE_SMS),
        (reminded(8, 8), LastMessage.LEFT, Standing.DUE_SMS),
        # The ninth has its eight days, too.
        (reminded(9, 7), LastMessage.LEFT, Standing.TOO_SOON),
        (reminded(9, 8), LastMessage.LEFT, Standing.GIVEN_UP),
        (reminded(9, 400, given_up=True), LastMessage.LEFT, Standing.GIVEN_UP),
        # Mended, and broken again: asked anew, as long after the last one as ever.
        (reminded(9, 3, fixed=True), LastMessage.LEFT, Standing.TOO_SOON),
        (reminded(9, 8, fixed=True), LastMessage.LEFT, Standing.DUE_SMS),
    ],
)
def test_the_first_at_once_then_eight_days_apart_and_nine_at_most(
    last: Campaign | None, message: LastMessage, expected: Standing
) -> None:
    assert standing(facts(phone(), last=last), message, NOW, RULES) is expected


@given(st.lists(st.integers(min_value=0, max_value=30), min_size=1, max_size=200))
def test_over_any_days_there_are_never_more_than_nine_nor_two_within_eight_days(pauses: list[int]) -> None:
    now, last, moments = NOW, None, []
    for pause in pauses:
        now += timedelta(hours=pause * 12)
        if standing(facts(phone(), last=last), LastMessage.LEFT, now, RULES) is Standing.DUE_SMS:
            moments.append(now)
            last = Campaign(1, 1, len(moments), 0, moments[0], now)
    assert len(moments) <= 9
    assert all(later - one >= timedelta(days=8) for one, later in pairwise(moments))


def test_the_best_address() -> None:
    chosen = address_for(facts(phone(), email()))
    assert chosen is not None and chosen.channel is EMAIL
    assert address_for(facts()) is None


@pytest.mark.parametrize(
    ("one", "may"),
    [
        (facts(phone()), True),
        (facts(phone(), email()), False),  # mended
        (facts(phone(), students=0), False),
        (facts(phone(opted_out=True)), False),
        (facts(phone(stale=True)), False),
        (facts(email()), False),  # the number is no longer theirs
    ],
)
def test_what_waits_leaves_only_while_it_is_wanted(one: ReminderFacts, may: bool) -> None:
    assert may_still_leave(one, 1) is may


def test_one_that_never_left_does_not_count() -> None:
    assert sent(reminded(3, 1), LastMessage.LEFT) == 3
    assert sent(reminded(3, 1), LastMessage.NEVER_LEFT) == 2
