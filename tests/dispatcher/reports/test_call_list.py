"""Whom to call: the order, the reasons, and who must not be named."""

from __future__ import annotations

import csv
import io
from typing import Any

import pytest
from sqlalchemy import event, update

from config.clock import bound_db_now
from config.database import Database
from contacts.codes import Protection
from contacts.entitlement import Verdict
from contacts.people import guardian_ref
from contacts.tables import PERSON
from dispatcher.codes import DeliveryState, StudentClass
from dispatcher.reports import call_list as module
from dispatcher.reports.call_list import (
    MAYBE_PROTECTED,
    NO_LONGER,
    NOT_PLANNED,
    PROTECTED,
    Phone,
    StudentToCallAbout,
    call_list,
)
from dispatcher.reports.classes import read_classes
from dispatcher.reports.counting import report
from dispatcher.reports.report_files import write_call_list_csv
from providers.base import Channel
from tests.dispatcher.reports.conftest import Case
from tests.dispatcher.reports.world import NOW, World

S = DeliveryState


def _read(case: Case) -> dict[str, StudentToCallAbout]:
    with case.database.read() as connection:
        return {student.ref: student for student in call_list(connection, case.alert)}


def test_unreached_by_class_then_held_and_protected_ones_last(case: Case) -> None:
    found = _read(case)
    assert list(found) == ["1A-003", "2B-002", "2B-003", "1A-004"]
    assert [student.student_class for student in found.values()] == [
        StudentClass.UNREACHED,
        StudentClass.UNREACHED,
        StudentClass.HELD,
        StudentClass.HELD,
    ]


def test_a_guardian_with_all_numbers_and_the_latest_reason_of_each_channel(case: Case) -> None:
    student = _read(case)["2B-002"]
    assert (student.name, student.home_class, student.why) == ("Dina F.", "2B", None)
    # "told" was asked about this student, too, and the answer was no.
    (guardian,) = student.guardians
    assert (guardian.name, guardian.ref) == ("Ola F.", guardian_ref(case.guardians["failed"]))
    assert guardian.phones == (Phone("+4790000003", False, True), Phone("+4722000003", True, True))
    assert [(why.channel, why.state, why.code) for why in guardian.why] == [
        (Channel.SMS, S.UNDELIVERED, "30005"),
        (Channel.EMAIL, S.REJECTED, "550 5.1.1"),
    ]
    assert guardian.why[0].words == "the number is not in use"


def test_a_fixed_line_can_be_called(case: Case) -> None:
    (guardian,) = _read(case)["1A-003"].guardians
    assert guardian.phones == (Phone("+4722000004", True, True),)
    assert [(why.words, why.code) for why in guardian.why] == [
        ("only a fixed line, which cannot take SMS", "fixed_line_only")
    ]


def test_of_a_protected_student_nothing_but_the_reference(case: Case) -> None:
    assert _read(case)["1A-004"] == StudentToCallAbout(StudentClass.HELD, "1A-004", None, None, PROTECTED, ())


def test_a_student_with_nobody_registered(case: Case) -> None:
    student = _read(case)["2B-003"]
    assert student.why == "nobody is registered for the student"
    assert student.guardians == ()


@pytest.mark.parametrize(
    ("protection", "words"),
    [({"protection": Protection.CONFIDENTIAL}, PROTECTED), ({"protection_unknown": True}, MAYBE_PROTECTED)],
)
def test_of_who_may_be_protected_and_was_released_and_not_reached_still_nothing(
    database: Database, protection: dict[str, Any], words: str
) -> None:
    with bound_db_now(NOW), database.write() as connection:
        world = World(connection)
        student = world.student("1A-001", "Kari Hemmelig", **protection)
        guardian = world.guardian("Ola Hemmelig", of=student)
        number = world.contact(guardian, "+4790000001")
        alert = world.alert([student])
        world.decision(alert, student, guardian)
        world.delivery(alert, S.REJECTED, [(student, guardian)], address=number)
        (found,) = call_list(connection, alert)
    assert found == StudentToCallAbout(StudentClass.UNREACHED, "1A-001", None, None, words, ())


def test_the_order_tells_nothing_of_protected_students(database: Database) -> None:
    with bound_db_now(NOW), database.write() as connection:
        world = World(connection)
        hidden = [
            world.student("X-5", "Unn U", "1B", protection_unknown=True),
            world.student("X-9", "Åse Å", "9Z", protection=Protection.CONFIDENTIAL),
            world.student("X-1", "Arne A", "1A", protection=Protection.CONFIDENTIAL),
            world.student("X-4", "Arvid A", "1A", protection_unknown=True),
        ]
        seen = world.student("2B-001", home="2B")
        alert = world.alert([*hidden, seen])
        for student in (*hidden, seen):
            world.decision(alert, student, None, Verdict.HELD, "no_guardian_known")
        found = [student.ref for student in call_list(connection, alert)]
    assert found == ["2B-001", "X-9", "X-1", "X-5", "X-4"]


def test_who_was_blocked_since_is_not_to_be_called(case: Case) -> None:
    with case.database.write() as connection:
        world = World.again(connection)
        world.block(case.guardians["failed"])
    (guardian,) = _read(case)["2B-002"].guardians
    assert guardian.phones == ()
    assert [why.words for why in guardian.why] == [NO_LONGER]


def test_a_number_that_a_blocked_person_answers_too_is_not_given(case: Case) -> None:
    with case.database.write() as connection:
        world = World.again(connection)
        blocked = world.guardian("Per Blokkert")
        world.block(blocked)
        world.contact(blocked, "+4790000003")
    (guardian,) = _read(case)["2B-002"].guardians
    assert guardian.phones == (Phone("+4722000003", True, True),)


def test_before_planning_came_to_the_student(database: Database) -> None:
    with bound_db_now(NOW), database.write() as connection:
        world = World(connection)
        planned, not_yet = world.student("1A-001"), world.student("1A-002")
        alert = world.alert([planned, not_yet], cursor=1)
        world.decision(alert, planned, None, Verdict.HELD, "no_guardian_known")
        found = list(call_list(connection, alert))
        assert [(one.ref, one.student_class, one.why) for one in found] == [
            ("1A-002", StudentClass.UNREACHED, NOT_PLANNED),
            ("1A-001", StudentClass.HELD, "nobody is registered for the student"),
        ]
        assert [one.ref for one in call_list(connection, alert, settled_only=True)] == ["1A-001"]


def test_settled_only_leaves_out_whom_a_message_is_on_its_way_to(database: Database) -> None:
    with bound_db_now(NOW), database.write() as connection:
        world = World(connection)
        waiting, failed = world.student("1A-001"), world.student("1A-002")
        alert = world.alert([waiting, failed])
        for student, state in ((waiting, S.DEFERRED), (failed, S.REJECTED)):
            guardian = world.guardian(of=student)
            world.decision(alert, student, guardian)
            world.delivery(alert, state, [(student, guardian)], code="20429")
            world.delivery(alert, S.REJECTED, [(student, guardian)], channel=Channel.EMAIL, code="550")
        assert [one.ref for one in call_list(connection, alert, settled_only=True)] == ["1A-002"]
        assert [one.ref for one in call_list(connection, alert)] == ["1A-001", "1A-002"]
        assert [one.ref for one in call_list(connection, alert, limit=1)] == ["1A-001"]


def test_it_is_read_in_pieces(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_CHUNK", 3)
    with bound_db_now(NOW), database.write() as connection:
        world = World(connection)
        students = [world.student(f"1A-{number:03d}", f"Kari {number:03d}") for number in range(10)]
        alert = world.alert(students)
        for student in students:
            guardian = world.guardian(of=student)
            world.decision(alert, student, guardian, unreachable="no_contact_point")
    with bound_db_now(NOW), database.read() as connection:
        reading = call_list(connection, alert)
        assert next(reading).ref == "1A-000"
        rest = list(reading)
    assert [one.ref for one in rest] == [f"1A-{number:03d}" for number in range(1, 10)]
    assert all(one.guardians[0].why[0].words == "no phone number and no e-mail address" for one in rest)


def test_csv_has_a_row_a_guardian_and_runs_no_formula(case: Case) -> None:
    with case.database.write() as connection:
        connection.execute(
            update(PERSON).where(PERSON.c.id == case.students["failed"]).values(given_name="=cmd|'/c", family_name="")
        )
    stream = io.StringIO()
    with case.database.read() as connection:
        write_call_list_csv(stream, call_list(connection, case.alert))
    rows = {row["student_ref"]: row for row in csv.DictReader(io.StringIO(stream.getvalue()))}
    assert list(rows) == ["1A-003", "2B-002", "2B-003", "1A-004"]
    assert rows["2B-002"]["student"] == "'=cmd|'/c"
    assert rows["2B-002"]["phones"] == "+4790000003; +4722000003 fixed line"
    assert rows["2B-002"]["codes"] == "30005; 550 5.1.1"
    assert rows["2B-002"]["guardian_ref"] == guardian_ref(case.guardians["failed"])
    assert rows["1A-004"] == {
        "class": "held",
        "home_class": "",
        "student_ref": "1A-004",
        "student": "",
        "guardian": "",
        "phones": "",
        "why": PROTECTED,
        "codes": "",
        "guardian_ref": "",
    }


def test_with_classes_that_were_read_before_it_is_the_same(case: Case) -> None:
    with case.database.read() as connection:
        classes = read_classes(connection, case.alert)
        assert list(call_list(connection, case.alert, classes)) == list(call_list(connection, case.alert))
        assert len(list(call_list(connection, case.alert, classes, limit=2))) == 2


def test_classes_are_read_once_for_the_counts_and_the_list(case: Case) -> None:
    statements: list[str] = []

    def listen(_connection: object, _cursor: object, statement: str, *_rest: object) -> None:
        statements.append(statement)

    with case.database.read() as connection:
        event.listen(case.database.engine, "before_cursor_execute", listen)
        classes = read_classes(connection, case.alert)
        report(connection, case.alert, classes.counts)
        list(call_list(connection, case.alert, classes))
        event.remove(case.database.engine, "before_cursor_execute", listen)
    assert sum("alert_student" in statement for statement in statements) == 1
