"""What Twilio reports reaches its delivery once, and nobody else can report anything."""

from __future__ import annotations

from collections.abc import Iterator
from urllib.parse import urlencode

import pytest
from sqlalchemy import func, insert, select

from config.database import Database
from config.errors import UsageError
from dispatcher.codes import AttemptOutcome, DeliveryState
from dispatcher.outbox.receipts import match_waiting
from dispatcher.tables import ATTEMPT, DELIVERY, EVENT, RECEIPT
from portal.app import SECURITY_HEADERS, create_app
from portal.server import WebServer
from portal.twilio_signature import MOST_BYTES
from tests.portal.serving import (
    NOW,
    PUBLIC,
    TOKEN,
    accepted_deliveries,
    call,
    form_of,
    path_of,
    report,
    serving,
    settings_with,
    signed,
)


@pytest.fixture
def server(database: Database, monkeypatch: pytest.MonkeyPatch) -> Iterator[WebServer]:
    with serving(settings_with(monkeypatch), database) as server:
        yield server


def state_of(database: Database, delivery_id: int) -> tuple[str, str | None]:
    with database.read() as connection:
        row = connection.execute(select(DELIVERY.c.state, DELIVERY.c.code).where(DELIVERY.c.id == delivery_id)).one()
        return row.state, row.code


def count(database: Database, table: object) -> int:
    with database.read() as connection:
        return connection.execute(select(func.count()).select_from(table)).scalar_one()  # type: ignore[arg-type]


def test_a_delivered_message_is_delivered(server: WebServer, database: Database) -> None:
    references = accepted_deliveries(database, 2)
    answer = report(server, path_of(1), form_of(references[1], "delivered"))
    assert (answer.status, answer.body) == (204, "")
    assert state_of(database, 1) == (DeliveryState.DELIVERED, None)
    assert state_of(database, 2) == (DeliveryState.ACCEPTED, None)


def test_each_account_has_an_address_and_a_token_of_its_own(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("BEREDSKAP_SMS_BACKUP__ACCOUNT_SID", "AC" + "0" * 31 + "2")
    monkeypatch.setenv("BEREDSKAP_SMS_BACKUP__AUTH_TOKEN", "another-token")
    references = accepted_deliveries(database, 1)
    path, form = path_of(1, provider="twilio_backup"), form_of(references[1], "delivered")
    with serving(settings_with(monkeypatch), database) as server:
        body = urlencode(form).encode()
        assert call(server.url + path, body, signed(path, form)).status == 403
        assert call(server.url + path, body, signed(path, form, token="another-token")).status == 204
    assert state_of(database, 1)[0] == DeliveryState.DELIVERED
    with database.read() as connection:
        assert connection.execute(select(RECEIPT.c.provider)).scalar_one() == "twilio_backup"


@pytest.mark.parametrize("status", ["undelivered", "failed"])
def test_a_failure_brings_its_code(server: WebServer, database: Database, status: str) -> None:
    references = accepted_deliveries(database, 1)
    assert report(server, path_of(1), form_of(references[1], status, "30005")).status == 204
    assert state_of(database, 1) == (DeliveryState.UNDELIVERED, "30005")


@pytest.mark.parametrize("status", ["accepted", "queued", "sending", "sent", "a_word_of_tomorrow"])
def test_a_status_on_the_way_is_kept_and_moves_nothing(server: WebServer, database: Database, status: str) -> None:
    references = accepted_deliveries(database, 1)
    assert report(server, path_of(1), form_of(references[1], status)).status == 204
    assert state_of(database, 1) == (DeliveryState.ACCEPTED, None)
    with database.read() as connection:
        row = connection.execute(select(RECEIPT.c.status, RECEIPT.c.delivery_id, RECEIPT.c.attempt)).one()
    assert tuple(row) == ("pending", 1, 1)


def test_the_same_callback_again_changes_nothing(server: WebServer, database: Database) -> None:
    references = accepted_deliveries(database, 1)
    form = form_of(references[1], "delivered")
    assert [report(server, path_of(1), form).status for _ in range(4)] == [204] * 4
    assert count(database, RECEIPT) == 1
    assert count(database, EVENT) == 1


def test_what_came_before_the_end_does_not_undo_it(server: WebServer, database: Database) -> None:
    references = accepted_deliveries(database, 1)
    for status in ("delivered", "sent", "queued", "undelivered"):
        assert report(server, path_of(1), form_of(references[1], status)).status == 204
    assert state_of(database, 1)[0] == DeliveryState.DELIVERED


def test_a_receipt_of_an_unknown_delivery_is_kept_until_it_is_known(server: WebServer, database: Database) -> None:
    accepted_deliveries(database, 1)
    late = "SM" + "f" * 32
    assert report(server, path_of(987654321), form_of(late, "delivered")).status == 204
    with database.read() as connection:
        assert connection.execute(select(RECEIPT.c.delivery_id)).scalars().all() == [None]
    with database.write() as connection:
        connection.execute(
            insert(ATTEMPT),
            {
                "delivery_id": 1,
                "number": 2,
                "provider": "twilio",
                "began_at": NOW,
                "outcome": AttemptOutcome.ACCEPTED,
                "reference": late,
            },
        )
        assert match_waiting(connection) == 1
    assert state_of(database, 1)[0] == DeliveryState.DELIVERED


def test_a_call_without_a_valid_signature_is_refused(server: WebServer, database: Database) -> None:
    references = accepted_deliveries(database, 1)
    path, form = path_of(1), form_of(references[1], "delivered")
    body, right = urlencode(form).encode(), signed(path, form)
    plain = {"Content-Type": right["Content-Type"]}
    refused = {
        "no header": call(server.url + path, body, plain),
        "an empty one": call(server.url + path, body, {**plain, "X-Twilio-Signature": ""}),
        "no signature": call(
            server.url + path, body, {**plain, "X-Twilio-Signature": "æøå".encode().decode("latin-1")}
        ),
        "another token": call(server.url + path, body, signed(path, form, token="another")),
        "no token": call(server.url + path, body, signed(path, form, token="")),
        "another delivery": call(server.url + path_of(2), body, right),
        "another attempt": call(server.url + path_of(1, 2), body, right),
        "another query": call(server.url + path + "?a=1", body, right),
        "another body": call(server.url + path, urlencode({**form, "MessageStatus": "failed"}).encode(), right),
        "one field more": call(server.url + path, body + b"&ErrorCode=", right),
    }
    assert {name: answer.status for name, answer in refused.items()} == dict.fromkeys(refused, 403)
    assert count(database, RECEIPT) == 0
    assert call(server.url + path, body, right).status == 204


def test_the_host_header_proves_nothing(server: WebServer, database: Database) -> None:
    """Behind a proxy it is not the public address, and from a stranger it is whatever the stranger wrote."""
    references = accepted_deliveries(database, 1)
    path, form = path_of(1), form_of(references[1], "delivered")
    body = urlencode(form).encode()
    elsewhere = "https://elsewhere.example.test"
    forged = {
        **signed(path, form, public=elsewhere),
        "Host": "elsewhere.example.test",
        "X-Forwarded-Host": "elsewhere.example.test",
        "X-Forwarded-Proto": "https",
    }
    assert call(server.url + path, body, forged).status == 403
    assert call(server.url + path, body, signed(path, form, public=server.url)).status == 403
    assert call(server.url + path, body, {**signed(path, form), "Host": "elsewhere.example.test"}).status == 204


def test_blank_fields_and_repeated_ones_count_in_the_signature(server: WebServer, database: Database) -> None:
    references = accepted_deliveries(database, 1)
    path, form = path_of(1), form_of(references[1], "undelivered", "30003", RawDlrDoneDate="", Körper="ø å")
    assert call(server.url + path, urlencode(form).encode(), signed(path, form)).status == 204
    without = {name: value for name, value in form.items() if value}
    assert call(server.url + path, urlencode(form).encode(), signed(path, without)).status == 403


def test_the_query_is_part_of_what_is_signed(server: WebServer, database: Database) -> None:
    references = accepted_deliveries(database, 1)
    path, form = path_of(1) + "?lane=alerts&empty=", form_of(references[1], "delivered")
    assert report(server, path, form).status == 204
    assert state_of(database, 1)[0] == DeliveryState.DELIVERED


def test_the_probe_is_checked_and_stored_nowhere(server: WebServer, database: Database) -> None:
    form = form_of("SM" + "0" * 32, "delivered")
    assert report(server, path_of(0, 0), form).status == 204
    wrong = {**signed(path_of(0, 0), form), "X-Twilio-Signature": "wrong"}
    assert call(server.url + path_of(0, 0), urlencode(form).encode(), wrong).status == 403
    assert count(database, RECEIPT) == 0


@pytest.mark.parametrize(
    "path",
    [
        path_of("01"),
        path_of(1, "01"),
        path_of("-1"),
        path_of("1.0"),
        path_of("1e3"),
        path_of("%D9%A1"),  # a digit, in Arabic
        path_of("9" * 19),
        path_of("9" * 5000),
        path_of(1, "9" * 10),
        path_of("") + "",
        path_of(1) + "/",
        "/callbacks/twilio/status/1",
        "/callbacks/twilio/voice/1/1",
        "/",
    ],
)
def test_there_is_one_address_for_each_attempt(server: WebServer, path: str) -> None:
    assert report(server, path, form_of("SM" + "0" * 32, "delivered")).status == 404


def test_a_delivery_that_fits_no_column_of_ours_is_still_an_answer(server: WebServer, database: Database) -> None:
    assert report(server, path_of("9" * 18, "9" * 9), form_of("SM" + "1" * 32, "delivered")).status == 204
    assert count(database, RECEIPT) == 1


@pytest.mark.parametrize("method", ["GET", "HEAD", "PUT", "DELETE", "OPTIONS"])
def test_only_post_reports(server: WebServer, method: str) -> None:
    assert call(server.url + path_of(1), method=method).status == 405


@pytest.mark.parametrize(
    "form",
    [
        {"MessageSid": "SM" + "0" * 32},
        {"MessageStatus": "delivered"},
        {"MessageSid": "", "MessageStatus": "delivered"},
        {"MessageSid": "SM" + "0" * 200, "MessageStatus": "delivered"},
        {"MessageSid": "SM\x00", "MessageStatus": "delivered"},
        {"MessageSid": "SM" + "0" * 32, "MessageStatus": "<delivered>"},
        {"MessageSid": "SM" + "0" * 32, "MessageStatus": "delivered", "ErrorCode": "12 OR 1=1"},
        {"MessageSid": "SM" + "0" * 32, "MessageStatus": "delivered", "ErrorCode": "1" * 70},
    ],
)
def test_a_signed_form_that_is_no_status_is_no_receipt(
    server: WebServer, database: Database, form: dict[str, str]
) -> None:
    assert report(server, path_of(1), form).status == 400
    assert count(database, RECEIPT) == 0


def test_a_body_that_is_no_form_is_told_so(server: WebServer) -> None:
    headers = signed(path_of(1), {})
    url = server.url + path_of(1)
    assert call(url, b"MessageSid=%ff", headers).status == 400
    assert call(url, b"MessageSid=\xff", headers).status == 400
    assert call(url, b"&".join(b"a%d=1" % n for n in range(300)), headers).status == 400
    assert call(url, b'{"a": 1}', {**headers, "Content-Type": "application/json"}).status == 400
    assert call(url, b"--x", {**headers, "Content-Type": "multipart/form-data; boundary=x"}).status == 400


def test_a_body_is_read_no_further_than_a_callback_is_long(server: WebServer) -> None:
    form = form_of("SM" + "0" * 32, "delivered", Body="x" * MOST_BYTES)
    assert report(server, path_of(1), form).status == 413


def test_every_answer_keeps_the_browser_at_bay(server: WebServer, database: Database) -> None:
    references = accepted_deliveries(database, 1)
    answers = [
        report(server, path_of(1), form_of(references[1], "delivered")),
        call(server.url + path_of(1), b""),
        call(server.url + "/nothing-here"),
        call(server.url + "/healthz", method="GET"),
    ]
    assert [answer.status for answer in answers] == [204, 403, 404, 200]
    for answer in answers:
        assert {name: answer.headers[name] for name in SECURITY_HEADERS} == SECURITY_HEADERS
        assert "server" not in answer.headers


@pytest.mark.parametrize("missing", ["auth_token", "callback_base_url"])
def test_without_the_settings_every_call_is_refused(
    database: Database, monkeypatch: pytest.MonkeyPatch, missing: str
) -> None:
    """An empty token would be a key that everybody has."""
    form = form_of("SM" + "0" * 32, "delivered")
    with serving(settings_with(monkeypatch, **{missing: ""}), database) as server:
        for token in ("", TOKEN):
            for public in ("", PUBLIC, server.url):
                headers = signed(path_of(1), form, public=public, token=token)
                assert call(server.url + path_of(1), urlencode(form).encode(), headers).status == 403


@pytest.mark.parametrize("kept", [True, False])
def test_a_public_address_with_a_path_works_with_both_kinds_of_proxy(
    database: Database, monkeypatch: pytest.MonkeyPatch, kept: bool
) -> None:
    references = accepted_deliveries(database, 1)
    form = form_of(references[1], "delivered")
    with serving(settings_with(monkeypatch, callback_base_url=PUBLIC + "/varsling/"), database) as server:
        headers = signed(path_of(1), form, public=PUBLIC + "/varsling")
        path = ("/varsling" if kept else "") + path_of(1)
        assert call(server.url + path, urlencode(form).encode(), headers).status == 204
    assert state_of(database, 1)[0] == DeliveryState.DELIVERED


@pytest.mark.parametrize(
    "address", ["varsling.no", "ftp://varsling.no", "https://", "https://a:99999", "https://[", "https://a/?x"]
)
def test_a_public_address_that_is_none_is_told_at_the_start(
    sqlite_database: Database, monkeypatch: pytest.MonkeyPatch, address: str
) -> None:
    with pytest.raises(UsageError, match="callback_base_url"):
        create_app(settings_with(monkeypatch, callback_base_url=address), sqlite_database)
