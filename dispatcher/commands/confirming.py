"""From a draft to an alert that goes out: preview, confirmation, and then the terminal only watches.

The one way of every command that sends: `alert send`, and its follow-ups.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

import typer

from config.shell import console, print_json
from dispatcher.alerts.not_sent import NOTHING_SENT

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from config.catalogue import Catalogue
    from config.shell import KeyedStore
    from dispatcher.alerts.draft import Draft
    from dispatcher.alerts.lifecycle import Confirmed
    from dispatcher.alerts.prepared import Prepared
    from dispatcher.routine.county import BrokenGlass
    from dispatcher.running.delivering import Delivering

_CONFIRMED: list[str] = []


def interrupted() -> str:
    """What is said after Ctrl-C."""
    if _CONFIRMED:
        return f"You left. Alert {_CONFIRMED[0]} goes on: beredskap alert watch {_CONFIRMED[0]}"
    return f"Stopped. {NOTHING_SENT}"


@dataclass(frozen=True, slots=True)
class Sending:
    """What a command shall send, and how. `make`: stores the draft, in the transaction that it is given.

    `reason`: why somebody without the role sends it; empty when nobody breaks the glass.
    """

    make: Callable[[Connection, Catalogue], Draft]
    operator: str
    expires_seconds: int
    hold: float
    again: bool
    reason: str
    yes: bool
    watch: bool
    as_json: bool


def run(store: KeyedStore, delivering: Delivering, sending: Sending) -> None:
    """Show what would be sent, ask, and send it. Raises what making and confirming a draft raises."""
    from config.logs import note_command
    from config.set_aside import warning_of
    from dispatcher.alerts.prepared import discard, prepare, sent_before
    from dispatcher.alerts.preview_page import preview_lines
    from dispatcher.commands.breaking_glass import break_glass, glass_lines

    if warning := warning_of(store.settings.set_aside):
        typer.echo(warning, err=True)
    operator = None if sending.reason else store.operator
    prepared = prepare(store.database, store.settings, sending.make, operator, sending.expires_seconds)
    draft = prepared.draft
    confirmed: Confirmed | None = None
    try:
        glass = break_glass(store, draft, sending.reason) if sending.reason else None
        if not sending.as_json:
            lines = preview_lines(draft, prepared.numbers, prepared.terms)
            typer.echo("\n".join(lines + glass_lines(glass) if glass else lines))
        delivering.find_workers(store.database)
        confirmed = None if sending.again else sent_before(store.database, draft)
        if confirmed is None:
            if not sending.yes:
                _ask(prepared)
            delivering.check()
            confirmed = _confirm(store, draft, sending, glass)
            delivering.ring()
        _CONFIRMED.append(confirmed.number)
        if not confirmed.earlier:
            note_command(store.settings, "alert_confirmed", alert=confirmed.number, students=draft.student_count)
    finally:
        if confirmed is None or confirmed.earlier:
            discard(store.database, draft.alert_id)
    if sending.as_json:
        shown = prepared.shown()
        if glass:
            shown["break_glass"] = {"reason": glass.reason, "county_is_told": glass.address_id is not None}
        note = delivering.words()
        print_json(
            {
                "alert": confirmed.number,
                "already_sent": confirmed.earlier,
                "note": note or None,
                "settings_set_aside": [one.setting for one in store.settings.set_aside],
                "preview": shown,
            }
        )
        return
    _tell(confirmed, sending.hold, delivering.words())
    if sending.watch:
        from dispatcher.reports.watch_loop import watch as watch_alert

        watch_alert(store.database, confirmed.alert_id, console())


def _ask(prepared: Prepared) -> None:
    from config.shell import confirm_typed
    from dispatcher.alerts.prepared import Asked, asked_for

    asked, words = asked_for(prepared)
    what = {
        Asked.SCHOOL: "the school's name",
        Asked.GUARDIANS: f"the number of guardians ({prepared.numbers.guardians})",
        Asked.EXERCISE: "øvelse",
        Asked.TEST: "test",
    }[asked]
    typer.echo()
    confirm_typed(f"Type {what} to send, Ctrl-C to stop:", *words, refused=NOTHING_SENT)


def _confirm(store: KeyedStore, draft: Draft, sending: Sending, glass: BrokenGlass | None) -> Confirmed:
    from dispatcher.alerts.lifecycle import confirm

    with store.database.write() as connection:
        return confirm(
            connection,
            draft.alert_id,
            hold_seconds=sending.hold,
            operator=sending.operator,
            again=sending.again,
            glass=glass,
        )


def _tell(confirmed: Confirmed, hold: float, words: str) -> None:
    if confirmed.earlier:
        typer.echo(
            f"The same alert was confirmed less than ten minutes ago: this is {confirmed.number}. "
            "Nothing more was sent. To send it once more, add --again."
        )
        return
    stop = f"beredskap alert stop {confirmed.number}"
    typer.echo(f"Alert {confirmed.number} is confirmed.")
    if hold:
        typer.echo(f"It leaves in {hold:g} s; to stop it: {stop}")
    if words:
        print(words, file=sys.stderr)  # noqa: T201
