"""The database is the truth: while it is away nothing is confirmed or claimed, and what was taken is not forgotten."""

from __future__ import annotations

import signal
import sqlite3
import time

import psycopg
import pytest

from dispatcher.codes import DeliveryState
from tests.faults.conftest import Trial
from tests.services.postgres import PostgresServer
from tests.services.waiting import eventually

_LOCKED_SECONDS = 10


def _slow_alert(trial: Trial, messages: int, rate: float = 100.0) -> None:
    trial.slow_alert(messages, rate)
    eventually(lambda: trial.installation.far_end.taken() >= 50, what="some have left")


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGQUIT], ids=["fast", "immediate"])
def test_postgresql_restarted_during_an_alert(
    distributed_trial: Trial, postgres_server: PostgresServer, how: signal.Signals
) -> None:
    _slow_alert(distributed_trial, 800)
    postgres_server.restart(how)
    distributed_trial.struck()
    distributed_trial.all_told_once()
    assert all(running.alive for running in distributed_trial.installation.started[:2])


def test_connections_cut_during_an_alert(distributed_trial: Trial, postgres_server: PostgresServer) -> None:
    _slow_alert(distributed_trial, 1_000, rate=30.0)
    database = distributed_trial.installation.database.engine.url.database
    with psycopg.connect(postgres_server.url().replace("+psycopg", ""), autocommit=True) as connection:
        for _ in range(5):
            before = distributed_trial.installation.far_end.taken()
            assert before <= 900, "the alert was over before the connections were cut"
            connection.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = %s", [database])
            eventually(
                lambda goal=before + 20: distributed_trial.installation.far_end.taken() >= goal, what="it goes on"
            )
    distributed_trial.struck()
    distributed_trial.all_told_once()


def test_another_process_holds_the_write_lock_of_sqlite(embedded_trial: Trial) -> None:
    """Longer than a lease: what was handed over before is unknown by then, and looked up before anything is sent."""
    _slow_alert(embedded_trial, 400)
    installation = embedded_trial.installation
    holder = sqlite3.connect(installation.data_dir / "beredskap.db", isolation_level=None)
    holder.execute("BEGIN IMMEDIATE")
    began = time.monotonic()
    assert float(str(installation.settings["dispatch"]["lease_seconds"])) < _LOCKED_SECONDS
    eventually(lambda: time.monotonic() > began + _LOCKED_SECONDS, what="it has held it for ten seconds", every=0.5)
    holder.execute("ROLLBACK")
    holder.close()
    embedded_trial.struck()
    embedded_trial.all_told_once()
    assert installation.states()[DeliveryState.UNKNOWN] == 0
