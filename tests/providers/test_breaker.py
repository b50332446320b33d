"""When a provider counts as broken, and how it is tried again."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from providers.breaker import (
    FIRST_PAUSE_SECONDS,
    LEAST_FAULTS,
    LONGEST_PAUSE_SECONDS,
    TRY_SECONDS,
    WINDOW_SECONDS,
    Closed,
    Open,
    State,
    Trying,
    after_answer,
    after_try,
    allowance,
)

WELL, FAULT = False, True


def answered(answers: list[bool], every: float = 0.0, state: State | None = None, now: float = 0.0) -> State:
    state = Closed(now) if state is None else state
    for place, fault in enumerate(answers):
        state = after_answer(state, fault, now + place * every)
    return state


@pytest.mark.parametrize(
    ("answers", "every", "broken"),
    [
        ([FAULT] * (LEAST_FAULTS - 1), 0.0, False),
        ([FAULT] * LEAST_FAULTS, 0.0, True),
        ([WELL] * 5 + [FAULT] * 5, 0.0, True),  # half of all
        ([WELL] * 6 + [FAULT] * 5, 0.0, False),  # fewer
        ([FAULT] * 4 + [WELL] * 100, 0.0, False),
        ([WELL] * 100 + [FAULT] * 99, 0.0, False),
        ([WELL] * 100 + [FAULT] * 100, 0.0, True),
        ([FAULT] * LEAST_FAULTS, WINDOW_SECONDS / 4, False),  # never so many within the window
        ([FAULT] * LEAST_FAULTS, WINDOW_SECONDS / 2 / LEAST_FAULTS, True),
        ([WELL] * 50 + [FAULT] * 5, 0.19, False),
        ([WELL] * 5 + [FAULT] * 20, 0.5, True),  # what was well is long ago
    ],
)
def test_what_breaks_it(answers: list[bool], every: float, broken: bool) -> None:
    assert isinstance(answered(answers, every), Open) is broken


@pytest.mark.parametrize(
    ("state", "now", "allowed"),
    [
        (Closed(0.0), 5.0, None),
        (Open(10.0, 1.0), 9.99, 0),
        (Open(10.0, 1.0), 10.0, 1),
        (Trying(10.0, 1.0), 10.0, 0),
        (Trying(10.0, 1.0), 10.0 + TRY_SECONDS - 0.01, 0),
        (Trying(10.0, 1.0), 10.0 + TRY_SECONDS, 1),  # the try was never made
    ],
)
def test_how_many_may_go(state: State, now: float, allowed: int | None) -> None:
    assert allowance(state, now) == allowed


@pytest.mark.parametrize(
    ("state", "fault", "retry_after", "after"),
    [
        (Trying(99.0, 1.0), WELL, 0.0, Closed(100.0)),
        (Trying(99.0, 1.0), FAULT, 0.0, Open(102.0, 2.0)),
        (Trying(99.0, 2.0), FAULT, 0.0, Open(104.0, 4.0)),
        (Trying(99.0, LONGEST_PAUSE_SECONDS), FAULT, 0.0, Open(100.0 + LONGEST_PAUSE_SECONDS, LONGEST_PAUSE_SECONDS)),
        (Trying(99.0, 1.0), FAULT, 7.0, Open(107.0, 2.0)),  # the provider's own wish
        (Trying(99.0, 1.0), FAULT, 3600.0, Open(100.0 + LONGEST_PAUSE_SECONDS, 2.0)),  # but never for long
        (Open(101.0, 1.0), FAULT, 0.0, Open(101.0, 1.0)),  # these had left before
        (Open(101.0, 1.0), WELL, 0.0, Open(101.0, 1.0)),
    ],
)
def test_what_an_answer_changes(state: State, fault: bool, retry_after: float, after: State) -> None:
    assert after_answer(state, fault, 100.0, retry_after) == after


def test_the_first_pause_is_short() -> None:
    assert answered([FAULT] * LEAST_FAULTS, now=50.0) == Open(50.0 + FIRST_PAUSE_SECONDS, FIRST_PAUSE_SECONDS)


def test_only_a_broken_one_is_tried() -> None:
    assert after_try(Closed(1.0), 5.0) == Closed(1.0)
    assert after_try(Open(4.0, 2.0), 5.0) == Trying(5.0, 2.0)


@given(st.lists(st.tuples(st.booleans(), st.floats(0.0, 60.0)), max_size=200))
def test_whatever_came_before_a_provider_that_is_well_is_found_to_be_so(answers: list[tuple[bool, float]]) -> None:
    """No history keeps a provider out: within the longest pause one message goes, and it closes the breaker."""
    state: State = Closed(0.0)
    now = 0.0
    for fault, later in answers:
        now += later
        if allowance(state, now):
            state = after_try(state, now)
        state = after_answer(state, fault, now)
    waited = LONGEST_PAUSE_SECONDS if isinstance(state, Open) else TRY_SECONDS
    assert allowance(state, now + waited) in (None, 1)
    assert isinstance(after_answer(after_try(state, now + waited), WELL, now + waited), Closed)
