"""Several processes on PostgreSQL and Redis: who sends, who is told, and what happens when one of them is away."""

from __future__ import annotations

from collections import Counter

import dramatiq
import pytest
import redis
from sqlalchemy import func, select

from config.settings import load_settings
from dispatcher.codes import AttemptOutcome, DeliveryState, Lane, MoveSource
from dispatcher.running.broker import declare_actors, make_broker
from dispatcher.tables import ATTEMPT, EVENT
from providers.base import Channel
from tests.services.redis import RedisServer
from tests.services.server import free_port
from tests.services.waiting import eventually
from tests.whole.conftest import Installation
from tests.whole.school import School, fill


def assert_each_once(installation: Installation, school: School) -> None:
    counts = installation.far_end.counts()
    assert (counts["sms"], counts["email"], counts["doubled"]) == (len(school.numbers), len(school.emails), {})
    assert Counter(one["to"] for one in installation.far_end.sms()) == dict.fromkeys(school.numbers, 1)


def take_callbacks(installation: Installation) -> None:
    """Let the provider call our web process; receipts are not polled within the test's time."""
    port = free_port()
    installation.set("web", port=port)
    installation.set("sms", callback_base_url=f"http://127.0.0.1:{port}")
    installation.set("dispatch", receipt_poll_seconds=600.0)


def test_two_of_everything_send_each_message_once_and_learn_of_it_by_callbacks(distributed: Installation) -> None:
    school = fill(distributed.database, 20)
    take_callbacks(distributed)
    for command in (("scheduler",), ("scheduler",), ("web",)):
        distributed.start(*command)
    distributed.workers("alerts", "alerts", "routine")
    eventually(lambda: distributed.alive("web", "scheduler") == 3, what="web and both schedulers are alive")
    sent = distributed.send("--json")
    assert sent.status == 0, sent.err
    assert sent.json["note"] is None
    distributed.closed()
    assert_each_once(distributed, school)
    assert distributed.states(Channel.SMS) == {DeliveryState.DELIVERED: len(school.numbers)}
    assert all(one["callbacks_sent"] == 2 for one in distributed.far_end.sms())
    with distributed.database.read() as connection:
        sources = connection.execute(
            select(EVENT.c.source, func.count())
            .where(EVENT.c.to_state == DeliveryState.DELIVERED, ~EVENT.c.refused)
            .group_by(EVENT.c.source)
        ).all()
    assert [tuple(row) for row in sources] == [(MoveSource.RECEIPT, len(school.numbers))]
    # Nobody had to start a drainer: the workers were there.
    assert not (distributed.data_dir / "logs" / "drainer.log").exists()
    # Each ends in order when it is told to.
    for running in distributed.started:
        running.terminate()
    assert [running.wait().status for running in distributed.started] == [0] * 6
    assert distributed.alive() == 0


def test_every_queue_has_a_lane_of_workers_that_empties_it(
    distributed: Installation, redis_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    distributed.workers(*(lane.value for lane in Lane))
    broker = make_broker(load_settings())
    declare_actors(broker, Lane, lambda _lane: None)
    names = broker.get_declared_actors()
    assert names
    client = redis.Redis.from_url(redis_url)
    for name in names:
        actor = broker.get_actor(name)
        broker.enqueue(dramatiq.Message(queue_name=actor.queue_name, actor_name=name, args=(), kwargs={}, options={}))
        # Taken and acknowledged: nothing is left of it in Redis.
        eventually(
            lambda queue=actor.queue_name: client.hlen(f"dramatiq:{queue}.msgs") == 0,
            what=f"a worker takes what is in the queue {actor.queue_name}",
        )
    broker.close()
    client.close()


@pytest.mark.parametrize("how", ["absent", "frozen"])
def test_without_redis_workers_find_the_alert_themselves(
    distributed: Installation, redis_server: RedisServer, how: str
) -> None:
    school = fill(distributed.database, 4)
    port = redis_server.port
    if how == "absent":
        port = free_port()
        distributed.set("store", redis_url=f"redis://:hemmelig@127.0.0.1:{port}/0")
    distributed.workers("alerts", "alerts")
    try:
        if how == "frozen":
            redis_server.freeze()
        sent = distributed.send("--no-watch")
    finally:
        if how == "frozen":
            redis_server.thaw()
    assert sent.status == 0
    assert (
        f"Redis does not answer at 127.0.0.1:{port}. 2 workers are alive and read the database themselves: "
        "the alert goes out." in sent.err
    )
    assert "Restart Redis when you can" in sent.err
    distributed.closed()
    assert_each_once(distributed, school)
    assert "hemmelig" not in distributed.logs()


def test_without_a_worker_this_machine_sends_and_says_so(distributed: Installation) -> None:
    school = fill(distributed.database, 3)
    # A worker that was killed a moment ago is not counted on.
    (worker,) = distributed.workers("alerts")
    worker.kill()
    sent = distributed.send("--no-watch")
    assert sent.status == 0
    assert "No worker is alive: this machine sends by itself, in the background." in sent.err
    distributed.closed()
    assert_each_once(distributed, school)
    distributed.drained()


def test_a_worker_told_to_end_gives_back_what_it_has_not_sent(distributed: Installation) -> None:
    school = fill(distributed.database, 12)
    distributed.set("sms", segments_per_second=4.0)
    distributed.set("smtp", messages_per_second=4.0)
    (worker,) = distributed.workers("alerts")
    assert distributed.send("--json").status == 0
    eventually(lambda: distributed.far_end.taken() >= 3, what="some have left")
    worker.terminate()
    assert worker.wait().status == 0
    # At once, and not when the lease runs out.
    states = distributed.states()
    assert states[DeliveryState.SENDING] == states[DeliveryState.UNKNOWN] == 0
    assert states[DeliveryState.QUEUED] > 0
    with distributed.database.read() as connection:
        outcomes = set(connection.execute(select(ATTEMPT.c.outcome)).scalars())
    assert outcomes == {AttemptOutcome.ACCEPTED, AttemptOutcome.RELEASED}
    distributed.set("sms", segments_per_second=500.0)
    distributed.set("smtp", messages_per_second=500.0)
    distributed.workers("alerts")
    distributed.closed()
    assert_each_once(distributed, school)


def test_the_service_sends_takes_receipts_and_ends_in_order(embedded: Installation) -> None:
    school = fill(embedded.database, 8)
    take_callbacks(embedded)
    embedded.set("sms", segments_per_second=3.0)
    # What the provider tells while no service listens, and does not repeat for long, must be asked for.
    embedded.set("dispatch", hold_seconds=2.0, receipt_poll_seconds=2.0)
    service = embedded.start("run")
    eventually(lambda: embedded.alive("run") == 1, what="the service is alive")
    assert embedded.run("alert", "send", *_LOCKDOWN, "--yes", "--json").status == 0
    # The command's own drainer dies: the service is there.
    own = {running.pid for running in embedded.started}
    for process in embedded.processes.living():
        if process.pid not in own:
            process.kill()
    eventually(lambda: len(embedded.far_end.sms()) >= 3, what="some have left")
    service.terminate()
    assert service.wait().status == 0
    states = embedded.states()
    assert states[DeliveryState.SENDING] == states[DeliveryState.UNKNOWN] == 0
    assert states[DeliveryState.QUEUED] > 0
    embedded.set("sms", segments_per_second=500.0)
    embedded.start("run")
    embedded.closed()
    assert_each_once(embedded, school)
    with embedded.database.read() as connection:
        sources = connection.scalars(select(EVENT.c.source).where(EVENT.c.to_state == DeliveryState.DELIVERED)).all()
    assert len(sources) == len(school.numbers)
    assert MoveSource.RECEIPT in sources


_LOCKDOWN = ("--school", "Prøvedal vgs", "--scenario", "lockdown", "--status", "actual")


def test_a_statement_that_the_database_refuses_is_not_taken_for_a_database_away(distributed: Installation) -> None:
    (worker,) = distributed.workers("alerts")
    with distributed.database.write() as connection:
        connection.exec_driver_sql("ALTER TABLE delivery RENAME COLUMN due_at TO something_else")
    written = worker.wait_for("statement_refused")
    assert "database_away" not in written
    # Where it lies, and nothing of what it said.
    assert "UndefinedColumn" in written
    assert "something_else" not in written
    assert worker.alive
