"""Personal tokens, by which an operator is known where several work as one user of the system; kept hashed."""

from __future__ import annotations

import hashlib
import hmac
import os
import secrets
import stat
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from sqlalchemy import Column, Connection, insert, select, update
from sqlmodel import Field, SQLModel

from config.clock import db_now
from config.errors import UsageError
from config.tables import BigInt, core_table, utc_column

TOKEN: Final = "BEREDSKAP_TOKEN"  # noqa: S105 (the name of a variable)
TOKEN_FILE: Final = "BEREDSKAP_TOKEN_FILE"  # noqa: S105
_PREFIX: Final = "bsk"
_SALT_BYTES: Final = 16
_SECRET_BYTES: Final = 32
# A twentieth of a second and 16 MB for each try.
_COST: Final = {"n": 2**14, "r": 8, "p": 1, "dklen": 32}


class OperatorToken(SQLModel, table=True):
    """One token of one operator: `handle` is its name, which is no secret; of the secret only its hash is kept."""

    __tablename__ = "operator_token"

    id: int | None = Field(default=None, sa_column=Column(BigInt, primary_key=True, autoincrement=True))
    handle: str = Field(max_length=16, unique=True)
    operator: str = Field(max_length=64)
    salt: str = Field(max_length=32)
    hash: str = Field(max_length=64)
    created_at: datetime = Field(sa_column=utc_column(default_now=True))
    created_by: str = Field(max_length=200)
    revoked_at: datetime | None = Field(default=None, sa_column=utc_column(nullable=True))
    revoked_by: str | None = Field(default=None, max_length=200)


_TABLE = core_table(OperatorToken)


@dataclass(frozen=True, slots=True)
class HandedOut:
    """A token that has not been revoked, without its secret."""

    handle: str
    operator: str
    created_at: datetime
    created_by: str


def make_token(connection: Connection, operator: str, *, by: str) -> tuple[str, str]:
    """A new token for an operator: (its handle, the token itself, which is nowhere else from now on)."""
    handle, secret, salt = secrets.token_hex(4), secrets.token_urlsafe(_SECRET_BYTES), secrets.token_bytes(_SALT_BYTES)
    connection.execute(
        insert(_TABLE).values(
            handle=handle, operator=operator, salt=salt.hex(), hash=_hash(secret, salt), created_by=by
        )
    )
    return handle, f"{_PREFIX}-{handle}-{secret}"


def operator_of(connection: Connection, token: str) -> str | None:
    """Whose token this is; None for one that was revoked, or never handed out."""
    prefix, _, rest = token.partition("-")
    handle, _, secret = rest.partition("-")
    row = connection.execute(
        select(_TABLE.c.operator, _TABLE.c.salt, _TABLE.c.hash).where(
            _TABLE.c.handle == handle, _TABLE.c.revoked_at.is_(None)
        )
    ).first()
    if row is None or prefix != _PREFIX:
        return None
    known: str = row.operator
    return known if hmac.compare_digest(_hash(secret, bytes.fromhex(row.salt)), row.hash) else None


def handed_out(connection: Connection) -> list[HandedOut]:
    """The tokens in force, by operator and age."""
    columns = (_TABLE.c.handle, _TABLE.c.operator, _TABLE.c.created_at, _TABLE.c.created_by)
    rows = connection.execute(
        select(*columns).where(_TABLE.c.revoked_at.is_(None)).order_by(_TABLE.c.operator, _TABLE.c.id)
    )
    return [HandedOut(*row) for row in rows]


def revoke_token(connection: Connection, handle: str, *, by: str) -> str:
    """End a token at once; whose it was. Raises UsageError when none in force has this handle."""
    statement = (
        update(_TABLE)
        .where(_TABLE.c.handle == handle.strip(), _TABLE.c.revoked_at.is_(None))
        .values(revoked_at=db_now(), revoked_by=by)
        .returning(_TABLE.c.operator)
    )
    operator: str | None = connection.execute(statement).scalar()
    if operator is None:
        raise UsageError(
            "No token in force has this handle.", remedy="beredskap operator list shows those that are in force."
        )
    return operator


def given_token() -> str | None:
    """The token that this process was given, in the environment or in a file; None when it was given none.

    Raises UsageError when the file cannot be read, or others than its owner may.
    """
    token = os.environ.get(TOKEN, "").strip()
    if token:
        return token
    file = os.environ.get(TOKEN_FILE, "")
    if not file:
        return None
    try:
        with open(file, encoding="ascii") as opened:  # noqa: PTH123 (its rights are asked of what was opened)
            mode = os.fstat(opened.fileno()).st_mode
            token = opened.read(256).strip()
    except (OSError, UnicodeDecodeError):
        raise UsageError(
            "The file with the token cannot be read.", remedy=f"Mend {TOKEN_FILE}, or the file's rights."
        ) from None
    if mode & (stat.S_IRWXG | stat.S_IRWXO):
        raise UsageError(
            f"The file with the token can be opened by other users of this machine (mode {stat.S_IMODE(mode):04o}).",
            remedy="Close it with chmod 600, and have the token revoked: others may have read it.",
        )
    return token or None


def _hash(secret: str, salt: bytes) -> str:
    return hashlib.scrypt(secret.encode(), salt=salt, **_COST).hex()
