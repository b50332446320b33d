"""The class of a student: a table for the pure rule, and SQL that must say the same for any rows."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import insert

from config.database import Database
from contacts.entitlement import Verdict
from dispatcher.codes import AnswerKind, DeliveryState, StudentClass
from dispatcher.reports.classes import (
    CLASS_OF_RANK,
    UNDER_WAY,
    Standing,
    class_counts,
    read_classes,
    student_class,
    students_by_class,
)
from dispatcher.tables import ANSWER
from tests.dispatcher.reports.world import World

S, V, C = DeliveryState, Verdict, StudentClass
NOT_TOLD = (S.QUEUED, S.SENDING, S.DEFERRED, S.UNDELIVERED, S.REJECTED, S.EXPIRED, S.CANCELLED)


@pytest.mark.parametrize(
    ("planned", "states", "verdicts", "expected"),
    [
        # somebody has it for certain, whatever else is so
        (True, [S.DELIVERED], [V.ENTITLED], C.CONFIRMED),
        (True, [S.DELIVERED, S.UNKNOWN, S.REJECTED], [V.ENTITLED, V.HELD], C.CONFIRMED),
        # handed over only
        (True, [S.ACCEPTED], [V.ENTITLED], C.HANDED_OVER),
        (True, [S.UNKNOWN], [V.ENTITLED], C.HANDED_OVER),
        (True, [S.ACCEPTED, S.UNDELIVERED], [V.ENTITLED, V.NO], C.HANDED_OVER),
        # told before the entitlement ended: it remains true that somebody has it
        (True, [S.DELIVERED], [V.NO], C.CONFIRMED),
        # somebody is entitled, and nobody has it
        *[(True, [state], [V.ENTITLED], C.UNREACHED) for state in NOT_TOLD],
        (True, [], [V.ENTITLED], C.UNREACHED),
        (True, [], [V.ENTITLED, V.HELD, V.NO], C.UNREACHED),
        # a person must decide
        (True, [], [V.HELD], C.HELD),
        (True, [], [V.HELD, V.NO], C.HELD),
        (True, [S.CANCELLED], [V.HELD], C.HELD),
        # nobody
        (True, [], [V.NO], C.NOBODY_MAY_BE_TOLD),
        (True, [], [], C.NOBODY_MAY_BE_TOLD),
        (True, [S.CANCELLED], [V.NO], C.NOBODY_MAY_BE_TOLD),
        # planning has not come so far
        (False, [], [], C.UNREACHED),
        (False, [], [V.NO], C.UNREACHED),
        (False, [S.DELIVERED], [], C.CONFIRMED),
    ],
)
def test_class_of_a_student(
    planned: bool, states: list[DeliveryState], verdicts: list[Verdict], expected: StudentClass
) -> None:
    assert student_class(Standing(planned, frozenset(states), frozenset(verdicts))) is expected


@pytest.mark.parametrize("state", S)
def test_whoever_answered_has_it_for_certain(state: DeliveryState) -> None:
    assert student_class(Standing(True, frozenset({state}), frozenset({V.ENTITLED}), answered=True)) is C.CONFIRMED


@pytest.mark.parametrize("planned", [True, False])
@pytest.mark.parametrize("verdicts", [[V.ENTITLED], [V.HELD], [V.NO], []])
def test_whoever_was_reached_by_telephone_has_it_for_certain(planned: bool, verdicts: list[Verdict]) -> None:
    standing = Standing(planned, frozenset({S.REJECTED}), frozenset(verdicts), marked=True)
    assert student_class(standing) is C.CONFIRMED


@dataclass(frozen=True)
class Row:
    """One student as the random test makes it."""

    deliveries: tuple[tuple[DeliveryState, bool], ...]  # state, unlinked
    decisions: tuple[tuple[Verdict, bool], ...]  # verdict, superseded
    nobody_registered: bool
    answered: tuple[bool, ...]  # the delivery in the same place was confirmed by an answer
    marks: tuple[bool, ...] = ()  # taken back; of a guardian each, the last of none

    def standing(self, planned: bool) -> Standing:
        verdicts = {verdict for verdict, superseded in self.decisions if not superseded}
        if self.nobody_registered:
            verdicts.add(Verdict.HELD)
        states = {state for state, unlinked in self.deliveries if not unlinked}
        answered = any(yes and not unlinked for yes, (_, unlinked) in zip(self.answered, self.deliveries, strict=False))
        return Standing(planned, frozenset(states), frozenset(verdicts), answered, not all(self.marks))


_ROW = st.builds(
    Row,
    deliveries=st.lists(st.tuples(st.sampled_from(DeliveryState), st.booleans()), max_size=3).map(tuple),
    decisions=st.lists(st.tuples(st.sampled_from(Verdict), st.booleans()), max_size=3).map(tuple),
    nobody_registered=st.booleans(),
    answered=st.lists(st.booleans(), max_size=3).map(tuple),
    # Most have no mark, as every other class needs to come, too.
    marks=st.one_of(st.just(()), st.just(()), st.lists(st.booleans(), max_size=4).map(tuple)),
)


def _write(world: World, rows: list[Row], cursor: int) -> tuple[int, list[int]]:
    students = [world.student(f"S-{world._next()}") for _ in rows]
    guardians = [world.guardian() for _ in range(3)]
    alert = world.alert(students, cursor=cursor)
    for student, row in zip(students, rows, strict=True):
        answered = [*row.answered, False, False, False]
        for guardian, (state, unlinked), yes in zip(guardians, row.deliveries, answered, strict=False):
            delivery = world.delivery(alert, state, [(student, guardian)], unlinked=unlinked)
            if yes:
                values = {"provider": "twilio", "kind": AnswerKind.CONFIRMATION, "text": ""}
                world.connection.execute(insert(ANSWER).values(alert_id=alert, delivery_id=delivery, **values))
        for guardian, (verdict, superseded) in zip(guardians, row.decisions, strict=False):
            world.decision(alert, student, guardian, verdict, "any", superseded=superseded)
        for marked, taken_back in zip([*guardians, None], row.marks, strict=False):
            world.mark(alert, student, marked, taken_back=taken_back)
        if row.nobody_registered:
            world.decision(alert, student, None, Verdict.HELD, "no_guardian_known")
    return alert, students


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(rows=st.lists(_ROW, min_size=1, max_size=8), cursor=st.integers(0, 8))
def test_sql_says_the_same_as_the_rule(database: Database, rows: list[Row], cursor: int) -> None:
    expected = [student_class(row.standing(position <= cursor)) for position, row in enumerate(rows, 1)]
    with database.engine.connect() as connection, connection.begin() as transaction:
        alert, students = _write(World(connection), rows, cursor)
        found = {row.student_id: CLASS_OF_RANK[row.rank] for row in connection.execute(students_by_class(alert))}
        alone = [connection.execute(students_by_class(alert, only=one)).one() for one in students]
        counts = class_counts(connection, alert)
        everybody, settled = read_classes(connection, alert), read_classes(connection, alert, settled_only=True)
        transaction.rollback()
    assert [found[student] for student in students] == expected
    assert [(row.student_id, CLASS_OF_RANK[row.rank]) for row in alone] == list(zip(students, expected, strict=True))
    counted = Counter(expected)
    assert {name: getattr(counts, name.value) for name in StudentClass} == {name: counted[name] for name in C}
    assert counts.nobody_reached == counted[C.UNREACHED] + counted[C.HELD]
    assert counts.students == len(rows)
    assert everybody.counts == settled.counts == counts
    planned = [position <= cursor for position in range(1, len(rows) + 1)]
    to_call = {
        student: (name, so_far)
        for student, name, so_far in zip(students, expected, planned, strict=True)
        if name in (C.UNREACHED, C.HELD)
    }
    under_way = {
        student
        for student, row, so_far in zip(students, rows, planned, strict=True)
        if not so_far or row.standing(True).states & set(UNDER_WAY)
    }
    assert everybody.to_call == to_call
    assert settled.to_call == {student: found for student, found in to_call.items() if student not in under_way}


def test_a_message_shared_by_siblings_counts_for_each_who_is_still_meant(database: Database) -> None:
    with database.write() as connection:
        world = World(connection)
        kari, nora = world.student("1A-001"), world.student("1A-002")
        guardian = world.guardian(of=kari)
        alert = world.alert([kari, nora])
        world.decision(alert, kari, guardian)
        world.decision(alert, nora, guardian, Verdict.NO, "no_custody")
        world.delivery(alert, S.DELIVERED, [(kari, guardian)])
        counts = class_counts(connection, alert)
    assert (counts.confirmed, counts.nobody_may_be_told, counts.nobody_reached) == (1, 1, 0)


def test_other_alerts_do_not_count(database: Database) -> None:
    with database.write() as connection:
        world = World(connection)
        student = world.student("1A-001")
        guardian = world.guardian(of=student)
        earlier, later = world.alert([student]), world.alert([student])
        world.decision(earlier, student, guardian)
        world.delivery(earlier, S.DELIVERED, [(student, guardian)])
        world.decision(later, student, guardian)
        world.delivery(later, S.REJECTED, [(student, guardian)])
        assert class_counts(connection, earlier).confirmed == 1
        assert class_counts(connection, later).unreached == 1
