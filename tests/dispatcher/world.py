"""A school, its families and their alerts for tests: quickly made, moved by the real outbox, checked for balance."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import Any

from sqlalchemy import Connection, Table, func, insert, select, update

from config.catalogue import LANGUAGES, MsgType
from config.clock import bound_db_now
from config.counters import CONTACTS_REVISION, bump
from config.database import Database
from contacts.codes import Basis
from dispatcher.alerts.planner import Chunking, plan_next_chunk
from dispatcher.codes import AlertState, AlertStatus, AttemptOutcome, DeliveryState, Lane, NoticeKind
from dispatcher.outbox.claim import Claimed, ClaimRequest, claim
from dispatcher.outbox.enqueue import enqueue_notice
from dispatcher.outbox.messages import Renderer
from dispatcher.outbox.receipts import Arrived, take_receipts
from dispatcher.outbox.reconcile import look_up_unknown, poll_receipts
from dispatcher.outbox.record import Ended, Patience, record_outcomes, release
from dispatcher.outbox.sweep import sweep
from dispatcher.tables import (
    ALERT,
    ALERT_STUDENT,
    ALERT_TEXT,
    ATTEMPT,
    DECISION,
    DELIVERY,
    EVENT,
    NOTICE,
    PROGRESS,
    RECIPIENT,
    AnyRow,
)
from providers.base import Channel, LookupFailed, LookupQuery, Message, Outcome, Receipt, ReceiptStatus
from tests.contacts.store import ContactStore

NOW = datetime(2026, 11, 23, 7, 40, tzinfo=UTC)  # 08:40 in Oslo
LEASE = 60.0
SETTLE = 20.0
PATIENCE = Patience(retry_first=5.0, retry_longest=300.0, settle=SETTLE, receipt_poll=30.0)
CHUNKING = Chunking(first=2, later=3, stale_after_months=18)
LIFE = 7200


class NoNotices:
    """No notice has a text."""

    def text(self, connection: Connection, notice_id: int, language: str, channel: Channel) -> tuple[str, str]:
        raise LookupError(f"notice {notice_id} has nothing to tell")


@dataclass
class FakeProvider:
    """A provider that was told what it has. `found`: by delivery; `said`: the receipts it knows of."""

    channel: Channel = Channel.SMS
    name: str = "fake"
    call_seconds: float = 20.0
    can_look_up: bool = True
    found: dict[int, Receipt] = field(default_factory=dict)
    said: list[Receipt] = field(default_factory=list)
    fails: LookupFailed | None = None
    asked: list[int] = field(default_factory=list)
    taken: list[frozenset[str]] = field(default_factory=list)
    polled: list[str] = field(default_factory=list)

    async def send(self, message: Message) -> Outcome:
        raise NotImplementedError

    async def look_up(self, queries: list[LookupQuery], taken: frozenset[str]) -> dict[tuple[int, int], Receipt]:
        self.asked += [query.delivery_id for query in queries]
        self.taken.append(taken)
        if self.fails is not None:
            raise self.fails
        return {
            (query.delivery_id, query.attempt): self.found[query.delivery_id]
            for query in queries
            if query.delivery_id in self.found
        }

    async def receipts(self, references: list[str]) -> list[Receipt]:
        self.polled += references
        if self.fails is not None:
            raise self.fails
        return [receipt for receipt in self.said if receipt.reference in references]

    async def check(self) -> None:
        return None

    async def close(self) -> None:
        return None


@dataclass(frozen=True)
class Family:
    """Students with one guardian."""

    guardian: int
    students: tuple[int, ...]
    phone: str
    email: str

    @property
    def student(self) -> int:
        return self.students[0]


class World:
    """One school in one database, at one moment at a time: `now`, moved on by `later`."""

    def __init__(self, database: Database) -> None:
        self.database = database
        self.now = NOW
        self._made = 0
        self.renderer = Renderer(NoNotices())
        with self.database.write() as connection:
            self.school = ContactStore(connection).school()

    # Time

    @contextmanager
    def clock(self) -> Iterator[None]:
        with bound_db_now(self.now):
            yield

    def later(self, seconds: float) -> None:
        self.now += timedelta(seconds=seconds)

    # What is known of people

    @contextmanager
    def store(self, *, changed: bool = True) -> Iterator[ContactStore]:
        """The contact store in one transaction; `changed`: it may change who is entitled."""
        with self.clock(), self.database.write() as connection:
            yield ContactStore(connection)
            if changed:
                bump(connection, CONTACTS_REVISION)

    def family(
        self,
        children: int = 1,
        *,
        phone: str | None = None,
        email: bool = False,
        basis: Basis = Basis.CUSTODY,
        language: str = "nb",
        verified: bool = True,
        **student: Any,
    ) -> Family:
        """`children` students, and one guardian with a phone, and with an e-mail address where that is asked for."""
        self._made += 1
        number = phone or f"+4799{self._made:06d}"
        mail = f"g{self._made}@example.no" if email else ""
        how: dict[str, Any] = {} if verified else {"verified": None}
        with self.store(changed=False) as store:
            students = tuple(
                store.student(f"{self._made}-{child}", school=self.school, grade="VG1", **student)
                for child in range(children)
            )
            guardian = store.guardian(*students, basis=basis, language=language)
            store.point(guardian, number, **how)
            if mail:
                store.point(guardian, mail, **how)
        return Family(guardian, students, number, mail)

    # What is sent

    def alert(self, students: Sequence[int], **values: Any) -> int:
        """A confirmed alert about these students that nobody has planned yet."""
        self._made += 1
        row: dict[str, Any] = {
            "number": f"A-2611-{self._made:04d}",
            "status": AlertStatus.ACTUAL,
            "msg_type": MsgType.ALERT,
            "scenario": "lockdown",
            "severity": "severe",
            "audience": {},
            "school_names": "Eksempel vgs",
            "sms": True,
            "email": True,
            "include_unverified": False,
            "default_language": "nb",
            "operator": "leder",
            "request_id": f"request-{self._made}",
            "state": AlertState.PLANNING,
            "cursor": 0,
            "student_count": len(students),
            "created_at": self.now,
            "expires_after_seconds": LIFE,
            "confirmed_at": self.now,
            "hold_until": self.now,
            "expires_at": self.now + timedelta(seconds=LIFE),
        } | values
        with self.clock(), self.database.write() as connection:
            alert = int(connection.execute(insert(ALERT).values(row).returning(ALERT.c.id)).scalar_one())
            for language in LANGUAGES:
                connection.execute(
                    insert(ALERT_TEXT).values(
                        alert_id=alert,
                        language=language,
                        sms=f"Skolen er låst ({language}).",
                        subject="Skolen er låst",
                        email="Skolen er låst.",
                        encoding="GSM-7",
                        segments=1,
                    )
                )
            if students:
                connection.execute(
                    insert(ALERT_STUDENT),
                    [{"alert_id": alert, "position": n, "student_id": one} for n, one in enumerate(students, 1)],
                )
        return alert

    def plan(self, planner: str = "planner") -> int:
        """Plan all that is to be planned; the number of deliveries made."""
        made = 0
        with self.clock():
            while (chunk := plan_next_chunk(self.database, planner, CHUNKING)) is not None:
                made += chunk.deliveries
        return made

    def sent(self, *families: Family, **values: Any) -> int:
        """An alert about the families' students, planned: its messages are queued."""
        alert = self.alert([student for family in families for student in family.students], **values)
        self.plan()
        return alert

    def notice(self, phone: str = "+4740000001") -> int:
        """The delivery of a routine message."""
        with self.clock(), self.database.write() as connection:
            store = ContactStore(connection)
            person = store.guardian()
            address = store.address(phone)
            notice = connection.execute(
                insert(NOTICE)
                .values(kind=NoticeKind.VERIFICATION_CODE, person_id=person, operator="leder")
                .returning(NOTICE.c.id)
            ).scalar_one()
            return enqueue_notice(connection, notice, Channel.SMS, address, "nb", 900.0)

    # What the outbox does

    def claim(
        self,
        channel: Channel = Channel.SMS,
        *,
        lane: Lane = Lane.ALERTS,
        size: int = 200,
        alone: bool = False,
        holder: str = "worker",
        after: int = 0,
    ) -> list[Claimed]:
        request = ClaimRequest(lane, channel, size, LEASE, holder, "fake", alone, after)
        with self.clock():
            return claim(self.database, request, stale_after_months=18)

    def claim_one(self, channel: Channel = Channel.SMS, **options: Any) -> Claimed:
        (one,) = self.claim(channel, **options)
        return one

    def record(self, *ended: tuple[Claimed, Outcome]) -> None:
        with self.clock(), self.database.write() as connection:
            record_outcomes(connection, [Ended(one, "fake", outcome) for one, outcome in ended], PATIENCE)

    def release(self, *claims: Claimed) -> None:
        with self.clock(), self.database.write() as connection:
            release(connection, claims, provider="fake")

    def receipt(
        self,
        reference: str,
        status: ReceiptStatus = ReceiptStatus.DELIVERED,
        delivery: int | None = None,
        attempt: int | None = None,
        code: str = "",
    ) -> int:
        with self.clock(), self.database.write() as connection:
            return take_receipts(connection, "fake", [Arrived(Receipt(reference, status, code), delivery, attempt)])

    def sweep(self) -> int:
        with self.clock():
            return sweep(self.database, PATIENCE)

    def look_up(self, provider: FakeProvider, lane: Lane = Lane.ALERTS) -> int:
        with self.clock():
            return asyncio.run(look_up_unknown(self.database, lane, provider, self.renderer, SETTLE))

    def poll(self, provider: FakeProvider, lane: Lane = Lane.ALERTS) -> int:
        with self.clock():
            return asyncio.run(poll_receipts(self.database, lane, provider))

    # What is on record

    def rows(self, table: Table, *where: Any) -> Sequence[AnyRow]:
        with self.database.read() as connection:
            return connection.execute(select(table).where(*where).order_by(*table.primary_key.columns)).all()

    def delivery(self, delivery_id: int) -> AnyRow:
        (row,) = self.rows(DELIVERY, DELIVERY.c.id == delivery_id)
        return row

    def state(self, delivery_id: int) -> DeliveryState:
        state: DeliveryState = self.delivery(delivery_id).state
        return state

    def states(self, alert: int) -> Counter[DeliveryState]:
        return Counter(row.state for row in self.rows(DELIVERY, DELIVERY.c.alert_id == alert))

    def alert_state(self, alert: int) -> AlertState:
        (row,) = self.rows(ALERT, ALERT.c.id == alert)
        state: AlertState = row.state
        return state

    def change(self, table: Table, id_: int, **values: Any) -> None:
        with self.clock(), self.database.write() as connection:
            connection.execute(update(table).where(table.c.id == id_).values(**values))

    def moves(self, delivery_id: int) -> list[tuple[str | None, str]]:
        """The moves that took place, in their order."""
        rows = self.rows(EVENT, EVENT.c.delivery_id == delivery_id, EVENT.c.refused.is_(False))
        return [(row.from_state, row.to_state) for row in rows]

    def refused(self, delivery_id: int) -> list[str]:
        rows = self.rows(EVENT, EVENT.c.delivery_id == delivery_id, EVENT.c.refused.is_(True))
        return [row.to_state for row in rows]

    def attempts(self, delivery_id: int) -> list[AttemptOutcome]:
        return [row.outcome for row in self.rows(ATTEMPT, ATTEMPT.c.delivery_id == delivery_id)]

    def recipients(self, delivery_id: int, *, linked: bool = True) -> set[tuple[int, int]]:
        rows = self.rows(RECIPIENT, RECIPIENT.c.delivery_id == delivery_id, RECIPIENT.c.unlinked_at.is_(None) == linked)
        return {(row.student_id, row.guardian_id) for row in rows}

    def decisions(self, alert: int, *, superseded: bool = False) -> list[tuple[int, int | None, str, str]]:
        rows = self.rows(DECISION, DECISION.c.alert_id == alert, DECISION.c.superseded.is_(superseded))
        return [(row.student_id, row.guardian_id, row.verdict.value, row.reason) for row in rows]


def check_books(database: Database) -> None:
    """What must hold of every outbox at every moment: each move left its event and its progress, each claim its try."""
    with database.read() as connection:
        deliveries = connection.execute(select(DELIVERY)).all()
        events = connection.execute(select(EVENT).where(EVENT.c.refused.is_(False)).order_by(EVENT.c.id)).all()
        tries = Counter(connection.execute(select(ATTEMPT.c.delivery_id)).scalars())
        progress: Counter[tuple[int, str, str]] = Counter()
        summed = select(
            PROGRESS.c.alert_id, PROGRESS.c.channel, PROGRESS.c.state, func.sum(PROGRESS.c.delta).label("n")
        )
        for row in connection.execute(summed.group_by(PROGRESS.c.alert_id, PROGRESS.c.channel, PROGRESS.c.state)):
            progress[row.alert_id, row.channel, row.state] = int(row.n)
    told: dict[int, list[tuple[str | None, str]]] = {}
    for event in events:
        told.setdefault(event.delivery_id, []).append((event.from_state, event.to_state))
    for row in deliveries:
        path = told[row.id]
        assert path[0] == (None, DeliveryState.QUEUED), path
        assert all(before == after[0] for (_, before), after in pairwise(path)), path
        assert path[-1][1] == row.state, (path, row.state)
        claims = sum(to == DeliveryState.SENDING for _, to in path)
        assert claims == row.attempt
        open_claim = row.state is DeliveryState.SENDING
        assert tries[row.id] == claims - open_claim, (path, tries[row.id])
    counted = Counter((row.alert_id, row.channel, row.state) for row in deliveries if row.alert_id is not None)
    assert +counted == +progress
    assert all(count >= 0 for count in progress.values())
