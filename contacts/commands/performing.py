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

StudentArgument: TypeAlias = Annotated[
    str, typer.Argument(metavar="STUDENT", help='The school\'s ref ("2B-017"); without one, the store\'s ("S-17").')
]
GuardianArgument: TypeAlias = Annotated[str, typer.Argument(metavar="GUARDIAN", help='The guardian\'s ref ("G-17").')]
OwnerArgument: TypeAlias = Annotated[
    str, typer.Argument(metavar="PERSON", help='The guardian\'s ref ("G-17"), or a student\'s ("2B-017").')
]
# A day, as typer reads one.
Day: TypeAlias = datetime
DAY = ["%Y-%m-%d"]


def perform(act: Callable[[Connection, date, str], Act], *, about: str = "", as_json: bool) -> None:
    """Run `act` with a writing transaction, today's date in Oslo and the operator, and print what became of it.

    `about`: the student whom a school leader may do it about when they go to their school.
    """
    from config.audit import current_operator
    from config.clock import oslo_date
    from contacts.own_schools import check_student
    from contacts.people import find_student

    with open_store(need_keys=False) as store:
        today = oslo_date(store.database.now())
        with store.database.write() as connection:
            if about:
                check_student(connection, store.operator, find_student(connection, about), today)
            done = act(connection, today, current_operator())
    if as_json:
        print_json(done)
    else:
        typer.echo(done.words)
