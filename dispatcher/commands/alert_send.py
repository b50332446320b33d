"""`beredskap alert send`: preview, confirmation, and then the alert goes out by itself; the terminal only watches."""

from __future__ import annotations

from contextlib import closing
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated

import typer

from config.roles import Right
from config.shell import JsonOption, YesOption, command_errors, open_store
from dispatcher.commands.confirming import Sending, interrupted, run
from dispatcher.commands.typed import channels_of, placeholders, seconds_of

if TYPE_CHECKING:
    from config.sections import Language


class Status(StrEnum):
    """Fixed when the alert is made, and never changed."""

    ACTUAL = "actual"
    EXERCISE = "exercise"
    TEST = "test"


@command_errors(Right.SEND, interrupted=interrupted)
def send(
    scenario: Annotated[str, typer.Option(help="What has happened: lockdown, evacuation, fire, closed, info, …")],
    status: Annotated[Status, typer.Option(help="actual, exercise (a drill, and says so) or test.")],
    school: Annotated[list[str] | None, typer.Option(help="A school; may be given several times.")] = None,
    group: Annotated[list[str] | None, typer.Option(help="A class or group, such as 2B.")] = None,
    grade: Annotated[list[str] | None, typer.Option(help="A grade, such as VG2.")] = None,
    student: Annotated[list[str] | None, typer.Option(help="A student's ref, such as 2B-017.")] = None,
    text: Annotated[str | None, typer.Option(help="These words instead of the scenario's, in all languages.")] = None,
    text_nb: Annotated[str | None, typer.Option(help="These words in bokmål.")] = None,
    text_nn: Annotated[str | None, typer.Option(help="These words in nynorsk.")] = None,
    text_se: Annotated[str | None, typer.Option(help="These words in Northern Sámi.")] = None,
    text_en: Annotated[str | None, typer.Option(help="These words in English.")] = None,
    set_: Annotated[
        list[str] | None, typer.Option("--set", metavar="NAME=WORDS", help='Fill a placeholder: --set sted="hallen".')
    ] = None,
    expires: Annotated[str, typer.Option(metavar="TIME", help="How long it is worth telling: 2h, 90m.")] = "",
    channels: Annotated[str, typer.Option(help="sms, email, or both.")] = "sms,email",
    include_unverified: Annotated[
        bool, typer.Option("--include-unverified", help="Use contact points that nobody has verified, too.")
    ] = False,
    ask_confirmation: Annotated[
        bool, typer.Option("--ask-confirmation", help="Each SMS asks for 1 in answer; such an answer confirms it.")
    ] = False,
    hold: Annotated[
        float | None, typer.Option(min=0, metavar="SECONDS", help="The cancel window; 0 for none; default 5.")
    ] = None,
    again: Annotated[
        bool, typer.Option("--again", help="Send even though the same went out within ten minutes.")
    ] = False,
    break_glass: Annotated[
        str | None,
        typer.Option(metavar="REASON", help="Send an actual alert without the role for it. The county is told."),
    ] = None,
    yes: YesOption = False,
    watch: Annotated[bool, typer.Option("--watch/--no-watch", help="Watch it go out. Ctrl-C leaves.")] = True,
    as_json: JsonOption = False,
) -> None:
    """Tell every guardian who may be told, by SMS and e-mail. Shows a preview first, and asks.

    A real alert is confirmed by typing the school's name (or the number of guardians), an exercise by the word øvelse,
    a test by the word test. After that it goes out by itself, whatever happens to this terminal.

    Examples:

      beredskap alert send --school "Eksempel vgs" --scenario lockdown --status actual

      beredskap alert send --school "Eksempel vgs" --scenario evacuation --set sted="idrettshallen" --status exercise

      beredskap alert send --group 2B --scenario info --text "2B er tilbake kl. 15." --status actual --expires 4h

      beredskap alert send --school "Eksempel vgs" --scenario fire --status actual --break-glass "rektor svarer ikke"
    """
    from config.audit import current_operator
    from config.settings import load_settings
    from dispatcher.alerts.draft import AlertRequest, make_draft
    from dispatcher.alerts.requirements import check_answerable, check_configured
    from dispatcher.codes import AlertStatus
    from dispatcher.commands.breaking_glass import reason_of
    from dispatcher.running.delivering import Delivering

    settings = load_settings()
    wanted = channels_of(channels)
    own: dict[Language, str | None] = {"nb": text_nb, "nn": text_nn, "se": text_se, "en": text_en}
    reason = reason_of(break_glass, actual=status is Status.ACTUAL)
    check_configured(settings, wanted)
    if ask_confirmation:
        check_answerable(settings.sms.sender, wanted)
    with open_store(glass=bool(reason)) as store, closing(Delivering(settings, at_once=yes)) as delivering:
        dispatch = settings.dispatch
        request = AlertRequest(
            schools=school or [],
            groups=group or [],
            grades=grade or [],
            students=student or [],
            scenario=scenario,
            status=AlertStatus(status.value),
            text=text,
            texts={language: words for language, words in own.items() if words is not None},
            values=placeholders(set_ or []),
            channels=wanted,
            include_unverified=include_unverified,
            expires_seconds=seconds_of(expires) if expires else dispatch.expires_minutes * 60,
            operator=current_operator(),
            again=again,
            ask_confirmation=ask_confirmation,
            fallback=settings.chain,
        )
        sending = Sending(
            lambda connection, catalogue: make_draft(connection, catalogue, request, settings.organisation),
            operator=request.operator,
            expires_seconds=request.expires_seconds,
            hold=dispatch.hold_seconds if hold is None else hold,
            again=again,
            reason=reason,
            yes=yes,
            watch=watch,
            as_json=as_json,
        )
        run(store, delivering, sending)
