"""`beredskap contacts purge`: forget by policy, previewed first."""

from __future__ import annotations

from typing import TYPE_CHECKING

import typer

from config.roles import Right
from config.shell import JsonOption, command_errors, console, open_store, print_json
from contacts.commands.importing import ApplyOption, DryRunOption

if TYPE_CHECKING:
    from config.spare_sections import RetentionSettings
    from dispatcher.retention.purge import Limits, Purge

_GOES_ON = "Stopped. What was forgotten stays forgotten; run it again to go on."
REMAINS = (
    "The database file could not be written anew just now: remains of what was deleted may stand in it. "
    "Run beredskap contacts purge --apply when no alert is under way and nothing else is running."
)


@command_errors(Right.CHANGE_CONTACTS, interrupted=_GOES_ON)
def purge(apply: ApplyOption = False, dry_run: DryRunOption = False, as_json: JsonOption = False) -> None:
    """Forget what the settings ([retention]) do not let you keep: students who left, guardians without students, and
    who was told by old alerts, of which the figures stay. A preview comes first.

    In small steps, none of which is made while an alert is under way.

    Exit statuses: 0 done, 2 an alert is under way or the settings cannot be used (nothing was changed), 3 stopped
    halfway because an alert began: run it again, 5 the question was not answered as asked.

    Examples:

      beredskap contacts purge

      beredskap contacts purge --dry-run --json

      beredskap contacts purge --apply
    """
    from config.audit import current_operator
    from config.clock import oslo_date
    from config.errors import ExitStatus, UsageError
    from config.set_aside import usable
    from config.shell import confirm_typed
    from dispatcher.retention.purge import Limits, alert_under_way, preview
    from dispatcher.retention.purge import purge as run

    check_options(apply=apply, dry_run=dry_run, as_json=as_json)
    with open_store(need_keys=False) as store:
        policy = usable(store.settings.retention)
        limits = Limits.on(oslo_date(store.database.now()), policy)
        with store.database.read() as connection:
            found = preview(connection, limits)
            busy = alert_under_way(connection)
        if not as_json:
            _draw(found, limits, policy)
        # None: the file was not to be written anew.
        done, clean = None, None
        if apply and not found.anything and busy is None:
            # An erasure beside an alert may have left something to overwrite.
            clean = store.database.overwrite_deleted()
        elif found.anything and not dry_run:
            if busy is not None:
                raise UsageError(
                    f"Alert {busy} is under way: nothing is forgotten beside it.",
                    remedy="Run the command again when it has ended (beredskap alert list).",
                )
            if not apply:
                confirm_typed("Type yes to forget all of it, anything else to stop:", "yes", unasked="--apply")
            done = run(store.database, limits, operator=current_operator())
            clean = None if done.waits_for is not None else store.database.overwrite_deleted()
    if as_json:
        outcome = {"done": None if done is None else done.as_json(), "overwritten": clean}
        print_json({"policy": policy.model_dump(), "preview": found.as_json(), "applied": done is not None, **outcome})
    elif done is None:
        typer.echo("Dry run: nothing was changed." if found.anything else "Nothing is to be forgotten.")
        if clean is False:
            typer.echo(REMAINS)
    elif done.waits_for is None:
        typer.echo("Done." if clean else f"Done. {REMAINS}")
    if done is not None and done.waits_for is not None:
        if not as_json:
            typer.echo(f"Stopped halfway for alert {done.waits_for}: run the command again when it has ended.")
        raise typer.Exit(int(ExitStatus.PARTLY))


def check_options(*, apply: bool, dry_run: bool, as_json: bool) -> None:
    """Raises UsageError for options that cannot be given together."""
    from config.errors import UsageError

    if apply and dry_run:
        raise UsageError("--apply and --dry-run cannot both be given.", remedy="Choose one of them.")
    if as_json and not (apply or dry_run):
        raise UsageError("--json asks no questions.", remedy="Give --apply or --dry-run with it.")


def _draw(found: Purge, limits: Limits, policy: RetentionSettings) -> None:
    from dispatcher.commands.kinds import draw_kinds

    leaving = limits.leaving
    out = console()
    out.print("[bold]Purge[/bold]   by the policy in the settings (retention)")
    lines = [
        (found.students, f"students who left {policy.students_months} months ago or more ({leaving.students_before})"),
        (
            found.guardians,
            f"guardians without a student for {policy.guardians_months} months ({leaving.guardians_before})",
        ),
        (
            found.alerts,
            f"alerts that ended before {limits.alerts_day} ({policy.alerts_months} months): figures stay",
        ),
    ]
    draw_kinds(out, lines, found.rows)
