"""`beredskap report`: what became of an alert, the students whom nobody was reached for first."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated

import typer

from config.roles import Right
from config.shell import JsonOption, command_errors, console, open_store


class Format(StrEnum):
    TABLE = "table"
    JSON = "json"
    CSV = "csv"


@command_errors(Right.SEE_ALERTS)
def report(
    alert: Annotated[str, typer.Argument(metavar="ALERT", help='The alert\'s number ("A-2611-0042"), or "latest".')],
    output: Annotated[Format, typer.Option("--format", help="How to print it.")] = Format.TABLE,
    call_list: Annotated[
        bool,
        typer.Option("--call-list", help="The call list alone: all students, and whole phone numbers."),
    ] = False,
    as_json: JsonOption = False,
) -> None:
    """What became of an alert: students with nobody reached first, then whom to call, then every figure.

    Phone numbers are masked in the table, and whole in the call list, which is printed to standard output alone. JSON
    holds both; CSV holds the figures, or with --call-list the list.

    Examples:

      beredskap report latest

      beredskap report A-2611-0042 --call-list

      beredskap report A-2611-0042 --call-list --format csv > call.csv

      beredskap report latest --json
    """
    import sys

    from config.logs import note_command
    from dispatcher.alerts.sight import find_alert_for
    from dispatcher.reports import report_files, report_page
    from dispatcher.reports.call_list import call_list as students_to_call
    from dispatcher.reports.classes import StudentsByClass, read_classes
    from dispatcher.reports.counting import alert_head
    from dispatcher.reports.counting import report as count
    from dispatcher.reports.reduced import kept_figures, who_is_gone

    with open_store(need_keys=False) as store, store.database.read() as connection:
        found = find_alert_for(connection, alert, store.operator)
        alert_id = found.id
        note_command(store.settings, "report_read", alert=found.number)
        kept = kept_figures(connection, alert_id)
        if kept is not None and call_list:
            raise who_is_gone(found.number, kept.reduced_at)
        classes = StudentsByClass(kept.classes, {}) if kept is not None else read_classes(connection, alert_id)
        students = students_to_call(connection, alert_id, classes)
        match Format.JSON if as_json else output, call_list:
            case Format.JSON, True:
                report_files.write_call_list_json(sys.stdout, alert_head(connection, alert_id), students)
            case Format.JSON, False:
                report_files.write_report_json(sys.stdout, count(connection, alert_id, classes.counts), students)
            case Format.CSV, True:
                report_files.write_call_list_csv(sys.stdout, students)
            case Format.CSV, False:
                report_files.write_figures_csv(sys.stdout, count(connection, alert_id, classes.counts))
            case _, True:
                head = alert_head(connection, alert_id)
                report_page.print_call_page(console(), head, classes.counts, students)
            case _:
                figures = count(connection, alert_id, classes.counts)
                first = students_to_call(connection, alert_id, classes, limit=report_page.SHOWN)
                report_page.print_report(console(), figures, list(first))
