"""`beredskap web`: take what providers tell."""

from __future__ import annotations

import gc
import sys
from typing import Annotated

import typer

from config.roles import Right
from config.shell import command_errors


@command_errors(Right.RUN, interrupted="Stopped. Alerts go on without it: missing receipts are polled.")
def web(
    host: Annotated[
        str | None, typer.Option(metavar="ADDRESS", help="The address to listen at; default: web.host.")
    ] = None,
    port: Annotated[
        int | None, typer.Option(min=0, max=65535, help="The port; 0 lets the system choose; default: web.port.")
    ] = None,
) -> None:
    """Take the provider's delivery receipts, answers to SMS and bounces, and tell about its own health at /healthz.

    /readyz is for a balancer, and /metrics, with metrics.token, for Prometheus. Bounces come by LMTP, where
    bounces.lmtp_port is set. Runs until it is stopped (Ctrl-C, SIGTERM); what is under way is answered first. Put a
    proxy with TLS before it, and its public address into sms.callback_base_url.

    Examples:

      beredskap web

      beredskap web --host 0.0.0.0 --port 8443
    """
    import signal

    import structlog

    from config.logs import configure_logging
    from config.shell import open_store
    from dispatcher.metering.wanted import listening, metrics_of
    from portal.heartbeat import beating
    from portal.lmtp import taking_bounces
    from portal.server import create_server

    with open_store(need_keys=False) as store:
        metrics = metrics_of(store.settings, store.database)
        server = create_server(store.settings, store.database, host=host, port=port, metrics=metrics)
        configure_logging(store.settings, "web")
        # For a signal before uvicorn listens to any, and for the one that it raises again when all is answered:
        # stopping as asked is no failure.
        signal.signal(signal.SIGTERM, lambda _signal, _frame: server.stop())
        log = structlog.stdlib.get_logger("portal.web")
        log.info("listening", address=server.url)
        if not store.settings.sms.callback_base_url:
            log.warning("sms.callback_base_url is not set: callbacks are refused, and receipts are polled")
        with (
            beating(store.database, "web"),
            taking_bounces(store.settings, store.database),
            listening(metrics, store.settings),
        ):
            _settle()
            server.run()
        log.info("stopped")


@command_errors(Right.RUN, interrupted="Stopped. What was not handed over was given back.")
def run() -> None:
    """Everything in one process, for a service unit: both lanes, the upkeep, and the web app for receipts and answers.

    Runs until it is stopped (Ctrl-C, SIGTERM). On the embedded store it is all that a school needs.

    Example:

      beredskap run
    """
    from config.shell import open_store
    from dispatcher.codes import Lane
    from dispatcher.metering.wanted import metrics_of
    from dispatcher.running.service import work
    from portal.lmtp import beside_work
    from portal.server import create_server

    with open_store() as store:
        metrics = metrics_of(store.settings, store.database)
        server = create_server(store.settings, store.database, metrics=metrics)
        beside = beside_work(server, store.settings, store.database)
        work(store, "run", (Lane.ALERTS, Lane.ROUTINE), beside=beside, metrics=metrics)


def _settle() -> None:
    """Garbage is looked for in small parts, and threads take short turns, from here on."""
    # What was made until now lives as long as the process. Looking through it for garbage held every page for a tenth
    # of a second, and gathering as many new objects as a command makes, for half of one.
    gc.collect()
    gc.freeze()
    gc.set_threshold(10_000, 20, 100)
    # A page that asks the database waits its turn after each answer, beside whatever counts or draws: at the usual five
    # milliseconds a turn, a short page took two tenths of a second while a county's figures were counted.
    sys.setswitchinterval(0.0005)
