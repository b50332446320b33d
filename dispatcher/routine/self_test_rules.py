"""When a self-test is due, whether it has passed, and what is told of a message that did not arrive (pure)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, time, timedelta
from typing import Final

from config.clock import OSLO
from dispatcher.codes import DeliveryState, SelfTestResult
from dispatcher.outbox.transitions import DUE, FINAL
from dispatcher.reports.words import CHANNEL_WORDS, delivery_reason
from providers.base import Channel
from providers.errors import counts_against_address, in_plain_words

WEEKDAYS: Final = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
# A scheduler that was down, or an actual alert, may delay one so long; then it waits for the next week.
CATCH_UP: Final = timedelta(hours=12)
# A week, and a day in which it may be late.
OLD: Final = timedelta(days=8)


@dataclass(frozen=True, slots=True)
class StaffMessage:
    """One message of a self-test. `alert`: the number of the part that it belongs to; `to` is masked."""

    provider: str
    channel: Channel
    to: str
    alert: str
    state: DeliveryState
    code: str | None

    @property
    def arrived(self) -> bool:
        """Delivered; of an e-mail, which nobody confirms, that the mail server has it."""
        handed_over = self.channel is Channel.EMAIL and self.state is DeliveryState.ACCEPTED
        return handed_over or self.state is DeliveryState.DELIVERED

    @property
    def settled(self) -> bool:
        return self.arrived or self.state in FINAL

    @property
    def way(self) -> str:
        """The way that it goes: "SMS by twilio"."""
        return f"{CHANNEL_WORDS[self.channel]} by {self.provider}"


def judge(messages: Sequence[StaffMessage], *, over: bool, actual: bool) -> SelfTestResult | None:
    """How the self-test has ended; None while it goes on. `over`: its time has run out; `actual`: an actual alert has
    come since it began, and goes before it."""
    if messages and all(one.arrived for one in messages):
        return SelfTestResult.PASSED
    if not over and not all(one.settled for one in messages):
        return None
    return SelfTestResult.INTERRUPTED if actual else SelfTestResult.FAILED


def why_not(one: StaffMessage) -> str:
    """Why a message has not arrived, once its time is over."""
    if one.state is DeliveryState.ACCEPTED:
        return "the provider took it, and no receipt came in time"
    if one.state is DeliveryState.EXPIRED:
        return "it was not sent in time" + (f": {in_plain_words(one.code)} ({one.code})" if one.code else "")
    reason = delivery_reason(one.state, one.code)
    return f"{reason} ({one.code})" if one.code else reason


def what_to_do(one: StaffMessage) -> str:
    """What a person can do about a message that has not arrived."""
    match one.state:
        case DeliveryState.ACCEPTED:
            return (
                "Is the phone on? Then look at the callback address (beredskap doctor) and the provider's status page."
            )
        case DeliveryState.UNKNOWN | DeliveryState.SENDING:
            return "Look at the provider's status page, and whether this machine reaches it."
        case DeliveryState.CANCELLED if one.code == "opted_out":
            return "Let the owner of that phone send START to the sender, or name another in self_test.phones."
        case DeliveryState.CANCELLED:
            return "Somebody stopped it: make another."
        case DeliveryState.UNDELIVERED | DeliveryState.REJECTED if counts_against_address(one.code or ""):
            if one.channel is Channel.SMS:
                return "Is that phone on, and the number still theirs? Otherwise mend self_test.phones."
            return "Is that mailbox still there? Otherwise mend self_test.emails."
        case state if state in DUE or state is DeliveryState.EXPIRED:
            return "Run beredskap doctor: is a worker alive, and is the account of the provider in order?"
        case _:
            return "Look the code up at the provider; beredskap doctor checks the account."


def last_moment(now: datetime, weekday: str, at: str) -> datetime:
    """The last moment of the weekly schedule that is not after `now`; by the clock in Oslo, in winter and summer."""
    local = now.astimezone(OSLO)
    day = local.date() - timedelta(days=(local.weekday() - WEEKDAYS.index(weekday)) % 7)
    moment = datetime.combine(day, time.fromisoformat(at), tzinfo=OSLO)
    return moment if moment <= now else datetime.combine(day - timedelta(days=7), moment.time(), tzinfo=OSLO)


def next_moment(now: datetime, weekday: str, at: str) -> datetime:
    """The first moment of the weekly schedule after `now`; by the clock in Oslo, too."""
    last = last_moment(now, weekday, at).astimezone(OSLO)
    return datetime.combine(last.date() + timedelta(days=7), last.time(), tzinfo=OSLO)


def is_due(now: datetime, weekday: str, at: str, last_begun: datetime | None) -> bool:
    """Whether the self-test of this week is to begin. `last_begun`: when the last one began that was not interrupted,
    whoever began it."""
    if not weekday:
        return False
    moment = last_moment(now, weekday, at)
    return now < moment + CATCH_UP and (last_begun is None or last_begun < moment)
