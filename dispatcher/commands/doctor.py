"""`beredskap doctor`: is everything there that an alert needs?"""

from __future__ import annotations

from typing import TYPE_CHECKING

import typer

from config.roles import Right
from config.shell import JsonOption, command_errors

if TYPE_CHECKING:
    from dispatcher.running.doctor import Diagnosis


@command_errors(Right.RUN, interrupted="Stopped. Nothing was changed.")
def doctor(as_json: JsonOption = False) -> None:
    """Check everything that an alert needs, one line a check, with what to do under each that is not ok.

    Sends nothing. In an embedded installation it takes up messages that a machine which died has left unsent.

    Exit status: 0 all is well; 1 something deserves a look (warn); 2 something is broken (fail).

    Examples:

      beredskap doctor

      beredskap doctor --json
    """
    from config.shell import print_json
    from dispatcher.running.doctor import examine

    diagnosis = examine()
    if diagnosis.unattended:
        from dispatcher.running.drainer_process import start_drainer

        start_drainer().close()
    if as_json:
        print_json({"checks": diagnosis.results, "exit_status": diagnosis.exit_status})
    else:
        _show(diagnosis)
    raise typer.Exit(diagnosis.exit_status)


def _show(diagnosis: Diagnosis) -> None:
    import textwrap

    from rich.text import Text

    from config.shell import console

    styles = {"ok": "green", "warn": "yellow", "fail": "bold red"}
    screen = console()
    margin = " " * 24
    for result in diagnosis.results:
        what = textwrap.wrap(result.what, screen.width - len(margin)) or [""]
        line = Text(f"{result.status.value:<5}", styles[result.status.value])
        screen.print(line.append(f" {result.name.value:<18}{what[0]}", "not bold default"), soft_wrap=True)
        rest = what[1:]
        if result.remedy:
            rest += textwrap.wrap(result.remedy, screen.width - len(margin) - 2, initial_indent="→ ")
        for more in rest:
            screen.print(Text(margin + more), soft_wrap=True)
