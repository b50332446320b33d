"""Those who open a board at the same time, and those who watch it, as they meet in one application."""

from __future__ import annotations

import asyncio
import json
import threading
from collections.abc import AsyncIterator, Iterator
from typing import Any

import pytest
from sqlalchemy import Connection

from contacts.people import find_student
from dispatcher.alerts.lifecycle import find_alert
from dispatcher.alerts.marks import mark_reached
from dispatcher.reports import board as board_reports
from dispatcher.tables import ALERT
from portal import board_readings, boards
from portal.board_shown import Look
from portal.boards import Boards
from tests.portal.crisis import Crisis

ENGLISH = Look("en")


class Readings:
    """Counts them. While one is `held_up` it waits; `fault` is raised in place of one."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.count = 0
        self.begun = threading.Semaphore(0)
        self.held_up = threading.Event()
        self.held_up.set()
        self.fault: Exception | None = None
        monkeypatch.setattr(board_readings, "read_board", self._read)

    def _read(self, connection: Connection, alert: int) -> board_reports.Board:
        self.count += 1
        self.begun.release()
        assert self.held_up.wait(20)
        if self.fault is not None:
            raise self.fault
        return board_reports.read_board(connection, alert)


@pytest.fixture
def readings(monkeypatch: pytest.MonkeyPatch) -> Readings:
    return Readings(monkeypatch)


@pytest.fixture
def opened(crisis: Crisis) -> Iterator[Boards]:
    opened = Boards(crisis.database)
    yield opened
    opened.close()


def alert_of(crisis: Crisis) -> int:
    with crisis.database.read() as connection:
        return int(connection.execute(ALERT.select()).one().id)


async def begins(readings: Readings) -> None:
    assert await asyncio.to_thread(readings.begun.acquire, True, 20)


async def next_event(events: AsyncIterator[bytes]) -> tuple[str, dict[str, Any]]:
    """The version and what is told, of the next event that tells something."""
    while True:
        event = (await asyncio.wait_for(anext(events), 20)).decode()
        if event.startswith("id: "):
            version, _, data = event.removesuffix("\n\n").split("\n")
            return version.removeprefix("id: "), json.loads(data.removeprefix("data: "))


def test_all_who_come_while_one_reads_share_the_next_reading(
    crisis: Crisis, opened: Boards, readings: Readings
) -> None:
    alert = alert_of(crisis)

    async def scene() -> None:
        readings.held_up.clear()
        first = asyncio.create_task(opened.now(alert, ENGLISH))
        await begins(readings)
        # Somebody is marked while the first is reading: those who come from now on must see it.
        await asyncio.to_thread(_marked, crisis)
        others = [asyncio.create_task(opened.now(alert, Look(("en", "nb")[one % 2]))) for one in range(200)]
        await asyncio.sleep(0)
        readings.held_up.set()
        await first
        shown = await asyncio.gather(*others)
        assert readings.count == 2
        assert len({one.version for one in shown}) == 2, "one for each language"
        assert all("leder" in one.parts["board-marks"] for one in shown)

    asyncio.run(scene())


def test_who_goes_takes_the_reading_from_nobody(crisis: Crisis, opened: Boards, readings: Readings) -> None:
    alert = alert_of(crisis)

    async def scene() -> None:
        readings.held_up.clear()
        first, second = (asyncio.create_task(opened.now(alert, ENGLISH)) for _ in range(2))
        await begins(readings)
        first.cancel()
        readings.held_up.set()
        assert (await second).order
        with pytest.raises(asyncio.CancelledError):
            await first
        assert readings.count == 1

    asyncio.run(scene())


def test_nobody_is_sent_back_to_an_older_board(crisis: Crisis, opened: Boards, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(boards, "_EVERY_SECONDS", 1.0)
    alert = alert_of(crisis)

    async def scene() -> None:
        watching = opened.events(alert, "en", "")
        before, _told = await next_event(watching)
        # Those who watch see it within a second; the page of whoever has marked has it at once.
        await asyncio.to_thread(_marked, crisis)
        page = await opened.now(alert, ENGLISH)
        assert page.version != before and "leder" in page.parts["board-marks"]
        events = opened.events(alert, "en", page.version)
        first = asyncio.ensure_future(next_event(events))
        await asyncio.sleep(0)
        await asyncio.to_thread(_marked, crisis, 1)
        version, told = await first
        assert int(version.rpartition("-")[2]) > page.number
        assert told["order"] == [f"s-{crisis.ref(crisis.families[2])}"]
        for one in (events, watching):
            await one.aclose()  # type: ignore[attr-defined]

    asyncio.run(scene())


def test_a_fault_ends_the_streams_and_the_next_who_comes_begins_anew(
    crisis: Crisis, opened: Boards, readings: Readings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(boards, "_STILL_THERE_SECONDS", 0.05)
    alert = alert_of(crisis)

    async def scene() -> None:
        watching = opened.events(alert, "en", "")
        await next_event(watching)
        readings.fault = KeyError("some name")
        await asyncio.to_thread(_marked, crisis)
        assert [one async for one in watching if not one.startswith(b":")] == []
        readings.fault = None
        again = opened.events(alert, "en", "")
        _version, told = await next_event(again)
        assert "leder" in told["parts"]["board-marks"]
        await again.aclose()  # type: ignore[attr-defined]

    asyncio.run(scene())


def test_nothing_is_held_a_minute_after_the_last_watcher_has_gone(
    crisis: Crisis, opened: Boards, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(boards, "KEPT_SECONDS", -0.5)
    monkeypatch.setattr(board_readings, "KEPT_SECONDS", 0.0)
    alert = alert_of(crisis)

    async def scene() -> None:
        watching = opened.events(alert, "en", "")
        version, _told = await next_event(watching)
        await watching.aclose()  # type: ignore[attr-defined]
        async with asyncio.timeout(20):
            while opened._readings.seen(alert, ENGLISH, version) is not None:
                await asyncio.sleep(0.05)

    asyncio.run(scene())


def test_pages_are_answered_when_the_streams_have_ended(crisis: Crisis, opened: Boards) -> None:
    alert = alert_of(crisis)

    async def scene() -> None:
        watching = opened.events(alert, "en", "")
        await next_event(watching)
        opened.end_streams()
        assert [one async for one in watching] == []
        assert (await opened.now(alert, ENGLISH)).order

    asyncio.run(scene())


def _marked(crisis: Crisis, family: int = 0) -> None:
    with crisis.database.write() as connection:
        student = find_student(connection, crisis.ref(crisis.families[family]))
        mark_reached(connection, find_alert(connection, crisis.number), student, None, note="", operator="leder")
