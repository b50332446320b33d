"""Three workers at a provider that refuses whatever comes faster than its rate."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from urllib.error import URLError
from urllib.request import urlopen

import pytest

from bench import slow_provider
from bench.fill import School, fill
from tests.services.processes import Processes
from tests.services.server import free_port
from tests.services.waiting import eventually
from tests.whole.conftest import Installation

_RATE = 60
_MESSAGES = 300
# It takes one second's messages at once.
_FLOOR_SECONDS = (_MESSAGES - _RATE) / _RATE


class Provider:
    """The slow provider as a process of its own."""

    def __init__(self, processes: Processes) -> None:
        self.url = f"http://127.0.0.1:{(port := free_port())}"
        file = Path(slow_provider.__file__)
        processes.start(file, str(port), "0.05", str(_RATE), command=sys.executable)
        eventually(self._there, what="the provider answers")

    def counts(self) -> dict[str, int]:
        with urlopen(f"{self.url}/counts", timeout=10) as answer:
            counts: dict[str, int] = json.load(answer)
        return counts

    def taken(self) -> int:
        return self.counts()["taken"]

    def _there(self) -> bool:
        try:
            return self.taken() == 0
        except URLError:
            return False


@pytest.fixture
def provider(distributed: Installation) -> Iterator[Provider]:
    """It ends with the test's other processes."""
    provider = Provider(distributed.processes)
    distributed.set("sms", api_base_url=provider.url, segments_per_second=float(_RATE))
    # As in life: in half of the tests' short lease a worker that waits its turn would give back what it has claimed.
    distributed.set("dispatch", lease_seconds=60.0)
    fill(distributed.database, [School("Prøvedal vgs", _MESSAGES)])
    yield provider


def seconds_for_all(installation: Installation, provider: Provider) -> float:
    """Send the alert; the time from the first message that the provider takes to the last."""
    assert installation.send("--no-watch").status == 0
    eventually(provider.taken, what="the first is taken")
    began = time.monotonic()
    eventually(lambda: provider.taken() == _MESSAGES, 60, what="all are taken")
    return time.monotonic() - began


def test_three_workers_are_refused_nothing_and_take_no_longer_than_the_rate(
    distributed: Installation, provider: Provider
) -> None:
    distributed.workers("alerts", "alerts", "alerts")
    assert seconds_for_all(distributed, provider) < 2.5 * _FLOOR_SECONDS
    assert provider.counts()["refused"] <= _MESSAGES // 50


def test_a_worker_has_the_rate_of_those_that_stand_still(distributed: Installation, provider: Provider) -> None:
    """They count as alive for a quarter of a minute yet: by shares, a third of the rate would be left to it."""
    workers = distributed.workers("alerts", "alerts", "alerts")
    for idle in workers[1:]:
        idle.freeze()
    assert seconds_for_all(distributed, provider) < 2.25 * _FLOOR_SECONDS
    assert provider.counts()["refused"] <= _MESSAGES // 50
