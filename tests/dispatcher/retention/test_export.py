"""Showing a person what is held of them: every column of every table, and of others no more than they may know."""

from __future__ import annotations

import json
import stat
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import update

from config.audit import AuditEntry, record_act
from config.errors import ExitStatus
from config.shell import plain
from config.tables import core_table
from contacts import tables
from contacts.codes import Protection
from contacts.holdings import Fate
from contacts.people import find_person
from dispatcher.codes import AlertState
from dispatcher.retention.export import PARTS, export, section
from dispatcher.retention.holdings import HOLDINGS, RENAMED
from dispatcher.retention.norwegian import field_words, value_words
from dispatcher.retention.showing import NOT_NAMED, NOT_SHOWN, shown_as
from dispatcher.tables import ALERT
from tests.dispatcher.retention.conftest import Run
from tests.dispatcher.retention.town import TODAY, Person, Town


def exported(town: Town, person: Person) -> dict[str, Any]:
    with town.world.clock(), town.database.read() as connection:
        document = export(connection, town.keys, find_person(connection, person.ref), TODAY)
    read: dict[str, Any] = json.loads(json.dumps(document, default=plain))
    return read


def text_of(document: dict[str, Any]) -> str:
    return json.dumps(document, ensure_ascii=False)


def test_every_column_that_holds_something_of_the_person_is_shown(town: Town) -> None:
    """Student and guardian together have a row in every table; a new column must be shown, or left out for a reason."""
    one = town.family()
    town.alert(one)
    documents = [exported(town, one.student), exported(town, one.guardian)]
    for holding in PARTS:
        rows = [row for document in documents for row in document[section(holding)]]
        assert rows, holding.table.name
        for column in holding.table.columns:
            name = shown_as(holding, column.name)
            hidden = f"{holding.table.name}.{column.name}" in NOT_SHOWN or column in holding.persons
            assert name is not None or hidden, column
            if name is not None and column.name != "lookup":
                assert all(name in row for row in rows), column
    for name in ("verification_codes", "tries_of_codes", "routine_messages", "alerts"):
        assert any(document[name] for document in documents), name


def test_every_table_about_persons_is_in_the_export() -> None:
    """The parts beside those of the contact store's own tables are written one by one: a new table must be added."""
    by_hand = {
        "verification_challenge", "code_try", "address", "answer",
        "delivery", "attempt", "receipt", "delivery_event", "alert",
        *(holding.table.name for holding in RENAMED),
    }  # fmt: skip
    parts = {holding.table.name for holding in PARTS}
    about = {one.table.name for one in HOLDINGS if one.persons or one.through is not None}
    assert about == by_hand | parts
    assert {one.table.name for one in HOLDINGS if one.fate is not Fate.NOBODY} == about | {"audit_entry"}


def test_ones_own_marks_are_all_there(town: Town) -> None:
    one = town.family()
    town.alert(one)
    for person in (one.student, one.guardian):
        shown = text_of(exported(town, person))
        *own, _nin, lookup, ciphertext = person.marks
        assert all(mark in shown for mark in (*own, _nin))
        assert lookup not in shown and ciphertext not in shown


def test_that_others_have_registered_ones_number_is_shown(town: Town) -> None:
    one = town.family()
    point = tables.CONTACT_POINT
    with town.database.write() as connection:
        connection.execute(update(point).where(point.c.person_id == one.guardian.id).values(shared_in_register=True))
    shown = exported(town, one.guardian)["contact_points"]
    assert shown and all(row["shared_in_register"] is True for row in shown)
    words = field_words("shared_in_register"), value_words("shared_in_register", True)
    assert words == ("registrert på flere i Kontakt- og reservasjonsregisteret", "ja")


def test_which_alert_told_what_and_when(town: Town) -> None:
    one = town.family()
    alert = town.alert(one)
    (told,) = exported(town, one.guardian)["alerts"]
    assert (told["number"], told["schools"]) == (town.number(alert), "Eksempel vgs")
    assert [row["verdict"] for row in told["decisions"]] == ["entitled"]
    messages = {row["channel"]: row for row in told["messages"]}
    assert messages["sms"]["state"] == "delivered" and messages["sms"]["text"] == "Skolen er låst (nb)."
    assert messages["sms"]["address"] in one.guardian.marks
    assert messages["sms"]["attempts"][0]["outcome"] == "accepted" and messages["sms"]["receipts"]
    assert told["fallback"] == {"taken": 2, "ended": "call_list"}
    assert "fallback" not in exported(town, one.student)["alerts"][0]
    (mark,) = told["marks"]
    assert mark["reached"] == "yourself" and mark["about"].startswith(one.student.marks[0])
    assert one.guardian.marks[0] in mark["note"] and "rektor" not in text_of(mark)
    # The refused e-mail was never read.
    assert (messages["email"]["state"], messages["email"]["text"]) == ("rejected", None)


def test_nothing_that_leads_to_somebody_else(town: Town) -> None:
    one, other = town.family(), town.family()
    town.alert(one, other)
    for person, linked in ((one.student, one.guardian), (one.guardian, one.student)):
        shown = text_of(exported(town, person))
        # Of somebody linked, the short name alone.
        assert linked.marks[0] in shown
        assert not [mark for mark in linked.marks[1:] if mark in shown]
        assert not [mark for mark in other.marks if mark in shown]


@pytest.mark.parametrize(
    "change",
    [
        {"protection": Protection.CONFIDENTIAL},
        {"protection": Protection.STRICTLY_CONFIDENTIAL},
        {"protection_unknown": True},
    ],
)
def test_a_protected_student_is_not_named_nor_where_they_go_to_school(town: Town, change: dict[str, Any]) -> None:
    one = town.family()
    town.alert(one)
    town.world.change(tables.PERSON, one.student.id, **change)
    document = exported(town, one.guardian)
    shown = text_of(document)
    assert not [mark for mark in one.student.marks if mark in shown]
    assert "Eksempel vgs" not in shown and "2026-11-23T" not in text_of({"alerts": document["alerts"]})
    assert (document["alerts"], document["withheld"]) == ([], 1)
    assert [row["student"] for row in document["guardianships"]] == [NOT_NAMED]
    # The student's own export is whole.
    assert "Eksempel vgs" in text_of(exported(town, one.student))


def test_a_protected_guardian_is_not_named_to_the_student(town: Town) -> None:
    one = town.family()
    town.alert(one)
    town.world.change(tables.PERSON, one.guardian.id, protection=Protection.STRICTLY_CONFIDENTIAL)
    document = exported(town, one.student)
    assert not [mark for mark in one.guardian.marks if mark in text_of(document)]
    assert len(document["alerts"]) == 1
    assert [(mark["reached"], mark["note"]) for mark in document["alerts"][0]["marks"]] == [(NOT_NAMED, None)]
    assert [row["guardian"] for row in document["guardianships"]] == [NOT_NAMED]


@pytest.mark.parametrize("about_all", [True, False])
def test_a_blocked_guardian_does_not_learn_where_the_student_is(town: Town, about_all: bool) -> None:
    one = town.family()
    town.alert(one)
    with town.world.store() as store:
        store.block(one.guardian.id, None if about_all else one.student.id)
    document = exported(town, one.guardian)
    assert not [mark for mark in one.student.marks if mark in text_of(document)]
    assert "Eksempel vgs" not in text_of(document) and document["withheld"] == 1


def test_of_two_children_the_protected_one_is_not_told_of(town: Town) -> None:
    one, other = town.family(), town.family()
    with town.world.store() as store:
        store.link(other.student.id, one.guardian.id)
    town.alert(one, other)
    town.world.change(tables.PERSON, other.student.id, protection=Protection.CONFIDENTIAL)
    document = exported(town, one.guardian)
    (alert,) = document["alerts"]
    assert alert["schools"] == NOT_NAMED
    assert {row["student"] for row in alert["decisions"]} == {row["about"] for row in alert["messages"]}
    assert len(alert["decisions"]) == 1
    assert not [mark for mark in other.student.marks if mark in text_of(document)]


def test_whoever_is_student_and_guardian_sees_both(town: Town) -> None:
    one, child = town.family(), town.family()
    with town.world.store() as store:
        store.link(child.student.id, one.student.id)
        for subject, details in (
            (f"student {one.student.ref}", {"guardian": one.guardian.ref}),
            (f"guardian G-{one.student.id}", {"student": child.student.ref}),
            (f"student {child.student.ref}", {"guardian": f"G-{one.student.id}"}),
            (f"student {child.student.ref}", {"guardian": child.guardian.ref}),
        ):
            record_act(store.connection, operator="kontor", act="x", subject=subject, details=details)
    document = exported(town, one.student)
    assert [act["details"] for act in document["acts"]] == [{}, {}, {"guardian": f"G-{one.student.id}"}]
    assert len(document["guardianships"]) == 2


def test_a_link_that_is_over_names_nobody(town: Town) -> None:
    one = town.family()
    with town.world.store() as store:
        store.connection.execute(tables.GUARDIANSHIP.update().values(valid_to=date(2026, 1, 1)))
        store.connection.execute(tables.CONSENT.update().values(withdrawn_on=date(2026, 1, 1)))
    for person, linked in ((one.student, one.guardian), (one.guardian, one.student)):
        shown = text_of(exported(town, person))
        assert not [mark for mark in linked.marks if mark in shown]


def test_the_command_writes_a_file_for_its_owner_alone_and_is_on_record(
    run: Run, installed: Town, tmp_path: Path
) -> None:
    one = installed.family()
    alert = installed.alert(one)
    installed.world.change(ALERT, alert, state=AlertState.CLOSED)
    file = tmp_path / "g.json"
    written = run("contacts", "export", one.guardian.ref, "--out", str(file))
    assert written.exit_code == ExitStatus.OK, written.output
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    document = json.loads(file.read_text(encoding="utf-8"))
    assert document["person"] == one.guardian.ref and one.guardian.marks[0] in text_of(document)
    assert not [mark for mark in one.guardian.marks if mark in written.output]
    assert sorted(each.name for each in tmp_path.glob("*g.json*")) == ["g.json"]
    before = file.read_bytes()
    again = run("contacts", "export", one.student.ref, "--out", str(file))
    assert again.exit_code == ExitStatus.UNUSABLE and file.read_bytes() == before
    assert run("contacts", "export", "9Z-999").exit_code == ExitStatus.UNUSABLE
    gone = run("contacts", "export", one.student.ref, "--out", str(tmp_path / "no" / "such" / "place"))
    assert gone.exit_code == ExitStatus.UNUSABLE
    shown = json.loads(run("contacts", "export", one.guardian.ref).stdout)
    assert [act["act"] for act in shown["acts"]] == ["contacts.export"]
    entries = installed.world.rows(core_table(AuditEntry), core_table(AuditEntry).c.act == "contacts.export")
    # The one that could not be written looked all the same.
    assert [entry.subject for entry in entries] == [
        f"guardian {one.guardian.ref}",
        f"student {one.student.ref}",
        f"guardian {one.guardian.ref}",
    ]
