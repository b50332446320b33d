"""See to it that somebody sends: a living worker, or a drainer that this command starts."""

from __future__ import annotations

from config.database import Database
from config.settings import Settings
from dispatcher.codes import Lane
from dispatcher.running.broker import Doorbell, make_broker
from dispatcher.running.drainer import DrainerHandle, needs_drainer, start_drainer
from dispatcher.running.presence import alive


class Delivering:
    """For the command that confirms an alert: who will send it, and how they are told."""

    def __init__(self, settings: Settings, database: Database) -> None:
        self._settings = settings
        self._database = database
        self._drainer: DrainerHandle | None = None
        self._workers = 0
        self._heard = True

    def prepare(self, lane: Lane = Lane.ALERTS) -> None:
        """Find the living workers, or start a drainer, which is ready by the time the alert is confirmed."""
        with self._database.read() as connection:
            self._workers = len(alive(connection, ("worker", "run"), lane.value))
        if not self._workers:
            self._drainer = start_drainer()

    def ring(self, lane: Lane = Lane.ALERTS) -> None:
        """Tell them that there is work; they would see it themselves within a second."""
        if self._drainer is not None:
            self._drainer.ring()
        elif self._settings.store.redis_url:
            self._heard = Doorbell(make_broker(self._settings)).ring(lane)

    def words(self) -> str:
        """What the operator should know about who sends; empty when all is as it should be."""
        if self._drainer is not None:
            if self._settings.embedded:
                return ""
            return (
                "No worker is alive: this machine sends the alert itself, in the background. "
                "Start a worker when you can; beredskap doctor tells when all is well."
            )
        if not self._heard:
            are = "worker is alive and reads" if self._workers == 1 else "workers are alive and read"
            return (
                f"Redis does not answer. {self._workers} {are} the database: the alert goes out. "
                "Restart Redis when you can; beredskap doctor tells when all is well."
            )
        return ""

    def close(self) -> None:
        """Let a drainer of ours end when it is done; it goes on until then."""
        if self._drainer is not None:
            self._drainer.close()


def revive(database: Database) -> bool:
    """Start a drainer when something is left to do and nobody would do it, as after a crash; true when one was."""
    if not needs_drainer(database):
        return False
    start_drainer().close()
    return True
