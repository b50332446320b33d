"""The table of what guardians answer to SMS."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import UniqueConstraint
from sqlmodel import Field, SQLModel

from config.tables import code_column, id_column, utc_column
from dispatcher.codes import AnswerKind
from dispatcher.columns import loose_link


class Answer(SQLModel, table=True):
    """One SMS to our number, kept once however often the provider tells of it.

    `reference`: what the provider calls it; NULL once its sender is forgotten. `address_id`: the number that it came
    from, NULL when nobody in the store has it; then `masked` is all that is kept of the number. `delivery_id`, with its
    `alert_id`: the newest message of an alert of the day before that went there, which it probably answers. `text`: the
    words where a person must read them, shortened.
    """

    __tablename__ = "answer"
    __table_args__ = (UniqueConstraint("provider", "reference"),)

    id: int | None = Field(default=None, sa_column=id_column())
    provider: str = Field(max_length=32)
    reference: str | None = Field(default=None, max_length=64)
    received_at: datetime = Field(sa_column=utc_column(default_now=True))
    kind: AnswerKind = Field(sa_column=code_column(AnswerKind))
    address_id: int | None = Field(default=None, sa_column=loose_link(nullable=True, index=True))
    masked: str | None = Field(default=None, max_length=32)
    alert_id: int | None = Field(default=None, sa_column=loose_link(nullable=True, index=True))
    delivery_id: int | None = Field(default=None, sa_column=loose_link(nullable=True, index=True))
    text: str = Field(default="", max_length=160)
