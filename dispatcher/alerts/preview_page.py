"""The preview as a leader sees it, in 80 columns and one screen: the important number comes first (pure)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from math import ceil

from config.clock import OSLO
from dispatcher.alerts.draft import Draft
from dispatcher.alerts.preview import REASON_WORDS, Preview
from dispatcher.alerts.status_words import HEADINGS
from dispatcher.outbox.following import Kind
from providers.base import Channel

WIDTH = 80
_THIN = " "  # between thousands: a plain space, which every terminal has


@dataclass(frozen=True, slots=True)
class SendingTerms:
    """What sending takes: the sender's name, segments a second, the price of one in NOK, seconds until it expires; and
    calls a second, with the price of one."""

    sender: str
    segments_per_second: float
    price_per_segment: float
    expires_seconds: int
    now: datetime
    calls_per_second: float = 1.0
    price_per_call: float = 0.0


def preview_lines(draft: Draft, numbers: Preview, terms: SendingTerms) -> list[str]:
    """The lines of the page, without the question."""
    now = terms.now.astimezone(OSLO)
    expires = now + timedelta(seconds=terms.expires_seconds)
    day = "" if expires.date() == now.date() else f"{expires:%d.%m.} "
    scenario = draft.composition.scenario.name
    lines = [
        _cut(
            f"{HEADINGS[draft.composition.status]}   {draft.audience.headline}   {scenario}   "
            f"expires {day}{expires:%H:%M} (in {span(terms.expires_seconds)})"
        ),
        *_follows(draft),
        "",
        *_cannot(numbers),
        f"{_counted(numbers.reachable, 'student', width=4)} can be reached   {_counted(numbers.guardians, 'guardian')}",
    ]
    if numbers.nobody_may_be_told:
        lines += _nobody(numbers)
    lines += ["", *_messages(numbers, terms), *_texts(draft), *_time(numbers, terms), *_chain(draft, numbers, terms)]
    lines.append("")
    lines += _offers(draft, numbers)
    lines += [_cut(f" ! {warning.words}") for warning in draft.composition.warnings]
    return lines


def preview_json(draft: Draft, numbers: Preview, terms: SendingTerms) -> dict[str, object]:
    """The same facts for programs."""
    return {
        "status": draft.composition.status,
        **_follows_json(draft),
        "scenario": draft.composition.scenario.name,
        "audience": draft.audience.as_json(),
        "students": {
            "all": numbers.students,
            "cannot_be_reached": numbers.cannot_be_reached,
            "held": numbers.held,
            "held_reasons": numbers.held_reasons,
            "unreached": numbers.unreached,
            "unreached_reasons": numbers.unreached_reasons,
            "can_be_reached": numbers.reachable,
            "nobody_may_be_told": numbers.nobody_may_be_told,
            "adults_without_consent": numbers.adults_without_consent,
            "never_told": numbers.never_told,
        },
        "guardians": numbers.guardians,
        "guardians_unverified_only": numbers.unverified_guardians,
        "guardians_with_stale_contact": numbers.stale_guardians,
        "ask_confirmation": draft.composition.ask_confirmation,
        "messages": {channel.value: count for channel, count in numbers.messages.items()},
        "sms_segments": numbers.sms_segments,
        "texts": {
            text.language: {
                "sms": text.sms,
                "subject": text.subject,
                "email": text.email,
                "encoding": text.size.encoding,
                "segments": text.size.segments,
            }
            for text in draft.composition.texts
        },
        "expected_minutes": minutes(numbers, terms),
        "cost_nok": round(cost(numbers, terms), 2),
        "fallback": _chain_json(draft, numbers, terms),
        "expires_in_seconds": terms.expires_seconds,
        "warnings": [{"language": one.language, "code": one.code} for one in draft.composition.warnings],
    }


def _follows_json(draft: Draft) -> dict[str, object]:
    follows = draft.follows
    if follows is None:
        return {}
    return {"follow_up": {"kind": follows.kind, "refers_to": follows.numbers, "held_back": follows.unsent}}


def minutes(numbers: Preview, terms: SendingTerms) -> int:
    """Whole minutes until the sender has passed all SMS; it decides, not this program."""
    return ceil(numbers.sms_segments / terms.segments_per_second / 60)


def cost(numbers: Preview, terms: SendingTerms) -> float:
    """About what the SMS cost, in NOK."""
    return numbers.sms_segments * terms.price_per_segment


def _cannot(numbers: Preview) -> list[str]:
    """The important number, and why; the reasons on a line of their own where both are too long for one."""
    count = f"{_counted(numbers.cannot_be_reached, 'student', width=4)} cannot be reached"
    why = _reasons(numbers)
    line = f"{count}   {why}".rstrip()
    return [line] if len(line) <= WIDTH else [count, _cut(f"     {why}")]


def _reasons(numbers: Preview) -> str:
    parts = []
    if numbers.held:
        parts.append(f"{numbers.held} held for a decision")
    parts += [f"{count} {REASON_WORDS.get(code, code)}" for code, count in numbers.unreached_reasons.items()]
    shown = parts[:3]
    if len(parts) > len(shown):
        shown[-1] = "others"
    return ", ".join(shown)


def _nobody(numbers: Preview) -> list[str]:
    """Those who stand apart; of a follow-up first those whom what it refers to has told nobody about."""
    lines = []
    if numbers.never_told:
        told = _counted(numbers.never_told, "student", width=4)
        lines.append(f"{told} for whom nobody was told what this follows")
    others, adults = numbers.nobody_may_be_told - numbers.never_told, numbers.adults_without_consent
    if others == adults and others:
        lines.append(f"{_counted(others, 'adult student', width=4)} without consent (nobody may be told)")
    elif others:
        without = f"({_counted(adults, 'adult')} without consent)"
        lines.append(f"{_counted(others, 'student', width=4)} about whom nobody may be told {without}")
    return lines


def _follows(draft: Draft) -> list[str]:
    """What it refers to, and what becomes of that."""
    follows = draft.follows
    if follows is None:
        return []
    lines = [_cut(f"{_KINDS[follows.kind]} {', '.join(follows.numbers)}")]
    if follows.unsent:
        held = "has not left: it is" if follows.unsent == 1 else "have not left: they are"
        lines.append(f" {_counted(follows.unsent, 'message')} of that {held} held back for good")
    return lines


_KINDS: Mapping[Kind, str] = {
    Kind.UPDATE: "Update of",
    Kind.ALL_CLEAR: "All-clear after",
    Kind.CANCEL: "Takes back",
}


def _messages(numbers: Preview, terms: SendingTerms) -> Sequence[str]:
    sms, email = numbers.messages[Channel.SMS], numbers.messages[Channel.EMAIL]
    return [f" Messages   SMS {_n(sms, 1)}   e-mail {_n(email, 1)}   sender {terms.sender or 'not set'}"]


def _texts(draft: Draft) -> list[str]:
    lines: list[str] = []
    for text in draft.composition.texts:
        head = " Text  " if not lines else "       "
        size = f"{text.size.segments} segment{'s' if text.size.segments > 1 else ' '}"
        start = f'{head}{text.language}   {size}  {text.size.encoding.value:5}  "'
        lines.append(start + _shorten(text.sms, WIDTH - len(start) - 1) + '"')
    if draft.composition.ask_confirmation:
        lines.append("       each SMS ends by asking for 1 in answer (counted)")
    return lines


def _time(numbers: Preview, terms: SendingTerms) -> Sequence[str]:
    rate = f"{terms.segments_per_second:g} segments a second"
    price = _n(round(cost(numbers, terms)), 1)
    return [f" Time       about {minutes(numbers, terms)} min at {rate}      Cost about {price} kr"]


def _chain(draft: Draft, numbers: Preview, terms: SendingTerms) -> list[str]:
    """What follows for those who are not known to have been told, after how long, and what calls may cost at most."""
    if draft.chain is None:
        return []
    lines = []
    for step, seconds in draft.chain.later_steps():
        when = f"after {seconds / 60:g} min without receipt"
        if step is Channel.VOICE:
            price, needs = _n(round(numbers.guardians * terms.price_per_call), 1), _call_minutes(numbers, terms)
            most = f"at most {_n(numbers.guardians, 1)}: {needs} min, {price} kr"
            lines.append(_cut(f" Calls      {when} ({most})"))
        else:
            name = "e-mail" if step is Channel.EMAIL else "SMS"
            lines.append(f" Then       {name} {when}")
    return lines


def _call_minutes(numbers: Preview, terms: SendingTerms) -> int:
    return ceil(numbers.guardians / terms.calls_per_second / 60)


def _chain_json(draft: Draft, numbers: Preview, terms: SendingTerms) -> list[dict[str, object]]:
    if draft.chain is None:
        return []
    steps: list[dict[str, object]] = []
    for step, seconds in draft.chain.later_steps():
        shown: dict[str, object] = {"channel": step, "after_seconds": seconds}
        if step is Channel.VOICE:
            shown["at_most"] = numbers.guardians
            shown["expected_minutes_at_most"] = _call_minutes(numbers, terms)
            shown["cost_nok_at_most"] = round(numbers.guardians * terms.price_per_call, 2)
        steps.append(shown)
    return steps


def _offers(draft: Draft, numbers: Preview) -> list[str]:
    lines = []
    # A follow-up uses what the first alert used.
    if numbers.unverified_guardians and draft.follows is None:
        count = _counted(numbers.unverified_guardians, "guardian")
        lines.append(f" +{count} with unverified contacts only: add --include-unverified")
    if numbers.stale_guardians:
        have = "has" if numbers.stale_guardians == 1 else "have"
        count = _counted(numbers.stale_guardians, "guardian")
        lines.append(f" {count} {have} contacts that nobody confirmed for long: used")
    if numbers.held_reasons:
        reasons = ", ".join(f"{count} {REASON_WORDS.get(code, code)}" for code, count in numbers.held_reasons.items())
        school = f' --school "{draft.audience.schools[0].name}"' if draft.audience.schools else ""
        line, command = f" Held: {reasons}", f"beredskap contacts held{school}"
        # A command that is cut cannot be typed.
        lines += [f"{line}: {command}"] if len(line) + len(command) + 2 <= WIDTH else [f"{line}:", f"   {command}"]
    return lines


def span(seconds: int) -> str:
    """A time as people say it: "2 h", "1 h 30 min"."""
    hours, rest = divmod(seconds, 3600)
    parts: Mapping[str, int] = {"h": hours, "min": rest // 60, "s": rest % 60 if seconds < 60 else 0}
    return " ".join(f"{count} {unit}" for unit, count in parts.items() if count)


def _counted(number: int, noun: str, *, width: int = 1) -> str:
    """A number of things, `width` characters for the number at least: "   1 student", "1 744 guardians"."""
    return f"{_n(number, width)} {noun if number == 1 else f'{noun}s'}"


def _n(number: int, width: int) -> str:
    return f"{number:,}".replace(",", _THIN).rjust(width)


def _shorten(text: str, width: int) -> str:
    flat = " ".join(text.split())
    return flat if len(flat) <= width else flat[: max(0, width - 4)].rstrip() + " ..."


def _cut(line: str) -> str:
    return line if len(line) <= WIDTH else line[: WIDTH - 3].rstrip() + "..."
