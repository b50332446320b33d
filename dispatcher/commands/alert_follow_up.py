"""`beredskap alert update`, `all-clear` and `cancel`: to those who were told what it refers to, and to nobody else."""

from __future__ import annotations

from contextlib import closing
from typing import TYPE_CHECKING, Annotated, TypeAlias

import typer

from config.roles import Right
from config.shell import JsonOption, YesOption, command_errors, open_store
from dispatcher.commands.confirming import Sending, interrupted, run
from dispatcher.commands.typed import placeholders, seconds_of

if TYPE_CHECKING:
    from config.sections import Language
    from config.shell import KeyedStore
    from dispatcher.tables import AnyRow
    from providers.base import Channel

AlertArgument: TypeAlias = Annotated[
    str, typer.Argument(metavar="ALERT", help='What it refers to: its number ("A-2611-0042"), or "latest".')
]
TextOption: TypeAlias = Annotated[str | None, typer.Option(help="These words, in all languages.")]
TextNbOption: TypeAlias = Annotated[str | None, typer.Option("--text-nb", help="These words in bokmål.")]
TextNnOption: TypeAlias = Annotated[str | None, typer.Option("--text-nn", help="These words in nynorsk.")]
TextSeOption: TypeAlias = Annotated[str | None, typer.Option("--text-se", help="These words in Northern Sámi.")]
TextEnOption: TypeAlias = Annotated[str | None, typer.Option("--text-en", help="These words in English.")]
SetOption: TypeAlias = Annotated[
    list[str] | None, typer.Option("--set", metavar="NAME=WORDS", help="Fill a placeholder of the text.")
]
ExpiresOption: TypeAlias = Annotated[str, typer.Option(metavar="TIME", help="How long it is worth telling: 2h, 90m.")]
HoldOption: TypeAlias = Annotated[
    float | None, typer.Option(min=0, metavar="SECONDS", help="The cancel window; 0 for none; default 5.")
]
AgainOption: TypeAlias = Annotated[
    bool, typer.Option("--again", help="Send even though the same went out within ten minutes.")
]
GlassOption: TypeAlias = Annotated[
    str | None,
    typer.Option(metavar="REASON", help="Follow an actual alert up without the role for it. The county is told."),
]
WatchOption: TypeAlias = Annotated[bool, typer.Option("--watch/--no-watch", help="Watch it go out. Ctrl-C leaves.")]


@command_errors(Right.SEND, interrupted=interrupted)
def update(
    alert: AlertArgument,
    text: TextOption = None,
    text_nb: TextNbOption = None,
    text_nn: TextNnOption = None,
    text_se: TextSeOption = None,
    text_en: TextEnOption = None,
    set_: SetOption = None,
    expires: ExpiresOption = "",
    hold: HoldOption = None,
    again: AgainOption = False,
    break_glass: GlassOption = None,
    yes: YesOption = False,
    watch: WatchOption = True,
    as_json: JsonOption = False,
) -> None:
    """News to those who were told, and may be told today. What has not left of the earlier message is held back, and
    those it was meant for get the news instead.

    Status, audience and channels are those of the alert. Confirmed as `alert send` is.

    Examples:

      beredskap alert update A-2611-0042 --text "Elevene er samlet i idrettshallen. Vent hjemme."

      beredskap alert update latest --text-nb "…" --text-nn "…" --text-se "…" --text-en "…"
    """
    _follow_up(
        "update",
        alert,
        text,
        {"nb": text_nb, "nn": text_nn, "se": text_se, "en": text_en},
        set_,
        expires,
        hold,
        again=again,
        break_glass=break_glass,
        yes=yes,
        watch=watch,
        as_json=as_json,
    )


@command_errors(Right.SEND, interrupted=interrupted)
def all_clear(
    alert: AlertArgument,
    text: TextOption = None,
    text_nb: TextNbOption = None,
    text_nn: TextNnOption = None,
    text_se: TextSeOption = None,
    text_en: TextEnOption = None,
    set_: SetOption = None,
    expires: ExpiresOption = "",
    hold: HoldOption = None,
    again: AgainOption = False,
    break_glass: GlassOption = None,
    yes: YesOption = False,
    watch: WatchOption = True,
    as_json: JsonOption = False,
) -> None:
    """The danger is over: to all who were told of it, or may have been, unless they are blocked by now. What has not
    left of the earlier messages is held back; who was told nothing is told nothing.

    Status, audience and channels are those of the alert. Confirmed as `alert send` is.

    Examples:

      beredskap alert all-clear A-2611-0042

      beredskap alert all-clear latest --text-nb "Faren er over. Bussene går som vanlig."
    """
    _follow_up(
        "all_clear",
        alert,
        text,
        {"nb": text_nb, "nn": text_nn, "se": text_se, "en": text_en},
        set_,
        expires,
        hold,
        again=again,
        break_glass=break_glass,
        yes=yes,
        watch=watch,
        as_json=as_json,
    )


@command_errors(Right.SEND, interrupted=interrupted)
def cancel(
    alert: AlertArgument,
    text: TextOption = None,
    text_nb: TextNbOption = None,
    text_nn: TextNnOption = None,
    text_se: TextSeOption = None,
    text_en: TextEnOption = None,
    set_: SetOption = None,
    expires: ExpiresOption = "",
    hold: HoldOption = None,
    again: AgainOption = False,
    break_glass: GlassOption = None,
    yes: YesOption = False,
    watch: WatchOption = True,
    as_json: JsonOption = False,
) -> None:
    """Take an alert back that should not have been sent: what has not left is held back, and all who were told, or may
    have been, are told that it does not apply. `alert stop` holds back, and tells nobody.

    Status, audience and channels are those of the alert. Confirmed as `alert send` is.

    Examples:

      beredskap alert cancel A-2611-0042

      beredskap alert cancel latest --yes --hold 0
    """
    _follow_up(
        "cancel",
        alert,
        text,
        {"nb": text_nb, "nn": text_nn, "se": text_se, "en": text_en},
        set_,
        expires,
        hold,
        again=again,
        break_glass=break_glass,
        yes=yes,
        watch=watch,
        as_json=as_json,
    )


def _follow_up(
    kind: str,
    alert: str,
    text: str | None,
    own: dict[Language, str | None],
    fill: list[str] | None,
    expires: str,
    hold: float | None,
    *,
    again: bool,
    break_glass: str | None,
    yes: bool,
    watch: bool,
    as_json: bool,
) -> None:
    from config.audit import current_operator
    from config.settings import load_settings
    from dispatcher.alerts.follow_up_draft import FollowUpRequest, make_follow_up
    from dispatcher.alerts.requirements import check_configured
    from dispatcher.commands.breaking_glass import reason_of
    from dispatcher.outbox.following import Kind
    from dispatcher.running.delivering import Delivering

    settings = load_settings()
    dispatch = settings.dispatch
    reason = reason_of(break_glass, actual=True)
    with open_store(glass=bool(reason)) as store, closing(Delivering(settings, at_once=yes)) as delivering:
        found = _find(store, alert, reason)
        check_configured(settings, _channels(found))
        request = FollowUpRequest(
            kind=Kind(kind),
            refers_to=found.id,
            text=text,
            texts={language: words for language, words in own.items() if words is not None},
            values=placeholders(fill or []),
            expires_seconds=seconds_of(expires) if expires else dispatch.expires_minutes * 60,
            operator=current_operator(),
            again=again,
            fallback=settings.chain,
        )
        sending = Sending(
            lambda connection, catalogue: make_follow_up(connection, catalogue, request, settings.organisation),
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


def _find(store: KeyedStore, number: str, reason: str) -> AnyRow:
    """The alert that is followed up: one that the operator may look at; any, when they break the glass for it."""
    from dispatcher.alerts.lifecycle import find_alert
    from dispatcher.alerts.sight import find_alert_for
    from dispatcher.codes import AlertStatus
    from dispatcher.commands.breaking_glass import reason_of

    with store.database.read() as connection:
        if not reason:
            return find_alert_for(connection, number, store.operator)
        found = find_alert(connection, number)
    reason_of(reason, actual=found.status is AlertStatus.ACTUAL)
    return found


def _channels(alert: AnyRow) -> frozenset[Channel]:
    from providers.base import Channel

    used = ((Channel.SMS, alert.sms), (Channel.EMAIL, alert.email))
    return frozenset(channel for channel, is_used in used if is_used)
