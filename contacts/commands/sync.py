"""`beredskap sync`: ask the public registers, and take in what they answer."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from config.roles import Right
from config.shell import JsonOption, command_errors

if TYPE_CHECKING:
    from config.shell import KeyedStore
    from contacts.imports.plan import Plan
    from contacts.registers.events import EventsRead
    from contacts.registers.sync import Result, Round

app = typer.Typer(
    name="sync",
    help="Ask the public registers, and take in what they answer. Scheduler and run do it by themselves, each night.",
    no_args_is_help=True,
    rich_markup_mode=None,
)

DryRunOption = Annotated[bool, typer.Option("--dry-run", help="Ask, show the preview, and change nothing.")]
AllowEndingOption = Annotated[
    int | None,
    typer.Option(
        "--allow-ending",
        min=0,
        metavar="N",
        help="Let the answers end up to N addresses or guardianships, even when they are more than 5 % of all.",
    ),
]


@app.command("krr")
@command_errors(Right.IMPORT, interrupted="Stopped. Nothing is half-entered; what was applied before stays.")
def krr(
    dry_run: DryRunOption = False,
    allow_ending: AllowEndingOption = None,
    as_json: JsonOption = False,
) -> None:
    """Ask the contact register about the guardians who may be told today: phone, e-mail, language.

    Applied without a question, as import krr with --apply. When it would end more than 5 % of the register's
    addresses (and more than 20), it stops with status 4 until --allow-ending says how many are right.

    Exit statuses: 0 done, 1 the register cannot be asked (nothing was changed), 2 settings are missing, 3 done, but
    some answers were refused, 4 too much would end.

    Examples:

      beredskap sync krr --dry-run

      beredskap sync krr --json
    """
    from config.set_aside import usable
    from contacts.registers.calls import LiveRegister
    from contacts.registers.register import KRR
    from contacts.registers.sync import sync_krr

    with _opened() as store:
        one = _round(store, dry_run=dry_run, allow_ending=allow_ending, as_json=as_json)
        _tell(sync_krr(one, LiveRegister(KRR, usable(store.settings.krr))), dry_run=dry_run, as_json=as_json)


@app.command("freg")
@command_errors(Right.IMPORT, interrupted="Stopped. Nothing is half-entered; what was applied before stays.")
def freg(
    dry_run: DryRunOption = False,
    events: Annotated[
        bool, typer.Option("--events", help="Only what has happened since the last time, to people of the store.")
    ] = False,
    allow_ending: AllowEndingOption = None,
    as_json: JsonOption = False,
) -> None:
    """Ask the population register about students under 18 and their guardians: custody, protection, names, deaths.

    Students of 18 and more, and their guardians, are not asked about. Applied without a question, as import freg with
    --apply. When it would end more than 5 % of the register's guardianships (and more than 20), it stops with status 4
    until --allow-ending says how many are right.

    Exit statuses: 0 done, 1 the register cannot be asked (nothing was changed), 2 settings are missing, 3 done, but
    some documents were refused, 4 too much would end.

    Examples:

      beredskap sync freg --dry-run

      beredskap sync freg --events
    """
    from config.errors import UsageError
    from config.set_aside import usable
    from contacts.registers.calls import LiveRegister
    from contacts.registers.events import read_events
    from contacts.registers.register import FREG
    from contacts.registers.sync import sync_freg

    if events and dry_run:
        raise UsageError("--events and --dry-run cannot both be given.", remedy="Choose one of them.")
    with _opened() as store:
        live = LiveRegister(FREG, usable(store.settings.freg))
        one = _round(store, dry_run=dry_run, allow_ending=allow_ending, as_json=as_json)
        if events:
            _tell_events(read_events(one, live), as_json=as_json)
        else:
            _tell(sync_freg(one, live), dry_run=dry_run, as_json=as_json)


def _opened() -> KeyedStore:
    from config.shell import open_store

    return open_store()


def _round(store: KeyedStore, *, dry_run: bool, allow_ending: int | None, as_json: bool) -> Round:
    from config.audit import current_operator
    from config.set_aside import usable
    from contacts.commands.import_preview import draw
    from contacts.registers.sync import Round

    def show(plan: Plan) -> None:
        if not as_json:
            draw(plan)

    return Round(
        store.database,
        store.keys,
        current_operator(),
        trusted_sources=store.settings.organisation.trusted_sources,
        postal_addresses=usable(store.settings.reminders).takes_postal_addresses,
        dry_run=dry_run,
        allow_ending=allow_ending,
        show=show,
    )


def _tell(result: Result, *, dry_run: bool, as_json: bool) -> None:
    from config.errors import ExitStatus
    from config.shell import print_json

    if as_json:
        print_json(_as_json(result))
    elif result.applied:
        typer.echo("Applied.")
    elif dry_run and result.plan.changes:
        typer.echo("Dry run: nothing was changed.")
    else:
        typer.echo("Nothing to change: the store already says what the register says.")
    if result.plan.exit_status is not ExitStatus.OK:
        raise typer.Exit(int(result.plan.exit_status))


def _tell_events(read: EventsRead, *, as_json: bool) -> None:
    from config.errors import ExitStatus
    from config.shell import print_json
    from contacts.imports.records import shown

    if as_json:
        print_json({"events": read.events, "rounds": [_as_json(result) for result in read.results]})
    else:
        asked = sum(result.asked for result in read.results)
        typer.echo(f"Events read: {shown(read.events)}. Asked about: {shown(asked)}.")
    if any(result.plan.exit_status is not ExitStatus.OK for result in read.results):
        raise typer.Exit(int(ExitStatus.PARTLY))


def _as_json(result: Result) -> dict[str, object]:
    return {**result.plan.as_json(), "asked": result.asked, "applied": result.applied}
