"""Rounds of live calls by themselves: when they are due, that only one process does them, and that nothing suffers."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from sqlalchemy import insert, select
from structlog.testing import capture_logs

from config.database import Database
from config.keys import create_key_file, load_keys
from config.settings import Settings, load_settings
from contacts import tables
from contacts.registers import calls
from dispatcher.codes import AlertState
from dispatcher.running.doctor import CheckResult, Status
from dispatcher.running.doctor_registers import registers_result
from dispatcher.running.presence import take_lease
from dispatcher.running.register_rounds import RegisterRounds, events_due, round_due
from dispatcher.tables import ALERT
from tests.contacts.imports.importing import Importer
from tests.contacts.imports.pifu_files import KARI_NIN, NORA_NIN, STRANGER_NIN
from tests.contacts.registers.asking import Asking
from tests.dispatcher.world import World
from tests.services.registers import Answered, served_registers

# Eight in the evening in Oslo, 23 November 2026.
EVENING = datetime(2026, 11, 23, 19, tzinfo=UTC)


def state(done: datetime | None = None, tried: datetime | None = None, **values: Any) -> Any:
    tried = tried or done
    return SimpleNamespace(**{"done_at": done, "tried_at": tried, "fault": None, "position": None} | values)


THREE = datetime(2026, 11, 23, 2, tzinfo=UTC)


@pytest.mark.parametrize(
    ("now", "last", "due"),
    [
        (EVENING, None, True),
        (EVENING, state(THREE), False),
        (EVENING, state(THREE - timedelta(seconds=1)), True),
        (THREE - timedelta(seconds=1), state(THREE - timedelta(days=1)), False),
        (THREE, state(THREE - timedelta(days=1)), True),
        # A fault rests for an hour, whether a round was ever done or not.
        (THREE, state(None, THREE - timedelta(minutes=59), fault="away"), False),
        (THREE, state(None, THREE - timedelta(minutes=60), fault="away"), True),
        (THREE, state(THREE - timedelta(days=1), THREE - timedelta(minutes=1), fault="away"), False),
        # Summer time: three hours after midnight in Oslo is one o'clock in UTC.
        (datetime(2026, 7, 1, 1, tzinfo=UTC), state(datetime(2026, 6, 30, 1, tzinfo=UTC)), True),
        (datetime(2026, 7, 1, 0, 59, tzinfo=UTC), state(datetime(2026, 6, 30, 1, tzinfo=UTC)), False),
    ],
)
def test_when_a_full_round_is_due(now: datetime, last: Any, due: bool) -> None:
    assert round_due(now, last) is due


@pytest.mark.parametrize(
    ("last", "due"),
    [
        (None, False),
        (state(None, EVENING - timedelta(hours=1)), False),
        (state(None, EVENING - timedelta(minutes=5), position=7), True),
        (state(EVENING - timedelta(minutes=4), position=7), False),
    ],
)
def test_when_events_are_looked_for(last: Any, due: bool) -> None:
    assert events_due(EVENING, last) is due


class Night:
    """Processes that look at the same database, whose registers are on loopback."""

    def __init__(self, asking: Asking, settings: Settings) -> None:
        self.asking = asking
        self.settings = settings
        self.stopping = threading.Event()

    def process(self, holder: str = "scheduler-1") -> RegisterRounds:
        importer = self.asking.importer
        return RegisterRounds(self.settings, importer.database, importer.keys, holder, self.stopping)

    def look(self, one: RegisterRounds | None = None, *, later: timedelta = timedelta(seconds=30)) -> list[Any]:
        """One look of a process; what it logged."""
        self.asking.importer.now += later
        with capture_logs() as logs, self.asking.clock():
            (one or self.process()).run()
        return [(line["event"], line.get("register")) for line in logs]

    def doctor(self) -> CheckResult:
        rows = {row.name: row for row in self.asking.importer.rows(tables.REGISTER_SYNC)}
        return registers_result(self.settings, rows, self.asking.importer.now)


@pytest.fixture
def night(sqlite_database: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Night]:
    monkeypatch.setattr(calls, "_FIRST_WAIT", 0.01)
    create_key_file(tmp_path / "import.key")
    with served_registers() as registers:
        asking = Asking(Importer(sqlite_database, load_keys(tmp_path / "import.key"), tmp_path), registers)
        asking.known()
        for section, values in registers.settings(asking.key_file).items():
            for name, value in values.items():
                monkeypatch.setenv(f"BEREDSKAP_{section}__{name}".upper(), value)
        yield Night(asking, load_settings())


def test_a_full_round_each_night_and_events_every_five_minutes(night: Night) -> None:
    registers, one = night.asking.registers, night.process()
    assert night.doctor().what == "the population register (FREG) was not asked yet"
    assert night.look(one) == [("register_round_done", "freg"), ("register_round_done", "krr")]
    assert night.doctor().status is Status.OK
    asked = len(registers.asked)
    assert night.look(one) == []
    assert registers.feed_asked == []
    registers.events = [(1, STRANGER_NIN), (2, NORA_NIN)]
    assert night.look(one, later=timedelta(minutes=5)) == [("register_round_done", "freg events")]
    assert [seq for seq, _ in registers.feed_asked] == [1, 3]
    assert registers.numbers("freg") >= {NORA_NIN, KARI_NIN}
    assert len(registers.asked) == asked + 1
    # The same process keeps its tokens: one for each register.
    assert len(registers.grants) == 2
    night.look(one, later=timedelta(days=1))
    assert len(registers.asked) == asked + 1 + asked


def test_a_fault_is_logged_shown_by_doctor_and_tried_again_an_hour_later(night: Night) -> None:
    registers = night.asking.registers
    registers.next["last"] = [Answered(403)]
    # The other register is asked all the same.
    assert night.look() == [("register_round_failed", "freg"), ("register_round_done", "krr")]
    found = night.doctor()
    assert (found.status, found.what) == (
        Status.WARN,
        "The population register (FREG) does not let us in (status 403).",
    )
    assert "beredskap sync freg" in found.remedy
    assert night.look() == []
    assert night.look(later=timedelta(hours=1)) == [("register_round_done", "freg")]
    assert night.doctor().status is Status.OK


def test_events_that_are_gone_begin_a_full_round(night: Night) -> None:
    night.look()
    night.asking.registers.oldest = 50
    night.asking.registers.events = [(50, STRANGER_NIN)]
    assert night.look(later=timedelta(minutes=5)) == [("register_round_failed", "freg events")]
    assert "36 months" in night.doctor().what
    assert night.look() == [("register_round_done", "freg")]
    night.look(later=timedelta(minutes=5))
    assert (night.asking.position, night.doctor().status) == (51, Status.OK)


def test_one_process_at_a_time(night: Night) -> None:
    first, second = night.process("scheduler-1"), night.process("scheduler-2")
    night.look(first)
    calls = len(night.asking.registers.paths)
    assert night.look(second, later=timedelta(minutes=4)) == []
    assert len(night.asking.registers.paths) == calls
    # The first is gone without a word: its lease runs out.
    night.look(second, later=timedelta(minutes=6))
    assert len(night.asking.registers.paths) > calls


def test_another_process_that_takes_over_ends_the_round_of_a_slow_one(night: Night) -> None:
    importer = night.asking.importer
    one = night.process()
    assert one._freg is not None
    go_on = one._freg.before_call

    def taken_over() -> None:
        if night.asking.registers.asked:
            importer.now += timedelta(hours=1)
            with night.asking.clock(), importer.database.write() as connection:
                assert take_lease(connection, "registers", "scheduler-2", 300.0)
        with night.asking.clock():
            go_on()

    one._freg.before_call = taken_over
    before = night.asking.contents()
    assert night.look(one) == [("register_round_postponed", "freg")]
    assert {name: rows for name, rows in night.asking.contents().items() if name != "lease"} == {
        name: rows for name, rows in before.items() if name != "lease"
    }
    assert night.asking.state("freg") is None


def test_no_round_begins_while_an_alert_is_under_way(night: Night) -> None:
    world = World(night.asking.importer.database)
    world.now = night.asking.importer.now
    world.sent(world.family())
    with night.asking.importer.database.read() as connection:
        assert connection.execute(select(ALERT.c.state)).scalar_one() is AlertState.OPEN
    assert night.look() == []
    assert night.asking.registers.paths == []


def test_a_process_that_stops_asks_nothing_more(night: Night) -> None:
    night.stopping.set()
    assert night.look() == []
    assert night.asking.registers.paths == []


def test_without_settings_nothing_is_done(night: Night, monkeypatch: pytest.MonkeyPatch) -> None:
    for section in ("KRR", "FREG"):
        monkeypatch.setenv(f"BEREDSKAP_{section}__CLIENT_ID", "")
    night.settings = load_settings()
    assert night.look() == []
    assert night.asking.importer.rows(tables.REGISTER_SYNC) == []
    assert night.doctor().status is Status.OK
    monkeypatch.setenv("BEREDSKAP_KRR__CLIENT_ID", "x")
    monkeypatch.setenv("BEREDSKAP_KRR__KEY_ID", "")
    night.settings = load_settings()
    assert (night.doctor().status, night.doctor().what) == (
        Status.FAIL,
        "The contact register (KRR) cannot be asked: krr.key_id is not set.",
    )


def test_a_round_that_is_two_nights_old_is_told_of(night: Night) -> None:
    with night.asking.importer.database.write() as connection:
        for name in ("freg", "krr"):
            at = night.asking.importer.now - timedelta(hours=37)
            connection.execute(insert(tables.REGISTER_SYNC).values(name=name, tried_at=at, done_at=at))
    found = night.doctor()
    assert (found.status, found.what) == (
        Status.WARN,
        "the population register (FREG) was asked last 2026-11-22 00:00",
    )
