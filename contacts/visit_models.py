"""The tables of the portal's visitors: who is logging in, and who is logged in. Nothing in them outlives a day."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import JSON, CheckConstraint, Column
from sqlmodel import Field, SQLModel

from config.tables import code_column, id_column, link, utc_column
from contacts.codes import VisitorKind


class LogIn(SQLModel, table=True):
    """A log-in under way, from the way to the OpenID provider until the way back, once. `browser`: the hash of what
    the visitor's browser holds of it; `secrets`: state, nonce and verifier, as the client library keeps them."""

    __tablename__ = "log_in"

    browser: str = Field(max_length=64, primary_key=True)
    provider: str = Field(max_length=16)
    school_id: int = Field(sa_column=link("school.id"))
    secrets: dict[str, Any] = Field(sa_column=Column(JSON, nullable=False))
    expires_at: datetime = Field(sa_column=utc_column(index=True))


class Visit(SQLModel, table=True):
    """Somebody who is logged in. `token` is the hash of what their browser holds, `token_before` that of what it held
    until `renewed_at`: requests that were under way then still come with it.

    `form_token`: what every form of theirs carries, so that no other site can send one. Guardians and students have a
    `person_id`; a guardian whom the store does not know has the number and name that the provider told, encrypted,
    until the visit ends. Staff have an `operator`.
    """

    __tablename__ = "visit"
    __table_args__ = (
        CheckConstraint(
            "(visitor = 'staff') = (operator IS NOT NULL) AND (visitor <> 'student' OR person_id IS NOT NULL)"
            " AND (visitor <> 'staff' OR person_id IS NULL)",
            name="is_somebody",
        ),
        CheckConstraint("stranger IS NULL OR (visitor = 'guardian' AND person_id IS NULL)", name="only_strangers"),
    )

    id: int | None = Field(default=None, sa_column=id_column())
    token: str = Field(max_length=64, unique=True)
    token_before: str | None = Field(default=None, max_length=64, unique=True)
    form_token: str = Field(max_length=43)
    visitor: VisitorKind = Field(sa_column=code_column(VisitorKind))
    person_id: int | None = Field(default=None, sa_column=link("person.id", nullable=True, index=True))
    operator: str | None = Field(default=None, max_length=64)
    stranger: str | None = Field(default=None, max_length=1024)
    began_at: datetime = Field(sa_column=utc_column(default_now=True))
    renewed_at: datetime = Field(sa_column=utc_column(default_now=True))
    seen_at: datetime = Field(sa_column=utc_column(default_now=True, index=True))
