"""The rule of movement, over facts made by hand: what stands still wrongly, and what rightly waits."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from dispatcher.auditing.findings import Code, Finding
from dispatcher.auditing.movement import (
    AlertFacts,
    ClaimFacts,
    Movement,
    QueueFacts,
    StepFacts,
    UnknownFacts,
    judge_movement,
    note_movement,
)
from dispatcher.codes import AlertState, AlertStatus
from providers.base import Channel

NOW = datetime(2026, 11, 23, 7, 40, tzinfo=UTC)


def ago(seconds: float) -> datetime:
    return NOW - timedelta(seconds=seconds)


def alert(number: str = "A-1", **values: Any) -> AlertFacts:
    """An open actual alert, confirmed an hour ago, that lives for another."""
    row: dict[str, Any] = {
        "id": 1,
        "number": number,
        "status": AlertStatus.ACTUAL,
        "state": AlertState.OPEN,
        "confirmed_at": ago(3600),
        "hold_until": ago(3595),
        "expires_at": ago(-3600),
        "planner_until": None,
        "planned_at": ago(3500),
        "ended_at": None,
        "cursor": 100,
        "student_count": 100,
        "left_over": 0,
    }
    return AlertFacts(**row | values)


def planning(number: str = "A-1", **values: Any) -> AlertFacts:
    return alert(number, state=AlertState.PLANNING, planned_at=None, cursor=40, **values)


def queue(number: str = "A-1", **values: Any) -> QueueFacts:
    """SMS that have been due for an hour, and of which one left a second ago."""
    row: dict[str, Any] = {
        "channel": Channel.SMS,
        "waiting": 900,
        "first_due": ago(3500),
        "first_usual": ago(3500),
        "moved_at": ago(1),
    }
    return QueueFacts(number, **row | values)


def claim(number: str | None = "A-1", *, good: int = 0, overdue: int = 0, channel: Channel = Channel.SMS) -> ClaimFacts:
    return ClaimFacts(number, channel, good, overdue)


def unknown(number: str | None = "A-1", **values: Any) -> UnknownFacts:
    row: dict[str, Any] = {"channel": Channel.SMS, "long": 0, "for_good": 0, "overdue": 0, "last_lookup_at": None}
    return UnknownFacts(number, **row | values)


def facts(*given: Any, senders: int = 1) -> Movement:
    def of(kind: type) -> tuple[Any, ...]:
        return tuple(one for one in given if isinstance(one, kind))

    kinds = (AlertFacts, QueueFacts, ClaimFacts, UnknownFacts, StepFacts)
    return Movement(NOW, 60.0, senders, *map(of, kinds))


def judged(*given: Any, senders: int = 1) -> list[Finding]:
    return list(judge_movement(facts(*given, senders=senders)))


DRILL = {"status": AlertStatus.EXERCISE}
STILL = {"moved_at": ago(61)}

RIGHTLY = {
    "nothing at all": (),
    "an alert without unsent messages": (alert(),),
    "a queue that moves, at whatever pace": (alert(), queue()),
    "on a slow sender one message waits in hand": (alert(), queue(moved_at=ago(500)), claim(good=1)),
    "the last minute was quiet, not longer": (alert(), queue(moved_at=ago(60))),
    "due only now": (alert(), queue(first_due=ago(60), first_usual=ago(60), moved_at=ago(3000))),
    "deferred to a later time": (alert(), queue(first_due=ago(-1), first_usual=ago(-1), moved_at=ago(300))),
    "nothing due": (alert(), queue(first_due=None, first_usual=None, moved_at=ago(3000))),
    "the cancel window is just over": (alert(hold_until=ago(60)), queue(**STILL)),
    "the cancel window lasts": (alert(hold_until=ago(-1)), queue(**STILL)),
    "its time is over, and the sweep comes each second": (alert(expires_at=ago(1)), queue(**STILL)),
    "stopped a moment ago": (alert(state=AlertState.STOPPED, ended_at=ago(2)), queue(**STILL)),
    "a drill waits for an actual alert": (
        alert(),
        queue(),
        alert("A-2", **DRILL),
        queue("A-2", first_due=ago(3000), first_usual=ago(3000), moved_at=ago(3000)),
    ),
    "a drill has just been let go by an actual alert that ended": (
        alert(state=AlertState.CLOSED, ended_at=ago(20)),
        queue(first_due=None, first_usual=None, moved_at=ago(30)),
        alert("A-2", **DRILL),
        queue("A-2", moved_at=ago(3000)),
        alert("A-3", **DRILL),
        queue("A-3", moved_at=ago(3000)),
    ),
    "three share a sender, and each has its turn": (
        *(alert(number) for number in ("A-1", "A-2", "A-3")),
        queue("A-1", moved_at=ago(170)),
        queue("A-2", moved_at=ago(100)),
        queue("A-3", moved_at=ago(40)),
    ),
    "what may be poison comes last of all": (
        alert("A-1"),
        alert("A-2"),
        queue("A-1", first_usual=None, moved_at=ago(3000)),
        queue("A-2"),
    ),
    "planning moves": (planning(planner_until=ago(60)),),
    "not yet taken up by a planner": (planning(confirmed_at=ago(60)),),
    "two are planned in turn": (planning("A-1", planner_until=ago(110)), planning("A-2", planner_until=ago(10))),
    "a drill is planned after an actual alert": (
        planning("A-1", planner_until=ago(5)),
        planning("A-2", confirmed_at=ago(500), **DRILL),
    ),
    "planning ended with the alert's time": (planning(planner_until=ago(500), expires_at=ago(1)),),
    "claims in hand, and one whose lease ran out a moment ago": (alert(), claim(good=5)),
    "look-ups that are made, in a long row": (alert(), unknown(overdue=900, last_lookup_at=ago(-15))),
    "unknown, and nobody can look any more": (alert(), unknown(for_good=3, long=3)),
    "steps that have been due for a minute": (alert(), StepFacts("A-1", 5, ago(60))),
    "steps of thousands, a thousand at a time": (alert(), StepFacts("A-1", 2500, ago(180))),
    "steps wait until all is planned": (alert(planned_at=ago(60)), StepFacts("A-1", 5, ago(300))),
    "no step before the cancel window is over": (alert(hold_until=ago(60)), StepFacts("A-1", 5, ago(300))),
    "no step while it lasts": (alert(hold_until=ago(-1)), StepFacts("A-1", 5, ago(300))),
    "no step when its time is over": (alert(expires_at=ago(1)), StepFacts("A-1", 5, ago(300))),
    "no step while it is planned": (planning(planner_until=ago(5)), StepFacts("A-1", 5, ago(300))),
}


@pytest.mark.parametrize("given", RIGHTLY.values(), ids=RIGHTLY.keys())
def test_what_waits_rightly_is_no_finding(given: tuple[Any, ...]) -> None:
    assert judged(*given) == []


WRONGLY: dict[str, tuple[tuple[Any, ...], list[tuple[Code, str | None, int]]]] = {
    "nothing has left for a minute": ((alert(), queue(**STILL)), [(Code.DUE_WAITING, "A-1", 900)]),
    "nothing has ever left": ((alert(), queue(moved_at=None)), [(Code.DUE_WAITING, "A-1", 900)]),
    "the other channel moves": (
        (alert(), queue(), queue(channel=Channel.EMAIL, **STILL)),
        [(Code.DUE_WAITING, "A-1", 900)],
    ),
    "claims of the other channel, or of routine messages, are nothing to it": (
        (alert(), queue(**STILL), claim(good=1, channel=Channel.EMAIL), claim(None, good=1)),
        [(Code.DUE_WAITING, "A-1", 900)],
    ),
    "a deferred message is due again": (
        (alert(), queue(waiting=1, first_due=ago(61), first_usual=ago(61), moved_at=ago(361))),
        [(Code.DUE_WAITING, "A-1", 1)],
    ),
    "only what may be poison is left, and nobody takes it": (
        (alert(), queue(waiting=1, first_usual=None, moved_at=ago(300))),
        [(Code.DUE_WAITING, "A-1", 1)],
    ),
    "a drill, with no actual alert": ((alert(**DRILL), queue(**STILL)), [(Code.DUE_WAITING, "A-1", 900)]),
    "a drill is not told of beside the actual alert that keeps it back": (
        (alert(), queue(**STILL), alert("A-2", **DRILL), queue("A-2", **STILL)),
        [(Code.DUE_WAITING, "A-1", 900)],
    ),
    "one of two never has its turn": (
        (alert("A-1"), alert("A-2"), queue("A-1", moved_at=ago(121)), queue("A-2")),
        [(Code.DUE_WAITING, "A-1", 900)],
    ),
    "planning was left": ((planning(planner_until=ago(61)),), [(Code.PLAN_STALLED, "A-1", 60)]),
    "planning was never begun": ((planning(confirmed_at=ago(61)),), [(Code.PLAN_STALLED, "A-1", 60)]),
    "one of two is not planned in its turn": (
        (planning("A-1", planner_until=ago(121)), planning("A-2", planner_until=ago(1))),
        [(Code.PLAN_STALLED, "A-1", 60)],
    ),
    "a drill's planning was left": ((planning(planner_until=ago(61), **DRILL),), [(Code.PLAN_STALLED, "A-1", 60)]),
    "claims that nobody takes back": ((alert(), claim(overdue=3)), [(Code.CLAIM_OVERDUE, "A-1", 3)]),
    "a routine message too": ((claim(None, overdue=1),), [(Code.CLAIM_OVERDUE, None, 1)]),
    "look-ups that nobody makes": (
        (alert(), unknown(overdue=2, last_lookup_at=ago(70))),
        [(Code.LOOKUP_OVERDUE, "A-1", 2)],
    ),
    "steps that nobody takes": ((alert(), StepFacts("A-1", 5, ago(61))), [(Code.STEP_OVERDUE, "A-1", 5)]),
    "steps of thousands that nobody takes": (
        (alert(), StepFacts("A-1", 2500, ago(181))),
        [(Code.STEP_OVERDUE, "A-1", 2500)],
    ),
    "an alert that nobody ends": ((alert(expires_at=ago(61)),), [(Code.NOT_ENDED, "A-1", 1)]),
    "messages that nobody ends": (
        (alert(state=AlertState.STOPPED, ended_at=ago(70), left_over=4),),
        [(Code.LEFT_OVER, "A-1", 4)],
    ),
}


@pytest.mark.parametrize(("given", "expected"), WRONGLY.values(), ids=WRONGLY.keys())
def test_what_stands_still_wrongly_is_found(
    given: tuple[Any, ...], expected: list[tuple[Code, str | None, int]]
) -> None:
    assert [(one.code, one.alert, one.count) for one in judged(*given)] == expected


def test_the_remedy_knows_whether_a_worker_lives() -> None:
    for given in ((alert(), queue(**STILL)), (planning(planner_until=ago(61)),)):
        (dead,), (alive,) = judged(*given, senders=0), judged(*given, senders=2)
        assert dead.what == alive.what
        assert "No worker that sends alerts is alive" in dead.remedy
        assert "Workers are alive" in alive.remedy


def test_the_words() -> None:
    (one,) = judged(alert(), queue(**STILL))
    assert one.what == "900 SMS wait, some of them due, and none has left for 61 s."
    (one,) = judged(alert(), queue(channel=Channel.EMAIL, waiting=1, moved_at=ago(300)))
    assert one.what == "1 e-mail waits, some of them due, and none has left for 5 min."


def test_notes_of_unknown_messages() -> None:
    def noted(*given: Any) -> list[tuple[Code, str | None, int]]:
        return [(one.code, one.alert, one.count) for one in note_movement(facts(*given))]

    assert noted(alert(), unknown(long=2, for_good=1)) == [
        (Code.LONG_UNKNOWN, "A-1", 2),
        (Code.UNKNOWN_FOR_GOOD, "A-1", 1),
    ]
    closed = alert(state=AlertState.CLOSED, ended_at=ago(900))
    assert noted(closed, unknown(long=2, for_good=2)) == [(Code.UNKNOWN_FOR_GOOD, "A-1", 2)]
    assert noted(alert(**DRILL), unknown(long=2)) == []
    # Those of last year stay unknown for ever, and are told of no more.
    assert noted(unknown("A-0", long=1, for_good=1), unknown(None, long=1, for_good=1)) == []
