"""The tables of the dispatcher: what is said, to whom, and what became of it."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any

from sqlalchemy import JSON, CheckConstraint, Column, ForeignKey, Index, UniqueConstraint
from sqlmodel import Field, SQLModel

from config.catalogue import MsgType
from config.tables import BigInt, code_column, utc_column
from contacts import models as contacts_models  # the tables that the links below point to
from contacts.entitlement import Verdict
from dispatcher.codes import (
    AlertState,
    AlertStatus,
    AttemptOutcome,
    DeliveryState,
    Lane,
    MoveSource,
    NoticeKind,
)
from dispatcher.partial_index import partial_index, written_out
from providers.base import Channel

assert contacts_models.Person.__table__ is not None  # type: ignore[attr-defined]

_DUE = "state IN ('queued', 'deferred')"
_IN_FLIGHT = "state = 'sending'"
_UNCLEAR = "state = 'unknown'"
_AWAITED = "state = 'accepted' AND poll_at IS NOT NULL"
_OF_NOTICE = "notice_id IS NOT NULL"
_NO_MESSAGE = "unreachable IS NOT NULL"
_NOTICE_KEY = ("notice_id", "channel", "address_id")


def _id() -> Column[int]:
    return Column(BigInt, primary_key=True, autoincrement=True)


def _link(target: str, *, nullable: bool = False, primary_key: bool = False, index: bool = False) -> Column[int]:
    return Column(BigInt, ForeignKey(target), nullable=nullable, primary_key=primary_key, index=index)


class Alert(SQLModel, table=True):
    """One thing said to an audience. `request_id`: the same request within ten minutes shows this alert again.

    `cursor`: the position in the frozen student list up to which planning has come; moved by one planner at a time.
    """

    __tablename__ = "alert"
    __table_args__ = (
        partial_index("ix_alert_alive", "state", where="state IN ('planning', 'open')"),
        CheckConstraint("(state = 'draft') = (number IS NULL)", name="numbered_when_confirmed"),
    )

    id: int | None = Field(default=None, sa_column=_id())
    number: str | None = Field(default=None, max_length=16, unique=True)
    status: AlertStatus = Field(sa_column=code_column(AlertStatus))
    msg_type: MsgType = Field(default=MsgType.ALERT, sa_column=code_column(MsgType))
    response_type: str | None = Field(default=None, max_length=16)
    references_id: int | None = Field(default=None, sa_column=_link("alert.id", nullable=True))
    scenario: str = Field(max_length=64)
    severity: str = Field(max_length=16)
    audience: dict[str, Any] = Field(sa_column=Column(JSON, nullable=False))
    school_names: str = Field(max_length=512)
    sms: bool
    email: bool
    include_unverified: bool
    default_language: str = Field(max_length=2)
    operator: str = Field(max_length=128)
    request_id: str = Field(max_length=64, index=True)
    state: AlertState = Field(sa_column=code_column(AlertState))
    cursor: int = 0
    student_count: int
    planner: str | None = Field(default=None, max_length=64)
    planner_until: datetime | None = Field(default=None, sa_column=utc_column(nullable=True))
    created_at: datetime = Field(sa_column=utc_column(default_now=True))
    expires_after_seconds: int
    confirmed_at: datetime | None = Field(default=None, sa_column=utc_column(nullable=True))
    hold_until: datetime | None = Field(default=None, sa_column=utc_column(nullable=True))
    expires_at: datetime | None = Field(default=None, sa_column=utc_column(nullable=True))
    planned_at: datetime | None = Field(default=None, sa_column=utc_column(nullable=True))
    ended_at: datetime | None = Field(default=None, sa_column=utc_column(nullable=True))
    ended_by: str | None = Field(default=None, max_length=128)


class AlertText(SQLModel, table=True):
    """The frozen words of an alert in one language, drill prefix included."""

    __tablename__ = "alert_text"

    alert_id: int = Field(sa_column=_link("alert.id", primary_key=True))
    language: str = Field(primary_key=True, max_length=2)
    sms: str
    subject: str
    email: str
    encoding: str = Field(max_length=8)
    segments: int


class AlertStudent(SQLModel, table=True):
    """The frozen list of students that an alert is about, in the order of planning."""

    __tablename__ = "alert_student"
    __table_args__ = (UniqueConstraint("alert_id", "student_id"),)

    alert_id: int = Field(sa_column=_link("alert.id", primary_key=True))
    position: int = Field(primary_key=True)
    student_id: int = Field(sa_column=_link("person.id"))


class Decision(SQLModel, table=True):
    """One answer of the entitlement rule, the negative ones too: alert × student × guardian.

    Without a guardian: nobody is registered for the student, and a person must look. `unreachable`: why an entitled
    guardian gets no message; NULL when there is one. `inputs`: what the rule was asked.
    """

    __tablename__ = "decision"
    __table_args__ = (
        Index("ix_decision_alert_id_student_id", "alert_id", "student_id"),
        partial_index("ix_decision_unreachable", "alert_id", "unreachable", "guardian_id", where=_NO_MESSAGE),
    )

    id: int | None = Field(default=None, sa_column=_id())
    alert_id: int = Field(sa_column=_link("alert.id"))
    student_id: int = Field(sa_column=_link("person.id"))
    guardian_id: int | None = Field(default=None, sa_column=_link("person.id", nullable=True))
    verdict: Verdict = Field(sa_column=code_column(Verdict))
    reason: str = Field(max_length=32)
    unreachable: str | None = Field(default=None, max_length=32)
    decided_on: date
    inputs: str
    # A later answer about the same guardian and student replaced this one before anything left.
    superseded: bool = False


class Notice(SQLModel, table=True):
    """A routine message to one person, about one of their contact points. Holds no code and no text."""

    __tablename__ = "notice"

    id: int | None = Field(default=None, sa_column=_id())
    kind: NoticeKind = Field(sa_column=code_column(NoticeKind))
    person_id: int = Field(sa_column=_link("person.id", index=True))
    challenge_id: int | None = Field(default=None, sa_column=_link("verification_challenge.id", nullable=True))
    operator: str = Field(max_length=128)
    created_at: datetime = Field(sa_column=utc_column(default_now=True))


class Delivery(SQLModel, table=True):
    """One message of one alert (or notice) to one address on one channel. Only `dispatcher/outbox/` moves it.

    `attempt` counts claims and fences outcomes: an outcome of an older attempt changes nothing. `contacts_revision`
    and `decided_on` say on what knowledge it rests; a claim checks again when either has moved on. `lookups`:
    completed look-ups of the present unknown outcome that found nothing. `lost_claims`: claims whose lease ran out.
    """

    __tablename__ = "delivery"
    __table_args__ = (
        UniqueConstraint("alert_id", "channel", "address_id", "round"),
        CheckConstraint("(alert_id IS NULL) <> (notice_id IS NULL)", name="of_one_thing"),
        CheckConstraint("(lane = 'alerts') = (alert_id IS NOT NULL)", name="lane_of_its_kind"),
        CheckConstraint("(state = 'sending') = (lease_until IS NOT NULL)", name="lease_while_sending"),
        # Every move changes the state, which these name: PostgreSQL then writes into all indexes of the table that hold
        # the row. So there is none that no statement needs, and none of columns that are empty for most rows.
        partial_index("uq_delivery_notice_id_channel_address_id", *_NOTICE_KEY, where=_OF_NOTICE, unique=True),
        partial_index("ix_delivery_due", "lane", "channel", "due_at", "id", where=_DUE),
        partial_index("ix_delivery_due_of_alert", "alert_id", "expires_at", where=_DUE),
        partial_index("ix_delivery_lease_until", "lease_until", where=_IN_FLIGHT),
        partial_index("ix_delivery_unknown", "lookup_at", where=_UNCLEAR),
        partial_index("ix_delivery_awaiting_receipt", "poll_at", where=_AWAITED),
    )

    id: int | None = Field(default=None, sa_column=_id())
    alert_id: int | None = Field(default=None, sa_column=_link("alert.id", nullable=True))
    notice_id: int | None = Field(default=None, sa_column=_link("notice.id", nullable=True))
    lane: Lane = Field(sa_column=code_column(Lane))
    channel: Channel = Field(sa_column=code_column(Channel))
    address_id: int = Field(sa_column=_link("address.id", index=True))
    round: int = 1
    language: str = Field(max_length=2)
    segments: int = 1
    state: DeliveryState = Field(default=DeliveryState.QUEUED, sa_column=written_out(code_column(DeliveryState)))
    attempt: int = 0
    due_at: datetime = Field(sa_column=utc_column())
    expires_at: datetime = Field(sa_column=utc_column())
    claimed_by: str | None = Field(default=None, max_length=64)
    claimed_at: datetime | None = Field(default=None, sa_column=utc_column(nullable=True))
    lease_until: datetime | None = Field(default=None, sa_column=utc_column(nullable=True))
    lost_claims: int = 0
    deferrals: int = 0
    # Times that an e-mail of unknown fate was sent again, under the same Message-ID.
    repeats: int = 0
    lookups: int = 0
    lookup_at: datetime | None = Field(default=None, sa_column=utc_column(nullable=True))
    poll_at: datetime | None = Field(default=None, sa_column=utc_column(nullable=True))
    provider: str | None = Field(default=None, max_length=32)
    reference: str | None = Field(default=None, max_length=128)
    code: str | None = Field(default=None, max_length=64)
    contacts_revision: int
    decided_on: date
    accepted_at: datetime | None = Field(default=None, sa_column=utc_column(nullable=True))
    finished_at: datetime | None = Field(default=None, sa_column=utc_column(nullable=True))


class DeliveryRecipient(SQLModel, table=True):
    """Who is meant by a delivery: a guardian, about a student. Unlinked when the entitlement ended before it left."""

    __tablename__ = "delivery_recipient"
    __table_args__ = (
        Index("ix_delivery_recipient_student_id", "student_id"),
        partial_index(
            "ix_delivery_recipient_doubtful",
            "delivery_id",
            where="stale OR unverified",
            sqlite_where="stale = 1 OR unverified = 1",
        ),
    )

    delivery_id: int = Field(sa_column=_link("delivery.id", primary_key=True))
    student_id: int = Field(sa_column=_link("person.id", primary_key=True))
    guardian_id: int = Field(sa_column=_link("person.id", primary_key=True))
    stale: bool = False
    unverified: bool = False
    unlinked_at: datetime | None = Field(default=None, sa_column=utc_column(nullable=True))


class Attempt(SQLModel, table=True):
    """One try of a delivery at one provider. Always written, even when the delivery's own move is refused."""

    __tablename__ = "attempt"

    delivery_id: int = Field(sa_column=_link("delivery.id", primary_key=True))
    number: int = Field(primary_key=True)
    provider: str = Field(max_length=32)
    began_at: datetime = Field(sa_column=utc_column())
    ended_at: datetime | None = Field(default=None, sa_column=utc_column(nullable=True))
    outcome: AttemptOutcome = Field(default=AttemptOutcome.OPEN, sa_column=code_column(AttemptOutcome))
    code: str | None = Field(default=None, max_length=64)
    reference: str | None = Field(default=None, max_length=128, index=True)


class DeliveryEvent(SQLModel, table=True):
    """One move of one delivery, or (`refused`) one that the table did not allow and that changed nothing."""

    __tablename__ = "delivery_event"
    __table_args__ = (
        partial_index("ix_delivery_event_refused", "delivery_id", where="refused", sqlite_where="refused = 1"),
    )

    id: int | None = Field(default=None, sa_column=_id())
    delivery_id: int = Field(sa_column=_link("delivery.id", index=True))
    attempt: int
    from_state: DeliveryState | None = Field(default=None, sa_column=code_column(DeliveryState, nullable=True))
    to_state: DeliveryState = Field(sa_column=code_column(DeliveryState))
    at: datetime = Field(sa_column=utc_column(default_now=True))
    source: MoveSource = Field(sa_column=code_column(MoveSource))
    code: str | None = Field(default=None, max_length=64)
    refused: bool = False


class AlertProgress(SQLModel, table=True):
    """What one recorded batch changed: so many deliveries more, or fewer, in a state. Watching sums these rows."""

    __tablename__ = "alert_progress"
    __table_args__ = (Index("ix_alert_progress_alert_id", "alert_id"),)

    id: int | None = Field(default=None, sa_column=_id())
    alert_id: int = Field(sa_column=_link("alert.id"))
    channel: Channel = Field(sa_column=code_column(Channel))
    state: DeliveryState = Field(sa_column=code_column(DeliveryState))
    delta: int
    at: datetime = Field(sa_column=utc_column(default_now=True))


class StoredReceipt(SQLModel, table=True):
    """What a provider said about a message, kept once. Without a delivery it waits to be matched."""

    __tablename__ = "receipt"
    __table_args__ = (UniqueConstraint("provider", "reference", "status"),)

    id: int | None = Field(default=None, sa_column=_id())
    provider: str = Field(max_length=32)
    reference: str = Field(max_length=128)
    status: str = Field(max_length=16)
    code: str = Field(default="", max_length=64)
    delivery_id: int | None = Field(default=None, sa_column=_link("delivery.id", nullable=True, index=True))
    attempt: int | None = None
    received_at: datetime = Field(sa_column=utc_column(default_now=True))


class Process(SQLModel, table=True):
    """A living worker, drainer, scheduler or web process; alive while `seen_at` is fresh by the database's clock."""

    __tablename__ = "process"

    id: str = Field(primary_key=True, max_length=64)
    kind: str = Field(max_length=16)
    lane: str | None = Field(default=None, max_length=16)
    started_at: datetime = Field(sa_column=utc_column(default_now=True))
    seen_at: datetime = Field(sa_column=utc_column(default_now=True))
    health: dict[str, Any] = Field(default_factory=dict, sa_column=Column(JSON, nullable=False))


class Lease(SQLModel, table=True):
    """Who may do what only one may do at a time: the embedded drainer, the scheduler's tick."""

    __tablename__ = "lease"

    name: str = Field(primary_key=True, max_length=64)
    holder: str = Field(max_length=64)
    until: datetime = Field(sa_column=utc_column())
