"""`beredskap alert …`: see alerts, watch them, stop them, and give what failed a second chance."""

from __future__ import annotations

from contextlib import closing
from typing import TYPE_CHECKING, Annotated, Any, TypeAlias

import typer

from config.roles import Right
from config.shell import JsonOption, YesOption, command_errors, console, open_store, print_json
from dispatcher.commands.alert_cap import cap
from dispatcher.commands.alert_follow_up import all_clear, cancel, update
from dispatcher.commands.alert_reached import reached
from dispatcher.commands.alert_send import send

if TYPE_CHECKING:
    from dispatcher.tables import AnyRow

app = typer.Typer(help="Tell guardians, and see what became of it.", no_args_is_help=True)
app.command()(send)
app.command()(update)
app.command("all-clear")(all_clear)
app.command()(cancel)
app.command()(cap)
app.command()(reached)

AlertArgument: TypeAlias = Annotated[
    str, typer.Argument(metavar="ALERT", help='The alert\'s number ("A-2611-0042"), or "latest".')
]


@app.command("list")
@command_errors(Right.SEE_ALERTS)
def list_alerts(
    limit: Annotated[int, typer.Option(min=1, help="How many, the newest first.")] = 20, as_json: JsonOption = False
) -> None:
    """The alerts that were sent, the newest first.

    Example:

      beredskap alert list
    """
    from dispatcher.alerts.sight import alerts_for
    from dispatcher.alerts.thread import neighbours
    from dispatcher.reports.reduced import reduced_at
    from dispatcher.running.delivering import revive

    with open_store(need_keys=False) as store:
        revive(store.database)
        with store.database.read() as connection:
            rows = alerts_for(connection, store.operator, limit)
            reduced = reduced_at(connection, [row.id for row in rows])
            others = neighbours(connection, rows)
            alerts = [
                _facts(row) | _thread(*others[row.id]) | {"reduced_at": _oslo(reduced.get(row.id))} for row in rows
            ]
    if as_json:
        print_json({"alerts": alerts})
        return
    if not alerts:
        typer.echo("No alert has been sent from here.")
    for one in alerts:
        typer.echo(
            f"{one['number']}  {one['sent_at']}  {one['status'].value:8}  {one['state'].value:8}  "
            f"{one['scenario']:10}  {one['schools']}"
            f"{'  follows ' + one['refers_to'] if one['refers_to'] else ''}"
            f"{'  (reduced to figures)' if one['reduced_at'] else ''}"
        )


@app.command()
@command_errors(Right.SEE_ALERTS)
def show(alert: AlertArgument, as_json: JsonOption = False) -> None:
    """One alert: what was said to whom, by whom, and where it stands.

    Example:

      beredskap alert show latest
    """
    from sqlalchemy import select

    from dispatcher.alerts.sight import find_alert_for
    from dispatcher.alerts.thread import neighbours
    from dispatcher.reports.reduced import reduced_at
    from dispatcher.tables import ALERT_TEXT

    with open_store(need_keys=False) as store, store.database.read() as connection:
        row = find_alert_for(connection, alert, store.operator)
        texts = connection.execute(
            select(ALERT_TEXT).where(ALERT_TEXT.c.alert_id == row.id).order_by(ALERT_TEXT.c.language)
        ).all()
        facts = (
            _facts(row)
            | _thread(*neighbours(connection, [row])[row.id])
            | {
                "audience": row.audience,
                "students": row.student_count,
                "planned": row.cursor,
                "expires_at": row.expires_at,
                "break_glass": row.break_glass,
                "ask_confirmation": row.ask_confirmation,
                "reduced_at": _oslo(reduced_at(connection, [row.id]).get(row.id)),
                "texts": {text.language: {"sms": text.sms, "segments": text.segments} for text in texts},
            }
        )
    if as_json:
        print_json(facts)
        return
    typer.echo(f"{facts['number']}   {facts['status'].value}   {facts['state'].value}   {facts['scenario']}")
    typer.echo(f"{facts['schools']}: {facts['students']} students, {facts['planned']} planned")
    typer.echo(f"sent {facts['sent_at']} by {facts['operator']}, expires {_oslo(row.expires_at)}")
    for words, other in (("refers to", facts["refers_to"]), ("followed by", facts["followed_by"])):
        if other:
            typer.echo(f"{words} {other}")
    if row.break_glass:
        typer.echo(f"without the role for it (--break-glass): {row.break_glass}")
    if facts["reduced_at"]:
        typer.echo(f"reduced to figures {facts['reduced_at']}: who was told is no longer on record")
    for text in texts:
        typer.echo(f"\n{text.language}  {text.subject}\n    {text.sms}")


@app.command()
@command_errors(Right.SEE_ALERTS, interrupted="You left. The alert goes on.")
def watch(
    alert: AlertArgument = "latest",
    follow: Annotated[
        bool, typer.Option("--follow", help="With --json: a document a line at each change, until it has ended.")
    ] = False,
    as_json: JsonOption = False,
) -> None:
    """Watch an alert go out. Ctrl-C leaves; the alert goes on. With --json: one document as it stands now,
    with whole phone numbers of those to call.

    Examples:

      beredskap alert watch A-2611-0042

      beredskap alert watch latest --json

      beredskap alert watch latest --json --follow
    """
    from config.errors import UsageError
    from dispatcher.alerts.sight import find_alert_for
    from dispatcher.reports.reduced import reduced_at, who_is_gone
    from dispatcher.reports.watch_loop import watch as watch_alert
    from dispatcher.reports.watching import watch_figures, watch_students
    from dispatcher.running.delivering import revive

    if follow and not as_json:
        raise UsageError("--follow goes with --json.", remedy="Without both, alert watch follows the alert as a page.")
    with open_store(need_keys=False) as store:
        with store.database.read() as connection:
            found = find_alert_for(connection, alert, store.operator)
            alert_id = found.id
            if (since := reduced_at(connection, [alert_id]).get(alert_id)) is not None:
                raise who_is_gone(found.number, since)
        revive(store.database)
        if as_json and not follow:
            with store.database.read() as connection:
                print_json(
                    {"figures": watch_figures(connection, alert_id), "students": watch_students(connection, alert_id)}
                )
        else:
            watch_alert(store.database, alert_id, console(), as_json=as_json)


@app.command()
@command_errors(Right.STEER)
def stop(alert: AlertArgument, yes: YesOption = False, as_json: JsonOption = False) -> None:
    """Hold back what has not left. Those who were told already are not told of it: `alert cancel` tells them.

    Examples:

      beredskap alert stop A-2611-0042

      beredskap alert stop latest --yes
    """
    from config.audit import current_operator
    from config.logs import note_command
    from config.shell import confirm_typed
    from dispatcher.alerts.lifecycle import stop as stop_alert
    from dispatcher.alerts.sight import find_alert_for
    from dispatcher.alerts.thread import replaced_by
    from dispatcher.running.delivering import revive

    with open_store(need_keys=False) as store:
        with store.database.read() as connection:
            found = find_alert_for(connection, alert, store.operator)
            number, replaces = found.number, replaced_by(connection, found)
        if not yes:
            confirm_typed(f"Type stop to hold back {number}:", "stop", refused="Nothing was stopped.")
        with store.database.write() as connection:
            stopped = stop_alert(connection, number, current_operator())
        note_command(store.settings, "alert_stopped", alert=number, held_back=stopped.held_back)
        revive(store.database)
    if as_json:
        print_json(stopped)
        return
    if replaces:
        typer.echo(f"What had not left of {replaces} when {number} took its place stays held back, too.")
    if not stopped.held_back and not stopped.left:
        # It was stopped before its messages were made, or had none.
        typer.echo(f"{stopped.number} is stopped: nothing had left.")
        return
    typer.echo(f"{stopped.number} is stopped: {stopped.held_back} messages held back, {stopped.left} had left.")
    if stopped.left:
        typer.echo(f"Those who were told are in: beredskap report {stopped.number}")


@app.command("resend-failed")
@command_errors(Right.STEER)
def resend_failed(alert: AlertArgument, yes: YesOption = False, as_json: JsonOption = False) -> None:
    """Send once more what was refused or could not be delivered, while the alert lasts.

    Example:

      beredskap alert resend-failed A-2611-0042
    """
    from config.audit import current_operator
    from config.logs import note_command
    from config.shell import confirm_typed
    from dispatcher.alerts.lifecycle import resend_failed as resend
    from dispatcher.alerts.sight import find_alert_for
    from dispatcher.running.delivering import Delivering

    with open_store() as store:
        with store.database.read() as connection:
            number = find_alert_for(connection, alert, store.operator).number
        if not yes:
            confirm_typed(
                f"Type resend to send the failed messages of {number} again:", "resend", refused="Nothing was sent."
            )
        with closing(Delivering(store.settings)) as delivering:
            delivering.find_workers(store.database)
            delivering.check()
            with store.database.write() as connection:
                number, made = resend(connection, number, current_operator())
            delivering.ring()
        note_command(store.settings, "failed_sent_again", alert=number, messages=made)
    if as_json:
        print_json({"alert": number, "messages": made})
    else:
        typer.echo(f"{made} messages of {number} are sent again." if made else f"Nothing of {number} has failed.")


def _facts(row: AnyRow) -> dict[str, Any]:
    return {
        "number": row.number,
        "status": row.status,
        "state": row.state,
        "scenario": row.scenario,
        "schools": row.school_names,
        "operator": row.operator,
        "sent_at": _oslo(row.confirmed_at),
    }


def _thread(refers_to: str | None, followed_by: str | None) -> dict[str, str | None]:
    return {"refers_to": refers_to, "followed_by": followed_by}


def _oslo(moment: Any) -> str | None:
    from config.clock import OSLO

    return None if moment is None else f"{moment.astimezone(OSLO):%Y-%m-%d %H:%M:%S}"
