"""See to it that somebody sends: a living worker, or a drainer that this command starts."""

from __future__ import annotations

from enum import StrEnum
from urllib.parse import urlsplit

from config.database import Database
from config.errors import BeredskapError
from config.settings import Settings
from dispatcher.codes import Lane
from dispatcher.running.drainer_process import DrainerHandle, start_drainer


class Lacking(StrEnum):
    WORKER = "worker"  # none is alive: this machine sends by itself
    REDIS = "redis"  # workers were not rung for, and look themselves


class Delivering:
    """For whoever makes work: who will do it, and how they are told. `lives_on`: asked by a process that outlives a
    drainer that it starts, as a command does not."""

    def __init__(
        self, settings: Settings, lane: Lane = Lane.ALERTS, *, at_once: bool = True, lives_on: bool = False
    ) -> None:
        self._settings = settings
        self._lane = lane
        self._drainer: DrainerHandle | None = None
        self._workers = 0
        self._heard = True
        self._lives_on = lives_on
        if settings.embedded and at_once:
            # At once: it makes itself ready while the command reads and counts. Not for a person, who is to read and
            # answer first: until the question stands there, the cores are for counting.
            self._drainer = start_drainer()

    def find_workers(self, database: Database) -> None:
        """Find the living workers of the lane; where there are none, this machine does the work itself."""
        from dispatcher.running.presence import alive

        if self._drainer is None:
            if not self._settings.embedded:
                with database.read() as connection:
                    self._workers = len(alive(connection, ("worker", "run"), self._lane.value))
            if not self._workers:
                self._drainer = start_drainer()

    def check(self) -> None:
        """Raises BeredskapError when the process that would do the work here has ended as soon as it was started."""
        if self._drainer is not None and self._drainer.ended:
            raise BeredskapError(
                "The process that sends has ended as soon as it was started.",
                unchanged="Nothing was sent.",
                remedy="Run beredskap doctor; if it finds nothing, start beredskap run and send again.",
            )

    def ring(self) -> None:
        """Tell them that there is work; they would see it themselves within a second."""
        if self._drainer is not None:
            self._drainer.ring()
        elif self._settings.store.redis_url:
            from dispatcher.running.broker import Doorbell, make_broker

            self._heard = Doorbell(make_broker(self._settings)).ring(self._lane)

    @property
    def lacking(self) -> Lacking | None:
        """What of the installation is not there, though the work is done; None when all is as it should be."""
        if self._drainer is not None:
            return None if self._settings.embedded else Lacking.WORKER
        return None if self._heard else Lacking.REDIS

    def words(self) -> str:
        """What the operator should know about who sends; empty when all is as it should be."""
        if self.lacking is Lacking.WORKER:
            return (
                "No worker is alive: this machine sends by itself, in the background. "
                "Start a worker when you can; beredskap doctor tells when all is well."
            )
        if self.lacking is Lacking.REDIS:
            are = "worker is alive and reads" if self._workers == 1 else "workers are alive and read"
            itself = "itself" if self._workers == 1 else "themselves"
            return (
                f"Redis does not answer{self._redis_place()}. {self._workers} {are} the database {itself}: "
                "the alert goes out. Restart Redis when you can; beredskap doctor tells when all is well."
            )
        return ""

    def _redis_place(self) -> str:
        """Where it was looked for; never with a password."""
        parts = urlsplit(self._settings.store.redis_url)
        return f" at {parts.hostname}:{parts.port or 6379}" if parts.hostname else ""

    def close(self) -> None:
        """Let a drainer of ours end when it is done; it goes on until then."""
        if self._drainer is not None:
            self._drainer.close()
            if self._lives_on:
                self._drainer.bury()


def revive(database: Database) -> bool:
    """Start a drainer when something is left to do and nobody would do it, as after a crash; true when one was."""
    from dispatcher.outbox.sweep import anything_left
    from dispatcher.running.presence import SENDING, alive

    with database.read() as connection:
        if not anything_left(connection) or alive(connection, SENDING, Lane.ALERTS.value):
            return False
    start_drainer().close()
    return True
