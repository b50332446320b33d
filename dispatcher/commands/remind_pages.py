"""The pages of `beredskap remind`: who would be reminded, what was done, and what it has come to."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import TYPE_CHECKING, Final

from rich.table import Table

from config.clock import OSLO
from contacts.codes import AddressChannel, ReminderWay
from contacts.people import guardian_ref
from contacts.reminders import Lack, Standing
from dispatcher.routine.letters import Files
from dispatcher.routine.reminder_status import Funnel
from dispatcher.routine.reminder_survey import Policy, Survey

if TYPE_CHECKING:
    from rich.console import Console

_LINES: Final = {
    Standing.DUE_EMAIL: "due now, by e-mail",
    Standing.DUE_SMS: "due now, by SMS",
    Standing.DUE_LETTER: "due now, by letter (remind run --letters-to FOLDER)",
    Standing.NO_WAY: "no channel works, and no letter can be sent: ask in person",
    Standing.UNDER_WAY: "a reminder is on its way",
    Standing.TOO_SOON: "reminded lately",
    Standing.GIVEN_UP: "given up: reminded as often as may be",
    Standing.COMPLETE: "nothing is missing",
    Standing.NOT_OURS: "may be told about nobody, or only about students who may not be spoken of",
}
_LACKS: Final = {
    Lack.MISSING: "missing",
    Lack.UNVERIFIED: "not confirmed",
    Lack.STALE: "stale",
    Lack.FAILING: "does not work",
}
_CHANNELS: Final = {AddressChannel.SMS: "phone", AddressChannel.EMAIL: "e-mail"}
_SHOWN = 20


def preview_document(found: Survey, policy: Policy) -> dict[str, object]:
    """The preview for other programs."""
    return {
        "at": found.at,
        "on": policy.settings.on,
        "guardians": {standing.value: found.standings[standing] for standing in Standing},
        "lacking": {
            channel.value: {lack.value: found.lacking[channel, lack] for lack in Lack} for channel in AddressChannel
        },
        "ask_in_person": [guardian_ref(one) for one in found.no_way],
    }


def draw_preview(found: Survey, policy: Policy, console: Console) -> None:
    _draw({words: found.standings[standing] for standing, words in _LINES.items()}, "guardians", console)
    lacking = {
        f"{name}: {words}": found.lacking[channel, lack]
        for channel, name in _CHANNELS.items()
        for lack, words in _LACKS.items()
    }
    if any(lacking.values()):
        console.print()
        _draw(lacking, "what they lack", console)
    if found.no_way:
        refs = [guardian_ref(one) for one in found.no_way]
        more = f" and {len(refs) - _SHOWN} more (--json lists all)" if len(refs) > _SHOWN else ""
        console.print(f"\nTo be asked in person: {', '.join(refs[:_SHOWN])}{more}.")
    if not policy.settings.on:
        console.print("\nReminders are switched off (reminders.on): nobody is reminded.")


def outcome(
    done: Mapping[ReminderWay, int], files: Files | None, quiet: str, alert: str | None, *, letters: bool
) -> str:
    """What was done, in a few lines. `alert`: the number of the one that it stood aside for; `letters`: whether letters
    were asked for."""
    words = {ReminderWay.EMAIL: "by e-mail", ReminderWay.SMS: "by SMS"}
    parts = [f"{done[way]} {word}" for way, word in words.items() if done.get(way)]
    lines = [f"Reminded: {', '.join(parts)}." if parts else quiet or "Nobody was reminded by message."]
    if alert is not None:
        lines.append(f"Stopped: alert {alert} is under way. Run it again afterwards; nobody is reminded twice.")
    if files is not None:
        lines.append(
            f"{files.letters} letter{'s' * (files.letters != 1)} to print: {files.pdf}; their addresses: {files.csv}. "
            "They count as sent. Delete the files when they are."
        )
    elif letters:
        lines.append("No letter is due: no file was made.")
    return "\n".join(lines)


def draw_status(
    counts: Funnel, last: datetime | None, following: datetime | None, policy: Policy, console: Console
) -> None:
    _draw(
        {
            "asked": counts.asked,
            "  fixed within 7 days of the first reminder": counts.fixed_within_7_days,
            "  fixed later": counts.fixed_later,
            "  still waited for": counts.waiting,
            f"  given up after {policy.settings.at_most} reminders": counts.given_up,
            "  no longer told about anybody": counts.nobody_to_tell,
            "asked by letter, among them": counts.letters,
        },
        "reminders",
        console,
        zeros=True,
    )
    console.print(f"\nLast round: {_when(last)}. Next round: {_when(following)}.")
    if not policy.settings.on:
        console.print("Reminders are switched off (reminders.on).")


def _when(moment: datetime | None) -> str:
    return "none" if moment is None else f"{moment.astimezone(OSLO):%Y-%m-%d %H:%M}"


def _draw(lines: Mapping[str, int], heading: str, console: Console, *, zeros: bool = False) -> None:
    table = Table(box=None, pad_edge=False, show_edge=False)
    table.add_column(heading)
    table.add_column("", justify="right")
    for words, count in lines.items():
        if count or zeros:
            table.add_row(words, f"{count}")
    console.print(table)
