"""A circuit breaker: whether a provider still carries messages, judged by how it answered lately.

Pure. Closed: everything may go to it. Open: nothing, for a pause that doubles from one failed try to the next. After
the pause one single message is tried: taken, the breaker is closed again; not, the pause begins anew. Only faults of
the provider or of the way to it count against it (`providers.errors.is_fault_of_provider`); a refused address is an
answer.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TypeAlias

# A provider that gave so many faults, and with them at least this part of its answers, within this many seconds.
LEAST_FAULTS = 5
PART = 0.5
WINDOW_SECONDS = 10.0
FIRST_PAUSE_SECONDS = 1.0
# An alert must not wait longer than this for a provider that is well again.
LONGEST_PAUSE_SECONDS = 15.0
# Longer than an attempt takes: a try of which nothing was heard in this time was never made.
TRY_SECONDS = 30.0


@dataclass(frozen=True, slots=True)
class Closed:
    """Everything may go. Answers are counted in two halves of a window: the present one began at `since`."""

    since: float
    well: int = 0
    faults: int = 0
    well_before: int = 0
    faults_before: int = 0


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
    """The state once a single message was claimed to try the provider with."""
    return state if isinstance(state, Closed) else Trying(now, state.pause)


def after_answer(state: State, fault: bool, now: float, retry_after: float = 0.0) -> State:
    """The state after an answer. `retry_after`: seconds for which the provider itself asks to be left alone."""
    match state:
        case Closed():
            counted = _counted(state, fault, now)
            return _opened(FIRST_PAUSE_SECONDS, now, retry_after) if fault and _too_many(counted) else counted
        case Open():
            # The answer to something that had left before.
            return state
        case Trying(pause=pause):
            return _opened(2 * pause, now, retry_after) if fault else Closed(now)


def _opened(pause: float, now: float, retry_after: float) -> Open:
    pause = min(pause, LONGEST_PAUSE_SECONDS)
    return Open(now + min(max(pause, retry_after), LONGEST_PAUSE_SECONDS), pause)


def _counted(state: Closed, fault: bool, now: float) -> Closed:
    half = WINDOW_SECONDS / 2
    if now >= state.since + 2 * half:
        state = Closed(now)
    elif now >= state.since + half:
        state = Closed(now, well_before=state.well, faults_before=state.faults)
    return replace(state, faults=state.faults + 1) if fault else replace(state, well=state.well + 1)


def _too_many(state: Closed) -> bool:
    faults = state.faults + state.faults_before
    return faults >= LEAST_FAULTS and faults >= PART * (faults + state.well + state.well_before)
