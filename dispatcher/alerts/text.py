"""From a scenario or free text to the frozen texts of an alert, one per language (pure).

The drill or test word is added here, in every language and to free text too, and counts in the segments.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

from config.catalogue import LANGUAGES, Catalogue, MessageText, Phrase, Scenario
from dispatcher.alerts import status_words
from dispatcher.alerts.not_sent import Cause, NotSentError
from dispatcher.alerts.segments import Encoding, SmsSize, clean, measure, outside_gsm7, tidy
from dispatcher.codes import AlertStatus

if TYPE_CHECKING:
    from config.sections import Language

MAX_SEGMENTS = 6  # more is sent, with a warning: it takes the sender's minutes and may arrive in pieces
MAX_CHARACTERS = 1600  # Twilio refuses longer bodies (error 21617)

# The phrase of the catalogue that asks for a confirmation.
_ASKING = "ask_confirmation"
_SCHOOL = frozenset({"school", "skole"})
# Braces around a name are a placeholder; any other brace is a brace.
_PLACEHOLDER = re.compile(r"\{([^\W\d]\w{0,39})\}")
_WEB_ADDRESS = re.compile(
    r"(?i:https?://|\bwww\.)\S"
    r"|(?i:\b[\w-]+)\.(?:no|com|net|org|info|eu|se|dk|fi|io|me|ly|app|link|gl|gle|co)\b"
    r"|\w\.[a-z]{2,}/\S"
)


class WarningCode(StrEnum):
    MANY_SEGMENTS = "many_segments"
    WEB_ADDRESS = "web_address"
    DRILL_WORD = "drill_word"
    UNUSUAL_LETTERS = "unusual_letters"
    AWAITING_REVIEW = "awaiting_review"


@dataclass(frozen=True, slots=True)
class TextWarning:
    """Something the operator should know before confirming; the alert can be sent all the same."""

    code: WarningCode
    language: Language
    words: str


@dataclass(frozen=True, slots=True)
class ComposedText:
    """What is said in one language, exactly as it leaves. `spoken`: in a call, where nobody can answer an SMS."""

    language: Language
    sms: str
    subject: str
    email: str
    size: SmsSize
    spoken: str


@dataclass(frozen=True, slots=True)
class Composition:
    scenario: Scenario
    status: AlertStatus
    texts: tuple[ComposedText, ...]  # one per language, in the order of LANGUAGES
    warnings: tuple[TextWarning, ...]
    ask_confirmation: bool = False

    def text(self, language: Language) -> ComposedText:
        return self.texts[LANGUAGES.index(language)]


def compose(
    catalogue: Catalogue,
    *,
    scenario: str,
    status: AlertStatus,
    school: str,
    text: str | None = None,
    texts: Mapping[Language, str] | None = None,
    values: Mapping[str, str] | None = None,
    ask_confirmation: bool = False,
) -> Composition:
    """The texts of one alert.

    `text` replaces the scenario's text in all languages as written, `texts` in the language named; the subject stays
    the scenario's. `school` fills {school} and {skole}, `values` the other placeholders. `ask_confirmation`: each SMS
    ends by asking for an answer.

    Raises UsageError for an unknown scenario; NotSentError for an empty text or placeholder, a name in `values` that no
    text uses, a text that is too long, and a real alert that opens like a drill.
    """
    chosen = catalogue.scenario(scenario)
    own = texts or {}
    templates = {
        language: _template(chosen.texts[language], language, own.get(language, text)) for language in LANGUAGES
    }
    fill = {name.lower(): _value(value) for name, value in (values or {}).items()}
    _refuse_unknown(fill, templates.values())
    fill = {name: value for name, value in fill.items() if value}
    _refuse_unfilled(fill, templates, one_for_all=not texts)
    fill |= dict.fromkeys(_SCHOOL, _value(school))
    asking = {language: catalogue.phrase(_ASKING, language) for language in LANGUAGES} if ask_confirmation else {}
    composed = tuple(
        _compose_one(language, templates[language], status, fill, asking.get(language)) for language in LANGUAGES
    )
    for one in composed:
        _refuse_unfit(one, status, fill["school"])
    warnings = tuple(
        warning
        for one in composed
        for warning in _warnings(
            one, status, fill["school"], _awaits_review(templates[one.language], asking, one.language)
        )
    )
    return Composition(chosen, status, composed, warnings, ask_confirmation)


def compose_notice(
    catalogue: Catalogue, name: str, language: Language, *, school: str, values: Mapping[str, str]
) -> ComposedText:
    """The text of a routine message to one person. KeyError when the program leaves a placeholder out."""
    text = catalogue.notice(name, language)
    fill = {key: _value(value) for key, value in values.items()} | dict.fromkeys(_SCHOOL, _value(school))
    sms = tidy(filled(text.sms, fill))
    subject = " ".join(filled(text.headline, fill).split())
    return ComposedText(language, sms, subject, filled(text.email, fill), measure(sms), sms)


def _template(text: MessageText, language: Language, free: str | None) -> MessageText:
    if free is None:
        return text
    try:
        free = clean(free)
    except ValueError as error:
        raise _not_sent(
            Cause.UNREADABLE,
            f"{error} ({language})",
            "Check the terminal's character set, and type the text again.",
            [language],
        ) from None
    return MessageText(text.headline, free, free)


def _awaits_review(template: MessageText, asking: Mapping[Language, Phrase], language: Language) -> bool:
    return template.awaiting_review or (language in asking and asking[language].awaiting_review)


def _compose_one(
    language: Language, template: MessageText, status: AlertStatus, fill: Mapping[str, str], asking: Phrase | None
) -> ComposedText:
    word = status_words.without_typed_word
    # The word is taken off and put on after filling: it may come with a placeholder's value.
    body = word(filled(template.sms, fill), status)
    email = word(filled(template.email, fill), status)
    if not body or not email:
        remedy = f'Give --text "..." or --text-{language} "...".'
        raise _not_sent(Cause.EMPTY_TEXT, f"the text for {language} is empty", remedy, [language])
    spoken = status_words.marked(tidy(body), status, language)
    if asking is not None:
        body = f"{body} {asking.text}"
    sms = status_words.marked(tidy(body), status, language)
    return ComposedText(
        language=language,
        sms=sms,
        subject=status_words.marked(" ".join(clean(filled(template.headline, fill)).split()), status, language),
        email=status_words.marked_email(email, status, language),
        size=measure(sms),
        spoken=spoken,
    )


def filled(template: str, fill: Mapping[str, str]) -> str:
    """The template with its placeholders filled, cleaned. KeyError for one that has no value."""
    # One pass: braces in a value are never filled again.
    return clean(_PLACEHOLDER.sub(lambda found: fill[found[1].lower()], template))


def _value(value: str) -> str:
    try:
        return " ".join(clean(value).split())
    except ValueError as error:
        remedy = "Check the terminal's character set, and type it again."
        raise _not_sent(Cause.UNREADABLE, f"{error} (--set)", remedy) from None


def placeholders_of(*texts: MessageText) -> list[str]:
    """The placeholders of messages that an operator must fill (--set), each once, in the order they come."""
    parts = (part for text in texts for part in (text.sms, text.email, text.headline))
    names = (found[1].lower() for part in parts for found in _PLACEHOLDER.finditer(part))
    return list(dict.fromkeys(name for name in names if name not in _SCHOOL))


def _refuse_unknown(fill: Mapping[str, str], templates: Iterable[MessageText]) -> None:
    known = placeholders_of(*templates)
    for name in fill:
        if name in _SCHOOL:
            what = f"{{{name}}} is filled by the program"
            raise _not_sent(Cause.NOT_IN_TEXT, what, f"Leave out --set {name}.")
        if name not in known:
            names = ", ".join(f"{{{one}}}" for one in known)
            raise _not_sent(
                Cause.NOT_IN_TEXT,
                "--set names a placeholder that no text holds",
                f"The texts of this alert hold {names}."
                if names
                else "The texts of this alert hold none: leave it out.",
            )


def _refuse_unfilled(fill: Mapping[str, str], templates: Mapping[Language, MessageText], *, one_for_all: bool) -> None:
    missing = {
        language: [one for one in placeholders_of(text) if one not in fill] for language, text in templates.items()
    }
    missing = {language: names for language, names in missing.items() if names}
    if not missing:
        return
    languages = list(missing)
    names = list(dict.fromkeys(name for some in missing.values() for name in some))
    braces = _and([f"{{{name}}}" for name in names])
    several = len(languages) > 1
    what = f"the text{'s' * several} for {_and(languages)} still hold{'s' * (not several)} {braces}"
    options = ["--text"] if several and one_for_all else [f"--text-{language}" for language in languages]
    sets = " ".join(f'--set {name}="..."' for name in names)
    plural = "s" * (len(names) > 1)
    remedy = f"Give {_and(options)}, or fill the placeholder{plural} with {sets}."
    raise _not_sent(Cause.UNFILLED, what, remedy, languages, names)


def _refuse_unfit(text: ComposedText, status: AlertStatus, school: str) -> None:
    if len(text.sms) > MAX_CHARACTERS:
        raise _not_sent(
            Cause.TOO_LONG,
            f"the text for {text.language} has {len(text.sms)} characters, and an SMS takes at most {MAX_CHARACTERS}",
            "Say it shorter.",
            [text.language],
        )
    if status is AlertStatus.ACTUAL and any(
        status_words.opens_like_drill(part, school) for part in (text.sms, text.email, text.subject)
    ):
        raise _not_sent(
            Cause.LIKE_A_DRILL,
            f"the status is actual, but the text for {text.language} opens like a drill or a test",
            "If it is a drill, give --status exercise (the program adds the word); if it is real, write the text "
            "so that it opens without that word.",
            [text.language],
        )


def _warnings(text: ComposedText, status: AlertStatus, school: str, awaiting_review: bool) -> Iterable[TextWarning]:
    def warning(code: WarningCode, words: str) -> TextWarning:
        return TextWarning(code, text.language, words)

    if text.size.segments > MAX_SEGMENTS:
        yield warning(
            WarningCode.MANY_SEGMENTS,
            f"{text.language}: {text.size.segments} segments; say it shorter, it takes the sender's minutes.",
        )
    if _WEB_ADDRESS.search(text.sms):
        yield warning(
            WarningCode.WEB_ADDRESS,
            f"{text.language}: the text holds a web address; Norwegian operators stop SMS with unregistered ones.",
        )
    if status is AlertStatus.ACTUAL and status_words.holds_drill_word(text.sms, school):
        yield warning(
            WarningCode.DRILL_WORD,
            f"{text.language}: a real alert whose text speaks of a drill or a test; nobody must take it for one.",
        )
    if text.language != "se" and text.size.encoding is Encoding.UCS2:
        yield warning(
            WarningCode.UNUSUAL_LETTERS,
            f"{text.language}: {' '.join(outside_gsm7(text.sms)[:10])} cut a segment from 160 to 70 characters.",
        )
    if awaiting_review:
        yield warning(WarningCode.AWAITING_REVIEW, f"{text.language}: the text awaits a native speaker's review.")


def _and(parts: Sequence[str]) -> str:
    return parts[0] if len(parts) == 1 else f"{', '.join(parts[:-1])} and {parts[-1]}"


def _not_sent(
    cause: Cause, what: str, remedy: str, languages: Sequence[str] = (), names: Sequence[str] = ()
) -> NotSentError:
    return NotSentError(cause, f"Alert not sent: {what}.", remedy=remedy, languages=languages, names=names)
