"""How every recorded act on the contact store runs: one transaction, today in Oslo, the operator, and the answer."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, datetime
from typing import TYPE_CHECKING, Annotated, TypeAlias

import typer

from config.shell import open_store, print_json

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from contacts.acts import Act

StudentArgument: TypeAlias = Annotated[str, typer.Argument(metavar="STUDENT", help='The school\'s ref ("2B-017").')]
GuardianArgument: TypeAlias = Annotated[str, typer.Argument(metavar="GUARDIAN", help='The guardian\'s ref ("G-17").')]
# A day, as typer reads one.
Day: TypeAlias = datetime
DAY = ["%Y-%m-%d"]


def perform(act: Callable[[Connection, date, str], Act], *, as_json: bool) -> None:
    """Run `act` with a writing transaction, today's date in Oslo and the operator, and print what became of it."""
    from config.audit import current_operator
    from config.clock import oslo_date

    with open_store(need_keys=False) as store:
        today = oslo_date(store.database.now())
        with store.database.write() as connection:
            done = act(connection, today, current_operator())
    if as_json:
        print_json(done)
    else:
        typer.echo(done.words)
