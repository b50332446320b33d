"""`beredskap audit-log`: who did what to whom, and whether the log still is what was written."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from config.roles import Right
from config.shell import JsonOption, command_errors, open_store, print_json
from contacts.commands.performing import DAY, Day

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from config.audit_chain import Entry

_MOST_SHOWN = 100_000

app = typer.Typer(
    name="audit-log",
    help="Who did what to whom: one entry an act, never changed, each chained to the one before.",
    no_args_is_help=True,
    rich_markup_mode=None,
)


@app.command("show")
@command_errors(Right.SEE_LOG)
def show(
    since: Annotated[Day | None, typer.Option(formats=DAY, help="The first day, in Oslo.")] = None,
    until: Annotated[Day | None, typer.Option(formats=DAY, help="The last day, in Oslo.")] = None,
    act: Annotated[
        str | None, typer.Option(help='One act ("alert.send"), or all of a kind ("alert", "student", "consent").')
    ] = None,
    operator: Annotated[str | None, typer.Option(help="Only what this operator did.")] = None,
    limit: Annotated[int, typer.Option(min=1, max=_MOST_SHOWN, help="How many, the newest first.")] = 50,
    as_json: JsonOption = False,
) -> None:
    """What was done, the newest first, one line an act: when (in Oslo), by whom, what, to whom, and its details.

    Examples:

      beredskap audit-log show

      beredskap audit-log show --act student.release --since 2026-08-01 --until 2026-11-30

      beredskap audit-log show --operator k.leder --limit 500 --json
    """
    from config.audit_chain import UnreadableEntryError
    from config.audit_reading import Wanted, newest_entries
    from config.errors import BeredskapError

    wanted = Wanted(since=_midnight(since), before=_midnight(until, days=1), act=act, operator=operator)
    with open_store(need_keys=False) as store, store.database.read() as connection:
        try:
            entries = newest_entries(connection, wanted, limit)
        except UnreadableEntryError:
            raise BeredskapError(
                "An entry of the audit log cannot be read: it was changed after it was written.",
                remedy="beredskap audit-log verify names it.",
            ) from None
    if as_json:
        print_json({"entries": entries})
        return
    for entry in entries:
        typer.echo(_line(entry))
    if not entries:
        typer.echo("No entry of the audit log is like that.")


@app.command("verify")
@command_errors(Right.RUN)
def verify(
    expect: Annotated[
        str | None,
        typer.Option(metavar="HASH", help="A head that was noted earlier: an entry must still have it."),
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Check that no entry of the log was changed, taken out, put in or put elsewhere. Needs no key file.

    Note the head it prints in another place than the database: whoever holds the database's password can write the
    whole log anew, and only a head that they cannot reach (--expect) tells.

    Exit status: 0 every entry fits; 1 one does not, and it is named; 2 --expect is no hash.

    Examples:

      beredskap audit-log verify

      beredskap audit-log verify --expect 5a0c…e1 --json
    """
    from config.audit_reading import verify_log
    from config.errors import ExitStatus

    noted = None if expect is None else _hash(expect)
    with open_store(need_keys=False) as store, store.database.read() as connection:
        found = verify_log(connection, noted)
    status = ExitStatus.OK if found.fault is None else ExitStatus.FAILED
    if as_json:
        print_json({"entries": found.entries, "head": found.head, "fault": found.fault, "exit_status": int(status)})
    elif found.fault is None:
        typer.echo(f"The audit log is whole: {found.entries} {'entry' if found.entries == 1 else 'entries'}.")
        typer.echo(f"Head, to note elsewhere: {found.head}")
    else:
        typer.echo(found.fault.what)
        typer.echo(
            f"The {found.entries} before it fit."
            if found.fault.number is not None
            else f"The {found.entries} that there are follow on each other. Their head: {found.head}"
        )
        typer.echo("Find out who could write to the database; an earlier backup shows what stood there.")
    raise typer.Exit(int(status))


def _midnight(day: Day | None, days: int = 0) -> datetime | None:
    """When the day begins in Oslo, or one so many days later."""
    from datetime import timedelta

    from config.clock import oslo_midnight
    from config.errors import UsageError

    try:
        return oslo_midnight(day.date() + timedelta(days=days)) if day else None
    except OverflowError:
        raise UsageError(
            "There are no entries so far away in time: --since and --until take days of our time.",
            unchanged="Nothing was shown.",
            remedy="Give a day such as 2026-08-20.",
        ) from None


def _hash(typed: str) -> str:
    from config.audit_chain import is_hash
    from config.errors import UsageError

    noted = typed.strip().lower()
    if not is_hash(noted):
        raise UsageError(
            "--expect takes the hash of a head: 64 digits and letters from a to f.",
            unchanged="Nothing was checked.",
            remedy="Give it as beredskap audit-log verify printed it.",
        )
    return noted


def _line(entry: Entry) -> str:
    from config.clock import OSLO

    when = entry.at.astimezone(OSLO).strftime("%Y-%m-%d %H:%M:%S")
    parts = (when, entry.operator, entry.act, entry.subject, _details(entry.details))
    return "  ".join(_printable(part) for part in parts if part)


def _details(details: Mapping[str, object]) -> str:
    return ", ".join(f"{name}: {value}" for name, value in details.items() if value is not None)


def _printable(text: str) -> str:
    """Reasons are free text: whatever would break the line, or tell the terminal something, is shown as a mark."""
    return "".join(letter if letter.isprintable() else "�" for letter in text)
