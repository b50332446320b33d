"""A school whose portal is logged in to through a real OpenID provider on loopback."""

from __future__ import annotations

from pathlib import Path
from urllib.error import HTTPError
from urllib.request import HTTPRedirectHandler, Request, build_opener

import pytest
from sqlalchemy import func, insert, select

from config.database import Database
from contacts.tables import IDENTIFIER, SCHOOL, VISIT
from tests.dispatcher.world import World
from tests.portal.browser import PUBLIC, Browser, PortalUnderTest
from tests.services.openid import Provider, chosen

# Synthetic: month + 80.
GUARDIAN, STUDENT, UNKNOWN = "05898200029", "24909000056", "14925400026"
FEIDE = "https://n.feide.no/claims/"
REALM = "provedal.example"


class Town:
    """A school with a student and a guardian, and the portal to log in to."""

    def __init__(
        self, database: Database, directory: Path, monkeypatch: pytest.MonkeyPatch, provider: Provider
    ) -> None:
        self._monkeypatch = monkeypatch
        self._directory = directory
        self.database = database
        self.world = World(database)
        self.family = self.world.family()
        self.serve(provider)
        for person, number in ((self.family.student, STUDENT), (self.family.guardian, GUARDIAN)):
            values = {
                "lookup": self.portal.keys.lookup_hash(number, "nin"),
                "ciphertext": self.portal.keys.encrypt(number),
            }
            with database.write() as connection:
                connection.execute(insert(IDENTIFIER).values(person_id=person, scheme="nin", current=True, **values))

    def serve(self, provider: Provider, **settings: str) -> None:
        given = {"FEIDE__REALM": REALM}
        for section in ("ID_PORTEN", "FEIDE"):
            given |= {
                f"{section}__ISSUER": provider.issuer,
                f"{section}__CLIENT_ID": "beredskap",
                f"{section}__CLIENT_SECRET": "secret",
                f"{section}__SCOPE": "openid profile",
            }
        self.portal = PortalUnderTest(self.database, self._directory, self._monkeypatch, **(given | settings))

    @property
    def school(self) -> int:
        with self.database.read() as connection:
            return int(connection.scalars(select(SCHOOL.c.id)).first() or 0)

    def set_out(self, browser: Browser, way: str = "id_porten") -> str:
        """To the provider; where it was sent."""
        answer = browser.get(f"/log-in/{way}/{self.school}", follow=False)
        assert answer.status_code == 302
        return answer.headers["location"]

    def log_in(self, subject: str, way: str = "id_porten", browser: Browser | None = None) -> Browser:
        browser = browser or self.portal.browser()
        browser.get(back_from(self.set_out(browser, way), subject))
        return browser

    def visits(self) -> int:
        with self.database.read() as connection:
            return connection.execute(select(func.count()).select_from(VISIT)).scalar_one()


class _Stay(HTTPRedirectHandler):
    def redirect_request(self, *_args: object) -> None:
        return None


def back_from(address: str, subject: str, **more: str) -> str:
    """Log in at the provider; the path of the portal that it leads back to."""
    url, form = chosen(address, subject)
    try:
        build_opener(_Stay()).open(Request(url, data=form), timeout=10)
    except HTTPError as answer:
        return answer.headers["location"].removeprefix(PUBLIC)
    raise AssertionError("the provider did not lead back")


def feide(name: str, **more: object) -> dict[str, object]:
    return {f"{FEIDE}eduPersonPrincipalName": name, **more}
