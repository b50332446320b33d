"""Forgetting persons, in one transaction: they leave the contact store, and alerts speak of pseudonyms instead.

A pseudonym is a person without anything: a random negative id, and a ref made of other random digits. The same person
gets one for all rows, so that an alert still adds up, and nothing leads back from it.
"""

from __future__ import annotations

import secrets
from collections import Counter
from collections.abc import Collection, Mapping
from typing import Any, Final

from sqlalchemy import Column, Connection, Select, case, delete, exists, func, insert, or_, select, update

from config.clock import db_now
from config.counters import CONTACTS_REVISION, bump
from contacts.forgetting import EMPTY_PERSON, addresses_of, lock_persons, take_out, without_owner
from contacts.people import FORGOTTEN, student_ref
from contacts.tables import ADDRESS, PERSON
from dispatcher.answers.forgetting import forget_answers
from dispatcher.codes import DeliveryState
from dispatcher.outbox.removal import forget_references, sent_to, unused
from dispatcher.outbox.transitions import DUE
from dispatcher.retention.holdings import RENAMED
from dispatcher.tables import ALERT, ALERT_STUDENT, DECISION, DELIVERY, MARK, NOTICE, RECIPIENT

# What emptied rows are called where something must be there.
PSEUDONYM: Final = "forgotten-"
_HIGHEST = 2**52


def forget(connection: Connection, ids: Collection[int]) -> Counter[str]:
    """Forget these persons, whom no alert under way is about; how many rows were deleted, by kind.

    Raises the contacts revision: of messages that wait it is asked again to whom they may go.
    """
    if not ids:
        return Counter()
    lock_persons(connection, ids)
    _rename(connection, ids)
    addresses = addresses_of(connection, ids)
    gone = take_out(connection, ids)
    without = without_owner(connection, addresses)
    forget_answers(connection, addresses, without)
    gone["addresses"] = _forget_addresses(connection, without)
    bump(connection, CONTACTS_REVISION)
    return +gone


def being_told(connection: Connection) -> set[int]:
    """The persons to whom a message is on its way: they are left alone until it has left, or its time is over."""
    told: set[int] = set()
    # Asked one after the other, each of the index that holds just those rows.
    for waits in (DELIVERY.c.state.in_(DUE), DELIVERY.c.state == DeliveryState.SENDING):
        of = (waits, DELIVERY.c.expires_at > db_now())
        routine = select(NOTICE.c.person_id).join(DELIVERY, DELIVERY.c.notice_id == NOTICE.c.id).where(*of)
        meant = select(RECIPIENT.c.guardian_id).join(DELIVERY, DELIVERY.c.id == RECIPIENT.c.delivery_id).where(*of)
        told |= {*connection.scalars(routine), *connection.scalars(meant)}
    return told


def _rename(connection: Connection, ids: Collection[int]) -> None:
    """Let all rows of the dispatcher that name these persons speak of pseudonyms."""
    named: set[int] = set()
    for holding in RENAMED:
        for column in holding.persons:
            named |= set(connection.scalars(select(column).where(column.in_(ids)).distinct()))
    if not named:
        return
    pseudonyms = {one: (-1 - secrets.randbelow(_HIGHEST), f"{PSEUDONYM}{secrets.token_hex(6)}") for one in named}
    known = connection.execute(select(PERSON.c.id, PERSON.c.ref).where(PERSON.c.id.in_(named)))
    # Also what an audience calls a student without a ref of the school's.
    refs = {row.id: {student_ref(row.id, own) for own in (row.ref, None)} for row in known}
    connection.execute(insert(PERSON), [EMPTY_PERSON | {"id": id_, "ref": ref} for id_, ref in pseudonyms.values()])
    _rename_audiences(
        connection, {one: dict.fromkeys(refs[one], ref) for one, (_id, ref) in pseudonyms.items() if one in refs}
    )
    new = {one: id_ for one, (id_, _ref) in pseudonyms.items()}
    # What the rule was asked tells when a guardianship began: with a child's birth, mostly.
    named_there = or_(DECISION.c.student_id.in_(new), DECISION.c.guardian_id.in_(new))
    connection.execute(update(DECISION).where(named_there).values(inputs="{}"))
    connection.execute(update(NOTICE).where(NOTICE.c.person_id.in_(new)).values(challenge_id=None))
    # What staff wrote beside a mark may name either of the two.
    marked = or_(MARK.c.student_id.in_(new), MARK.c.guardian_id.in_(new))
    connection.execute(update(MARK).where(marked).values(note=""))
    for holding in RENAMED:
        for column in holding.persons:
            _rename_column(connection, column, new)


def _rename_column(connection: Connection, column: Column[Any], new: Mapping[int, int]) -> None:
    renamed = case(dict(new), value=column)
    connection.execute(update(column.table).where(column.in_(new)).values({column: renamed}))


def _rename_audiences(connection: Connection, refs: Mapping[int, Mapping[str, str]]) -> None:
    about = select(ALERT_STUDENT.c.alert_id).where(ALERT_STUDENT.c.student_id.in_(refs)).distinct()
    rows = connection.execute(select(ALERT.c.id, ALERT.c.audience).where(ALERT.c.id.in_(about))).all()
    new = {old: ref for own in refs.values() for old, ref in own.items()}
    for row in rows:
        students = row.audience.get("students", [])
        if new.keys() & set(students):
            audience = row.audience | {"students": [new.get(ref, ref) for ref in students]}
            connection.execute(update(ALERT).where(ALERT.c.id == row.id).values(audience=audience))


def _forget_addresses(connection: Connection, addresses: Collection[int]) -> int:
    """Delete these addresses, or empty those that a message was sent to; how many there were.

    By the provider's reference of a message its number can be found at the provider: references go as well.
    """
    used = sent_to(connection, addresses)
    connection.execute(delete(ADDRESS).where(ADDRESS.c.id.in_(addresses), ADDRESS.c.id.not_in(used)))
    if used:
        forget_references(connection, used)
        values = {one: f"{PSEUDONYM}{secrets.token_hex(8)}" for one in used}
        connection.execute(
            update(ADDRESS)
            .where(ADDRESS.c.id.in_(used))
            .values(value=case(values, value=ADDRESS.c.id), opted_out_at=None, failures=0, failed_at=None)
        )
    return len(addresses)


def clear_away(connection: Connection) -> None:
    """Delete the empty persons and addresses that nothing speaks of any more.

    Not the newest person: on SQLite the next one would get the same number, and with it, in the audit log, the acts
    that were done to the one before.
    """
    unnamed = [
        ~exists().where(ALERT_STUDENT.c.student_id == PERSON.c.id),
        ~exists().where(NOTICE.c.person_id == PERSON.c.id),
        # Without an index of guardians: read once, instead of once for each person.
        PERSON.c.id.not_in(_named(DECISION.c.student_id)),
        PERSON.c.id.not_in(_named(DECISION.c.guardian_id)),
        PERSON.c.id.not_in(_named(RECIPIENT.c.student_id)),
        PERSON.c.id.not_in(_named(RECIPIENT.c.guardian_id)),
        PERSON.c.id.not_in(_named(MARK.c.student_id)),
        PERSON.c.id.not_in(_named(MARK.c.guardian_id)),
    ]
    newest = select(func.max(PERSON.c.id)).scalar_subquery()
    connection.execute(delete(PERSON).where(PERSON.c.source == FORGOTTEN, PERSON.c.id < newest, *unnamed))
    connection.execute(
        delete(ADDRESS).where(
            ADDRESS.c.value.startswith(PSEUDONYM, autoescape=True),
            unused(ADDRESS.c.id),
        )
    )


def _named(column: Column[Any]) -> Select[Any]:
    """Who is named there, of those who are forgotten."""
    forgotten = PERSON.alias("forgotten")
    return select(column).where(column.in_(select(forgotten.c.id).where(forgotten.c.source == FORGOTTEN)))
