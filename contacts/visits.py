"""Visits to the portal: the way to an OpenID provider and back, once; and who is logged in, until when.

What a browser holds is random and kept here as a hash alone. All times are the database's.
"""

from __future__ import annotations

import hashlib
import secrets
from dataclasses import dataclass, field
from typing import Any, Final

from sqlalchemy import ColumnElement, Connection, Select, delete, insert, or_, select, update

from config.clock import db_now, plus_seconds
from contacts.codes import VisitorKind
from contacts.tables import LOG_IN, VISIT

# Finding one's BankID device takes a while; a state that lives longer helps only who stole it.
LOG_IN_SECONDS: Final = 15 * 60
# A token that was stolen serves no longer than this where its owner goes on; with the old one, requests that were
# under way are still answered.
RENEWED_AFTER_SECONDS: Final = 15 * 60
_OVERLAP_SECONDS: Final = 30
# Not at each request: there is one writer on SQLite, and an alert may be waiting for it.
_SEEN_AGAIN_SECONDS: Final = 60
_SECRET_BYTES: Final = 32


@dataclass(frozen=True, slots=True)
class Patience:
    """For how long a visit goes on: without a request, and at all; in seconds."""

    idle_seconds: int
    longest_seconds: int


@dataclass(frozen=True, slots=True)
class OpenLogIn:
    """A log-in that has come back. `secrets` are the client library's."""

    school_id: int
    secrets: dict[str, Any] = field(repr=False)


@dataclass(frozen=True, slots=True)
class OpenVisit:
    """Somebody who is logged in. `person_id` or `operator` says who; of a stranger neither is known.

    `renew`: the browser should get a new token; `unseen`: nobody has noted for a while that they are here.
    """

    id: int
    visitor: VisitorKind
    person_id: int | None
    operator: str | None
    stranger: str | None = field(repr=False)
    form_token: str = field(repr=False)
    renew: bool
    unseen: bool


def begin_log_in(connection: Connection, provider: str, school_id: int) -> str:
    """Somebody sets out to log in; what their browser must hold when it comes back. `keep_secrets` belongs to it."""
    connection.execute(delete(LOG_IN).where(LOG_IN.c.expires_at <= db_now()))
    token = _new()
    connection.execute(
        insert(LOG_IN).values(
            browser=_hash(token),
            provider=provider,
            school_id=school_id,
            secrets={},
            expires_at=plus_seconds(db_now(), LOG_IN_SECONDS),
        )
    )
    return token


def keep_secrets(connection: Connection, token: str, secret: dict[str, Any]) -> None:
    connection.execute(update(LOG_IN).where(LOG_IN.c.browser == _hash(token)).values(secrets=secret))


def take_log_in(connection: Connection, token: str, provider: str) -> OpenLogIn | None:
    """The log-in that this browser set out on; it is gone from here on, whatever becomes of it. None: there is none, it
    took too long, or it was taken before."""
    row = connection.execute(
        delete(LOG_IN)
        .where(LOG_IN.c.browser == _hash(token), LOG_IN.c.provider == provider, LOG_IN.c.expires_at > db_now())
        .returning(LOG_IN.c.school_id, LOG_IN.c.secrets)
    ).first()
    return None if row is None else OpenLogIn(row.school_id, row.secrets)


def begin_visit(
    connection: Connection,
    visitor: VisitorKind,
    patience: Patience,
    *,
    person_id: int | None = None,
    operator: str | None = None,
    stranger: str | None = None,
) -> str:
    """Somebody is logged in; the token that their browser holds from now on. `stranger`: what is known of somebody
    whom the store does not know, encrypted."""
    connection.execute(delete(VISIT).where(~_goes_on(patience)))
    token = _new()
    connection.execute(
        insert(VISIT).values(
            token=_hash(token),
            form_token=_new(),
            visitor=visitor,
            person_id=person_id,
            operator=operator,
            stranger=stranger,
        )
    )
    return token


def find_visit(connection: Connection, token: str, patience: Patience) -> OpenVisit | None:
    """The visit that a browser with this token is on; None when it is over, or never was."""
    row = connection.execute(_visits(token).where(_goes_on(patience))).first()
    if row is None:
        return None
    return OpenVisit(
        row.id,
        row.visitor,
        row.person_id,
        row.operator,
        row.stranger,
        row.form_token,
        # What comes with the token before was under way already: its browser has a new one.
        renew=row.is_old and row.token == _hash(token),
        unseen=row.is_unseen,
    )


def renew_visit(connection: Connection, visit: OpenVisit) -> str | None:
    """Another token for the same visit, for the browser to hold; None when a request beside it was quicker."""
    token = _new()
    renewed = connection.execute(
        update(VISIT)
        .where(VISIT.c.id == visit.id, VISIT.c.renewed_at <= plus_seconds(db_now(), -RENEWED_AFTER_SECONDS))
        .values(token_before=VISIT.c.token, token=_hash(token), renewed_at=db_now(), seen_at=db_now())
    )
    return token if renewed.rowcount else None


def note_seen(connection: Connection, visit: OpenVisit) -> None:
    connection.execute(update(VISIT).where(VISIT.c.id == visit.id).values(seen_at=db_now()))


def end_visit(connection: Connection, visit: OpenVisit) -> None:
    """They have logged out: no token leads here any more."""
    connection.execute(delete(VISIT).where(VISIT.c.id == visit.id))


def _visits(token: str) -> Select[Any]:
    held = _hash(token)
    before = (VISIT.c.token_before == held) & (VISIT.c.renewed_at > plus_seconds(db_now(), -_OVERLAP_SECONDS))
    return select(
        VISIT,
        (VISIT.c.renewed_at <= plus_seconds(db_now(), -RENEWED_AFTER_SECONDS)).label("is_old"),
        (VISIT.c.seen_at <= plus_seconds(db_now(), -_SEEN_AGAIN_SECONDS)).label("is_unseen"),
    ).where(or_(VISIT.c.token == held, before))


def _goes_on(patience: Patience) -> ColumnElement[bool]:
    return (VISIT.c.seen_at > plus_seconds(db_now(), -patience.idle_seconds)) & (
        VISIT.c.began_at > plus_seconds(db_now(), -patience.longest_seconds)
    )


def _new() -> str:
    return secrets.token_urlsafe(_SECRET_BYTES)


def _hash(token: str) -> str:
    # 256 random bits need no salt and no slow hash.
    return hashlib.sha256(token.encode()).hexdigest()
