"""The table says met only for what meets its goal, and never for what was not measured."""

from __future__ import annotations

import pytest

from bench.table import Goal, Row, Verdict, as_markdown, as_text, at_least, at_most, under


@pytest.mark.parametrize(
    ("goal", "measured", "verdict"),
    [
        (at_least(0.8), 0.8, Verdict.MET),
        (at_least(0.8), 0.799, Verdict.MISSED),
        (at_most(1.05), 1.05, Verdict.MET),
        (at_most(1.05), 1.051, Verdict.MISSED),
        (at_most(0), 0.0, Verdict.MET),
        (at_most(0), 1.0, Verdict.MISSED),
        (under(200), 199.9, Verdict.MET),
        (under(200), 200.0, Verdict.MISSED),
        (None, 3.0, Verdict.TOLD),
        (at_least(0.8), None, Verdict.NOT_MEASURED),
        (None, None, Verdict.NOT_MEASURED),
    ],
)
def test_a_verdict_is_that_of_the_goal(goal: Goal | None, measured: float | None, verdict: Verdict) -> None:
    assert Row("this", measured, goal).verdict is verdict


def test_a_ratio_just_below_its_goal_is_not_printed_as_the_goal() -> None:
    missed = Row("this", 0.7996, at_least(0.8))
    assert missed.verdict is Verdict.MISSED
    assert missed.measured_words != "0.80"


def test_the_columns_stand_below_each_other_and_the_figures_below_their_row() -> None:
    rows = [
        Row("short", 0.91, at_least(0.8), detail="4,850/s"),
        Row("what takes longer to say", 210.0, under(200), "MB"),
        Row("a peer", None, at_least(5), detail="it could not run: no Celery"),
    ]
    head, _rule, first, detail, second, third, why = as_text(rows).splitlines()
    for line, words in ((head, "measured"), (first, "0.91"), (second, "210 MB"), (third, "–")):
        assert line.index(words, 30) == head.index("measured")
    assert first.endswith("met") and second.endswith("MISSED") and third.endswith("not measured")
    assert (detail.strip(), why.strip()) == ("4,850/s", "it could not run: no Celery")


def test_the_documentation_gets_the_same_row() -> None:
    line = as_markdown([Row("report", 1.31, under(2), "s", "294,117 students")]).splitlines()[-1]
    assert line == "| report | under 2.00 s | 1.31 s | met | 294,117 students |"


def test_json_keeps_the_number_as_it_was_measured() -> None:
    written = Row("report", 1.3149, under(2), "s").as_json()
    assert (written["measured"], written["goal"], written["verdict"]) == (
        1.3149,
        {"bound": "under", "number": 2},
        "met",
    )
