"""A crisis board as its watchers have it: parts by the id of their element, and what has changed since they got it."""

from __future__ import annotations

import json
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from markupsafe import Markup

from dispatcher.reports.board import Board
from dispatcher.reports.call_list import StudentToCallAbout
from portal.board_words import board_context
from portal.rendering import macros, rendered

# Stands in the forms of what is shown to many, until each gets it with the token of their own visit.
_TOKEN_PLACE: Final = secrets.token_hex(16)
_FIXED: Final = ("away", "numbers", "call", "others", "way", "marks", "moment")


@dataclass(frozen=True, slots=True)
class Look:
    """How a board is shown. `opened`: with all that is folded away elsewhere, as on paper."""

    language: str
    opened: bool = False


@dataclass(frozen=True, slots=True)
class Shown:
    """A board in one look. `number`: a greater one than those shown before by the same `process`; `parts`: the HTML of
    one element each, by its id; `order`: the ids of the students' cards among them, as they stand below each other."""

    process: str
    number: int
    parts: Mapping[str, Markup] = field(repr=False)
    order: tuple[str, ...]
    _events: dict[str, bytes] = field(default_factory=dict, repr=False, compare=False)

    @property
    def version(self) -> str:
        """The board's name among all that any process has shown."""
        return f"{self.process}-{self.number}"

    def html(self, language: str, form_token: str) -> str:
        """The whole board, with the forms of one visitor."""
        html = rendered("board_live.html", language, parts=self.parts, order=self.order, version=self.version)
        return html.replace(_TOKEN_PLACE, form_token)

    def event_after(self, seen: Shown | None) -> bytes:
        """The server-sent event that makes this board of the one that a watcher has; of None: all of it. Whose forms
        they are, each browser fills in for itself."""
        name = seen.version if seen else ""
        made = self._events.get(name)
        if made is None:
            made = self._events[name] = self._event_after(seen)
        return made

    def _event_after(self, seen: Shown | None) -> bytes:
        had = seen.parts if seen else {}
        told: dict[str, object] = {"parts": {name: part for name, part in self.parts.items() if had.get(name) != part}}
        if seen is None or seen.order != self.order:
            told["order"] = self.order
        text = json.dumps(told, ensure_ascii=False).replace(_TOKEN_PLACE, "")
        return f"id: {self.version}\nevent: board\ndata: {text}\n\n".encode()


def parts_of(
    board: Board, look: Look, known: Mapping[StudentToCallAbout, Markup], *, away: bool
) -> tuple[dict[str, Markup], dict[StudentToCallAbout, Markup]]:
    """The parts of a board, the cards in their order first; and each student's card, for the next time. `known`: cards
    of this alert in this look from before. `away`: the database does not answer, and the board is an older one."""
    context = board_context(board, look.language, away)
    say = macros("board_parts.html", look.language, form_token=_TOKEN_PLACE, opened=look.opened, **context)
    cards = {one: known.get(one) or say.card(one) for one in board.students.call_first}
    parts = {card_id(one): card for one, card in cards.items()}
    return parts | {f"board-{name}": getattr(say, f"{name}_part")() for name in _FIXED}, cards


def card_id(student: StudentToCallAbout) -> str:
    """The id of a student's card on the page."""
    return f"s-{student.ref}"
