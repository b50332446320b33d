"""A guardian's whole way in a real browser: logged in, the child seen, a number added, its code received, confirmed."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from playwright.sync_api import expect
from sqlalchemy import update

from config import migrations
from config.database import Database
from contacts.tables import PERSON
from dispatcher.codes import AlertStatus
from providers.base import Accepted
from providers.sandbox.server import ACCOUNT_SID, AUTH_TOKEN, Sandbox
from tests.browser.conftest import PHONE, Site, picture
from tests.services.openid import claims_of_guardian
from tests.services.schema import all_tables
from tests.services.server import die_with_parent
from tests.services.waiting import eventually

GUARDIAN = "05898200029"
_ROOT = Path(__file__).parents[2]


@pytest.fixture
def sandbox() -> Iterator[Sandbox]:
    with Sandbox() as running:
        yield running


@pytest.fixture
def sqlite_database(tmp_path: Path) -> Iterator[Database]:
    """A store as `beredskap init` makes it, for a process beside the portal."""
    database = Database(f"sqlite:///{tmp_path / 'beredskap.db'}")
    migrations.upgrade(database, all_tables())
    yield database
    database.dispose()


@pytest.fixture
def site_settings(sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch) -> None:
    given = {"account_sid": ACCOUNT_SID, "auth_token": AUTH_TOKEN, "api_base_url": sandbox.sms_url, "sender": "SKOLEN"}
    for name, value in given.items():
        monkeypatch.setenv(f"BEREDSKAP_SMS__{name.upper()}", value)


@contextmanager
def running(site: Site, directory: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """`beredskap run` beside the portal, as a process: what is to be sent leaves by it."""
    monkeypatch.setenv("BEREDSKAP_STORE__DATABASE_URL", site.database.engine.url.render_as_string(False))
    monkeypatch.setenv("BEREDSKAP_STORE__DATA_DIR", str(directory))
    monkeypatch.setenv("BEREDSKAP_WEB__PORT", "0")
    monkeypatch.setenv("PYTHONPATH", str(_ROOT))
    with (directory / "run.log").open("wb") as log:
        line = [sys.executable, "-c", "import cli; cli.main()", "run"]
        process = subprocess.Popen(line, stdout=log, stderr=log, stdin=subprocess.DEVNULL, preexec_fn=die_with_parent)
    try:
        yield
    finally:
        process.terminate()
        process.wait(30)


def test_a_guardian_adds_a_number_and_confirms_it(
    site: Site, sandbox: Sandbox, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    family = site.world.family()
    with site.world.store() as store:
        store.group("2B", site.world.school, family.student)
        for person, given in ((family.student, "NORA"), (family.guardian, "OLA")):
            named = update(PERSON).where(PERSON.c.id == person).values(given_name=given, family_name="EKSEMPEL")
            store.connection.execute(named)
    site.world.sent(family, status=AlertStatus.EXERCISE)
    claims = site.world.claim()
    with site.world.clock():
        site.world.record(*((claim, Accepted("SM1")) for claim in claims))
    site.identify(family.guardian, GUARDIAN)
    site.provider.person("ola", **claims_of_guardian(GUARDIAN))
    page = site.open(width=PHONE, javascript=False)
    with running(site, tmp_path, monkeypatch):
        site.log_in(page, "ola", "ID-porten")
        expect(page.get_by_role("heading", name="Nora Eksempel")).to_be_visible()
        expect(page.get_by_text("2B", exact=True)).to_be_visible()
        page.get_by_role("link", name=re.compile("^Telefonnumrene")).click()
        page.locator("#add-sms").fill("999 99 912")
        page.locator("form", has=page.locator("#add-sms")).locator("button").click()
        assert "99999912" not in page.url
        came = lambda: sandbox.mailbox.by_number.get("+4799999912")  # noqa: E731
        (sms,) = eventually(came, 60, what="the code has come by SMS")
        code = re.search(r"\b[0-9]{6}\b", sms.body)
        assert code
        page.locator("#code").fill(code[0])
        page.get_by_role("button", name="Bekreft", exact=True).click()
    assert "Bekreftet. Varsler blir sendt hit fra nå av." in page.content()
    shown = [re.sub(r"\s", "", one.inner_text()) for one in page.locator("h2").all()]
    assert "+4799999912" in shown


def test_the_guardians_pages_can_be_read_by_everybody(site: Site) -> None:
    family = site.world.family(2, email=True)
    with site.world.store() as store:
        for person, given in zip((*family.students, family.guardian), ("Nora", "Emil", "Ola"), strict=True):
            named = update(PERSON).where(PERSON.c.id == person).values(given_name=given, family_name="Eksempel")
            store.connection.execute(named)
        store.group("2B", site.world.school, family.student)
    site.world.sent(family)
    claims = site.world.claim()
    with site.world.clock():
        site.world.record(*((claim, Accepted("SM1")) for claim in claims))
    site.identify(family.guardian, GUARDIAN)
    site.provider.person("ola", **claims_of_guardian(GUARDIAN))
    page = site.open()
    site.log_in(page, "ola", "ID-porten")
    picture(page, "guardian")
    page.get_by_role("link", name=re.compile("^Telefonnumrene")).click()
    picture(page, "guardian-contact")
    page.locator("#add-sms").fill("999 99 912")
    page.locator("form", has=page.locator("#add-sms")).locator("button").click()
    picture(page, "guardian-code")
