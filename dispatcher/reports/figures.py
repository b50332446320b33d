"""The figures of one alert's report, as frozen values that JSON can hold."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from config.catalogue import MsgType
from contacts.entitlement import Verdict
from dispatcher.codes import AlertState, AlertStatus, AttemptOutcome, DeliveryState
from dispatcher.reports.acts import Act
from dispatcher.reports.classes import ClassCounts
from dispatcher.reports.times import ChannelTimes
from providers.base import Channel


@dataclass(frozen=True, slots=True)
class AlertHead:
    """What the alert is. `planned_students` of `students`: how far planning has come.

    `refers_to` and `followed_by`: the numbers of the alert that it follows up, and of the one that follows it.
    """

    number: str
    status: AlertStatus
    msg_type: MsgType
    scenario: str
    severity: str
    school_names: str
    state: AlertState
    operator: str
    sms: bool
    email: bool
    include_unverified: bool
    students: int
    planned_students: int
    created_at: datetime
    confirmed_at: datetime | None
    hold_until: datetime | None
    planned_at: datetime | None
    expires_at: datetime | None
    ended_at: datetime | None
    ended_by: str | None
    response_type: str | None = None
    refers_to: str | None = None
    followed_by: str | None = None


@dataclass(frozen=True, slots=True)
class StateCount:
    channel: Channel
    state: DeliveryState
    deliveries: int


@dataclass(frozen=True, slots=True)
class ReasonCount:
    """Why so many deliveries of a channel are not where they should be. `code`: the provider's, or our own."""

    channel: Channel
    state: DeliveryState
    code: str | None
    words: str
    deliveries: int


@dataclass(frozen=True, slots=True)
class UnreachableCount:
    """Entitled guardians for whom no message could be made, and why."""

    code: str
    words: str
    guardians: int


@dataclass(frozen=True, slots=True)
class DecisionCount:
    """Answers of the entitlement rule that nothing superseded, student × guardian."""

    verdict: Verdict
    reason: str
    decisions: int


@dataclass(frozen=True, slots=True)
class AttemptCount:
    outcome: AttemptOutcome
    attempts: int


@dataclass(frozen=True, slots=True)
class Text:
    """The words that were frozen for one language, and how many messages carry them."""

    language: str
    sms: str
    subject: str
    email: str
    encoding: str
    segments: int
    deliveries: int


@dataclass(frozen=True, slots=True)
class SchoolClasses:
    """The students of one school by class. `school`: None where nobody knows any more which one it was."""

    school: str | None
    classes: ClassCounts


@dataclass(frozen=True, slots=True)
class Reduced:
    """When the alert was reduced to figures, and the students of each of its schools."""

    at: datetime
    schools: tuple[SchoolClasses, ...]


@dataclass(frozen=True, slots=True)
class Report:
    """Everything but the call list. `long_unknown`: unknown for more than a minute; those guardians may have been told.

    `email_repeats`: e-mails of unknown fate that were sent again under the same Message-ID. `refused_moves`: late or
    contradicting receipts and outcomes that changed nothing. `stale` and `unverified`: deliveries that use a contact
    point which nobody confirmed for 18 months, or which nobody verified. `reduced`: None while it is still on record
    who was told. `unmatched_answers`: SMS that came in answer, and that a person must read.
    `confirmed_by_answer`: messages that were confirmed by an answer, 1 to an SMS or 2 in a call.
    `reached_by_telephone`: students about whom staff have reached somebody.
    """

    classes: ClassCounts
    alert: AlertHead
    states: tuple[StateCount, ...]
    times: tuple[ChannelTimes, ...]
    reasons: tuple[ReasonCount, ...]
    unreachable: tuple[UnreachableCount, ...]
    decisions: tuple[DecisionCount, ...]
    unknown: int
    long_unknown: int
    email_repeats: int
    refused_moves: int
    attempts: tuple[AttemptCount, ...]
    stale: int
    unverified: int
    texts: tuple[Text, ...]
    acts: tuple[Act, ...]
    reduced: Reduced | None = None
    unmatched_answers: int = 0
    confirmed_by_answer: int = 0
    reached_by_telephone: int = 0
