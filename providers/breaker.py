"""A circuit breaker: whether a provider still carries messages, judged by how it answered lately.

Pure. Closed: everything may go to it. Open: nothing, for a pause that doubles from one failed try to the next. After
the pause one single message is tried: taken, the breaker is closed again; not, the pause begins anew. Only faults of
the provider or of the way to it count against it (`providers.errors.is_fault_of_provider`); a refused address is an
answer.

It opens quickly where another provider stands ready, and after a handful of faults in a row, however slowly they come:
a long code passes one message a second, and a small alert has only one. Where there is no other, a provider that takes
every third message is better than none: only one that takes nothing any more is left alone.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TypeAlias

# So many faults in a row open it, when another provider works; and when none does.
IN_A_ROW = 3
IN_A_ROW_ALONE = 20
# Or, when another provider works, so many faults that are at least this part of its answers, within so many seconds.
LEAST_FAULTS = 5
PART = 0.5
WINDOW_SECONDS = 10.0
FIRST_PAUSE_SECONDS = 1.0
# An alert must not wait much longer than this for a provider that is well again.
LONGEST_PAUSE_SECONDS = 15.0
# A try of which nothing was heard in this time is taken for one that was never made.
TRY_SECONDS = 60.0


@dataclass(frozen=True, slots=True)
class Closed:
    """Everything may go. Answers are counted in two halves of a window: the present one began at `since`."""

    since: float
    well: int = 0
    faults: int = 0
    well_before: int = 0
    faults_before: int = 0
    in_a_row: int = 0


@dataclass(frozen=True, slots=True)
class Open:
    """Nothing may go before `until`. `pause`: how long this time, in seconds."""

    until: float
    pause: float


@dataclass(frozen=True, slots=True)
class Trying:
    """One message is on its way, since `since`; `pause` is what its failure doubles."""

    since: float
    pause: float


State: TypeAlias = Closed | Open | Trying


@dataclass(frozen=True, slots=True)
class Answer:
    """What an answer says. `trial`: it is that of the single message that was tried. `alone`: no other provider works.

    `retry_after`: seconds for which the provider itself asks to be left alone.
    """

    fault: bool
    trial: bool = False
    alone: bool = False
    retry_after: float = 0.0


def allowance(state: State, now: float) -> int | None:
    """How many messages may be claimed for the provider at `now`; None: as many as there are."""
    match state:
        case Closed():
            return None
        case Open(until=until):
            return 1 if now >= until else 0
        case Trying(since=since):
            return 1 if now >= since + TRY_SECONDS else 0


def after_try(state: State, now: float) -> State:
    """The state once a single message is on its way to try the provider with."""
    return state if isinstance(state, Closed) else Trying(now, state.pause)


def after_no_try(state: State, now: float) -> State:
    """The state when that message did not leave after all, or told nothing: another one may be tried at once."""
    return Open(now, state.pause) if isinstance(state, Trying) else state


def after_answer(state: State, answer: Answer, now: float) -> State:
    """The state after an answer. While one message is tried, those that had left before decide nothing."""
    if isinstance(state, Closed):
        counted = _counted(state, answer.fault, now)
        return _opened(FIRST_PAUSE_SECONDS, now, answer) if _too_many(counted, answer) else counted
    if not answer.trial:
        return state
    return _opened(2 * state.pause, now, answer) if answer.fault else Closed(now)


def _opened(pause: float, now: float, answer: Answer) -> Open:
    pause = min(pause, LONGEST_PAUSE_SECONDS)
    return Open(now + min(max(pause, answer.retry_after), LONGEST_PAUSE_SECONDS), pause)


def _counted(state: Closed, fault: bool, now: float) -> Closed:
    half = WINDOW_SECONDS / 2
    if now >= state.since + 2 * half:
        state = Closed(now, in_a_row=state.in_a_row)
    elif now >= state.since + half:
        state = Closed(now, well_before=state.well, faults_before=state.faults, in_a_row=state.in_a_row)
    if fault:
        return replace(state, faults=state.faults + 1, in_a_row=state.in_a_row + 1)
    return replace(state, well=state.well + 1, in_a_row=0)


def _too_many(state: Closed, answer: Answer) -> bool:
    if not answer.fault:
        return False
    if answer.alone:
        return state.in_a_row >= IN_A_ROW_ALONE
    faults = state.faults + state.faults_before
    half_of_all = faults >= LEAST_FAULTS and faults >= PART * (faults + state.well + state.well_before)
    return state.in_a_row >= IN_A_ROW or half_of_all
