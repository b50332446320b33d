"""`beredskap card`: the leader's page for the wall."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from config.roles import Right
from config.shell import JsonOption, command_errors, open_store, print_json


@command_errors(Right.RUN)
def card(
    school: Annotated[str, typer.Argument(metavar="SCHOOL", help="The school's name or ref.")],
    to: Annotated[
        Path | None, typer.Option("--output", metavar="FILE", help="A new PDF file; else standard output.")
    ] = None,
    force: Annotated[bool, typer.Option("--force", help="Replace the file when it is there already.")] = False,
    as_json: JsonOption = False,
) -> None:
    """The leader's card, one A4 page in Norwegian: what to type for each scenario of this school, what the preview
    means, what to do afterwards, and whom to call when it fails (setting card.call).

    It holds no persons. Print it anew when settings or messages change. With --json, what stands on it.

    Examples:

      beredskap card "Eksempel vgs" --output tiltakskort.pdf

      beredskap card "Eksempel vgs" --output tiltakskort.pdf --force
    """
    import sys

    from config.catalogue import load_catalogue
    from config.clock import oslo_date
    from config.errors import UsageError
    from config.new_file import check_free, new_file
    from config.set_aside import usable
    from contacts.audience_names import find_school
    from dispatcher.alerts.card import card_of, card_paper
    from dispatcher.commands.report_writing import FORCE
    from dispatcher.paper.pdf import as_pdf

    if to is not None:
        check_free(to, replace=force, remedy=FORCE)
    elif not as_json and sys.stdout.isatty():
        raise UsageError(
            "A PDF file is not for the terminal.", unchanged="Nothing was written.", remedy="Name a file with --output."
        )
    with open_store(need_keys=False) as store:
        settings = store.settings
        extra = settings.organisation.messages_dir
        with store.database.read() as connection:
            name = find_school(connection, school).name
        made = card_of(
            name,
            load_catalogue(Path(extra) if extra else None).scenarios(),
            usable(settings.card).call,
            settings.dispatch.hold_seconds,
            oslo_date(store.database.now()),
        )
    if to is not None:
        with new_file(to, replace=force, remedy=FORCE) as stream:
            stream.write(as_pdf(card_paper(made), one_page=True))
    if as_json:
        print_json(made)
    elif to is not None:
        typer.echo(f"Written: {to}.")
    else:
        sys.stdout.flush()
        sys.stdout.buffer.write(as_pdf(card_paper(made), one_page=True))
