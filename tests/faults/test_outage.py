"""The provider is away for a day: an alert that outlives it reaches everybody, and one that does not says whom not."""

from __future__ import annotations

from sqlalchemy import func, select

from dispatcher.codes import AlertState, DeliveryState
from dispatcher.tables import ATTEMPT, DELIVERY
from providers.base import Channel
from tests.faults.conftest import Trial, embedded_by_hand
from tests.faults.ledger import Entry
from tests.faults.way import Way
from tests.services.waiting import eventually

# Of a message that was put off: dispatch.retry_max_seconds.
_LONGEST_WAIT = 300.0
# A day, in which each message could be tried at least so often.
_PARTS, _PART = 4, 6 * 3600.0


def _attempts(trial: Trial) -> int:
    with trial.installation.database.read() as connection:
        return int(connection.execute(select(func.count()).select_from(ATTEMPT)).scalar_one())


def _away_for_a_day(trial: Trial, way: Way, expires: str) -> None:
    """Begin an alert while nobody answers, and let a day pass, in which it is tried again and again."""
    installation = trial.installation
    trial.school_of(60)
    # The waits of the settings: the first of two minutes and a half, all others of five.
    installation.set("dispatch", retry_seconds=150.0, poll_seconds=0.2)
    way.close()
    if installation.distributed:
        installation.workers("alerts")
    assert installation.send("--json", "--no-watch", "--expires", expires).status == 0
    # What is still being written would know nothing of the time that passes.
    eventually(lambda: installation.alert_state() is AlertState.OPEN, what="all is planned")
    for _ in range(_PARTS - 1):
        before = _attempts(trial)
        trial.time_passes(_PART)
        eventually(lambda seen=before: _attempts(trial) > seen, 60, what="it was tried again")
    trial.time_passes(_PART)


def _caught_up(trial: Trial) -> None:
    """Wait until the newest alert has closed. What was tried while the way opened was put off once more, for as long as
    a minute: that passes, too."""

    def closed() -> bool:
        if trial.installation.states()[DeliveryState.DEFERRED]:
            trial.time_passes(_LONGEST_WAIT)
        return trial.installation.alert_state() is AlertState.CLOSED

    eventually(closed, 30, what="everybody is told", every=1.0)


@embedded_by_hand
def test_a_day_without_the_provider(trial: Trial, way: Way) -> None:
    installation = trial.installation
    _away_for_a_day(trial, way, "30h")
    assert installation.far_end.taken() == 0
    with installation.database.read() as connection:
        assert connection.execute(select(func.max(DELIVERY.c.deferrals))).scalar_one() > 0
    way.open()
    trial.struck()

    _caught_up(trial)
    trial.all_told_once()


@embedded_by_hand
def test_a_day_without_the_provider_that_outlasts_the_alert(trial: Trial, way: Way) -> None:
    """Whoever was not told is on the call list, and gets nothing when the provider is back and the news is old."""
    installation = trial.installation
    _away_for_a_day(trial, way, "20h")
    assert trial.school is not None
    guardians = trial.school.guardians
    eventually(lambda: installation.alert_state() is AlertState.EXPIRED, 30, what="the alert has expired")
    # What was being tried at that moment ends a little later.
    expired = {DeliveryState.EXPIRED: 2 * guardians}
    eventually(lambda: installation.states() == expired, 30, what="every message has")
    per_channel = {(channel, "expired") for channel in (Channel.SMS, Channel.EMAIL)}
    called = trial.to_call()
    assert set(called) == per_channel
    # Two guardians of each student, on both channels.
    assert len(called) == 2 * 2 * trial.school.students
    trial.record(Entry(trial.name, 2 * guardians, 0, 0, 0, 0, 0, 0.0, 2 * guardians))
    way.open()
    # Whoever sends is at work again: another alert goes out, and of the old one nothing.
    assert installation.send("--json", "--no-watch", "--again").status == 0
    _caught_up(trial)
    counts = installation.far_end.counts()
    assert (counts["sms"], counts["email"], counts["doubled"]) == (guardians, guardians, {})
    assert installation.states()[DeliveryState.EXPIRED] == 2 * guardians
