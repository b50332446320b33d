"""The whole way of an e-mail that comes back: a real mail server takes it, is refused further on, and bounces it."""

from __future__ import annotations

import asyncio

import pytest
from sqlalchemy import update

from config.database import Database
from config.settings import load_settings
from contacts.tables import ADDRESS
from dispatcher.codes import DeliveryState
from portal.lmtp import taking_bounces
from providers.base import Accepted, Channel, Message
from providers.sandbox.server import Sandbox
from providers.smtp_email import SmtpEmail
from tests.dispatcher.world import World
from tests.services.postfix import Postfix, why_not
from tests.services.server import free_port
from tests.services.waiting import eventually

DOMAIN = "varsling.example.no"


@pytest.mark.skipif(bool(why_not()), reason=why_not() or "Postfix is here")
def test_what_a_real_mail_server_bounces_is_undelivered_and_the_rest_is_not(
    sqlite_database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    world = World(sqlite_database)
    families = [world.family(email=True) for _ in range(2)]
    refused, taken = "kari+refuse@example.com", "ola@example.com"
    for family, address in zip(families, (refused, taken), strict=True):
        with world.database.write() as connection:
            connection.execute(update(ADDRESS).where(ADDRESS.c.value == family.email).values(value=address))
    world.sent(*families, sms=False)
    claims = {one.to: one for one in world.claim(Channel.EMAIL)}
    monkeypatch.setenv("BEREDSKAP_SMTP__FROM_ADDRESS", f"varsel@{DOMAIN}")
    monkeypatch.setenv("BEREDSKAP_BOUNCES__LMTP_PORT", str(free_port()))
    settings = load_settings()
    with (
        Sandbox() as sandbox,
        taking_bounces(settings, world.database) as lmtp_port,
        Postfix(next_port=sandbox.smtp_port, lmtp_port=lmtp_port, domain=DOMAIN) as postfix,
    ):
        provider = SmtpEmail(
            host="127.0.0.1",
            port=postfix.port,
            security="none",
            username="",
            password="",
            from_address=f"varsel@{DOMAIN}",
            from_name="Eksempel vgs",
            bounce_address=f"retur@{DOMAIN}",
            timeout_seconds=60.0,
        )

        async def send() -> None:
            for address, one in claims.items():
                mail = Message(one.delivery_id, 1, Channel.EMAIL, address, "Skolen er låst.", subject="Skolen er låst")
                outcome = await provider.send(mail)
                assert isinstance(outcome, Accepted)
                world.record((one, outcome))
            await provider.close()

        asyncio.run(send())
        undelivered = claims[refused].delivery_id
        eventually(
            lambda: world.state(undelivered) is DeliveryState.UNDELIVERED, 120, what=f"the bounce\n{postfix.log()}"
        )
        eventually(lambda: any(taken in mail.recipients for mail in sandbox.mailbox.mails), what="the other arrives")
        assert {mail.sender for mail in sandbox.mailbox.mails} == {f"retur@{DOMAIN}"}
    assert world.delivery(undelivered).code == "550 5.1.1"
    assert world.state(claims[taken].delivery_id) is DeliveryState.ACCEPTED
