"""Reading the messages and calls of the alerts that a follow-up refers to, for those whom it would be meant for."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any, NamedTuple

from sqlalchemy import Connection, Select, and_, bindparam, select

from config.clock import db_now_when_run
from contacts.id_sets import among, id_set
from dispatcher.codes import AlertState
from dispatcher.outbox.following import Before, gives_way, may_have_told
from dispatcher.tables import ALERT, DELIVERY, MARK, RECIPIENT


class EarlierMessage(NamedTuple):
    """One earlier message for one person. `told`: it may have been read; otherwise the follow-up took its place."""

    student_id: int
    guardian_id: int
    address_id: int
    language: str
    told: bool


@dataclass(frozen=True, slots=True)
class Thread:
    """The alerts that one follows, directly and by way of others.

    `gives_way`: by their ids, whether the follow-ups since have taken the place of what had not left of each.
    `planned`: the position in the list of students, the same for all of them, up to which messages were made at all.
    None when those behind it are to be told nothing: a person has stopped the alert before they had their turn.
    """

    gives_way: Mapping[int, bool]
    planned: int | None


def earlier_alerts(connection: Connection, alert_id: int) -> Thread:
    """The alerts that one follows; none for an alert that refers to no other. One that is alive will be replaced."""
    way = True
    gives_way: dict[int, bool] = {}
    planned = 0
    for row in connection.execute(_CHAIN, {"alert": alert_id}):
        # Newest first: what a person stopped has ended the way of all that went before it.
        way = way and (row.replaced_at is not None or row.state in (AlertState.PLANNING, AlertState.OPEN))
        planned = max(planned, row.cursor)
        gives_way[row.id] = way
    return Thread(gives_way, planned if next(iter(gives_way.values()), False) else None)


def _chain() -> Select[Any]:
    of = ALERT.alias("follow_up")
    chain = select(of.c.references_id.label("id")).where(of.c.id == bindparam("alert")).cte("chain", recursive=True)
    chain = chain.union_all(select(ALERT.c.references_id).join(chain, chain.c.id == ALERT.c.id))
    earlier = ALERT.alias("earlier")
    columns = (earlier.c.id, earlier.c.replaced_at, earlier.c.state, earlier.c.cursor)
    return select(*columns).join(chain, chain.c.id == earlier.c.id).order_by(earlier.c.id.desc())


_CHAIN = _chain()


def earlier_messages(connection: Connection, thread: Thread, students: Collection[int]) -> list[EarlierMessage]:
    """The messages of these alerts that may have been read, or gave way to a follow-up, about these students."""
    dialect = connection.dialect.name
    values = {"earlier": id_set(sorted(thread.gives_way), dialect), "students": id_set(students, dialect)}
    return [
        EarlierMessage(row.student_id, row.guardian_id, row.address_id, row.language, told)
        for row in connection.execute(_about(dialect), values)
        if (told := may_have_told(row.state, row.repeats))
        or gives_way(row.state, row.code, replaced=thread.gives_way[row.alert_id])
    ]


@cache
def _about(dialect: str) -> Select[Any]:
    return (
        select(
            RECIPIENT.c.student_id,
            RECIPIENT.c.guardian_id,
            DELIVERY.c.alert_id,
            DELIVERY.c.address_id,
            DELIVERY.c.language,
            DELIVERY.c.state,
            DELIVERY.c.code,
            DELIVERY.c.repeats,
        )
        .join(DELIVERY, DELIVERY.c.id == RECIPIENT.c.delivery_id)
        .where(
            among(RECIPIENT.c.student_id, "students", dialect),
            among(DELIVERY.c.alert_id, "earlier", dialect),
            RECIPIENT.c.unlinked_at.is_(None),
        )
        .order_by(DELIVERY.c.id)
    )


def reached_earlier(
    connection: Connection, thread: Thread, students: Collection[int]
) -> tuple[frozenset[tuple[int, int]], frozenset[int]]:
    """Whom staff have reached by telephone in these alerts, about these students: (student, guardian), and the students
    of whom they reached themselves, or somebody at home."""
    dialect = connection.dialect.name
    rows = connection.execute(
        select(MARK.c.student_id, MARK.c.guardian_id).where(
            among(MARK.c.alert_id, "earlier", dialect),
            among(MARK.c.student_id, "students", dialect),
            MARK.c.taken_back_at.is_(None),
        ),
        {"earlier": id_set(sorted(thread.gives_way), dialect), "students": id_set(students, dialect)},
    ).all()
    return (
        frozenset((row.student_id, row.guardian_id) for row in rows if row.guardian_id is not None),
        frozenset(row.student_id for row in rows if row.guardian_id is None),
    )


# (delivery of the follow-up, student, guardian) → the earlier messages to that guardian about that student.
Befores = Mapping[tuple[int, int, int], Sequence[Before]]


def befores(connection: Connection, thread: Thread, deliveries: Collection[int]) -> Befores:
    """For everybody whom these messages of one follow-up are meant for, what went before; none is left out."""
    dialect = connection.dialect.name
    values = {"earlier": id_set(sorted(thread.gives_way), dialect), "deliveries": id_set(deliveries, dialect)}
    found: dict[tuple[int, int, int], list[Before]] = {}
    for row in connection.execute(_meant(dialect), {"deliveries": values["deliveries"]}):
        found[row.delivery_id, row.student_id, row.guardian_id] = []
    for row in connection.execute(_before(dialect), values):
        age = (row.now - row.claimed_at).total_seconds() if row.claimed_at is not None else float("inf")
        found[row.delivery_id, row.student_id, row.guardian_id].append(Before(row.state, row.repeats, age))
    return found


@cache
def _meant(dialect: str) -> Select[Any]:
    return select(RECIPIENT.c.delivery_id, RECIPIENT.c.student_id, RECIPIENT.c.guardian_id).where(
        among(RECIPIENT.c.delivery_id, "deliveries", dialect), RECIPIENT.c.unlinked_at.is_(None)
    )


@cache
def _before(dialect: str) -> Select[Any]:
    former = RECIPIENT.alias("former")
    same = and_(former.c.student_id == RECIPIENT.c.student_id, former.c.guardian_id == RECIPIENT.c.guardian_id)
    return (
        select(
            RECIPIENT.c.delivery_id,
            RECIPIENT.c.student_id,
            RECIPIENT.c.guardian_id,
            DELIVERY.c.state,
            DELIVERY.c.repeats,
            DELIVERY.c.claimed_at,
            db_now_when_run().label("now"),
        )
        .select_from(RECIPIENT.join(former, same).join(DELIVERY, DELIVERY.c.id == former.c.delivery_id))
        .where(
            among(RECIPIENT.c.delivery_id, "deliveries", dialect),
            RECIPIENT.c.unlinked_at.is_(None),
            former.c.unlinked_at.is_(None),
            among(DELIVERY.c.alert_id, "earlier", dialect),
        )
    )
