"""No statement of the send path, of upkeep, of watching or of a small alert's report reads through a table that grows.

The statements are not written down here: the real functions run on a store with a past, and whatever they ask is
explained by the database itself. A new statement is covered as soon as one of these functions runs it.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from sqlalchemy import Connection, event, select, text

from config.clock import bound_db_now
from config.counters import CONTACTS_REVISION, bump
from config.database import Database
from contacts.people import find_guardian, find_student, guardian_ref
from contacts.tables import PERSON
from dispatcher.alerts.draft import discard_old_drafts
from dispatcher.alerts.lifecycle import resend_failed, stop
from dispatcher.alerts.marks import mark_reached, take_back
from dispatcher.auditing.audit import audit
from dispatcher.codes import AlertState, Lane
from dispatcher.metering.store_figures import store_figures
from dispatcher.outbox.addresses import mark_failing
from dispatcher.outbox.claim import alerts_to_send
from dispatcher.outbox.following import Kind
from dispatcher.outbox.progress import fold, fold_progress
from dispatcher.outbox.receipts import match_waiting
from dispatcher.outbox.sweep import anything_left
from dispatcher.reports.board import board_token, read_board
from dispatcher.reports.call_list import call_list
from dispatcher.reports.classes import read_classes
from dispatcher.reports.counting import report
from dispatcher.reports.watching import watch_figures, watch_students
from dispatcher.tables import ALERT
from providers.base import Accepted, Channel, Deferred, Receipt, ReceiptStatus, Rejected, Unknown
from tests.dispatcher.alerts.drafting import followed
from tests.dispatcher.past import write_past
from tests.dispatcher.world import LEASE, LIFE, SETTLE, FakeProvider, World

# What grows with every alert, and with the people who may be told.
GROWING = frozenset(
    {
        "address",
        "alert_progress",
        "alert_student",
        "attempt",
        "contact_point",
        "decision",
        "delivery",
        "delivery_event",
        "delivery_recipient",
        "guardianship",
        "person",
        "receipt",
        "student",
        "telephone_mark",
    }
)


class Explained:
    """Listens to an engine, and keeps the complaints about the plans of what is run through it."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self.complaints: list[str] = []
        self.statements: set[str] = set()
        self._busy = False
        with database.read() as connection:
            self._partial = _partial_indexes(connection)

    def __enter__(self) -> Explained:
        event.listen(self._database.engine, "before_cursor_execute", self._explain)
        return self

    def __exit__(self, *_error: object) -> None:
        event.remove(self._database.engine, "before_cursor_execute", self._explain)

    def _explain(
        self, connection: Connection, _cursor: object, statement: str, parameters: Any, _context: object, many: bool
    ) -> None:
        plain = " ".join(statement.split())
        if not plain.startswith(("SELECT", "INSERT", "UPDATE", "DELETE", "WITH")) or plain in self.statements:
            return
        self.statements.add(plain)
        values = parameters[0] if many else parameters
        driver: Any = connection.connection.driver_connection
        cursor = driver.cursor()
        if self._database.sqlite:
            steps = [row[3] for row in cursor.execute(f"EXPLAIN QUERY PLAN {statement}", values)]
            found = [step for step in steps if self._scans(step, statement)]
        else:
            # As a statement that is run for the first time: this one asks what its values would cost.
            cursor.execute(f"EXPLAIN (FORMAT JSON) {statement}", values, prepare=False)
            found = [
                f"{node['Node Type']} on {node.get('Relation Name') or node.get('Index Name')}"
                for node in _nodes(cursor.fetchone()[0][0]["Plan"])
                if self._reads_all(node)
            ]
        self.complaints += [f"{one}: {plain[:300]}" for one in found]

    def _reads_all(self, node: dict[str, Any]) -> bool:
        """A scan of a table that grows, or one of an index that looks for nothing in it and holds all of its rows."""
        if node["Node Type"] == "Seq Scan":
            return node["Relation Name"] in GROWING
        if "Index Name" not in node or "Index Cond" in node:
            return False
        return node["Index Name"] not in self._partial and node.get("Relation Name", "delivery") in GROWING

    def _scans(self, step: str, statement: str) -> bool:
        """As SQLite tells it: "SCAN delivery", "SCAN mine USING INDEX …". Names of subqueries are no table's."""
        words = step.split()
        aliases = {alias: table for table, alias in re.findall(r"(\w+) AS (\w+)", statement)}
        if words[0] != "SCAN" or aliases.get(words[1], words[1]) not in GROWING:
            return False
        return not any(word in self._partial for word in words[2:])


def _partial_indexes(connection: Connection) -> frozenset[str]:
    if connection.dialect.name == "sqlite":
        names = "SELECT name FROM sqlite_master WHERE type = 'index' AND sql LIKE '% WHERE %'"
    else:
        names = "SELECT c.relname FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid WHERE i.indpred IS NOT NULL"
    return frozenset(connection.execute(text(names)).scalars())


def _nodes(plan: dict[str, Any]) -> Iterator[dict[str, Any]]:
    yield plan
    for part in plan.get("Plans", ()):
        yield from _nodes(part)


@pytest.fixture
def world(without_statistics: None, database: Database) -> World:
    """A school with a past, and with a large alert that is being sent."""
    world = World(database)
    write_past(world)
    return world


def explained(world: World, run: Callable[[], object]) -> Explained:
    with Explained(world.database) as heard, bound_db_now(world.now):
        run()
    assert heard.statements, "nothing was run"
    return heard


def test_a_scan_would_be_seen(world: World) -> None:
    def count() -> None:
        with world.database.read() as connection:
            connection.execute(text("SELECT count(*) FROM delivery WHERE reference = 'P1'"))
            connection.execute(text("SELECT count(code) FROM delivery WHERE state = 'rejected'"))
            connection.execute(text("SELECT code FROM delivery WHERE state = 'rejected' ORDER BY id LIMIT 1"))

    assert len(explained(world, count).complaints) == 3


def test_planning_claiming_and_recording(world: World) -> None:
    families = [world.family(email=True) for _ in range(12)]
    world.notice()

    def send() -> None:
        world.sent(*families)
        with world.database.read() as connection:
            assert alerts_to_send(connection, Channel.SMS)
        one, two, three, four, *rest = world.claim()
        mails = world.claim(Channel.EMAIL)
        assert len(world.claim(lane=Lane.ROUTINE)) == 1
        world.claim(alone=True)
        with world.database.read() as connection:
            world.renderer.message(connection, one)
        world.record(
            (one, Accepted("SM1")),
            (two, Deferred("20429", 5.0)),
            (three, Rejected("21211")),
            (four, Unknown("read_timeout")),
            *((each, Accepted(f"M{each.delivery_id}")) for each in mails),
        )
        world.record((rest[0], Rejected("21610", opted_out=True)))
        world.release(*rest[1:])
        with world.database.write() as connection:
            bump(connection, CONTACTS_REVISION)
        again = world.claim()
        assert len(again) == len(rest) - 1
        world.receipt("SM1", ReceiptStatus.DELIVERED, one.delivery_id, one.attempt)
        world.receipt("SM1", ReceiptStatus.UNDELIVERED, code="30005")
        world.receipt("SM9", ReceiptStatus.DELIVERED, again[0].delivery_id, again[0].attempt)
        world.receipt("SM-of-nobody")
        with world.database.write() as connection:
            match_waiting(connection)

    heard = explained(world, send)
    assert "\n".join(heard.complaints) == ""
    # What went before is asked for by the claims of follow-ups alone.
    assert not any("delivery_recipient AS former" in statement for statement in heard.statements)


def test_following_up(world: World) -> None:
    families = [world.family(email=True) for _ in range(8)]
    alert = world.sent(*families, number="A-2610-0001")
    one, two, *rest = world.claim()
    world.record((two, Unknown("read_timeout")), *((each, Accepted(f"S{each.delivery_id}")) for each in rest))
    with world.database.write() as connection:
        for _ in range(100):  # the past has numbers of this month, and did not count them
            bump(connection, "alert_number_2611")

    def follow() -> None:
        for kind in (Kind.UPDATE, Kind.ALL_CLEAR):
            followed(world, alert, kind)
            # One waits for what is being sent, and one for what is unknown.
            claimed = world.claim()
            assert len(claimed) == len(families) - 2
            world.record(*((each, Accepted(f"{kind}{each.delivery_id}")) for each in claimed))
        world.record((one, Deferred("20429", 5.0)))
        world.later(61)
        with world.database.write() as connection:
            bump(connection, CONTACTS_REVISION)
        world.sweep()
        assert len(world.claim()) == 1

    heard = explained(world, follow)
    assert "\n".join(heard.complaints) == ""
    assert any("delivery_recipient AS former" in statement for statement in heard.statements)


def test_upkeep(world: World) -> None:
    families = [world.family(email=True) for _ in range(6)]
    alert, stopped = world.sent(*families), world.sent(*families)
    one, two, *_others = world.claim(size=12)
    world.record((one, Accepted("SM1")), (two, Unknown("read_timeout")))
    world.change(ALERT, stopped, state=AlertState.STOPPED)

    def keep() -> None:
        world.sweep()
        with world.database.write() as connection:
            mark_failing(connection, 3)
        world.later(LEASE + SETTLE)
        world.sweep()
        for _ in range(2):
            world.look_up(FakeProvider())
            world.look_up(FakeProvider(Channel.EMAIL, can_look_up=False))
            world.poll(FakeProvider(said=[Receipt("SM1", ReceiptStatus.DELIVERED)]))
            world.later(SETTLE + 1)
        with bound_db_now(world.now), world.database.write() as connection:
            fold(connection, alert)
            match_waiting(connection)
            discard_old_drafts(connection)
        fold_progress(world.database)
        world.later(LIFE)
        world.sweep()
        with world.database.read() as connection:
            anything_left(connection)

    assert "\n".join(explained(world, keep).complaints) == ""


def test_watching_and_what_concerns_one_alert_alone(world: World) -> None:
    families = [world.family(email=True) for _ in range(8)]
    alert = world.sent(*families)
    one, two, three, *_rest = world.claim()
    world.record((one, Accepted("SM1")), (two, Rejected("21211")), (three, Unknown("read_timeout")))
    number = next(row.number for row in world.rows(ALERT, ALERT.c.id == alert))

    def look() -> None:
        with world.database.read() as connection:
            watch_figures(connection, alert)
            watch_students(connection, alert)
            assert store_figures(connection).long_unknown
            classes = read_classes(connection, alert)
            report(connection, alert, classes.counts)
            assert list(call_list(connection, alert, classes))
            assert board_token(connection, alert)
        for guardian in (None, families[0].guardian):
            called(world, alert, families[0].student, guardian)
        with world.database.read() as connection:
            assert len(read_board(connection, alert).marks) == 4
        with world.database.write() as connection:
            resend_failed(connection, number, operator="leder")
            stop(connection, number, operator="leder")

    assert "\n".join(explained(world, look).complaints) == ""


def called(world: World, alert: int, student: int, guardian: int | None) -> None:
    """Somebody is marked as reached by telephone, taken back, and marked once more."""
    with world.clock(), world.database.write() as connection:
        row = connection.execute(select(ALERT).where(ALERT.c.id == alert)).one()
        ref = connection.execute(select(PERSON.c.ref).where(PERSON.c.id == student)).scalar_one()
        whom = (row, find_student(connection, ref), guardian and find_guardian(connection, guardian_ref(guardian)))
        mark_reached(connection, *whom, note="", operator="leder")
        take_back(connection, *whom, operator="leder")
        mark_reached(connection, *whom, note="", operator="leder")


def test_auditing(world: World) -> None:
    families = [world.family(email=True) for _ in range(8)]
    alert, ended = world.sent(*families), world.sent(*families)
    one, two, three, *_rest = world.claim()
    world.record((one, Accepted("SM1")), (two, Rejected("21211")), (three, Unknown("read_timeout")))
    world.change(ALERT, ended, state=AlertState.STOPPED, ended_at=world.now)
    number = next(row.number for row in world.rows(ALERT, ALERT.c.id == alert))

    def look() -> None:
        world.later(LEASE * 3)
        with bound_db_now(world.now):
            assert audit(world.database, 60.0).alerts
            assert audit(world.database, 60.0, number=number).alerts == (number,)

    assert "\n".join(explained(world, look).complaints) == ""
