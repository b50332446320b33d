"""Redis is only a doorbell: emptied, stopped or never there, the alert goes out."""

from __future__ import annotations

from tests.faults.conftest import Trial
from tests.services.redis import RedisServer
from tests.services.server import free_port
from tests.services.waiting import eventually

# The longer variant, by hand: 30 s.
_AWAY_MESSAGES = 60


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
    trial, installation = distributed_trial, distributed_trial.installation
    trial.school_of(600)
    installation.set("sms", segments_per_second=60.0)
    installation.set("smtp", messages_per_second=60.0)
    installation.workers("alerts", "alerts")
    assert installation.send("--json").status == 0
    eventually(lambda: installation.far_end.taken() >= 20, what="some have left")
    redis_server.kill()
    try:
        trial.struck()
        gone = installation.far_end.taken()
        eventually(lambda: installation.far_end.taken() >= gone + _AWAY_MESSAGES, what="messages leave without Redis")
    finally:
        redis_server.start()
    trial.all_told_once()


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
