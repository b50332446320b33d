"""Planning goes in chunks, each student once, whoever plans and whatever comes between."""

from __future__ import annotations

from datetime import date, timedelta
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import func, select, text

from config.database import Database
from contacts.codes import Basis, Protection
from contacts.tables import CONSENT
from dispatcher.alerts import counting, second_counter
from dispatcher.alerts import planner as planning
from dispatcher.alerts import preview as previewing
from dispatcher.alerts.counting import Share
from dispatcher.alerts.draft import discard_draft
from dispatcher.alerts.lifecycle import stop
from dispatcher.alerts.planner import PLANNER_SECONDS, Chunking, plan_next_chunk
from dispatcher.alerts.preview import Preview, preview
from dispatcher.alerts.second_counter import counted_elsewhere
from dispatcher.codes import AlertState, AlertStatus, DeliveryState
from dispatcher.outbox import enqueue as enqueueing
from dispatcher.reports.classes import class_counts
from dispatcher.tables import ALERT, ALERT_STUDENT, DECISION, DELIVERY, RECIPIENT
from providers.base import Accepted, Channel, Deferred
from tests.contacts.store import ADULT, LONG_AGO
from tests.dispatcher.alerts.drafting import confirmed, draft
from tests.dispatcher.world import CHUNKING, World, check_books

S = DeliveryState


def chunk(world: World, planner: str = "planner", chunking: Chunking = CHUNKING) -> tuple[int, int] | None:
    """(students, deliveries) of the next chunk."""
    with world.clock():
        planned = plan_next_chunk(world.database, planner, chunking)
    return None if planned is None else (planned.students, planned.deliveries)


def alert_row(world: World, alert: int) -> Any:
    (row,) = world.rows(ALERT, ALERT.c.id == alert)
    return row


def test_the_first_chunk_is_small_and_the_last_one_opens_the_alert(world: World) -> None:
    alert = world.alert([world.family().student for _ in range(7)])
    seen = []
    while (planned := chunk(world)) is not None:
        row = alert_row(world, alert)
        seen.append((planned, row.cursor, row.state.value))
    assert seen == [
        ((2, 2), 2, "planning"),
        ((3, 3), 5, "planning"),
        ((2, 2), 7, "planning"),
        ((0, 0), 7, "open"),
    ]
    row = alert_row(world, alert)
    assert (row.planned_at, row.planner, row.planner_until) == (world.now, None, None)
    assert len(world.decisions(alert)) == 7
    check_books(world.database)


def test_messages_leave_before_planning_has_ended(world: World) -> None:
    alert = world.alert([world.family().student for _ in range(3)])
    chunk(world)
    claims = world.claim()
    assert len(claims) == 2
    assert world.alert_state(alert) is AlertState.PLANNING


def test_a_hold_does_not_keep_planning_waiting(world: World) -> None:
    alert = world.alert(world.family().students, hold_until=world.now + timedelta(seconds=5))
    assert world.plan() == 1
    assert world.claim() == []
    assert world.alert_state(alert) is AlertState.OPEN


def test_a_decision_keeps_its_day_its_inputs_and_the_knowledge_it_rests_on(world: World) -> None:
    alert = world.sent(world.family())
    (decision,) = world.rows(DECISION)
    assert (decision.alert_id, decision.decided_on, decision.superseded) == (alert, date(2026, 11, 23), False)
    assert '"age":16' in decision.inputs
    (delivery,) = world.rows(DELIVERY)
    assert (delivery.decided_on, delivery.contacts_revision) == (date(2026, 11, 23), 0)


@pytest.mark.parametrize("state", [AlertState.OPEN, AlertState.STOPPED, AlertState.EXPIRED, AlertState.CLOSED])
def test_only_an_alert_that_is_to_be_planned_is(world: World, state: AlertState) -> None:
    alert = world.alert(world.family().students)
    world.change(ALERT, alert, state=state)
    assert chunk(world) is None


def test_a_draft_and_one_whose_time_is_over_are_not_planned(world: World) -> None:
    world.alert(world.family().students, state=AlertState.DRAFT, number=None)
    world.alert(world.family().students, expires_at=world.now)
    assert chunk(world) is None


def test_who_plans_keeps_at_it_until_it_is_taken_for_dead(world: World) -> None:
    alert = world.alert([world.family().student for _ in range(9)])
    assert chunk(world, "first") == (2, 2)
    assert chunk(world, "second") is None
    world.later(PLANNER_SECONDS)
    assert chunk(world, "second") is None
    world.later(1)
    assert chunk(world, "second") == (3, 3)
    # The first one was only slow; it is no longer its turn.
    assert chunk(world, "first") is None
    assert chunk(world, "second") == (3, 3)
    assert alert_row(world, alert).cursor == 8


def test_a_second_planner_takes_the_next_alert(world: World) -> None:
    first, second = (world.alert([world.family().student for _ in range(4)]) for _ in range(2))
    chunk(world, "one")
    chunk(world, "two")
    assert [alert_row(world, alert).planner for alert in (first, second)] == ["one", "two"]


def test_a_county_that_is_being_planned_keeps_no_school_waiting(world: World) -> None:
    county = world.alert([world.family().student for _ in range(9)])
    chunk(world)
    world.later(1)
    school = world.alert([world.family().student for _ in range(4)])

    def next_planned() -> int:
        with world.clock():
            planned = plan_next_chunk(world.database, "planner", CHUNKING)
        assert planned is not None
        world.later(1)
        return planned.alert_id

    assert [next_planned() for _ in range(5)] == [school, county, school, county, school]
    world.plan()
    check_books(world.database)


def test_a_growing_alert_is_looked_at_by_the_database(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(planning, "_MARKS", (2, 8))
    looks: list[int] = []
    refresh = Database.refresh_statistics

    def seen(self: Database, tables: Any) -> None:
        refresh(self, tables)
        looks.append(len(world.rows(DELIVERY)))

    monkeypatch.setattr(Database, "refresh_statistics", seen)
    world.alert([world.family().student for _ in range(10)])
    world.plan()
    assert looks == [2, 8]
    if not world.database.sqlite:
        with world.database.read() as connection:
            known = connection.execute(text("SELECT reltuples FROM pg_class WHERE relname = 'delivery'")).scalar_one()
        assert known == 8


def test_a_drill_is_planned_after_the_actual_alerts(world: World) -> None:
    drill = world.alert(world.family().students, status=AlertStatus.EXERCISE)
    actual = world.alert(world.family().students)
    chunk(world)
    assert (alert_row(world, drill).cursor, alert_row(world, actual).cursor) == (0, 1)
    world.plan()


def test_a_stop_ends_planning(world: World) -> None:
    alert = world.alert([world.family().student for _ in range(7)])
    chunk(world)
    with world.clock(), world.database.write() as connection:
        stopped = stop(connection, alert_row(world, alert).number, "leder")
    assert (stopped.held_back, stopped.left) == (2, 0)
    assert chunk(world) is None
    assert world.claim() == []
    world.sweep()
    assert world.states(alert) == {S.CANCELLED: 2}
    assert (alert_row(world, alert).cursor, len(world.decisions(alert))) == (2, 2)


def test_siblings_in_different_chunks_share_their_message(world: World) -> None:
    family = world.family(5)
    alert = world.sent(family)
    (row,) = world.rows(DELIVERY)
    assert world.recipients(row.id) == {(student, family.guardian) for student in family.students}
    assert world.states(alert) == {S.QUEUED: 1}
    check_books(world.database)


@pytest.mark.parametrize("sent", [False, True])
def test_who_joins_a_message_that_was_cancelled_opens_its_next_round(world: World, sent: bool) -> None:
    """An adult and a child's parent share a number; the adult's consent ends before the parent is planned."""
    adult = world.family(birth_date=ADULT)
    with world.store(changed=False) as store:
        store.consent(adult.student, adult.guardian, date(2026, 9, 1))
    child = world.family(phone=adult.phone)
    filler = world.family()
    alert = world.alert([adult.student, filler.student, child.student])
    chunk(world)
    if sent:
        for one in world.claim():
            world.record((one, Accepted(f"SM{one.delivery_id}")))
    with world.store() as store:
        store.connection.execute(CONSENT.update().values(withdrawn_on=date(2026, 11, 23), withdrawn_evidence="form"))
    claims = world.claim()
    world.plan()
    rounds = [row for row in world.rows(DELIVERY) if world.recipients(row.id) & {(child.student, child.guardian)}]
    assert [row.round for row in rounds] == [1 if sent else 2]
    if not sent:
        (new,) = world.claim()
        assert (new.to, new.attempt) == (child.phone, 1)
        assert world.recipients(new.delivery_id) == {(child.student, child.guardian)}
        assert world.states(alert)[S.CANCELLED] == 1
        assert len(claims) == 1  # the filler's


def test_who_joins_a_message_that_was_checked_later_is_checked_too(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The planner has read its facts; before it links the parent, a block is recorded and the row is tried again."""
    first = world.family()
    second = world.family(phone=first.phone)
    world.alert([first.student, world.family().student, second.student])
    chunk(world)
    claims = {one.to: one for one in world.claim()}
    original = enqueueing._existing

    def slow(connection: Any, alert_id: int, wanted: Any) -> Any:
        # What another process does meanwhile: the row rests on a newer revision than this plan.
        connection.execute(DELIVERY.update().where(DELIVERY.c.alert_id == alert_id).values(contacts_revision=7))
        return original(connection, alert_id, wanted)

    monkeypatch.setattr(enqueueing, "_existing", slow)
    world.plan()
    joined = world.delivery(claims[first.phone].delivery_id)
    assert joined.contacts_revision == 0
    assert len(world.recipients(joined.id)) == 2
    with world.store() as store:
        store.block(second.guardian, second.student)
    world.record((claims[first.phone], Deferred("20429")))
    world.later(5)
    world.claim()
    assert world.recipients(joined.id, linked=False) >= {(second.student, second.guardian)}


# The preview says what the planner then does.

SCHOOL = st.lists(
    st.fixed_dictionaries(
        {
            "born": st.sampled_from([date(2010, 3, 2), ADULT, None]),
            "protection": st.sampled_from([Protection.NONE, Protection.NONE, Protection.CONFIDENTIAL]),
            "guardians": st.lists(
                st.fixed_dictionaries(
                    {
                        "who": st.integers(0, 5),
                        "basis": st.sampled_from([Basis.CUSTODY, Basis.SCHOOL_REGISTER, Basis.RELATIVE]),
                        "consent": st.booleans(),
                    }
                ),
                max_size=2,
                unique_by=lambda one: one["who"],
            ),
        }
    ),
    min_size=1,
    max_size=9,
)
POINTS = st.lists(
    st.tuples(
        st.integers(0, 5),
        st.sampled_from(["+4799000001", "+4799000002", "+4799000003", "a@example.no", "b@example.no"]),
        st.sampled_from(["sure", "stale", "unverified", "fixed"]),
    ),
    max_size=9,
    unique_by=lambda one: one[:2],
)


_POINT: dict[str, dict[str, Any]] = {
    "sure": {},
    "stale": {"verified": LONG_AGO, "confirmed": LONG_AGO},
    "unverified": {"verified": None},
    "fixed": {"takes_messages": False},
}


def _fill(
    world: World, number: int, students: list[dict[str, Any]], points: list[tuple[int, str, str]], blocked: int
) -> None:
    with world.store() as store:
        guardians = [store.guardian(language=["nb", "nn", None][n % 3]) for n in range(6)]
        for n, facts in enumerate(students):
            student = store.student(
                f"{number}-{n}",
                school=world.school,
                grade=f"G{number}",
                birth_date=facts["born"],
                protection=facts["protection"],
            )
            for link in facts["guardians"]:
                store.link(student, guardians[link["who"]], link["basis"])
                if link["consent"]:
                    store.consent(student, guardians[link["who"]], date(2026, 9, 1))
        for who, value, kind in points:
            # Numbers of their own for each example: an address is one row for good.
            store.point(
                guardians[who], value.replace("0000", f"{number:04d}").replace("@", f"{number}@"), **_POINT[kind]
            )
        if blocked < 6:
            store.block(guardians[blocked])


@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@given(SCHOOL, POINTS, st.integers(0, 9), st.sampled_from([AlertStatus.ACTUAL, AlertStatus.EXERCISE]), st.booleans())
def _preview_is_the_plan(
    world: World,
    numbers: list[int],
    students: list[dict[str, Any]],
    points: list[tuple[int, str, str]],
    blocked: int,
    status: AlertStatus,
    unverified: bool,
) -> None:
    numbers[0] += 1
    number = numbers[0]
    _fill(world, number, students, points, blocked)
    made = draft(world, schools=[], grades=[f"G{number}"], status=status, include_unverified=unverified)
    with world.clock():
        shown = preview(world.database, made, stale_after_months=18)
    alert = confirmed(world, made, again=True, hold=0.0).alert_id
    world.plan()
    assert _stored(world, alert) == shown, shown
    assert shown.students == len(students)
    assert shown.reachable + shown.cannot_be_reached + shown.nobody_may_be_told == shown.students


def _stored(world: World, alert: int) -> Preview:
    """The same numbers, counted in what the planner stored."""
    with world.database.read() as connection:
        classes = class_counts(connection, alert)
        deliveries = connection.execute(select(DELIVERY).where(DELIVERY.c.alert_id == alert)).all()
        decisions = connection.execute(
            select(DECISION)
            .where(DECISION.c.alert_id == alert, DECISION.c.superseded.is_(False))
            .order_by(DECISION.c.id)
        ).all()
        linked = connection.execute(
            select(RECIPIENT.c.student_id, RECIPIENT.c.guardian_id, RECIPIENT.c.stale)
            .join(DELIVERY, DELIVERY.c.id == RECIPIENT.c.delivery_id)
            .where(DELIVERY.c.alert_id == alert)
        ).all()
        segments = connection.execute(
            select(func.sum(DELIVERY.c.segments)).where(DELIVERY.c.alert_id == alert, DELIVERY.c.channel == Channel.SMS)
        ).scalar()
    reached = {row.student_id for row in linked}
    own: dict[int, list[Any]] = {}
    for row in decisions:
        own.setdefault(row.student_id, []).append(row)
    unreached: dict[str, int] = {}
    held: dict[str, int] = {}
    adults = 0
    for student, rows in own.items():
        entitled = [row for row in rows if row.verdict == "entitled"]
        waiting = [row for row in rows if row.verdict == "held"]
        if student in reached:
            continue
        if entitled:
            unreached[entitled[0].unreachable] = unreached.get(entitled[0].unreachable, 0) + 1
        elif waiting:
            held[waiting[0].reason] = held.get(waiting[0].reason, 0) + 1
        else:
            adults += rows[0].reason in ("adult_without_consent", "consent_withdrawn")
    sms = [row for row in deliveries if row.channel is Channel.SMS]
    return Preview(
        students=classes.students,
        reachable=len(reached),
        unreached=classes.unreached - len(reached),  # nothing has left yet
        held=classes.held,
        nobody_may_be_told=classes.nobody_may_be_told,
        adults_without_consent=adults,
        never_told=0,
        guardians=len({row.guardian_id for row in linked}),
        unverified_guardians=len({row.guardian_id for row in decisions if row.unreachable == "unverified_only"}),
        stale_guardians=len({row.guardian_id for row in linked if row.stale}),
        messages={
            channel: sum(row.channel is channel for row in deliveries) for channel in (Channel.SMS, Channel.EMAIL)
        },
        sms_by_language={
            language: sum(row.language == language for row in sms) for language in {row.language for row in sms}
        },
        sms_segments=segments or 0,
        unreached_reasons=unreached,
        held_reasons=held,
    )


def test_the_preview_shows_what_the_planner_then_stores(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(counting, "CHUNK", 4)  # several chunks on both sides
    _preview_is_the_plan(World(database), [0])


def test_two_processes_count_what_one_counts(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    for _ in range(5):
        world.family(2, email=True)
    made = draft(world)
    with world.clock():
        shown = preview(world.database, made, stale_after_months=18)
        monkeypatch.setattr(previewing, "TWO_PROCESSES_FROM", 1)
        assert preview(world.database, made, stale_after_months=18) == shown
        assert shown.students == 10
        with counted_elsewhere(world.database, Share(made.alert_id, made.on, 18, 4, 10)) as counted:
            there = counted()
        assert there is not None
        assert there.classes.total() == 6


def test_what_the_second_process_cannot_count_the_first_one_counts(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    world.family(5)
    made = draft(world)
    monkeypatch.setattr(previewing, "TWO_PROCESSES_FROM", 1)
    monkeypatch.setattr(second_counter.sys, "executable", "/bin/false")
    with world.clock():
        shown = preview(world.database, made, stale_after_months=18)
    assert (shown.students, shown.guardians) == (5, 1)


def test_a_preview_stores_nothing(world: World) -> None:
    world.family(3, email=True)
    made = draft(world)
    with world.clock():
        shown = preview(world.database, made, stale_after_months=18)
    assert (shown.students, shown.guardians, shown.messages) == (3, 1, {Channel.SMS: 1, Channel.EMAIL: 1})
    assert world.rows(DECISION) == world.rows(DELIVERY) == []
    with world.clock(), world.database.write() as connection:
        discard_draft(connection, made.alert_id)
    assert world.rows(ALERT) == []


def test_positions_have_no_gap(world: World) -> None:
    families = [world.family() for _ in range(5)]
    made = draft(world)
    rows = world.rows(ALERT_STUDENT, ALERT_STUDENT.c.alert_id == made.alert_id)
    assert [row.position for row in rows] == [1, 2, 3, 4, 5]
    assert all(before.student_id < after.student_id for before, after in pairwise(rows))
    assert {row.student_id for row in rows} == {one.student for one in families}
