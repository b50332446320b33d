"""Metrics as a scraper reads them."""

from __future__ import annotations

from prometheus_client.parser import text_string_to_metric_families

from dispatcher.metering.exposed import Metrics


class Scrape:
    """What one scrape says; `value` of a sample, by its name and labels."""

    def __init__(self, text: str) -> None:
        self.samples = {
            (sample.name, frozenset(sample.labels.items())): sample.value
            for family in text_string_to_metric_families(text)
            for sample in family.samples
        }

    @classmethod
    def of(cls, metrics: Metrics) -> Scrape:
        return cls(metrics.page("")[1].decode())

    def value(self, name: str, **labels: str) -> float | None:
        """None when it is not told."""
        return self.samples.get((name, frozenset(labels.items())))

    def labels(self, name: str) -> set[frozenset[tuple[str, str]]]:
        return {labels for sample, labels in self.samples if sample == name}
