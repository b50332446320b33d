"""What a process counted, for Prometheus: in its own memory, from its start on."""

from __future__ import annotations

import time
from collections import Counter as Tally
from collections.abc import Iterator, Mapping, Sequence
from typing import Final

from prometheus_client import CollectorRegistry, Counter, Histogram
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.metrics_core import Metric
from prometheus_client.registry import Collector

from dispatcher.codes import AttemptOutcome, Lane
from dispatcher.metering.meter import Meter, SenderMeter
from dispatcher.running.senders import Sender
from providers.base import ReceiptStatus

# Seconds. A call ends within its time-out (ten seconds by default); a message may wait for minutes at a slow sender.
CALL_BUCKETS: Final = (0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0, 20.0)
WAIT_BUCKETS: Final = (0.1, 0.25, 0.5, 1.0, 2.0, 5.0, 10.0, 30.0, 60.0, 120.0, 300.0, 600.0)
_OF_SENDER: Final = ("lane", "channel", "provider")


class CountingMeter(Meter):
    """Counts in `registry`. Labels are lanes, channels, providers and codes of the program: their number is bounded."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self._attempts = Counter(
            "beredskap_attempts",
            "Attempts to hand a message to a provider, by how they ended.",
            (*_OF_SENDER, "outcome"),
            registry=registry,
        )
        self._calls = Histogram(
            "beredskap_attempt_seconds",
            "How long the provider's call of one attempt took.",
            _OF_SENDER,
            buckets=CALL_BUCKETS,
            registry=registry,
        )
        self._waits = Histogram(
            "beredskap_hand_over_wait_seconds",
            "From the moment when a message was due and its alert might leave to its hand-over.",
            _OF_SENDER,
            buckets=WAIT_BUCKETS,
            registry=registry,
        )
        self._receipts = Counter(
            "beredskap_receipts",
            "Receipts that providers gave about accepted messages, repeated ones included.",
            ("provider", "way", "status"),
            registry=registry,
        )
        self._state = _State()
        registry.register(self._state)

    def sender(self, lane: Lane, sender: Sender) -> SenderMeter:
        labels = (lane.value, sender.channel.value, sender.provider.name)
        self._state.senders[labels] = sender
        return _CountingSender(
            # All of them at once: what never happened is there with a zero, and a rate can be told from the first one.
            {outcome: self._attempts.labels(*labels, outcome.value) for outcome in _ENDS},
            self._calls.labels(*labels),
            self._waits.labels(*labels),
        )

    def receipts(self, provider: str, way: str, statuses: Sequence[ReceiptStatus]) -> None:
        for status, count in Tally(statuses).items():
            self._receipts.labels(provider, way, status.value).inc(count)

    def audited(self, findings: Mapping[str, int] | None) -> None:
        self._state.audited = None if findings is None else (time.time(), dict(findings))


_ENDS: Final = (
    AttemptOutcome.ACCEPTED,
    AttemptOutcome.REJECTED,
    AttemptOutcome.DEFERRED,
    AttemptOutcome.UNKNOWN,
)


class _CountingSender(SenderMeter):
    def __init__(self, ends: Mapping[AttemptOutcome, Counter], calls: Histogram, waits: Histogram) -> None:
        self._ends = ends
        self._calls = calls
        self._waits = waits

    def handed_over(self, waited_seconds: float) -> None:
        # The database's clock and ours may differ by a moment.
        self._waits.observe(max(0.0, waited_seconds))

    def ended(self, outcome: AttemptOutcome, seconds: float) -> None:
        self._ends[outcome].inc()
        self._calls.observe(seconds)


class _State(Collector):
    """What is not counted but is so at the moment: which providers work, and what the last audit found."""

    def __init__(self) -> None:
        self.senders: dict[tuple[str, str, str], Sender] = {}
        self.audited: tuple[float, Mapping[str, int]] | None = None

    def collect(self) -> Iterator[Metric]:
        works = GaugeMetricFamily(
            "beredskap_provider_works",
            "1 while messages go to the provider, 0 while its circuit breaker is open.",
            labels=_OF_SENDER,
        )
        for labels, sender in list(self.senders.items()):
            works.add_metric(labels, float(sender.condition.works))
        yield works
        at = GaugeMetricFamily("beredskap_audit_timestamp_seconds", "When this process audited last.")
        content = GaugeMetricFamily("beredskap_audit_content", "1 when the last audit found nothing wrong, else 0.")
        found = GaugeMetricFamily("beredskap_audit_findings", "What the last audit found, by code.", labels=["code"])
        if self.audited is not None:
            moment, findings = self.audited
            at.add_metric([], moment)
            content.add_metric([], float(not findings))
            for code, count in findings.items():
                found.add_metric([code], count)
        yield from (at, content, found)
