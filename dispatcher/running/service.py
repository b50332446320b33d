"""A process that works until it is told to stop: SIGTERM and Ctrl-C end it in order."""

from __future__ import annotations

import contextlib
import signal
import threading
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

import structlog

from config.logs import configure_logging
from config.shell import KeyedStore
from dispatcher.codes import Lane
from dispatcher.metering.meter import SILENT
from dispatcher.metering.wanted import listening
from dispatcher.running.presence import new_process_id
from dispatcher.running.runtime import Runtime

if TYPE_CHECKING:
    from dispatcher.metering.exposed import Metrics

log = structlog.get_logger(__name__)


@contextlib.contextmanager
def until_stopped() -> Iterator[threading.Event]:
    """An event that SIGTERM and SIGINT set."""
    stopped = threading.Event()
    before = {number: signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGINT)}
    for number in before:
        signal.signal(number, lambda _number, _frame: stopped.set())
    try:
        yield stopped
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def work(
    store: KeyedStore,
    kind: str,
    lanes: Sequence[Lane],
    *,
    sends: bool = True,
    beside: contextlib.AbstractContextManager[object] | None = None,
    metrics: Metrics | None = None,
) -> None:
    """Be a worker, a scheduler (`sends` false) or a whole service, with `beside` running meanwhile, until stopped.

    `metrics` count what it does, and are told where the settings say.
    """
    configure_logging(store.settings, kind)
    process_id = new_process_id(kind)
    runtime = Runtime(
        store.settings,
        store.database,
        store.keys,
        kind=kind,
        process_id=process_id,
        lanes=lanes,
        sends=sends,
        meter=metrics.meter if metrics else SILENT,
    )
    with until_stopped() as stopped, beside or contextlib.nullcontext(), listening(metrics, store.settings):
        runtime.start()
        log.info("working", process_id=process_id, lanes=[lane.value for lane in lanes])
        stopped.wait()
        log.info("stopping", process_id=process_id)
        runtime.stop()
    log.info("stopped", process_id=process_id)
