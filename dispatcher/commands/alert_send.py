"""`beredskap alert send`: preview, confirmation, and then the alert goes out by itself; the terminal only watches."""

from __future__ import annotations

import sys
from contextlib import closing
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated

import typer

from config.roles import Right
from config.shell import JsonOption, YesOption, command_errors, console, open_store, print_json
from dispatcher.commands.typed import NOTHING_SENT, channels_of, check_answerable, placeholders, seconds_of

if TYPE_CHECKING:
    from config.sections import Language
    from config.settings import Settings
    from config.shell import KeyedStore
    from dispatcher.alerts.draft import AlertRequest, Draft
    from dispatcher.alerts.lifecycle import Confirmed
    from dispatcher.alerts.preview import Preview
    from dispatcher.alerts.preview_page import SendingTerms
    from dispatcher.routine.county import BrokenGlass
    from dispatcher.running.delivering import Delivering
    from providers.base import Channel


class Status(StrEnum):
    """Fixed when the alert is made, and never changed."""

    ACTUAL = "actual"
    EXERCISE = "exercise"
    TEST = "test"


_CONFIRMED: list[str] = []


def _interrupted() -> str:
    if _CONFIRMED:
        return f"You left. Alert {_CONFIRMED[0]} goes on: beredskap alert watch {_CONFIRMED[0]}"
    return f"Stopped. {NOTHING_SENT}"


@command_errors(Right.SEND, interrupted=_interrupted)
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
    from config.set_aside import warning_of
    from config.settings import load_settings
    from dispatcher.alerts.draft import AlertRequest
    from dispatcher.codes import AlertStatus
    from dispatcher.commands.breaking_glass import reason_of
    from dispatcher.running.delivering import Delivering

    settings = load_settings()
    if warning := warning_of(settings.set_aside):
        typer.echo(warning, err=True)
    wanted = channels_of(channels)
    own: dict[Language, str | None] = {"nb": text_nb, "nn": text_nn, "se": text_se, "en": text_en}
    reason = reason_of(break_glass, actual=status is Status.ACTUAL)
    _check_configured(settings, wanted)
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
        )
        hold_seconds = dispatch.hold_seconds if hold is None else hold
        _run(store, delivering, request, hold_seconds, reason, yes=yes, watch=watch, as_json=as_json)


def _run(
    store: KeyedStore,
    delivering: Delivering,
    request: AlertRequest,
    hold: float,
    reason: str,
    *,
    yes: bool,
    watch: bool,
    as_json: bool,
) -> None:
    from dispatcher.alerts.draft import discard_draft
    from dispatcher.alerts.preview_page import preview_json, preview_lines
    from dispatcher.commands.breaking_glass import break_glass, glass_lines

    draft, numbers, terms = _prepare(store, request, refuse=not reason)
    confirmed: Confirmed | None = None
    try:
        glass = break_glass(store, draft, reason) if reason else None
        if not as_json:
            lines = preview_lines(draft, numbers, terms)
            typer.echo("\n".join(lines + glass_lines(glass) if glass else lines))
        delivering.find_workers(store.database)
        confirmed = _sent_before(store, draft, request)
        if confirmed is None:
            if not yes:
                _ask(draft, numbers, request)
            delivering.check()
            confirmed = _confirm(store, draft, request, hold, glass)
            delivering.ring()
        _CONFIRMED.append(confirmed.number)
    finally:
        if confirmed is None or confirmed.earlier:
            with store.database.write() as connection:
                discard_draft(connection, draft.alert_id)
    if as_json:
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
    _tell(confirmed, hold, delivering.words())
    if watch:
        from dispatcher.reports.watch_loop import watch as watch_alert

        watch_alert(store.database, confirmed.alert_id, console())


def _sent_before(store: KeyedStore, draft: Draft, request: AlertRequest) -> Confirmed | None:
    """The alert that the same request made minutes ago, shown instead of a question that would change nothing."""
    from dispatcher.alerts.lifecycle import Confirmed, same_request

    if request.again:
        return None
    with store.database.read() as connection:
        earlier = same_request(connection, draft.request_id)
    return None if earlier is None else Confirmed(earlier.id, earlier.number, earlier=True)


def _prepare(store: KeyedStore, request: AlertRequest, *, refuse: bool) -> tuple[Draft, Preview, SendingTerms]:
    """Make and count the draft. Raises UsageError when nothing could be sent at all, and, when it shall be refused,
    NotPermittedError when the operator may not send it."""
    from pathlib import Path

    from config.catalogue import load_catalogue
    from contacts.own_schools import check_audience
    from dispatcher.alerts.draft import discard_draft, make_draft
    from dispatcher.alerts.preview import preview
    from dispatcher.alerts.preview_page import SendingTerms

    settings = store.settings
    messages = settings.organisation.messages_dir
    catalogue = load_catalogue(Path(messages) if messages else None)
    with store.database.write() as connection:
        draft = make_draft(connection, catalogue, request, settings.organisation)
        if refuse:
            check_audience(connection, store.operator, draft.audience, draft.on)
    try:
        numbers = preview(store.database, draft, stale_after_months=settings.organisation.stale_after_months)
    except BaseException:
        with store.database.write() as connection:
            discard_draft(connection, draft.alert_id)
        raise
    terms = SendingTerms(
        settings.sms.sender,
        settings.sms.segments_per_second,
        settings.sms.price_per_segment,
        request.expires_seconds,
        store.database.now(),
    )
    return draft, numbers, terms


def _check_configured(settings: Settings, channels: frozenset[Channel]) -> None:
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


def _ask(draft: Draft, numbers: Preview, request: AlertRequest) -> None:
    from config.shell import confirm_typed
    from dispatcher.codes import AlertStatus

    words: tuple[str, ...]
    match request.status:
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


def _confirm(
    store: KeyedStore, draft: Draft, request: AlertRequest, hold: float, glass: BrokenGlass | None
) -> Confirmed:
    from dispatcher.alerts.lifecycle import confirm

    with store.database.write() as connection:
        return confirm(
            connection,
            draft.alert_id,
            hold_seconds=hold,
            operator=request.operator,
            again=request.again,
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
