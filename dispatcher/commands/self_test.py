"""`beredskap self-test`: messages to staff, the whole way that an alert goes, until their receipts are in."""

from __future__ import annotations

from contextlib import closing
from typing import TYPE_CHECKING, Any

import typer

from config.errors import ExitStatus
from config.roles import Right
from config.shell import JsonOption, command_errors

if TYPE_CHECKING:
    from collections.abc import Callable

    from config.database import Database
    from dispatcher.routine.self_test import SelfTestNow

_LEFT = "You left. The messages are on their way; beredskap doctor tells what became of them."


@command_errors(Right.RUN, interrupted=_LEFT)
def self_test(as_json: JsonOption = False) -> None:
    """Send a test message to the staff in the settings (self_test), by every provider, and wait for the receipts.

    It goes the way of an alert, behind every actual one, and says that it is a test. The last resort
    (sms_last_resort) is left out: it gives no receipts. Ctrl-C leaves; the messages go on.

    Exit status: 0 every message was delivered (e-mail: the mail server has it); 1 one was not, and which, or an actual
    alert is under way; 2 the settings name no staff, or no provider.

    Examples:

      beredskap self-test

      beredskap self-test --json
    """
    from config.audit import current_operator
    from config.set_aside import usable
    from config.shell import open_store, print_json
    from dispatcher.codes import SelfTestResult
    from dispatcher.routine.self_test import begin
    from dispatcher.routine.self_test_staff import parts_of
    from dispatcher.running.delivering import Delivering
    from dispatcher.running.self_testing import ping_after

    with open_store() as store:
        parts_of(store.settings)
        with closing(Delivering(store.settings)) as delivering:
            delivering.find_workers(store.database)
            delivering.check()
            test_id = begin(store.database, store.settings, operator=current_operator())
            delivering.ring()
            if not as_json and delivering.words():
                typer.echo(delivering.words(), err=True)
            test = _wait(store.database, test_id, (lambda _test: None) if as_json else _Telling())
        ping_after(test, usable(store.settings.self_test))
    status = ExitStatus.OK if test.result is SelfTestResult.PASSED else ExitStatus.FAILED
    if as_json:
        print_json(as_document(test) | {"exit_status": int(status)})
    else:
        _show(test)
    raise typer.Exit(int(status))


def _wait(database: Database, test_id: int, tell: Callable[[SelfTestNow], None]) -> SelfTestNow:
    """Look twice a second until it has ended, and write that down. A database that is away is asked again."""
    import time

    from sqlalchemy.exc import DBAPIError, TimeoutError

    from dispatcher.reports.watch_loop import is_away
    from dispatcher.routine.self_test import end, read

    while True:
        try:
            with database.read() as connection:
                test = read(connection, test_id)
            tell(test)
            if test.result is not None:
                with database.write() as connection:
                    end(connection, test)
                return test
        except (DBAPIError, TimeoutError) as error:
            if not is_away(error):
                raise
        time.sleep(0.5)


class _Telling:
    """One line for each message whenever something has become of it."""

    def __init__(self) -> None:
        self._told: dict[tuple[str, str], str] = {}

    def __call__(self, test: SelfTestNow) -> None:
        from dispatcher.codes import DeliveryState
        from dispatcher.reports.words import STATE_WORDS

        if not self._told:
            typer.echo(f"Self-test {test.id}: {len(test.messages)} messages. Ctrl-C leaves, they go on.")
        for one in test.messages:
            words = STATE_WORDS[one.state]
            if one.arrived and one.state is DeliveryState.ACCEPTED:
                words = "taken by the mail server"
            if self._told.get((one.alert, one.to)) != words:
                self._told[one.alert, one.to] = words
                seconds = (test.now - test.begun_at).total_seconds()
                typer.echo(f"{seconds:6.0f} s  {one.way:<22} {one.to:<24} {words}")


def _show(test: SelfTestNow) -> None:
    from dispatcher.codes import SelfTestResult
    from dispatcher.routine.self_test_rules import what_to_do, why_not

    if test.result is SelfTestResult.PASSED:
        typer.echo(f"Passed: {len(test.messages)} messages, each delivered.")
        return
    if test.result is SelfTestResult.INTERRUPTED:
        typer.echo("Interrupted: an actual alert came, and goes first. Run it again when that has ended.")
        return
    typer.echo(f"FAILED: {len(test.failed)} of {len(test.messages)} messages have not arrived.")
    for one in test.failed:
        typer.echo(f"  {one.way} to {one.to}: {why_not(one)}.\n    → {what_to_do(one)}")
    typer.echo(f"All attempts: beredskap report {test.failed[0].alert}")


def as_document(test: SelfTestNow) -> dict[str, Any]:
    """For other programs. Addresses are masked there, too."""
    from dispatcher.routine.self_test_rules import what_to_do, why_not

    late = {id(one) for one in test.failed}
    return {
        "self_test": test.id,
        "result": test.result,
        "begun_at": test.begun_at,
        "messages": [
            {
                "provider": one.provider,
                "channel": one.channel,
                "to": one.to,
                "alert": one.alert,
                "state": one.state,
                "code": one.code,
                "arrived": one.arrived,
                "why": why_not(one) if id(one) in late else None,
                "remedy": what_to_do(one) if id(one) in late else None,
            }
            for one in test.messages
        ],
    }
