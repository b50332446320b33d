"""`beredskap alert reached`: mark whom somebody has reached by telephone, and take it back."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from config.roles import Right
from config.shell import JsonOption, command_errors, open_store, print_json

if TYPE_CHECKING:
    from dispatcher.alerts.marks import Mark


@command_errors(Right.STEER)
def reached(
    alert: Annotated[str, typer.Argument(metavar="ALERT", help='The alert\'s number ("A-2611-0042"), or "latest".')],
    student: Annotated[
        str, typer.Argument(metavar="STUDENT", help='Whom the call was about, as the call list says ("2B-017").')
    ],
    guardian: Annotated[
        str | None,
        typer.Option(help='Who was reached ("G-17"). Without it: the student, or somebody else at home.'),
    ] = None,
    note: Annotated[
        str, typer.Option(help="A few words for the others who call; at most 200 characters, kept with the alert.")
    ] = "",
    taken_back: Annotated[bool, typer.Option("--take-back", help="It was wrong: take the mark back.")] = False,
    as_json: JsonOption = False,
) -> None:
    """Mark that somebody has been reached by telephone: the student counts as confirmed, and leaves the call list.

    Several people may do so at once. What is marked already stays as it is, and it is said by whom. A mark that is
    taken back stays on record, and counts no more.

    Examples:

      beredskap alert reached A-2611-0042 2B-017 --guardian G-17

      beredskap alert reached latest 2B-017 --note "is with us in the gym"

      beredskap alert reached A-2611-0042 2B-017 --guardian G-17 --take-back
    """
    from config.audit import current_operator
    from config.errors import UsageError
    from config.logs import note_command
    from contacts.people import find_guardian, find_student
    from dispatcher.alerts.marks import mark_reached, take_back
    from dispatcher.alerts.sight import find_alert_for
    from dispatcher.running.delivering import revive

    if taken_back and note:
        raise UsageError(
            "--note goes with a mark, not with --take-back.",
            unchanged="Nothing was taken back.",
            remedy="Leave it out.",
        )
    with open_store(need_keys=False) as store:
        with store.database.write() as connection:
            row = find_alert_for(connection, alert, store.operator)
            whom = (row, find_student(connection, student), find_guardian(connection, guardian) if guardian else None)
            if taken_back:
                done = take_back(connection, *whom, operator=current_operator())
            else:
                done = mark_reached(connection, *whom, note=note, operator=current_operator())
        act = "mark_taken_back" if taken_back else "reached_by_telephone"
        note_command(store.settings, act, alert=row.number, changed=done.changed)
        # A chain may go on.
        revive(store.database)
    if as_json:
        print_json({"alert": row.number, "changed": done.changed, "words": done.words, "mark": _said(done.mark)})
    else:
        typer.echo(done.words)


def _said(mark: Mark | None) -> dict[str, object] | None:
    """A mark without its note: what colleagues wrote may name people."""
    if mark is None:
        return None
    names = ("student", "guardian", "marked_by", "marked_at", "taken_back_by", "taken_back_at")
    return {name: getattr(mark, name) for name in names}
