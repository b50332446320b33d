"""An alert in which everything that a report speaks of has happened."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from typing import Any

import pytest
from sqlalchemy import Connection

from config.clock import bound_db_now
from config.database import Database
from contacts.codes import Protection
from contacts.entitlement import Verdict
from dispatcher.codes import AttemptOutcome, DeliveryState
from providers.base import Channel
from tests.dispatcher.reports.world import CONFIRMED_AT, NOW, World

S, Tried = DeliveryState, AttemptOutcome


@dataclass(frozen=True)
class Case:
    """The database with the alert in it, and the ids that tests speak of."""

    database: Database
    alert: int
    students: dict[str, int]
    guardians: dict[str, int]


@pytest.fixture
def case(database: Database) -> Iterator[Case]:
    """Eight students; at the bound time five minutes have passed since the confirmation."""
    with bound_db_now(NOW):
        with database.write() as connection:
            made = _write(database, connection)
        yield made


def add_calls(case: Case) -> None:
    """Five calls of the alert: three came to the provider (one of them perhaps), two did not."""
    with case.database.write() as connection:
        world = World.again(connection)
        about = [(case.students["failed"], case.guardians["failed"])]

        def call(state: DeliveryState, *attempts: Tried, **values: Any) -> None:
            world.delivery(case.alert, state, about, channel=Channel.VOICE, attempts=attempts, **values)

        call(S.DELIVERED, Tried.ACCEPTED, accepted_after=120.0, finished_after=150.0)
        call(S.UNDELIVERED, Tried.ACCEPTED, code="call_busy", accepted_after=121.0, finished_after=125.0)
        call(S.UNKNOWN, Tried.UNKNOWN, code="read_timeout")
        call(S.REJECTED, Tried.REJECTED, code="21215", finished_after=122.0)
        call(S.CANCELLED, code="confirmed", finished_after=123.0)


def _write(database: Database, connection: Connection) -> Case:
    world = World(connection)
    students = {
        "told": world.student("1A-001", "Ada Told"),
        "sibling": world.student("2B-001", "Bo Told", "2B"),
        "handed": world.student("1A-002", "Cato Handed"),
        "failed": world.student("2B-002", "Dina Failed", "2B"),
        "no_address": world.student("1A-003", "Emil Bare"),
        "protected": world.student("1A-004", "Fredrik Hemmelig", protection=Protection.STRICTLY_CONFIDENTIAL),
        "nobody": world.student("2B-003", "Guro Alene", "2B"),
        "adult": world.student("3C-001", "Hanna Voksen", "3C", birth_date=date(2006, 1, 1)),
    }
    guardians = {
        name: world.guardian(f"{given} {name.title()}", of=student)
        for given, (name, student) in zip(
            ("Anne", "Berit", "Carl", "OLA", "Eva", "Finn", "", "Hans"), students.items(), strict=True
        )
        if name not in ("sibling", "nobody")
    }
    world.guardianship(students["sibling"], guardians["told"])
    alert = world.alert(list(students.values()))
    world.text(alert)
    world.text(alert, "en")
    for name in ("told", "handed", "failed"):
        world.decision(alert, students[name], guardians[name])
    world.decision(alert, students["sibling"], guardians["told"])
    world.decision(alert, students["failed"], guardians["told"], Verdict.NO, "no_custody")
    world.decision(alert, students["no_address"], guardians["no_address"], unreachable="fixed_line_only")
    world.decision(alert, students["protected"], guardians["protected"], Verdict.HELD, "protected_hold")
    world.decision(alert, students["nobody"], None, Verdict.HELD, "no_guardian_known")
    world.decision(alert, students["adult"], guardians["adult"], superseded=True)
    world.decision(alert, students["adult"], guardians["adult"], Verdict.NO, "adult_without_consent")

    both = [(students["told"], guardians["told"]), (students["sibling"], guardians["told"])]
    world.delivery(
        alert,
        S.DELIVERED,
        both,
        address=world.contact(guardians["told"], "+4790000001"),
        accepted_after=1.5,
        finished_after=4.25,
        stale=True,
        attempts=(Tried.DEFERRED, Tried.ACCEPTED),
    )
    world.delivery(
        alert,
        S.ACCEPTED,
        both,
        channel=Channel.EMAIL,
        address=world.contact(guardians["told"], "anne@example.no"),
        accepted_after=2.0,
        language="en",
        repeats=1,
        attempts=(Tried.UNKNOWN, Tried.ACCEPTED),
    )
    world.delivery(
        alert,
        S.UNKNOWN,
        [(students["handed"], guardians["handed"])],
        address=world.contact(guardians["handed"], "+4790000002", verified=False),
        code="read_timeout",
        unverified=True,
        attempts=(Tried.UNKNOWN,),
    )
    failed = (students["failed"], guardians["failed"])
    number = world.contact(guardians["failed"], "+4790000003")
    world.contact(guardians["failed"], "+4722000003", takes_messages=False)
    first = world.delivery(
        alert,
        S.UNDELIVERED,
        [failed],
        address=number,
        code="30003",
        accepted_after=1.0,
        finished_after=9.0,
        attempts=(Tried.ACCEPTED,),
    )
    world.event(first, S.ACCEPTED, refused=True)
    world.delivery(
        alert,
        S.UNDELIVERED,
        [failed],
        address=number,
        round=2,
        code="30005",
        accepted_after=61.0,
        finished_after=70.0,
        attempts=(Tried.ACCEPTED,),
    )
    world.delivery(
        alert,
        S.REJECTED,
        [failed],
        channel=Channel.EMAIL,
        address=world.contact(guardians["failed"], "ola@example.no"),
        code="550 5.1.1",
        finished_after=2.0,
        attempts=(Tried.REJECTED,),
    )
    world.contact(guardians["no_address"], "+4722000004", takes_messages=False)
    world.contact(guardians["protected"], "+4790000005")
    world.delivery(
        alert,
        S.CANCELLED,
        [(students["adult"], guardians["adult"])],
        address=world.contact(guardians["adult"], "+4790000006"),
        code="entitlement_lost",
        finished_after=1.0,
        unlinked=True,
    )
    world.act(alert, "alert.send", at=CONFIRMED_AT, students=len(students))
    world.act(alert, "alert.resend_failed", messages=1)

    other = world.alert([students["told"], students["failed"]])
    world.decision(other, *failed)
    world.delivery(other, S.DELIVERED, [failed], address=number, accepted_after=1.0, finished_after=2.0)
    return Case(database, alert, students, guardians)
