"""What the crisis board says, in the words of its reader's language (pure)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from contacts.addresses import mask_phone
from dispatcher.codes import AlertStatus, StudentClass
from dispatcher.reports import norwegian, paper_calls, watch_page
from dispatcher.reports.board import Board
from dispatcher.reports.call_list import Why
from dispatcher.reports.watching import OK, Health
from dispatcher.reports.words import oslo_time
from portal.texts import marked, translator

STATUSES: Final[Mapping[AlertStatus, str]] = {
    AlertStatus.ACTUAL: marked("ACTUAL ALERT"),
    AlertStatus.EXERCISE: marked("EXERCISE"),
    AlertStatus.TEST: marked("TEST"),
}
_PARTS: Final = {
    "twilio": "Twilio",
    "twilio_backup": marked("Twilio, second account"),
    "apprise": marked("the last resort"),
    "smtp": "SMTP",
    "redis": "Redis",
    "database": marked("the database"),
}
_CHANNELS: Final = {"sms": "SMS", "email": marked("e-mail"), "voice": marked("calls")}


def scenario_words(scenario: str, language: str) -> str:
    return scenario.replace("_", " ") if language == "en" else norwegian.scenario_words(scenario)


def board_context(board: Board, language: str, away: bool) -> dict[str, Any]:
    """What the templates of the board's parts are made with."""
    say = translator(language)
    counts, figures = board.students.counts, board.figures
    alert = figures.alert
    in_norwegian = language != "en"

    def reason(why: Why) -> str:
        return paper_calls.why_words(why) if in_norwegian else watch_page.why_words(why)

    def health(one: Health) -> str:
        part = say(_PARTS[one.part]) if one.part in _PARTS else one.part
        return f"{part}: {say(marked('ok')) if one.word == OK else say(marked('failing'))}"

    marks: dict[str, list[Any]] = {}
    for mark in board.marks:
        marks.setdefault(mark.student, []).append(mark)
    return {
        "board": board,
        "alert": alert,
        "counts": counts,
        "call_first": board.students.call_first,
        "more": counts.nobody_reached - len(board.students.call_first),
        "settled": figures.ended or (figures.planned and not figures.waiting),
        "channels": [
            (say(_CHANNELS[one.channel.value]), one, _percent(one.handed_over, one.total)) for one in figures.channels
        ],
        "rate": round(sum(one.rate for one in figures.channels)),
        "expected": oslo_time(figures.expected_at) if figures.expected_at else None,
        "now": oslo_time(figures.now),
        "health": [(health(one), one.word == OK) for one in figures.health],
        "held_class": StudentClass.HELD,
        "whole": norwegian.in_norwegian if in_norwegian else str,
        "reason": reason,
        "masked": mask_phone,
        "clock": oslo_time,
        "away": away,
    }


def _percent(part: int, whole: int) -> int:
    """Full only when all of it is."""
    return part * 100 // whole if whole else 0
