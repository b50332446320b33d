"""The whole way of a receipt: sent by the real client, taken by the sandbox, called back over real HTTP."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator

import pytest
from sqlalchemy import select

from config.database import Database
from config.settings import Settings
from dispatcher.codes import DeliveryState
from dispatcher.tables import DELIVERY
from portal.server import create_server
from portal.server import serving as server_thread
from providers.base import Accepted, Channel, Message
from providers.sandbox.server import ACCOUNT_SID, AUTH_TOKEN, Sandbox, SandboxConfig
from providers.twilio_sms import TwilioSms
from tests.portal.serving import accepted_deliveries, settings_with
from tests.services.postgres import PostgresServer
from tests.services.server import free_port
from tests.services.waiting import eventually


@pytest.fixture
def sandbox() -> Iterator[Sandbox]:
    # Slower repeats than by default: a PostgreSQL needs a moment to start again.
    with Sandbox(SandboxConfig(callback_retry_seconds=2.5)) as sandbox:
        yield sandbox


@pytest.fixture
def configured(sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch) -> Settings:
    port = free_port()
    monkeypatch.setenv("BEREDSKAP_WEB__PORT", str(port))
    return settings_with(
        monkeypatch,
        account_sid=ACCOUNT_SID,
        auth_token=AUTH_TOKEN,
        api_base_url=sandbox.sms_url,
        callback_base_url=f"http://127.0.0.1:{port}",
    )


def send(settings: Settings, *numbers: str) -> None:
    """One SMS each, for the deliveries 1, 2, 3 …"""

    async def all_of_them() -> None:
        sms = settings.sms
        provider = TwilioSms.from_settings(sms, sms.sender, callback_base_url=sms.callback_base_url)
        for delivery_id, number in enumerate(numbers, start=1):
            outcome = await provider.send(Message(delivery_id, 1, Channel.SMS, number, "ØVELSE Skolen er låst."))
            assert isinstance(outcome, Accepted)
        await provider.close()

    asyncio.run(all_of_them())


def ends(database: Database) -> list[tuple[str, str | None]]:
    with database.read() as connection:
        rows = connection.execute(select(DELIVERY.c.state, DELIVERY.c.code).order_by(DELIVERY.c.id))
        return [(row.state, row.code) for row in rows]


def test_what_the_sandbox_reports_arrives(database: Database, configured: Settings) -> None:
    accepted_deliveries(database, 3)
    with server_thread(create_server(configured, database)):
        send(configured, "+4799000001", "+4799000005", "+4799000003")
        wanted = [
            (DeliveryState.DELIVERED, None),
            (DeliveryState.UNDELIVERED, "30005"),
            (DeliveryState.UNDELIVERED, "30003"),
        ]
        eventually(lambda: ends(database) == wanted, what="all three are reported")


def test_what_is_reported_while_the_database_is_away_is_reported_again(
    postgres_server: PostgresServer, postgres_database: Database, configured: Settings, sandbox: Sandbox
) -> None:
    accepted_deliveries(postgres_database, 1)
    with server_thread(create_server(configured, postgres_database)):
        postgres_server.stop()
        send(configured, "+4799000001")
        eventually(lambda: sandbox.mailbox.sms, what="the sandbox has it")
        postgres_server.start()
        eventually(
            lambda: ends(postgres_database) == [(DeliveryState.DELIVERED, None)], 40, what="the receipt came again"
        )
