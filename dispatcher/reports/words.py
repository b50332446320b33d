"""The words of reports: why somebody was not reached, short names, times in Oslo, readable numbers. Pure."""

from __future__ import annotations

from datetime import datetime

from config.clock import OSLO
from dispatcher.codes import DeliveryState, StudentClass
from providers.base import Channel
from providers.errors import in_plain_words

CHANNEL_WORDS = {Channel.SMS: "SMS", Channel.EMAIL: "e-mail", Channel.VOICE: "call"}

CLASS_WORDS = {
    StudentClass.UNREACHED: "unreached",
    StudentClass.HELD: "held: a person must decide",
    StudentClass.HANDED_OVER: "handed over",
    StudentClass.CONFIRMED: "confirmed",
    StudentClass.NOBODY_MAY_BE_TOLD: "nobody may be told",
}

STATE_WORDS = {
    DeliveryState.QUEUED: "waiting",
    DeliveryState.SENDING: "being sent",
    DeliveryState.ACCEPTED: "handed over, not confirmed",
    DeliveryState.DEFERRED: "to be tried again",
    DeliveryState.UNKNOWN: "may have been told",
    DeliveryState.DELIVERED: "delivered",
    DeliveryState.UNDELIVERED: "failed",
    DeliveryState.REJECTED: "refused",
    DeliveryState.EXPIRED: "expired",
    DeliveryState.CANCELLED: "cancelled",
}

# Codes that this program gives a delivery itself; all others are a provider's.
_DELIVERY_WORDS = {
    "entitlement_lost": "nobody it was meant for may be told any more",
    "opted_out": "the owner of the number answered STOP",
    "no_longer_asked": "the student has answered, or is not to be asked there any more",
    "no_longer_needed": "what the reminder asks for has come, or is not to be asked for there any more",
    "confirmed": "confirmed before the call was made",
    "stopped": "the alert was stopped before it left",
    "replaced": "another alert took its place before it left",
    "never_told": "nobody it was meant for has been told what it is about",
    "expired": "the alert expired before it left",
    "lease_lost": "the worker that sent it disappeared; whether it left is not known",
    "crashed": "the program failed while it sent the message; whether it left is not known",
    "never_taken": "the provider never took it; waiting to be sent again",
    "repeat": "waiting to be sent again under the same Message-ID",
}
# Without a code nobody has given a reason: the state itself is all there is to say.
_STATE_REASONS = {
    DeliveryState.QUEUED: "waiting to be sent",
    DeliveryState.SENDING: "being sent",
    DeliveryState.ACCEPTED: "handed over, and not confirmed yet",
    DeliveryState.DEFERRED: "waiting to be tried again",
    DeliveryState.UNKNOWN: "the provider did not say whether it took the message",
    DeliveryState.DELIVERED: "delivered",
    DeliveryState.EXPIRED: "the alert expired before it left",
    DeliveryState.CANCELLED: "cancelled before it left",
}

_UNREACHABLE_WORDS = {
    "unverified_only": "only contact points that nobody verified (--include-unverified uses them)",
    "stale_only": "only contact points not confirmed for 18 months (used for actual alerts alone)",
    "channel_not_asked": "contact points only on a channel that this alert does not use",
    "opted_out": "the owner of the number answered STOP",
    "failing": "earlier messages failed there again and again; it must be verified anew",
    "fixed_line_only": "only a fixed line, which cannot take SMS",
    "shared_with_blocked": "the address is shared with somebody who must not be contacted",
    "never_told": "the earlier message of this alert did not go there",
    "replaced": "the guardian has confirmed another address with us",
    "no_contact_point": "no phone number and no e-mail address",
}

_HELD_WORDS = {
    "no_guardian_known": "nobody is registered for the student",
    "birth_date_unknown": "the student's birth date is unknown",
    "protected_hold": "the student is protected",
    "protection_unknown": "whether the student is protected is not known",
}


def delivery_reason(state: DeliveryState, code: str | None) -> str:
    """Why a delivery is in `state`, in plain words; `code` is the provider's or our own, None when there is none."""
    if code in _DELIVERY_WORDS:
        return _DELIVERY_WORDS[code]
    if not code and state in _STATE_REASONS:
        return _STATE_REASONS[state]
    return in_plain_words(code or "")


def unreachable_reason(code: str) -> str:
    """Why an entitled guardian got no message at all."""
    return _UNREACHABLE_WORDS.get(code, code.replace("_", " "))


def held_reason(reason: str) -> str:
    """What a person must decide about a held student."""
    return _HELD_WORDS.get(reason, reason.replace("_", " "))


def short_name(given_name: str, family_name: str) -> str:
    """ "Ola E.": enough to recognise whom to call, and no full name. The population register writes in capitals."""
    given = given_name.split()[0] if given_name.split() else ""
    given = given.title() if given.isupper() else given
    initial = family_name.strip()[:1].upper()
    return " ".join(part for part in (given, f"{initial}." if initial else "") if part) or "(no name)"


def oslo_time(moment: datetime) -> str:
    """The time of day in Oslo: "08:40:12"."""
    return moment.astimezone(OSLO).strftime("%H:%M:%S")


def oslo_day_time(moment: datetime) -> str:
    """Day and time in Oslo: "2026-11-23 08:40:12"."""
    return moment.astimezone(OSLO).strftime("%Y-%m-%d %H:%M:%S")


def grouped(number: int) -> str:
    """Thousands set apart as in Norwegian, without breaking the line: "1 744"."""
    return f"{number:,}".replace(",", "\u00a0")


def seconds_words(seconds: float) -> str:
    """A duration as people say it: "0.8 s", "74 s", "12 min"."""
    if seconds < 10:
        return f"{seconds:.1f} s"
    return f"{seconds:.0f} s" if seconds < 600 else f"{seconds / 60:.0f} min"
