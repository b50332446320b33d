"""A real browser before the real portal: Debian's Chromium, driven by Playwright; log-ins at a real OpenID provider.

The portal listens on loopback over plain HTTP, which Chromium takes for safe there: cookies are held as over TLS.
"""

from __future__ import annotations

import os
import re
import shutil
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, BrowserContext, Page, sync_playwright
from sqlalchemy import insert

from config.database import Database
from config.keys import Keys, create_key_file, load_keys
from config.settings import load_settings
from contacts.tables import IDENTIFIER
from portal.server import create_server, serving
from tests.dispatcher.world import World
from tests.services.openid import Provider, openid_provider
from tests.services.waiting import eventually

_OFFLINE = (
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--disable-gpu",
)
PHONE = {"width": 390, "height": 844}
DESKTOP = {"width": 1280, "height": 800}
REALM = "provedal.example"
FEIDE = "https://n.feide.no/claims/"


@pytest.fixture(scope="session")
def chromium() -> Iterator[Browser]:
    found = shutil.which("chromium")
    assert found, "Chromium is needed: make test-browser installs it, or says what to install"
    sandboxed = [] if os.getuid() else ["--no-sandbox"]
    with sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=found, args=[*_OFFLINE, *sandboxed])
        yield browser
        browser.close()


@pytest.fixture(scope="session")
def provider() -> Iterator[Provider]:
    with openid_provider() as running:
        yield running


class Site:
    """The portal of one school, really listening; `world` fills its store. Persons get numbers to log in with."""

    def __init__(
        self,
        database: Database,
        directory: Path,
        monkeypatch: pytest.MonkeyPatch,
        provider: Provider,
        chromium: Browser,
    ) -> None:
        self.database = database
        self.world = World(database)
        self.provider = provider
        self._chromium = chromium
        self._contexts: list[BrowserContext] = []
        key_file = directory / "portal.key"
        create_key_file(key_file)
        self.keys: Keys = load_keys(key_file)
        with socket.create_server(("127.0.0.1", 0)) as free:
            self._port = free.getsockname()[1]
        self.url = f"http://127.0.0.1:{self._port}"
        settings = {
            "STORE__KEY_FILE": str(directory / "portal.key"),
            "PORTAL__PUBLIC_URL": self.url,
            "FEIDE__REALM": REALM,
        }
        for section in ("ID_PORTEN", "FEIDE"):
            settings |= {
                f"{section}__ISSUER": provider.issuer,
                f"{section}__CLIENT_ID": "beredskap",
                f"{section}__CLIENT_SECRET": "secret",
                f"{section}__SCOPE": "openid profile",
            }
        for name, value in settings.items():
            monkeypatch.setenv(f"BEREDSKAP_{name}", value)

    @contextmanager
    def listening(self) -> Iterator[Site]:
        with serving(create_server(load_settings(), self.database, port=self._port)) as server:
            eventually(lambda: server.started, what="the portal answers")
            yield self
            for context in self._contexts:
                context.close()

    def identify(self, person_id: int, number: str) -> None:
        """Give a person of the store an identity number."""
        hidden = {"lookup": self.keys.lookup_hash(number, "nin"), "ciphertext": self.keys.encrypt(number)}
        with self.database.write() as connection:
            connection.execute(insert(IDENTIFIER).values(person_id=person_id, scheme="nin", current=True, **hidden))

    def open(self, *, width: dict[str, int] = DESKTOP, javascript: bool = True, language: str = "nb-NO") -> Page:
        """A window of a browser of its own, with nothing in it yet."""
        context = self._chromium.new_context(
            viewport=width,
            java_script_enabled=javascript,
            locale=language,
            reduced_motion="reduce",  # type: ignore[arg-type]
        )
        self._contexts.append(context)
        return context.new_page()

    def log_in(self, page: Page, subject: str, way: str) -> None:
        """The whole way: the first page, the provider, and back."""
        page.goto(self.url)
        page.get_by_role("link", name=re.compile(way)).click()
        page.locator("input[name=sub]").fill(subject)
        page.locator("button[type=submit], input[type=submit]").first.click()
        page.wait_for_url(f"{self.url}/**")


@pytest.fixture
def site_settings() -> None:
    """Settings of a module's own, in a file; none unless it makes them."""


@pytest.fixture
def site(
    site_settings: None,
    sqlite_database: Database,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    provider: Provider,
    chromium: Browser,
) -> Iterator[Site]:
    with Site(sqlite_database, tmp_path, monkeypatch, provider, chromium).listening() as listening:
        yield listening


def accessible(page: Page) -> None:
    """Raises AssertionError, with what is wrong, unless the page keeps WCAG 2.1 A and AA as far as axe can tell."""
    rules = {"runOnly": {"type": "tag", "values": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "best-practice"]}}
    found: Any = Axe().run(page, options=rules)
    wrong = [
        f"{one['id']} ({one['impact']}): {one['help']}: " + "; ".join(node["html"] for node in one["nodes"][:3])
        for one in found.response["violations"]
    ]
    assert not wrong, "\n".join(wrong)


def picture(page: Page, name: str) -> None:
    """Keep a picture of the page for the documentation, at both widths, where BEREDSKAP_SCREENSHOTS says where; the
    page is looked at by axe at both, too."""
    folder = PICTURES
    for kind, width in (("phone", PHONE), ("desktop", DESKTOP)):
        page.set_viewport_size(width)  # type: ignore[arg-type]
        accessible(page)
        if folder is not None:
            folder.mkdir(parents=True, exist_ok=True)
            page.screenshot(path=folder / f"{name}-{kind}.png", full_page=True)


# Read before the tests' surroundings are cleaned.
PICTURES = Path(os.environ["BEREDSKAP_SCREENSHOTS"]).resolve() if os.environ.get("BEREDSKAP_SCREENSHOTS") else None
