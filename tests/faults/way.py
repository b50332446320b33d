"""The way from an installation to the provider's far end, which a test can close, cut and open."""

from __future__ import annotations

from tests.faults.relay import Relay
from tests.whole.conftest import Installation


class Way:
    """Both ways to the far end of one installation, through relays."""

    def __init__(self, installation: Installation) -> None:
        sandbox = installation.far_end.sandbox
        self.sms = Relay(int(sandbox.sms_url.rpartition(":")[2]))
        self.mail = Relay(sandbox.smtp_port)
        installation.set("sms", api_base_url=f"http://127.0.0.1:{self.sms.port}")
        installation.set("smtp", port=self.mail.port)

    def each(self) -> tuple[Relay, Relay]:
        return self.sms, self.mail

    def open(self) -> None:
        for relay in self.each():
            relay.open()

    def close(self) -> None:
        for relay in self.each():
            relay.close()
