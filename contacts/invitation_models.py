"""The tables of invitations: by which students name somebody, and how often somebody has tried a code."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Index, text
from sqlmodel import Field, SQLModel

from config.tables import code_column, id_column, link, utc_column
from contacts.codes import InvitationState, NameFrom


class Invitation(SQLModel, table=True):
    """One code that a student handed to somebody, and what became of it.

    `code_hash`: the keyed hash of the code, which itself is nowhere. `for_alerts`, `for_portal`: what an adult student
    means to consent to. `expires_at`: until then the code may be entered, or, once it is, the student may answer.
    Whoever entered it is `guardian_id` when the store knows them. Of anybody else the keyed hash of the identity number
    (`entered_lookup`) and, encrypted, the number itself are here until the invitation ends, and nowhere else;
    `entered_name` is encrypted, too, and there where the store has no name. `ended_at`: when it ceased to be open.
    """

    __tablename__ = "invitation"
    __table_args__ = (
        Index(
            "ix_invitation_open",
            "expires_at",
            postgresql_where=text("ended_at IS NULL"),
            sqlite_where=text("ended_at IS NULL"),
        ),
    )

    id: int | None = Field(default=None, sa_column=id_column())
    student_id: int = Field(sa_column=link("person.id", index=True))
    code_hash: str = Field(max_length=64, unique=True)
    for_alerts: bool = False
    for_portal: bool = False
    state: InvitationState = Field(sa_column=code_column(InvitationState))
    made_at: datetime = Field(sa_column=utc_column(default_now=True))
    expires_at: datetime = Field(sa_column=utc_column())
    entered_at: datetime | None = Field(default=None, sa_column=utc_column(nullable=True))
    guardian_id: int | None = Field(default=None, sa_column=link("person.id", nullable=True, index=True))
    entered_lookup: str | None = Field(default=None, max_length=64, index=True)
    entered_number: str | None = Field(default=None, max_length=512)
    entered_name: str | None = Field(default=None, max_length=4096)
    name_from: NameFrom | None = Field(default=None, sa_column=code_column(NameFrom, nullable=True))
    ended_at: datetime | None = Field(default=None, sa_column=utc_column(nullable=True))


class CodeTry(SQLModel, table=True):
    """How many codes somebody has entered since `began_at`; gone an hour later. `lookup`: the keyed hash of the
    identity number with which they logged in, for the store may not know them."""

    __tablename__ = "code_try"

    lookup: str = Field(primary_key=True, max_length=64)
    began_at: datetime = Field(sa_column=utc_column())
    tries: int
