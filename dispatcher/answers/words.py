"""What an answer to an SMS means (pure): STOP, START and HELP as the first and only word, in Norwegian and English, and
the 1 that an alert may ask for.

A word in a sentence is no command: "stopp ikke" must not stop anything. Such answers are kept for a person to read.
"""

from __future__ import annotations

import unicodedata
from dataclasses import dataclass, field
from typing import Final

from dispatcher.codes import AnswerKind

# What Twilio itself obeys and answers at a long number, when nobody has set up words of their own (Advanced Opt-Out):
# https://www.twilio.com/docs/messaging/tutorials/advanced-opt-out. It also takes YES for START; we do not, because it
# may as well answer a question, and "ja" is none of these for the same reason.
_TWILIO: Final = {
    AnswerKind.STOP: frozenset({"stop", "stopall", "unsubscribe", "end", "quit", "cancel", "revoke", "optout"}),
    AnswerKind.START: frozenset({"start", "unstop"}),
    AnswerKind.HELP: frozenset({"help", "info"}),
}
_OURS: Final = {
    AnswerKind.STOP: frozenset({"stopp", "slutt", "avslutt", "avmeld"}),
    AnswerKind.HELP: frozenset({"hjelp"}),
}
CONFIRMS: Final = "1"
# Twilio's own judgement, where Advanced Opt-Out is set up: the parameter OptOutType.
_JUDGED: Final = {"STOP": AnswerKind.STOP, "START": AnswerKind.START, "HELP": AnswerKind.HELP}

# Of an answer that a person must read, so much is kept.
LONGEST_TEXT: Final = 160


@dataclass(frozen=True, slots=True)
class Reading:
    """What an answer means. `text`: what is kept of its words, which is nothing where the kind says it all.
    `provider_answers`: Twilio has told the sender already what it did, and we must not do so again."""

    kind: AnswerKind
    text: str = field(default="", repr=False)
    provider_answers: bool = False


def read_answer(body: str, opt_out_type: str = "") -> Reading:
    """Read an answer. `opt_out_type`: Twilio's word for it, "" when it has none."""
    judged = _JUDGED.get(opt_out_type.strip().upper())
    if judged is not None:
        return Reading(judged, provider_answers=True)
    word = _only_word(body)
    for kind, words in _TWILIO.items():
        if word in words:
            return Reading(kind, provider_answers=True)
    if word == CONFIRMS:
        # Where no alert asked for it, it is an answer as any other: see `dispatcher.answers.taking`.
        return Reading(AnswerKind.CONFIRMATION, CONFIRMS)
    for kind, words in _OURS.items():
        if word in words:
            return Reading(kind)
    return Reading(AnswerKind.OTHER, kept_text(body))


def kept_text(body: str) -> str:
    """The words as they are kept: on one line, without what cannot be seen, no longer than `LONGEST_TEXT`."""
    seen = "".join(" " if letter.isspace() else letter for letter in body)
    plain = " ".join("".join(letter for letter in seen if unicodedata.category(letter)[0] != "C").split())
    return plain if len(plain) <= LONGEST_TEXT else f"{plain[: LONGEST_TEXT - 1].rstrip()}…"


def _only_word(body: str) -> str:
    """The only word of an answer, in small letters and without what stands around it; "" when there are several."""
    plain = unicodedata.normalize("NFKC", body)
    start, end = 0, len(plain)
    while start < end and _around(plain[start]):
        start += 1
    while end > start and _around(plain[end - 1]):
        end -= 1
    word = plain[start:end].casefold()
    return "" if any(letter.isspace() for letter in word) else word


def _around(letter: str) -> bool:
    """Spaces, quotation marks, full stops, invisible characters, and what makes an emoji of a digit."""
    return unicodedata.category(letter)[0] in "CMPZ"
