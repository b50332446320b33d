"""The command `beredskap`: mounts each room's commands, and holds no logic.

Command modules import nothing heavy at their top, so that `beredskap --help` answers at once.
"""

from __future__ import annotations

import gc

import typer

from config.errors import ExitStatus
from contacts.commands import imports, people, sync
from dispatcher.commands import (
    alert,
    answers,
    audit,
    audit_log,
    bounces,
    card,
    doctor,
    drill,
    erase,
    export,
    init,
    operators,
    purge,
    remind,
    report,
    self_test,
    turning_18,
    verify,
    worker,
)
from portal import commands as web
from providers.sandbox import command as sandbox

_STATUSES = "\n".join(
    f"  {status.value:3}  {words}\n"
    for status, words in (
        (ExitStatus.OK, "done"),
        (ExitStatus.FAILED, "something is wrong and a person must look"),
        (ExitStatus.UNUSABLE, "the command line, the settings or a whole file cannot be used; nothing was changed"),
        (ExitStatus.PARTLY, "done, but some records were refused; they are listed"),
        (ExitStatus.REFUSED, "stopped by a safety limit that an option can lift; nothing was changed"),
        (ExitStatus.NOT_CONFIRMED, "the question was not answered as asked; nothing was changed"),
        (ExitStatus.NOT_PERMITTED, "the operator's role does not allow it; nothing was changed, and it is on record"),
        (ExitStatus.INTERRUPTED, "Ctrl-C"),
    )
)

app = typer.Typer(
    name="beredskap",
    help="Tell the guardians of a school's students, within seconds, and see who was not reached.\n\n"
    f"Exit statuses (beredskap doctor has its own: 0 well, 1 warnings, 2 failures):\n\n\b\n{_STATUSES}",
    no_args_is_help=True,
    rich_markup_mode=None,
    add_completion=False,
    pretty_exceptions_enable=False,
)

people.app.command("verify")(verify.verify)
people.app.command("turning-18")(turning_18.turning_18)
people.app.command("purge")(purge.purge)
people.app.command("erase")(erase.erase)
people.app.command("export")(export.export)
app.add_typer(alert.app, name="alert")
app.add_typer(answers.app, name="answers")
app.add_typer(bounces.app, name="bounces")
app.add_typer(report.app, name="report")
app.command()(card.card)
app.add_typer(people.app, name="contacts")
app.add_typer(imports.app, name="import")
app.add_typer(remind.app, name="remind")
app.add_typer(sync.app, name="sync")
app.command()(init.init)
app.command()(doctor.doctor)
app.command()(audit.audit)
app.command("self-test")(self_test.self_test)
app.add_typer(drill.app, name="drill")
app.add_typer(audit_log.app, name="audit-log")
app.add_typer(operators.app, name="operator")
app.command()(worker.worker)
app.command()(worker.scheduler)
app.command()(web.run)
app.command()(web.web)
app.command()(sandbox.sandbox)
app.command(hidden=True)(worker.drain)


def main() -> None:
    # Most objects made while modules are imported live as long as the process: looking through them again and again
    # for garbage is a tenth of a command's start.
    gc.set_threshold(100_000, 20, 100)
    app()


if __name__ == "__main__":
    main()
