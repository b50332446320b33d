"""An answer means that the receipt is stored: with the database gone, held up, or asked ten times more than usual."""

from __future__ import annotations

import asyncio
from urllib.parse import urlencode

import aiohttp
import pytest
from sqlalchemy import event, func, select

from config.database import Database
from dispatcher.codes import DeliveryState
from dispatcher.outbox.receipts import Arrived
from dispatcher.tables import DELIVERY, EVENT, RECEIPT
from portal.arrivals import Arrivals, NotStored
from providers.base import Receipt, ReceiptStatus
from tests.portal.serving import (
    accepted_deliveries,
    call,
    form_of,
    path_of,
    report,
    serving,
    settings_with,
    signed,
)
from tests.services.postgres import PostgresServer
from tests.services.waiting import eventually


def receipt(number: int) -> Arrived:
    return Arrived(Receipt(f"SM{number:032x}", ReceiptStatus.DELIVERED), number, 1)


def stored(database: Database) -> int:
    with database.read() as connection:
        return connection.execute(select(func.count()).select_from(RECEIPT)).scalar_one()


def test_without_its_database_it_asks_for_the_receipt_again(
    postgres_server: PostgresServer, postgres_database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    references = accepted_deliveries(postgres_database, 2)
    with serving(settings_with(monkeypatch), postgres_database) as server:
        assert report(server, path_of(1), form_of(references[1], "delivered")).status == 204
        postgres_server.stop()
        refused = report(server, path_of(2), form_of(references[2], "delivered"))
        assert refused.status == 503
        assert int(refused.headers["Retry-After"]) > 0
        wrong = call(server.url + path_of(2), b"MessageSid=x", {"X-Twilio-Signature": "wrong"})
        assert wrong.status == 403  # a stranger learns nothing of the database
        health = call(server.url + "/healthz", method="GET")
        assert (health.status, health.body) == (200, '{"up":true,"database":false}')
        assert call(server.url + "/readyz", method="GET").status == 503
        postgres_server.start()
        # The same process, with connections that the restart cut.
        assert report(server, path_of(2), form_of(references[2], "delivered")).status == 204
        assert call(server.url + "/healthz", method="GET").body == '{"up":true,"database":true}'
        assert call(server.url + "/readyz", method="GET").status == 200
    with postgres_database.read() as connection:
        states = connection.execute(select(DELIVERY.c.state).order_by(DELIVERY.c.id)).scalars().all()
    assert states == [DeliveryState.DELIVERED] * 2


def test_a_database_that_hangs_keeps_nobody_waiting(
    postgres_server: PostgresServer, postgres_database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    references = accepted_deliveries(postgres_database, 1)
    form = form_of(references[1], "delivered")
    with serving(settings_with(monkeypatch), postgres_database) as server:
        blocker = postgres_database.engine.connect()
        blocker.exec_driver_sql("LOCK TABLE receipt IN ACCESS EXCLUSIVE MODE")
        try:
            assert report(server, path_of(1), form).status == 503
            assert call(server.url + "/healthz", method="GET").status == 200
        finally:
            blocker.rollback()
            blocker.close()
        assert report(server, path_of(1), form).status == 204
    assert stored(postgres_database) == 1


def test_a_burst_is_stored_in_few_transactions_and_all_of_it(
    database: Database, monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest
) -> None:
    number = 2000
    references = accepted_deliveries(database, number)
    commits: list[object] = []
    note = commits.append
    event.listen(database.engine, "commit", note)
    request.addfinalizer(lambda: event.remove(database.engine, "commit", note))

    async def burst(url: str) -> list[int]:
        async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=200)) as session:

            async def one(delivery_id: int) -> int:
                path, form = path_of(delivery_id), form_of(references[delivery_id], "delivered")
                body, headers = urlencode(form).encode(), signed(path, form)
                async with session.post(url + path, data=body, headers=headers) as answer:
                    return answer.status

            return await asyncio.gather(*(one(delivery_id) for delivery_id in references))

    with serving(settings_with(monkeypatch), database) as server:
        assert asyncio.run(burst(server.url)) == [204] * number
        assert len(commits) < number / 5
        assert asyncio.run(burst(server.url)) == [204] * number
    with database.read() as connection:
        states = connection.execute(select(DELIVERY.c.state, func.count()).group_by(DELIVERY.c.state)).all()
        events = connection.execute(select(func.count()).select_from(EVENT)).scalar_one()
    assert [tuple(row) for row in states] == [(DeliveryState.DELIVERED, number)]
    assert events == number
    assert stored(database) == number


def test_who_waits_too_long_is_told_so(sqlite_database: Database) -> None:
    """Its write may go through all the same: the receipt that comes again changes nothing then."""

    async def scene() -> list[object]:
        arrivals = Arrivals(sqlite_database, "twilio", answer_seconds=0.2)
        with sqlite_database.write():
            results = await asyncio.gather(
                arrivals.store(receipt(1)), arrivals.store(receipt(2)), return_exceptions=True
            )
        arrivals.close()
        return results

    assert [type(result) for result in asyncio.run(scene())] == [NotStored, NotStored]
    eventually(lambda: stored(sqlite_database) == 2, what="the write has gone through")


def test_more_than_can_wait_are_turned_away_at_once(sqlite_database: Database) -> None:
    async def scene() -> list[object]:
        arrivals = Arrivals(sqlite_database, "twilio", most_waiting=3)
        tasks = [arrivals.store(receipt(number)) for number in range(1, 6)]
        results = await asyncio.gather(*tasks, return_exceptions=True)
        arrivals.close()
        return results

    results = asyncio.run(scene())
    assert [result is None for result in results] == [True] * 3 + [False] * 2
    assert all(isinstance(result, NotStored) for result in results[3:])
    assert stored(sqlite_database) == 3


def test_one_that_cannot_be_stored_takes_no_other_with_it(database: Database) -> None:
    """Nothing that gets past the callback is like that; a fault of the program would be."""
    bad = Arrived(Receipt("SM" + "f" * 32, ReceiptStatus.DELIVERED), 10**30, 1)

    async def scene() -> list[object]:
        arrivals = Arrivals(database, "twilio")
        ones = [receipt(1), bad, receipt(2)]
        results = await asyncio.gather(*(arrivals.store(one) for one in ones), return_exceptions=True)
        arrivals.close()
        return results

    first, second, third = asyncio.run(scene())
    assert (first, third) == (None, None)
    assert isinstance(second, Exception)
    assert stored(database) == 2
