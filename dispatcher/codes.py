"""The coded values of the dispatcher, as stored and as printed."""

from __future__ import annotations

from enum import StrEnum


class Lane(StrEnum):
    """A queue with workers of its own. What waits in one never delays the other."""

    ALERTS = "alerts"
    ROUTINE = "routine"


class AlertStatus(StrEnum):
    """CAP 1.2 status: fixed when the alert is created, for ever."""

    ACTUAL = "actual"
    EXERCISE = "exercise"
    TEST = "test"


class AlertState(StrEnum):
    """The life of an alert. A draft is a preview that nobody has confirmed."""

    DRAFT = "draft"
    PLANNING = "planning"
    OPEN = "open"
    CLOSED = "closed"
    STOPPED = "stopped"
    EXPIRED = "expired"


class DeliveryState(StrEnum):
    """Where one message of one alert to one address is; `dispatcher/outbox/transitions.py` says what may follow."""

    QUEUED = "queued"
    SENDING = "sending"
    ACCEPTED = "accepted"
    DEFERRED = "deferred"
    UNKNOWN = "unknown"
    DELIVERED = "delivered"
    UNDELIVERED = "undelivered"
    REJECTED = "rejected"
    EXPIRED = "expired"
    CANCELLED = "cancelled"


class AttemptOutcome(StrEnum):
    """How one try at a provider ended; OPEN while nobody has said."""

    OPEN = "open"
    ACCEPTED = "accepted"
    REJECTED = "rejected"
    DEFERRED = "deferred"
    UNKNOWN = "unknown"
    RELEASED = "released"  # claimed, and given back before anything was handed over


class MoveSource(StrEnum):
    """Who moved a delivery."""

    PLANNER = "planner"
    CLAIM = "claim"
    SEND = "send"
    RECEIPT = "receipt"
    POLL = "poll"
    RECONCILER = "reconciler"
    SWEEP = "sweep"
    OPERATOR = "operator"


class NoticeKind(StrEnum):
    """A routine message to one person."""

    VERIFICATION_CODE = "verification_code"
    BREAK_GLASS = "break_glass"  # to the county, about an alert that was sent without the role for it
    CONSENT_QUESTION = "consent_question"  # to a student who turns 18: may guardians be told from then on?
    CONTACT_REMINDER = "contact_reminder"  # to a guardian of whom a phone number or e-mail address is missing
    SELF_TEST_FAILED = "self_test_failed"  # to whoever keeps Beredskap running


class SelfTestResult(StrEnum):
    """How a self-test ended. Interrupted: an actual alert came, which goes first; it says nothing of the providers."""

    PASSED = "passed"
    FAILED = "failed"
    INTERRUPTED = "interrupted"


class StudentClass(StrEnum):
    """The one class that each student of an alert is in (promise 2 of the design)."""

    CONFIRMED = "confirmed"
    HANDED_OVER = "handed_over"
    UNREACHED = "unreached"
    HELD = "held"
    NOBODY_MAY_BE_TOLD = "nobody_may_be_told"


class AnswerKind(StrEnum):
    """What an SMS that came in says."""

    STOP = "stop"
    START = "start"
    HELP = "help"
    CONFIRMATION = "confirmation"  # 1, to an alert that asked for it
    OTHER = "other"  # for a person to read
