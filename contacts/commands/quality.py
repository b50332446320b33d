"""`beredskap contacts quality`: how many students' guardians a real alert would reach, school by school."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from config.roles import Right
from config.shell import JsonOption, command_errors, console, open_store, print_json


@command_errors(Right.SEE_CONTACTS)
def quality(
    school: Annotated[
        list[str] | None, typer.Option(help="Only this school: its name or ref. May be repeated.")
    ] = None,
    html: Annotated[Path | None, typer.Option(metavar="FILE", help="Write a page for a browser to this file.")] = None,
    as_json: JsonOption = False,
) -> None:
    """How good the contact information is: per school, the students reached by two channels, by one, by none.

    The shares are of the students about whom somebody may be told today; contact points count when a real alert would
    use them. Stale, shared, fixed-line and foreign numbers are counted beside them; shared are those that other
    guardians here have too, or that others have registered in the contact register (KRR). Figures only, no persons.

    Examples:

      beredskap contacts quality

      beredskap contacts quality --school "Eksempel vgs" --html quality.html

      beredskap contacts quality --json
    """
    from config.clock import oslo_date
    from config.errors import UsageError
    from contacts.commands.quality_page import draw_quality
    from contacts.own_schools import schools_to_look_at
    from contacts.quality import store_quality

    with open_store(need_keys=False) as store:
        today = oslo_date(store.database.now())
        with store.database.read() as connection:
            named: list[str | None] = [*school] if school else [None]
            schools = [one for name in named for one in schools_to_look_at(connection, store.operator, name)]
            months = store.settings.organisation.stale_after_months
            found = store_quality(connection, schools, today, stale_after_months=months)
    if html is not None:
        from contacts.commands.quality_html import quality_html

        try:
            html.write_text(quality_html(found), encoding="utf-8")
        except OSError as error:
            raise UsageError(
                f"The page cannot be written: {error.strerror}.", remedy="Name another file with --html."
            ) from None
    if as_json:
        print_json(found)
    elif html is None:
        draw_quality(found, console())
    else:
        typer.echo(f"Written to {html}.")
