"""The words of reports on paper, in Norwegian (bokmål): what an alert's coded values and reasons are called (pure).

Values that the export of a person names, too, are called the same there: `dispatcher.retention.norwegian`.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Final

from config.clock import OSLO
from dispatcher.codes import AlertState, AlertStatus, AttemptOutcome, DeliveryState, StudentClass
from dispatcher.reports.acts import Act
from dispatcher.reports.breakdown import Milestone
from dispatcher.reports.reasons_in_norwegian import REASONS
from dispatcher.retention.norwegian import VALUES
from providers.base import Channel

STATUSES: Final[Mapping[AlertStatus, str]] = {
    AlertStatus.ACTUAL: "Virkelig varsel",
    AlertStatus.EXERCISE: "Øvelse",
    AlertStatus.TEST: "Test",
}
ALERT_STATES: Final[Mapping[AlertState, str]] = {
    AlertState.DRAFT: "ikke sendt",
    AlertState.PLANNING: "sendes nå",
    AlertState.OPEN: "sendes nå",
    AlertState.CLOSED: "ferdig",
    AlertState.STOPPED: "stanset",
    AlertState.EXPIRED: "utløpt",
}
CHANNELS: Final[Mapping[Channel, str]] = {Channel.SMS: "SMS", Channel.EMAIL: "E-post", Channel.VOICE: "Anrop"}
CLASSES: Final[Mapping[StudentClass, str]] = {
    StudentClass.UNREACHED: "ikke nådd",
    StudentClass.HELD: "må avgjøres av et menneske",
    StudentClass.HANDED_OVER: "overlevert, ikke bekreftet",
    StudentClass.CONFIRMED: "bekreftet",
    StudentClass.NOBODY_MAY_BE_TOLD: "ingen kan varsles",
}
# States in which a provider has had the message for certain come first in a bar, those that failed last.
STATES: Final[Mapping[DeliveryState, str]] = {
    DeliveryState.DELIVERED: "levert",
    DeliveryState.ACCEPTED: "overlevert, uten kvittering",
    DeliveryState.UNKNOWN: "usikkert om den kom fram",
    DeliveryState.QUEUED: "venter",
    DeliveryState.SENDING: "sendes",
    DeliveryState.DEFERRED: "prøves igjen",
    DeliveryState.UNDELIVERED: "kom ikke fram",
    DeliveryState.REJECTED: "avvist",
    DeliveryState.EXPIRED: "utløpt før den ble sendt",
    DeliveryState.CANCELLED: "trukket før den ble sendt",
}
OUTCOMES: Final[Mapping[AttemptOutcome, str]] = {
    AttemptOutcome.OPEN: "ikke svart ennå",
    AttemptOutcome.ACCEPTED: "tatt imot",
    AttemptOutcome.REJECTED: "avvist",
    AttemptOutcome.DEFERRED: "utsatt til et nytt forsøk",
    AttemptOutcome.UNKNOWN: "uvisst",
    AttemptOutcome.RELEASED: "gitt tilbake usendt",
}
# A call is never "delivered": it rings, and somebody confirms it or not.
CALL_STATES: Final[Mapping[DeliveryState, str]] = {
    **STATES,
    DeliveryState.DELIVERED: "bekreftet",
    DeliveryState.ACCEPTED: "ringer",
    DeliveryState.UNKNOWN: "usikkert om det ble ringt",
    DeliveryState.SENDING: "begynner",
    DeliveryState.UNDELIVERED: "ikke bekreftet",
    DeliveryState.EXPIRED: "utløpt før det ble ringt",
    DeliveryState.CANCELLED: "trukket før det ble ringt",
}
_MILESTONES: Final[Mapping[Milestone, str]] = {
    Milestone.HAND_OVER: "overlevert til leverandøren",
    Milestone.DELIVERY: "levert til telefonen",
}
_SHORT_MILESTONES: Final[Mapping[Milestone, str]] = {Milestone.HAND_OVER: "overlevert", Milestone.DELIVERY: "levert"}
_CALL_MILESTONES: Final[Mapping[Milestone, str]] = {Milestone.HAND_OVER: "begynt", Milestone.DELIVERY: "bekreftet"}
ACTS: Final[Mapping[str, str]] = {
    "alert.preview": "laget forhåndsvisningen",
    "alert.send": "bekreftet og sendte varselet",
    "alert.break_glass": "sendte varselet uten å ha rollen for det",
    "alert.update": "bekreftet og sendte en ny melding om det samme",
    "alert.all_clear": "bekreftet og sendte at faren er over",
    "alert.cancel": "bekreftet og sendte at varselet er trukket tilbake",
    "alert.planned": "alle meldinger var laget",
    "alert.replaced": "det som ikke var sendt, ble erstattet av et nytt varsel",
    "alert.reduce": "ble redusert til tall",
    "alert.stop": "stanset varselet",
    "alert.resend_failed": "sendte på nytt det som ikke kom fram",
    "alert.closed": "avsluttet: alt var gjort",
    "alert.expired": "utløpt",
}


def state_words(channel: Channel, state: DeliveryState) -> str:
    """ "SMS kom ikke fram"; of calls what became of them: "Anrop ikke bekreftet"."""
    return f"{CHANNELS[channel]} {(CALL_STATES if channel is Channel.VOICE else STATES)[state]}"


def milestone_words(channel: Channel, milestone: Milestone, *, short: bool = False) -> str:
    """ "SMS overlevert til leverandøren", or short: "SMS overlevert"; of calls: "Anrop begynt"."""
    words = _CALL_MILESTONES if channel is Channel.VOICE else _SHORT_MILESTONES if short else _MILESTONES
    return f"{CHANNELS[channel]} {words[milestone]}"


def code_words(code: str | None) -> str:
    """The provider's code behind a reason, " (30005)". Our own are words, and say no more than the reason."""
    return f" ({code})" if code and code[0].isdigit() else ""


def scenario_words(scenario: str) -> str:
    """What an alert was about; a school's own scenario by its name."""
    return VALUES["scenario"].get(scenario, scenario.replace("_", " "))


def language_words(language: str) -> str:
    return VALUES["language"].get(language, language)


def act_words(act: Act) -> str:
    """What was done, with the reason that was given; an act without words here by its name in the audit log."""
    if act.act == "county.told":
        return f"e-post til fylket: {STATES[DeliveryState(str(act.details['e-mail']))]}"
    words = ACTS.get(act.act, act.act)
    return f"{words}: {act.details['reason']}" if "reason" in act.details else words


def in_norwegian(words: str) -> str:
    """A reason that reports give in English; words that stand in no table are a person's or a provider's own."""
    if words in REASONS:
        return REASONS[words]
    # Several reasons of one student, one after the other.
    parts = words.split(", ")
    return ", ".join(REASONS[part] for part in parts) if all(part in REASONS for part in parts) else words


def day_and_time(moment: datetime) -> str:
    """Day and time in Oslo: "23.11.2026 kl. 08.40.12"."""
    return f"{moment.astimezone(OSLO):%d.%m.%Y kl. %H.%M.%S}"


def clock(moment: datetime) -> str:
    """The time of day in Oslo: "kl. 08.40.12"."""
    return f"kl. {moment.astimezone(OSLO):%H.%M.%S}"


def duration(seconds: float) -> str:
    """A time as people say it: "0,8 sekunder", "74 sekunder", "12 minutter"; on one line."""
    if seconds < 10:
        return f"{seconds:.1f}\u00a0sekunder".replace(".", ",")
    return f"{seconds:.0f}\u00a0sekunder" if seconds < 600 else f"{seconds / 60:.0f}\u00a0minutter"


def share(part: int, whole: int) -> str:
    """ "98,2 %"; 100 % and 0 % only of all and of none."""
    if not whole:
        return "–"
    tenths = round(1000 * part / whole)
    if part:
        tenths = max(tenths, 1)
    if part < whole:
        tenths = min(tenths, 999)
    return f"{tenths / 10:.1f}\u00a0%".replace(".", ",")
