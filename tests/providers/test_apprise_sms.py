"""The last resort: one message, one call to the service, and what its yes or no means."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Iterator

import pytest

from providers.apprise_sms import AppriseSms
from providers.base import Accepted, Channel, LookupFailed, Message, Outcome, Unknown
from providers.errors import own_outcome
from tests.services.sms_gateway import SmsGateway

TEXT = "Prøvedal vgs: Skolen er låst. Elevene er inne {her}."
TO = "+4799999999"


@pytest.fixture
def gateway() -> Iterator[SmsGateway]:
    with SmsGateway() as gateway:
        yield gateway


def send(url: str, timeout_seconds: float = 5.0) -> Outcome:
    provider = AppriseSms(url=url, timeout_seconds=timeout_seconds)
    return asyncio.run(provider.send(Message(1, 1, Channel.SMS, TO, TEXT)))


def test_a_yes_is_accepted_without_a_reference(gateway: SmsGateway) -> None:
    assert send(gateway.url) == Accepted(None)
    assert gateway.asked == [(TO, TEXT)]


@pytest.mark.parametrize(("says", "status"), [("error", 200), ("ok", 401), ("ok", 503)])
def test_a_no_leaves_open_whether_it_was_taken_and_is_not_repeated(gateway: SmsGateway, says: str, status: int) -> None:
    gateway.says, gateway.status = says, status
    assert send(gateway.url) == Unknown("said_no")
    assert len(gateway.asked) == 1


def test_no_answer_in_time(gateway: SmsGateway) -> None:
    gateway.says = None
    assert isinstance(send(gateway.url, timeout_seconds=0.2), Unknown)
    assert len(gateway.asked) == 1


def test_nothing_is_written_of_whom_it_was_for(gateway: SmsGateway, caplog: pytest.LogCaptureFixture) -> None:
    """Apprise names the number in its warnings; the level that the logs set for it keeps them away."""
    from config.logs import LIBRARY_LEVELS

    gateway.says = "error"
    logging.getLogger("apprise").setLevel(LIBRARY_LEVELS["apprise"])
    with caplog.at_level(logging.DEBUG):
        send(gateway.url)
    assert TO[3:] not in caplog.text
    assert TO[3:] not in repr(send("nonsense://{to}"))


def test_an_address_that_apprise_does_not_know() -> None:
    provider = AppriseSms(url="nonsense://{to}", timeout_seconds=1.0)
    with pytest.raises(LookupFailed, match="not_configured"):
        asyncio.run(provider.check())
    assert send("nonsense://{to}") == own_outcome("not_configured")


def test_it_cannot_be_asked(gateway: SmsGateway) -> None:
    provider = AppriseSms(url=gateway.url, timeout_seconds=1.0)
    asyncio.run(provider.check())
    assert asyncio.run(provider.receipts(["x"])) == []
    with pytest.raises(LookupFailed, match="no_look_up"):
        asyncio.run(provider.look_up([], frozenset()))
    assert (provider.can_look_up, gateway.asked) == (False, [])
