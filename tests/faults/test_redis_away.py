"""Redis is only a doorbell: emptied, stopped or never there, the alert goes out."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from tests.faults.conftest import Trial
from tests.services.redis import RedisServer
from tests.services.server import free_port
from tests.services.waiting import eventually

_AWAY_MESSAGES = 60
_AWAY_SECONDS = 30


def test_redis_flushed_while_messages_wait(distributed_trial: Trial, redis_server: RedisServer) -> None:
    trial, installation = distributed_trial, distributed_trial.installation
    trial.school_of(600)
    # The ring waits in Redis: the worker is alive, and does not hear it.
    (worker,) = installation.workers("alerts")
    worker.freeze()
    sent = installation.send("--json", "--no-watch")
    assert (sent.status, sent.json["note"]) == (0, None)
    with redis_server.client() as client:
        assert client.dbsize() > 0
    redis_server.flush()
    worker.thaw()
    trial.struck()
    trial.all_told_once()


def test_redis_stopped_and_back_during_an_alert(distributed_trial: Trial, redis_server: RedisServer) -> None:
    _begin(distributed_trial, 600, rate=60.0)
    with _stopped(distributed_trial, redis_server):
        pass
    distributed_trial.all_told_once()


@pytest.mark.by_hand
def test_redis_stopped_for_30_seconds(distributed_trial: Trial, redis_server: RedisServer) -> None:
    _begin(distributed_trial, 1_600, rate=20.0)
    with _stopped(distributed_trial, redis_server):
        back = time.monotonic() + _AWAY_SECONDS
        eventually(lambda: time.monotonic() > back, _AWAY_SECONDS + 1, what="it has been away for long", every=0.5)
    distributed_trial.all_told_once()


def _begin(trial: Trial, messages: int, *, rate: float) -> None:
    installation = trial.installation
    trial.school_of(messages)
    installation.set("sms", segments_per_second=rate)
    installation.set("smtp", messages_per_second=rate)
    installation.workers("alerts", "alerts")
    assert installation.send("--json").status == 0
    eventually(lambda: installation.far_end.taken() >= 20, what="some have left")


@contextmanager
def _stopped(trial: Trial, server: RedisServer) -> Iterator[None]:
    """Meanwhile there is no Redis, and messages leave all the same."""
    far_end = trial.installation.far_end
    server.kill()
    try:
        trial.struck()
        gone = far_end.taken()
        eventually(lambda: far_end.taken() >= gone + _AWAY_MESSAGES, what="messages leave without Redis")
        yield
    finally:
        server.start()


def test_redis_never_there_and_no_worker(distributed_trial: Trial) -> None:
    """The command says so, and this machine drains the outbox itself."""
    trial, installation = distributed_trial, distributed_trial.installation
    trial.school_of(200)
    installation.set("store", redis_url=f"redis://127.0.0.1:{free_port()}/0")
    trial.struck()
    sent = installation.send("--no-watch")
    assert sent.status == 0
    assert "No worker is alive: this machine sends by itself, in the background." in sent.err
    trial.all_told_once()
    installation.drained()
