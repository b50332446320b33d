"""The tables of what became of deliveries: attempts, moves, progress, and what providers said later."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import JSON, Column, Index, UniqueConstraint
from sqlmodel import Field, SQLModel

from config.tables import code_column, id_column, link, utc_column
from dispatcher.codes import AttemptOutcome, DeliveryState, MoveSource
from dispatcher.columns import loose_link
from dispatcher.partial_index import partial_index
from providers.base import Channel


class Attempt(SQLModel, table=True):
    """One try of a delivery at one provider. Always written, even when the delivery's own move is refused."""

    __tablename__ = "attempt"

    delivery_id: int = Field(sa_column=loose_link(primary_key=True))
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

    id: int | None = Field(default=None, sa_column=id_column())
    delivery_id: int = Field(sa_column=loose_link(index=True))
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

    id: int | None = Field(default=None, sa_column=id_column())
    alert_id: int = Field(sa_column=loose_link())
    channel: Channel = Field(sa_column=code_column(Channel))
    state: DeliveryState = Field(sa_column=code_column(DeliveryState))
    delta: int
    at: datetime = Field(sa_column=utc_column(default_now=True))


class StoredReceipt(SQLModel, table=True):
    """What a provider said about a message, kept once. Without a delivery it waits to be matched."""

    __tablename__ = "receipt"
    __table_args__ = (UniqueConstraint("provider", "reference", "status"),)

    id: int | None = Field(default=None, sa_column=id_column())
    provider: str = Field(max_length=32)
    reference: str = Field(max_length=128)
    status: str = Field(max_length=16)
    code: str = Field(default="", max_length=64)
    delivery_id: int | None = Field(default=None, sa_column=loose_link(nullable=True, index=True))
    attempt: int | None = None
    received_at: datetime = Field(sa_column=utc_column(default_now=True))


class AlertFigures(SQLModel, table=True):
    """What is left of an alert that was reduced to figures: its report without persons, as JSON."""

    __tablename__ = "alert_figures"

    alert_id: int = Field(sa_column=link("alert.id", primary_key=True))
    reduced_at: datetime = Field(sa_column=utc_column(default_now=True))
    figures: dict[str, Any] = Field(sa_column=Column(JSON, nullable=False))
