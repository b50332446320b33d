"""Alerts of the past: rows enough that reading through a table would show, written by the shortest way."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

from sqlalchemy import Connection, Table, func, select, text

from config.filling import fill
from contacts.tables import ADDRESS, CONTACT_POINT, GUARDIANSHIP, PERSON, STUDENT
from dispatcher.tables import ALERT_STUDENT, ATTEMPT, DECISION, DELIVERY, EVENT, MARK, PROGRESS, RECEIPT, RECIPIENT
from tests.dispatcher.world import World

PEOPLE = 4000  # students, with one guardian each
ALERTS = 12
STUDENTS = 1000  # of each alert; their guardians get an SMS and an e-mail


def write_past(world: World) -> None:
    """`ALERTS` alerts a month ago, all delivered and closed, in a database that has looked at its tables since."""
    with world.database.write() as connection:
        people = _people(connection, world)
    for _ in range(ALERTS):
        alert = world.alert(
            [],
            state="closed",
            created_at=world.now - timedelta(days=30),
            confirmed_at=world.now - timedelta(days=30),
            hold_until=world.now - timedelta(days=30),
            expires_at=world.now - timedelta(days=29),
        )
        with world.database.write() as connection:
            _write_alert(connection, world, alert, people)
    with world.database.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.execute(text("ANALYZE"))


def _next_id(connection: Connection, table: Table) -> int:
    return int(connection.execute(select(func.coalesce(func.max(table.c.id), 0))).scalar_one()) + 1


def _add(connection: Connection, table: Table, rows: Iterator[dict[str, Any]] | list[dict[str, Any]]) -> None:
    """Insert rows that name their own ids, and let the database count on from there."""
    made = list(rows)
    columns = list(made[0])
    fill(connection, table, columns, [tuple(row[column] for column in columns) for row in made])
    if "id" in columns and connection.dialect.name == "postgresql":
        latest = select(func.setval(func.pg_get_serial_sequence(table.name, "id"), max(row["id"] for row in made)))
        connection.execute(latest)


def _people(connection: Connection, world: World) -> dict[str, int]:
    """Students and guardians; the first id of each kind, of the phone numbers, and of the e-mail addresses."""
    student = _next_id(connection, PERSON)
    guardian = student + PEOPLE
    phone = _next_id(connection, ADDRESS)
    mail = phone + PEOPLE
    long_ago = world.now - timedelta(days=60)
    person = {"family_name": "Eksempel", "deceased": False, "protection": "none", "source": "test"}
    each = range(PEOPLE)
    _add(
        connection,
        PERSON,
        [
            *({"id": student + n, "ref": f"past-{n}", "given_name": "Kari", **person} for n in each),
            *({"id": guardian + n, "ref": None, "given_name": "Ola", **person} for n in each),
        ],
    )
    _add(connection, STUDENT, [{"person_id": student + n, "source": "test"} for n in each])
    _add(
        connection,
        GUARDIANSHIP,
        [
            {
                "id": _next_id(connection, GUARDIANSHIP) + n,
                "student_id": student + n,
                "guardian_id": guardian + n,
                "basis": "custody",
                "source": "freg",
                "student_agreed": False,
            }
            for n in each
        ],
    )
    address = {"takes_messages": True, "failures": 0}
    _add(
        connection,
        ADDRESS,
        [
            *({"id": phone + n, "channel": "sms", "value": f"+4748{n:06d}", **address} for n in each),
            *({"id": mail + n, "channel": "email", "value": f"past{n}@example.no", **address} for n in each),
        ],
    )
    first = _next_id(connection, CONTACT_POINT)
    known = {"source": "krr", "verified_at": long_ago, "verified_by": "source", "confirmed_at": long_ago}
    _add(
        connection,
        CONTACT_POINT,
        [
            {"id": first + 2 * n + kind, "person_id": guardian + n, "address_id": address + n, **known}
            for n in each
            for kind, address in enumerate((phone, mail))
        ],
    )
    return {"student": student, "guardian": guardian, "sms": phone, "email": mail}


def _write_alert(connection: Connection, world: World, alert: int, people: dict[str, int]) -> None:
    when = world.now - timedelta(days=30)
    each = range(STUDENTS)
    pairs = [(n, channel) for n in each for channel in ("sms", "email")]
    first = _next_id(connection, DELIVERY)
    day = when.date()
    _add(
        connection,
        ALERT_STUDENT,
        [{"alert_id": alert, "position": n + 1, "student_id": people["student"] + n} for n in each],
    )
    decision = _next_id(connection, DECISION)
    _add(
        connection,
        DECISION,
        [
            {
                "id": decision + n,
                "alert_id": alert,
                "student_id": people["student"] + n,
                "guardian_id": people["guardian"] + n,
                "verdict": "entitled",
                "reason": "custody",
                "decided_on": day,
                "inputs": "{}" * 60,
                "superseded": False,
            }
            for n in each
        ],
    )
    _add(
        connection,
        DELIVERY,
        [
            {
                "id": first + index,
                "alert_id": alert,
                "lane": "alerts",
                "channel": channel,
                "address_id": people[channel] + n,
                "round": 1,
                "language": "nb",
                "segments": 1,
                "state": "delivered" if channel == "sms" else "accepted",
                "attempt": 1,
                "due_at": when,
                "expires_at": when + timedelta(days=1),
                "claimed_at": when,
                "lost_claims": 0,
                "deferrals": 0,
                "repeats": 0,
                "lookups": 0,
                "provider": "fake",
                "reference": f"P{first + index}",
                "contacts_revision": 0,
                "decided_on": day,
                "accepted_at": when,
                "finished_at": when if channel == "sms" else None,
            }
            for index, (n, channel) in enumerate(pairs)
        ],
    )
    _add(
        connection,
        RECIPIENT,
        [
            {
                "delivery_id": first + index,
                "student_id": people["student"] + n,
                "guardian_id": people["guardian"] + n,
                "stale": n % 50 == 0,
                "unverified": False,
            }
            for index, (n, _channel) in enumerate(pairs)
        ],
    )
    _add(
        connection,
        ATTEMPT,
        [
            {
                "delivery_id": first + index,
                "number": 1,
                "provider": "fake",
                "began_at": when,
                "ended_at": when,
                "outcome": "accepted",
                "reference": f"P{first + index}",
            }
            for index in range(len(pairs))
        ],
    )
    moves = [(None, "queued"), ("queued", "sending"), ("sending", "accepted")]
    event = _next_id(connection, EVENT)
    _add(
        connection,
        EVENT,
        [
            {
                "id": event + step * len(pairs) + index,
                "delivery_id": first + index,
                "attempt": 1,
                "from_state": before,
                "to_state": after,
                "at": when,
                "source": "send",
                "refused": False,
            }
            for step, (before, after) in enumerate([*moves, ("accepted", "delivered")])
            for index, (_n, channel) in enumerate(pairs)
            if channel == "sms" or step < len(moves)
        ],
    )
    receipt = _next_id(connection, RECEIPT)
    _add(
        connection,
        RECEIPT,
        [
            {
                "id": receipt + n,
                "provider": "fake",
                "reference": f"P{first + 2 * n}",
                "status": "delivered",
                "code": "",
                "delivery_id": first + 2 * n,
                "attempt": 1,
                "received_at": when,
            }
            for n in each
        ],
    )
    progress = _next_id(connection, PROGRESS)
    _add(
        connection,
        PROGRESS,
        [
            {"id": progress + n, "alert_id": alert, "channel": "sms", "state": "queued", "delta": (-1) ** n, "at": when}
            for n in range(400)
        ],
    )
    mark = _next_id(connection, MARK)
    _add(
        connection,
        MARK,
        [
            {
                "id": mark + n,
                "alert_id": alert,
                "student_id": people["student"] + n,
                "guardian_id": people["guardian"] + n,
                "note": "",
                "marked_by": "leder",
                "marked_at": when,
            }
            for n in range(STUDENTS // 2)
        ],
    )
