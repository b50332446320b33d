"""The senders of a lane: its providers, how fast each may speak, and how much of that is this process's share."""

from __future__ import annotations

from dataclasses import dataclass, field

from config.settings import Settings
from dispatcher.codes import Lane
from providers.base import Channel, Deferred, Outcome, Provider, Unknown
from providers.smtp_email import SmtpEmail
from providers.throttle import LocalLimiter, Throttle
from providers.twilio_sms import TwilioSms

# What routine messages take of a sender that they share with alerts (section 4 of the design).
SHARED_PART = 0.5
# A claim takes what the sender passes in this time: a killed worker leaves little unknown, a stop holds within seconds,
# no worker is left with much of an alert that the others have done, and what routine messages of a shared sender were
# claimed before an alert came delay it by no more than this.
_CLAIM_SECONDS = 1.0


@dataclass(slots=True)
class Health:
    """How a provider answered last: "ok", or the code of what went wrong between us and it."""

    word: str = "ok"

    def note(self, outcome: Outcome) -> None:
        """A refusal is an answer, too: the provider is well, the address is not."""
        self.word = outcome.code if isinstance(outcome, (Deferred, Unknown)) else "ok"


@dataclass(frozen=True, slots=True)
class Sender:
    """One channel of one lane: who sends, how many at once, and at most how many segments a second."""

    provider: Provider
    throttle: Throttle
    limiter: LocalLimiter
    connections: int
    rate: float
    shares_with_alerts: bool
    health: Health = field(default_factory=Health)

    @property
    def channel(self) -> Channel:
        return self.provider.channel

    def share(self, processes: int) -> None:
        """Take this process's part of the rate, when `processes` of them send through the same sender."""
        self.limiter.set_rate(self.rate / max(1, processes))

    def claim_size(self, most: int) -> int:
        """How many deliveries one claim of this process takes, at most `most`."""
        return max(1, min(most, int(self.limiter.rate * _CLAIM_SECONDS)))


def make_senders(settings: Settings, lane: Lane) -> list[Sender]:
    """The senders of a lane, by the settings. A channel whose provider is not configured has none."""
    senders = []
    if settings.sms.account_sid:
        own = settings.sms.sender if lane is Lane.ALERTS else settings.sms.routine_sender
        shared = lane is Lane.ROUTINE and own in ("", settings.sms.sender)
        provider = TwilioSms.from_settings(settings.sms, own or settings.sms.sender)
        senders.append(_sender(provider, settings.sms.connections, settings.sms.segments_per_second, shared))
    if settings.smtp.host:
        shared = lane is Lane.ROUTINE
        mail = SmtpEmail.from_settings(settings.smtp)
        senders.append(_sender(mail, mail.concurrency, settings.smtp.messages_per_second, shared))
    return senders


def _sender(provider: Provider, connections: int, rate: float, shared: bool) -> Sender:
    rate = rate * SHARED_PART if shared else rate
    limiter = LocalLimiter(rate)
    return Sender(provider, Throttle(limiter), limiter, connections, rate, shared)
