"""When a provider counts as broken, and how it is tried again."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from providers.breaker import (
    FIRST_PAUSE_SECONDS,
    IN_A_ROW,
    IN_A_ROW_ALONE,
    LONGEST_PAUSE_SECONDS,
    TRY_SECONDS,
    WINDOW_SECONDS,
    Answer,
    Closed,
    Open,
    State,
    Trying,
    after_answer,
    after_no_try,
    after_try,
    allowance,
)

WELL, FAULT = False, True


def answered(answers: list[bool], every: float = 0.0, *, alone: bool = False, now: float = 0.0) -> State:
    state: State = Closed(now)
    for place, fault in enumerate(answers):
        state = after_answer(state, Answer(fault, alone=alone), now + place * every)
    return state


@pytest.mark.parametrize(
    ("answers", "every", "broken"),
    [
        ([FAULT] * (IN_A_ROW - 1), 0.0, False),
        ([FAULT] * IN_A_ROW, 0.0, True),
        ([FAULT] * IN_A_ROW, 3600.0, True),  # a small alert, or a long code: however slowly they come
        ([FAULT, FAULT, WELL] * 2, 0.0, False),
        ([FAULT, FAULT, WELL] * 2 + [FAULT], 0.0, True),  # five of seven
        ([FAULT, WELL] * 4 + [FAULT], 0.0, True),  # five of nine
        ([FAULT, WELL, WELL] * 20, 0.0, False),
        ([FAULT, WELL] * 20, WINDOW_SECONDS / 4, False),  # never so many within the window
        ([WELL] * 5 + [FAULT, WELL, FAULT] * 7, 0.5, True),  # what was well is long ago
    ],
)
def test_what_breaks_it_while_another_works(answers: list[bool], every: float, broken: bool) -> None:
    assert isinstance(answered(answers, every), Open) is broken


@pytest.mark.parametrize(
    ("answers", "every", "broken"),
    [
        ([FAULT] * (IN_A_ROW_ALONE - 1), 0.0, False),
        ([FAULT] * IN_A_ROW_ALONE, 0.0, True),
        ([FAULT] * IN_A_ROW_ALONE, 60.0, True),
        (([FAULT] * (IN_A_ROW_ALONE - 1) + [WELL]) * 5, 0.0, False),  # a little is better than nothing
    ],
)
def test_what_breaks_it_when_there_is_no_other(answers: list[bool], every: float, broken: bool) -> None:
    assert isinstance(answered(answers, every, alone=True), Open) is broken


@pytest.mark.parametrize(
    ("state", "now", "allowed"),
    [
        (Closed(0.0), 5.0, None),
        (Open(10.0, 1.0), 9.99, 0),
        (Open(10.0, 1.0), 10.0, 1),
        (Trying(10.0, 1.0), 10.0, 0),
        (Trying(10.0, 1.0), 10.0 + TRY_SECONDS - 0.01, 0),
        (Trying(10.0, 1.0), 10.0 + TRY_SECONDS, 1),  # nothing was heard of the try
    ],
)
def test_how_many_may_go(state: State, now: float, allowed: int | None) -> None:
    assert allowance(state, now) == allowed


@pytest.mark.parametrize(
    ("state", "answer", "after"),
    [
        (Trying(99.0, 1.0), Answer(WELL, trial=True), Closed(100.0)),
        (Trying(99.0, 1.0), Answer(FAULT, trial=True), Open(102.0, 2.0)),
        (Trying(99.0, 2.0), Answer(FAULT, trial=True), Open(104.0, 4.0)),
        (
            Trying(99.0, LONGEST_PAUSE_SECONDS),
            Answer(FAULT, trial=True),
            Open(100.0 + LONGEST_PAUSE_SECONDS, LONGEST_PAUSE_SECONDS),
        ),
        # The provider's own wish; but never for long.
        (Trying(99.0, 1.0), Answer(FAULT, trial=True, retry_after=7.0), Open(107.0, 2.0)),
        (
            Trying(99.0, 1.0),
            Answer(FAULT, trial=True, retry_after=3600.0),
            Open(100.0 + LONGEST_PAUSE_SECONDS, 2.0),
        ),
        # These had left before.
        (Open(101.0, 1.0), Answer(FAULT), Open(101.0, 1.0)),
        (Open(101.0, 1.0), Answer(WELL), Open(101.0, 1.0)),
        (Trying(99.0, 1.0), Answer(FAULT), Trying(99.0, 1.0)),
        (Trying(99.0, 1.0), Answer(WELL), Trying(99.0, 1.0)),
        # A try that was given up, and went well after all.
        (Open(101.0, 4.0), Answer(WELL, trial=True), Closed(100.0)),
    ],
)
def test_what_an_answer_changes(state: State, answer: Answer, after: State) -> None:
    assert after_answer(state, answer, 100.0) == after


def test_the_first_pause_is_short() -> None:
    assert answered([FAULT] * IN_A_ROW, now=50.0) == Open(50.0 + FIRST_PAUSE_SECONDS, FIRST_PAUSE_SECONDS)


def test_only_a_broken_one_is_tried() -> None:
    assert after_try(Closed(1.0), 5.0) == Closed(1.0)
    assert after_try(Open(4.0, 2.0), 5.0) == Trying(5.0, 2.0)


def test_what_did_not_leave_was_no_try() -> None:
    assert after_no_try(Trying(5.0, 2.0), 6.0) == Open(6.0, 2.0)
    assert after_no_try(Closed(1.0), 6.0) == Closed(1.0)
    assert after_no_try(Open(8.0, 2.0), 6.0) == Open(8.0, 2.0)


@given(st.lists(st.tuples(st.booleans(), st.booleans(), st.booleans(), st.floats(0.0, 60.0)), max_size=200))
def test_no_history_keeps_a_provider_out(answers: list[tuple[bool, bool, bool, float]]) -> None:
    """Whatever came before: within the longest pause one message goes, and when it goes well, so do all."""
    state: State = Closed(0.0)
    now = 0.0
    for fault, trial, alone, later in answers:
        now += later
        if allowance(state, now):
            state = after_try(state, now)
        state = after_answer(state, Answer(fault, trial, alone), now)
    waited = LONGEST_PAUSE_SECONDS if isinstance(state, Open) else TRY_SECONDS
    assert allowance(state, now + waited) in (None, 1)
    tried = after_try(state, now + waited)
    assert isinstance(after_answer(tried, Answer(WELL, trial=True), now + waited), Closed)
