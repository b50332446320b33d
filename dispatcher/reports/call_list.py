"""The call list: students whom nobody was reached for, and whom a person may call about each. In pieces, not at once.

It asks the entitlement rule again: of a guardian who may not be told any more, a block came since for instance, it
gives no number, and says so. Of a student who is protected, or may be, it says the reference, and nothing else.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from sqlalchemy import Connection, CursorResult, Integer, Select, case, func, select

from config.clock import db_now, oslo_date
from config.rows import GivenRows
from config.tables import BigInt
from contacts.codes import AddressChannel
from contacts.entitlement import Verdict
from contacts.facts import GuardianCase, StudentCase, load_cases
from contacts.id_sets import among, id_set
from contacts.people import guardian_ref, student_ref
from contacts.protection import known_protected, maybe_protected
from contacts.tables import ADDRESS, MEMBERSHIP, PERSON, STUDENT_GROUP
from dispatcher.codes import DeliveryState, StudentClass
from dispatcher.reports.classes import RANK_OF_CLASS, StudentsByClass, read_classes
from dispatcher.reports.words import delivery_reason, held_reason, short_name, unreachable_reason
from dispatcher.tables import DECISION, DELIVERY, RECIPIENT, AnyRow
from providers.base import Channel

_CHUNK = 500
# Whether a number is stale decides about messages; a person may call it all the same.
_NO_MATTER = 18

NOT_PLANNED = "planning has not come to this student"
PROTECTED = "protected: beredskap contacts explain tells who may look"
MAYBE_PROTECTED = "may be protected: the population register has not told it"
NO_LONGER = "may not be told any more: do not call"


@dataclass(frozen=True, slots=True)
class Phone:
    """A number to call, in full (E.164). `fixed_line`: takes no SMS. `verified`: by a code or a trusted source."""

    number: str
    fixed_line: bool
    verified: bool

    def __repr__(self) -> str:
        return f"Phone(fixed_line={self.fixed_line}, verified={self.verified})"


@dataclass(frozen=True, slots=True)
class Why:
    """Why one channel did not reach a guardian. `channel` and `state`: None when no message was made at all."""

    words: str
    code: str | None
    channel: Channel | None = None
    state: DeliveryState | None = None


@dataclass(frozen=True, slots=True)
class GuardianToCall:
    """`ref`: by which they are marked as reached."""

    name: str
    phones: tuple[Phone, ...]
    why: tuple[Why, ...]
    ref: str


@dataclass(frozen=True, slots=True)
class StudentToCallAbout:
    """`name` and `home_class` are None for one who is protected, or may be.

    `why`: what stands for the student as a whole.
    """

    student_class: StudentClass
    ref: str
    name: str | None
    home_class: str | None
    why: str | None
    guardians: tuple[GuardianToCall, ...]


@dataclass(frozen=True, slots=True)
class _Facts:
    """What a chunk of students needs, read at once."""

    cases: dict[int, StudentCase]
    decisions: dict[int, list[AnyRow]]
    deliveries: dict[tuple[int, int], list[AnyRow]]
    numbers: dict[int, str]
    today: date


def call_list(
    connection: Connection,
    alert_id: int,
    classes: StudentsByClass | None = None,
    *,
    limit: int | None = None,
    settled_only: bool = False,
) -> Iterator[StudentToCallAbout]:
    """Unreached students, then held ones, each by home class and name; at most `limit` of them.

    `classes`: what `read_classes` has read in this transaction, for whoever shows the counts as well. Without it they
    are read here; `settled_only` leaves out students for whom planning or a message is still under way. The facts are
    read in chunks while the list is consumed: `connection` must stay open.
    """
    to_call = (classes or read_classes(connection, alert_id, settled_only=settled_only)).to_call
    if not to_call:
        return
    today = oslo_date(connection.execute(select(db_now())).scalar_one())
    ranks = [(student_id, RANK_OF_CLASS[name]) for student_id, (name, _planned) in to_call.items()]
    for chunk in listed_students(connection, ranks, today, limit=limit).partitions():
        facts = _facts(connection, alert_id, [row.student_id for row in chunk], today)
        for row in chunk:
            yield _student(row, *to_call[row.student_id], facts)


def listed_students(
    connection: Connection, ranks: Sequence[tuple[int, int]], today: date, *, limit: int | None = None
) -> CursorResult[Any]:
    """These students, each with the rank by which they are ordered first, as lists show them: student_id, home_class,
    ref, given_name, family_name, protected, hidden. Of one who is `hidden` nothing but the ref may be shown. Read in
    pieces."""
    dialect = connection.dialect.name
    ordered = _in_order(dialect, today).limit(limit)
    return connection.execute(ordered, _WANTED.values(dialect, ranks), execution_options={"yield_per": _CHUNK})


_WANTED = GivenRows("wanted", {"student_id": BigInt, "rank": Integer()})


def _in_order(dialect: str, today: date) -> Select[Any]:
    wanted = _WANTED.cte(dialect)
    home = (
        select(MEMBERSHIP.c.student_id, func.min(STUDENT_GROUP.c.name).label("name"))
        .join(STUDENT_GROUP, STUDENT_GROUP.c.id == MEMBERSHIP.c.group_id)
        .where(
            MEMBERSHIP.c.student_id.in_(select(wanted.c.student_id)),
            STUDENT_GROUP.c.home,
            MEMBERSHIP.c.ended_on.is_(None) | (MEMBERSHIP.c.ended_on > today),
        )
        .group_by(MEMBERSHIP.c.student_id)
        .subquery("home")
    )
    # A place in the order would tell a protected student's class and name: they stand last, in no order of either.
    hidden = maybe_protected()
    return (
        select(
            wanted.c.student_id,
            home.c.name.label("home_class"),
            PERSON.c.ref,
            PERSON.c.given_name,
            PERSON.c.family_name,
            known_protected().label("protected"),
            hidden.label("hidden"),
        )
        .select_from(
            wanted.join(PERSON, PERSON.c.id == wanted.c.student_id).outerjoin(
                home, home.c.student_id == wanted.c.student_id
            )
        )
        .order_by(
            wanted.c.rank,
            hidden,
            ~known_protected(),
            *(case((hidden, None), else_=column) for column in (home.c.name.is_(None), home.c.name)),
            *(case((hidden, None), else_=column) for column in (PERSON.c.family_name, PERSON.c.given_name)),
            wanted.c.student_id,
        )
    )


def _facts(connection: Connection, alert_id: int, students: Sequence[int], today: date) -> _Facts:
    dialect = connection.dialect.name
    values = {"students": id_set(students, dialect)}
    cases = load_cases(connection, students, today, stale_after_months=_NO_MATTER)
    decisions: dict[int, list[AnyRow]] = defaultdict(list)
    decided = (
        select(
            DECISION.c.student_id,
            DECISION.c.guardian_id,
            DECISION.c.verdict,
            DECISION.c.reason,
            DECISION.c.unreachable,
            PERSON.c.given_name,
            PERSON.c.family_name,
        )
        .outerjoin(PERSON, PERSON.c.id == DECISION.c.guardian_id)
        .where(
            DECISION.c.alert_id == alert_id,
            among(DECISION.c.student_id, "students", dialect),
            DECISION.c.superseded.is_(False),
        )
        .order_by(PERSON.c.family_name, PERSON.c.given_name, DECISION.c.id)
    )
    for row in connection.execute(decided, values):
        decisions[row.student_id].append(row)
    deliveries: dict[tuple[int, int], list[AnyRow]] = defaultdict(list)
    sent = (
        select(
            RECIPIENT.c.student_id,
            RECIPIENT.c.guardian_id,
            DELIVERY.c.channel,
            DELIVERY.c.address_id,
            DELIVERY.c.round,
            DELIVERY.c.state,
            DELIVERY.c.code,
        )
        .join(DELIVERY, DELIVERY.c.id == RECIPIENT.c.delivery_id)
        .where(
            DELIVERY.c.alert_id == alert_id,
            among(RECIPIENT.c.student_id, "students", dialect),
            RECIPIENT.c.unlinked_at.is_(None),
        )
        .order_by(DELIVERY.c.channel.desc(), DELIVERY.c.address_id, DELIVERY.c.round)
    )
    for row in connection.execute(sent, values):
        deliveries[row.student_id, row.guardian_id].append(row)
    phones = {
        point.address_id
        for case in cases
        for guardian in case.guardians
        for point in guardian.points
        if point.channel is AddressChannel.SMS
    }
    found = connection.execute(
        select(ADDRESS.c.id, ADDRESS.c.value).where(among(ADDRESS.c.id, "addresses", dialect)),
        {"addresses": id_set(sorted(phones), dialect)},
    )
    numbers: dict[int, str] = {row.id: row.value for row in found}
    return _Facts({case.student_id: case for case in cases}, decisions, deliveries, numbers, today)


def _student(row: AnyRow, name_of_class: StudentClass, planned: bool, facts: _Facts) -> StudentToCallAbout:
    ref = student_ref(row.student_id, row.ref)
    if row.hidden:
        told = PROTECTED if row.protected else MAYBE_PROTECTED
        return StudentToCallAbout(name_of_class, ref, None, None, told, ())
    decisions = facts.decisions[row.student_id]
    why = None
    if not planned:
        why = NOT_PLANNED
    elif name_of_class is StudentClass.HELD:
        reasons = {one.reason: None for one in decisions if one.verdict is Verdict.HELD}
        why = ", ".join(held_reason(reason) for reason in reasons)
    guardians = tuple(_guardian(row.student_id, one, facts) for one in decisions if one.verdict is Verdict.ENTITLED)
    name = short_name(row.given_name, row.family_name)
    return StudentToCallAbout(name_of_class, ref, name, row.home_class, why, guardians)


def _guardian(student_id: int, decision: AnyRow, facts: _Facts) -> GuardianToCall:
    name, ref = short_name(decision.given_name or "", decision.family_name or ""), guardian_ref(decision.guardian_id)
    case = facts.cases.get(student_id)
    guardian = next((one for one in case.guardians if one.guardian_id == decision.guardian_id), None) if case else None
    if case is None or guardian is None or case.decide(guardian, facts.today).verdict is not Verdict.ENTITLED:
        return GuardianToCall(name, (), (Why(NO_LONGER, None),), ref)
    return GuardianToCall(name, _phones(guardian, facts), _why(student_id, decision, facts), ref)


def _phones(guardian: GuardianCase, facts: _Facts) -> tuple[Phone, ...]:
    """All numbers that can be called; verified and mobile ones first. Not those that a blocked person answers, too.

    Last come those of the register that the guardian has replaced: somebody else may have them by now.
    """
    points = sorted(guardian.points, key=lambda point: (point.replaced, not point.verified, not point.takes_messages))
    return tuple(
        Phone(facts.numbers[point.address_id], not point.takes_messages, point.verified)
        for point in points
        if point.channel is AddressChannel.SMS and not point.shared_with_blocked
    )


def _why(student_id: int, decision: AnyRow, facts: _Facts) -> tuple[Why, ...]:
    latest: dict[tuple[Channel, int], AnyRow] = {}
    for row in facts.deliveries[student_id, decision.guardian_id]:
        latest[row.channel, row.address_id] = row
    if latest:
        return tuple(
            Why(delivery_reason(row.state, row.code), row.code, row.channel, row.state) for row in latest.values()
        )
    if decision.unreachable:
        return (Why(unreachable_reason(decision.unreachable), decision.unreachable),)
    return (Why("no message was made", None),)
