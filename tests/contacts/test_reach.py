"""Which contact points a message uses: every rule by itself, then laws over all of them."""

from __future__ import annotations

from dataclasses import replace
from itertools import permutations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from contacts.codes import AddressChannel
from contacts.reach import PointFacts, ReachOptions, Unreachable, address_language, reach, refusal

SMS, EMAIL = AddressChannel.SMS, AddressChannel.EMAIL
BOTH = frozenset((SMS, EMAIL))
ACTUAL = ReachOptions(BOTH, use_stale=True)
DRILL = ReachOptions(BOTH, use_stale=False)
GOOD = PointFacts(1, SMS, verified=True)
MAIL = PointFacts(2, EMAIL, verified=True)


@pytest.mark.parametrize(
    ("point", "options", "reason"),
    [
        (GOOD, ACTUAL, None),
        (MAIL, ACTUAL, None),
        (GOOD, DRILL, None),
        (replace(GOOD, stale=True), ACTUAL, None),
        (replace(GOOD, stale=True), DRILL, "stale_only"),
        (replace(GOOD, verified=False), ACTUAL, "unverified_only"),
        (replace(GOOD, verified=False), replace(ACTUAL, include_unverified=True), None),
        (replace(GOOD, verified=False), replace(DRILL, include_unverified=True), None),
        (replace(GOOD, opted_out=True), ACTUAL, "opted_out"),
        (replace(MAIL, opted_out=True), ACTUAL, None),
        (replace(GOOD, failing=True), replace(ACTUAL, include_unverified=True), "failing"),
        (replace(MAIL, failing=True), ACTUAL, "failing"),
        (replace(GOOD, takes_messages=False), ACTUAL, "fixed_line_only"),
        (replace(GOOD, shared_with_blocked=True), ACTUAL, "shared_with_blocked"),
        (replace(MAIL, shared_with_blocked=True), replace(ACTUAL, include_unverified=True), "shared_with_blocked"),
        (replace(GOOD, replaced=True), replace(ACTUAL, include_unverified=True), "replaced"),
        (GOOD, replace(ACTUAL, channels=frozenset((EMAIL,))), "channel_not_asked"),
        (MAIL, replace(ACTUAL, channels=frozenset((EMAIL,))), None),
    ],
)
def test_each_rule_by_itself(point: PointFacts, options: ReachOptions, reason: str | None) -> None:
    found = reach([point], options)
    assert (found.unreachable and found.unreachable.value) == reason
    assert found.points == (() if reason else (point,))


def test_one_whom_no_contact_point_is_known_of() -> None:
    assert reach([], ACTUAL).unreachable is Unreachable.NO_CONTACT_POINT


def test_after_stop_the_message_goes_by_mail() -> None:
    assert reach([replace(GOOD, opted_out=True), MAIL], ACTUAL).points == (MAIL,)


def test_what_can_be_mended_soonest_names_the_reason() -> None:
    points = [
        replace(GOOD, address_id=7, replaced=True),
        replace(GOOD, address_id=1, shared_with_blocked=True),
        replace(GOOD, address_id=2, takes_messages=False),
        replace(GOOD, address_id=4, failing=True),
        replace(GOOD, address_id=3, opted_out=True),
        replace(GOOD, address_id=5, stale=True),
        replace(GOOD, address_id=6, verified=False),
    ]
    said = []
    while points:
        said.append(str(reach(points, DRILL).unreachable))
        points.pop()
    assert said == [
        "unverified_only",
        "stale_only",
        "opted_out",
        "failing",
        "fixed_line_only",
        "shared_with_blocked",
        "replaced",
    ]


@pytest.mark.parametrize(
    ("languages", "language"),
    [
        ({"se"}, "se"),
        ({"se", "nn"}, "nb"),
        ({"se", None}, "nb"),
        ({None}, "nb"),
        (set(), "nb"),
    ],
)
def test_an_address_has_the_language_that_its_owners_have_in_common(languages: set[str | None], language: str) -> None:
    assert address_language(languages, "nb") == language


# Mostly usable, so that each flaw shows by itself.
flaws = st.dictionaries(
    st.sampled_from(["takes_messages", "opted_out", "failing", "verified", "stale", "shared_with_blocked", "replaced"]),
    st.booleans(),
    max_size=2,
)
points = st.builds(
    lambda address, channel, changed: replace(PointFacts(address, channel, verified=True), **changed),
    st.integers(1, 5),
    st.sampled_from(AddressChannel),
    flaws,
)
channels = st.frozensets(st.sampled_from(AddressChannel)) | st.just(BOTH)
options = st.builds(ReachOptions, channels, st.booleans(), st.booleans())


@given(st.lists(points, max_size=6), options)
def test_either_points_or_a_reason_and_no_address_twice(found: list[PointFacts], asked: ReachOptions) -> None:
    result = reach(found, asked)
    assert (result.unreachable is None) == bool(result.points)
    addresses = [point.address_id for point in result.points]
    assert len(addresses) == len(set(addresses))
    assert set(result.points) <= set(found)


@given(st.lists(points, max_size=6), options)
def test_nothing_that_no_option_can_lift_is_ever_used(found: list[PointFacts], asked: ReachOptions) -> None:
    for point in reach(found, asked).points:
        assert point.takes_messages
        assert not point.shared_with_blocked
        assert not point.failing
        assert not point.replaced
        assert point.channel in asked.channels
        assert not (point.opted_out and point.channel is SMS)
        assert point.verified or asked.include_unverified
        assert asked.use_stale or not (point.verified and point.stale)


@given(st.lists(points, max_size=6), options)
def test_every_address_that_may_be_used_is_used(found: list[PointFacts], asked: ReachOptions) -> None:
    usable = {point.address_id for point in found if refusal(point, asked) is None}
    assert {point.address_id for point in reach(found, asked).points} == usable


@given(st.lists(points, max_size=6))
def test_allowing_more_never_reaches_fewer(found: list[PointFacts]) -> None:
    strict = ReachOptions(BOTH, use_stale=False)
    for lenient in (replace(strict, use_stale=True), replace(strict, include_unverified=True)):
        before, after = ({point.address_id for point in reach(found, options).points} for options in (strict, lenient))
        assert before <= after


@given(st.lists(points, max_size=4, unique_by=lambda point: point.address_id), options)
def test_the_order_of_the_points_changes_neither_use_nor_reason(found: list[PointFacts], asked: ReachOptions) -> None:
    results = [reach(order, asked) for order in permutations(found)]
    assert len({(frozenset(result.points), result.unreachable) for result in results}) == 1
