"""`beredskap contacts verify`: send a code to a contact point; the verb of contacts that sends."""

from __future__ import annotations

from contextlib import closing

import typer

from config.roles import Right
from config.shell import JsonOption, command_errors, open_store, print_json
from contacts.commands.performing import GuardianArgument
from contacts.commands.points import EmailOption, PhoneOption


@command_errors(Right.CHANGE_CONTACTS)
def verify(
    guardian: GuardianArgument, phone: PhoneOption = None, email: EmailOption = None, as_json: JsonOption = False
) -> None:
    """Send a six-digit code to a guardian's contact point. They tell it to you, and you type it with `confirm`.

    --phone or --email says which one, when several are not verified.

    Examples:

      beredskap contacts verify G-17

      beredskap contacts verify G-17 --email kari@example.com
    """
    from config.audit import current_operator
    from contacts.contact_points import point_to_verify, read_typed
    from contacts.people import find_guardian
    from dispatcher.codes import Lane
    from dispatcher.routine.notices import send_verification_code
    from dispatcher.running.delivering import Delivering

    typed = read_typed(phone, email)
    with open_store() as store, closing(Delivering(store.settings, Lane.ROUTINE)) as delivering:
        delivering.find_workers(store.database)
        delivering.check()
        with store.database.write() as connection:
            person = find_guardian(connection, guardian)
            point = point_to_verify(connection, person, typed)
            queued = send_verification_code(connection, person, point, store.settings.organisation, current_operator())
        delivering.ring()
    if as_json:
        print_json({"sent_to": queued.masked, "guardian": person.label, "channel": point.channel})
    else:
        typer.echo(f"A code is on its way to {queued.masked}. It lives 15 minutes.")
        typer.echo(f"When it has come: beredskap contacts confirm {person.label} CODE")
