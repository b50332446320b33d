"""The form of an alert: what it asks for when it comes back, and its fields, carried on from page to page (pure)."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from starlette.datastructures import ImmutableMultiDict

from config.catalogue import LANGUAGES, Scenario
from config.settings import Settings
from dispatcher.alerts.draft import AlertRequest
from dispatcher.alerts.requirements import LONGEST_SECONDS, can_be_answered
from dispatcher.alerts.text import placeholders_of
from dispatcher.codes import AlertStatus
from portal.texts import marked
from providers.base import Channel

Form = ImmutableMultiDict[str, str]

CHANNELS: Final = (Channel.SMS, Channel.EMAIL)
YES: Final = "yes"
# Before a placeholder's name, in the name of its field; and before a language, of the words that are its own.
VALUE: Final = "value-"
TEXT: Final = "text-"
_FIELDS: Final = frozenset(
    {"status", "school", "groups", "grades", "students", "text", "minutes", "channel", "unverified", "ask", "again"}
)
_MINUTES: Final = (30, 60, 120, 240, 480, 1440)


class UnusableForm(Exception):  # noqa: N818 (an answer, no fault)
    """What was filled in cannot be asked for. `reason`: a text that is `marked`."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


@dataclass(frozen=True, slots=True)
class Filled:
    """A form as the page shows it. `values`: each placeholder with what stands in it; `texts`: each language with its
    own words; `choices`: of `minutes`."""

    status: str
    schools: frozenset[str]
    groups: str
    grades: str
    students: str
    values: tuple[tuple[str, str], ...]
    text: str
    texts: tuple[tuple[str, str], ...]
    channels: frozenset[str]
    minutes: int
    choices: tuple[int, ...]
    unverified: bool
    ask: bool
    can_ask: bool

    @property
    def own_words(self) -> bool:
        return bool(self.text or any(words for _language, words in self.texts))


def blank(settings: Settings) -> Form:
    """What a form holds that nobody has filled in: all channels that are set up. Neither status nor school."""
    sms, smtp = settings.sms, settings.smtp
    set_up = ((Channel.SMS, sms.account_sid and sms.sender), (Channel.EMAIL, smtp.host and smtp.from_address))
    return ImmutableMultiDict([("channel", channel.value) for channel, usable in set_up if usable])


def filled(form: Form, scenario: Scenario, settings: Settings) -> Filled:
    """The form as it stands."""
    default = settings.dispatch.expires_minutes
    choices = tuple(sorted({*_MINUTES, default}))
    typed = form.get("minutes", "")
    chosen = [one for one in choices if str(one) == typed]
    return Filled(
        status=form.get("status", ""),
        schools=frozenset(form.getlist("school")),
        groups=form.get("groups", ""),
        grades=form.get("grades", ""),
        students=form.get("students", ""),
        values=tuple((name, form.get(f"{VALUE}{name}", "")) for name in _placeholders(scenario)),
        text=form.get("text", ""),
        texts=tuple((language, form.get(f"{TEXT}{language}", "")) for language in LANGUAGES),
        channels=frozenset(form.getlist("channel")),
        minutes=chosen[0] if chosen else default,
        choices=choices,
        unverified=form.get("unverified") == YES,
        ask=form.get("ask") == YES,
        can_ask=can_be_answered(settings.sms.sender),
    )


def carried(form: Form, scenario: Scenario) -> list[tuple[str, str]]:
    """The fields of the form that a next page sends again, and nothing else that was sent."""
    known = {
        *_FIELDS,
        *(f"{VALUE}{name}" for name in _placeholders(scenario)),
        *(f"{TEXT}{language}" for language in LANGUAGES),
    }
    return [(name, value) for name, value in form.multi_items() if name in known and value]


def request_of(form: Form, scenario: Scenario, settings: Settings, operator: str) -> AlertRequest:
    """What the form asks for. Raises UnusableForm when something is missing that every alert needs."""
    status = form.get("status", "")
    if status not in {one.value for one in AlertStatus}:
        raise UnusableForm(marked("Say whether it is an actual alert, an exercise or a test."))
    channels = frozenset(channel for channel in CHANNELS if channel.value in form.getlist("channel"))
    if not channels:
        raise UnusableForm(marked("Choose SMS, e-mail or both."))
    groups, grades, students = (_names(form.get(name, "")) for name in ("groups", "grades", "students"))
    # Whoever names students on the form means these alone. The school stands there by itself when it is the only one.
    alone = bool(students) and not (groups or grades)
    schools = [] if alone else [name for one in form.getlist("school") if (name := _plain(one))]
    if not (schools or groups or grades or students):
        raise UnusableForm(marked("Say whom it is about: a school, a class, a year, or students."))
    text = form.get("text", "").strip()
    own = ((language, form.get(f"{TEXT}{language}", "").strip()) for language in LANGUAGES)
    given = ((name, form.get(f"{VALUE}{name}", "").strip()) for name in _placeholders(scenario))
    return AlertRequest(
        schools=schools,
        groups=groups,
        grades=grades,
        students=students,
        scenario=scenario.name,
        status=AlertStatus(status),
        text=text or None,
        texts={language: words for language, words in own if words},
        values={name: words for name, words in given if words},
        channels=channels,
        include_unverified=form.get("unverified") == YES,
        expires_seconds=_seconds(form.get("minutes", ""), settings),
        operator=operator,
        again=form.get("again") == YES,
        ask_confirmation=form.get("ask") == YES,
        fallback=settings.chain,
    )


def _seconds(minutes: str, settings: Settings) -> int:
    if not minutes:
        return settings.dispatch.expires_minutes * 60
    if not re.fullmatch(r"[1-9][0-9]{0,4}", minutes) or int(minutes) * 60 > LONGEST_SECONDS:
        raise UnusableForm(marked("Choose after how long nothing more is to leave: a week at most."))
    return int(minutes) * 60


def _names(typed: str) -> list[str]:
    """Names with commas or line ends between them."""
    return [name for part in re.split(r"[,;\n]", typed) if (name := _plain(part))]


def _plain(name: str) -> str:
    return "".join(letter if letter.isprintable() else " " for letter in name).strip()


def _placeholders(scenario: Scenario) -> Sequence[str]:
    return placeholders_of(*scenario.texts.values())
