"""Watching an alert until it has ended: a live page on a terminal, one line a change elsewhere."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime

from rich.console import Console
from rich.live import Live
from sqlalchemy.exc import DBAPIError, InterfaceError, OperationalError, TimeoutError

from config.database import Database
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
    pause: Callable[[float], None] = time.sleep,
) -> None:
    """Show the alert until it has ended; with `until_settled` also once every outcome and SMS receipt is in.

    Only reads, so that leaving (KeyboardInterrupt passes through) changes nothing. A database that does not answer is
    said, and asked again until it does.
    """
    watcher = _Watcher(database, alert_id)
    with _shown_on(console) as show:
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
def _shown_on(console: Console) -> Iterator[Show]:
    if not console.is_terminal:
        yield _Lines(console).show
        return
    with Live(console=console, auto_refresh=False) as live:

        def show(figures: WatchFigures | None, students: WatchStudents | None, away_since: datetime | None) -> None:
            if figures is not None:
                live.update(watch_page(figures, students, away_since=away_since), refresh=True)
            elif away_since is not None:
                live.update(away_line(away_since), refresh=True)

        yield show


class _Lines:
    """One plain line whenever something changed."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._last: object = None

    def show(self, figures: WatchFigures | None, students: WatchStudents | None, away_since: datetime | None) -> None:
        if away_since is not None:
            self._say(away_since, away_line(away_since).plain.strip())
        elif figures is not None:
            rates_aside = [(c.channel, c.total, c.handed_over, c.delivered, c.failed) for c in figures.channels]
            said = (figures.alert.state, rates_aside, students and students.counts)
            self._say(said, summary_line(figures, students))

    def _say(self, facts: object, line: str) -> None:
        if facts != self._last:
            self._last = facts
            self._console.print(line, soft_wrap=True, markup=False, highlight=False)
