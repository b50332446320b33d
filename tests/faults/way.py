"""The way from an installation to the provider's far end, which a test can close, cut and open."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.faults.conftest import Trial
from tests.faults.relay import Relay


class Way:
    """Both ways to the far end of one trial, through relays."""

    def __init__(self, trial: Trial) -> None:
        sandbox = trial.installation.far_end.sandbox
        self.sms = Relay(int(sandbox.sms_url.rpartition(":")[2]))
        self.mail = Relay(sandbox.smtp_port)
        trial.installation.set("sms", api_base_url=f"http://127.0.0.1:{self.sms.port}")
        trial.installation.set("smtp", port=self.mail.port)

    def each(self) -> tuple[Relay, Relay]:
        return self.sms, self.mail

    def open(self) -> None:
        for relay in self.each():
            relay.open()

    def close(self) -> None:
        for relay in self.each():
            relay.close()


@pytest.fixture
def way(trial: Trial) -> Iterator[Way]:
    way = Way(trial)
    yield way
    way.close()
