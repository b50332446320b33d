"""`beredskap drill`: the drills of a school year, and the command for the next one."""

from __future__ import annotations

import calendar
from datetime import date
from typing import TYPE_CHECKING, Annotated, NamedTuple, TypeAlias

import typer

from config.roles import Right
from config.shell import JsonOption, command_errors, open_store, print_json

if TYPE_CHECKING:
    from config.catalogue import Catalogue, Scenario
    from dispatcher.alerts.drill_plan import Drill
    from dispatcher.reports.drills import SchoolDrills

app = typer.Typer(
    name="drill",
    help="The drills of a school year, as the settings plan them ([drills]), beside the exercises that were sent.",
    no_args_is_help=True,
    rich_markup_mode=None,
)

SchoolOption: TypeAlias = Annotated[str | None, typer.Option(help="Only this school: its name or ref.")]


@app.command("plan")
@command_errors(Right.SEE_ALERTS)
def plan(
    year: Annotated[
        int | None, typer.Option(min=2000, max=2100, help="The year in which the school year begins; now: this one.")
    ] = None,
    school: SchoolOption = None,
    as_json: JsonOption = False,
) -> None:
    """What is planned, what was done, what is overdue, from 1 August on.

    Done is what was sent with --status exercise to the school by its name (--school), early or late; what was sent to
    a class alone does not count. A leader sees their own schools.

    Examples:

      beredskap drill plan

      beredskap drill plan --year 2025 --school "Eksempel vgs" --json
    """
    schools, began, today, _catalogue = _look(school, year)
    if as_json:
        document = [{"school": one.school.name, "ref": one.school.ref, "drills": one.drills} for one in schools]
        print_json({"school_year": began, "today": today, "schools": document})
        return
    typer.echo(f"School year {began}/{(began + 1) % 100:02}, today {today}")
    if not schools:
        typer.echo("No school has students.")
    for one in schools:
        typer.echo(f"\n{one.school.name}")
        for drill in one.drills:
            typer.echo(f"  {drill.status.value:<10} {_when(drill):<15} {drill.scenario:<12} {_held(drill)}".rstrip())
        if not one.drills:
            typer.echo("  nothing planned ([[drills.plan]] in the settings), and nothing held")


@app.command("next")
@command_errors(Right.SEE_ALERTS)
def next_drill(school: SchoolOption = None, as_json: JsonOption = False) -> None:
    """The next drill of each school, with the command to type for it. What is overdue comes first.

    It only prints the command. Whoever types it sees the preview, and is asked, as always.

    Examples:

      beredskap drill next

      beredskap drill next --school "Eksempel vgs"
    """
    from dispatcher.alerts.drill_plan import next_of

    year = _look(school, None)
    found = []
    for one in year.schools:
        drill = next_of(one.drills)
        if drill is not None:
            command = command_for(one.school.name, year.catalogue.scenario(drill.scenario))
            found.append((one.school, drill, command))
    if as_json:
        rows = [{"school": where.name, "drill": drill, "command": command} for where, drill, command in found]
        print_json({"next": rows})
        return
    if not found:
        typer.echo("Nothing more is planned this school year ([[drills.plan]] in the settings).")
    for where, drill, command in found:
        typer.echo(f"{where.name}   {drill.status.value}   {_when(drill)}   {drill.scenario}\n  {command}")


def command_for(school: str, scenario: Scenario) -> str:
    """What to type for a drill, ready for a shell; the words that only a person knows stand as dots."""
    import shlex

    from dispatcher.alerts.text import placeholders_of

    words = ["beredskap alert send --school", shlex.quote(school), "--scenario", scenario.name, "--status exercise"]
    return " ".join([*words, *(f"--set {name}='...'" for name in placeholders_of(*scenario.texts.values()))])


class _Year(NamedTuple):
    schools: list[SchoolDrills]
    began: int
    today: date
    catalogue: Catalogue


def _look(school: str | None, year: int | None) -> _Year:
    from pathlib import Path

    from config.catalogue import load_catalogue
    from config.clock import oslo_date
    from config.set_aside import usable
    from contacts.own_schools import schools_to_look_at
    from dispatcher.alerts.drill_plan import school_year
    from dispatcher.reports.drills import check_scenarios, school_drills, schools_with_students

    with open_store(need_keys=False) as store:
        settings = usable(store.settings.drills)
        own = store.settings.organisation.messages_dir
        catalogue = load_catalogue(Path(own) if own else None)
        check_scenarios(settings, catalogue)
        today = oslo_date(store.database.now())
        began = school_year(today) if year is None else year
        with store.database.read() as connection:
            schools = schools_to_look_at(connection, store.operator, school)
            schools = schools or schools_with_students(connection, today)
            return _Year(school_drills(connection, settings, schools, began, today), began, today, catalogue)


def _when(drill: Drill) -> str:
    """ "2026-10-14", or "October 2026" for the course of a month."""
    one_day = drill.begins == drill.ends
    return str(drill.begins) if one_day else f"{calendar.month_name[drill.begins.month]} {drill.begins.year}"


def _held(drill: Drill) -> str:
    return "" if drill.held is None else f"{drill.held.number} on {drill.held.on}"
