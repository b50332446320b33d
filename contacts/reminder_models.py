"""The tables of reminders: what each guardian was asked for, how often, and when a round was made."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Column, Index, UniqueConstraint, text
from sqlmodel import Field, SQLModel

from config.tables import BigInt, code_column, id_column, link, utc_column
from contacts.codes import ReminderWay


class Reminder(SQLModel, table=True):
    """The reminders to one guardian from the day on which something was missing until it was not: one campaign.

    `number`: how many were sent, the last of them at `last_at` by `way`, letters being `letters` of them. `notice_id`:
    the routine message that was the last one; the database does not hold the link. `given_up_at`: there have been as
    many as there may be. `fixed_at`: nothing is missing any more.
    """

    __tablename__ = "reminder"
    __table_args__ = (
        UniqueConstraint("guardian_id", "campaign"),
        Index(
            "ix_reminder_open",
            "guardian_id",
            postgresql_where=text("fixed_at IS NULL"),
            sqlite_where=text("fixed_at IS NULL"),
        ),
    )

    id: int | None = Field(default=None, sa_column=id_column())
    guardian_id: int = Field(sa_column=link("person.id"))
    campaign: int = 1
    number: int = 0
    letters: int = 0
    way: ReminderWay = Field(sa_column=code_column(ReminderWay))
    first_at: datetime = Field(sa_column=utc_column())
    last_at: datetime = Field(sa_column=utc_column())
    notice_id: int | None = Field(default=None, sa_column=Column(BigInt, nullable=True))
    fixed_at: datetime | None = Field(default=None, sa_column=utc_column(nullable=True))
    given_up_at: datetime | None = Field(default=None, sa_column=utc_column(nullable=True))


class ReminderRound(SQLModel, table=True):
    """One round of reminders that was made to its end, of all schools or of some. Holds counts, no personal data."""

    __tablename__ = "reminder_round"

    id: int | None = Field(default=None, sa_column=id_column())
    at: datetime = Field(sa_column=utc_column(default_now=True))
    operator: str = Field(max_length=128)
    every_school: bool
    sms: int = 0
    email: int = 0
    letters: int = 0
