"""The senders of a lane: its providers in the order of preference, and how fast each may speak from this process.

A channel may have several. The first whose circuit breaker is closed carries the messages; one that comes after goes on
while those before it do not work.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import structlog

from config.catalogue import Catalogue, load_catalogue
from config.errors import UsageError
from config.sections import TwilioAccount
from config.settings import Settings
from config.spare_sections import VoiceSettings
from dispatcher.codes import Lane
from dispatcher.reports.watching import OK
from dispatcher.running.shared_rate import SharedRates
from providers.base import Channel, Deferred, Outcome, Provider, Unknown
from providers.breaker import Answer, Closed, State, after_answer, after_no_try, after_try, allowance
from providers.errors import is_fault_of_provider, says_nothing_of_provider
from providers.smtp_email import SmtpEmail
from providers.spoken import voice_words
from providers.throttle import LocalLimiter, Throttle
from providers.twilio_sms import TWILIO, TWILIO_BACKUP, TwilioSms

log = structlog.get_logger(__name__)

# What routine messages take of a sender that they share with alerts (section 4 of the design).
SHARED_PART = 0.5
# A claim takes what the sender passes in this time: a killed worker leaves little unknown, a stop holds within seconds,
# no worker is left with much of an alert that the others have done, and what routine messages of a shared sender were
# claimed before an alert came delay it by no more than this.
_CLAIM_SECONDS = 1.0


class Condition:
    """How a provider has answered this process lately, and whether more goes to it.

    `word`: "ok", or the code of what went wrong last between us and it.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self.word = OK
        self._clock = clock
        self._state: State = Closed(clock())

    @property
    def works(self) -> bool:
        return isinstance(self._state, Closed)

    def allowance(self) -> int | None:
        """How many messages may be claimed for it now; None: as many as there are."""
        return allowance(self._state, self._clock())

    def tried(self) -> None:
        """One message is on its way to see whether it works again."""
        self._state = after_try(self._state, self._clock())

    def not_tried(self) -> None:
        """That message did not leave after all."""
        self._state = after_no_try(self._state, self._clock())

    def note(self, outcome: Outcome, *, trial: bool = False, alone: bool = False) -> None:
        """It answered, or did not. A refusal is an answer, too: the provider is well, the address is not.

        `trial`: this was the message that it was tried with. `alone`: no other provider would carry what it does not.
        """
        fault, retry_after = False, 0.0
        if isinstance(outcome, (Deferred, Unknown)):
            if says_nothing_of_provider(outcome.code):
                if trial:
                    self.not_tried()
                return
            fault = is_fault_of_provider(outcome.code)
            self.word = outcome.code if fault else self.word
            retry_after = (outcome.retry_after or 0.0) if isinstance(outcome, Deferred) else 0.0
        else:
            self.word = OK
        self._state = after_answer(self._state, Answer(fault, trial, alone, retry_after), self._clock())


@dataclass(frozen=True, slots=True)
class Sender:
    """One provider of one channel in one lane: how many at once, and at most how many segments a second.

    `limiter` has this process's share of the rate; `throttle` may count for all processes (see shared_rate.py).
    `before`: the senders of the same channel that are preferred while they work.
    """

    provider: Provider
    throttle: Throttle
    limiter: LocalLimiter
    rate: float
    connections: int
    shares_with_alerts: bool = False
    before: tuple[Sender, ...] = ()
    condition: Condition = field(default_factory=Condition)

    @property
    def channel(self) -> Channel:
        return self.provider.channel

    @property
    def is_last_resort(self) -> bool:
        """Whether what it may have taken stays unknown for good: an SMS that nobody can be asked about."""
        return self.channel is Channel.SMS and not self.provider.can_look_up

    def share(self, processes: int) -> None:
        """Take this process's part of the rate, when `processes` of them send through the same sender."""
        self.limiter.set_rate(self.rate / max(1, processes))

    @property
    def stands_by(self) -> bool:
        """Whether another carries the messages while it works: this one has those alone that no other may carry."""
        return any(sender.condition.works for sender in self.before)

    def claim_size(self, most: int) -> int:
        """How many deliveries one claim of this process takes, at most `most`; 0: none for now."""
        return 0 if self.stands_by else self.own_claim_size(most)

    def own_claim_size(self, most: int) -> int:
        """The same of those deliveries that no other sender may carry."""
        allowed = self.condition.allowance()
        if allowed is not None:
            most = min(most, allowed)
        return min(most, max(1, int(self.limiter.rate * _CLAIM_SECONDS)))


def make_senders(settings: Settings, lane: Lane, rates: SharedRates) -> list[Sender]:
    """The senders of a lane, by the settings. A channel whose provider is not configured has none."""
    sms: list[Sender] = []
    for account, name in ((settings.sms, TWILIO), (settings.sms_backup, TWILIO_BACKUP)):
        if account.account_sid:
            sms.append(_twilio(settings, account, name, lane, rates, sms))
    last_resort = settings.sms_last_resort
    url = last_resort.url.get_secret_value()
    # Routine messages can wait until somebody can be asked what became of them.
    if url and lane is Lane.ALERTS:
        from providers.apprise_sms import AppriseSms

        service = AppriseSms.from_settings(last_resort)
        throttles = _throttles(rates, (service.name, url), last_resort.segments_per_second, shared=False)
        sms.append(Sender(service, *throttles, last_resort.connections, before=tuple(sms)))
    calls = [_caller(settings, settings.calls, rates)] if settings.calls and lane is Lane.ALERTS else []
    mail: list[Sender] = []
    if settings.smtp.host:
        smtp = SmtpEmail.from_settings(settings.smtp)
        words, rate = (smtp.name, settings.smtp.host, settings.smtp.username), settings.smtp.messages_per_second
        shared = lane is Lane.ROUTINE
        mail.append(Sender(smtp, *_throttles(rates, words, rate, shared=shared), smtp.concurrency, shared))
    return [*sms, *mail, *calls]


def _caller(settings: Settings, voice: VoiceSettings, rates: SharedRates) -> Sender:
    """Who calls for alerts. Nobody calls for anything else."""
    from providers.twilio_voice import TwilioVoice

    words = voice_words(_catalogue(settings.organisation.messages_dir))
    base_url = settings.sms.callback_base_url
    provider = TwilioVoice.from_settings(settings.sms, voice, words, callback_base_url=base_url)
    key = (provider.name, settings.sms.account_sid, voice.caller)
    return Sender(provider, *_throttles(rates, key, voice.calls_per_second, shared=False), provider.connections)


def _catalogue(messages_dir: str) -> Catalogue:
    """A folder that cannot be used keeps nothing from leaving: then the program's own words are said."""
    try:
        return load_catalogue(Path(messages_dir) if messages_dir else None)
    except UsageError as error:
        log.error("messages_dir_not_used", reason=str(error))
        return load_catalogue()


def _twilio(
    settings: Settings, account: TwilioAccount, name: str, lane: Lane, rates: SharedRates, before: Sequence[Sender]
) -> Sender:
    alerts = account.sender or settings.sms.sender
    own = alerts if lane is Lane.ALERTS else account.routine_sender or alerts
    provider = TwilioSms.from_settings(account, own, name=name, callback_base_url=settings.sms.callback_base_url)
    shared = lane is Lane.ROUTINE and own == alerts
    throttles = _throttles(rates, (name, account.account_sid, own), account.segments_per_second, shared=shared)
    return Sender(provider, *throttles, account.connections, shared, tuple(before))


def _throttles(
    rates: SharedRates, words: tuple[str, ...], rate: float, *, shared: bool
) -> tuple[Throttle, LocalLimiter, float]:
    """What holds a sender to its rate, and that rate. `words` tell it from all others, in every process."""
    rate = rate * SHARED_PART if shared else rate
    own = LocalLimiter(rate)
    # The lane's half of a shared sender is a count of its own, as it is in one process.
    part = "part" if shared else "whole"
    return Throttle(rates.limiter((*words, part), rate, own)), own, rate
