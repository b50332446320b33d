"""`beredskap answers`: what guardians answered to SMS."""

from __future__ import annotations

from typing import Annotated

import typer

from config.roles import Right
from config.shell import JsonOption, command_errors, open_store, print_json

app = typer.Typer(
    name="answers",
    help="What guardians answered to SMS. Only senders that are a number can be answered.",
    no_args_is_help=True,
    rich_markup_mode=None,
)


@app.command("list")
@command_errors(Right.SEE_ALERTS)
def list_answers(
    alert: Annotated[
        str | None, typer.Option(metavar="ALERT", help='Those to one alert: its number ("A-2611-0042"), or "latest".')
    ] = None,
    unmatched: Annotated[
        bool, typer.Option("--unmatched", help="Those alone that no rule understands: a person must read them.")
    ] = False,
    limit: Annotated[int, typer.Option(min=1, help="How many, the newest first.")] = 100,
    as_json: JsonOption = False,
) -> None:
    """The answers, the newest first: from which number (masked), whose it is by ref, and what they wrote.

    An answer belongs to the newest alert that was sent to the number within a day before it. Whoever may not see every
    alert gives --alert.

    Examples:

      beredskap answers list --unmatched

      beredskap answers list --alert latest --json
    """
    from config.roles import Reach
    from dispatcher.alerts.sight import find_alert_for
    from dispatcher.answers import listing
    from dispatcher.reports.words import oslo_day_time

    with open_store(need_keys=False) as store, store.database.read() as connection:
        if alert is None and store.operator.reach is not Reach.EVERYTHING:
            store.operator.refuse("Answers to the alerts of all schools are not yours to read: give --alert.")
        alert_id = None if alert is None else find_alert_for(connection, alert, store.operator).id
        found = listing.list_answers(connection, alert_id=alert_id, unmatched=unmatched, limit=limit)
    if as_json:
        print_json({"answers": found})
        return
    if not found:
        typer.echo("No answers.")
    for one in found:
        whose = ", ".join(one.guardians) or "nobody in the store"
        about = f"   {one.alert}" if one.alert else ""
        typer.echo(f"{oslo_day_time(one.received_at)}   {one.number}   {whose}   {one.kind.value}{about}")
        if one.text:
            typer.echo(f"    {one.text}")
