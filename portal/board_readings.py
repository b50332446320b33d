"""Crisis boards as they are now: read when something has changed, and kept for who looks next, in any language."""

from __future__ import annotations

import itertools
import secrets
import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Iterable
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
    """One alert's board. `used`: when somebody looked at it last."""

    lock: threading.Lock = field(default_factory=threading.Lock)
    board: Board | None = None
    away: bool = False
    read_at: float = 0.0
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

    def now(self, alert_id: int, looks: Iterable[Look], *, patient: bool = False) -> dict[Look, Shown]:
        """The board with all messages, answers and marks that were committed before the call, and with all that is
        known of persons as of a second ago; while the database does not answer, the last one, which says so.

        `patient`: but for marks, messages from the last second will do, and the rest from the last five. Takes as long
        as the reading. Raises UsageError when figures alone are left of the alert, SQLAlchemyError when the database
        does not answer and nothing was read before.
        """
        kept = self._of(alert_id)
        with kept.lock:
            self._check(kept, alert_id, patient)
            return {look: self._shown(kept, look) for look in looks}

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

    def _of(self, alert_id: int) -> _Kept:
        with self._lock:
            kept = self._kept.setdefault(alert_id, _Kept())
            kept.used = self._clock()
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

    def _shown(self, kept: _Kept, look: Look) -> Shown:
        assert kept.board is not None
        found = kept.looks.setdefault(look, _LookNow())
        if found.of is None or found.of[0] is not kept.board or found.of[1] != kept.away:
            parts, found.cards = parts_of(kept.board, look, found.cards, away=kept.away)
            order = tuple(card_id(student) for student in kept.board.students.call_first)
            shown = Shown(self._process, next(self._numbers), parts, order)
            found.versions[shown.version] = shown
            found.of = (kept.board, kept.away)
            while len(found.versions) > _VERSIONS:
                found.versions.popitem(last=False)
        return next(reversed(found.versions.values()))


def _to_be_read(board: Board, token: BoardToken, age: float, patient: bool) -> bool:
    if token.marks != board.token.marks or age >= (_STALE_SECONDS if patient else _READ_AGAIN_SECONDS):
        return True
    return token != board.token and (not patient or age >= _READ_AGAIN_SECONDS)
