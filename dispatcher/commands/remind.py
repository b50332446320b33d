"""`beredskap remind`: guardians of whom a phone number or an e-mail address is missing are asked for it."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from config.roles import Right
from config.shell import JsonOption, YesOption, command_errors, console, open_store, print_json

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from config.shell import Store
    from contacts.audience import AudienceSchool
    from contacts.codes import ReminderWay
    from dispatcher.routine.letters import Files
    from dispatcher.routine.reminder_survey import Policy, Survey

app = typer.Typer(
    help="Reminders to guardians whose phone number or e-mail address is missing, not confirmed, or stale.",
    no_args_is_help=True,
    rich_markup_mode=None,
)

SchoolOption = Annotated[str | None, typer.Option(help="Only guardians of this school's students: its name or ref.")]


@app.command()
@command_errors(Right.SEE_CONTACTS)
def preview(school: SchoolOption = None, as_json: JsonOption = False) -> None:
    """Who would be reminded now, and how; nothing is sent.

    By the channel that works: verified, not stale, not opted out. With none, by letter. Nobody is reminded because of a
    student who is protected, or may be.

    Exit statuses: 0 done, 2 there is no such school.

    Examples:

      beredskap remind preview

      beredskap remind preview --school "Eksempel vgs" --json
    """
    from dispatcher.commands.remind_pages import draw_preview, preview_document
    from dispatcher.routine.reminder_survey import survey

    with open_store(need_keys=False) as store:
        policy, schools = _policy(store), _schools(store, school)
        found = survey(store.database, schools, policy)
    if as_json:
        print_json(preview_document(found, policy))
    else:
        draw_preview(found, policy, console())


@app.command()
@command_errors(Right.REMIND)
def run(
    school: SchoolOption = None,
    letters_to: Annotated[
        Path | None,
        typer.Option(help="Also make the letters that are due: one PDF to print and one CSV, in this folder."),
    ] = None,
    yes: YesOption = False,
    as_json: JsonOption = False,
) -> None:
    """Remind those who are due it now, after a preview and a question.

    Each guardian gets one message, whatever the number of children; not before or after the hours of the settings, nor
    on holidays. Letters are made with --letters-to alone, at any hour: they count as sent once they are made, so print
    them. scheduler and run do the rest by themselves where the settings say so (reminders.schedule).

    Exit statuses: 0 done, 2 reminders are switched off, or it is quiet, or the folder cannot be used, 3 stopped because
    an alert is under way (run it again afterwards), 5 the question was not answered as asked.

    Examples:

      beredskap remind run

      beredskap remind run --letters-to letters --yes

      beredskap remind run --school "Eksempel vgs" --yes --json
    """
    from config.errors import ExitStatus, UsageError
    from config.shell import confirm_typed
    from contacts.codes import ReminderWay
    from contacts.reminders import Standing
    from dispatcher.commands.remind_pages import draw_preview, outcome
    from dispatcher.routine.reminder_survey import survey
    from dispatcher.routine.reminders import BY_MESSAGE

    if as_json and not yes:
        raise UsageError("--json asks no questions.", remedy="Give --yes with it.")
    with open_store() as store:
        policy, schools = _policy(store), _schools(store, school)
        if not policy.settings.on:
            raise UsageError(
                "Reminders are switched off.",
                unchanged="Nobody was reminded.",
                remedy="Set reminders.on = true in the settings file; beredskap remind preview shows who would be.",
            )
        found = survey(store.database, schools, policy)
        messages = len(found.due(*BY_MESSAGE))
        letters = len(found.due(Standing.DUE_LETTER)) if letters_to is not None else 0
        quiet = _quiet(found, policy)
        if quiet and letters_to is None:
            raise UsageError(
                quiet, unchanged="Nobody was reminded.", remedy="Run it again then; letters can be made at any time."
            )
        if quiet:
            messages = 0
        if not as_json:
            draw_preview(found, policy, console())
        if (messages or letters) and not yes:
            what = " and ".join(
                f"{count} {word}{'s' * (count != 1)}"
                for count, word in ((messages, "message"), (letters, "letter"))
                if count
            )
            confirm_typed(f"Type yes to send {what}, anything else to stop:", "yes", refused="Nobody was reminded.")
        files = _letters(store, found, policy, letters_to) if letters_to is not None else None
        done, alert = ({}, None) if quiet else _messages(store, found, policy, schools, files)
    if as_json:
        print_json(
            {
                **{way.value: done.get(way, 0) for way in (ReminderWay.SMS, ReminderWay.EMAIL)},
                "letters": None if files is None else files,
                "quiet": quiet or None,
                "stopped_by": alert,
            }
        )
    else:
        typer.echo(outcome(done, files, quiet, alert, letters=letters_to is not None))
    if alert is not None:
        raise typer.Exit(ExitStatus.PARTLY)


@app.command()
@command_errors(Right.SEE_CONTACTS)
def status(school: SchoolOption = None, as_json: JsonOption = False) -> None:
    """What reminders have come to: asked, fixed within 7 days, letters, given up; and the last and the next round.

    Exit statuses: 0 done, 2 there is no such school.

    Examples:

      beredskap remind status

      beredskap remind status --school "Eksempel vgs" --json
    """
    from dispatcher.commands.remind_pages import draw_status
    from dispatcher.routine.firing import next_round
    from dispatcher.routine.reminder_status import funnel, last_round
    from dispatcher.routine.reminder_survey import survey

    with open_store(need_keys=False) as store:
        policy, schools = _policy(store), _schools(store, school)
        found = survey(store.database, schools, policy)
        with store.database.read() as connection:
            counts, last = funnel(connection, found, schools), last_round(connection)
    following = next_round(policy.settings.schedule, last or found.at) if policy.settings.on else None
    if as_json:
        print_json({"funnel": counts, "last_round": last, "next_round": following, "on": policy.settings.on})
    else:
        draw_status(counts, last, following, policy, console())


def _policy(store: Store) -> Policy:
    from config.set_aside import usable
    from dispatcher.routine.reminder_survey import Policy

    return Policy(store.settings.organisation, usable(store.settings.reminders))


def _schools(store: Store, named: str | None) -> Sequence[AudienceSchool]:
    from contacts.own_schools import schools_to_look_at

    with store.database.read() as connection:
        return schools_to_look_at(connection, store.operator, named)


def _quiet(found: Survey, policy: Policy) -> str:
    """Why nobody is written to now, as a sentence; empty when guardians may be."""
    from dispatcher.routine.quiet import Quiet, quiet

    settings = policy.settings
    match quiet(found.at, settings):
        case Quiet.HOLIDAY:
            return "Today is a holiday: nobody is written to (reminders.holidays)."
        case Quiet.HOURS:
            hours = f"{settings.hours_from:%H:%M} and {settings.hours_to:%H:%M}"
            return f"Guardians are written to between {hours} only (reminders.hours_from, hours_to)."
    return ""


def _letters(store: Store, found: Survey, policy: Policy, folder: Path) -> Files | None:
    from config.audit import current_operator
    from dispatcher.routine.letters import make_letters

    return make_letters(store.database, found, policy, folder, operator=current_operator())


def _messages(
    store: Store, found: Survey, policy: Policy, schools: Sequence[AudienceSchool], files: Files | None
) -> tuple[Mapping[ReminderWay, int], str | None]:
    """How many, by way; and the number of the alert that it stood aside for before its end."""
    from config.audit import current_operator
    from contacts.codes import ReminderWay
    from dispatcher.codes import Lane
    from dispatcher.retention.purge import alert_under_way
    from dispatcher.routine.reminders import BY_MESSAGE, record_round, remind
    from dispatcher.running.delivering import Delivering

    def alert() -> str | None:
        with store.database.read() as connection:
            return alert_under_way(connection)

    def reminded() -> tuple[Mapping[ReminderWay, int], str | None]:
        done = remind(store.database, found, policy, operator=current_operator(), may_go_on=lambda: alert() is None)
        if (number := alert()) is not None:
            return done, number
        letters = {} if files is None else {ReminderWay.LETTER: files.letters}
        with store.database.write() as connection:
            record_round(connection, {**done, **letters}, operator=current_operator(), every_school=not schools)
        return done, None

    if not found.due(*BY_MESSAGE):
        return reminded()
    # After the question: until then there is nothing to send.
    with closing(Delivering(store.settings, Lane.ROUTINE)) as delivering:
        delivering.find_workers(store.database)
        delivering.check()
        done = reminded()
        delivering.ring()
    return done
