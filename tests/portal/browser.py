"""A browser for the portal's pages: asks the real application in this process, holds its cookies, fills in forms."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Mapping
from html.parser import HTMLParser
from pathlib import Path
from types import MappingProxyType
from typing import Any

import httpx2
import pytest
from starlette.applications import Starlette

from config.database import Database
from config.keys import Keys, create_key_file, load_keys
from config.settings import load_settings
from contacts.codes import VisitorKind
from contacts.visits import Patience, begin_visit, find_visit
from portal import cookies
from portal.app import create_app
from portal.log_in.who import Stranger, sealed

PUBLIC = "https://varsling.example.test"
PATIENCE = Patience(30 * 60, 10 * 3600)


class Browser:
    """Goes where it is told, and where redirects within the portal lead; a page's text without tags is `text`."""

    def __init__(self, app: Starlette, language: str = "en") -> None:
        self._app = app
        self.cookies: dict[str, str] = {}
        self.language = language
        self.page: httpx2.Response

    def get(self, path: str, *, follow: bool = True) -> httpx2.Response:
        return self._ask("GET", path, None, follow)

    def post(
        self,
        path: str,
        form: Mapping[str, str] | None = None,
        *,
        token: str | None = None,
        origin: str = "",
        follow: bool = True,
    ) -> httpx2.Response:
        """Send a form. `token`: in place of the one that stands in the page that is open; `origin`: the site that the
        form stands on, where the browser says so."""
        fields = {"form_token": self.form_token() if token is None else token, **(form or {})}
        return self._ask("POST", path, fields, follow, {"Origin": origin} if origin else {})

    def form_token(self) -> str:
        found = re.search(r'name="form_token" value="([^"]*)"', self.page.text)
        return found[1] if found else ""

    @property
    def text(self) -> str:
        """What a person reads on the page that is open, with single spaces."""
        reader = _Reader()
        reader.feed(self.page.text)
        return " ".join(" ".join(reader.parts).split())

    def forms(self) -> list[tuple[str, dict[str, str]]]:
        """The forms on the page that is open: where each goes, and its fields with what stands in them."""
        reader = _Reader()
        reader.feed(self.page.text)
        return reader.forms

    def _ask(
        self,
        method: str,
        path: str,
        form: Mapping[str, str] | None,
        follow: bool,
        headers: Mapping[str, str] = MappingProxyType({}),
    ) -> httpx2.Response:
        self.page = asyncio.run(self._one(method, path, form, headers))
        for header in self.page.headers.get_list("set-cookie"):
            name, _, rest = header.partition("=")
            value = rest.partition(";")[0].strip('"')
            if value and "max-age=0" not in header.lower():
                self.cookies[name] = value
            else:
                self.cookies.pop(name, None)
        place = self.page.headers.get("location", "")
        own = place.removeprefix(PUBLIC)
        if follow and own.startswith("/"):
            return self._ask("GET", own, None, follow)
        return self.page

    async def _one(
        self, method: str, path: str, form: Mapping[str, str] | None, more: Mapping[str, str]
    ) -> httpx2.Response:
        held = "; ".join(f"{name}={value}" for name, value in self.cookies.items())
        headers = {"Accept-Language": self.language, **({"Cookie": held} if held else {}), **more}
        transport = httpx2.ASGITransport(app=self._app)
        async with httpx2.AsyncClient(transport=transport, base_url=PUBLIC) as client:
            return await client.request(method, path, data=form, headers=headers)


class _Reader(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.parts: list[str] = []
        self.forms: list[tuple[str, dict[str, str]]] = []
        self._hidden = 0

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attrs}
        if tag in ("style", "script", "title"):
            self._hidden += 1
        elif tag == "form":
            self.forms.append((given.get("action", ""), {}))
        elif tag in ("input", "select", "textarea", "button") and self.forms and given.get("name"):
            self.forms[-1][1][given["name"]] = given.get("value", "")

    def handle_endtag(self, tag: str) -> None:
        if tag in ("style", "script", "title"):
            self._hidden -= 1

    def handle_data(self, data: str) -> None:
        if not self._hidden:
            self.parts.append(data)


class PortalUnderTest:
    """The application over one database, with its keys; opens browsers, logged in or not."""

    def __init__(self, database: Database, directory: Path, monkeypatch: pytest.MonkeyPatch, **settings: str) -> None:
        file = directory / "portal.key"
        if not file.exists():
            create_key_file(file)
        self.keys: Keys = load_keys(file)
        self.database = database
        given = {"STORE__KEY_FILE": str(file), "PORTAL__PUBLIC_URL": PUBLIC, **settings}
        for name, value in given.items():
            monkeypatch.setenv(f"BEREDSKAP_{name}", value)
        self.settings = load_settings()
        self.app = create_app(self.settings, database)

    def browser(self, language: str = "en") -> Browser:
        return Browser(self.app, language)

    def guardian(self, person_id: int, language: str = "en") -> Browser:
        return self._logged_in(VisitorKind.GUARDIAN, language, person_id=person_id)

    def student(self, person_id: int, language: str = "en") -> Browser:
        return self._logged_in(VisitorKind.STUDENT, language, person_id=person_id)

    def stranger(self, number: str, name: str, language: str = "en") -> Browser:
        """A guardian whom the store does not know."""
        return self._logged_in(VisitorKind.GUARDIAN, language, stranger=sealed(self.keys, Stranger(number, name)))

    def staff(self, operator: str, language: str = "en") -> Browser:
        return self._logged_in(VisitorKind.STAFF, language, operator=operator)

    def form_token(self, browser: Browser) -> str:
        """What the forms of this browser's visit carry; empty for one that is not logged in."""
        with self.database.read() as connection:
            visit = find_visit(connection, browser.cookies.get(cookies.VISIT, ""), PATIENCE)
        return visit.form_token if visit else ""

    def _logged_in(self, visitor: VisitorKind, language: str, **who: Any) -> Browser:
        browser = self.browser(language)
        with self.database.write() as connection:
            token = begin_visit(connection, visitor, PATIENCE, **who)
        browser.cookies[cookies.VISIT] = token
        return browser
