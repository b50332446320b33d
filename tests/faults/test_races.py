"""Two who want the same: of them one wins, and the loser changes nothing."""

from __future__ import annotations

from sqlalchemy import select

from dispatcher.codes import AttemptOutcome, DeliveryState
from dispatcher.tables import ATTEMPT, DELIVERY, LEASE
from tests.faults.conftest import Trial, embedded_by_hand
from tests.services.waiting import eventually
from tests.whole.conftest import SEND


def test_a_worker_frozen_beyond_its_lease_that_wakes_up_and_goes_on(distributed_trial: Trial) -> None:
    trial, installation = distributed_trial, distributed_trial.installation
    trial.school_of(1_600)
    installation.far_end.behave(latency=0.05)
    installation.set("sms", segments_per_second=100.0)
    installation.set("smtp", messages_per_second=100.0)
    frozen, _other = installation.workers("alerts", "alerts")
    assert installation.send("--json").status == 0
    eventually(lambda: installation.far_end.taken() >= 60, what="some have left")

    def frozen_with_a_claim() -> bool:
        frozen.freeze()
        with installation.database.read() as connection:
            its_own = DELIVERY.c.claimed_by.contains(f"-{frozen.pid}-")
            if connection.execute(select(DELIVERY.c.id).where(its_own)).first() is not None:
                return True
        frozen.thaw()
        return False

    eventually(frozen_with_a_claim, what="it stands still with messages in hand")

    def lease_lost() -> bool:
        with installation.database.read() as connection:
            return connection.execute(select(ATTEMPT.c.code).where(ATTEMPT.c.code == "lease_lost")).first() is not None

    try:
        eventually(lease_lost, 40, what="its lease has run out")
    finally:
        frozen.thaw()
    trial.struck()
    trial.all_told_once()


def test_eight_workers_for_the_same_rows(distributed_trial: Trial) -> None:
    trial, installation = distributed_trial, distributed_trial.installation
    trial.school_of(1_000)
    # Long enough for eight processes on whatever machine: here nothing else may go wrong.
    installation.set("dispatch", claim_size=5, lease_seconds=60.0)
    for section in ("sms", "smtp"):
        installation.set(section, timeout_seconds=10.0)
    installation.workers(*["alerts"] * 8)
    trial.struck()
    assert installation.send("--json").status == 0
    trial.all_told_once()
    with installation.database.read() as connection:
        outcomes = set(connection.execute(select(ATTEMPT.c.outcome)).scalars())
        attempts = connection.execute(select(DELIVERY.c.attempt).distinct()).scalars().all()
    assert (outcomes, attempts) == ({AttemptOutcome.ACCEPTED}, [1])


@embedded_by_hand
def test_two_commands_with_the_same_request_and_two_schedulers(trial: Trial) -> None:
    installation = trial.installation
    trial.school_of(300)
    for _ in range(2):
        installation.start("scheduler")
    if installation.distributed:
        installation.workers("alerts", "alerts")
    trial.struck()
    both = [installation.start(*SEND, "--yes", "--hold", "0", "--json") for _ in range(2)]
    answers = [running.wait().json for running in both]
    assert sorted(answer["already_sent"] for answer in answers) == [False, True]
    trial.all_told_once()
    assert installation.alerts() == 1


def test_two_drainers_on_one_file(embedded_trial: Trial) -> None:
    """One works, one waits to succeed it when it is killed; a third one has nothing to wait for."""
    trial, installation = embedded_trial, embedded_trial.installation
    trial.school_of(300)
    installation.set("sms", segments_per_second=20.0)
    installation.set("smtp", messages_per_second=20.0)
    # Its own drainer dies before anything may leave: the three begin with all of it.
    assert installation.send("--json", "--no-watch", "--hold", "3").status == 0
    for process in installation.processes.living():
        process.kill()
    three = [installation.start("drain") for _ in range(3)]
    (useless,) = eventually(lambda: [one for one in three if not one.alive], what="one of the three ends")
    assert useless.wait().status == 0
    eventually(lambda: installation.far_end.taken() >= 20, what="some have left")
    assert installation.alive("drainer") == 1
    with installation.database.read() as connection:
        holder = connection.execute(select(LEASE.c.holder).where(LEASE.c.name == "drainer")).scalar_one()
    (working,) = [one for one in three if f"-{one.pid}-" in holder]
    working.kill()
    trial.struck()
    trial.all_told_once()
    (last,) = [one for one in three if one not in (useless, working)]
    assert last.wait().status == 0


def test_a_stop_in_the_middle_holds_for_all_that_was_not_claimed(distributed_trial: Trial) -> None:
    """The one fault after which not everybody is told: that is what was asked for."""
    trial, installation = distributed_trial, distributed_trial.installation
    trial.school_of(800)
    installation.set("sms", segments_per_second=30.0)
    installation.set("smtp", messages_per_second=30.0)
    installation.workers("alerts", "alerts")
    sent = installation.send("--json").json["alert"]
    eventually(lambda: installation.far_end.taken() >= 60, what="some have left")
    assert installation.run("alert", "stop", sent, "--yes").status == 0

    def over() -> bool:
        left = installation.states().keys() & {DeliveryState.QUEUED, DeliveryState.SENDING, DeliveryState.UNKNOWN}
        return not left

    eventually(over, what="all that was not handed over is cancelled")
    counts, states = installation.far_end.counts(), installation.states()
    assert states[DeliveryState.CANCELLED] > 0
    assert counts["doubled"] == {}
    assert int(counts["sms"]) + int(counts["email"]) == sum(states.values()) - states[DeliveryState.CANCELLED]
