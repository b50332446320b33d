"""SIGTERM: what was not handed over is given back at once, and only what stays unanswered becomes unknown."""

from __future__ import annotations

import time

from dispatcher.codes import DeliveryState
from tests.faults.conftest import Trial
from tests.services.waiting import eventually

_STOP_SECONDS = 10


def test_worker_and_scheduler_told_to_end(distributed_trial: Trial) -> None:
    trial, installation = distributed_trial, distributed_trial.installation
    trial.school_of(600)
    installation.set("sms", segments_per_second=50.0)
    installation.set("smtp", messages_per_second=50.0)
    scheduler = installation.start("scheduler")
    (worker,) = installation.workers("alerts")
    assert installation.send("--json").status == 0
    eventually(lambda: installation.far_end.taken() >= 30, what="some have left")
    for running in (worker, scheduler):
        running.terminate()
    assert [running.wait().status for running in (worker, scheduler)] == [0, 0]
    states = installation.states()
    assert states[DeliveryState.SENDING] == states[DeliveryState.UNKNOWN] == 0
    trial.struck()
    installation.set("sms", segments_per_second=500.0)
    installation.set("smtp", messages_per_second=500.0)
    installation.workers("alerts")
    trial.all_told_once()


def test_a_worker_told_to_end_while_the_provider_hangs(distributed_trial: Trial) -> None:
    """It waits ten seconds for the answers, no more; then they are unknown, looked up, and found."""
    trial, installation = distributed_trial, distributed_trial.installation
    school = trial.school_of(40)
    installation.far_end.behave(to="*", behaviour="hang")
    installation.set("sms", timeout_seconds=60.0)
    installation.set("smtp", timeout_seconds=60.0)
    installation.set("dispatch", lease_seconds=300.0)
    (worker,) = installation.workers("alerts")
    assert installation.send("--json").status == 0
    eventually(lambda: installation.far_end.counts()["sms"] == school.guardians, what="all SMS are at the provider")
    began = time.monotonic()
    worker.terminate()
    assert worker.wait().status == 0
    assert time.monotonic() - began < _STOP_SECONDS + 5
    states = installation.states()
    assert states[DeliveryState.SENDING] == 0
    assert states[DeliveryState.UNKNOWN] >= school.guardians
    installation.far_end.behave(to="*", behaviour="delivered")
    trial.struck()
    installation.workers("alerts")
    trial.all_told_once()
