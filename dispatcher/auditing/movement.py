"""Has everything moved that should have? The rule, over facts that others read. Pure.

`grace` is how long something may stand still: the seconds within which a healthy installation moves whatever is due,
with a good margin. Nothing here is judged by how long a message has waited: on a long code that passes one segment a
second the last of 10,000 rightly waits for hours. What is judged is whether its queue moves at all.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta

from dispatcher.auditing.findings import Code, Finding, several
from dispatcher.codes import AlertState, AlertStatus
from providers.base import Channel

_UNDER_WAY = (AlertState.PLANNING, AlertState.OPEN)
_WORDS = {Channel.SMS: ("SMS", "SMS"), Channel.EMAIL: ("e-mail", "e-mails"), Channel.VOICE: ("call", "calls")}
_NO_SENDER = (
    "No worker that sends alerts is alive: start beredskap worker --lane alerts "
    "(in an embedded installation beredskap doctor takes them up)."
)
_STEPS_AT_A_TIME = 1000
_HANGS = "Workers are alive: look at their logs, and at beredskap doctor."
_UPKEEP = (
    "Nobody does the upkeep: start beredskap scheduler or a worker, and look at its log "
    "(in an embedded installation beredskap doctor starts what does it)."
)


@dataclass(frozen=True, slots=True)
class AlertFacts:
    """The row of an alert. `left_over`: its unsent messages whose time, or the alert's, has been over for the grace."""

    id: int
    number: str
    status: AlertStatus
    state: AlertState
    confirmed_at: datetime
    hold_until: datetime
    expires_at: datetime
    planner_until: datetime | None
    planned_at: datetime | None
    ended_at: datetime | None
    cursor: int
    student_count: int
    left_over: int

    @property
    def under_way(self) -> bool:
        return self.state in _UNDER_WAY

    @property
    def is_actual(self) -> bool:
        return self.status is AlertStatus.ACTUAL


@dataclass(frozen=True, slots=True)
class QueueFacts:
    """The unsent messages of one alert on one channel.

    `first_due`: when the first became due, `first_usual` the same without those that are claimed alone and last (their
    claims were lost twice); None when there is none. `moved_at`: when a message last came into this queue or left it.
    """

    alert: str
    channel: Channel
    waiting: int
    first_due: datetime | None
    first_usual: datetime | None
    moved_at: datetime | None


@dataclass(frozen=True, slots=True)
class ClaimFacts:
    """What processes have in hand: of one alert (None: routine messages) on one channel.

    `good`: whose lease still runs; `overdue`: whose lease ran out longer than the grace ago.
    """

    alert: str | None
    channel: Channel
    good: int
    overdue: int


@dataclass(frozen=True, slots=True)
class UnknownFacts:
    """Messages of unknown fate. `long`: tried more than a minute ago; `for_good`: nobody will look them up any more.

    `overdue`: their look-up was due longer than the grace ago; `last_lookup_at`: the latest one that is still to come.
    """

    alert: str | None
    channel: Channel
    long: int
    for_good: int
    overdue: int
    last_lookup_at: datetime | None


@dataclass(frozen=True, slots=True)
class StepFacts:
    """Guardians of one alert for whom the next step of the fallback is due. `first_due`: since when the first is."""

    alert: str
    due: int
    first_due: datetime


@dataclass(frozen=True, slots=True)
class Movement:
    """All facts of one moment. `senders`: the processes alive that send alerts."""

    now: datetime
    grace: float
    senders: int
    alerts: tuple[AlertFacts, ...]
    queues: tuple[QueueFacts, ...]
    claims: tuple[ClaimFacts, ...]
    unknown: tuple[UnknownFacts, ...]
    steps: tuple[StepFacts, ...]

    def long_ago(self, moment: datetime, *, times: int = 1) -> bool:
        """Whether `moment` lies further back than the grace (so many times)."""
        return moment < self.now - timedelta(seconds=self.grace * times)


def judge_movement(facts: Movement) -> Iterator[Finding]:
    """What should have moved and has not."""
    yield from _stalled_plans(facts)
    yield from _waiting(facts)
    for claim in facts.claims:
        if claim.overdue:
            what = f"{_messages(claim.overdue, claim.channel)} held by a process whose time for them is long over."
            yield Finding(Code.CLAIM_OVERDUE, claim.alert, claim.overdue, what, _UPKEEP)
    for unknown in facts.unknown:
        if unknown.overdue and not _is_looked_up(unknown, facts.now):
            what = f"{_messages(unknown.overdue, unknown.channel)} of unknown fate, and the look-up is overdue."
            yield Finding(Code.LOOKUP_OVERDUE, unknown.alert, unknown.overdue, what, _UPKEEP)
    yield from _steps_not_taken(facts)
    for alert in facts.alerts:
        if alert.under_way and facts.long_ago(alert.expires_at):
            what = f"The alert's time was over {_ago(alert.expires_at, facts.now)} ago, and it has not been ended."
            yield Finding(Code.NOT_ENDED, alert.number, 1, what, _UPKEEP)
        if alert.left_over:
            noun = several(alert.left_over, "message waits", "messages wait")
            what = f"{noun} to be sent, though the time for that is over."
            yield Finding(Code.LEFT_OVER, alert.number, alert.left_over, what, _UPKEEP)


def note_movement(facts: Movement) -> Iterator[Finding]:
    """What is as it may be, and must be seen all the same."""
    alerts = {alert.number: alert for alert in facts.alerts}
    for unknown in facts.unknown:
        alert = alerts.get(unknown.alert or "")
        if alert is None:
            continue
        report = f"beredskap report {alert.number} --call-list shows whom to call."
        if unknown.long and alert.under_way and alert.is_actual:
            what = f"{_messages(unknown.long, unknown.channel)} of unknown fate, tried more than a minute ago."
            yield Finding(Code.LONG_UNKNOWN, alert.number, unknown.long, what, f"They may have been told. {report}")
        if unknown.for_good:
            what = f"{_messages(unknown.for_good, unknown.channel)} of unknown fate, and nobody can look any more."
            yield Finding(Code.UNKNOWN_FOR_GOOD, alert.number, unknown.for_good, what, report)


def _stalled_plans(facts: Movement) -> Iterator[Finding]:
    """Alerts that are planned together take turns, and drills wait for actual ones."""
    planning = [one for one in facts.alerts if one.state is AlertState.PLANNING and one.expires_at > facts.now]
    actual = [one for one in planning if one.is_actual]
    for alert in actual or planning:
        if facts.long_ago(alert.planner_until or alert.confirmed_at, times=len(actual or planning)):
            left = alert.student_count - alert.cursor
            what = f"Planning stands still, with {several(left, 'student', 'students')} left to decide about."
            yield Finding(Code.PLAN_STALLED, alert.number, left, what, _HANGS if facts.senders else _NO_SENDER)


def _waiting(facts: Movement) -> Iterator[Finding]:
    may_leave = {
        one.number: one for one in facts.alerts if one.under_way and one.hold_until <= facts.now < one.expires_at
    }
    for channel in Channel:
        due = [
            queue
            for queue in facts.queues
            if queue.channel is channel
            and queue.alert in may_leave
            and queue.first_due is not None
            and queue.first_due <= facts.now
        ]
        # Drills wait for as long as an actual alert has anything due.
        first = [queue for queue in due if may_leave[queue.alert].is_actual] or due
        for queue in first:
            since = _standing_since(facts, queue, may_leave[queue.alert], len(first))
            if since is None:
                continue
            one, more = _WORDS[channel]
            noun = several(queue.waiting, f"{one} waits", f"{more} wait")
            what = f"{noun}, some of them due, and none has left for {_ago(since, facts.now)}."
            remedy = _HANGS if facts.senders else _NO_SENDER
            yield Finding(Code.DUE_WAITING, queue.alert, queue.waiting, what, remedy)


def _standing_since(facts: Movement, queue: QueueFacts, alert: AlertFacts, sharing: int) -> datetime | None:
    """Since when a queue that has something due stands still wrongly; None when it does not.

    A sender at work always holds a claim, be it of a single message that waits for its turn at one segment a second,
    and takes the next as soon as that is done. So a channel on which nobody holds a good claim, and which no message
    has left within the grace, is worked on by nobody, however slow its sender. Of several alerts that share a sender
    each has its turn: it may stand still that many times longer.
    """
    assert queue.first_due is not None
    moved = [one.moved_at for one in facts.queues if one.channel is queue.channel and one.moved_at is not None]
    since = max(queue.first_due, alert.hold_until, *moved)
    if facts.long_ago(since):
        return None if any(one.good for one in facts.claims if _is_of(one, queue.channel)) else since
    if queue.first_usual is None or sharing == 1:
        return None
    # Messages that are claimed alone come after all others of the channel; and a drill comes after actual alerts.
    of_actual = {one.number for one in facts.alerts if one.is_actual}
    before = [
        one.moved_at
        for one in facts.queues
        if one.channel is queue.channel
        and one.moved_at is not None
        and (one.alert == queue.alert or (one.alert in of_actual and not alert.is_actual))
    ]
    since = max(queue.first_usual, alert.hold_until, *before)
    own = any(one.good for one in facts.claims if one.alert == queue.alert and one.channel is queue.channel)
    return since if facts.long_ago(since, times=sharing) and not own else None


def _steps_not_taken(facts: Movement) -> Iterator[Finding]:
    """Whoever does the upkeep looks at a thousand at a time, the longest due first. Steps begin when all is planned."""
    alerts = {one.number: one for one in facts.alerts if one.state is AlertState.OPEN}
    for steps in facts.steps:
        alert = alerts.get(steps.alert)
        if alert is None or not alert.hold_until <= facts.now < alert.expires_at:
            continue
        since = max(steps.first_due, alert.hold_until, alert.planned_at or alert.confirmed_at)
        if facts.long_ago(since, times=1 + steps.due // _STEPS_AT_A_TIME):
            noun = several(steps.due, "guardian waits", "guardians wait")
            what = f"{noun} for the next step of the fallback, due for {_ago(since, facts.now)}."
            yield Finding(Code.STEP_OVERDUE, steps.alert, steps.due, what, _UPKEEP)


def _is_of(claim: ClaimFacts, channel: Channel) -> bool:
    return claim.channel is channel and claim.alert is not None


def _is_looked_up(unknown: UnknownFacts, now: datetime) -> bool:
    """Look-ups are made some hundred at a time, and each puts off its next one: then somebody is at it."""
    return unknown.last_lookup_at is not None and unknown.last_lookup_at > now


def _messages(count: int, channel: Channel) -> str:
    one, more = _WORDS[channel]
    return f"{several(count, one, more)} {'is' if count == 1 else 'are'}"


def _ago(moment: datetime, now: datetime) -> str:
    seconds = int((now - moment).total_seconds())
    if seconds < 120:
        return f"{seconds} s"
    return f"{seconds // 60} min" if seconds < 7200 else f"{seconds // 3600} h"
