"""A worker that stands still in the middle of a transaction (SIGSTOP, a paused machine): its locks are let go."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import psycopg
import pytest
from sqlalchemy import select

from dispatcher.codes import AlertState
from dispatcher.tables import LEASE
from tests.faults.conftest import Trial
from tests.services.waiting import eventually
from tests.whole.conftest import Installation

_LIMIT_SECONDS = 1.0
# What a session waits for, as pg_stat_activity shows it: a lock, or its own process.
_FOR_A_LOCK = "wait_event_type = 'Lock'"
_STILL = {
    "a transaction": "state = 'idle in transaction'",
    "a copy": "state = 'active' AND wait_event = 'ClientRead'",
}


@pytest.mark.parametrize("during", ["a transaction", pytest.param("a copy", marks=pytest.mark.by_hand)])
def test_a_worker_frozen_in_the_middle_of(distributed_trial: Trial, during: str) -> None:
    """It holds what it was working on. The other one tells everybody while it is frozen."""
    trial, installation = distributed_trial, distributed_trial.installation
    school = trial.school_of(200)
    installation.set("store", idle_transaction_seconds=_LIMIT_SECONDS)
    _keeps_the_upkeep(installation)
    (frozen,) = installation.workers("alerts")
    with _beside(installation) as asking:
        with _beside(installation) as holding, holding.transaction():
            if during == "a copy":
                # Each move is copied there; by then the planner has locked the alert.
                holding.execute("LOCK TABLE delivery_event IN SHARE MODE")
                assert installation.send("--json", "--no-watch").status == 0
            else:
                assert installation.send("--json", "--no-watch", "--hold", "600").status == 0
                eventually(lambda: installation.alert_state() is AlertState.OPEN, what="all is planned")
                # A claim locks its rows, which this allows, and then changes them.
                holding.execute("LOCK TABLE delivery IN SHARE MODE")
                asking.execute("UPDATE alert SET hold_until = now()")
            sessions = 1 if during == "a copy" else 2
            eventually(lambda: _sessions(asking, _FOR_A_LOCK) == sessions, what="it waits for what we hold")
            frozen.freeze()
        try:
            eventually(lambda: _sessions(asking, _STILL[during]) == sessions, what="it has got it, and stands still")
            assert installation.far_end.taken() == 0
            trial.struck()
            other = installation.start("worker", "--lane", "alerts")
            installation.closed(20)
            assert installation.far_end.taken() == 2 * school.guardians
        finally:
            frozen.thaw()
    trial.all_told_once()
    # It goes on as if nothing had been: alone now, it sends what comes.
    other.kill()
    assert installation.send("--json", "--no-watch", "--again").status == 0
    installation.closed(20)
    # By number and words, which are those of the first alert.
    assert list(installation.far_end.counts()["sms_by_delivery"].values()) == [2] * school.guardians
    # What it met was no fault of its own making.
    assert "statement_refused" not in frozen.err


def _keeps_the_upkeep(installation: Installation) -> None:
    """Start a scheduler, and wait until the upkeep is its own: a frozen process would keep it for 15 s."""
    installation.start("scheduler")

    def kept() -> bool:
        with installation.database.read() as connection:
            holders = connection.execute(select(LEASE.c.holder).where(LEASE.c.name == "upkeep:alerts")).scalars()
            return any(holder.startswith("scheduler") for holder in holders)

    eventually(kept, what="the scheduler has the upkeep")


@contextmanager
def _beside(installation: Installation) -> Iterator[psycopg.Connection]:
    url = installation.database.engine.url.set(drivername="postgresql")
    with psycopg.connect(url.render_as_string(hide_password=False), autocommit=True) as connection:
        yield connection


def _sessions(connection: psycopg.Connection, that: str) -> int:
    query = f"SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND {that}"
    row = connection.execute(query.encode()).fetchone()
    assert row is not None
    return int(row[0])
