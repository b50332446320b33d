"""The table of what follows for guardians who are not known to have been told."""

from __future__ import annotations

from datetime import datetime

from sqlmodel import Field, SQLModel

from config.tables import code_column, utc_column
from dispatcher.columns import loose_link
from dispatcher.outbox.chain import ChainEnd
from dispatcher.partial_index import partial_index

_GOES_ON = "next_at IS NOT NULL"


class FallbackChain(SQLModel, table=True):
    """How far the chain of one alert has come for one guardian. Of alerts alone for which a chain can follow.

    `taken`: steps that lie behind; `step_at`: when the last one was taken. `next_at`: when to look at it again, NULL
    when it takes no more; then `ended` says why, and nothing where the alert ended first.
    """

    __tablename__ = "fallback_chain"
    __table_args__ = (partial_index("ix_fallback_chain_next_at", "alert_id", "next_at", where=_GOES_ON),)

    alert_id: int = Field(sa_column=loose_link(primary_key=True))
    guardian_id: int = Field(sa_column=loose_link(primary_key=True))
    taken: int = 0
    step_at: datetime = Field(sa_column=utc_column())
    next_at: datetime | None = Field(default=None, sa_column=utc_column(nullable=True))
    ended: ChainEnd | None = Field(default=None, sa_column=code_column(ChainEnd, nullable=True))
