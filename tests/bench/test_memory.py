"""Memory that stays is flat, whatever the start took; memory that grows is not."""

from __future__ import annotations

import pytest

from bench.memory import summed_up


def test_what_the_start_takes_is_not_growth() -> None:
    use = summed_up([(0.0, 40.0), (1.0, 90.0), (2.0, 120.0), (3.0, 120.0), (4.0, 120.0), (5.0, 120.0), (6.0, 120.0),
                     (7.0, 120.0)])  # fmt: skip
    assert (use.peak, use.after_a_quarter, use.at_the_end) == (120.0, 120.0, 120.0)
    assert use.slope_per_minute == 0.0


def test_growth_is_told_for_a_minute() -> None:
    use = summed_up([(float(second), 100.0 + 2 * second) for second in range(40)])
    assert use.slope_per_minute == pytest.approx(120.0)
    assert use.at_the_end > use.after_a_quarter


def test_a_single_look_is_enough() -> None:
    assert summed_up([(1.0, 50.0)]).slope_per_minute == 0.0
