"""`beredskap contacts invitations`: students' invitations that wait for their word, and that word on paper."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from config.roles import Right
from config.shell import JsonOption, command_errors, console, open_store, print_json
from contacts.commands.consent import EvidenceOption
from contacts.commands.performing import StudentArgument

if TYPE_CHECKING:
    from rich.console import Console

    from contacts.invitation_answers import Outcome
    from contacts.waiting_invitations import WaitingInvitation

app = typer.Typer(
    name="invitations",
    help="Guardians and contact persons whom students have named by a code: those who wait for the student's word.",
    no_args_is_help=True,
    rich_markup_mode=None,
)


@app.command("list")
@command_errors(Right.SEE_CONTACTS)
def list_waiting(
    school: Annotated[str | None, typer.Option(help="Only this school: its name or ref.")] = None,
    as_json: JsonOption = False,
) -> None:
    """Who has entered a student's code, and waits for the student to say that they are the right one.

    The student does that in the portal, or on paper: beredskap contacts invitations confirm. Of students who are
    protected, or may be, the name is not shown, and with --school nothing.

    Examples:

      beredskap contacts invitations list

      beredskap contacts invitations list --school "Eksempel vgs" --json
    """
    from config.clock import oslo_date
    from contacts.own_schools import schools_to_look_at
    from contacts.waiting_invitations import waiting_invitations

    with open_store() as store:
        today = oslo_date(store.database.now())
        with store.database.read() as connection:
            schools = schools_to_look_at(connection, store.operator, school)
            found = waiting_invitations(connection, store.keys, schools, today)
    if as_json:
        print_json({"waiting": found})
    else:
        _draw(found, console())


@app.command("confirm")
@command_errors(Right.CHANGE_CONTACTS)
def confirm(
    student: StudentArgument,
    invitation: Annotated[int, typer.Argument(metavar="NUMBER", help="The invitation's number, as list shows it.")],
    evidence: EvidenceOption,
    as_json: JsonOption = False,
) -> None:
    """Record that the student has said on paper: this is the one. Compare the name on the paper with that of the list.

    An adult's guardian gets the consents that the student chose; a contact person of somebody younger is told from now
    on.

    Example:

      beredskap contacts invitations confirm 3A-004 12 --evidence "form 2026/17"
    """
    from config.audit import current_operator
    from config.clock import oslo_date
    from config.errors import UsageError
    from contacts.invitation_answers import confirm_on_paper
    from contacts.people import find_student

    if not evidence.strip():
        raise UsageError(
            "The evidence is missing.",
            remedy='Say with --evidence where it can be found, such as "form 2026/17 in the archive".',
        )
    with open_store() as store:
        today = oslo_date(store.database.now())
        with store.database.write() as connection:
            person = find_student(connection, student)
            done = confirm_on_paper(
                connection,
                store.keys,
                person,
                invitation,
                today,
                operator=current_operator(),
                evidence=evidence.strip(),
            )
            _check(done, person.label)
    if as_json:
        print_json(done)
    else:
        typer.echo(f"Confirmed: {done.guardian} is linked to student {person.label}.")


def _check(done: Outcome, student: str) -> None:
    """Raises UsageError for everything but a confirmation."""
    from config.errors import UsageError
    from contacts.invitation_answers import Answered

    if done.answer is Answered.CONFIRMED:
        return
    what, remedy = {
        Answered.NOT_ALLOWED: (
            f"Student {student} goes to no school here, is under 15, or has no birth date on record.",
            "beredskap contacts explain STUDENT shows their age.",
        ),
        Answered.ASK_THE_SCHOOL: (
            "A documented decision stands against this person being told about the student, or they have died.",
            "End the block first, if it no longer holds: beredskap contacts unblock.",
        ),
    }.get(
        done.answer,
        (
            f"No invitation of this number waits for the word of student {student}.",
            "beredskap contacts invitations list shows those that wait; they do so for 7 days.",
        ),
    )
    raise UsageError(what, unchanged="Nobody was linked.", remedy=remedy)


def _draw(found: list[WaitingInvitation], out: Console) -> None:
    from rich.table import Table
    from rich.text import Text

    from config.clock import oslo_date

    if not found:
        out.print("No invitation waits for a student's word.")
        return
    table = Table(box=None, pad_edge=False, show_edge=False)
    for heading in ("number", "student", "entered by", "on", "until", "for"):
        table.add_column(heading, overflow="fold")
    for one in found:
        table.add_row(
            str(one.invitation),
            Text(one.student),
            Text(_who(one)),
            str(oslo_date(one.entered_at)),
            str(oslo_date(one.expires_at)),
            ", ".join(purpose.value for purpose in one.purposes) or "contact person",
        )
    out.print(table)


def _who(one: WaitingInvitation) -> str:
    from contacts.codes import NameFrom

    if one.name is None:
        return "not shown"
    return f"{one.name} (typed by themselves)" if one.name_from is NameFrom.THEMSELVES else one.name
