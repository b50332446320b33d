"""The course of an alert, its classes, its slowest messages and its cost equal a recount of the rows."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from dispatcher.codes import StudentClass
from dispatcher.reports.breakdown import Curve, Milestone, breakdown, points_of, step_of
from dispatcher.reports.cost import Cost, Prices, cost
from providers.base import Channel
from tests.dispatcher.reports.conftest import Case, add_calls
from tests.dispatcher.reports.recount import Rows
from tests.dispatcher.reports.world import CONFIRMED_AT


def test_everything_equals_a_recount(case: Case) -> None:
    rows = Rows(case)
    with case.database.read() as connection:
        found = breakdown(connection, case.alert, CONFIRMED_AT, Prices(0.83, 1.5))

    counted = {
        (None if one.hidden else one.home_class, name.value): getattr(one.classes, name.value)
        for one in found.home_classes
        for name in StudentClass
    }
    assert {key: count for key, count in counted.items() if count} == rows.home_classes()
    assert [(one.home_class, one.hidden) for one in found.home_classes] == [
        ("1A", False),
        ("2B", False),
        ("3C", False),
        (None, True),
    ]
    assert sum(one.classes.students for one in found.home_classes) == len(rows.students)

    moments = {Milestone.HAND_OVER: "accepted_at", Milestone.DELIVERY: "finished_at"}
    assert {(one.channel, one.milestone) for one in found.curves} == {
        (Channel.SMS, Milestone.HAND_OVER),
        (Channel.SMS, Milestone.DELIVERY),
        (Channel.EMAIL, Milestone.HAND_OVER),
    }
    for curve in found.curves:

        def up_to(seconds: float, curve: Curve = curve) -> int:
            return rows.up_to(curve.channel.value, moments[curve.milestone], CONFIRMED_AT, seconds)

        for point in curve.points:
            assert up_to(point.seconds - 1) <= point.messages <= up_to(point.seconds), (curve.channel, point)
        assert curve.points[-1].messages == up_to(1e9) > 0

    assert found.cost == Cost(rows.paid("sms"), 0, True, round(rows.paid("sms") * 0.83, 2)) == Cost(4, 0, True, 3.32)

    slow = [(one.channel, one.milestone, one.seconds, one.attempts, one.home_classes) for one in found.slowest]
    assert slow == [
        (Channel.SMS, Milestone.DELIVERY, 4.25, 2, ("1A", "2B")),
        (Channel.EMAIL, Milestone.HAND_OVER, 2.0, 2, ("1A", "2B")),
    ]


def test_a_call_costs_what_an_sms_does_not(case: Case) -> None:
    """What a provider has, or may have, is paid for, whoever answers; what never came there is not."""
    add_calls(case)
    rows = Rows(case)
    assert (rows.paid("sms"), rows.paid("voice")) == (4, 3)
    with case.database.read() as connection:
        assert cost(connection, case.alert, Prices(0.83, 1.5)) == Cost(4, 3, True, round(4 * 0.83 + 3 * 1.5, 2))
        assert cost(connection, case.alert, Prices(0.83, None)) == Cost(4, 3, False, 3.32)
        assert cost(connection, case.alert + 1, Prices(0.83, None)) == Cost(1, 0, True, 0.83)


_COUNTS = st.dictionaries(st.integers(1, 90_000), st.integers(1, 500), max_size=40)


@given(_COUNTS)
def test_a_curve_says_how_many_had_come_at_each_of_its_points(by_second: dict[int, int]) -> None:
    step = step_of(max(by_second, default=1))
    points = points_of(by_second, step)
    assert len(points) <= 61
    assert [point.seconds for point in points] == [number * step for number in range(len(points))]
    for point in points:
        assert point.messages == sum(count for second, count in by_second.items() if second <= point.seconds)
    assert points[-1].messages == sum(by_second.values())
