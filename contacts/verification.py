"""Verification codes: six digits that prove that whoever reads a contact point's messages has them before their eyes.

No code is stored anywhere. It is computed from the installation's key, the challenge's id and its nonce, when it is
sent and again when it is checked. It lives 15 minutes and takes five tries; then a new one is needed. A contact point
gets no more than five an hour, and all those of one person together no more than ten: nobody floods strangers with
codes by adding their numbers as one's own. All times are the database's.
"""

from __future__ import annotations

import hmac
import re
import secrets
from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import TypeAlias

from sqlalchemy import ColumnElement, Connection, exists, func, insert, select, update

from config.clock import OSLO, db_now, plus_seconds
from config.errors import BeredskapError, ExitStatus, UsageError
from config.keys import Keys
from contacts.codes import AddressChannel, VerifiedBy
from contacts.tables import ADDRESS, CHALLENGE, CONTACT_POINT, PERSON

CODE_DIGITS = 6
LIFE_SECONDS = 15 * 60
MAX_TRIES = 5
MAX_PER_HOUR = 5
MAX_PER_HOUR_OF_PERSON = 10


@dataclass(frozen=True, slots=True)
class Challenge:
    """One code on its way. Codes that the same contact point got before no longer count."""

    id: int
    contact_point_id: int
    nonce: str
    expires_at: datetime


@dataclass(frozen=True, slots=True)
class Confirmed:
    """The code was right: the contact point is verified from now on."""


@dataclass(frozen=True, slots=True)
class WrongCode:
    tries_left: int


class Dead(StrEnum):
    """Why a contact point waits for no code now."""

    NEVER_SENT = "never_sent"
    EXPIRED = "expired"
    TRIES_USED = "tries_used"
    ALREADY_CONFIRMED = "already_confirmed"
    REMOVED = "removed"


@dataclass(frozen=True, slots=True)
class NotWaiting:
    """There is no code to check against; a new one must be sent, unless the contact point is confirmed already."""

    why: Dead


class NoCode(StrEnum):
    """Why no code is sent to a contact point."""

    REMOVED = "removed"
    FIXED_LINE = "fixed_line"
    STOPPED = "stopped"  # its owner has answered STOP
    LIMIT_OF_POINT = "limit_of_point"
    LIMIT_OF_PERSON = "limit_of_person"


class NoCodeError(UsageError):
    """No code was made, and `why`; a limit that passes with time has the exit status REFUSED."""

    def __init__(self, why: NoCode, what: str, *, remedy: str, status: ExitStatus | None = None) -> None:
        super().__init__(what, unchanged="No code was made.", remedy=remedy, status=status)
        self.why = why


Confirmation: TypeAlias = Confirmed | WrongCode | NotWaiting


def code_for(keys: Keys, challenge_id: int, nonce: str) -> str:
    """The code of a challenge, as sent and as checked: six digits, leading zeros kept."""
    number = int.from_bytes(keys.code_mac("contact point", challenge_id, nonce)[:8], "big")
    return f"{number % 10**CODE_DIGITS:0{CODE_DIGITS}d}"


def open_challenge(connection: Connection, contact_point_id: int) -> Challenge:
    """Make ready a new code for a contact point; whoever sends it computes it with `code_for`.

    Raises NoCodeError when no message can reach the contact point, and beyond the hourly limits.
    """
    # The lock makes two at once count each other (SQLite's writing transactions exclude each other anyway). Persons
    # are locked before their contact points, as imports do it.
    owner = select(CONTACT_POINT.c.person_id).where(CONTACT_POINT.c.id == contact_point_id).scalar_subquery()
    person_id = connection.execute(
        select(PERSON.c.id).where(PERSON.c.id == owner).with_for_update(key_share=True)
    ).scalar_one()
    point = connection.execute(
        select(CONTACT_POINT.c.ended_at, ADDRESS.c.channel, ADDRESS.c.takes_messages, ADDRESS.c.opted_out_at)
        .join(ADDRESS, ADDRESS.c.id == CONTACT_POINT.c.address_id)
        .where(CONTACT_POINT.c.id == contact_point_id)
        .with_for_update(of=CONTACT_POINT)
    ).one()
    if point.ended_at is not None:
        raise NoCodeError(NoCode.REMOVED, "This contact point has been removed.", remedy="Add it again.")
    if not point.takes_messages:
        raise NoCodeError(
            NoCode.FIXED_LINE, "A fixed line takes no SMS.", remedy="Verify a mobile number or an e-mail."
        )
    if point.opted_out_at is not None and point.channel is AddressChannel.SMS:
        raise NoCodeError(
            NoCode.STOPPED,
            "The owner of this number has answered STOP.",
            remedy="beredskap contacts opt-in takes that back when they say so; or verify another contact point.",
        )
    _check_limit(
        connection,
        CHALLENGE.c.contact_point_id == contact_point_id,
        MAX_PER_HOUR,
        NoCode.LIMIT_OF_POINT,
        "This contact point has",
    )
    own = select(CONTACT_POINT.c.id).where(CONTACT_POINT.c.person_id == person_id)
    _check_limit(
        connection,
        CHALLENGE.c.contact_point_id.in_(own),
        MAX_PER_HOUR_OF_PERSON,
        NoCode.LIMIT_OF_PERSON,
        "The contact points of this person have",
    )
    nonce = secrets.token_hex(16)
    row = connection.execute(
        insert(CHALLENGE)
        .values(
            contact_point_id=contact_point_id, nonce=nonce, expires_at=plus_seconds(db_now(), LIFE_SECONDS), tries=0
        )
        .returning(CHALLENGE.c.id, CHALLENGE.c.expires_at)
    ).one()
    return Challenge(row.id, contact_point_id, nonce, row.expires_at)


def _check_limit(connection: Connection, of: ColumnElement[bool], most: int, why: NoCode, who_has: str) -> None:
    recent, oldest = connection.execute(
        select(func.count(), func.min(CHALLENGE.c.created_at)).where(
            of, CHALLENGE.c.created_at > plus_seconds(db_now(), -3600)
        )
    ).one()
    if recent >= most:
        raise NoCodeError(
            why,
            f"{who_has} had {recent} codes within an hour (the first at {oldest.astimezone(OSLO).strftime('%H:%M')}).",
            remedy="Wait until an hour has passed since then.",
            status=ExitStatus.REFUSED,
        )


def confirm(connection: Connection, keys: Keys, contact_point_id: int, code: str) -> Confirmation:
    """Check a code that came back. The caller must commit whatever the answer: a wrong try counts only then."""
    # The try is taken before the code is looked at, in one statement: tries at the same moment cannot share one.
    tried = connection.execute(
        update(CHALLENGE)
        .where(CHALLENGE.c.contact_point_id == contact_point_id, *_live())
        .values(tries=CHALLENGE.c.tries + 1)
        .returning(CHALLENGE.c.id, CHALLENGE.c.nonce, CHALLENGE.c.tries)
    ).first()
    if tried is None:
        return NotWaiting(_why_not(connection, contact_point_id))
    expected = code_for(keys, tried.id, tried.nonce)
    if not hmac.compare_digest(expected.encode(), code.strip().encode()):
        return WrongCode(MAX_TRIES - tried.tries)
    verified = connection.execute(
        update(CONTACT_POINT)
        .where(CONTACT_POINT.c.id == contact_point_id, CONTACT_POINT.c.ended_at.is_(None))
        .values(verified_at=db_now(), verified_by=VerifiedBy.CODE, confirmed_at=db_now())
    )
    if verified.rowcount == 0:
        return NotWaiting(Dead.REMOVED)
    connection.execute(update(CHALLENGE).where(CHALLENGE.c.id == tried.id).values(confirmed_at=db_now()))
    # Whoever shares it: a message has arrived there.
    here = select(CONTACT_POINT.c.address_id).where(CONTACT_POINT.c.id == contact_point_id).scalar_subquery()
    connection.execute(update(ADDRESS).where(ADDRESS.c.id == here).values(failures=0, failing_since=None))
    return Confirmed()


def is_code(text: str) -> bool:
    """Whether this could be a code at all; a look that uses up no try."""
    return re.fullmatch(rf"\s*[0-9]{{{CODE_DIGITS}}}\s*", text, re.ASCII) is not None


def refused(answer: WrongCode | NotWaiting, guardian: str) -> BeredskapError:
    """The words for a code that did not confirm anything."""
    again = f"Send a new code: beredskap contacts verify {guardian}."
    if isinstance(answer, WrongCode):
        left = answer.tries_left
        return BeredskapError(
            "The code is wrong.",
            unchanged="Nothing was confirmed.",
            remedy=f"{left} {'try is' if left == 1 else 'tries are'} left." if left else f"No try is left. {again}",
        )
    what = {
        Dead.NEVER_SENT: "No code has been sent to this contact point.",
        Dead.EXPIRED: f"The code was sent more than {LIFE_SECONDS // 60} minutes ago.",
        Dead.TRIES_USED: f"All {MAX_TRIES} tries of this code are used.",
        Dead.ALREADY_CONFIRMED: "This code has been used already.",
        Dead.REMOVED: "This contact point has been removed.",
    }[answer.why]
    return BeredskapError(what, unchanged="Nothing was confirmed.", remedy=again)


def waiting_for_code(connection: Connection, contact_point_ids: Collection[int]) -> set[int]:
    """Those of the contact points that a code was sent for which still can be confirmed."""
    return set(
        connection.scalars(
            select(CHALLENGE.c.contact_point_id).where(CHALLENGE.c.contact_point_id.in_(contact_point_ids), *_live())
        )
    )


def _live() -> tuple[ColumnElement[bool], ...]:
    newer = CHALLENGE.alias("newer")
    return (
        ~exists().where(newer.c.contact_point_id == CHALLENGE.c.contact_point_id, newer.c.id > CHALLENGE.c.id),
        CHALLENGE.c.tries < MAX_TRIES,
        CHALLENGE.c.expires_at > db_now(),
        CHALLENGE.c.confirmed_at.is_(None),
    )


def _why_not(connection: Connection, contact_point_id: int) -> Dead:
    row = connection.execute(
        select(CHALLENGE.c.confirmed_at, (CHALLENGE.c.expires_at <= db_now()).label("expired"))
        .where(CHALLENGE.c.contact_point_id == contact_point_id)
        .order_by(CHALLENGE.c.id.desc())
    ).first()
    if row is None:
        return Dead.NEVER_SENT
    if row.confirmed_at is not None:
        return Dead.ALREADY_CONFIRMED
    return Dead.EXPIRED if row.expired else Dead.TRIES_USED
