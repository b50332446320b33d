"""The drills of a school year: planned, done, due, overdue, and what was held besides."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Any

import pytest

from config.audit import os_user
from config.catalogue import load_catalogue
from config.database import Database
from config.settings import load_settings
from dispatcher.alerts.drill_plan import Drill, DrillStatus, HeldDrill, drills_of, next_of, school_year, window
from dispatcher.codes import AlertState, AlertStatus
from dispatcher.commands.drill import command_for
from dispatcher.running.doctor import Status
from dispatcher.running.doctor_drills import drills_result
from tests.dispatcher.world import World
from tests.services.inside import Inside

D = DrillStatus
TODAY = date(2026, 11, 23)
PLAN = '[{"scenario": "lockdown", "month": 10}, {"scenario": "evacuation", "month": 3, "day": 14}]'


@dataclass(frozen=True)
class Planned:
    scenario: str
    month: int
    day: int | None = None


def held(scenario: str, on: date, number: str = "A-1") -> HeldDrill:
    return HeldDrill(number, scenario, on)


@pytest.mark.parametrize(
    ("planned", "year", "begins", "ends"),
    [
        (Planned("x", 8), 2026, date(2026, 8, 1), date(2026, 8, 31)),
        (Planned("x", 12), 2026, date(2026, 12, 1), date(2026, 12, 31)),
        (Planned("x", 1), 2026, date(2027, 1, 1), date(2027, 1, 31)),
        (Planned("x", 7), 2026, date(2027, 7, 1), date(2027, 7, 31)),
        (Planned("x", 10, 14), 2026, date(2026, 10, 14), date(2026, 10, 14)),
        # Planned in a leap year, and held in every one.
        (Planned("x", 2, 29), 2026, date(2027, 2, 28), date(2027, 2, 28)),
        (Planned("x", 2, 29), 2027, date(2028, 2, 29), date(2028, 2, 29)),
    ],
)
def test_when_a_drill_is_planned(planned: Planned, year: int, begins: date, ends: date) -> None:
    assert window(planned, year) == (begins, ends)


def test_the_school_year_begins_in_august() -> None:
    days = (date(2026, 7, 31), date(2026, 8, 1), date(2027, 1, 1))
    assert [school_year(day) for day in days] == [2025, 2026, 2026]


@pytest.mark.parametrize(
    ("planned", "done", "expected"),
    [
        ([Planned("fire", 10)], [], [D.OVERDUE]),
        ([Planned("fire", 11)], [], [D.DUE]),
        ([Planned("fire", 11, 22)], [], [D.OVERDUE]),
        ([Planned("fire", 11, 23)], [], [D.DUE]),
        ([Planned("fire", 12)], [], [D.PLANNED]),
        # Early and late count, another scenario and another year do not.
        ([Planned("fire", 12)], [held("fire", date(2026, 8, 20))], [D.DONE]),
        ([Planned("fire", 9)], [held("fire", date(2026, 11, 1))], [D.DONE]),
        ([Planned("fire", 9)], [held("lockdown", date(2026, 9, 1))], [D.UNPLANNED, D.OVERDUE]),
        ([Planned("fire", 9)], [held("fire", date(2026, 7, 31))], [D.OVERDUE]),
        # Each exercise counts once, for the earliest.
        ([Planned("fire", 3), Planned("fire", 9)], [held("fire", date(2026, 11, 1))], [D.DONE, D.PLANNED]),
        (
            [Planned("fire", 9)],
            [held("fire", date(2026, 9, 2), "A-2"), held("fire", date(2026, 9, 1))],
            [D.DONE, D.UNPLANNED],
        ),
    ],
)
def test_where_the_drills_of_a_year_stand(
    planned: list[Planned], done: list[HeldDrill], expected: list[DrillStatus]
) -> None:
    assert [one.status for one in drills_of(planned, done, 2026, TODAY)] == expected


def test_what_is_overdue_comes_next() -> None:
    drills = drills_of([Planned("fire", 12), Planned("shelter", 9), Planned("fire", 8)], [], 2026, TODAY)
    found = next_of(drills)
    assert found is not None
    assert (found.scenario, found.status) == ("fire", D.OVERDUE)
    assert next_of([Drill("fire", TODAY, TODAY, D.UNPLANNED, held("fire", TODAY))]) is None


def test_the_command_can_be_typed_as_it_stands() -> None:
    catalogue = load_catalogue()
    assert command_for("Eksempel vgs", catalogue.scenario("lockdown")) == (
        "beredskap alert send --school 'Eksempel vgs' --scenario lockdown --status exercise"
    )
    assert command_for("Vg's", catalogue.scenario("evacuation")).endswith("--status exercise --set sted='...'")


@pytest.fixture
def planned(inside: Inside, monkeypatch: pytest.MonkeyPatch) -> Inside:
    monkeypatch.setenv("BEREDSKAP_DRILLS__PLAN", PLAN)
    two_schools(inside.world)
    return inside


def two_schools(world: World) -> None:
    """Eksempel vgs and Andre vgs, each with a student."""
    with world.store() as store:
        store.enrol(store.student("B-1"), store.school("NO2", "Andre vgs"))
    world.family()


def drills_result_at(world: World, now: datetime | None = None) -> tuple[Status, str]:
    with world.database.read() as connection:
        result = drills_result(load_settings(), connection, now or world.now)
    return result.status, result.what


def exercise(world: World, scenario: str = "lockdown", school: str = "Eksempel vgs", **values: Any) -> int:
    ref = {"Eksempel vgs": "NO1", "Andre vgs": "NO2"}[school]
    audience = {"schools": [{"ref": ref, "name": school}]}
    return world.alert([], **{"status": AlertStatus.EXERCISE, "scenario": scenario, "audience": audience} | values)


def test_the_plan_beside_what_was_sent(planned: Inside) -> None:
    world = planned.world
    exercise(world)
    exercise(world, "fire", status=AlertStatus.ACTUAL)
    exercise(world, "shelter", state=AlertState.STOPPED)
    exercise(world, "fire", audience={"schools": [], "groups": [{"id": 1, "name": "2B"}]})
    other, own = planned.json("drill", "plan")["schools"]
    assert [(one["scenario"], one["status"]) for one in own["drills"]] == [
        ("lockdown", "done"),
        ("evacuation", "planned"),
    ]
    assert own["drills"][0]["held"]["on"] == "2026-11-23"
    assert [one["status"] for one in other["drills"]] == ["overdue", "planned"]
    shown = planned.run("drill", "plan", "--school", "Andre vgs").stdout
    assert "overdue    October 2026    lockdown" in shown
    assert "2027-03-14" in shown
    assert "Eksempel vgs" not in shown
    last_year = planned.json("drill", "plan", "--year", "2025")
    assert {one["status"] for school in last_year["schools"] for one in school["drills"]} == {"overdue"}


def test_the_next_drill_of_each_school(planned: Inside) -> None:
    exercise(planned.world)
    assert [one["command"] for one in planned.json("drill", "next")["next"]] == [
        "beredskap alert send --school 'Andre vgs' --scenario lockdown --status exercise",
        "beredskap alert send --school 'Eksempel vgs' --scenario evacuation --status exercise --set sted='...'",
    ]
    assert "overdue   October 2026   lockdown" in planned.run("drill", "next").stdout


def test_a_leader_sees_the_drills_of_their_school_alone(planned: Inside) -> None:
    (planned.directory / "beredskap.toml").write_text(
        f'[operators."{os_user()}"]\nroles = ["school_leader"]\nschools = ["Andre vgs"]\n', encoding="utf-8"
    )
    environment = {"BEREDSKAP_CONFIG": str(planned.directory / "beredskap.toml")}
    shown = planned.run("drill", "plan", environment=environment)
    assert shown.exit_code == 0, shown.output
    assert "Andre vgs" in shown.stdout
    assert "Eksempel vgs" not in shown.stdout
    refused = planned.run("drill", "next", "--school", "Eksempel vgs", environment=environment)
    assert refused.exit_code == 6


@pytest.mark.parametrize(
    ("plan", "named"),
    [
        ('[{"scenario": "all_clear", "month": 10}]', '"all_clear"'),
        ('[{"scenario": "fire", "month": 10, "school": "Borte vgs"}]', '"Borte vgs"'),
        ('[{"scenario": "fire", "month": 13}]', "drills.plan.0.month"),
        ('[{"scenario": "fire", "month": 4, "day": 31}]', "no such day"),
    ],
)
def test_a_plan_that_cannot_be_used_is_told(
    plan: str, named: str, planned: Inside, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("BEREDSKAP_DRILLS__PLAN", plan)
    refused = planned.run("drill", "plan")
    assert refused.exit_code == 2
    assert named in refused.stderr


def test_doctor_warns_of_a_school_without_an_exercise(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BEREDSKAP_DRILLS__PLAN", PLAN)
    world = World(database)
    assert drills_result_at(world) == (Status.OK, "no school has students")
    two_schools(world)

    def look(now: datetime = world.now) -> tuple[Status, str]:
        return drills_result_at(world, now)

    assert look() == (Status.WARN, "no exercise in 12 months: Andre vgs, Eksempel vgs")
    exercise(world)
    assert look() == (Status.WARN, "no exercise in 12 months: Andre vgs")
    exercise(world, "fire", "Andre vgs")
    # There was one, and not the one that the plan asks for.
    assert look() == (Status.WARN, "a drill of the plan is overdue: Andre vgs")
    exercise(world, school="Andre vgs")
    assert look() == (Status.OK, "each school has had an exercise within 12 months")
    status, what = look(datetime(2027, 11, 24, 12, tzinfo=UTC))
    assert (status, what.startswith("no exercise in 12 months")) == (Status.WARN, True)
