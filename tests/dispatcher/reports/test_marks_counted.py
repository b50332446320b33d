"""Whom staff have reached by telephone: every report counts them, and counts them the same."""

from __future__ import annotations

import io
import json
from collections import Counter

import pytest
from sqlalchemy import update

from dispatcher.reports.breakdown import breakdown
from dispatcher.reports.call_list import call_list
from dispatcher.reports.classes import read_classes
from dispatcher.reports.cost import Prices
from dispatcher.reports.counting import report
from dispatcher.reports.paper_report import report_paper
from dispatcher.reports.report_files import write_figures_csv, write_report_json
from dispatcher.reports.report_page import print_report
from dispatcher.reports.watching import watch_students
from dispatcher.tables import MARK
from tests.dispatcher.reports.conftest import Case
from tests.dispatcher.reports.recount import Rows
from tests.dispatcher.reports.world import CONFIRMED_AT, NOW, World


@pytest.fixture
def called(case: Case) -> Case:
    """Staff have reached the guardian of one, somebody at home of another who was held, and one whom a message had
    reached; one mark was taken back."""
    with case.database.write() as connection:
        world = World.again(connection)
        world.mark(case.alert, case.students["no_address"], case.guardians["no_address"])
        world.mark(case.alert, case.students["nobody"])
        world.mark(case.alert, case.students["told"], case.guardians["told"])
        world.mark(case.alert, case.students["told"])
        world.mark(case.alert, case.students["failed"], case.guardians["failed"], taken_back=True)
    return case


def test_every_report_equals_a_recount(called: Case) -> None:
    rows = Rows(called)
    classes = Counter(rows.class_of(student) for student in rows.students)
    assert classes == {"confirmed": 4, "handed_over": 1, "unreached": 1, "held": 1, "nobody_may_be_told": 1}
    with called.database.read() as connection:
        found = report(connection, called.alert)
        parts = breakdown(connection, called.alert, CONFIRMED_AT, Prices(0.6, 1.5))
        watched = watch_students(connection, called.alert)
        to_call = list(call_list(connection, called.alert))
    assert {name: getattr(found.classes, name) for name in classes} == classes
    assert watched.counts == found.classes
    assert found.reached_by_telephone == len({row.student_id for row in rows.marks}) == 3
    assert {
        (one.home_class, name): getattr(one.classes, name)
        for one in parts.home_classes
        for name in classes
        if getattr(one.classes, name)
    } == rows.home_classes()
    assert [one.ref for one in to_call] == ["2B-002", "1A-004"]
    assert tuple(to_call) == watched.call_first


def test_every_format_says_so(called: Case) -> None:
    from rich.console import Console

    with called.database.read() as connection:
        found = report(connection, called.alert)
        first = list(call_list(connection, called.alert))
    written, figures, page = io.StringIO(), io.StringIO(), io.StringIO()
    write_report_json(written, found, first)
    write_figures_csv(figures, found)
    print_report(Console(file=page, width=80), found, first, None)
    assert json.loads(written.getvalue())["reached_by_telephone"] == 3
    assert "details,reached_by_telephone,,3" in figures.getvalue()
    assert "3 students reached by telephone" in page.getvalue()
    assert "('3', 'elever der noen er nådd på telefon" in str(report_paper(found, None, first, made_at=NOW))


def test_a_mark_that_is_taken_back_counts_no_more(called: Case) -> None:
    with called.database.write() as connection:
        connection.execute(update(MARK).values(taken_back_by="M. Lærer", taken_back_at=NOW))
        found = report(connection, called.alert)
        assert (found.classes.nobody_reached, found.reached_by_telephone) == (4, 0)
        assert len(read_classes(connection, called.alert).to_call) == 4
