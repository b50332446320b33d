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
from dispatcher.commands.typed import NOTHING_SENT

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from config.catalogue import Catalogue
    from config.settings import Settings
    from config.shell import KeyedStore
    from dispatcher.alerts.draft import Draft
    from dispatcher.alerts.lifecycle import Confirmed
    from dispatcher.alerts.preview import Preview
    from dispatcher.alerts.preview_page import SendingTerms
    from dispatcher.routine.county import BrokenGlass
    from dispatcher.running.delivering import Delivering
    from providers.base import Channel

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
    from dispatcher.alerts.draft import discard_draft
    from dispatcher.alerts.preview_page import preview_json, preview_lines
    from dispatcher.commands.breaking_glass import break_glass, glass_lines

    if warning := warning_of(store.settings.set_aside):
        typer.echo(warning, err=True)
    draft, numbers, terms = _prepare(store, sending)
    confirmed: Confirmed | None = None
    try:
        glass = break_glass(store, draft, sending.reason) if sending.reason else None
        if not sending.as_json:
            lines = preview_lines(draft, numbers, terms)
            typer.echo("\n".join(lines + glass_lines(glass) if glass else lines))
        delivering.find_workers(store.database)
        confirmed = _sent_before(store, draft, sending)
        if confirmed is None:
            if not sending.yes:
                _ask(draft, numbers)
            delivering.check()
            confirmed = _confirm(store, draft, sending, glass)
            delivering.ring()
        _CONFIRMED.append(confirmed.number)
        if not confirmed.earlier:
            note_command(store.settings, "alert_confirmed", alert=confirmed.number, students=draft.student_count)
    finally:
        if confirmed is None or confirmed.earlier:
            with store.database.write() as connection:
                discard_draft(connection, draft.alert_id)
    if sending.as_json:
        shown = preview_json(draft, numbers, terms)
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


def _sent_before(store: KeyedStore, draft: Draft, sending: Sending) -> Confirmed | None:
    """The alert that the same request made minutes ago, shown instead of a question that would change nothing."""
    from dispatcher.alerts.lifecycle import Confirmed, same_request

    if sending.again:
        return None
    with store.database.read() as connection:
        earlier = same_request(connection, draft.request_id)
    return None if earlier is None else Confirmed(earlier.id, earlier.number, earlier=True)


def _prepare(store: KeyedStore, sending: Sending) -> tuple[Draft, Preview, SendingTerms]:
    """Make and count the draft. Raises UsageError when nothing could be sent at all, and NotPermittedError when the
    operator may not send it and breaks no glass."""
    from pathlib import Path

    from config.catalogue import load_catalogue
    from dispatcher.alerts.draft import discard_draft
    from dispatcher.alerts.preview import preview
    from dispatcher.alerts.preview_page import SendingTerms
    from dispatcher.alerts.sight import check_draft

    settings = store.settings
    messages = settings.organisation.messages_dir
    catalogue = load_catalogue(Path(messages) if messages else None)
    with store.database.write() as connection:
        draft = sending.make(connection, catalogue)
        if not sending.reason:
            check_draft(connection, store.operator, draft)
    try:
        numbers = preview(store.database, draft, stale_after_months=settings.organisation.stale_after_months)
    except BaseException:
        with store.database.write() as connection:
            discard_draft(connection, draft.alert_id)
        raise
    calls = settings.calls
    terms = SendingTerms(
        settings.sms.sender,
        settings.sms.segments_per_second,
        settings.sms.price_per_segment,
        sending.expires_seconds,
        store.database.now(),
        calls_per_second=calls.calls_per_second if calls else 1.0,
        price_per_call=calls.price_per_call if calls else 0.0,
    )
    return draft, numbers, terms


def check_configured(settings: Settings, channels: frozenset[Channel]) -> None:
    """Raises UsageError when the settings lack what a message of these channels needs."""
    from config.errors import UsageError
    from providers.base import Channel

    sms, smtp = settings.sms, settings.smtp
    missing = [
        name
        for channel, name, value in (
            (Channel.SMS, "sms.account_sid", sms.account_sid),
            (Channel.SMS, "sms.sender", sms.sender),
            (Channel.EMAIL, "smtp.host", smtp.host),
            (Channel.EMAIL, "smtp.from_address", smtp.from_address),
        )
        if channel in channels and not value
    ]
    if missing:
        raise UsageError(
            f"The alert cannot leave: {' and '.join(missing)} {'is' if len(missing) == 1 else 'are'} not set.",
            unchanged=NOTHING_SENT,
            remedy="Set it in beredskap.toml, or send by the other channel alone with --channels.",
        )


def _ask(draft: Draft, numbers: Preview) -> None:
    from config.shell import confirm_typed
    from dispatcher.codes import AlertStatus

    words: tuple[str, ...]
    match draft.composition.status:
        case AlertStatus.ACTUAL if len(draft.audience.schools) == 1:
            what, words = "the school's name", (draft.speaker, draft.audience.headline, str(numbers.guardians))
        case AlertStatus.ACTUAL:
            what, words = f"the number of guardians ({numbers.guardians})", (str(numbers.guardians),)
        case AlertStatus.EXERCISE:
            what, words = "øvelse", ("øvelse", "øving", "ovelse")
        case AlertStatus.TEST:
            what, words = "test", ("test",)
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
