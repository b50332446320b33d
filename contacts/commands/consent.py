"""`beredskap contacts consent`: what an adult student has said about being told of by alerts, or seen in the portal."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, TypeAlias

import typer

from config.roles import Right
from config.shell import JsonOption, command_errors
from contacts.codes import ConsentPurpose
from contacts.commands.performing import DAY, Day, GuardianArgument, StudentArgument, perform

if TYPE_CHECKING:
    from datetime import date

    from sqlalchemy import Connection

    from contacts.acts import Act

app = typer.Typer(
    name="consent",
    help="An adult student's consent that a guardian is told: given and withdrawn.",
    no_args_is_help=True,
    rich_markup_mode=None,
)

EvidenceOption: TypeAlias = Annotated[str, typer.Option(help="Where the student's word is kept: a form, a case.")]
PurposeOption: TypeAlias = Annotated[ConsentPurpose, typer.Option(help="To get alerts, or to see pages.")]
OnOption: TypeAlias = Annotated[
    Day | None, typer.Option("--on", formats=DAY, help="The day it counts from; else today.")
]


@app.command("give")
@command_errors(Right.CHANGE_CONTACTS)
def give(
    student: StudentArgument,
    guardian: GuardianArgument,
    evidence: EvidenceOption,
    purpose: PurposeOption = ConsentPurpose.ALERTS,
    on: OnOption = None,
    as_json: JsonOption = False,
) -> None:
    """Record that an adult student consents to one guardian being told. One purpose is never taken for the other.

    Example:

      beredskap contacts consent give 3A-004 G-17 --evidence "form 2026/17"
    """
    from contacts import consents
    from contacts.people import find_guardian, find_student

    def act(connection: Connection, today: date, operator: str) -> Act:
        return consents.give_consent(
            connection,
            find_student(connection, student),
            find_guardian(connection, guardian),
            purpose=purpose,
            on=on.date() if on else today,
            today=today,
            evidence=evidence,
            operator=operator,
        )

    perform(act, as_json=as_json)


@app.command("withdraw")
@command_errors(Right.CHANGE_CONTACTS)
def withdraw(
    student: StudentArgument,
    guardian: GuardianArgument,
    evidence: EvidenceOption,
    purpose: PurposeOption = ConsentPurpose.ALERTS,
    on: OnOption = None,
    as_json: JsonOption = False,
) -> None:
    """Record that an adult student withdraws a consent. It takes effect at once, for alerts under way too.

    Example:

      beredskap contacts consent withdraw 3A-004 G-17 --evidence "told the office on 23 November"
    """
    from contacts import consents
    from contacts.people import find_guardian, find_student

    def act(connection: Connection, today: date, operator: str) -> Act:
        return consents.withdraw_consent(
            connection,
            find_student(connection, student),
            find_guardian(connection, guardian),
            purpose=purpose,
            on=on.date() if on else today,
            today=today,
            evidence=evidence,
            operator=operator,
        )

    perform(act, as_json=as_json)
