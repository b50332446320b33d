"""The picture shows each goal that was measured, as long as it is and in the colour of its verdict."""

from __future__ import annotations

import pytest
from defusedxml.ElementTree import fromstring

from bench.picture import as_svg, part_of_goal
from bench.table import Goal, Row, at_least, at_most, under

_SVG = "{http://www.w3.org/2000/svg}"


@pytest.mark.parametrize(
    ("goal", "measured", "part"),
    [
        (at_least(0.8), 0.4, 0.5),
        (at_least(0.8), 0.8, 1.0),
        (at_least(0.8), 8.0, 2.0),  # cut off
        (under(200), 50.0, 0.25),
        (at_most(0), 0.0, 0.0),
        (at_most(0), 3.0, 2.0),
    ],
)
def test_a_bar_is_as_long_as_its_part_of_the_goal(goal: Goal, measured: float, part: float) -> None:
    assert part_of_goal(Row("this", measured, goal)) == pytest.approx(part)


def test_rows_without_goal_or_measurement_are_not_drawn() -> None:
    rows = [
        Row("SMS <end to end> & more", 0.9, at_least(0.8)),
        Row("against wrk", 0.1),
        Row("peers", None, at_least(5)),
        Row("memory", 300.0, under(200), "MB"),
    ]
    picture = fromstring(as_svg(rows, "Fan-out"))
    bars = [bar for bar in picture.iter(f"{_SVG}rect") if bar.get("height") == "16"]
    words = [text.text for text in picture.iter(f"{_SVG}text")]
    assert len(bars) == 2
    assert bars[0].get("fill") != bars[1].get("fill")
    assert "SMS <end to end> & more" in words
    assert "against wrk" not in words and "peers" not in words
