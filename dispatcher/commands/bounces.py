"""`beredskap bounces`: e-mails that came back."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from config.roles import Right
from config.shell import JsonOption, command_errors, open_store, print_json

app = typer.Typer(
    name="bounces",
    help="E-mails that came back: what mail servers could not deliver.",
    no_args_is_help=True,
    rich_markup_mode=None,
)


@app.command("read")
@command_errors(Right.RUN, interrupted="Stopped. What was read so far is on record, and is not counted again.")
def read(
    mailbox: Annotated[Path, typer.Argument(metavar="PATH", help="A Maildir, or an mbox file.")],
    as_json: JsonOption = False,
) -> None:
    """Read the mailbox to which bounces go, and record which messages did not arrive.

    A mail counts when it quotes one of our messages and names the address that it went to; that message is undelivered
    then. What was a bounce is marked as seen, everything else stays as it is. To be run by cron; running it again
    changes nothing. Instead of a mailbox, a mail server can hand bounces over by LMTP: setting bounces.lmtp_port.

    Examples:

      beredskap bounces read /var/mail/beredskap

      beredskap bounces read ~/Maildir --json
    """
    from config.errors import UsageError
    from dispatcher.outbox.bounces import Told, in_words
    from dispatcher.running.bounce_mailbox import read_mailbox
    from providers.mime import Writer

    with open_store(need_keys=False) as store:
        smtp = store.settings.smtp
        if not smtp.from_address:
            raise UsageError(
                "The setting smtp.from_address is empty: bounces of our e-mails cannot be told from others.",
                remedy="Set it to the address that alerts come from.",
            )
        counts = read_mailbox(store.database, mailbox, Writer(smtp.from_address, smtp.from_name).domain)
    if as_json:
        print_json({"mails": sum(counts.values())} | {told.value: counts[told] for told in Told})
    else:
        typer.echo(in_words(counts))
