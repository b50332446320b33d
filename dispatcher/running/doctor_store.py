"""Doctor's checks that ask the database: the tables, who is alive, what has been left lying, and its clock."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from sqlalchemy import Connection, and_, func, select
from sqlalchemy.engine import make_url
from sqlalchemy.exc import SQLAlchemyError

from config.clock import db_now, plus_seconds
from config.database import Database, open_database
from config.faults import explain
from config.initialise import place_of
from config.migrations import current_revision, head_revision
from config.settings import Settings
from contacts.registers.state import states
from dispatcher.codes import AlertStatus, DeliveryState, Lane
from dispatcher.outbox.claim import ALIVE
from dispatcher.outbox.sweep import anything_left
from dispatcher.routine.self_test import latest
from dispatcher.running.doctor import Check, CheckResult, fail, ok, warn
from dispatcher.running.doctor_audit import audit_result
from dispatcher.running.doctor_drills import drills_result
from dispatcher.running.doctor_operators import operators_result
from dispatcher.running.doctor_registers import registers_result
from dispatcher.running.doctor_reminders import reminders_result
from dispatcher.running.doctor_self_test import self_test_result
from dispatcher.running.presence import SENDING, alive
from dispatcher.tables import ALERT, DELIVERY, LEASE, RECEIPT

_INIT: Final = "Run beredskap init."
# How long an unknown message or an unmatched receipt may be before a person is told.
_PATIENCE_SECONDS: Final = 60.0
# Seconds by which clocks may differ; beyond the second, times in reports and log lines cannot be compared.
_CLOCK_GOOD: Final = 2.0
_CLOCK_BAD: Final = 60.0


@dataclass(frozen=True, slots=True)
class StoreFindings:
    """The results of these checks, and what other checks want to know of the store."""

    results: tuple[CheckResult, ...]
    workers_alive: int | None = None
    unattended: bool = False


def silent_store(settings: Settings, seconds: float) -> StoreFindings:
    """When the database gave no answer in time."""
    return _only(
        f"{_place(settings)} gave no answer within {seconds:g} seconds",
        "Look whether it hangs, or is locked by another program (a copy or a backup, for instance).",
    )


def look_into_store(settings: Settings) -> StoreFindings:
    """Ask the database; that it cannot be asked is a result, too."""
    try:
        missing = settings.embedded and not _file_exists(settings)
        database = None if missing else open_database(settings)
    except (SQLAlchemyError, ImportError, ValueError):
        return _only(
            "store.database_url is no address of a database",
            "Write it as postgresql+psycopg://user:password@host/database, or leave it empty.",
        )
    if database is None:
        return _only("The database is not initialised.", _INIT)
    try:
        return _tables_unusable(database) or _findings(settings, database)
    except SQLAlchemyError as error:
        told = explain(error)
        return _only(told.what, told.remedy)
    finally:
        database.dispose()


def _only(what: str, remedy: str) -> StoreFindings:
    return StoreFindings((fail(Check.DATABASE, what, remedy),))


def _file_exists(settings: Settings) -> bool:
    # Connecting would make an empty one.
    file = make_url(settings.database_url).database
    return file is not None and Path(file).exists()


def _place(settings: Settings) -> str:
    try:
        return place_of(make_url(settings.database_url))
    except (SQLAlchemyError, ValueError):
        return "the database"


def _tables_unusable(database: Database) -> StoreFindings | None:
    current, head = current_revision(database), head_revision()
    if current is None or head is None:
        return _only("The database is not initialised.", _INIT)
    if current < head:
        return _only(
            "The database has the tables of an older version of Beredskap.",
            "Run beredskap init again: it keeps what is stored, and brings the tables up to date.",
        )
    if current > head:
        return _only(
            "The database was made by a newer version of Beredskap than this one.",
            "Install that version on this machine, too.",
        )
    return None


def _findings(settings: Settings, database: Database) -> StoreFindings:
    with database.read() as connection:
        asked = datetime.now(UTC)
        theirs = connection.execute(select(db_now())).scalar_one()
        ours = asked + (datetime.now(UTC) - asked) / 2
        lanes = {lane: len(alive(connection, SENDING, lane.value)) for lane in Lane}
        everybody = len(alive(connection, SENDING))
        unattended = settings.embedded and not lanes[Lane.ALERTS] and anything_left(connection)
        results = (
            ok(Check.DATABASE, f"{_place(settings)}, tables of version {head_revision()}"),
            _workers(settings, lanes),
            _unfinished(unattended),
            _scheduler(settings, connection),
            _clock((theirs - ours).total_seconds()),
            _unknown(connection),
            _receipts(connection),
            registers_result(settings, states(connection), theirs),
            operators_result(settings, connection),
            reminders_result(settings, theirs),
            self_test_result(settings, latest(connection), theirs),
            drills_result(settings, connection, theirs),
        )
    audited = audit_result(settings.audit, database, unattended=unattended)
    return StoreFindings((*results, audited), everybody, unattended)


def _workers(settings: Settings, lanes: dict[Lane, int]) -> CheckResult:
    what = ", ".join(f"{lane.value} {count}" for lane, count in lanes.items())
    if settings.embedded:
        return ok(Check.WORKERS, what if any(lanes.values()) else "none needed: the alert command starts its own")
    if not lanes[Lane.ALERTS]:
        return fail(
            Check.WORKERS,
            f"nobody sends alerts ({what})",
            "Start beredskap worker --lane alerts, on one machine at least, under a supervisor that restarts it.",
        )
    if not lanes[Lane.ROUTINE]:
        return warn(
            Check.WORKERS,
            f"nobody sends verification codes and reminders ({what})",
            "Start beredskap worker --lane routine.",
        )
    return ok(Check.WORKERS, what)


def _unfinished(unattended: bool) -> CheckResult:
    if unattended:
        return warn(
            Check.UNFINISHED,
            "messages are left to send, and nobody was sending them",
            "beredskap doctor starts that now, provided the key file is there; look with beredskap alert list.",
        )
    return ok(Check.UNFINISHED, "none is left lying")


def _scheduler(settings: Settings, connection: Connection) -> CheckResult:
    """Whoever does the upkeep renews a lease each second: one that still runs was renewed lately."""
    if settings.embedded:
        return ok(Check.SCHEDULER, "none needed: whoever sends does its work")
    ticking = set(
        connection.execute(
            select(LEASE.c.name).where(LEASE.c.name.like("upkeep:%"), LEASE.c.until > db_now())
        ).scalars()
    )
    silent = [lane.value for lane in Lane if f"upkeep:{lane.value}" not in ticking]
    if not silent:
        return ok(Check.SCHEDULER, "the last tick was less than 15 seconds ago")
    result = fail if Lane.ALERTS.value in silent else warn
    return result(
        Check.SCHEDULER,
        f"nobody ticks for {' and '.join(silent)}: expiry, look-ups and missing receipts wait",
        "Start beredskap scheduler; it is safe to run it twice.",
    )


def _clock(difference: float) -> CheckResult:
    what = f"differs from the database's by {abs(difference):.1f} s"
    remedy = "Let both machines keep time (chrony, systemd-timesyncd); leases go by the database's clock alone."
    if abs(difference) > _CLOCK_BAD:
        return fail(Check.CLOCK, what, remedy)
    return warn(Check.CLOCK, what, remedy) if abs(difference) > _CLOCK_GOOD else ok(Check.CLOCK, what)


def _unknown(connection: Connection) -> CheckResult:
    rows: Sequence[tuple[AlertStatus, str | None, int]] = [
        (row.status, row.number, row.messages)
        for row in connection.execute(
            select(ALERT.c.status, ALERT.c.number, func.count().label("messages"))
            .join(DELIVERY, DELIVERY.c.alert_id == ALERT.c.id)
            .where(
                ALERT.c.state.in_(ALIVE),
                DELIVERY.c.state == DeliveryState.UNKNOWN,
                DELIVERY.c.claimed_at < plus_seconds(db_now(), -_PATIENCE_SECONDS),
            )
            .group_by(ALERT.c.status, ALERT.c.number)
            .order_by(ALERT.c.status != AlertStatus.ACTUAL, ALERT.c.number)
        )
    ]
    if not rows:
        return ok(Check.UNKNOWN, "none older than a minute")
    numbers = ", ".join(f"{status.value} {number} ({count})" for status, number, count in rows)
    return warn(
        Check.UNKNOWN,
        f"the provider has not said for more than a minute whether it took these: {numbers}",
        "They may have been told. beredskap report shows whom to call; look at the provider's status page.",
    )


def _receipts(connection: Connection) -> CheckResult:
    waiting = connection.execute(
        select(func.count())
        .select_from(RECEIPT)
        .where(
            and_(RECEIPT.c.delivery_id.is_(None), RECEIPT.c.received_at < plus_seconds(db_now(), -_PATIENCE_SECONDS))
        )
    ).scalar_one()
    if not waiting:
        return ok(Check.RECEIPTS, "each has found its message")
    return warn(
        Check.RECEIPTS,
        f"{waiting} for messages that this database does not know",
        "Another installation may use the same Twilio account and callback address: give each its own.",
    )
