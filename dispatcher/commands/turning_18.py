"""`beredskap contacts turning-18`: who turns 18 soon, how it stands with asking them, and the asking itself."""

from __future__ import annotations

from contextlib import closing
from typing import TYPE_CHECKING, Annotated

import typer

from config.roles import Right
from config.shell import JsonOption, command_errors, console, open_store, print_json
from contacts.commands.importing import ApplyOption, DryRunOption

if TYPE_CHECKING:
    from collections import Counter
    from collections.abc import Mapping, Sequence

    from rich.console import Console

    from config.shell import Store
    from contacts.audience import AudienceSchool
    from contacts.coming_of_age import ComingOfAge, ComingOfAges
    from dispatcher.routine.consent_questions import Sent
    from providers.base import Channel


@command_errors(Right.SEE_CONTACTS)
def turning_18(
    days: Annotated[
        int | None,
        typer.Option(
            min=0, max=366, help="So many days from today on; as the settings say (coming_of_age) when not given."
        ),
    ] = None,
    school: Annotated[str | None, typer.Option(help="Only this school: its name or ref.")] = None,
    ask: Annotated[bool, typer.Option("--ask", help="Send the question to those who are to be asked.")] = False,
    apply: ApplyOption = False,
    dry_run: DryRunOption = False,
    as_json: JsonOption = False,
) -> None:
    """Students who turn 18 soon. From that day on their guardians are told only if the student consents.

    The list says of each student whether they were asked by e-mail or SMS, what became of that message, and who must be
    asked in person. Where the settings say so (coming_of_age.ask), scheduler and run ask by themselves; --ask does it
    now, after a preview and a question. Nobody is asked twice. Nothing is shown of students who are protected, or may
    be; they get no message.

    Record the answer on the birthday or later: beredskap contacts consent give STUDENT GUARDIAN.

    Exit statuses: 0 done, 5 the question was not answered as asked, 6 your role does not let you ask.

    Examples:

      beredskap contacts turning-18

      beredskap contacts turning-18 --days 60 --school "Eksempel vgs" --json

      beredskap contacts turning-18 --ask --dry-run
    """
    from config.clock import oslo_date
    from config.errors import UsageError
    from config.set_aside import usable
    from config.shell import confirm_typed
    from contacts.coming_of_age import coming_of_age
    from contacts.consent_questions import Question
    from contacts.own_schools import schools_to_look_at
    from dispatcher.commands.purge import check_options
    from dispatcher.routine.consent_questions import how_it_went

    if ask:
        check_options(apply=apply, dry_run=dry_run, as_json=as_json)
    elif apply or dry_run:
        raise UsageError("--apply and --dry-run go with --ask.", remedy="Give --ask, or leave them out.")
    with open_store() if ask else open_store(need_keys=False) as store:
        if ask:
            _check_role(store)
        today = oslo_date(store.database.now())
        within = usable(store.settings.coming_of_age).days_before if days is None else days
        months = store.settings.organisation.stale_after_months

        def look(schools: Sequence[AudienceSchool]) -> tuple[ComingOfAges, Mapping[int, Sent]]:
            with store.database.read() as connection:
                found = coming_of_age(connection, schools, today, within, stale_after_months=months)
                return found, how_it_went(connection, found.students)

        with store.database.read() as connection:
            schools = schools_to_look_at(connection, store.operator, school)
        found, sent = look(schools)
        to_ask = [one.student_id for one in found.students if one.question is Question.TO_ASK]
        asked: Counter[Channel] | None = None
        by_itself = usable(store.settings.coming_of_age).ask
        if not as_json:
            draw(found, sent, console())
            if not by_itself:
                console().print(_NOT_BY_ITSELF)
        if ask and to_ask and not dry_run:
            if not apply:
                confirm_typed(
                    f"Type yes to ask {len(to_ask)} of them, anything else to stop:",
                    "yes",
                    refused="Nobody was asked.",
                    unasked="--apply",
                )
            asked = _ask(store, to_ask, within)
            found, sent = look(schools)
    if as_json:
        document = as_document(found, sent) | {"asks_by_itself": by_itself}
        if ask:
            document |= {"to_ask": len(to_ask), "asked": None if asked is None else sum(asked.values())}
        print_json(document)
    elif ask:
        typer.echo(_outcome(asked, to_ask))


_NOT_BY_ITSELF = (
    "Nobody is asked unless somebody does it (coming_of_age.ask is false), and imports take no addresses of students."
)


def _check_role(store: Store) -> None:
    """Raises NotPermittedError for an operator who may look, and may not send somebody a message."""
    from config.operators import admit
    from config.roles import Reach

    operator = admit(store.settings, store.database, Right.CHANGE_CONTACTS)
    if operator.reach is Reach.NOTHING:
        operator.refuse()


def _ask(store: Store, students: Sequence[int], days: int) -> Counter[Channel]:
    from config.audit import current_operator
    from config.clock import oslo_date
    from dispatcher.codes import Lane
    from dispatcher.routine.consent_questions import ask
    from dispatcher.running.delivering import Delivering

    # After the question: until then there is nothing to send.
    with closing(Delivering(store.settings, Lane.ROUTINE)) as delivering:
        delivering.find_workers(store.database)
        delivering.check()
        asked = ask(
            store.database,
            students,
            oslo_date(store.database.now()),
            days,
            store.settings.organisation,
            operator=current_operator(),
        )
        delivering.ring()
    return asked


def _outcome(asked: Counter[Channel] | None, to_ask: Sequence[int]) -> str:
    from dispatcher.reports.words import CHANNEL_WORDS

    if not to_ask:
        return "Nobody is to be asked now."
    if asked is None:
        return f"Dry run: {len(to_ask)} would be asked, nobody was."
    parts = [f"{count} by {CHANNEL_WORDS[channel]}" for channel, count in sorted(asked.items())]
    return f"Asked: {', '.join(parts) or 'nobody, for somebody else was quicker'}."


def as_document(found: ComingOfAges, sent: Mapping[int, Sent]) -> dict[str, object]:
    """The list for other programs."""
    return {
        "since": found.since,
        "until": found.until,
        "students": [_row(one, sent.get(one.student_id)) for one in found.students],
        "protected": found.protected,
    }


def _row(one: ComingOfAge, sent: Sent | None) -> dict[str, object]:
    return {
        "student": one.student,
        "on": one.on,
        "school": one.school,
        "guardians": one.guardians,
        "question": one.question,
        "asked_at": one.asked_at,
        "message": None if sent is None else {"channel": sent.channel, "state": sent.state, "code": sent.code},
    }


def draw(found: ComingOfAges, sent: Mapping[int, Sent], console: Console) -> None:
    from rich.table import Table
    from rich.text import Text

    if found.students:
        table = Table(box=None, pad_edge=False, show_edge=False)
        for heading in ("turns 18", "student", "school", "guardians told until then", "question"):
            table.add_column(heading, overflow="fold")
        for one in found.students:
            words = question_words(one, sent.get(one.student_id))
            table.add_row(str(one.on), Text(one.student), Text(one.school), str(one.guardians), words)
        console.print(table)
    else:
        console.print(f"Nobody who may be shown turns 18 from {found.since} to {found.until}.")
    if found.protected:
        console.print(f"And {found.protected} of whom nothing is shown: they are protected, or may be. Ask in person.")


def question_words(one: ComingOfAge, sent: Sent | None) -> str:
    """How it stands with asking a student, in a few words; what a person must do stands in them."""
    from config.clock import oslo_date
    from contacts.consent_questions import Question
    from dispatcher.reports.words import CHANNEL_WORDS, STATE_WORDS

    words = {
        Question.ANSWERED: "answered",
        Question.NO_GUARDIAN: "nobody is told now: nothing to ask",
        Question.NO_ADDRESS: "no address: ask in person",
        Question.UNUSABLE_ADDRESS: "no address that works: ask in person",
        Question.SHARED_ADDRESS: "address shared with others: ask in person",
        Question.TO_ASK: "to be asked",
    }
    if one.question is not Question.ASKED or one.asked_at is None:
        return words[one.question]
    if sent is None:
        return f"asked {oslo_date(one.asked_at)}"
    ask_again = "; ask in person" if sent.failed else ""
    return f"asked {oslo_date(one.asked_at)}, {CHANNEL_WORDS[sent.channel]}: {STATE_WORDS[sent.state]}{ask_again}"
