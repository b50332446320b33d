"""`beredskap contacts turning-18`: whom to ask for their consent before their guardians are no longer told."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from config.roles import Right
from config.shell import JsonOption, command_errors, console, open_store, print_json

if TYPE_CHECKING:
    from rich.console import Console

    from contacts.coming_of_age import ComingOfAges


@command_errors(Right.SEE_CONTACTS)
def turning_18(
    days: Annotated[int, typer.Option(min=0, max=366, help="So many days from today on.")] = 30,
    school: Annotated[str | None, typer.Option(help="Only this school: its name or ref.")] = None,
    as_json: JsonOption = False,
) -> None:
    """Students who turn 18 soon. From that day on their guardians are told only if the student consents.

    Ask them, and record the answer on the birthday or later: beredskap contacts consent give STUDENT GUARDIAN. Nothing
    is shown of students who are protected, or may be. For a nightly list, let cron run this.

    Examples:

      beredskap contacts turning-18

      beredskap contacts turning-18 --days 60 --school "Eksempel vgs" --json
    """
    from config.clock import oslo_date
    from contacts.coming_of_age import coming_of_age
    from contacts.own_schools import schools_to_look_at

    with open_store(need_keys=False) as store:
        today = oslo_date(store.database.now())
        with store.database.read() as connection:
            schools = schools_to_look_at(connection, store.operator, school)
            found = coming_of_age(connection, schools, today, days)
    if as_json:
        print_json(found)
    else:
        draw(found, console())


def draw(found: ComingOfAges, console: Console) -> None:
    from rich.table import Table
    from rich.text import Text

    if found.students:
        table = Table(box=None, pad_edge=False, show_edge=False)
        for heading in ("turns 18", "student", "school", "guardians told until then"):
            table.add_column(heading, overflow="fold")
        for one in found.students:
            table.add_row(str(one.on), Text(one.student), Text(one.school), str(one.guardians))
        console.print(table)
    else:
        console.print(f"Nobody who may be shown turns 18 from {found.since} to {found.until}.")
    if found.protected:
        console.print(f"And {found.protected} of whom nothing is shown: they are protected, or may be.")
