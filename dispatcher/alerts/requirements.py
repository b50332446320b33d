"""What the settings must hold for an alert to leave at all, and for how long it may be worth telling."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from dispatcher.alerts.not_sent import Cause, NotSentError
from providers.base import Channel

if TYPE_CHECKING:
    from config.settings import Settings

LONGEST_SECONDS = 7 * 86_400

# A number, or a Messaging Service of them.
_ANSWERABLE = re.compile(r"\+?[0-9]{3,15}|MG[0-9a-fA-F]{32}")


def check_configured(settings: Settings, channels: frozenset[Channel]) -> None:
    """Raises NotSentError when the settings lack what a message of these channels needs."""
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
        raise NotSentError(
            Cause.NOT_SET_UP,
            f"The alert cannot leave: {' and '.join(missing)} {'is' if len(missing) == 1 else 'are'} not set.",
            remedy="Set it in beredskap.toml, or send by the other channel alone with --channels.",
            names=missing,
        )


def can_be_answered(sender: str) -> bool:
    """Whether an SMS from this sender can be answered: a name cannot."""
    return _ANSWERABLE.fullmatch(sender.replace(" ", "")) is not None


def check_answerable(sender: str, channels: frozenset[Channel]) -> None:
    """Raises NotSentError when nobody could answer an SMS: there is none, or its sender is no number."""
    if Channel.SMS not in channels:
        what, remedy = "it goes by e-mail alone", "Leave out --ask-confirmation, or send SMS, too."
    elif not can_be_answered(sender):
        what = "the sender has a name, and only a number can be answered"
        remedy = "Leave out --ask-confirmation, or set sms.sender to a number."
    else:
        return
    raise NotSentError(Cause.NOT_ANSWERABLE, f"Nobody could answer this alert: {what}.", remedy=remedy)
