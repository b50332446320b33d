"""`beredskap report`: what became of an alert, of two beside each other, and of a school's since a day."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, TypeAlias

import typer
from typer.core import TyperGroup

from config.roles import Right
from config.shell import JsonOption, command_errors, open_store, print_json
from dispatcher.commands.report_writing import (
    Counted,
    Format,
    PageFormat,
    check_output,
    draw,
    stream_to,
    write_call_list,
    write_page,
    write_report,
)

if TYPE_CHECKING:
    from datetime import date

    from config.settings import Settings
    from dispatcher.reports.cost import Prices

ALERT = "alert"


AlertArgument: TypeAlias = Annotated[
    str, typer.Argument(metavar="ALERT", help='The alert\'s number ("A-2611-0042"), or "latest".')
]
OutputOption: TypeAlias = Annotated[
    Path | None, typer.Option("--output", metavar="FILE", help="Write it to a new file, for you alone to read.")
]
ForceOption: TypeAlias = Annotated[bool, typer.Option("--force", help="Replace the file when it is there already.")]
PageOption: TypeAlias = Annotated[
    PageFormat, typer.Option("--format", help="How to write it; html and pdf in Norwegian, to be handed on.")
]


class _AlertUnlessNamed(TyperGroup):
    """`beredskap report A-2611-0042` is `beredskap report alert A-2611-0042`."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        return super().parse_args(ctx, args if args and args[0] in self.commands else [ALERT, *args])


app = typer.Typer(
    cls=_AlertUnlessNamed,
    help="What became of an alert; of two, beside each other; of a school's alerts since a day.",
    rich_markup_mode=None,
    add_completion=False,
)


@app.command(ALERT)
@command_errors(Right.SEE_ALERTS)
def report(
    alert: AlertArgument,
    output: Annotated[Format, typer.Option("--format", help="How to write it.")] = Format.TABLE,
    call_list: Annotated[
        bool,
        typer.Option("--call-list", help="The call list alone: all students, and whole phone numbers."),
    ] = False,
    breakdown: Annotated[
        bool,
        typer.Option("--breakdown", help="In json and csv, too: course over time, classes, slowest messages, cost."),
    ] = False,
    to: OutputOption = None,
    force: ForceOption = False,
    as_json: JsonOption = False,
) -> None:
    """What became of an alert: students with nobody reached first, then whom to call, then every figure.

    html and pdf are for people to read and print, in Norwegian, with the course of the alert, a table of the classes
    and what it cost. Phone numbers are masked in table, html and pdf, and whole in the call list and in json. csv holds
    the figures, or with --call-list the list. Of protected students no format says name, class or guardians.

    The word alert may be left out. Beside it: beredskap report compare, beredskap report school.

    Examples:

      beredskap report latest

      beredskap report A-2611-0042 --format pdf --output rapport.pdf

      beredskap report A-2611-0042 --call-list --format pdf --output ringeliste.pdf

      beredskap report A-2611-0042 --format csv --breakdown > tall.csv

      beredskap report latest --json
    """
    from config.errors import UsageError
    from config.logs import note_command
    from dispatcher.alerts.sight import find_alert_for
    from dispatcher.reports.classes import StudentsByClass, read_classes
    from dispatcher.reports.reduced import kept_figures, who_is_gone

    form = Format.JSON if as_json else output
    if breakdown and (call_list or form is Format.TABLE):
        raise UsageError(
            "--breakdown goes with json, csv, html and pdf, and not with --call-list.",
            unchanged="Nothing was written.",
            remedy="Leave it out.",
        )
    check_output(form, to, force)
    with open_store(need_keys=False) as store, store.database.read() as connection:
        found = find_alert_for(connection, alert, store.operator)
        note_command(store.settings, "report_read", alert=found.number)
        kept = kept_figures(connection, found.id)
        if kept is not None and call_list:
            raise who_is_gone(found.number, kept.reduced_at)
        classes = StudentsByClass(kept.classes, {}) if kept is not None else read_classes(connection, found.id)
        counted = Counted(
            connection,
            found.id,
            classes,
            prices=_prices(store.settings),
            with_breakdown=_needs_breakdown(form, breakdown, call_list),
            reduced=kept is not None,
        )
        if form is Format.TABLE:
            draw(counted, call_list, to, force)
        else:
            with stream_to(to, force) as stream:
                (write_call_list if call_list else write_report)(stream, form, counted)
    if to is not None:
        _say_written(to, form is Format.JSON, alert=found.number)


def _prices(settings: Settings) -> Prices:
    from config.set_aside import SetAside
    from dispatcher.reports.cost import Prices

    voice = settings.voice
    return Prices(settings.sms.price_per_segment, None if isinstance(voice, SetAside) else voice.price_per_call)


def _needs_breakdown(form: Format, asked: bool, call_list: bool) -> bool:
    return not call_list and (asked or form in (Format.HTML, Format.PDF))


def _say_written(file: Path, as_json: bool, **of: object) -> None:
    if as_json:
        print_json({**of, "file": file})
    else:
        typer.echo(f"Written: {file}. Only you can read it.")


@app.command()
@command_errors(Right.SEE_ALERTS)
def compare(
    alerts: Annotated[list[str], typer.Argument(metavar="ALERT ALERT…", help="Two to four alerts, by their numbers.")],
    output: PageOption = PageFormat.TABLE,
    to: OutputOption = None,
    force: ForceOption = False,
    as_json: JsonOption = False,
) -> None:
    """Alerts beside each other: how many students were reached, how many messages failed, and how fast it went.

    For drills over time. What is compared holds no persons.

    Examples:

      beredskap report compare A-2609-0003 A-2611-0001

      beredskap report compare A-2609-0003 latest --json

      beredskap report compare A-2609-0003 A-2611-0001 --format pdf --output sammenligning.pdf
    """
    from config.errors import UsageError
    from dispatcher.alerts.sight import find_alert_for
    from dispatcher.reports.comparing import as_json as compared
    from dispatcher.reports.comparing import print_comparison
    from dispatcher.reports.counting import report as count
    from dispatcher.reports.paper_drills import comparison_paper

    if not 2 <= len(alerts) <= 4:
        raise UsageError(
            "Two to four alerts can be compared.",
            unchanged="Nothing was counted.",
            remedy="beredskap alert list shows their numbers.",
        )
    form = PageFormat.JSON if as_json else output
    check_output(form, to, force)
    with open_store(need_keys=False) as store, store.database.read() as connection:
        found = [find_alert_for(connection, one, store.operator).id for one in alerts]
        reports = [count(connection, alert_id) for alert_id in found]
        paper = comparison_paper(reports, made_at=store.database.now())
    write_page(
        form, to, force, table=lambda page: print_comparison(page, reports), document=compared(reports), paper=paper
    )
    if to is not None:
        _say_written(to, form is PageFormat.JSON, alerts=[one.alert.number for one in reports])


@app.command()
@command_errors(Right.SEE_ALERTS)
def school(
    name: Annotated[str, typer.Argument(metavar="SCHOOL", help="Its name or ref.")],
    since: Annotated[
        str, typer.Option(metavar="DAY", help='From this day on: "2026-08-01". Default: the term\'s first.')
    ] = "",
    output: PageOption = PageFormat.TABLE,
    to: OutputOption = None,
    force: ForceOption = False,
    as_json: JsonOption = False,
) -> None:
    """A school's alerts since a day: which there were, when the last exercise was, and how many were reached in each.

    Counts are of the school's own students, in alerts that you may see. Figures only, no persons.

    Examples:

      beredskap report school "Eksempel vgs"

      beredskap report school "Eksempel vgs" --since 2026-08-01 --json

      beredskap report school "Eksempel vgs" --format pdf --output semester.pdf
    """
    from config.clock import oslo_date
    from contacts.own_schools import schools_to_look_at
    from dispatcher.reports.paper_drills import term_paper
    from dispatcher.reports.school_term import print_school_term, school_term, start_of_term

    day = _day(since) if since else None
    form = PageFormat.JSON if as_json else output
    check_output(form, to, force)
    with open_store(need_keys=False) as store:
        now = store.database.now()
        first = day or start_of_term(oslo_date(now))
        with store.database.read() as connection:
            (which,) = schools_to_look_at(connection, store.operator, name)
            term = school_term(connection, store.operator, which, first)
    write_page(
        form,
        to,
        force,
        table=lambda page: print_school_term(page, term),
        document=term.as_json(),
        paper=term_paper(term, made_at=now),
    )
    if to is not None:
        _say_written(to, form is PageFormat.JSON, school=term.school)


def _day(words: str) -> date:
    from datetime import date

    from config.errors import UsageError

    try:
        return date.fromisoformat(words)
    except ValueError:
        raise UsageError(
            "--since is not a day.", unchanged="Nothing was counted.", remedy='Write it as "2026-08-01".'
        ) from None
