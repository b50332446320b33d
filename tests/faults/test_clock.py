"""Clocks that are wrong, and the nights on which they are changed: the database's clock decides, in UTC."""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import func, select

from config.clock import OSLO
from dispatcher.codes import AlertState, AttemptOutcome, DeliveryState
from dispatcher.tables import ALERT, ATTEMPT, DELIVERY, EVENT, LEASE
from tests.faults.conftest import Trial
from tests.services.clock import clock_off_by
from tests.services.server import free_port
from tests.services.waiting import eventually
from tests.whole.conftest import Installation

_SECONDS_OFF = 90
# Both at the same moment in UTC: 02:00 becomes 03:00, and 03:00 becomes 02:00.
_SPRING, _AUTUMN = datetime(2026, 3, 29, 1, tzinfo=UTC), datetime(2026, 10, 25, 1, tzinfo=UTC)


@pytest.mark.parametrize(
    "off", [_SECONDS_OFF, pytest.param(-_SECONDS_OFF, marks=pytest.mark.by_hand)], ids=["ahead", "behind"]
)
def test_a_worker_whose_clock_is_wrong(distributed_trial: Trial, off: int) -> None:
    """It does the upkeep, too. The alert is worth telling for a shorter time than its clock is wrong."""
    trial, installation = distributed_trial, distributed_trial.installation
    trial.school_of(300)
    for to in trial.numbers()[::10]:
        installation.far_end.behave(to=to, behaviour="hang", times=1)
    installation.set("sms", segments_per_second=25.0)
    installation.set("smtp", messages_per_second=25.0)
    wrong = installation.start("worker", "--lane", "alerts", environment=clock_off_by(off))
    eventually(lambda: f"-{wrong.pid}-" in _upkeep_of(installation), what="it does the upkeep")
    began = installation.database.now()
    trial.struck()
    assert installation.send("--json", "--no-watch", "--expires", f"{_SECONDS_OFF - 20}s").status == 0
    eventually(lambda: installation.far_end.taken() > 0, what="it sends")
    installation.workers("alerts", "alerts")
    trial.all_told_once()
    ended = installation.database.now()
    with installation.database.read() as connection:
        attempts = connection.execute(select(ATTEMPT)).all()
        moments = [*connection.execute(select(EVENT.c.at)).scalars(), *(one.began_at for one in attempts)]
    assert all(began <= at <= ended for at in [*moments, *(one.ended_at for one in attempts)])
    # No lease ran out early, no message was thought to be expired; what had no answer was looked up and found. On a
    # busy machine a connection may take longer than is allowed: that message waits its turn again, and is sent.
    outcomes = {(one.outcome, one.code) for one in attempts if one.provider == "twilio" and one.code}
    assert outcomes - {(AttemptOutcome.DEFERRED, "connect_timeout")} == {(AttemptOutcome.UNKNOWN, "read_timeout")}
    validity = [one["validity_seconds"] for one in installation.far_end.sms()]
    assert 0 < min(validity) <= max(validity) <= _SECONDS_OFF - 20


@pytest.mark.parametrize(
    "change", [pytest.param(_SPRING, marks=pytest.mark.by_hand), _AUTUMN], ids=["spring", "autumn"]
)
def test_an_alert_over_the_change_of_the_clock(embedded_trial: Trial, change: datetime) -> None:
    """Of the embedded store the clock is the machine's. Nothing expires an hour early, and the report is right."""
    trial, installation = embedded_trial, embedded_trial.installation
    trial.school_of(120)
    # It leaves for twenty-four seconds: the clock changes meanwhile even if the command takes twenty to begin.
    installation.set("sms", segments_per_second=2.5)
    installation.set("smtp", messages_per_second=2.5)
    night = _before(change, seconds=20)
    trial.struck()
    sent = installation.send("--json", "--no-watch", "--expires", "30m", environment=night)
    assert sent.status == 0
    trial.all_told_once()
    with installation.database.read() as connection:
        alert = connection.execute(select(ALERT)).one()
        last = connection.execute(select(func.max(DELIVERY.c.accepted_at))).scalar_one()
    assert alert.confirmed_at < change < last < alert.ended_at < change + timedelta(minutes=1)
    assert timedelta(minutes=30) <= alert.expires_at - alert.confirmed_at < timedelta(minutes=30, seconds=1)
    told = installation.run("report", sent.json["alert"], environment=night).out
    for moment in (alert.confirmed_at, alert.ended_at):
        assert f"{moment.astimezone(OSLO):%H:%M:%S}" in told
    document = installation.run("report", sent.json["alert"], "--json", environment=night).json
    assert datetime.fromisoformat(document["alert"]["confirmed_at"]) == alert.confirmed_at


def test_an_alert_that_expires_as_the_clock_goes_back(embedded_trial: Trial) -> None:
    """Not an hour late: by the clock on the wall it would not be over for long."""
    trial, installation = embedded_trial, embedded_trial.installation
    trial.school_of(40)
    # Nobody is there to take it.
    installation.set("sms", api_base_url=f"http://127.0.0.1:{free_port()}")
    installation.set("smtp", port=free_port())
    night = _before(_AUTUMN, seconds=5)
    assert installation.send("--json", "--no-watch", "--expires", "8s", environment=night).status == 0
    eventually(lambda: sum(installation.states().values()) == 40, what="all is planned")
    eventually(lambda: installation.alert_state() is AlertState.EXPIRED, 30, what="the alert has expired")
    with installation.database.read() as connection:
        alert = connection.execute(select(ALERT)).one()
    assert _AUTUMN < alert.expires_at <= alert.ended_at < alert.expires_at + timedelta(seconds=20)
    eventually(lambda: dict(installation.states()) == {DeliveryState.EXPIRED: 40}, what="nothing leaves any more")
    assert installation.far_end.taken() == 0


def _before(change: datetime, *, seconds: float) -> dict[str, str]:
    """The environment of processes for which it is now so long before the change of the clock."""
    return clock_off_by(change.timestamp() - seconds - time.time())


def _upkeep_of(installation: Installation) -> str:
    with installation.database.read() as connection:
        holder = connection.execute(select(LEASE.c.holder).where(LEASE.c.name == "upkeep:alerts")).scalar()
    return holder or ""
