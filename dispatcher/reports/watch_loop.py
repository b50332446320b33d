"""Watching an alert until it has ended: a live page on a terminal, one line or JSON document a change elsewhere."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime

from rich.console import Console
from rich.live import Live
from sqlalchemy.exc import DBAPIError, InterfaceError, OperationalError, TimeoutError

from config.database import Database
from config.shell import plain
from dispatcher.reports.watch_page import away_line, summary_line, watch_page
from dispatcher.reports.watching import WatchFigures, WatchStudents, watch_figures, watch_students

REFRESH_SECONDS = 0.5
# The classes of a large alert take a second to count: they are read at most this share of the time.
_STUDENTS_SHARE = 0.2

Show = Callable[["WatchFigures | None", "WatchStudents | None", "datetime | None"], None]


def watch(
    database: Database,
    alert_id: int,
    console: Console,
    until_settled: bool = True,
    *,
    as_json: bool = False,
    pause: Callable[[float], None] = time.sleep,
) -> None:
    """Show the alert until it has ended; with `until_settled` also once every outcome and SMS receipt is in.

    Only reads, so that leaving (KeyboardInterrupt passes through) changes nothing. A database that does not answer is
    said, and asked again until it does. `as_json`: on a terminal, too, a document a line whenever something changed.
    """
    watcher = _Watcher(database, alert_id)
    with _shown_on(console, as_json) as show:
        while True:
            watcher.refresh()
            show(watcher.figures, watcher.students, watcher.away_since)
            if watcher.finished(until_settled):
                return
            pause(REFRESH_SECONDS)


@dataclass(slots=True)
class _Watcher:
    """The last that was read of an alert, and since when the database has been away."""

    database: Database
    alert_id: int
    figures: WatchFigures | None = None
    students: WatchStudents | None = None
    away_since: datetime | None = None
    _next_students: float = 0.0

    def refresh(self) -> None:
        try:
            with self.database.read() as connection:
                figures = watch_figures(connection, self.alert_id)
                if self._students_due(figures):
                    began = time.monotonic()
                    self.students = watch_students(connection, self.alert_id, ended=figures.ended)
                    took = time.monotonic() - began
                    self._next_students = began + took / _STUDENTS_SHARE
        except (DBAPIError, TimeoutError) as error:
            if not is_away(error):
                raise
            # This machine's clock: the database's cannot be asked.
            self.away_since = self.away_since or datetime.now(UTC)
        else:
            self.figures, self.away_since = figures, None

    def finished(self, until_settled: bool) -> bool:
        if self.figures is None or self.away_since is not None:
            return False
        return self.figures.settled if until_settled else self.figures.ended

    def _students_due(self, figures: WatchFigures) -> bool:
        # What is shown last must agree with itself, whatever it costs.
        return figures.settled or time.monotonic() >= self._next_students


def is_away(error: DBAPIError | TimeoutError) -> bool:
    """Whether the database cannot be reached just now, so that it is worth asking again."""
    if isinstance(error, DBAPIError):
        return error.connection_invalidated or isinstance(error, (OperationalError, InterfaceError))
    return True


@contextmanager
def _shown_on(console: Console, as_json: bool) -> Iterator[Show]:
    if as_json:
        yield _Documents(console).show
        return
    if not console.is_terminal:
        yield _Lines(console).show
        return
    with Live(console=console, auto_refresh=False) as live:

        def show(figures: WatchFigures | None, students: WatchStudents | None, away_since: datetime | None) -> None:
            if figures is not None:
                # Asked each time: the window may have been made narrower.
                page = watch_page(figures, students, away_since=away_since, width=console.width)
                live.update(page, refresh=True)
            elif away_since is not None:
                live.update(away_line(away_since), refresh=True)

        yield show


class _Changes:
    """Says something whenever what it is about has changed, at once and as it is."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._last: object = None

    def _say(self, facts: object, line: str) -> None:
        if facts != self._last:
            self._last = facts
            self._console.out(line, highlight=False)
            self._console.file.flush()


def _facts_of(figures: WatchFigures, students: WatchStudents | None) -> object:
    """What has to change for something to be said. Not the rates, which always do."""
    rates_aside = [(c.channel, c.total, c.handed_over, c.delivered, c.failed, c.unknown) for c in figures.channels]
    return figures.alert.state, rates_aside, students and students.counts


class _Documents(_Changes):
    """One JSON document a line."""

    def show(self, figures: WatchFigures | None, students: WatchStudents | None, away_since: datetime | None) -> None:
        if figures is None and away_since is None:
            return
        facts = None if figures is None else _facts_of(figures, students)
        document = {"figures": figures, "students": students, "database_away_since": away_since}
        self._say((facts, away_since), json.dumps(document, default=plain, ensure_ascii=False))


class _Lines(_Changes):
    """One plain line."""

    def show(self, figures: WatchFigures | None, students: WatchStudents | None, away_since: datetime | None) -> None:
        if away_since is not None:
            self._say(away_since, away_line(away_since).plain.strip())
        elif figures is not None:
            self._say(_facts_of(figures, students), summary_line(figures, students))
