"""The figures of the database, for Prometheus: asked when somebody scrapes, and kept for a few seconds."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator, Mapping
from typing import Final

import structlog
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.metrics_core import Metric
from prometheus_client.registry import Collector
from sqlalchemy.exc import SQLAlchemyError

from config.database import Database
from dispatcher.codes import Lane
from dispatcher.metering.store_figures import StoreFigures, store_figures
from providers.base import Channel

log = structlog.get_logger(__name__)

# However many ask, the database is asked so seldom.
KEPT_SECONDS: Final = 5.0
# How long one scrape waits for another that is at it: a database that hangs must not gather threads.
_WAIT_SECONDS: Final = 3.0


class StoreCollector(Collector):
    """Figures of the whole installation: the same from whichever process is asked."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._lock = threading.Lock()
        self._known: StoreFigures | None = None
        self._asked_at = float("-inf")

    def describe(self) -> list[Metric]:
        # Without this the registry would ask the database when it is made.
        return []

    def collect(self) -> Iterator[Metric]:
        figures = self._figures()
        yield _gauge("beredskap_database_answers", "1 when the database answered, else 0.", float(figures is not None))
        if figures is not None:
            yield from _families(figures)

    def _figures(self) -> StoreFigures | None:
        """None when the database does not answer."""
        if not self._lock.acquire(timeout=_WAIT_SECONDS):
            return None
        try:
            if time.monotonic() - self._asked_at >= KEPT_SECONDS:
                self._known = self._ask()
                self._asked_at = time.monotonic()
            return self._known
        finally:
            self._lock.release()

    def _ask(self) -> StoreFigures | None:
        try:
            with self._database.read() as connection:
                return store_figures(connection)
        except SQLAlchemyError as error:
            log.warning("metrics_not_asked", error=type(error).__name__)
            return None


def _families(figures: StoreFigures) -> Iterator[Metric]:
    alerts = GaugeMetricFamily(
        "beredskap_alerts_under_way", "Alerts that are being planned or open, by status.", labels=["status"]
    )
    for status, count in figures.alerts.items():
        alerts.add_metric([status.value], count)
    yield alerts
    yield _by_lane_and_channel(
        "beredskap_messages_waiting",
        "Messages that have not left (queued or deferred); of routine ones at most 10,000 are counted.",
        figures.waiting,
    )
    yield _by_lane_and_channel(
        "beredskap_oldest_due_seconds",
        "For how long the first of the waiting messages might have left; 0 when none might.",
        figures.oldest_due_seconds,
    )
    yield _by_lane_and_channel(
        "beredskap_messages_long_unknown",
        "Messages that a provider may have taken, unknown for more than a minute, whose time is not over.",
        figures.long_unknown,
    )
    senders = GaugeMetricFamily("beredskap_senders_alive", "Living processes that send in a lane.", labels=["lane"])
    for lane, count in figures.senders.items():
        senders.add_metric([lane.value], count)
    yield senders
    processes = GaugeMetricFamily("beredskap_processes_alive", "Living processes, by kind.", labels=["kind"])
    for kind in sorted(KINDS | figures.processes.keys()):
        processes.add_metric([kind], figures.processes.get(kind, 0))
    yield processes
    ticks = GaugeMetricFamily(
        "beredskap_upkeep_timestamp_seconds",
        "When somebody last looked after a lane (expiry, look-ups, receipts); 0 when nobody does.",
        labels=["lane"],
    )
    for lane, moment in figures.ticks.items():
        ticks.add_metric([lane.value], moment.timestamp() if moment else 0.0)
    yield ticks
    if figures.redis is not None:
        yield _gauge("beredskap_redis_answers", "1 when Redis answers every process that uses it.", figures.redis)


# Those that a service manager starts: there with a zero when none lives.
KINDS: Final = frozenset({"run", "scheduler", "web", "worker"})


def _gauge(name: str, words: str, value: float) -> Metric:
    return GaugeMetricFamily(name, words, value=float(value))


def _by_lane_and_channel(name: str, words: str, values: Mapping[tuple[Lane, Channel], float]) -> Metric:
    family = GaugeMetricFamily(name, words, labels=["lane", "channel"])
    for (lane, channel), value in values.items():
        family.add_metric([lane.value, channel.value], value)
    return family
