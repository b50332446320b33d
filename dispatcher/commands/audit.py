"""`beredskap audit`: has everything moved that should have, and do the books agree?"""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from config.errors import ExitStatus
from config.roles import Right
from config.shell import JsonOption, command_errors

if TYPE_CHECKING:
    from dispatcher.auditing.findings import Audit


@command_errors(Right.RUN)
def audit(
    alert: Annotated[
        str | None,
        typer.Option(metavar="ALERT", help='This alert alone, however old or large: its number, or "latest".'),
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Check independently that what should have moved has moved, and that the books of each alert agree.

    Looks at the alerts that have not ended, or have within the last day; reads only. It may run every minute beside
    an alert of any size: the books of a large one are counted only when it is named.

    Exit status: 0 nothing is wrong (notes do not count); 1 something was found, and a person must look.

    Examples:

      beredskap audit

      beredskap audit --alert A-2611-0042

      beredskap audit --json
    """
    from config.set_aside import usable
    from config.shell import open_store, print_json
    from dispatcher.alerts.lifecycle import find_alert
    from dispatcher.auditing.audit import audit as look

    with open_store(need_keys=False) as store:
        number = None
        if alert is not None:
            with store.database.read() as connection:
                number = find_alert(connection, alert).number
        result = look(store.database, usable(store.settings.audit).grace_seconds, number=number)
    status = ExitStatus.OK if result.content else ExitStatus.FAILED
    if as_json:
        found = {"alerts": result.alerts, "findings": result.findings, "notes": result.notes}
        print_json({**found, "exit_status": int(status)})
    else:
        _show(result)
    raise typer.Exit(int(status))


def _show(result: Audit) -> None:
    import textwrap

    from rich.text import Text

    from config.shell import console
    from dispatcher.auditing.findings import several

    screen = console()
    for word, style, found in (("found", "bold red", result.findings), ("note", "yellow", result.notes)):
        for one in found:
            screen.print(Text(f"{word:<6} {one.alert or 'routine messages'}  {one.code.value}", style), soft_wrap=True)
            for line in textwrap.wrap(f"{one.what} {one.remedy}", screen.width - 7):
                screen.print(Text(f"{'':7}{line}"), soft_wrap=True)
    looked = several(len(result.alerts), "alert", "alerts")
    if result.content:
        screen.print(f"Nothing is wrong. Looked at {looked}.")
    else:
        screen.print(f"{several(len(result.findings), 'thing is', 'things are')} wrong. Looked at {looked}.")
