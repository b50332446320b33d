"""Watching until the alert has ended, through a database that goes away and comes back."""

from __future__ import annotations

import io
import json
from collections.abc import Callable, Iterator

import pytest
from rich.console import Console
from sqlalchemy.exc import ProgrammingError

from config.database import Database
from config.errors import ExitStatus
from dispatcher.codes import AlertState, DeliveryState
from dispatcher.reports.watch_loop import watch
from dispatcher.tables import ALERT
from providers.base import Channel
from tests.dispatcher.reports.world import World
from tests.services.inside import Inside
from tests.services.postgres import PostgresServer
from tests.services.schema import all_tables

S = DeliveryState


class Steps:
    """Stands for the pauses between refreshes: what happens in each of them. Fails when there are more than planned."""

    def __init__(self, *steps: Callable[[], object]) -> None:
        self._steps: Iterator[Callable[[], object]] = iter(steps)
        self.taken = 0

    def __call__(self, _seconds: float) -> None:
        self.taken += 1
        step = next(self._steps, None)
        assert step is not None, "the watch should have ended"
        step()


def _console(*, terminal: bool = False) -> tuple[Console, io.StringIO]:
    stream = io.StringIO()
    return Console(file=stream, width=80, height=40, force_terminal=terminal, highlight=False), stream


def _alert(database: Database, state: DeliveryState = S.QUEUED) -> int:
    with database.write() as connection:
        world = World(connection)
        student = world.student("1A-001")
        alert = world.alert([student])
        guardian = world.guardian(of=student)
        world.decision(alert, student, guardian)
        world.delivery(alert, state, [(student, guardian)])
    return alert


def _deliver(database: Database, alert: int) -> None:
    with database.write() as connection:
        World.again(connection).progress(alert, Channel.SMS, S.QUEUED, -1)
        World.again(connection).progress(alert, Channel.SMS, S.DELIVERED, 1)


def _end(database: Database, alert: int, state: AlertState) -> None:
    with database.write() as connection:
        World.again(connection).end(alert, state)


@pytest.mark.parametrize("state", [AlertState.CLOSED, AlertState.STOPPED, AlertState.EXPIRED])
def test_ends_when_the_alert_has_ended(database: Database, state: AlertState) -> None:
    alert = _alert(database)
    console, stream = _console()
    steps = Steps(lambda: _end(database, alert, state))
    watch(database, alert, console, pause=steps)
    first, last = stream.getvalue().splitlines()
    assert "open" in first
    assert state.value in last


def test_one_line_a_change(database: Database) -> None:
    alert = _alert(database)
    console, stream = _console()
    steps = Steps(
        lambda: None,
        lambda: None,
        lambda: _deliver(database, alert),
        lambda: None,
        lambda: _end(database, alert, AlertState.CLOSED),
    )
    watch(database, alert, console, until_settled=False, pause=steps)
    assert steps.taken == 5
    lines = stream.getvalue().splitlines()
    assert ["delivered 1" in line for line in lines] == [False, True, True]


def test_a_json_document_a_change_in_one_line(database: Database) -> None:
    alert = _alert(database)
    console, stream = _console(terminal=True)
    steps = Steps(
        lambda: None,
        lambda: _deliver(database, alert),
        lambda: None,
        lambda: _end(database, alert, AlertState.CLOSED),
    )
    watch(database, alert, console, until_settled=False, as_json=True, pause=steps)
    documents = [json.loads(line) for line in stream.getvalue().splitlines()]
    assert [one["figures"]["channels"][0]["delivered"] for one in documents] == [0, 1, 1]
    assert [one["figures"]["alert"]["state"] for one in documents] == ["open", "open", "closed"]
    assert documents[-1]["students"]["counts"]["students"] == 1
    assert {one["database_away_since"] for one in documents} == {None}


def test_until_settled_ends_before_the_alert_does(database: Database) -> None:
    alert = _alert(database)
    steps = Steps(lambda: _deliver(database, alert))
    watch(database, alert, _console()[0], pause=steps)
    assert steps.taken == 1


def test_a_live_page_on_a_terminal(database: Database) -> None:
    alert = _alert(database)
    console, stream = _console(terminal=True)
    watch(database, alert, console, pause=Steps(lambda: _end(database, alert, AlertState.STOPPED)))
    screen = stream.getvalue()
    assert "Ctrl-C leaves, the alert goes on" in screen
    assert "STOPPED by K. Leder" in screen
    # The cursor is shown again at the end.
    assert screen.rindex("\x1b[?25h") > screen.rindex("\x1b[?25l")


def test_leaving_passes_through(database: Database) -> None:
    alert = _alert(database)

    def leave(_seconds: float) -> None:
        raise KeyboardInterrupt

    console, stream = _console(terminal=True)
    with pytest.raises(KeyboardInterrupt):
        watch(database, alert, console, pause=leave)
    assert stream.getvalue().rindex("\x1b[?25h") > 0


def test_a_restart_of_the_database_does_not_end_it(postgres_url: str, postgres_server: PostgresServer) -> None:
    database = Database(postgres_url)
    all_tables().create_all(database.engine)
    alert = _alert(database)
    console, stream = _console()
    steps = Steps(
        postgres_server.stop,
        lambda: None,
        postgres_server.start,
        lambda: _deliver(database, alert),
        lambda: _end(database, alert, AlertState.CLOSED),
    )
    watch(database, alert, console, until_settled=False, pause=steps)
    database.dispose()
    lines = stream.getvalue().splitlines()
    assert sum("Database away since" in line for line in lines) == 1
    away = next(number for number, line in enumerate(lines) if "Database away" in line)
    assert "delivered 1" not in "".join(lines[:away])
    assert "delivered 1" in lines[-1]
    assert "closed" in lines[-1]


def test_a_database_that_is_away_from_the_start_is_waited_for(
    postgres_url: str, postgres_server: PostgresServer
) -> None:
    database = Database(postgres_url)
    all_tables().create_all(database.engine)
    alert = _alert(database)
    _end(database, alert, AlertState.CLOSED)
    postgres_server.stop()
    for terminal in (False, True):
        if postgres_server.running:
            postgres_server.stop()
        console, stream = _console(terminal=terminal)
        watch(database, alert, console, pause=Steps(postgres_server.start))
        assert "Database away since" in stream.getvalue()
        assert "closed" in stream.getvalue().casefold()
    database.dispose()


def test_a_fault_of_the_program_is_not_taken_for_a_database_away(postgres_url: str) -> None:
    database = Database(postgres_url)
    with pytest.raises(ProgrammingError):
        watch(database, 1, _console()[0], pause=Steps())
    database.dispose()


def test_following_as_a_page_needs_no_option(inside: Inside) -> None:
    refused = inside.run("alert", "watch", "--follow")
    assert refused.exit_code == ExitStatus.UNUSABLE
    assert "--follow goes with --json." in refused.stderr


def test_the_command_follows_in_json_until_the_alert_has_ended(inside: Inside) -> None:
    world = inside.world
    alert = world.sent(world.family())
    world.change(ALERT, alert, state=AlertState.STOPPED, ended_at=world.now)
    told = inside.run("alert", "watch", "latest", "--json", "--follow")
    assert told.exit_code == 0, told.output
    (document,) = (json.loads(line) for line in told.stdout.splitlines())
    assert document["figures"]["alert"]["state"] == "stopped"
