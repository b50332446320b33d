"""Plan a confirmed alert, a chunk of students at a time, each chunk one transaction.

A chunk first moves the cursor, guarded by the alert's state and the cursor's old place: of two planners, or of a
planner and a stop, only one wins, and no student is planned twice or left out. The first chunk is small, so that the
first message leaves before planning has ended.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

from sqlalchemy import Connection, or_, select, update

from config.clock import db_now, oslo_date, plus_seconds
from config.counters import CONTACTS_REVISION, read_counter
from config.database import Database
from config.filling import fill
from contacts.entitlement import Verdict
from contacts.facts import collector_paused, load_cases
from contacts.told import ToldCases, with_told
from dispatcher.alerts.follow_up_plan import WhoWasTold, plan_follow_up
from dispatcher.alerts.plan import Plan, PlanOptions, plan, reach_options
from dispatcher.codes import AlertState, AlertStatus
from dispatcher.outbox.chain import Chain
from dispatcher.outbox.earlier import earlier_alerts, earlier_messages, reached_earlier
from dispatcher.outbox.enqueue import Basis, enqueue
from dispatcher.outbox.fallback import open_chains
from dispatcher.outbox.following import kind_of
from dispatcher.tables import ALERT, ALERT_STUDENT, ALERT_TEXT, DECISION, DELIVERY, RECIPIENT, AnyRow
from providers.base import Channel

_DECISION_COLUMNS = (
    "alert_id",
    "student_id",
    "guardian_id",
    "verdict",
    "reason",
    "unreachable",
    "decided_on",
    "inputs",
    "superseded",
)
# A planner that has not moved its alert for this long is taken to be dead, and another goes on.
PLANNER_SECONDS = 5.0
# Students planned after which the database looks at its tables anew.
_MARKS = tuple(1000 * 4**power for power in range(8))


@dataclass(frozen=True, slots=True)
class Chunking:
    """Students in the first and in the later chunks, and what makes a contact point stale."""

    first: int
    later: int
    stale_after_months: int


@dataclass(frozen=True, slots=True)
class PlannedChunk:
    """What one transaction planned. No students: planning of this alert has ended."""

    alert_id: int
    number: str
    students: int
    deliveries: int


def plan_next_chunk(database: Database, planner: str, chunking: Chunking) -> PlannedChunk | None:
    """Plan the next chunk of some alert that is being planned; None when there is none to plan (by us)."""
    with database.write() as connection:
        alert = _take(connection, planner)
        if alert is None:
            return None
        size = chunking.first if alert.cursor == 0 else chunking.later
        students = _students(connection, alert, size)
        if not _move_cursor(connection, alert, planner, len(students)):
            return None
        if not students:
            _finish(connection, alert.id)
            return PlannedChunk(alert.id, alert.number, 0, 0)
        with collector_paused():
            made = _plan(connection, alert, students, chunking.stale_after_months)
    if _has_grown(alert.cursor, alert.cursor + len(students)):
        database.refresh_statistics((ALERT_STUDENT, DECISION, DELIVERY, RECIPIENT))
    return PlannedChunk(alert.id, alert.number, len(students), made)


def _has_grown(before: int, after: int) -> bool:
    """Whether an alert that is being planned has come to four times the students at which this was last so."""
    return any(before < mark <= after for mark in _MARKS)


def _plan(connection: Connection, alert: AnyRow, students: Sequence[int], stale_after_months: int) -> int:
    """Decide about these students and store what comes of it; the number of deliveries made."""
    today = oslo_date(alert.now)
    revision = read_counter(connection, CONTACTS_REVISION)
    planned = plan_students(connection, alert, students, alert.cursor, today, stale_after_months)
    _store_decisions(connection, alert.id, planned, today)
    basis = Basis(alert.id, alert.expires_at, revision, today)
    made = enqueue(connection, basis, planned.deliveries, _segments(connection, alert.id))
    open_chains(connection, alert, _entitled(planned))
    return made


def _entitled(planned: Plan) -> dict[int, bool]:
    """The guardians who may be told, and whether each is sent a message."""
    found: dict[int, bool] = {}
    for one in planned.decisions:
        if one.verdict is Verdict.ENTITLED and one.guardian_id is not None:
            found[one.guardian_id] = found.get(one.guardian_id, False) or one.unreachable is None
    return found


def plan_students(
    connection: Connection,
    alert: AnyRow,
    students: Sequence[int],
    after: int,
    today: date,
    stale_after_months: int,
    *,
    with_inputs: bool = True,
) -> Plan:
    """The plan of these students of an alert, those behind position `after` of its list; nothing is stored."""
    cases = load_cases(connection, students, today, stale_after_months=stale_after_months)
    options = plan_options(alert, today)
    if alert.references_id is None:
        return plan(cases, options, with_inputs=with_inputs)
    thread = earlier_alerts(connection, alert.id)
    kind = kind_of(alert.msg_type, alert.response_type)
    # By student and guardian: the address of each earlier message, and its language.
    at: dict[tuple[int, int], dict[int, str]] = {}
    for one in earlier_messages(connection, thread, students):
        if one.told or not kind.ends_it:
            at.setdefault((one.student_id, one.guardian_id), {})[one.address_id] = one.language
    told = with_told(connection, cases, at, today) if kind.ends_it else ToldCases(cases, {})
    turn = len(students) if thread.planned is None else max(0, thread.planned - after)
    called = reached_earlier(connection, thread, students) if kind.ends_it else (frozenset(), frozenset())
    who = WhoWasTold(at, told.former, frozenset(students[turn:]), *called)
    return plan_follow_up(told.cases, who, kind, options, with_inputs=with_inputs)


def plan_options(alert: AnyRow, today: date) -> PlanOptions:
    """What the row of an alert asks of its plan; the preview asks the same."""
    channels = [channel for channel, wanted in ((Channel.SMS, alert.sms), (Channel.EMAIL, alert.email)) if wanted]
    options = reach_options(alert.status, channels, include_unverified=alert.include_unverified)
    at_once = None if alert.fallback is None else Chain.from_json(alert.fallback).at_once
    return PlanOptions(today, options, alert.default_language, at_once)


def _take(connection: Connection, planner: str) -> AnyRow | None:
    free = or_(ALERT.c.planner.is_(None), ALERT.c.planner == planner, ALERT.c.planner_until < db_now())
    return connection.execute(
        select(ALERT, db_now().label("now"))
        .where(ALERT.c.state == AlertState.PLANNING, ALERT.c.expires_at > db_now(), free)
        # A county's alert keeps no school's waiting: first what has nothing planned yet, then the oldest last chunk.
        .order_by(ALERT.c.status != AlertStatus.ACTUAL, ALERT.c.planner_until.nulls_first(), ALERT.c.id)
        .limit(1)
        # Sending goes on meanwhile: it writes rows that point at this alert, which a stronger lock would keep waiting.
        .with_for_update(skip_locked=True, key_share=True)
    ).first()


def _students(connection: Connection, alert: AnyRow, size: int) -> list[int]:
    statement = (
        select(ALERT_STUDENT.c.student_id)
        .where(
            ALERT_STUDENT.c.alert_id == alert.id,
            ALERT_STUDENT.c.position > alert.cursor,
            ALERT_STUDENT.c.position <= alert.cursor + size,
        )
        .order_by(ALERT_STUDENT.c.position)
    )
    return list(connection.execute(statement).scalars())


def _move_cursor(connection: Connection, alert: AnyRow, planner: str, students: int) -> bool:
    moved = connection.execute(
        update(ALERT)
        .where(
            ALERT.c.id == alert.id,
            ALERT.c.state == AlertState.PLANNING,
            ALERT.c.cursor == alert.cursor,
            ALERT.c.planner.is_not_distinct_from(alert.planner),
        )
        .values(
            cursor=alert.cursor + students,
            planner=planner,
            planner_until=plus_seconds(db_now(), PLANNER_SECONDS),
        )
    )
    return moved.rowcount == 1


def _finish(connection: Connection, alert_id: int) -> None:
    connection.execute(
        update(ALERT)
        .where(ALERT.c.id == alert_id, ALERT.c.state == AlertState.PLANNING)
        .values(state=AlertState.OPEN, planned_at=db_now(), planner=None, planner_until=None)
    )


def _store_decisions(connection: Connection, alert_id: int, planned: Plan, today: date) -> None:
    rows: list[tuple[object, ...]] = [
        (
            alert_id,
            one.student_id,
            one.guardian_id,
            one.verdict.value,
            one.reason,
            one.unreachable,
            today,
            one.inputs,
            False,
        )
        for one in planned.decisions
    ]
    fill(connection, DECISION, _DECISION_COLUMNS, rows)


def _segments(connection: Connection, alert_id: int) -> dict[str, int]:
    statement = select(ALERT_TEXT.c.language, ALERT_TEXT.c.segments).where(ALERT_TEXT.c.alert_id == alert_id)
    return {row.language: row.segments for row in connection.execute(statement)}
