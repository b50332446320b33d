"""Whom the claims speak of: a guardian, a student, a member of staff, or somebody of whom the store knows nothing."""

from __future__ import annotations

import json
from dataclasses import dataclass, field

from sqlalchemy import Connection, select

from config.keys import Keys
from config.settings import Settings
from contacts.codes import VisitorKind
from contacts.registers.whom import known_by
from contacts.tables import STUDENT
from contacts.visits import Patience, begin_visit
from portal.log_in.claims import FeideClaims, GuardianClaims


@dataclass(frozen=True, slots=True)
class Stranger:
    """A guardian who has proven who they are, and whom the store does not know."""

    number: str = field(repr=False)
    name: str = field(repr=False)


def guardian_visit(connection: Connection, keys: Keys, claims: GuardianClaims, patience: Patience) -> str:
    """Begin the visit of whoever logged in by ID-porten; the token for their browser.

    Known or not, they are logged in: what they see tells nobody else whom the store knows.
    """
    number = claims.nin.number
    person = known_by(connection, keys, [number]).get(number)
    stranger = None if person is not None else sealed(keys, Stranger(number, claims.name))
    return begin_visit(connection, VisitorKind.GUARDIAN, patience, person_id=person, stranger=stranger)


def feide_visit(
    connection: Connection, keys: Keys, settings: Settings, claims: FeideClaims, patience: Patience
) -> str | None:
    """Begin the visit of whoever logged in by Feide, as staff or as a student; None for somebody who is neither."""
    operators = [name for name, entry in settings.operators.named.items() if entry.feide == claims.feide]
    if len(operators) == 1:
        return begin_visit(connection, VisitorKind.STAFF, patience, operator=operators[0])
    if operators or claims.nin is None:
        return None
    number = claims.nin.number
    person = known_by(connection, keys, [number]).get(number)
    goes = select(STUDENT.c.person_id).where(STUDENT.c.person_id == person, STUDENT.c.left_on.is_(None))
    if person is None or connection.execute(goes).first() is None:
        return None
    return begin_visit(connection, VisitorKind.STUDENT, patience, person_id=person)


def sealed(keys: Keys, stranger: Stranger) -> str:
    """As it is kept with the visit, and read by nobody without the keys."""
    return keys.encrypt(json.dumps([stranger.number, stranger.name]))


def unsealed(keys: Keys, text: str) -> Stranger:
    number, name = json.loads(keys.decrypt(text))
    return Stranger(number, name)
