"""`beredskap contacts opt-out|opt-in|forget-failures`: what people have said about messages at an address."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, TypeAlias

import typer

from config.roles import Right
from config.shell import JsonOption, command_errors
from contacts.commands.performing import OwnerArgument, perform
from contacts.commands.points import EmailOption, PhoneOption

if TYPE_CHECKING:
    from datetime import date

    from sqlalchemy import Connection

    from contacts.acts import Act

EvidenceOption: TypeAlias = Annotated[str, typer.Option(help="How you know, such as a case number; kept on record.")]


@command_errors(Right.CHANGE_CONTACTS)
def opt_out(
    person: OwnerArgument, evidence: EvidenceOption, phone: PhoneOption = None, as_json: JsonOption = False
) -> None:
    """Record that the owner of a number wants no SMS, as if they had answered STOP. E-mail goes on.

    --phone says which one, when the person has several. It holds at once, for alerts under way too, and for everybody
    who shares the number.

    Example:

      beredskap contacts opt-out G-17 --evidence "told the office, case 2026/91"
    """
    from contacts import address_acts
    from contacts.contact_points import read_typed
    from contacts.people import find_owner

    typed = read_typed(phone, None)

    def act(connection: Connection, today: date, operator: str) -> Act:
        found = find_owner(connection, person)
        return address_acts.opt_out(connection, found, typed, evidence=evidence, operator=operator)

    perform(act, as_json=as_json)


@command_errors(Right.CHANGE_CONTACTS)
def opt_in(
    person: OwnerArgument, evidence: EvidenceOption, phone: PhoneOption = None, as_json: JsonOption = False
) -> None:
    """Record that the owner of a number takes a STOP back: SMS go there again.

    Twilio keeps a list of its own. Where it still refuses the number, the owner must send START to the sender; until
    then the next SMS fails and the number counts as opted out again.

    Example:

      beredskap contacts opt-in G-17 --evidence "told the office, case 2026/91"
    """
    from contacts import address_acts
    from contacts.contact_points import read_typed
    from contacts.people import find_owner

    typed = read_typed(phone, None)

    def act(connection: Connection, today: date, operator: str) -> Act:
        found = find_owner(connection, person)
        return address_acts.opt_in(connection, found, typed, evidence=evidence, operator=operator)

    perform(act, as_json=as_json)


@command_errors(Right.CHANGE_CONTACTS)
def forget_failures(
    person: OwnerArgument,
    evidence: EvidenceOption,
    phone: PhoneOption = None,
    email: EmailOption = None,
    as_json: JsonOption = False,
) -> None:
    """Use an address again that counts as failing, without a new code: the mailbox was mended, the phone is back.

    Safer is a new code, which shows that messages arrive: beredskap contacts verify GUARDIAN --phone …

    Example:

      beredskap contacts forget-failures G-17 --email kari@example.com --evidence "their mail server is back"
    """
    from contacts import address_acts
    from contacts.contact_points import read_typed
    from contacts.people import find_owner

    typed = read_typed(phone, email)

    def act(connection: Connection, today: date, operator: str) -> Act:
        found = find_owner(connection, person)
        return address_acts.forget_failures(connection, found, typed, evidence=evidence, operator=operator)

    perform(act, as_json=as_json)
