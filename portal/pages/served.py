"""The pages of one application, where the settings give the portal an address; none otherwise."""

from __future__ import annotations

from starlette.routing import Route

from config.database import Database
from config.keys import load_keys
from config.set_aside import SetAside
from config.settings import Settings
from portal.boards import Boards
from portal.door import Door
from portal.log_in.routes import LogIns
from portal.pages.table import pages_of
from portal.quality import QualityFigures
from portal.rendering import static_answer
from portal.visit import Portal


class Pages:
    """Raises UsageError when there are pages, and the key file cannot be used."""

    def __init__(self, settings: Settings, database: Database) -> None:
        self.routes: list[Route] = []
        self._door: Door | None = None
        self._boards: Boards | None = None
        self._quality: QualityFigures | None = None
        self._log_ins: LogIns | None = None
        if isinstance(settings.portal, SetAside) or not settings.portal.on:
            return
        self._boards = Boards(database)
        self._quality = QualityFigures(database, settings.organisation.stale_after_months)
        portal = Portal(settings, database, load_keys(settings.key_file), self._boards, self._quality)
        self._door = Door(portal)
        self._log_ins = LogIns(portal)
        self.routes = [
            *self._door.routes(pages_of(settings.portal)),
            *self._log_ins.routes(),
            Route("/static/{digest}/{name}", static_answer, methods=["GET"]),
        ]

    def begin(self) -> None:
        """Say what is wrong with what visitors log in by, once the log is set up."""
        if self._log_ins is not None:
            self._log_ins.check_keys()

    def end_streams(self) -> None:
        """Let go of those who watch a board, in the application's event loop: nobody waits for them to leave."""
        if self._boards is not None:
            self._boards.end_streams()

    def close(self) -> None:
        for each in (self._door, self._boards, self._quality):
            if each is not None:
                each.close()
