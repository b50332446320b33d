"""The crisis board: what watching shows, whom to call, who was reached, and a token that tells when to read it anew."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from sqlalchemy import event, insert, update

from config.database import Database
from config.errors import UsageError
from config.operators import NotPermittedError, Operator
from config.roles import Reach, Right, Role
from contacts.codes import Protection
from contacts.people import guardian_ref
from contacts.tables import ENROLMENT, PERSON
from dispatcher.codes import AlertState, AnswerKind, DeliveryState
from dispatcher.reports.board import Board, alert_with_board, board_token, read_board
from dispatcher.reports.call_list import call_list
from dispatcher.reports.watching import watch_figures, watch_students
from dispatcher.tables import ALERT, ANSWER, DELIVERY, FIGURES, MARK
from providers.base import Channel
from tests.dispatcher.reports.conftest import Case
from tests.dispatcher.reports.world import NOW, World, after

LEADER = Operator("k.leder", Right.SEE_ALERTS, Reach.THEIR_SCHOOLS, (Role.SCHOOL_LEADER,), ("Eksempel vgs",))
OTHER = Operator("o.leder", Right.SEE_ALERTS, Reach.THEIR_SCHOOLS, (Role.SCHOOL_LEADER,), ("Annen vgs",))


def board(case: Case) -> Board:
    with case.database.read() as connection:
        return read_board(connection, case.alert)


def test_it_shows_what_watching_and_the_call_list_show(case: Case) -> None:
    found = board(case)
    with case.database.read() as connection:
        assert found.figures == watch_figures(connection, case.alert)
        assert found.students.counts == watch_students(connection, case.alert).counts
        assert found.students.call_first == tuple(call_list(connection, case.alert))
        assert [one.ref for one in read_board(connection, case.alert, limit=2).students.call_first] == [
            "1A-003",
            "2B-002",
        ]
    assert found.marks == ()


def test_marks_with_who_and_when_the_newest_first(case: Case) -> None:
    told, failed = case.students["no_address"], case.students["failed"]
    with case.database.write() as connection:
        world = World.again(connection)
        world.mark(case.alert, failed, case.guardians["failed"], taken_back=True)
        world.mark(case.alert, told)
        connection.execute(update(MARK).where(MARK.c.student_id == told).values(note="på vei hjem"))
    found = board(case)
    newest, first = found.marks
    assert (newest.student, newest.name, newest.home_class, newest.guardian, newest.guardian_name) == (
        "1A-003",
        "Emil B.",
        "1A",
        None,
        None,
    )
    assert (newest.note, newest.marked_by, newest.marked_at, newest.taken_back_at) == (
        "på vei hjem",
        "K. Leder",
        NOW,
        None,
    )
    assert (first.name, first.guardian, first.guardian_name) == (
        "Dina F.",
        guardian_ref(case.guardians["failed"]),
        "Ola F.",
    )
    assert (first.taken_back_by, first.taken_back_at) == ("M. Lærer", NOW)
    # Whoever was reached is not called about again; whose mark was taken back is.
    assert [one.ref for one in found.students.call_first] == ["2B-002", "2B-003", "1A-004"]


@pytest.mark.parametrize("how", [{"protection": Protection.CONFIDENTIAL}, {"protection_unknown": True}])
def test_of_a_protected_student_nothing_but_refs(case: Case, how: dict[str, Any]) -> None:
    student = case.students["failed"]
    with case.database.write() as connection:
        World.again(connection).mark(case.alert, student, case.guardians["failed"])
        connection.execute(update(MARK).values(note="Dina henter"))
        connection.execute(update(PERSON).where(PERSON.c.id == student).values(how))
    found = board(case)
    (mark,) = found.marks
    assert (mark.student, mark.guardian) == ("2B-002", guardian_ref(case.guardians["failed"]))
    assert (mark.name, mark.home_class, mark.guardian_name, mark.note) == (None, None, None, None)


def test_statements_are_as_many_for_many_marks_as_for_one(database: Database) -> None:
    def statements(students: int) -> int:
        counted: list[str] = []

        def listen(_connection: object, _cursor: object, statement: str, *_rest: object) -> None:
            counted.append(statement)

        with database.write() as connection:
            world = World.again(connection) if students > 1 else World(connection)
            ids = [world.student(f"{students}-{number}", home=None) for number in range(2 * students)]
            alert = world.alert(ids)
            for one in ids:
                guardian = world.guardian(of=one)
                world.decision(alert, one, guardian)
            for one in ids[:students]:
                world.mark(alert, one, guardian)
        with database.read() as connection:
            event.listen(database.engine, "before_cursor_execute", listen)
            found = read_board(connection, alert)
            event.remove(database.engine, "before_cursor_execute", listen)
        assert len(found.marks) == len(found.students.call_first) == students
        return len(counted)

    assert statements(1) == statements(30)


def _moved(connection: Any, case: Case) -> None:
    world = World.again(connection)
    world.progress(case.alert, Channel.SMS, DeliveryState.UNDELIVERED, -1)
    world.progress(case.alert, Channel.SMS, DeliveryState.DELIVERED, 1)


def _answered(connection: Any, case: Case) -> None:
    delivery = connection.execute(DELIVERY.select().where(DELIVERY.c.alert_id == case.alert)).first()
    kind = {"provider": "twilio", "kind": AnswerKind.CONFIRMATION, "text": ""}
    connection.execute(insert(ANSWER).values(alert_id=case.alert, delivery_id=delivery.id, **kind))


def _marked(connection: Any, case: Case) -> None:
    World.again(connection).mark(case.alert, case.students["failed"])


def _taken_back(connection: Any, _case: Case) -> None:
    connection.execute(update(MARK).values(taken_back_by="M. Lærer", taken_back_at=after(900)))


def _ended(connection: Any, case: Case) -> None:
    World.again(connection).end(case.alert, AlertState.STOPPED)


def test_the_token_changes_with_whatever_the_board_shows_of_people(case: Case) -> None:
    def token() -> str:
        with case.database.read() as connection:
            return board_token(connection, case.alert)

    changes: list[Callable[[Any, Case], None]] = [_moved, _answered, _marked, _taken_back, _ended]
    tokens = [token()]
    for change in changes:
        assert token() == tokens[-1], "nothing has changed"
        with case.database.write() as connection:
            change(connection, case)
        tokens.append(token())
    assert len(set(tokens)) == len(changes) + 1
    assert board(case).token == tokens[-1]


def test_a_leader_sees_the_boards_of_their_own_school_alone(case: Case) -> None:
    with case.database.write() as connection:
        school = World.again(connection).school
        connection.execute(
            insert(ENROLMENT),
            [{"student_id": one, "school_id": school, "source": "test"} for one in case.students.values()],
        )
        number = connection.execute(ALERT.select().where(ALERT.c.id == case.alert)).one().number
        assert alert_with_board(connection, number, LEADER).number == number
        with pytest.raises(NotPermittedError, match="not yours"):
            alert_with_board(connection, number, OTHER)
        connection.execute(insert(FIGURES).values(alert_id=case.alert, reduced_at=NOW, figures={}))
        with pytest.raises(UsageError, match="reduced to figures"):
            alert_with_board(connection, number, LEADER)
