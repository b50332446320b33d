"""`beredskap contacts add|remove|confirm`: people's own contact points, and the codes that verify them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, TypeAlias

import typer

from config.roles import Right
from config.shell import JsonOption, command_errors, open_store, print_json
from contacts.commands.performing import GuardianArgument, OwnerArgument, perform

if TYPE_CHECKING:
    from datetime import date

    from sqlalchemy import Connection

    from contacts.acts import Act

PhoneOption: TypeAlias = Annotated[str | None, typer.Option(help="A phone number; a foreign one with + and its code.")]
EmailOption: TypeAlias = Annotated[str | None, typer.Option(help="An e-mail address.")]


@command_errors(Right.CHANGE_CONTACTS)
def add(
    person: OwnerArgument,
    phone: PhoneOption = None,
    email: EmailOption = None,
    as_json: JsonOption = False,
) -> None:
    """Add a phone number or an e-mail address that a guardian says is theirs. It counts once a code has confirmed it.

    A student's own serves to ask the student for consent before the 18th birthday (turning-18), and needs no code. No
    alert goes there.

    Examples:

      beredskap contacts add G-17 --phone "999 99 912"

      beredskap contacts add G-17 --email kari@example.com

      beredskap contacts add 3A-004 --email nora@example.com
    """
    from config.errors import UsageError
    from contacts.contact_points import add_point, read_typed
    from contacts.people import find_owner

    typed = read_typed(phone, email)
    if typed is None:
        raise UsageError("Nothing to add is given.", remedy="Give --phone or --email.")

    def act(connection: Connection, today: date, operator: str) -> Act:
        return add_point(connection, find_owner(connection, person), typed, operator=operator)

    perform(act, as_json=as_json)


@command_errors(Right.CHANGE_CONTACTS)
def remove(
    person: OwnerArgument,
    phone: PhoneOption = None,
    email: EmailOption = None,
    as_json: JsonOption = False,
) -> None:
    """Remove a phone number or an e-mail address that a guardian, or a student, says is not theirs, or not to be used.

    It stays removed, whatever register or roster told it and goes on telling it. It comes back when it is added again,
    or when its owner has confirmed it in the contact register (KRR) since. Messages on their way stop at once.

    Examples:

      beredskap contacts remove G-17 --phone "999 99 912"

      beredskap contacts remove G-17 --email kari@example.com
    """
    from config.errors import UsageError
    from contacts.contact_points import read_typed, remove_point
    from contacts.people import find_owner

    typed = read_typed(phone, email)
    if typed is None:
        raise UsageError("Nothing to remove is given.", remedy="Give --phone or --email.")

    def act(connection: Connection, today: date, operator: str) -> Act:
        return remove_point(connection, find_owner(connection, person), typed, operator=operator)

    perform(act, as_json=as_json)


@command_errors(Right.CHANGE_CONTACTS)
def confirm(
    guardian: GuardianArgument,
    code: Annotated[str, typer.Argument(metavar="CODE", help="The six digits that came by SMS or e-mail.")],
    phone: PhoneOption = None,
    email: EmailOption = None,
    as_json: JsonOption = False,
) -> None:
    """Take the code that `beredskap contacts verify` sent to a guardian: the contact point is verified from now on.

    A code lives 15 minutes and takes five tries. --phone or --email says which one, when several wait for a code.

    Examples:

      beredskap contacts confirm G-17 031415

      beredskap contacts confirm G-17 031415 --email kari@example.com
    """
    from config.audit import current_operator, record_act
    from config.errors import UsageError
    from contacts.contact_points import point_to_confirm, read_typed
    from contacts.people import find_guardian
    from contacts.verification import Confirmed, is_code, refused
    from contacts.verification import confirm as check

    if not is_code(code):
        raise UsageError("A code has six digits.", remedy="Type them as they stand in the message; no try was used.")
    typed = read_typed(phone, email)
    with open_store() as store:
        with store.database.write() as connection:
            person = find_guardian(connection, guardian)
            point = point_to_confirm(connection, person, typed)
            answer = check(connection, store.keys, point.id, code)
            if isinstance(answer, Confirmed):
                record_act(
                    connection,
                    operator=current_operator(),
                    act="contact.confirm",
                    subject=f"guardian {person.label}",
                    details={"channel": point.channel.value},
                )
        # Raised only now: a wrong try counts, so its transaction must have been committed.
        if not isinstance(answer, Confirmed):
            raise refused(answer, person.label)
    words = f"{point.masked} of {person.label} is verified."
    if as_json:
        print_json({"confirmed": True, "guardian": person.label, "channel": point.channel, "words": words})
    else:
        typer.echo(words)
