"""`beredskap contacts main-school`: of several schools the one that speaks to the guardians."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from config.roles import Right
from config.shell import JsonOption, command_errors
from contacts.commands.performing import StudentArgument, perform

if TYPE_CHECKING:
    from datetime import date

    from sqlalchemy import Connection

    from contacts.acts import Act


@command_errors(Right.CHANGE_CONTACTS)
def main_school(
    student: StudentArgument,
    school: Annotated[str | None, typer.Argument(help="The main school: its name or ref.")] = None,
    as_told: Annotated[bool, typer.Option("--as-told", help="Let the sources decide again, instead.")] = False,
    as_json: JsonOption = False,
) -> None:
    """Say which school is the main one of a student who goes to several: it speaks about what is tied to no place.

    FINT, PIFU and OneRoster tell it themselves; what is said here goes before them, for as long as the student goes
    there. An alert to a school reaches all who go there, whichever their main school is.

    Examples:

      beredskap contacts main-school 2B-017 "Eksempel vgs"

      beredskap contacts main-school 2B-017 --as-told
    """
    from config.errors import UsageError
    from contacts import main_schools
    from contacts.audience_names import find_school
    from contacts.people import find_student

    if (school is None) != as_told:
        raise UsageError("Nothing to say is given, or two things.", remedy="Name a school, or give --as-told.")

    def act(connection: Connection, today: date, operator: str) -> Act:
        found = find_student(connection, student)
        if school is None:
            return main_schools.forget_main_school(connection, found, operator=operator)
        chosen = find_school(connection, school)
        return main_schools.set_main_school(connection, found, chosen, today=today, operator=operator)

    perform(act, as_json=as_json)
