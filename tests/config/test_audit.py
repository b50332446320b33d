"""The audit log: one row an act, in the transaction of the act, chained, and refused to whoever would change it."""

from __future__ import annotations

import os
import pwd
import threading
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import Connection, delete, select, text, update
from sqlalchemy.exc import DBAPIError

from config.audit import AuditEntry, current_operator, record_act
from config.audit_chain import NOTHING_BEFORE, FaultCode, Verified
from config.audit_reading import Wanted, newest_entries, verify_log
from config.clock import bound_db_now
from config.counters import bump
from config.database import Database
from config.tables import metadata

entries = metadata.tables["audit_entry"]


def test_an_act_is_kept_with_who_when_and_what(database: Database) -> None:
    moment = datetime(2026, 11, 23, 8, 40, tzinfo=UTC)
    with bound_db_now(moment), database.write() as connection:
        details = {"reason": "vedtak 2026/113", "until": "2026-12-01"}
        record_act(connection, operator="k.leder", act="student.release", subject="student 2B-017", details=details)
        record_act(connection, operator="k.leder", act="init", subject="database")
    with database.read() as connection:
        rows = connection.execute(select(entries).order_by(entries.c.id)).all()
    assert [(row.at, row.operator, row.act, row.subject, row.details) for row in rows] == [
        (moment, "k.leder", "student.release", "student 2B-017", details),
        (moment, "k.leder", "init", "database", {}),
    ]
    assert AuditEntry.__tablename__ == entries.name


def test_an_act_that_fails_leaves_no_entry(database: Database) -> None:
    with pytest.raises(ZeroDivisionError), database.write() as connection:
        record_act(connection, operator="k.leder", act="student.release", subject="student 2B-017")
        _ = 1 / 0
    with database.read() as connection:
        assert connection.execute(select(entries)).all() == []


def append(database: Database, *acts: str, operator: str = "k.leder", at: datetime | None = None) -> None:
    for act in acts:
        with bound_db_now(at or datetime.now(UTC)), database.write() as connection:
            record_act(connection, operator=operator, act=act, subject="student 2B-017", details={"note": ("a", 1)})


def verified(database: Database, noted: str | None = None) -> Verified:
    with database.read() as connection:
        return verify_log(connection, noted)


def unguard(connection: Connection) -> None:
    """What whoever owns the table can do."""
    if connection.dialect.name == "sqlite":
        for name in ("update", "delete", "replace"):
            connection.execute(text(f"DROP TRIGGER audit_entry_no_{name}"))
    else:
        connection.execute(text("DROP TRIGGER audit_entry_append_only ON audit_entry"))


def test_every_entry_holds_the_hash_of_the_one_before(database: Database) -> None:
    assert verified(database) == Verified(0, NOTHING_BEFORE, None)
    append(database, "one", "two")
    with pytest.raises(ZeroDivisionError), database.write() as connection:
        record_act(connection, operator="k.leder", act="undone", subject="student 2B-017")
        _ = 1 / 0
    append(database, "three")
    with database.write() as connection:
        # Several acts of one transaction.
        for act in ("four", "five"):
            record_act(connection, operator="k.leder", act=act, subject="student 2B-017")
    with database.read() as connection:
        rows = connection.execute(select(entries).order_by(entries.c.id)).all()
    assert [(row.id, row.act) for row in rows] == [(1, "one"), (2, "two"), (3, "three"), (4, "four"), (5, "five")]
    assert [row.previous for row in rows] == [NOTHING_BEFORE, *(row.hash for row in rows[:-1])]
    assert verified(database, noted=rows[2].hash) == Verified(5, rows[-1].hash, None)


def test_the_database_refuses_to_change_or_delete_an_entry(database: Database) -> None:
    append(database, "one", "two")
    attempts = [update(entries).values(operator="somebody.else"), delete(entries).where(entries.c.id == 2)]
    columns = "id, at, operator, act, subject, details, previous, hash"
    replace = f"INSERT OR REPLACE INTO audit_entry ({columns}) SELECT 2, at, 'x', 'x', 'x', details, previous, hash "
    attempts.append(text(f"{replace} FROM audit_entry" if database.sqlite else "TRUNCATE audit_entry"))  # type: ignore[arg-type]
    for attempt in attempts:
        with pytest.raises(DBAPIError, match="append-only"), database.write() as connection:
            connection.execute(attempt)
    append(database, "three")
    assert (verified(database).entries, verified(database).fault) == (3, None)


def test_a_log_that_was_tampered_with_is_told_of_and_still_takes_acts(database: Database) -> None:
    append(database, "one", "two", "three", "four")
    head = verified(database).head
    with database.write() as connection:
        unguard(connection)
        connection.execute(delete(entries).where(entries.c.id == 4))
    fault = verified(database).fault
    assert fault is not None
    assert (fault.code, fault.number) == (FaultCode.CUT_OFF, 4)
    # Beredskap does not stop because of it: an alert must get out. But that an entry is gone stays to be seen.
    append(database, "five")
    for noted in (None, head):
        fault = verified(database, noted).fault
        assert fault is not None
        assert (fault.code, fault.number) == (FaultCode.MISSING, 4)
    with database.write() as connection:
        connection.execute(update(entries).where(entries.c.id == 2).values(operator="somebody.else"))
    fault = verified(database).fault
    assert fault is not None
    assert (fault.code, fault.number) == (FaultCode.CHANGED, 2)
    with database.write() as connection:
        connection.execute(delete(entries))
    append(database, "six")
    fault = verified(database).fault
    assert fault is not None
    assert fault.what == "Entries 1 to 5 are missing."


@pytest.mark.parametrize("values", [{"hash": "no hash"}, {"id": (1 << 63) - 1}])
def test_whatever_the_newest_entry_was_made_acts_are_recorded(database: Database, values: dict[str, object]) -> None:
    append(database, "one", "two")
    with database.write() as connection:
        unguard(connection)
        connection.execute(update(entries).where(entries.c.id == 2).values(**values))
    append(database, "three", "four")
    with database.read() as connection:
        acts = set(connection.execute(select(entries.c.act)).scalars())
    assert acts == {"one", "two", "three", "four"}
    assert verified(database).fault is not None


def test_bytes_for_a_hash_stop_no_act(sqlite_database: Database) -> None:
    append(sqlite_database, "one")
    with sqlite_database.write() as connection:
        unguard(connection)
        connection.execute(text("UPDATE audit_entry SET hash = x'00ff'"))
    append(sqlite_database, "two")
    assert verified(sqlite_database).fault is not None


def test_a_long_ref_is_no_reason_to_refuse_an_act(database: Database) -> None:
    with database.write() as connection:
        record_act(connection, operator="k" * 250, act="student.look_up", subject=f"student {'2' * 256}")
    with database.read() as connection:
        row = connection.execute(select(entries)).one()
    assert (row.operator, row.subject) == ("k" * 200, "student " + "2" * 192)
    assert verified(database).fault is None


def test_a_count_that_was_set_back_is_told_of_and_stops_nothing(database: Database) -> None:
    append(database, "one", "two", "three")
    with database.write() as connection:
        connection.execute(text("UPDATE counter SET value = 1 WHERE name = 'audit_entries'"))
    append(database, "four")
    fault = verified(database).fault
    assert fault is not None
    assert (fault.code, fault.number) == (FaultCode.FOREIGN, 3)


def test_an_entry_that_was_not_counted_is_foreign(database: Database) -> None:
    append(database, "one")
    with database.write() as connection:
        row = connection.execute(select(entries)).mappings().one()
        connection.execute(entries.insert().values({**row, "id": 0}))
    fault = verified(database).fault
    assert fault is not None
    assert (fault.code, fault.number) == (FaultCode.FOREIGN, 0)


@pytest.mark.parametrize(
    ("column", "value"),
    [("at", "yesterday"), ("details", "{"), ("details", "[]"), ("details", '{"a": NaN}'), ("operator", b"\xff")],
)
def test_whatever_sqlite_keeps_in_a_column_is_found(sqlite_database: Database, column: str, value: object) -> None:
    append(sqlite_database, "one", "two", "three")
    with sqlite_database.write() as connection:
        unguard(connection)
        connection.exec_driver_sql(f"UPDATE audit_entry SET {column} = ? WHERE id = 2", (value,))
    found = verified(sqlite_database)
    assert found.fault is not None
    assert (found.entries, found.fault.number) == (1, 2)
    assert found.fault.code in (FaultCode.CHANGED, FaultCode.UNREADABLE)


def test_many_at_once_make_one_chain(postgres_database: Database) -> None:
    together = threading.Barrier(8)
    failed: list[BaseException] = []

    def work(name: str) -> None:
        try:
            together.wait(60)
            for number in range(12):
                with postgres_database.write() as connection:
                    # What other acts lock before they record themselves.
                    bump(connection, f"other {number % 3}")
                    record_act(connection, operator=name, act="student.release", subject=f"student {number}")
        except BaseException as error:  # noqa: BLE001 - shown by the assertion below
            failed.append(error)

    threads = [threading.Thread(target=work, args=(f"operator {number}",)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failed == []
    found = verified(postgres_database)
    assert (found.entries, found.fault) == (96, None)
    with postgres_database.read() as connection:
        assert len(set(connection.execute(select(entries.c.operator)).scalars())) == 8
        moments = connection.execute(select(entries.c.at).order_by(entries.c.id)).scalars().all()
    # Each one is timed after it has waited for its turn.
    assert moments == sorted(moments)


def test_an_act_that_stands_still_before_its_commit_holds_nobody_up(
    postgres_database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("config.audit.STILL_SECONDS", 0.2)
    with pytest.raises(DBAPIError), postgres_database.write() as frozen:
        record_act(frozen, operator="k.leder", act="frozen", subject="student 2B-017")
        # Waits for the first, until PostgreSQL ends it.
        append(postgres_database, "another")
        record_act(frozen, operator="k.leder", act="late", subject="student 2B-017")
    with postgres_database.read() as connection:
        assert connection.execute(select(entries.c.act)).scalars().all() == ["another"]
    assert (verified(postgres_database).entries, verified(postgres_database).fault) == (1, None)
    with postgres_database.write() as connection:
        limit = connection.execute(text("SHOW idle_in_transaction_session_timeout")).scalar_one()
    assert limit == "0", "the limit ends with the transaction of the act"


def test_the_entries_that_somebody_asks_for_newest_first(database: Database) -> None:
    morning = datetime(2026, 11, 23, 8, tzinfo=UTC)
    append(database, "alert.send", at=morning)
    append(database, "alert.stop", operator="r.rektor", at=morning + timedelta(hours=1))
    append(database, "alertness", "student.look_up", at=morning + timedelta(hours=2))

    def acts(limit: int = 10, **wanted: object) -> list[str]:
        with database.read() as connection:
            return [entry.act for entry in newest_entries(connection, Wanted(**wanted), limit)]  # type: ignore[arg-type]

    assert acts() == ["student.look_up", "alertness", "alert.stop", "alert.send"]
    assert acts(limit=1) == ["student.look_up"]
    assert acts(act="alert") == ["alert.stop", "alert.send"]
    assert acts(act="alert.send") == ["alert.send"]
    assert acts(act="alert_") == acts(act="%") == []
    assert acts(operator="r.rektor") == ["alert.stop"]
    assert acts(since=morning + timedelta(hours=1)) == ["student.look_up", "alertness", "alert.stop"]
    assert acts(before=morning + timedelta(hours=1)) == ["alert.send"]
    assert acts(since=morning, before=morning) == []


def test_the_operator_is_the_user_of_the_process_whatever_the_environment_says(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for name in ("LOGNAME", "USER", "LNAME", "USERNAME"):
        monkeypatch.setenv(name, "somebody.else")
    assert current_operator() == pwd.getpwuid(os.getuid()).pw_name


def test_a_user_without_a_name_is_a_number(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "getuid", lambda: 4_000_000_000)
    assert current_operator() == "uid 4000000000"
