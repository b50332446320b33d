"""An alert that a leader sends in the portal of a real `beredskap web`, and what the far end took of it."""

from __future__ import annotations

import re
from collections.abc import Mapping

import httpx2

from contacts.codes import VisitorKind
from contacts.visits import begin_visit
from dispatcher.codes import DeliveryState
from portal import cookies
from providers.base import Channel
from tests.dispatcher.world import World
from tests.portal.browser import PATIENCE, Browser
from tests.services.server import free_port
from tests.services.waiting import eventually
from tests.whole.conftest import Installation


class OverHttp(Browser):
    """A browser before a portal that listens."""

    def __init__(self, url: str) -> None:
        self._url = url
        self.cookies = {}
        self.language = "nb"

    async def _one(
        self, method: str, path: str, form: Mapping[str, str] | None, more: Mapping[str, str]
    ) -> httpx2.Response:
        held = "; ".join(f"{name}={value}" for name, value in self.cookies.items())
        headers = {"Accept-Language": self.language, "Cookie": held, **more}
        async with httpx2.AsyncClient(base_url=self._url, timeout=30) as client:
            return await client.request(method, path, data=form, headers=headers)


def leader_at(installation: Installation) -> OverHttp:
    port = free_port()
    url = f"http://127.0.0.1:{port}"
    installation.set("portal", public_url=url, sending=True)
    installation.set("web", port=port)
    installation.set('operators."leder"', roles=["school_leader"], schools=["Eksempel vgs"])
    installation.start("web")
    browser = OverHttp(url)
    eventually(lambda: _answers(browser), 30, what="the portal answers")
    with installation.database.write() as connection:
        token = begin_visit(connection, VisitorKind.STAFF, PATIENCE, operator="leder")
    browser.cookies[cookies.VISIT] = token
    return browser


def _answers(browser: OverHttp) -> bool:
    try:
        return browser.get("/healthz").status_code == 200
    except httpx2.TransportError:
        return False


def _confirm(browser: OverHttp, words: str) -> dict[str, str]:
    """Type the words under the preview; the form that was sent."""
    _path, fields = next(one for one in browser.forms() if one[0].endswith("/confirm"))
    sent = {**fields, "typed": words, "channel": ["sms", "email"]}
    browser.post("/staff/send/lockdown/confirm", sent)  # type: ignore[arg-type]
    return sent  # type: ignore[return-value]


def test_what_the_preview_promises_is_what_leaves_and_it_leaves_once(embedded: Installation) -> None:
    world = World(embedded.database)
    families = [world.family(2, phone=f"+479910001{n}", email=n < 3) for n in range(4)]
    world.family(phone="+4799100019", verified=False)
    browser = leader_at(embedded)

    browser.get("/staff")
    assert 'href="/staff/send"' in browser.page.text
    browser.get("/staff/send/lockdown")
    form = {"status": "actual", "school": "Eksempel vgs", "channel": ["sms", "email"]}
    browser.post("/staff/send/lockdown/preview", form)  # type: ignore[arg-type]
    assert browser.page.status_code == 200, browser.text
    promised = re.search(r"SMS (\d+), e-post (\d+)", browser.text)
    assert promised and (int(promised[1]), int(promised[2])) == (4, 3)
    assert "1 kan ikke nås" in browser.text and "8 kan nås" in browser.text

    _confirm(browser, "Eksempel skole")
    assert browser.page.status_code == 409 and "Ingenting ble sendt" in browser.text
    assert embedded.far_end.taken() == 0 and embedded.alert_state() == "draft"

    sent = _confirm(browser, "Eksempel vgs")
    assert browser.page.status_code == 200 and "Varselet er bekreftet" in browser.text, browser.text
    assert "A-" in browser.text and "VIRKELIG VARSEL" in browser.text
    browser.post("/staff/send/lockdown/confirm", sent)
    assert "Ikke noe mer ble sendt" in browser.text
    embedded.closed()
    counts = embedded.far_end.counts()
    assert (counts["sms"], counts["email"]) == (4, 3)
    assert {one["to"] for one in embedded.far_end.sms()} == {family.phone for family in families}
    assert set(embedded.states(Channel.SMS)) == {DeliveryState.DELIVERED}
    assert embedded.alerts() == 1
    embedded.drained()
