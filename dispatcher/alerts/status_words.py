"""The word that tells a drill or a test from the real thing, in every language (promise 7 of the design).

The program adds it, the operator does not; a text of a real alert that opens with such a word is not sent.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from dispatcher.codes import AlertStatus

if TYPE_CHECKING:
    from config.sections import Language


# How a status stands at the top of every page that people look at.
HEADINGS: dict[AlertStatus, str] = {
    AlertStatus.ACTUAL: "ACTUAL ALERT",
    AlertStatus.EXERCISE: "EXERCISE (ØVELSE)",
    AlertStatus.TEST: "TEST",
}

# "hárjehallan" and "teasta" are the words of the Sámi press for an exercise and a test; like all Sámi texts here
# they await a native speaker's review.
WORDS: dict[AlertStatus, dict[Language, str]] = {
    AlertStatus.EXERCISE: {"nb": "ØVELSE", "nn": "ØVING", "se": "HÁRJEHALLAN", "en": "EXERCISE"},
    AlertStatus.TEST: {"nb": "TEST", "nn": "TEST", "se": "TEASTA", "en": "TEST"},
}
# The first line of an e-mail, where there is room to say it in full.
_SENTENCES: dict[AlertStatus, dict[Language, str]] = {
    AlertStatus.EXERCISE: {
        "nb": "Dette er en øvelse. Det har ikke skjedd noe, og du trenger ikke gjøre noe.",
        "nn": "Dette er ei øving. Det har ikkje hendt noko, og du treng ikkje gjere noko.",
        "se": "Dát lea hárjehallan. Ii leat mihkkege dáhpáhuvvan, it ge dárbbaš dahkat maidige.",
        "en": "This is an exercise. Nothing has happened, and you do not need to do anything.",
    },
    AlertStatus.TEST: {
        "nb": "Dette er en test av varslingen fra skolen. Du trenger ikke gjøre noe.",
        "nn": "Dette er ein test av varslinga frå skulen. Du treng ikkje gjere noko.",
        "se": "Dát lea skuvlla dieđihanvuogádaga teasta. It dárbbaš dahkat maidige.",
        "en": "This is a test of the school's alert system. You do not need to do anything.",
    },
}

_SEPARATOR = " - "
_TYPED = {
    AlertStatus.EXERCISE: "øvelse|øving|hárjehallan|hárjehus|exercise|drill",
    AlertStatus.TEST: "test|teasta",
}
_TYPED_PREFIX = {
    status: re.compile(rf"[\s\[(*]*\b(?:{words})\b(?:[\])*]*\s*[:.!,|/–—-]+|[\])*]+)\s*", re.IGNORECASE)
    for status, words in _TYPED.items()
}
_DRILL_WORD = (
    r"(?:\w*øvelse|øvelses\w+|(?:\w*(?<!pr))?øving|øvings\w+|hárjehallan|hárjehus|drill"
    r"|exercise(?!\s+(?:extreme\s+|great\s+)?(?:caution|care|judge?ment))|test|testmelding|testvarsel|teasta)"
)
_HOLDS = re.compile(rf"\b{_DRILL_WORD}\b", re.IGNORECASE)
# "Dette er en øvelse" opens with the word; "Dette er ikke en øvelse" does not.
_OPENS = re.compile(
    r"[\W_]*(?:(?:dette|er|bare|kun|berre|en|ei|ein|planlagt|this|is|only|just|an?|planned|dát|lea|dušše)\b[\W_]*)*"
    rf"\b{_DRILL_WORD}\b",
    re.IGNORECASE,
)


def without_typed_word(text: str, status: AlertStatus) -> str:
    """The text without the drill (test) words its author typed before it, in whatever language: "ØVELSE: ..."."""
    pattern = _TYPED_PREFIX.get(status)
    while pattern and (typed := pattern.match(text)):
        text = text[typed.end() :]
    return text


def marked(text: str, status: AlertStatus, language: Language) -> str:
    """The text with the word of its status before it, once; unchanged for a real alert."""
    if status is AlertStatus.ACTUAL:
        return text
    word = WORDS[status][language]
    if re.match(rf"{word}\b", text):
        return text
    return f"{word}{_SEPARATOR}{text}"


def marked_email(text: str, status: AlertStatus, language: Language) -> str:
    """The same for an e-mail, which has room for a whole sentence first."""
    if status is AlertStatus.ACTUAL:
        return text
    return f"{WORDS[status][language]}{_SEPARATOR}{_SENTENCES[status][language]}\n\n{text}"


def opens_like_drill(text: str, school: str) -> bool:
    """True when a reader would take the text for a drill or a test; the school's own name does not count."""
    return _OPENS.match(_after_school(text, school)) is not None


def holds_drill_word(text: str, school: str) -> bool:
    """True when a drill or test word stands anywhere in the text, the school's own name aside."""
    return _HOLDS.search(text.replace(school, " ") if school else text) is not None


def _after_school(text: str, school: str) -> str:
    return text[len(school) :] if school and text.startswith(school) else text
