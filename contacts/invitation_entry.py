"""Somebody who has logged in enters the code that a student gave them.

Whatever is wrong with a code, the answer is the same: that it is no code, that it is used, over or taken back, the
student's own, or one that a documented decision stands against (which is put on record for the staff). Each code
entered is a try, counted by the identity number of whoever is logged in, and there are few of them.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from datetime import date
from enum import StrEnum
from typing import Any, Final

from sqlalchemy import Connection, Row, case, select, update
from sqlalchemy.dialects import postgresql, sqlite

from config.clock import db_now, plus_seconds
from config.keys import Keys
from contacts.blocks import is_blocked
from contacts.codes import NameFrom
from contacts.forgetting import lock_persons
from contacts.imports.records import NIN
from contacts.invitation_codes import code_hash, read_code, same
from contacts.invitation_states import Event, leads_to
from contacts.invitations import LIFE_SECONDS, TRIES_SECONDS, can_be, record
from contacts.national_id import NationalId
from contacts.people import guardian_ref, student_of_id
from contacts.registers.whom import known_by
from contacts.students_own import rights_of
from contacts.tables import CODE_TRY, INVITATION, PERSON

MAX_TRIES: Final = 5
_LONGEST_NAME: Final = 256
STRANGER: Final = "somebody not in the store"


@dataclass(frozen=True, slots=True)
class Entrant:
    """Whoever is logged in. The names are those of the log-in, or, where it gives none, typed by themselves; the
    store's own come before them. Its repr shows nothing."""

    number: NationalId = field(repr=False)
    given_name: str = field(default="", repr=False)
    family_name: str = field(default="", repr=False)
    name_from: NameFrom = NameFrom.LOGIN

    @property
    def named(self) -> bool:
        return bool(_one_line(self.given_name) or _one_line(self.family_name))


class Entry(StrEnum):
    """What became of a code."""

    ENTERED = "entered"  # the student is to say whether this is the right person
    NOT_ACCEPTED = "not_accepted"
    TOO_MANY_TRIES = "too_many_tries"  # again an hour after the first of them
    NAME_MISSING = "name_missing"  # neither store nor log-in has a name to show the student; no try was taken


def needs_name(connection: Connection, keys: Keys, entrant: Entrant) -> bool:
    """Whether the entrant must type their name: the student is shown it, and nobody else has told it."""
    return not entrant.named and not _stored_name(_person(connection, keys, entrant))


def enter_code(connection: Connection, keys: Keys, entrant: Entrant, typed: str, today: date) -> Entry:
    """Enter a code. The caller must commit whatever the answer: a try counts only then."""
    if needs_name(connection, keys, entrant):
        return Entry.NAME_MISSING
    # The try is taken before the code is looked at, in one statement: tries at the same moment cannot share one.
    if _take_try(connection, keys.lookup_hash(entrant.number.number, NIN)) > MAX_TRIES:
        return Entry.TOO_MANY_TRIES
    wanted = code_hash(keys, read_code(typed) or "")
    row = connection.execute(
        select(INVITATION.c.id, INVITATION.c.student_id, INVITATION.c.code_hash).where(
            INVITATION.c.code_hash == wanted, *can_be(Event.ENTER)
        )
    ).first()
    person = _person(connection, keys, entrant)
    # Neither is forgotten from here on; what is known of them is read once more.
    lock_persons(connection, [row.student_id if row else 0, person.id if person else 0])
    person = _person(connection, keys, entrant)
    # Looked for whether there is such a code or not, so that the time does not tell.
    blocked = is_blocked(connection, person.id if person else 0, row.student_id if row else 0, today)
    student = student_of_id(connection, row.student_id if row else 0)
    if row is None or student is None or not same(row.code_hash, wanted):
        return Entry.NOT_ACCEPTED
    if person is not None and (person.id == student.id or person.deceased):
        return Entry.NOT_ACCEPTED
    if not rights_of(connection, student, today).invites or not (entrant.named or _stored_name(person)):
        return Entry.NOT_ACCEPTED
    label = None if person is None else guardian_ref(person.id)
    who = STRANGER if label is None else f"guardian {label}"
    if blocked:
        record(connection, "blocked", student, row.id, operator=who, guardian=label)
        return Entry.NOT_ACCEPTED
    entered = connection.execute(
        update(INVITATION)
        .where(INVITATION.c.id == row.id, *can_be(Event.ENTER))
        .values(
            state=leads_to(Event.ENTER),
            entered_at=db_now(),
            expires_at=plus_seconds(db_now(), LIFE_SECONDS),
            **_kept_of(keys, entrant, person),
        )
    )
    if entered.rowcount == 0:
        return Entry.NOT_ACCEPTED  # somebody else was quicker
    record(connection, "enter", student, row.id, operator=who, guardian=label)
    return Entry.ENTERED


def _kept_of(keys: Keys, entrant: Entrant, person: Row[*tuple[Any, ...]] | None) -> dict[str, object]:
    """What the invitation holds of whoever entered its code."""
    kept: dict[str, object] = {}
    if person is None:
        number = entrant.number.number
        kept |= {"entered_lookup": keys.lookup_hash(number, NIN), "entered_number": keys.encrypt(number)}
    else:
        kept["guardian_id"] = person.id
    if _stored_name(person):
        return kept | {"name_from": NameFrom.STORE}
    names = [_one_line(name) for name in (entrant.given_name, entrant.family_name)]
    return kept | {
        "entered_name": keys.encrypt(json.dumps(names, ensure_ascii=False)),
        "name_from": entrant.name_from,
    }


def _one_line(name: str) -> str:
    """A name as somebody may have typed it, without what is no letter of any."""
    return "".join(sign if sign.isprintable() else " " for sign in name).strip()[:_LONGEST_NAME]


def _person(connection: Connection, keys: Keys, entrant: Entrant) -> Row[*tuple[Any, ...]] | None:
    number = entrant.number.number
    known = known_by(connection, keys, [number]).get(number)
    return connection.execute(
        select(PERSON.c.id, PERSON.c.deceased, PERSON.c.given_name, PERSON.c.family_name).where(
            PERSON.c.id == (known or 0)
        )
    ).first()


def _stored_name(person: Row[*tuple[Any, ...]] | None) -> bool:
    return person is not None and bool(person.given_name.strip() or person.family_name.strip())


def _take_try(connection: Connection, lookup: str) -> int:
    """Count one more try; how many there are within the hour that began with the first of them."""
    insert = sqlite.insert if connection.dialect.name == "sqlite" else postgresql.insert
    over = CODE_TRY.c.began_at <= plus_seconds(db_now(), -TRIES_SECONDS)
    statement = (
        insert(CODE_TRY)
        .values(lookup=lookup, began_at=db_now(), tries=1)
        .on_conflict_do_update(
            index_elements=[CODE_TRY.c.lookup],
            set_={
                "tries": case((over, 1), else_=CODE_TRY.c.tries + 1),
                "began_at": case((over, db_now()), else_=CODE_TRY.c.began_at),
            },
        )
        .returning(CODE_TRY.c.tries)
    )
    return int(connection.execute(statement).scalar_one())
