"""`beredskap contacts`: who may be told about whom, and the recorded acts that change it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from config.roles import Right
from config.shell import JsonOption, command_errors, console, open_store, print_json
from contacts.commands import address_acts, consent, invitations, main_school, points, quality
from contacts.commands.performing import DAY, Day, GuardianArgument, StudentArgument, perform

if TYPE_CHECKING:
    from datetime import date

    from sqlalchemy import Connection

    from contacts.acts import Act

app = typer.Typer(
    name="contacts",
    help="Who may be told about whom, and where: look it up, and record what people decide.",
    no_args_is_help=True,
    rich_markup_mode=None,
)
app.add_typer(consent.app)
app.add_typer(invitations.app)
app.command("add")(points.add)
app.command("remove")(points.remove)
app.command("confirm")(points.confirm)
app.command("opt-out")(address_acts.opt_out)
app.command("opt-in")(address_acts.opt_in)
app.command("forget-failures")(address_acts.forget_failures)
app.command("main-school")(main_school.main_school)
app.command("quality")(quality.quality)


@app.command("explain")
@command_errors(Right.SEE_CONTACTS)
def explain(
    student: StudentArgument,
    on: Annotated[Day | None, typer.Option(formats=DAY, help="The day to decide for; today when not given.")] = None,
    as_json: JsonOption = False,
) -> None:
    """Every guardian of a student: may they be told, why, and by which contact points a real alert would tell them.

    Numbers and addresses are masked. Of a student who is protected, or of whom nobody has told whether they are, only
    the decision is shown. Who looked is kept in the audit log.

    Examples:

      beredskap contacts explain 2B-017

      beredskap contacts explain 2B-017 --on 2026-11-23 --json
    """
    from config.audit import current_operator, record_act
    from config.clock import oslo_date
    from contacts.commands.explanation import draw
    from contacts.explain import explain
    from contacts.own_schools import check_student
    from contacts.people import find_student

    with open_store(need_keys=False) as store:
        day = on.date() if on else oslo_date(store.database.now())
        with store.database.read() as connection:
            person = find_student(connection, student)
            check_student(connection, store.operator, person, oslo_date(store.database.now()))
            months = store.settings.organisation.stale_after_months
            explanation = explain(connection, person, day, stale_after_months=months)
        # Nothing is shown of a look-up that is not on record.
        with store.database.write() as connection:
            record_act(
                connection,
                operator=current_operator(),
                act="student.look_up",
                subject=f"student {person.label}",
                details={"on": day.isoformat()},
            )
    if as_json:
        print_json(explanation)
    else:
        draw(explanation, console())


@app.command("held")
@command_errors(Right.SEE_CONTACTS)
def held(
    school: Annotated[str | None, typer.Option(help="Only this school: its name or ref.")] = None,
    on: Annotated[Day | None, typer.Option(formats=DAY, help="The day to decide for; today when not given.")] = None,
    as_json: JsonOption = False,
) -> None:
    """Students about whom a person must decide before their guardians are told: refs and reasons, nothing else.

    Examples:

      beredskap contacts held

      beredskap contacts held --school "Eksempel vgs" --json
    """
    from config.clock import oslo_date
    from contacts.commands.explanation import draw_held
    from contacts.holds import held_students
    from contacts.own_schools import schools_to_look_at

    with open_store(need_keys=False) as store:
        day = on.date() if on else oslo_date(store.database.now())
        with store.database.read() as connection:
            found = held_students(connection, schools_to_look_at(connection, store.operator, school), day)
    if as_json:
        print_json({"on": day, "held": found})
    else:
        draw_held(found, console())


@app.command("release")
@command_errors(Right.RELEASE)
def release(
    student: StudentArgument,
    reason: Annotated[str, typer.Option(help="Why the guardians may be told; kept on record.")],
    until: Annotated[Day, typer.Option(formats=DAY, help="The last day of the release; it runs out by itself.")],
    as_json: JsonOption = False,
) -> None:
    """Let the guardians of a protected student be told, to and with a day. Who did it, and why, is kept on record.

    So is a student released of whom nobody has told whether they are protected (FINT does not tell it).

    Example:

      beredskap contacts release 2B-017 --reason "agreed with the municipality, case 2026/88" --until 2027-06-30
    """
    from contacts import holds
    from contacts.people import find_student

    def act(connection: Connection, today: date, operator: str) -> Act:
        person = find_student(connection, student)
        return holds.release(connection, person, reason=reason, until=until.date(), today=today, operator=operator)

    perform(act, about=student, as_json=as_json)


@app.command("hold")
@command_errors(Right.RELEASE)
def hold(
    student: StudentArgument,
    reason: Annotated[str, typer.Option(help="Why the release is taken back; kept on record.")],
    as_json: JsonOption = False,
) -> None:
    """Take back the release of a student, at once, for alerts under way too: one who is protected, or may be.

    Example:

      beredskap contacts hold 2B-017 --reason "released by mistake"
    """
    from contacts import holds
    from contacts.people import find_student

    def act(connection: Connection, today: date, operator: str) -> Act:
        person = find_student(connection, student)
        return holds.hold_again(connection, person, reason=reason, today=today, operator=operator)

    perform(act, about=student, as_json=as_json)


@app.command("block")
@command_errors(Right.CHANGE_CONTACTS)
def block(
    guardian: GuardianArgument,
    decision: Annotated[str, typer.Option(help="The documented decision that it rests on, such as 2026/113.")],
    from_day: Annotated[Day | None, typer.Option("--from", formats=DAY, help="The first day; else today.")] = None,
    to_day: Annotated[Day | None, typer.Option("--to", formats=DAY, help="The last day; else for good.")] = None,
    student: Annotated[str | None, typer.Option(help="About this student only; else about all of them.")] = None,
    as_json: JsonOption = False,
) -> None:
    """Record a documented decision that a guardian shall not be told, with effect on alerts under way.

    Examples:

      beredskap contacts block G-17 --decision 2026/113 --from 2026-02-01

      beredskap contacts block G-17 --decision 2026/113 --from 2026-02-01 --to 2026-12-31 --student 2B-017
    """
    from contacts import blocks
    from contacts.people import find_guardian, find_student

    def act(connection: Connection, today: date, operator: str) -> Act:
        return blocks.block(
            connection,
            find_guardian(connection, guardian),
            student=find_student(connection, student) if student else None,
            decision=decision,
            first_day=from_day.date() if from_day else today,
            last_day=to_day.date() if to_day else None,
            operator=operator,
        )

    perform(act, as_json=as_json)


@app.command("unblock")
@command_errors(Right.CHANGE_CONTACTS)
def unblock(
    guardian: GuardianArgument,
    decision: Annotated[str, typer.Option(help="The decision that the block rests on, as it was recorded.")],
    from_day: Annotated[
        Day | None, typer.Option("--from", formats=DAY, help="The first day without the block; else today.")
    ] = None,
    student: Annotated[str | None, typer.Option(help="For a block about one student: which one.")] = None,
    as_json: JsonOption = False,
) -> None:
    """End a block. It stays on record, with the days on which it held.

    Example:

      beredskap contacts unblock G-17 --decision 2026/113
    """
    from contacts import blocks
    from contacts.people import find_guardian, find_student

    def act(connection: Connection, today: date, operator: str) -> Act:
        return blocks.unblock(
            connection,
            find_guardian(connection, guardian),
            student=find_student(connection, student) if student else None,
            decision=decision,
            from_day=from_day.date() if from_day else today,
            operator=operator,
        )

    perform(act, as_json=as_json)
