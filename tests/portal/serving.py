"""The web application as the tests meet it: really listening, called by a provider that signs, over a real database."""

from __future__ import annotations

import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from http.client import HTTPMessage
from urllib.parse import urlencode

import pytest
from sqlalchemy import insert
from twilio.request_validator import RequestValidator

from config.database import Database
from config.settings import Settings, load_settings
from contacts.tables import ADDRESS
from dispatcher.codes import AlertState, AlertStatus, AttemptOutcome, DeliveryState, Lane
from dispatcher.tables import ALERT, ATTEMPT, DELIVERY
from portal.server import WebServer, create_server
from portal.server import serving as server_thread
from providers.base import Channel
from tests.services.waiting import eventually

TOKEN = "a-token-of-the-tests"
PUBLIC = "https://varsling.example.test"
NOW = datetime.now(UTC)


def settings_with(monkeypatch: pytest.MonkeyPatch, **sms: str) -> Settings:
    """Settings whose [sms] section has these values."""
    given = {"account_sid": "AC" + "0" * 32, "auth_token": TOKEN, "callback_base_url": PUBLIC, "sender": "SKOLEN"}
    for name, value in {**given, **sms}.items():
        monkeypatch.setenv(f"BEREDSKAP_SMS__{name.upper()}", value)
    return load_settings()


@contextmanager
def serving(settings: Settings, database: Database) -> Iterator[WebServer]:
    with server_thread(create_server(settings, database, port=0)) as server:
        eventually(lambda: server.started, what="the web server answers")
        yield server


@dataclass(frozen=True)
class Answer:
    status: int
    headers: HTTPMessage
    body: str


def call(url: str, body: bytes | None = None, headers: Mapping[str, str] | None = None, method: str = "POST") -> Answer:
    request = urllib.request.Request(url, data=body, headers=dict(headers or {}), method=method)
    try:
        with urllib.request.urlopen(request, timeout=30) as answer:
            return Answer(answer.status, answer.headers, answer.read().decode())
    except urllib.error.HTTPError as error:
        with error:
            return Answer(error.code, error.headers, error.read().decode())


def form_of(sid: str, status: str, code: str | None = None, **more: str) -> dict[str, str]:
    """The fields of a status callback, those with persons in them too."""
    form = {
        "AccountSid": "AC" + "0" * 32,
        "ApiVersion": "2010-04-01",
        "From": "SKOLEN",
        "MessageSid": sid,
        "MessageStatus": status,
        "To": "+4799999999",
        **more,
    }
    return form if code is None else {**form, "ErrorCode": code}


def path_of(delivery_id: int | str, attempt: int | str = 1, provider: str = "twilio") -> str:
    return f"/callbacks/{provider}/status/{delivery_id}/{attempt}"


def signed(path: str, form: Mapping[str, str], *, public: str = PUBLIC, token: str = TOKEN) -> dict[str, str]:
    """The headers with which Twilio would call `path` below the public address."""
    return {
        "Content-Type": "application/x-www-form-urlencoded; charset=UTF-8",
        "X-Twilio-Signature": RequestValidator(token).compute_signature(public + path, dict(form)),
    }


def report(server: WebServer, path: str, form: Mapping[str, str]) -> Answer:
    """Call back as Twilio does."""
    return call(server.url + path, urlencode(form).encode(), signed(path, form))


def accepted_deliveries(database: Database, count: int) -> dict[int, str]:
    """So many deliveries of one alert that the provider has accepted; their ids with its references."""
    far = NOW + timedelta(hours=2)
    with database.write() as connection:
        alert_id = connection.execute(
            insert(ALERT)
            .values(
                number="A-2611-0001",
                status=AlertStatus.EXERCISE,
                msg_type="alert",
                scenario="info",
                severity="moderate",
                audience={},
                school_names="Eksempel vgs",
                sms=True,
                email=False,
                include_unverified=False,
                default_language="nb",
                operator="leder",
                request_id="r1",
                state=AlertState.OPEN,
                cursor=0,
                student_count=0,
                expires_after_seconds=7200,
            )
            .returning(ALERT.c.id)
        ).scalar_one()
        numbers = range(1, count + 1)
        connection.execute(
            insert(ADDRESS),
            [
                {"id": n, "channel": "sms", "value": f"+4799{n:06}", "takes_messages": True, "failures": 0}
                for n in numbers
            ],
        )
        references = {n: f"SM{n:032x}" for n in numbers}
        connection.execute(
            insert(DELIVERY),
            [
                {
                    "id": n,
                    "alert_id": alert_id,
                    "lane": Lane.ALERTS,
                    "channel": Channel.SMS,
                    "address_id": n,
                    "round": 1,
                    "language": "nb",
                    "segments": 1,
                    "state": DeliveryState.ACCEPTED,
                    "attempt": 1,
                    "due_at": NOW,
                    "expires_at": far,
                    "lost_claims": 0,
                    "deferrals": 0,
                    "repeats": 0,
                    "lookups": 0,
                    "provider": "twilio",
                    "reference": references[n],
                    "contacts_revision": 1,
                    "decided_on": date(2026, 11, 23),
                    "accepted_at": NOW,
                }
                for n in numbers
            ],
        )
        connection.execute(
            insert(ATTEMPT),
            [
                {
                    "delivery_id": n,
                    "number": 1,
                    "provider": "twilio",
                    "began_at": NOW,
                    "ended_at": NOW,
                    "outcome": AttemptOutcome.ACCEPTED,
                    "reference": references[n],
                }
                for n in numbers
            ],
        )
    return references
