"""`beredskap contacts erase`: forget one person, previewed first."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from config.roles import Right
from config.shell import JsonOption, command_errors, console, open_store, print_json
from contacts.commands.importing import ApplyOption, DryRunOption
from dispatcher.commands.purge import REMAINS, check_options

if TYPE_CHECKING:
    from dispatcher.retention.erasing import Erasure


@command_errors(Right.CHANGE_CONTACTS)
def erase(
    person: Annotated[
        str, typer.Argument(metavar="PERSON", help='A student\'s ref ("2B-017", "S-17") or a guardian\'s ("G-17").')
    ],
    reason: Annotated[str, typer.Option(help="Why, such as a case number; kept on record. No names.")],
    even_though_in_attendance: Annotated[
        bool,
        typer.Option(
            "--even-though-in-attendance",
            help="A student who goes to school here, or a guardian of one. The next import may bring them back.",
        ),
    ] = False,
    apply: ApplyOption = False,
    dry_run: DryRunOption = False,
    as_json: JsonOption = False,
) -> None:
    """Erase a person: all that the contact store holds of them, and from alerts, which go on with a pseudonym.

    A preview comes first. The audit log keeps the person's ref, which leads to nobody then, and the reason. Not while
    an alert is about them.

    Exit statuses: 0 done, 2 nobody goes by that ref, or an alert is about them, 4 they are in attendance, 5 the
    question was not answered as asked.

    Examples:

      beredskap contacts erase G-17 --reason "request 2026/311" --dry-run

      beredskap contacts erase 2B-017 --reason "request 2026/311" --even-though-in-attendance
    """
    from config.audit import current_operator
    from config.clock import oslo_date
    from config.shell import confirm_typed
    from contacts.people import find_person
    from dispatcher.retention.erasing import check_attendance, look
    from dispatcher.retention.erasing import erase as erase_person
    from dispatcher.retention.purge import alert_under_way

    check_options(apply=apply, dry_run=dry_run, as_json=as_json)
    clean = None  # the file was not to be written anew
    with open_store(need_keys=False) as store:
        today = oslo_date(store.database.now())
        with store.database.read() as connection:
            found = look(connection, find_person(connection, person), today)
        if not as_json:
            _draw(found)
        if not dry_run:
            check_attendance(found, in_attendance_too=even_though_in_attendance)
            if not apply:
                confirm_typed(f"Type {found.person} to erase, anything else to stop:", found.person, unasked="--apply")
            with store.database.write() as connection:
                found = erase_person(
                    connection,
                    find_person(connection, person),
                    today=today,
                    operator=current_operator(),
                    reason=reason,
                    in_attendance_too=even_though_in_attendance,
                )
            with store.database.read() as connection:
                busy = alert_under_way(connection)
            clean = busy is None and store.database.overwrite_deleted()
    if as_json:
        print_json({**found.as_json(), "applied": not dry_run, "overwritten": clean})
    elif dry_run:
        typer.echo("Dry run: nothing was changed.")
    else:
        typer.echo(f"{found.person} is erased." if clean else f"{found.person} is erased. {REMAINS}")


def _draw(found: Erasure) -> None:
    from dispatcher.commands.kinds import draw_kinds

    out = console()
    out.print(f"[bold]Erase[/bold]   {found.person}")
    draw_kinds(out, [(found.alerts, "alerts that go on with a pseudonym")] if found.alerts else [], found.rows)
    if found.attends:
        out.print("A student in attendance: nobody can be told about them then.")
    if found.guards:
        out.print(f"A guardian of {found.guards} in attendance, who cannot be told about them then.")
    if found.in_attendance:
        out.print("The next import brings them back as long as a register tells of them.")
    if found.blocks:
        out.print(f"Blocks in force: {found.blocks}. They go as well, and hold no more should the person come back.")
