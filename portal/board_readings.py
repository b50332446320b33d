"""Crisis boards as they are now, each read once for all who look at the same time, whatever thread they ask from."""

from __future__ import annotations

import itertools
import secrets
import threading
import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final

import structlog
from markupsafe import Markup
from sqlalchemy.exc import SQLAlchemyError

from config.database import Database
from config.errors import UsageError
from dispatcher.reports.board import Board, BoardToken, board_token, read_board
from dispatcher.reports.call_list import StudentToCallAbout
from portal.board_shown import Look, Shown, card_id, parts_of

log = structlog.stdlib.get_logger(__name__)

# A board in the midst of sending changes all the time. A mark is shown at once: others would call the same people.
_READ_AGAIN_SECONDS: Final = 1.0
# Rates, the expected end and the health of providers change with time alone.
_STALE_SECONDS: Final = 5.0
# Of each look: what somebody may have, who comes back after a break in the line.
_VERSIONS: Final = 20
# Who has opened the page begins to watch it sooner.
KEPT_SECONDS: Final = 60.0


@dataclass
class _LookNow:
    """A board in one look. `of`: what the newest version shows."""

    of: tuple[Board, bool] | None = None
    cards: dict[StudentToCallAbout, Markup] = field(default_factory=dict)
    versions: OrderedDict[str, Shown] = field(default_factory=OrderedDict)


@dataclass
class _Kept:
    """One alert's board. `checked`: when the last look at whether it has changed began."""

    lock: threading.Lock = field(default_factory=threading.Lock)
    board: Board | None = None
    away: bool = False
    read_at: float = 0.0
    checked: float = float("-inf")
    used: float = 0.0
    looks: dict[Look, _LookNow] = field(default_factory=dict)


class BoardReadings:
    """The boards of one application. `clock`: seconds that only grow."""

    def __init__(self, database: Database, clock: Callable[[], float] = time.monotonic) -> None:
        self._database = database
        self._clock = clock
        self._lock = threading.Lock()
        self._kept: dict[int, _Kept] = {}
        self._process = secrets.token_hex(4)
        self._numbers = itertools.count(1)

    def now(self, alert_id: int, look: Look, *, patient: bool = False) -> Shown:
        """The board with all that was committed before the call, or, while the database does not answer, the last one
        that was read, which says so. Takes as long as the reading, its own or another's that began later.

        `patient`: but for marks, a board from the last second will do. Raises UsageError when figures alone are left of
        the alert, SQLAlchemyError when the database does not answer and nothing was read before.
        """
        asked = self._clock()
        kept = self._of(alert_id, asked)
        with kept.lock:
            # Whoever waited here for another's look takes over what it saw, if that began after they had asked.
            if kept.checked < asked:
                self._check(kept, alert_id, patient)
            return self._shown(kept, look)

    def seen(self, alert_id: int, look: Look, version: str) -> Shown | None:
        """What somebody has who was shown this version; None when it is not known here, or not any more."""
        # Without the lock: nobody is to wait here for a reading.
        kept = self._kept.get(alert_id)
        found = kept.looks.get(look) if kept else None
        return found.versions.get(version) if found else None

    def forget_unused(self) -> None:
        """Hold no board of an alert that nobody has looked at for a minute."""
        with self._lock:
            now = self._clock()
            for alert_id, kept in list(self._kept.items()):
                if kept.used + KEPT_SECONDS <= now:
                    del self._kept[alert_id]

    def _of(self, alert_id: int, now: float) -> _Kept:
        with self._lock:
            kept = self._kept.setdefault(alert_id, _Kept())
            kept.used = now
            return kept

    def _check(self, kept: _Kept, alert_id: int, patient: bool) -> None:
        began = self._clock()
        try:
            with self._database.read() as connection:
                token = board_token(connection, alert_id)
                if kept.board is None or _to_be_read(kept.board, token, began - kept.read_at, patient):
                    kept.board, kept.read_at = read_board(connection, alert_id), began
            kept.away = False
        except UsageError:
            with self._lock:
                self._kept.pop(alert_id, None)
            raise
        except SQLAlchemyError as error:
            log.warning("board_without_database", kind=type(error).__name__)
            if kept.board is None:
                raise
            kept.away = True
        if kept.away or kept.board.token == token:
            kept.checked = began

    def _shown(self, kept: _Kept, look: Look) -> Shown:
        assert kept.board is not None
        found = kept.looks.setdefault(look, _LookNow())
        if found.of is None or found.of[0] is not kept.board or found.of[1] != kept.away:
            parts, found.cards = parts_of(kept.board, look, found.cards, away=kept.away)
            order = tuple(card_id(student) for student in kept.board.students.call_first)
            version = f"{self._process}-{next(self._numbers)}"
            found.versions[version] = Shown(version, parts, order)
            found.of = (kept.board, kept.away)
            while len(found.versions) > _VERSIONS:
                found.versions.popitem(last=False)
        return next(reversed(found.versions.values()))


def _to_be_read(board: Board, token: BoardToken, age: float, patient: bool) -> bool:
    if age >= _STALE_SECONDS or token.marks != board.token.marks:
        return True
    return token != board.token and not (patient and age < _READ_AGAIN_SECONDS)
