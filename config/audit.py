"""The audit log: who did what to whom, one row an act, only ever appended to."""

from __future__ import annotations

import os
import pwd
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import JSON, Column, Connection, insert
from sqlmodel import Field, SQLModel

from config.clock import db_now
from config.tables import BigInt, utc_column


class AuditEntry(SQLModel, table=True):
    """One act. `subject` is a reference such as "student 2B-017": never a name, an address or an identity number."""

    __tablename__ = "audit_entry"

    id: int | None = Field(default=None, sa_type=BigInt, primary_key=True)
    at: datetime = Field(sa_column=utc_column(default_now=True, index=True))
    operator: str = Field(max_length=200)
    act: str = Field(max_length=100)
    subject: str = Field(max_length=200)
    details: dict[str, Any] = Field(sa_column=Column(JSON, nullable=False))


def record_act(
    connection: Connection,
    *,
    operator: str,
    act: str,
    subject: str,
    details: Mapping[str, Any] | None = None,
) -> None:
    """Append one act, within the transaction that does it: the act and its record stand or fall together.

    `act` says what was done in words of the domain ("student.release"); `details` must be representable as JSON and
    holds references, reasons and counts, no personal data. The only way by which rows get into this table.
    """
    connection.execute(
        insert(AuditEntry).values(
            at=db_now(), operator=operator, act=act, subject=subject, details=dict(details) if details else {}
        )
    )


def current_operator() -> str:
    """The name of the operating-system user of this process; "uid 1000" where it has none."""
    try:
        # Not getpass.getuser(): it believes the environment, where everybody can write any name.
        return pwd.getpwuid(os.getuid()).pw_name
    except KeyError:  # a container's user, for instance
        return f"uid {os.getuid()}"
