"""A log that was written before there was a chain: its entries are chained in the order in which they were written."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import JSON, Connection, column, insert, select, table, text

from config import migrations
from config.audit import AuditEntry, record_act
from config.audit_reading import verify_log
from config.clock import UtcDateTime
from config.database import Database
from config.tables import core_table
from tests.services.older_tables import tables_before
from tests.services.schema import all_tables
from tests.services.waiting import eventually

MOMENT = datetime(2026, 8, 20, 12, 0, 0, 123456, tzinfo=UTC)
BEFORE = table(
    "audit_entry",
    *(column(name) for name in ("id", "operator", "act", "subject")),
    column("at", UtcDateTime()),
    column("details", JSON()),
)


@pytest.fixture
def older(database_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Database:
    """A database with the tables that it had before the chain."""
    return tables_before("0004", database_url, tmp_path, monkeypatch)


def write_before(connection: Connection) -> None:
    # With a gap, as a sequence leaves one, and times that do not go by the numbers.
    for number, minutes in ((1, 0), (2, 5), (5, 3)):
        connection.execute(
            insert(BEFORE).values(
                id=number,
                at=MOMENT + timedelta(minutes=minutes),
                operator="k.leder",
                act="student.release",
                subject=f"student 2B-{number:03d}",
                details={"reason": "åpnet «igjen»", "until": None, "students": number},
            )
        )


def test_entries_of_before_are_chained_and_kept(older: Database) -> None:
    with older.write() as connection:
        write_before(connection)
    assert migrations.upgrade(older, all_tables())[0] == "0003"
    entries = core_table(AuditEntry)
    with older.read() as connection:
        rows = connection.execute(select(entries).order_by(entries.c.id)).all()
        found = verify_log(connection)
    assert [(row.id, row.subject) for row in rows] == [
        (1, "student 2B-001"),
        (2, "student 2B-002"),
        (3, "student 2B-005"),
    ]
    assert [row.at - MOMENT for row in rows] == [timedelta(minutes=minutes) for minutes in (0, 5, 3)]
    assert rows[2].details == {"reason": "åpnet «igjen»", "until": None, "students": 5}
    assert (found.entries, found.head, found.fault) == (3, rows[2].hash, None)
    with older.write() as connection:
        record_act(connection, operator="k.leder", act="student.hold", subject="student 2B-001")
    with older.read() as connection:
        found = verify_log(connection)
    assert (found.entries, found.fault) == (4, None)
    older.dispose()


def test_a_log_without_entries_begins_with_the_first_act(older: Database) -> None:
    migrations.upgrade(older, all_tables())
    with older.write() as connection:
        record_act(connection, operator="k.leder", act="student.hold", subject="student 2B-001")
    with older.read() as connection:
        found = verify_log(connection)
    assert (found.entries, found.fault) == (1, None)
    older.dispose()


def test_nobody_writes_an_entry_between_reading_and_making_anew(older: Database) -> None:
    """What another process has not yet committed is waited for, and is in the chain."""
    if older.sqlite:
        older.dispose()
        pytest.skip("SQLite has one writer at a time")

    def waits() -> bool:
        with older.read() as connection:
            waiting = text("SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock'")
            return bool(connection.execute(waiting).scalar_one())

    with ThreadPoolExecutor(1) as pool:
        with older.write() as connection:
            write_before(connection)
            upgraded = pool.submit(migrations.upgrade, older, all_tables())
            eventually(waits, what="the migration waits")
        upgraded.result(30)
    with older.read() as connection:
        found = verify_log(connection)
    assert (found.entries, found.fault) == (3, None)
    older.dispose()
