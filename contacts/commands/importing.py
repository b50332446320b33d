"""The one way of every `beredskap import`: preview, question, apply."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import date

    from contacts.imports.records import Reading

PathsArgument = Annotated[list[Path], typer.Argument(help="The files.", show_default=False)]
ApplyOption = Annotated[bool, typer.Option("--apply", help="Apply without asking; for scripts.")]
DryRunOption = Annotated[bool, typer.Option("--dry-run", help="Show the preview, and change nothing.")]
AllowEndingOption = Annotated[
    int | None,
    typer.Option(
        "--allow-ending",
        min=0,
        metavar="N",
        help="Let a full export end up to N guardianships, even when they are more than 5 % of its source's.",
    ),
]


def run_import(
    paths: list[Path],
    open_reading: Callable[[tuple[Path, ...], date], Reading],
    *,
    apply: bool,
    dry_run: bool,
    as_json: bool,
    allow_ending: int | None,
) -> None:
    """Preview, question, apply: the same for every format. `open_reading`: of these files, on this day in Oslo."""
    from config.audit import current_operator
    from config.clock import oslo_date
    from config.errors import ExitStatus, UsageError
    from config.set_aside import usable
    from config.shell import confirm_typed, open_store, print_json
    from contacts.commands.import_preview import draw, progress
    from contacts.imports.digest import digest_of
    from contacts.imports.staged_import import stage

    if apply and dry_run:
        raise UsageError("--apply and --dry-run cannot both be given.", remedy="Choose one of them.")
    if as_json and not (apply or dry_run):
        raise UsageError("--json asks no questions.", remedy="Give --apply or --dry-run with it.")
    files = tuple(paths)
    for path in files:
        if not path.exists():
            raise UsageError(f"Import stopped: {path} does not exist.", remedy="Check the path.")
    with open_store() as store:
        reading = open_reading(files, oslo_date(store.database.now()))
        trusted = store.settings.organisation.trusted_sources
        with (
            progress(quiet=as_json) as tick,
            stage(
                store.database,
                store.keys,
                reading,
                trusted_sources=trusted,
                own_addresses=usable(store.settings.coming_of_age).ask,
                postal_addresses=usable(store.settings.reminders).takes_postal_addresses,
                progress=tick,
                digest=lambda: digest_of(files),
            ) as staged,
        ):
            tick.done()
            plan = staged.preview()
            if not as_json:
                draw(plan)
            plan.check_endings(allow_ending)
            applied = False
            if plan.changes and not dry_run:
                if not apply:
                    confirm_typed("Type yes to apply, anything else to stop:", "yes", unasked="--apply")
                plan = staged.apply(operator=current_operator(), allow_ending=allow_ending, expected=plan)
                applied = True
    if as_json:
        print_json({**plan.as_json(), "applied": applied})
    elif applied:
        typer.echo("Applied.")
    elif not plan.changes:
        typer.echo("Nothing to change: the store already says what the files say.")
    else:
        typer.echo("Dry run: nothing was changed.")
    if plan.exit_status is not ExitStatus.OK:
        raise typer.Exit(int(plan.exit_status))
