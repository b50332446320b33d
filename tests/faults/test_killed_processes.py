"""Workers, drainers and commands that are killed: the others go on, and nobody is told twice."""

from __future__ import annotations

import random

from sqlalchemy import func, select

from dispatcher.codes import AlertState, AttemptOutcome
from dispatcher.tables import ALERT, ATTEMPT
from tests.faults.conftest import Trial
from tests.services.waiting import eventually
from tests.whole.conftest import SEND

_KILLS = 20


def test_workers_killed_20_times_in_5000_deliveries(distributed_trial: Trial) -> None:
    """At moments that nobody chose; among them, each time, some between a message's acceptance and our commit."""
    trial, installation = distributed_trial, distributed_trial.installation
    trial.school_of(5_000)
    installation.far_end.behave(latency=0.02)
    installation.set("sms", segments_per_second=120.0)
    installation.set("smtp", messages_per_second=120.0)
    workers = installation.workers("alerts", "alerts", "alerts")
    assert installation.send("--json").status == 0
    chance = random.Random()
    for _ in range(_KILLS):
        before = installation.far_end.taken()
        step = chance.randrange(20, 120)
        eventually(lambda goal=before + step: installation.far_end.taken() >= goal, what="more has left")
        workers.pop(chance.randrange(len(workers))).kill()
        workers.append(installation.start("worker", "--lane", "alerts"))
    assert installation.far_end.taken() < 5_000, "the last kill came too late to matter"
    trial.struck()
    installation.set("sms", segments_per_second=1000.0)
    trial.all_told_once(120)
    with installation.database.read() as connection:
        statement = select(func.count()).select_from(ATTEMPT).where(ATTEMPT.c.code == "lease_lost")
        assert connection.execute(statement).scalar_one() > 0


def test_the_command_killed_while_its_alert_is_planned(trial: Trial) -> None:
    """What is alive plans on: the drainer that it started, or a worker."""
    installation = trial.installation
    trial.school_of(3_000)
    if installation.distributed:
        installation.workers("alerts")
    sending = installation.start(*SEND, "--yes", "--hold", "0")

    def under_way() -> bool:
        with installation.database.read() as connection:
            row = connection.execute(select(ALERT.c.state, ALERT.c.cursor)).first()
        return row is not None and row.state is AlertState.PLANNING

    eventually(under_way, what="the alert is being planned", every=0.002)
    sending.kill()
    trial.struck()
    trial.all_told_once()


def test_the_worker_that_plans_killed(distributed_trial: Trial) -> None:
    trial, installation = distributed_trial, distributed_trial.installation
    trial.school_of(6_000)
    installation.set("dispatch", chunk=100)
    (worker,) = installation.workers("alerts")
    sending = installation.start(*SEND, "--yes", "--hold", "0", "--json")

    def half_planned() -> bool:
        with installation.database.read() as connection:
            row = connection.execute(select(ALERT.c.state, ALERT.c.cursor)).first()
        return row is not None and row.state is AlertState.PLANNING and row.cursor > 0

    eventually(half_planned, what="the alert is half planned", every=0.002)
    worker.kill()
    trial.struck()
    assert sending.wait().status == 0
    installation.workers("alerts")
    trial.all_told_once()


def test_the_only_drainer_killed_between_acceptance_and_record(embedded_trial: Trial) -> None:
    """The next command that looks starts another one."""
    trial, installation = embedded_trial, embedded_trial.installation
    trial.school_of(400)
    installation.set("sms", segments_per_second=60.0)
    installation.set("smtp", messages_per_second=60.0)
    assert installation.send("--json").status == 0
    eventually(lambda: installation.far_end.taken() >= 40, what="some have left")
    own = {running.pid for running in installation.started}
    for process in installation.processes.living():
        if process.pid not in own:
            process.kill()
    trial.struck()
    installation.set("sms", segments_per_second=500.0)
    installation.set("smtp", messages_per_second=500.0)
    assert installation.run("alert", "list").status == 0
    trial.all_told_once()
    with installation.database.read() as connection:
        outcomes = set(connection.execute(select(ATTEMPT.c.outcome)).scalars())
    assert AttemptOutcome.ACCEPTED in outcomes
    installation.drained()
