"""What the pages that send say, in their reader's language: the preview, and why nothing was sent (pure)."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import timedelta
from typing import Any, Final

from contacts.audience_names import NameKind, UnknownNameError
from dispatcher.alerts.not_sent import Cause, NotSentError
from dispatcher.alerts.prepared import Asked, Prepared, asked_for
from dispatcher.alerts.preview import REASON_WORDS
from dispatcher.alerts.preview_page import span
from dispatcher.alerts.text import MAX_CHARACTERS, MAX_SEGMENTS, TextWarning, WarningCode
from dispatcher.reports.words import grouped
from portal.board_words import STATUSES
from portal.texts import NAMES, marked, translator

Say = Callable[[str], str]

_CAUSES: Final[Mapping[Cause, str]] = {
    Cause.NO_STUDENT: marked(
        "No student is in that audience today. Check the school, class or year, and when the roster was last imported."
    ),
    Cause.NOT_SET_UP: marked(
        "It cannot leave: the settings of this installation lack %(names)s. Or choose the other channel alone."
    ),
    Cause.NOT_ANSWERABLE: marked(
        "Nobody could answer it: only an SMS can be answered, and only when its sender is a number. "
        "Leave out the question for an answer."
    ),
    Cause.UNREADABLE: marked("The text holds characters that no telephone shows. Type it again."),
    Cause.EMPTY_TEXT: marked("The text in %(languages)s is empty."),
    Cause.UNFILLED: marked("Fill in what the text needs: %(names)s."),
    Cause.NOT_IN_TEXT: marked(
        "You have filled in something that none of the texts holds. Leave it empty, or use the words of the scenario."
    ),
    Cause.TOO_LONG: marked("The text in %(languages)s is too long: at most %(most)s characters. Say it shorter."),
    Cause.LIKE_A_DRILL: marked(
        "It is to be an actual alert, but the text in %(languages)s opens like an exercise or a test. "
        "Choose exercise or test, or write it so that it does not open with that word."
    ),
}
_UNKNOWN: Final[Mapping[NameKind, str]] = {
    "school": marked("No school here has the name that was given."),
    "group": marked("No class or group here has the name that was given."),
    "grade": marked("No year here has the name that was given."),
}
_WARNINGS: Final[Mapping[WarningCode, str]] = {
    WarningCode.MANY_SEGMENTS: marked(
        "%(language)s: the text is cut into more than %(most)s SMS. Say it shorter: it takes the sender's minutes."
    ),
    WarningCode.WEB_ADDRESS: marked(
        "%(language)s: the text holds a web address. Norwegian operators stop SMS with unregistered ones."
    ),
    WarningCode.DRILL_WORD: marked(
        "%(language)s: an actual alert whose text speaks of an exercise or a test. Nobody must take it for one."
    ),
    WarningCode.UNUSUAL_LETTERS: marked(
        "%(language)s: unusual letters cut an SMS from 160 to 70 characters. More of them are sent, and paid for."
    ),
    WarningCode.AWAITING_REVIEW: marked("%(language)s: the text awaits a native speaker's review."),
}
_ASKED: Final[Mapping[Asked, str]] = {
    Asked.SCHOOL: marked("Type the school's name to send:"),
    Asked.GUARDIANS: marked("Type the number of guardians (%(guardians)s) to send:"),
    Asked.EXERCISE: marked("Type the word øvelse to send:"),
    Asked.TEST: marked("Type the word test to send:"),
}


def refusal_words(refused: NotSentError | UnknownNameError, language: str) -> str:
    """Why the alert that the form asks for cannot be sent."""
    say = translator(language)
    if isinstance(refused, UnknownNameError):
        words = say(_UNKNOWN[refused.kind])
        if refused.like:
            words = f"{words} {say(marked('Known here: %(names)s.')) % {'names': ', '.join(refused.like)}}"
        return words
    return say(_CAUSES[refused.cause]) % {
        "names": ", ".join(refused.names),
        "languages": ", ".join(NAMES[one] for one in refused.languages),
        "most": MAX_CHARACTERS,
    }


def preview_context(prepared: Prepared, language: str) -> dict[str, Any]:
    """What the template of a preview is made with: the facts of the command line's, in their order."""
    say = translator(language)
    draft, numbers, terms = prepared.draft, prepared.numbers, prepared.terms
    shown = prepared.shown()
    asked, _words = asked_for(prepared)
    return {
        "kind": draft.composition.status.value,
        "heading": say(STATUSES[draft.composition.status]),
        "audience": draft.audience.headline,
        "terms": terms,
        "expires": terms.now + timedelta(seconds=terms.expires_seconds),
        "lasts": span(terms.expires_seconds),
        "numbers": numbers,
        "why": [(count, _reason(code, say)) for code, count in numbers.unreached_reasons.items()],
        "held": [(count, _reason(code, say)) for code, count in numbers.held_reasons.items()],
        "messages": {channel.value: count for channel, count in numbers.messages.items()},
        "texts": draft.composition.texts,
        "asks": draft.composition.ask_confirmation,
        "minutes": shown["expected_minutes"],
        "cost": round(float(str(shown["cost_nok"]))),
        "steps": shown["fallback"],
        "warnings": [_warning(one, say) for one in draft.composition.warnings],
        "question": say(_ASKED[asked]) % {"guardians": numbers.guardians},
        "n": grouped,
    }


def _reason(code: str, say: Say) -> str:
    return say(REASON_WORDS.get(code, code))


def _warning(one: TextWarning, say: Say) -> str:
    return say(_WARNINGS[one.code]) % {"language": NAMES[one.language], "most": MAX_SEGMENTS}
