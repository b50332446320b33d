"""What the chains of one alert are judged by: the messages that each guardian was sent, and where more may be sent."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from functools import cache
from typing import Any

from sqlalchemy import Connection, Select, bindparam, func, select, union

from contacts.codes import AddressChannel
from contacts.entitlement import Verdict
from contacts.facts import load_cases
from contacts.id_sets import among, id_set
from contacts.reach import PointFacts, reach
from contacts.tables import CONSENT, GUARDIANSHIP
from dispatcher.alerts.plan import reach_options
from dispatcher.outbox.chain import Sent
from dispatcher.outbox.confirmed import CONFIRMING, is_confirmation, reached_by_telephone
from dispatcher.tables import ANSWER, DECISION, DELIVERY, RECIPIENT, AnyRow
from providers.base import Channel


@dataclass(slots=True)
class WasSent:
    """What a guardian was sent in one alert. `told`: it is confirmed that one of it has arrived, or staff have reached
    them by telephone."""

    messages: list[Sent]
    told: bool

    @property
    def channels(self) -> frozenset[Channel]:
        return frozenset(one.channel for one in self.messages)


def students_of(connection: Connection, alert_id: int, guardians: Collection[int]) -> dict[int, list[int]]:
    """For each of the guardians, the students of the alert about whom they were found entitled."""
    dialect = connection.dialect.name
    students: dict[int, list[int]] = defaultdict(list)
    values = {"guardians": id_set(guardians, dialect), "alert": alert_id}
    for row in connection.execute(_students(dialect), values):
        students[row.guardian_id].append(row.student_id)
    return students


@cache
def _students(dialect: str) -> Select[Any]:
    # There is no index of decisions by guardian, and none is worth its price: their links lead to the students.
    linked = union(
        *(
            select(table.c.student_id, table.c.guardian_id).where(among(table.c.guardian_id, "guardians", dialect))
            for table in (GUARDIANSHIP, CONSENT)
        )
    ).subquery()
    return (
        select(DECISION.c.student_id, DECISION.c.guardian_id)
        .join(
            linked,
            (linked.c.student_id == DECISION.c.student_id) & (linked.c.guardian_id == DECISION.c.guardian_id),
        )
        .where(
            DECISION.c.alert_id == bindparam("alert"),
            DECISION.c.verdict == Verdict.ENTITLED,
            DECISION.c.superseded.is_(False),
        )
        .order_by(DECISION.c.student_id)
    )


def was_sent(connection: Connection, alert: AnyRow, about: Mapping[int, Collection[int]]) -> Mapping[int, WasSent]:
    """The messages that guardians were sent. `about`: by guardian, the students about whom; `alert`: its row, with the
    clock as `now`."""
    dialect = connection.dialect.name
    reached = reached_by_telephone(connection, alert.id, about)
    found = {guardian_id: WasSent([], told=guardian_id in reached) for guardian_id in about}
    values = {
        "students": id_set({student_id for own in about.values() for student_id in own}, dialect),
        "guardians": id_set(about, dialect),
        "alert": alert.id,
    }
    rows = connection.execute(_sent(dialect), values).all()
    answered = _answered(connection, alert.id, {row.id for row in rows})
    for row in rows:
        own = found[row.guardian_id]
        left_ago = None if row.left_at is None else (alert.now - row.left_at).total_seconds()
        own.messages.append(Sent(row.channel, row.state, left_ago))
        own.told = own.told or row.state is CONFIRMING or row.id in answered
    return found


@cache
def _sent(dialect: str) -> Select[Any]:
    # Of unknown fate: it may have left when it was claimed.
    left_at = func.coalesce(DELIVERY.c.accepted_at, DELIVERY.c.claimed_at)
    return (
        select(RECIPIENT.c.guardian_id, DELIVERY.c.id, DELIVERY.c.channel, DELIVERY.c.state, left_at.label("left_at"))
        .join(DELIVERY, DELIVERY.c.id == RECIPIENT.c.delivery_id)
        .where(
            among(RECIPIENT.c.student_id, "students", dialect),
            among(RECIPIENT.c.guardian_id, "guardians", dialect),
            RECIPIENT.c.unlinked_at.is_(None),
            DELIVERY.c.alert_id == bindparam("alert"),
        )
        .distinct()
    )


def _answered(connection: Connection, alert_id: int, deliveries: Collection[int]) -> set[int]:
    if not deliveries:
        return set()
    statement = select(ANSWER.c.delivery_id).where(ANSWER.c.delivery_id.in_(deliveries), is_confirmation(alert_id))
    return set(connection.scalars(statement))


# By guardian: about which students they may be told today, and where, on each channel.
Usable = Mapping[int, Sequence[tuple[int, Mapping[Channel, Sequence[PointFacts]]]]]


def usable_today(
    connection: Connection,
    alert: AnyRow,
    students: Mapping[int, Collection[int]],
    wanted: Collection[Channel],
    today: date,
    stale_after_months: int,
) -> Usable:
    """Ask the rule again, and the contact points: who may be told by now, and on which channels. A guardian who is
    entitled with regard to none of the students is left out. `wanted`: the channels of the chain."""
    channels = [channel for channel, asked in ((Channel.SMS, alert.sms), (Channel.EMAIL, alert.email)) if asked]
    options = reach_options(alert.status, channels, include_unverified=alert.include_unverified)
    calls = replace(options, channels=frozenset({AddressChannel.SMS}), calls=True)
    usable: dict[int, list[tuple[int, Mapping[Channel, Sequence[PointFacts]]]]] = defaultdict(list)
    about = sorted({student_id for own in students.values() for student_id in own})
    for case in load_cases(connection, about, today, stale_after_months=stale_after_months):
        for guardian in case.guardians:
            if case.student_id not in students.get(guardian.guardian_id, ()):
                continue
            if case.decide(guardian, today).verdict is not Verdict.ENTITLED:
                continue
            points: dict[Channel, list[PointFacts]] = defaultdict(list)
            for point in reach(guardian.points, options).points:
                points[_CHANNEL[point.channel]].append(point)
            if Channel.VOICE in wanted:
                points[Channel.VOICE] = list(reach(guardian.points, calls).points)
            usable[guardian.guardian_id].append((case.student_id, points))
    return usable


_CHANNEL = {AddressChannel.SMS: Channel.SMS, AddressChannel.EMAIL: Channel.EMAIL}
