"""`beredskap worker|scheduler|drain`: the processes that do the work."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated

import typer

from config.roles import Right
from config.shell import command_errors, open_store


class LaneName(StrEnum):
    """The lanes, named here so that help needs no import of the dispatcher."""

    ALERTS = "alerts"
    ROUTINE = "routine"


@command_errors(Right.RUN, interrupted="Stopped. What was not handed over was given back; other workers go on.")
def worker(
    lane: Annotated[LaneName, typer.Option(help="Whose messages to send: alerts, or routine ones.")] = LaneName.ALERTS,
) -> None:
    """Send the messages of one lane until stopped (SIGTERM or Ctrl-C). As many as wanted, on as many machines.

    Examples:

      beredskap worker --lane alerts

      beredskap worker --lane routine
    """
    from dispatcher.codes import Lane
    from dispatcher.metering.wanted import metrics_of
    from dispatcher.running.service import work

    with open_store() as store:
        work(store, "worker", (Lane(lane.value),), metrics=metrics_of(store.settings, None))


@command_errors(Right.RUN, interrupted="Stopped.")
def scheduler() -> None:
    """Do what must happen without anybody ringing: expiry, look-ups, missing receipts. Safe to run twice.

    Audits every minute, says in its log what it finds, and asks for audit.ping_url when it finds nothing.

    Example:

      beredskap scheduler
    """
    from dispatcher.codes import Lane
    from dispatcher.metering.wanted import metrics_of
    from dispatcher.running.service import work

    with open_store() as store:
        metrics = metrics_of(store.settings, store.database)
        work(store, "scheduler", (Lane.ALERTS, Lane.ROUTINE), sends=False, metrics=metrics)


@command_errors(Right.RUN)
def drain() -> None:
    """Send what is due, wait for its receipts, and end. `alert send` starts this by itself when no worker runs."""
    from config.logs import configure_logging
    from dispatcher.running.drainer import run_drainer

    with open_store() as store:
        try:
            configure_logging(store.settings, "drainer", store.settings.data_dir / "logs" / "drainer.log")
        except OSError:
            # A log that cannot be written (a full disk, wrong rights) must not keep an alert back.
            configure_logging(store.settings, "drainer")
        run_drainer(store.settings, store.database, store.keys)
