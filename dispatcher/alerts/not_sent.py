"""Why an alert cannot be sent as it was asked for: a sentence for whoever types commands, a cause for pages."""

from __future__ import annotations

from collections.abc import Sequence
from enum import StrEnum

from config.errors import UsageError

NOTHING_SENT = "Nothing was sent."


class Cause(StrEnum):
    """What is in the way; in words of its own where it is shown in several languages."""

    NO_STUDENT = "no_student"  # nobody is in the audience today
    NOT_SET_UP = "not_set_up"  # `names`: the settings that a channel lacks
    NOT_ANSWERABLE = "not_answerable"  # an answer is asked for, and nobody could give one
    UNREADABLE = "unreadable"  # a text holds what no telephone shows
    EMPTY_TEXT = "empty_text"
    UNFILLED = "unfilled"  # `names`: placeholders that still stand in texts
    NOT_IN_TEXT = "not_in_text"  # words were given for a placeholder that no text holds
    TOO_LONG = "too_long"
    LIKE_A_DRILL = "like_a_drill"  # a real alert that opens like a drill or a test


class NotSentError(UsageError):
    """The alert that was asked for cannot be sent. `languages`: of the texts it is about; `names`: see `Cause`."""

    def __init__(
        self, cause: Cause, what: str, *, remedy: str, languages: Sequence[str] = (), names: Sequence[str] = ()
    ) -> None:
        super().__init__(what, unchanged=NOTHING_SENT, remedy=remedy)
        self.cause = cause
        self.languages = tuple(languages)
        self.names = tuple(names)
