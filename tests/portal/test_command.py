"""`beredskap web` as a service: starts, says where, is seen alive, writes of no person, and stops when asked."""

from __future__ import annotations

import re
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from urllib.parse import urlencode

from sqlalchemy import select

from config.database import Database
from config.settings import load_settings
from dispatcher.codes import DeliveryState
from dispatcher.tables import DELIVERY, PROCESS
from tests.portal.serving import PUBLIC, TOKEN, accepted_deliveries, call, form_of, path_of, signed
from tests.services.processes import Processes, Running
from tests.services.waiting import eventually

SETTINGS = {"BEREDSKAP_SMS__AUTH_TOKEN": TOKEN, "BEREDSKAP_SMS__CALLBACK_BASE_URL": PUBLIC}


@contextmanager
def installation(processes: Processes) -> Iterator[Database]:
    assert processes.run("init").status == 0
    database = Database(load_settings().database_url)
    yield database
    database.dispose()


def started(processes: Processes) -> tuple[Running, str]:
    running = processes.start("web", "--port", "0", environment=SETTINGS)
    said = running.wait_for("startup complete")
    found = re.search(r"http://127\.0\.0\.1:\d+", said)
    assert found is not None
    return running, found[0]


def kinds(database: Database) -> list[str]:
    with database.read() as connection:
        return list(connection.execute(select(PROCESS.c.kind)).scalars())


def test_it_serves_until_it_is_told_to_stop(processes: Processes) -> None:
    with installation(processes) as database:
        references = accepted_deliveries(database, 1)
        running, url = started(processes)
        eventually(lambda: kinds(database) == ["web"], what="it is seen alive")
        form = form_of(references[1], "delivered")
        headers = signed(path_of(1), form)
        assert call(url + path_of(1), urlencode(form).encode(), headers).status == 204
        assert call(url + path_of(1) + "?To=%2B4799999999", urlencode(form).encode(), headers).status == 403
        assert call(url + "/+4799999999", method="GET").status == 404
        running.terminate()
        ended = running.wait()
        assert ended.status == 0
        assert kinds(database) == []
        with database.read() as connection:
            assert connection.execute(select(DELIVERY.c.state)).scalar_one() == DeliveryState.DELIVERED
    assert "99999999" not in ended.out + ended.err
    assert TOKEN not in ended.out + ended.err
    assert references[1] not in ended.out + ended.err


def test_ctrl_c_stops_it_and_says_what_goes_on(processes: Processes) -> None:
    with installation(processes):
        running, _ = started(processes)
        running.interrupt()
        ended = running.wait()
    assert ended.status == 130
    assert "Alerts go on without it" in ended.err
    assert "Traceback" not in ended.err


def test_a_port_that_is_taken_is_told(processes: Processes) -> None:
    with installation(processes), socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        ended = processes.run("web", "--port", str(port), environment=SETTINGS)
    assert ended.status == 2
    assert f"cannot listen at 127.0.0.1:{port}" in ended.err
    assert "--port" in ended.err
    assert "Traceback" not in ended.err


def test_without_an_installation_it_says_what_to_run(processes: Processes) -> None:
    ended = processes.run("web", environment=SETTINGS)
    assert ended.status == 2
    assert "beredskap init" in ended.err


def test_without_a_public_address_it_says_what_that_means(processes: Processes) -> None:
    with installation(processes):
        running = processes.start("web", "--port", "0")
        running.wait_for("receipts are polled")
        running.terminate()
        assert running.wait().status == 0
