"""What `alert watch` shows, read anew at each refresh. Messages are summed from deltas, never counted."""

from __future__ import annotations

from collections import Counter, defaultdict
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import Connection, and_, case, func, literal, select

from config.clock import db_now, plus_seconds
from dispatcher.codes import AlertState, DeliveryState, Lane
from dispatcher.outbox.fallback import goes_on
from dispatcher.reports.call_list import StudentToCallAbout, call_list
from dispatcher.reports.classes import UNDER_WAY, ClassCounts, read_classes
from dispatcher.reports.counting import alert_head, long_unknown
from dispatcher.reports.figures import AlertHead
from dispatcher.running.presence import SENDING, alive
from dispatcher.tables import PROGRESS
from providers.base import Channel

# The rate is that of so many last seconds.
RATE_SECONDS = 5
CALL_FIRST = 5

# The provider has (or may have) taken the message.
_HANDED_OVER = (
    DeliveryState.ACCEPTED,
    DeliveryState.UNKNOWN,
    DeliveryState.DELIVERED,
    DeliveryState.UNDELIVERED,
)
_FAILED = (DeliveryState.UNDELIVERED, DeliveryState.REJECTED, DeliveryState.EXPIRED)
_ENDED = (AlertState.CLOSED, AlertState.STOPPED, AlertState.EXPIRED)
OK = "ok"


@dataclass(frozen=True, slots=True)
class ChannelProgress:
    """Messages of one channel. `total` leaves out cancelled ones; `rate` is hand-overs a second, lately.

    `failed` ones that the provider had taken first count as handed over, too.
    """

    channel: Channel
    total: int
    handed_over: int
    delivered: int
    failed: int
    unknown: int
    waiting: int
    awaiting_receipt: int
    rate: float


@dataclass(frozen=True, slots=True)
class Health:
    """How one part (a provider, Redis) is by the word of the processes that use it: "ok", or what is wrong."""

    part: str
    word: str


@dataclass(frozen=True, slots=True)
class WatchFigures:
    """One refresh. `expected_at`: when the last hand-over is expected; None while nothing moves or waits.
    `processes`: living ones that send alerts. `chain_goes_on`: somebody who is not known to have been told may yet get
    another message."""

    alert: AlertHead
    now: datetime
    channels: tuple[ChannelProgress, ...]
    expected_at: datetime | None
    processes: int
    health: tuple[Health, ...]
    long_unknown: int
    chain_goes_on: bool = False

    @property
    def waiting(self) -> int:
        return sum(channel.waiting for channel in self.channels)

    @property
    def planned(self) -> bool:
        return self.alert.planned_students >= self.alert.students

    @property
    def ended(self) -> bool:
        """The alert is closed, stopped or expired."""
        return self.alert.state in _ENDED

    @property
    def settled(self) -> bool:
        """Nothing more is to be expected: ended, or planned and sent, with every outcome and SMS receipt in."""
        return self.ended or (
            self.planned
            and not self.chain_goes_on
            and all(
                channel.waiting == channel.unknown == 0
                # E-mail gets no receipts.
                and (channel.awaiting_receipt == 0 or channel.channel is Channel.EMAIL)
                for channel in self.channels
            )
        )


@dataclass(frozen=True, slots=True)
class WatchStudents:
    """The part that costs more in a large alert, and is read less often. `call_first`: only those with no message on
    its way."""

    counts: ClassCounts
    call_first: tuple[StudentToCallAbout, ...]


def watch_figures(connection: Connection, alert_id: int) -> WatchFigures:
    """Read one refresh: the alert's row, the sums of its progress, the living processes."""
    head = alert_head(connection, alert_id)
    now: datetime = connection.execute(select(db_now())).scalar_one()
    channels = _channels(connection, alert_id, head, now)
    processes, health = _processes(connection)
    unknown = sum(channel.unknown for channel in channels)
    return WatchFigures(
        alert=head,
        now=now,
        channels=channels,
        expected_at=_expected_at(head, channels, now),
        processes=processes,
        health=health,
        long_unknown=long_unknown(connection, alert_id) if unknown else 0,
        chain_goes_on=bool(connection.execute(select(goes_on(literal(alert_id)))).scalar()),
    )


def watch_students(
    connection: Connection, alert_id: int, *, ended: bool = False, limit: int = CALL_FIRST
) -> WatchStudents:
    """Read the classes of all students, and whom to call first, at most `limit` of them. `ended`: what has not left by
    now never will."""
    classes = read_classes(connection, alert_id, settled_only=not ended)
    return WatchStudents(classes.counts, tuple(call_list(connection, alert_id, classes, limit=limit)))


def _channels(connection: Connection, alert_id: int, head: AlertHead, now: datetime) -> tuple[ChannelProgress, ...]:
    lately = and_(PROGRESS.c.at > plus_seconds(db_now(), -RATE_SECONDS), PROGRESS.c.state.in_(_HANDED_OVER))
    rows = connection.execute(
        select(
            PROGRESS.c.channel,
            PROGRESS.c.state,
            func.sum(PROGRESS.c.delta).label("deliveries"),
            func.sum(case((lately, PROGRESS.c.delta), else_=0)).label("lately"),
        )
        .where(PROGRESS.c.alert_id == alert_id)
        .group_by(PROGRESS.c.channel, PROGRESS.c.state)
    )
    states: dict[Channel, Counter[DeliveryState]] = defaultdict(Counter)
    recent: Counter[Channel] = Counter()
    for row in rows:
        states[row.channel][row.state] = int(row.deliveries)
        recent[row.channel] += int(row.lately)
    seconds = min(RATE_SECONDS, max(1.0, _seconds_since_start(head, now)))
    asked = {Channel.SMS: head.sms, Channel.EMAIL: head.email, Channel.VOICE: Channel.VOICE in states}
    return tuple(
        ChannelProgress(
            channel=channel,
            total=sum(states[channel].values()) - states[channel][DeliveryState.CANCELLED],
            handed_over=sum(states[channel][state] for state in _HANDED_OVER),
            delivered=states[channel][DeliveryState.DELIVERED],
            failed=sum(states[channel][state] for state in _FAILED),
            unknown=states[channel][DeliveryState.UNKNOWN],
            waiting=sum(states[channel][state] for state in UNDER_WAY),
            awaiting_receipt=states[channel][DeliveryState.ACCEPTED],
            rate=max(0, recent[channel]) / seconds,
        )
        for channel in Channel
        if asked[channel]
    )


def _seconds_since_start(head: AlertHead, now: datetime) -> float:
    start = head.hold_until or head.confirmed_at or head.created_at
    return (now - start).total_seconds()


def _expected_at(head: AlertHead, channels: tuple[ChannelProgress, ...], now: datetime) -> datetime | None:
    """When the slower channel will be through, at its present rate; messages not planned yet are estimated."""
    if head.state in _ENDED or not head.planned_students:
        return None
    seconds = 0.0
    for channel in channels:
        to_come = channel.total * (head.students / head.planned_students - 1)
        left = channel.waiting + to_come
        if not left:
            continue
        if not channel.rate:
            return None
        seconds = max(seconds, left / channel.rate)
    return now + timedelta(seconds=seconds) if seconds else None


def _processes(connection: Connection) -> tuple[int, tuple[Health, ...]]:
    """How many living processes send alerts, and the worst that any of them says about each part it uses."""
    senders = alive(connection, SENDING, Lane.ALERTS.value)
    parts: dict[str, str] = {}
    for process in senders:
        for part, word in process.health.items():
            if parts.get(part, OK) == OK:
                parts[part] = str(word)
    return len(senders), tuple(Health(part, parts[part]) for part in sorted(parts))
