"""The tables of the dispatcher: what is said, to whom, and what became of it."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any

from sqlalchemy import JSON, Boolean, CheckConstraint, Column, Index, UniqueConstraint, text
from sqlmodel import Field, SQLModel

from config.catalogue import MsgType
from config.tables import code_column, id_column, link, utc_column
from contacts import address_models, models, reminder_models  # the tables that the links below point to
from contacts.entitlement import Verdict
from dispatcher.codes import AlertState, AlertStatus, DeliveryState, Lane, NoticeKind, SelfTestResult
from dispatcher.columns import loose_link
from dispatcher.partial_index import partial_index, written_out
from providers.base import Channel

assert models.Person.metadata is address_models.Address.metadata is reminder_models.Reminder.metadata

_DUE = "state IN ('queued', 'deferred')"
_IN_FLIGHT = "state = 'sending'"
_UNCLEAR = "state = 'unknown'"
_AWAITED = "state = 'accepted' AND poll_at IS NOT NULL"
_OF_NOTICE = "notice_id IS NOT NULL"
_NO_MESSAGE = "unreachable IS NOT NULL"
_REFERS = "references_id IS NOT NULL AND state <> 'draft'"
_NOTICE_KEY = ("notice_id", "channel", "address_id")


class Alert(SQLModel, table=True):
    """One thing said to an audience. `request_id`: the same request within ten minutes shows this alert again.

    `cursor`: the position in the frozen student list up to which planning has come; moved by one planner at a time.
    `break_glass`: the reason for which somebody sent it without the role for it. `ask_confirmation`: its SMS ask for 1
    in answer. `references_id`: the alert that it follows up. `replaced_at`: when a follow-up stopped what had not left
    of this one. `fallback`: the chain of its messages (`dispatcher/outbox/chain.py`); NULL when none can follow.
    `self_test_id` and `only_provider`: it is a part of that self-test, about no student, and through that provider
    alone; NULL for all others.
    """

    __tablename__ = "alert"
    __table_args__ = (
        partial_index("ix_alert_alive", "state", where="state IN ('planning', 'open')"),
        # One follow-up for each alert: those of one alert stand in a row, whoever confirms at the same time.
        partial_index("uq_alert_references_id", "references_id", where=_REFERS, unique=True),
        CheckConstraint("(state = 'draft') = (number IS NULL)", name="numbered_when_confirmed"),
    )

    id: int | None = Field(default=None, sa_column=id_column())
    number: str | None = Field(default=None, max_length=16, unique=True)
    status: AlertStatus = Field(sa_column=code_column(AlertStatus))
    msg_type: MsgType = Field(default=MsgType.ALERT, sa_column=code_column(MsgType))
    response_type: str | None = Field(default=None, max_length=16)
    references_id: int | None = Field(default=None, sa_column=link("alert.id", nullable=True))
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
    break_glass: str | None = Field(default=None, max_length=512)
    ask_confirmation: bool = Field(
        default=False, sa_column=Column(Boolean, nullable=False, server_default=text("false"))
    )
    replaced_at: datetime | None = Field(default=None, sa_column=utc_column(nullable=True))
    fallback: dict[str, Any] | None = Field(default=None, sa_column=Column(JSON(none_as_null=True), nullable=True))
    self_test_id: int | None = Field(default=None, sa_column=loose_link(nullable=True))
    only_provider: str | None = Field(default=None, max_length=32)


class SelfTest(SQLModel, table=True):
    """One test of the way that alerts go, by messages to staff; each of its parts is an alert of status `test`.

    It is over when `result` is there, or at `until` at the latest. Whoever sees that writes the result down.
    """

    __tablename__ = "self_test"

    id: int | None = Field(default=None, sa_column=id_column())
    operator: str = Field(max_length=128)
    begun_at: datetime = Field(sa_column=utc_column(default_now=True))
    until: datetime = Field(sa_column=utc_column())
    ended_at: datetime | None = Field(default=None, sa_column=utc_column(nullable=True))
    result: SelfTestResult | None = Field(default=None, sa_column=code_column(SelfTestResult, nullable=True))


class AlertText(SQLModel, table=True):
    """The frozen words of an alert in one language, drill prefix included."""

    __tablename__ = "alert_text"

    alert_id: int = Field(sa_column=link("alert.id", primary_key=True))
    language: str = Field(primary_key=True, max_length=2)
    sms: str
    subject: str
    email: str
    encoding: str = Field(max_length=8)
    segments: int
    # What a call says; NULL in alerts from before there were any.
    spoken: str | None = None


class AlertStudent(SQLModel, table=True):
    """The frozen list of students that an alert is about, in the order of planning."""

    __tablename__ = "alert_student"
    __table_args__ = (UniqueConstraint("alert_id", "student_id"),)

    alert_id: int = Field(sa_column=link("alert.id", primary_key=True))
    position: int = Field(primary_key=True)
    student_id: int = Field(sa_column=link("person.id"))


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

    id: int | None = Field(default=None, sa_column=id_column())
    alert_id: int = Field(sa_column=loose_link())
    student_id: int = Field(sa_column=loose_link())
    guardian_id: int | None = Field(default=None, sa_column=loose_link(nullable=True))
    verdict: Verdict = Field(sa_column=code_column(Verdict))
    reason: str = Field(max_length=32)
    unreachable: str | None = Field(default=None, max_length=32)
    decided_on: date
    inputs: str
    # A later answer about the same guardian and student replaced this one before anything left.
    superseded: bool = False


class Notice(SQLModel, table=True):
    """A routine message. Holds no code and no text.

    To one person, about one of their contact points; or about an alert, to the county or to whoever keeps this running.
    """

    __tablename__ = "notice"

    id: int | None = Field(default=None, sa_column=id_column())
    kind: NoticeKind = Field(sa_column=code_column(NoticeKind))
    person_id: int | None = Field(default=None, sa_column=link("person.id", nullable=True, index=True))
    challenge_id: int | None = Field(default=None, sa_column=link("verification_challenge.id", nullable=True))
    operator: str = Field(max_length=128)
    created_at: datetime = Field(sa_column=utc_column(default_now=True))
    alert_id: int | None = Field(default=None, sa_column=link("alert.id", nullable=True))


class Delivery(SQLModel, table=True):
    """One message of one alert (or notice) to one address on one channel. Only `dispatcher/outbox/` moves it.

    `attempt` counts claims and fences outcomes: an outcome of an older attempt changes nothing. `contacts_revision`
    and `decided_on` say on what knowledge it rests; a claim checks again when either has moved on. `lookups`:
    completed look-ups of the present unknown outcome that found nothing. `lost_claims`: claims whose lease ran out;
    a crash of the call that sent it counts as many as make a row be claimed alone, and one.
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
        partial_index("ix_delivery_due", "alert_id", "channel", "due_at", "id", where=_DUE),
        partial_index("ix_delivery_due_of_alert", "alert_id", "expires_at", where=_DUE),
        partial_index("ix_delivery_lease_until", "lease_until", where=_IN_FLIGHT),
        partial_index("ix_delivery_unknown", "lookup_at", where=_UNCLEAR),
        partial_index("ix_delivery_awaiting_receipt", "poll_at", where=_AWAITED),
    )

    id: int | None = Field(default=None, sa_column=id_column())
    alert_id: int | None = Field(default=None, sa_column=link("alert.id", nullable=True))
    notice_id: int | None = Field(default=None, sa_column=link("notice.id", nullable=True))
    lane: Lane = Field(sa_column=code_column(Lane))
    channel: Channel = Field(sa_column=code_column(Channel))
    address_id: int = Field(sa_column=link("address.id", index=True))
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

    delivery_id: int = Field(sa_column=loose_link(primary_key=True))
    student_id: int = Field(sa_column=loose_link(primary_key=True))
    guardian_id: int = Field(sa_column=loose_link(primary_key=True))
    stale: bool = False
    unverified: bool = False
    unlinked_at: datetime | None = Field(default=None, sa_column=utc_column(nullable=True))


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
