"""An SMS to our number, told by Twilio with its signature: obeyed once, replied to only where Twilio does not."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlencode

import pytest
from sqlalchemy import func, insert, select

from config.database import Database
from contacts.tables import ADDRESS
from dispatcher.reports.counting import report
from dispatcher.tables import ANSWER
from portal.server import WebServer, create_server
from portal.server import serving as server_thread
from providers.base import Accepted
from providers.sandbox.inspection import inbound_form
from providers.sandbox.server import ACCOUNT_SID, AUTH_TOKEN, Sandbox
from tests.dispatcher.world import World
from tests.portal.serving import Answer, call, serving, settings_with, signed
from tests.services.server import free_port

OURS, GUARDIAN = "+4759444444", "+4799000001"
PATH = "/callbacks/twilio/answers"
NOTHING = '<?xml version="1.0" encoding="UTF-8"?><Response />'


@pytest.fixture
def server(database: Database, monkeypatch: pytest.MonkeyPatch) -> Iterator[WebServer]:
    monkeypatch.setenv("BEREDSKAP_ORGANISATION__NAME", "Eksempel fylkeskommune")
    _number(database)
    with serving(settings_with(monkeypatch, sender="+47 594 44 444"), database) as server:
        yield server


def _number(database: Database) -> None:
    with database.write() as connection:
        connection.execute(insert(ADDRESS).values(channel="sms", value=GUARDIAN, takes_messages=True, failures=0))


def form(body: str, sid: str = "SM" + "1" * 32, *, to: str = OURS, **more: str) -> dict[str, str]:
    return inbound_form("AC" + "0" * 32, sid, GUARDIAN, to, body) | more


def tell(server: WebServer, fields: dict[str, str], path: str = PATH) -> Answer:
    return call(server.url + path, urlencode(fields).encode(), signed(path, fields))


def stopped(database: Database) -> bool:
    with database.read() as connection:
        return connection.scalars(select(ADDRESS.c.opted_out_at)).one() is not None


def count(database: Database) -> int:
    with database.read() as connection:
        return connection.execute(select(func.count()).select_from(ANSWER)).scalar_one()


def test_stopp_is_obeyed_and_told_in_our_words(server: WebServer, database: Database) -> None:
    answer = tell(server, form("Stopp"))
    assert (answer.status, answer.headers["Content-Type"]) == (200, "text/xml; charset=utf-8")
    assert "<Message>Eksempel fylkeskommune: Du får ikke flere SMS" in answer.body
    assert stopped(database)
    again = tell(server, form("Stopp"))
    assert (again.status, again.body) == (200, NOTHING)
    assert count(database) == 1


@pytest.mark.parametrize("more", [{}, {"OptOutType": "STOP"}])
def test_what_twilio_answers_itself_gets_no_second_answer(
    server: WebServer, database: Database, more: dict[str, str]
) -> None:
    assert tell(server, form("STOP", **more)).body == NOTHING
    assert stopped(database)
    assert tell(server, form("START", "SM" + "2" * 32)).body == NOTHING
    assert not stopped(database)


def test_a_call_without_a_valid_signature_changes_nothing(server: WebServer, database: Database) -> None:
    fields = form("STOP")
    body, right = urlencode(fields).encode(), signed(PATH, fields)
    plain = {"Content-Type": right["Content-Type"]}
    without_blanks = {name: value for name, value in fields.items() if value}
    refused = [
        call(server.url + PATH, body, plain),
        call(server.url + PATH, body, signed(PATH, fields, token="another")),
        call(server.url + PATH, body, signed("/callbacks/twilio_backup/answers", fields)),
        call(server.url + PATH, body, signed(PATH, without_blanks)),
        call(server.url + PATH, urlencode({**fields, "From": "+4799000002"}).encode(), right),
        call(server.url + PATH + "?a=1", body, right),
    ]
    assert [answer.status for answer in refused] == [403] * len(refused)
    assert (count(database), stopped(database)) == (0, False)
    assert call(server.url + PATH, body, method="GET", headers=plain).status == 405


def test_each_account_has_an_address_and_a_token_of_its_own(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("BEREDSKAP_SMS_BACKUP__ACCOUNT_SID", "AC" + "0" * 31 + "2")
    monkeypatch.setenv("BEREDSKAP_SMS_BACKUP__AUTH_TOKEN", "another-token")
    monkeypatch.setenv("BEREDSKAP_SMS_BACKUP__SENDER", "+4759555555")
    _number(database)
    path, fields = "/callbacks/twilio_backup/answers", form("STOP", to="+4759555555")
    with serving(settings_with(monkeypatch), database) as server:
        assert tell(server, fields, path).status == 403
        body = urlencode(fields).encode()
        assert call(server.url + path, body, signed(path, fields, token="another-token")).status == 200
    assert stopped(database)


def test_a_message_to_a_number_that_is_no_sender_of_ours_is_not_kept(server: WebServer, database: Database) -> None:
    for to in ("+4759444445", ""):
        answer = tell(server, form("STOP", to=to))
        assert (answer.status, answer.body) == (200, NOTHING)
    assert (count(database), stopped(database)) == (0, False)


@pytest.mark.parametrize("change", [{"MessageSid": ""}, {"MessageSid": "x" * 65}, {"From": ""}, {"From": "a\nb"}])
def test_what_is_no_message_is_refused(server: WebServer, database: Database, change: dict[str, str]) -> None:
    assert tell(server, form("STOP", **change)).status == 400
    assert count(database) == 0


def test_the_longest_and_strangest_text_is_kept_short(server: WebServer, database: Database) -> None:
    assert tell(server, form("👩‍👧\x00" + "å" * 1600)).body == NOTHING
    with database.read() as connection:
        text = connection.scalars(select(ANSWER.c.text)).one()
    assert len(text) == 160 and text.startswith("👩") and text.endswith("å…")


def test_an_answer_played_by_the_sandbox_goes_the_whole_way(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    _number(database)
    port = free_port()
    monkeypatch.setenv("BEREDSKAP_WEB__PORT", str(port))
    public = f"http://127.0.0.1:{port}"
    settings = settings_with(
        monkeypatch, account_sid=ACCOUNT_SID, auth_token=AUTH_TOKEN, callback_base_url=public, sender=OURS
    )
    with Sandbox() as sandbox, server_thread(create_server(settings, database)):
        played = play(sandbox, {"from": GUARDIAN, "to": OURS, "body": "hjelp", "url": public + PATH})
        assert played["status"] == 200 and "<Message>Beredskap varsler foresatte" in played["reply"]
        assert play(sandbox, {"from": GUARDIAN, "to": OURS, "body": "STOP", "url": public + PATH})["reply"] == NOTHING
        assert play(sandbox, {"body": "STOP"}, status=400)
        assert play(sandbox, {"from": GUARDIAN, "body": "x", "url": f"http://127.0.0.1:{free_port()}/"}, status=502)
    assert stopped(database)


def test_a_confirmation_played_by_the_sandbox_reaches_the_report(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    world = World(database)
    world.now = datetime.now(UTC)
    alert = world.sent(world.family(2, phone=GUARDIAN), ask_confirmation=True)
    world.record((world.claim_one(), Accepted("SM-1")))
    port = free_port()
    monkeypatch.setenv("BEREDSKAP_WEB__PORT", str(port))
    public = f"http://127.0.0.1:{port}"
    settings = settings_with(
        monkeypatch, account_sid=ACCOUNT_SID, auth_token=AUTH_TOKEN, callback_base_url=public, sender=OURS
    )
    with Sandbox() as sandbox, server_thread(create_server(settings, database)):
        wish = {"from": GUARDIAN, "to": OURS, "body": "1", "url": public + PATH, "sid": "SM" + "3" * 32}
        assert [play(sandbox, wish)["reply"] for _ in range(2)] == [NOTHING] * 2
    with database.read() as connection:
        figures = report(connection, alert)
    assert (figures.classes.confirmed, figures.confirmed_by_answer) == (2, 1)
    assert count(database) == 1


def play(sandbox: Sandbox, wish: dict[str, str], *, status: int = 200) -> dict[str, Any]:
    answer = call(f"{sandbox.sms_url}/sandbox/answers", json.dumps(wish).encode(), {"Content-Type": "application/json"})
    assert answer.status == status
    played: dict[str, Any] = json.loads(answer.body)
    return played
