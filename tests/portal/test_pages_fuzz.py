"""Anything at all is asked of every page, by every kind of visitor: it is answered, and never with a fault of ours."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from config.database import Database
from portal.access import Page
from portal.pages.table import PAGES
from tests.portal.browser import Browser, PortalUnderTest
from tests.portal.test_access import VISITORS, Gate, name_of

# Names of fields that forms have, and values that somebody may try.
_FIELDS = (
    "address", "again", "alerts", "ask", "back", "channel", "code", "confirm", "done", "draft", "even_last",
    "evidence", "grades", "groups", "guardian", "invitation", "kind", "language", "minutes", "name", "note", "point",
    "portal", "purpose", "said", "school", "shown", "status", "student", "students", "text", "text-nb", "typed",
    "unverified", "x",
)  # fmt: skip
_VALUES = st.one_of(
    st.text(max_size=80),
    st.sampled_from(
        [
            "0", "-1", "1", "99999999999999999999", "G-1", "S-1", "1-0", "yes", "alerts", "portal", "sms", "email",
            "nb", "actual", "exercise", "Eksempel vgs", "VG1", "1-0,1-0", "øvelse", "{sted}",
            "+4799000001", "ola@example.no", "' OR 1=1 --", "<script>", "\x00", "\ud7ff", "🦉" * 300,
            "12345678901",
        ]
    ),
)  # fmt: skip
_FORMS = st.dictionaries(st.sampled_from(_FIELDS), _VALUES, max_size=8)


@pytest.fixture
def gate(sqlite_database: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Gate]:
    # Alerts could leave: so previews are made.
    for name, value in {"ACCOUNT_SID": "AC" + "0" * 32, "SENDER": "SKOLEN"}.items():
        monkeypatch.setenv(f"BEREDSKAP_SMS__{name}", value)
    yield Gate(sqlite_database, tmp_path, monkeypatch)


@pytest.mark.parametrize("page", [page for page in PAGES if page.path != "/log-out"], ids=name_of)
def test_no_page_falls_over(gate: Gate, page: Page) -> None:
    browsers = {name: gate.visitor(name) for name in VISITORS}
    tokens = {name: gate.portal.form_token(browser) for name, browser in browsers.items()}
    held = {name: dict(browser.cookies) for name, browser in browsers.items()}

    @settings(max_examples=30, suppress_health_check=list(HealthCheck))
    @given(who=st.sampled_from(VISITORS), form=_FORMS, place=_VALUES, number=st.integers(0, 2**70))
    def ask(who: str, form: dict[str, str], place: str, number: int) -> None:
        browser = browsers[who]
        browser.cookies = dict(held[who])
        path = re.sub(r"\{\w+:int\}", str(number), page.path)
        path = re.sub(r"\{\w+:str\}", quote(place, safe="", errors="replace") or "x", path)
        query = "&".join(f"{name}={quote(value, errors='replace')}" for name, value in form.items())
        if page.method == "POST":
            clean = {name: value.encode(errors="replace").decode() for name, value in form.items()}
            browser.post(path, clean, token=tokens[who], follow=False)
        else:
            browser.get(f"{path}?{query}", follow=False)
        assert browser.page.status_code < 500, browser.text
        assert "{" not in browser.page.headers.get("location", "")

    ask()


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@given(cookie=st.text(max_size=200), path=st.text(max_size=40), language=st.text(max_size=40))
def test_no_cookie_and_no_address_falls_over(gate: Gate, cookie: str, path: str, language: str) -> None:
    browser: Browser = gate.portal.browser()
    browser.language = language.encode("ascii", "replace").decode().replace("\r", " ").replace("\n", " ")
    plain = re.sub(r"[^\x20-\x7e]|[;,\"]", "x", cookie)
    browser.cookies = {"__Host-visit": plain, "__Host-log-in": plain, "__Host-language": plain}
    for place in (
        "/",
        "/guardian",
        "/logged-in/feide",
        "/logged-in/" + quote(path, safe=""),
        "/log-out/feide",
        "/" + quote(path),
    ):
        browser.get(place, follow=False)
        assert browser.page.status_code < 500, place


def test_a_form_that_is_too_long(gate: Gate) -> None:
    portal: PortalUnderTest = gate.portal
    browser = gate.visitor("guardian")
    browser.post("/log-out", {"x": "y" * 20_000}, token=portal.form_token(browser))
    assert browser.page.status_code == 413
