"""The chains of alerts under way: opened with their messages, looked at when they are due, ended when all is said.

Some hundred chains at a time, each batch one transaction; by the database's clock. A step makes messages as planning
does: for guardians who are entitled today, at addresses that may be used today, one for each address. What follows
(hold, stop, expiry, the check at the claim) is that of any message.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from typing import Any, NamedTuple

from sqlalchemy import CTE, ColumnElement, Connection, Select, bindparam, exists, func, select, tuple_, update

from config.clock import db_now, db_now_when_run, oslo_date
from config.counters import CONTACTS_REVISION, read_counter
from config.database import Database
from dispatcher.alerts.plan import Deliveries, PlanOptions, address, reach_options
from dispatcher.codes import AlertState
from dispatcher.outbox.chain import Chain, ChainEnd, next_step, seconds_to_wait
from dispatcher.outbox.claim import ALIVE
from dispatcher.outbox.enqueue import Basis, enqueue
from dispatcher.outbox.fallback_facts import Usable, students_of, usable_today, was_sent
from dispatcher.outbox.record import upsert
from dispatcher.tables import ALERT, ALERT_TEXT, CHAIN, DECISION, AnyRow
from providers.base import Channel

# Chains in one transaction, and transactions in one call: the upkeep has other things to do.
_BATCH = 200
_MOST_BATCHES = 5
_LET_GO = 2000


def open_chains(connection: Connection, alert: AnyRow, guardians: Mapping[int, bool]) -> None:
    """Open the chains of guardians for whom an alert was just planned. `guardians`: whether each is sent a message; the
    chain of one who is not is due at once. Without a chain in the alert's row there is nothing to open."""
    if alert.fallback is None or not guardians:
        return
    begins = max(alert.now, alert.hold_until)
    later = begins + timedelta(seconds=Chain.from_json(alert.fallback).first_wait)
    rows = [
        {
            "alert_id": alert.id,
            "guardian_id": guardian_id,
            "taken": 0,
            "step_at": begins,
            "next_at": later if is_sent else begins,
            "ended": None,
        }
        for guardian_id, is_sent in guardians.items()
    ]
    # A guardian of several students may have been met in an earlier chunk.
    connection.execute(upsert(connection.dialect.name, CHAIN).on_conflict_do_nothing(), rows)


def goes_on(alert_id: ColumnElement[int]) -> ColumnElement[bool]:
    """SQL, true for an alert of which a chain may take another step."""
    return exists(select(CHAIN.c.alert_id).where(CHAIN.c.alert_id == alert_id, CHAIN.c.next_at.is_not(None)))


def take_steps(database: Database, stale_after_months: int) -> int:
    """Look at the chains that are due, some thousand at most; how many. Cheap when none is."""
    looked = 0
    for _ in range(_MOST_BATCHES):
        with database.read() as connection:
            due = list(connection.scalars(_DUE_ALERTS))
            over = list(connection.scalars(_over()))
        for alert_id in over:
            with database.write() as connection:
                _let_go(connection, alert_id)
        if not due:
            break
        for alert_id in due:
            with database.write() as connection:
                looked += _look(connection, alert_id, stale_after_months)
    return looked


def _due_alerts() -> Select[Any]:
    first = select(func.min(CHAIN.c.next_at)).where(CHAIN.c.alert_id == ALERT.c.id, CHAIN.c.next_at.is_not(None))
    return (
        select(ALERT.c.id)
        .where(
            # Not before all is planned: a guardian's other students may have their turn later.
            ALERT.c.state == AlertState.OPEN,
            ALERT.c.hold_until <= db_now_when_run(),
            ALERT.c.expires_at > db_now_when_run(),
            first.scalar_subquery() <= db_now_when_run(),
        )
        .order_by(ALERT.c.id)
    )


_DUE_ALERTS = _due_alerts()


def _over() -> Select[Any]:
    """Alerts that have ended before their chains did; leaps through the index from one alert to the next."""
    lowest = select(func.min(CHAIN.c.alert_id).label("alert_id")).where(CHAIN.c.next_at.is_not(None))
    open_: CTE = lowest.cte("chains", recursive=True)
    following = lowest.where(CHAIN.c.alert_id > open_.c.alert_id).scalar_subquery()
    open_ = open_.union_all(select(following).where(open_.c.alert_id.is_not(None)))
    return select(ALERT.c.id).join(open_, open_.c.alert_id == ALERT.c.id).where(ALERT.c.state.not_in(ALIVE))


def _let_go(connection: Connection, alert_id: int) -> None:
    some = (
        select(CHAIN.c.guardian_id)
        .where(CHAIN.c.alert_id == alert_id, CHAIN.c.next_at.is_not(None))
        .limit(_LET_GO)
        .with_for_update(skip_locked=True)
    )
    guardians = list(connection.scalars(some))
    connection.execute(
        update(CHAIN).where(CHAIN.c.alert_id == alert_id, CHAIN.c.guardian_id.in_(guardians)).values(next_at=None)
    )


class _Turn(NamedTuple):
    """What becomes of one chain: the step to take, or the seconds to wait, or its end."""

    guardian_id: int
    taken: int
    step_at: datetime
    next_at: datetime | None
    ended: ChainEnd | None = None


def _look(connection: Connection, alert_id: int, stale_after_months: int) -> int:
    """Look at some due chains of one alert that may still leave, and do what follows for each."""
    alert = connection.execute(
        select(ALERT, db_now().label("now")).where(ALERT.c.id == alert_id, ALERT.c.state == AlertState.OPEN)
    ).first()
    if alert is None or alert.fallback is None or alert.expires_at <= alert.now:
        return 0
    rows = connection.execute(
        select(CHAIN)
        .where(CHAIN.c.alert_id == alert_id, CHAIN.c.next_at <= db_now())
        .order_by(CHAIN.c.next_at, CHAIN.c.guardian_id)
        .limit(_BATCH)
        .with_for_update(skip_locked=True)
    ).all()
    if not rows:
        return 0
    chain = Chain.from_json(alert.fallback)
    guardians = [row.guardian_id for row in rows]
    students = students_of(connection, alert_id, guardians)
    sent = was_sent(connection, alert, {one: students.get(one, ()) for one in guardians})
    turns: list[_Turn] = []
    ready: list[AnyRow] = []
    for row in rows:
        own = sent[row.guardian_id]
        wait = seconds_to_wait(chain, own.messages, (alert.now - row.step_at).total_seconds())
        if own.told:
            turns.append(_end(row, ChainEnd.CONFIRMED))
        elif wait > 0.0:
            turns.append(_Turn(row.guardian_id, row.taken, row.step_at, alert.now + timedelta(seconds=wait)))
        else:
            ready.append(row)
    if ready:
        about = {row.guardian_id: students[row.guardian_id] for row in ready if row.guardian_id in students}
        wanted = {step.channel for step in chain.steps}
        usable = usable_today(connection, alert, about, wanted, oslo_date(alert.now), stale_after_months)
        steps = {row.guardian_id: _turn(row, alert, chain, sent[row.guardian_id].channels, usable) for row in ready}
        turns += steps.values()
        _make(connection, alert, chain, steps.values(), usable)
    connection.execute(_MOVE_ON, [{"of_alert": alert_id} | _values(turn) for turn in turns])
    return len(rows)


def _end(row: AnyRow, why: ChainEnd) -> _Turn:
    return _Turn(row.guardian_id, row.taken, row.step_at, None, why)


def _turn(row: AnyRow, alert: AnyRow, chain: Chain, used: frozenset[Channel], usable: Usable) -> _Turn:
    own = usable.get(row.guardian_id)
    if own is None:
        return _end(row, ChainEnd.NOT_ENTITLED)
    channels = {channel for _student, points in own for channel, some in points.items() if some}
    place = next_step(chain, row.taken, used, channels)
    if place is None:
        return _end(row, ChainEnd.CALL_LIST)
    due = alert.now + timedelta(seconds=chain.steps[place].wait_seconds)
    return _Turn(row.guardian_id, place + 1, alert.now, due)


_MOVE_ON = (
    update(CHAIN)
    .where(CHAIN.c.alert_id == bindparam("of_alert"), CHAIN.c.guardian_id == bindparam("of_guardian"))
    .values(
        taken=bindparam("to_taken"),
        step_at=bindparam("to_step_at"),
        next_at=bindparam("to_next_at"),
        ended=bindparam("to_ended"),
    )
)


def _values(turn: _Turn) -> dict[str, Any]:
    return {
        "of_guardian": turn.guardian_id,
        "to_taken": turn.taken,
        "to_step_at": turn.step_at,
        "to_next_at": turn.next_at,
        "to_ended": turn.ended,
    }


def _make(connection: Connection, alert: AnyRow, chain: Chain, turns: Iterable[_Turn], usable: Usable) -> None:
    """The messages of the steps that are taken, and whom each is meant for."""
    today = oslo_date(alert.now)
    options = PlanOptions(today, reach_options(alert.status, (), include_unverified=False), alert.default_language)
    deliveries: Deliveries = {}
    told: set[tuple[int, int]] = set()
    for turn in turns:
        if turn.next_at is None:
            continue
        channel = chain.steps[turn.taken - 1].channel
        for student_id, points in usable[turn.guardian_id]:
            for point in points.get(channel, ()):
                calls = channel is Channel.VOICE
                address(point, student_id, turn.guardian_id, options, deliveries, calls=calls)
                told.add((student_id, turn.guardian_id))
    if not deliveries:
        return
    basis = Basis(alert.id, alert.expires_at, read_counter(connection, CONTACTS_REVISION), today)
    enqueue(connection, basis, list(deliveries.values()), _segments(connection, alert.id))
    _are_sent(connection, alert.id, told)


def _are_sent(connection: Connection, alert_id: int, pairs: set[tuple[int, int]]) -> None:
    """Who had no message when the alert was planned has one now."""
    connection.execute(
        update(DECISION)
        .where(
            DECISION.c.alert_id == alert_id,
            DECISION.c.student_id.in_({student_id for student_id, _guardian in pairs}),
            tuple_(DECISION.c.student_id, DECISION.c.guardian_id).in_(sorted(pairs)),
            DECISION.c.unreachable.is_not(None),
        )
        .values(unreachable=None)
    )


def _segments(connection: Connection, alert_id: int) -> dict[str, int]:
    statement = select(ALERT_TEXT.c.language, ALERT_TEXT.c.segments).where(ALERT_TEXT.c.alert_id == alert_id)
    return {row.language: row.segments for row in connection.execute(statement)}
