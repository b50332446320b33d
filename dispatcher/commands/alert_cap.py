"""`beredskap alert cap`: an alert as a CAP 1.2 document."""

from __future__ import annotations

from typing import Annotated

import typer

from config.roles import Right
from config.shell import JsonOption, command_errors, open_store, print_json


@command_errors(Right.SEE_ALERTS)
def cap(
    alert: Annotated[str, typer.Argument(metavar="ALERT", help='The alert\'s number ("A-2611-0042"), or "latest".')],
    as_json: JsonOption = False,
) -> None:
    """The alert as a document of the Common Alerting Protocol (CAP 1.2, XML): what was said in each language, and which
    alerts it follows. It names no guardian and no student. With --json, the document is one string.

    Example:

      beredskap alert cap A-2611-0042 > A-2611-0042.xml
    """
    from dispatcher.alerts.sight import find_alert_for
    from dispatcher.reports.cap import cap_document, cap_sender
    from dispatcher.reports.cap_facts import cap_facts

    with open_store(need_keys=False) as store, store.database.read() as connection:
        found = find_alert_for(connection, alert, store.operator)
        settings = store.settings
        sender = cap_sender(settings.smtp.from_address, settings.organisation.name)
        facts = cap_facts(connection, found.id, sender=sender, organisation=settings.organisation.name)
    document = cap_document(facts)
    if as_json:
        print_json({"alert": facts.identifier, "cap": document})
    else:
        typer.echo(document, nl=False)
