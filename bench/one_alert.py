"""Send one alert as an operator does, and see it through to the last recorded outcome."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import func, select

from bench.installation import Installation, MeasurementError
from dispatcher.codes import DeliveryState
from dispatcher.tables import ALERT, ALERT_TEXT, DELIVERY, PROGRESS
from providers.base import Channel

# Without a new message at the far end for so long, nothing more is expected.
_SILENCE_SECONDS = 60.0
_LOOK_SECONDS = 0.02
_REST_SECONDS = 0.4
# What the wall's clock and the database's may differ by: the last transaction, and our looking.
_CLOCKS_DIFFER = 1.0


class DisagreementError(MeasurementError):
    """The far end's count is not the database's, or the clocks tell two stories."""


@dataclass(frozen=True, slots=True)
class FarEnd:
    """The other side of a channel: how many messages it has taken, ever."""

    channel: Channel
    taken: Callable[[], int]

    def at_rest(self) -> int:
        """How many, once nothing more is being written down: it does so a tenth of a second late."""
        last = -1
        while (now := self.taken()) != last:
            last = now
            time.sleep(_REST_SECONDS)
        return last


@dataclass(frozen=True, slots=True)
class Sent:
    """`seconds`: from the confirmation to the last recorded outcome. `to_first`: to the first recorded one."""

    alert_id: int
    number: str
    deliveries: int
    seconds: float
    to_first: float

    @property
    def rate(self) -> float:
        return self.deliveries / self.seconds


@dataclass(frozen=True, slots=True)
class Words:
    """What the alert says, for whoever sends the same by other means."""

    sms: str
    subject: str
    email: str


@dataclass(frozen=True, slots=True)
class Confirmed:
    alert_id: int
    number: str
    at: datetime


def confirm(
    installation: Installation, school: str, channels: str = "sms,email", *, hold: float = 0.0, text: str = ""
) -> Confirmed:
    """Confirm an alert to a school; the workers take it from there. `text`: in place of the scenario's."""
    answer = installation.run(
        "alert", "send", "--school", school, "--scenario", "lockdown", "--status", "test", "--channels", channels,
        "--yes", "--hold", f"{hold:g}", "--no-watch", "--again", "--json", *(("--text", text) if text else ()),
    )  # fmt: skip
    if installation.workers and answer.get("note"):
        raise DisagreementError(f"alert send found the workers not as they should be: {answer['note']}")
    with installation.database.read() as connection:
        row = connection.execute(select(ALERT).where(ALERT.c.number == answer["alert"])).one()
    return Confirmed(row.id, row.number, row.confirmed_at)


def send(installation: Installation, school: str, expected: Mapping[FarEnd, int], *, text: str = "") -> Sent:
    """Send an alert to a school and wait for its end. `expected`: how many messages shall arrive where.

    Raises DisagreementError when far ends and database do not agree at the end.
    """
    before = {far_end: far_end.at_rest() for far_end in expected}
    channels = ",".join(far_end.channel.value for far_end in expected)
    alert = confirm(installation, school, channels, text=text)
    total = sum(expected.values())
    # The far ends are asked first: counting in the database would take part in what is measured.
    goal = sum(before.values()) + total
    _wait_for(lambda: sum(far_end.taken() for far_end in expected), goal, "messages at the far ends, ever,")
    _wait_for(lambda: _accepted_by_progress(installation, alert.alert_id), total, "accepted deliveries in the database")
    seen_at = time.time()
    arrived = {far_end: far_end.at_rest() - before[far_end] for far_end in expected}
    _check_counts(installation, alert.alert_id, expected, arrived)
    with installation.database.read() as connection:
        first, last = connection.execute(
            select(func.min(DELIVERY.c.accepted_at), func.max(DELIVERY.c.accepted_at)).where(
                DELIVERY.c.alert_id == alert.alert_id
            )
        ).one()
    seconds = seen_at - alert.at.timestamp()
    recorded = (last - alert.at).total_seconds()
    if abs(seconds - recorded) > max(_CLOCKS_DIFFER, 0.05 * seconds):
        raise DisagreementError(
            f"{alert.number} took {recorded:.2f} s by the database's clock, and {seconds:.2f} s by ours"
        )
    return Sent(alert.alert_id, alert.number, total, seconds, (first - alert.at).total_seconds())


def words_of(installation: Installation, alert_id: int) -> Words:
    """The alert's words in bokmål."""
    with installation.database.read() as connection:
        row = connection.execute(
            select(ALERT_TEXT).where(ALERT_TEXT.c.alert_id == alert_id, ALERT_TEXT.c.language == "nb")
        ).one()
    return Words(row.sms, row.subject, row.email)


def _accepted_by_progress(installation: Installation, alert_id: int) -> int:
    with installation.database.read() as connection:
        statement = select(func.coalesce(func.sum(PROGRESS.c.delta), 0)).where(
            PROGRESS.c.alert_id == alert_id, PROGRESS.c.state == DeliveryState.ACCEPTED
        )
        return int(connection.execute(statement).scalar_one())


def _wait_for(count: Callable[[], int], expected: int, what: str) -> None:
    last, changed = -1, time.monotonic()
    while (now := count()) < expected:
        if now != last:
            last, changed = now, time.monotonic()
        elif time.monotonic() - changed > _SILENCE_SECONDS:
            raise DisagreementError(f"{expected:,} {what} were expected, and after {now:,} nothing more came")
        time.sleep(_LOOK_SECONDS)


def _check_counts(
    installation: Installation, alert_id: int, expected: Mapping[FarEnd, int], arrived: Mapping[FarEnd, int]
) -> None:
    with installation.database.read() as connection:
        rows = connection.execute(
            select(DELIVERY.c.channel, DELIVERY.c.state, func.count())
            .where(DELIVERY.c.alert_id == alert_id)
            .group_by(DELIVERY.c.channel, DELIVERY.c.state)
        ).all()
    stored = {(channel, state): count for channel, state, count in rows}
    for far_end, number in expected.items():
        accepted = stored.get((far_end.channel, DeliveryState.ACCEPTED), 0)
        if not number == accepted == arrived[far_end]:
            raise DisagreementError(
                f"{far_end.channel.value}: {number:,} expected, {arrived[far_end]:,} at the far end, "
                f"in the database { {f'{c.value} {s.value}': n for (c, s), n in stored.items()} }"
            )
