"""A provider with 150 ms latency: how close to its limit we stay, and whether more workers bring more."""

from __future__ import annotations

import json
import sys
import urllib.request
from pathlib import Path

from bench.fill import School
from bench.installation import UNLIMITED
from bench.one_alert import FarEnd, Sent, send
from bench.stage import Stage
from bench.table import Row, at_least, at_most
from providers.base import Channel
from tests.services.server import Server

_SCRIPT = Path(__file__).resolve().parent.parent / "slow_provider.py"
_LATENCY = 0.15
_LIMIT = 100
_WORKERS = 8
# One segment in every language, so that the sender's rate of segments is one of requests.
_TEXT = "Dette er en melding."


class SlowProvider(Server):
    """`limit`: requests a second, 0 for none."""

    name = "slow-provider"

    def __init__(self, limit: int) -> None:
        super().__init__()
        self.owner = None  # it runs our own Python, which another user may not read
        self._limit = limit

    def command(self) -> list[str]:
        return [sys.executable, str(_SCRIPT), str(self.port), str(_LATENCY), str(self._limit)]

    def answers(self) -> bool:
        try:
            self.counts()
        except OSError:
            return False
        return True

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def counts(self) -> dict[str, int]:
        with urllib.request.urlopen(f"{self.url}/counts", timeout=5) as answer:
            counts: dict[str, int] = json.load(answer)
        return counts

    @property
    def far_end(self) -> FarEnd:
        return FarEnd(Channel.SMS, lambda: self.counts()["taken"])


def limited(stage: Stage) -> list[Row]:
    """The sender's rate set to the provider's limit: as long as the limit itself demands, and no request refused."""
    provider = SlowProvider(_LIMIT)
    stage.start(provider)
    school = School("Eksempel vgs", stage.sizes.slow)
    with stage.distributed(school, sms_url=provider.url, segments_per_second=float(_LIMIT)) as installation:
        installation.start_workers(stage.sizes.processes)
        sent = send(installation, school.name, {provider.far_end: school.guardians}, text=_TEXT)
    refused = provider.counts()["refused"]
    # The provider takes one second's requests at once, then so many a second, and answers the last after its latency.
    floor = (sent.deliveries - _LIMIT) / _LIMIT + _LATENCY
    detail = f"{sent.deliveries:,} SMS in {sent.seconds:.1f} s, floor {floor:.1f} s, {stage.sizes.processes} workers"
    return [
        Row("150 ms latency and 100 requests a second, against the limit's floor", sent.seconds / floor,
            at_most(1.05), detail=detail),
        Row("requests refused for rate", refused, at_most(0), detail="answered with 429"),
    ]  # fmt: skip


def linear(stage: Stage) -> list[Row]:
    """No limit: one worker, and eight of them with eight times as much."""
    provider = SlowProvider(0)
    stage.start(provider)
    one, many = School("Liten vgs", stage.sizes.slow), School("Stor vgs", _WORKERS * stage.sizes.slow)
    rates: dict[int, list[Sent]] = {1: [], _WORKERS: []}
    with stage.distributed(one, many, sms_url=provider.url, segments_per_second=UNLIMITED) as installation:
        for _ in range(stage.sizes.rounds):
            for workers, school in ((1, one), (_WORKERS, many)):
                installation.start_workers(workers)
                sent = send(installation, school.name, {provider.far_end: school.guardians}, text=_TEXT)
                rates[workers].append(sent)
                installation.stop_workers()
    alone, all_of_them = (max(sent.rate for sent in runs) for runs in rates.values())
    detail = f"{alone:,.0f}/s with one worker, {all_of_them:,.0f}/s with {_WORKERS}"
    what = f"150 ms latency, no limit, {_WORKERS} workers against {_WORKERS} times one"
    return [Row(what, all_of_them / (_WORKERS * alone), at_least(0.9), detail=detail)]
