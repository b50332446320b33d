"""A small fictional school and an alert about it, written as rows: what a report is counted from."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from typing import Any

from sqlalchemy import Connection, Table, func, insert, select, update

from config.audit import record_act
from config.catalogue import MsgType
from config.clock import bound_db_now
from contacts.codes import AddressChannel, Basis, Protection, VerifiedBy
from contacts.entitlement import Verdict
from contacts.tables import (
    ADDRESS,
    BLOCK,
    CONTACT_POINT,
    GUARDIANSHIP,
    MEMBERSHIP,
    PERSON,
    SCHOOL,
    STUDENT,
    STUDENT_GROUP,
)
from dispatcher.codes import (
    AlertState,
    AlertStatus,
    AttemptOutcome,
    DeliveryState,
    Lane,
    MoveSource,
)
from dispatcher.tables import (
    ALERT,
    ALERT_STUDENT,
    ALERT_TEXT,
    ATTEMPT,
    DECISION,
    DELIVERY,
    EVENT,
    MARK,
    PROCESS,
    PROGRESS,
    RECIPIENT,
)
from providers.base import Channel

CONFIRMED_AT = datetime(2026, 11, 23, 7, 40, 12, tzinfo=UTC)  # 08:40:12 in Oslo
NOW = CONFIRMED_AT + timedelta(minutes=5)
TODAY = date(2026, 11, 23)


def after(seconds: float) -> datetime:
    """So many seconds after the confirmation."""
    return CONFIRMED_AT + timedelta(seconds=seconds)


@dataclass
class World:
    """Writes rows; every method gives the id of what it made."""

    connection: Connection
    numbers: int = 0
    groups: dict[str, int] = field(default_factory=dict)
    addresses: dict[str, int] = field(default_factory=dict)
    school: int = 0

    def __post_init__(self) -> None:
        if not self.school:
            self.school = self._row(SCHOOL, ref="974600951", name="Eksempel vgs", source="test")

    @classmethod
    def again(cls, connection: Connection) -> World:
        """The same school, in another transaction."""
        return cls(
            connection,
            numbers=int(connection.execute(select(func.count()).select_from(ADDRESS)).scalar_one()) + 1000,
            addresses={row.value: row.id for row in connection.execute(select(ADDRESS))},
            school=int(connection.execute(select(SCHOOL.c.id)).scalar_one()),
        )

    def _row(self, table: Table, **values: Any) -> int:
        return int(self.connection.execute(insert(table).values(**values).returning(table.c.id)).scalar_one())

    def _add(self, table: Table, **values: Any) -> None:
        self.connection.execute(insert(table).values(**values))

    def _next(self) -> int:
        self.numbers += 1
        return self.numbers

    def person(self, given: str, family: str, **values: Any) -> int:
        defaults = {"deceased": False, "protection": Protection.NONE, "source": "test"}
        return self._row(PERSON, **{**defaults, "given_name": given, "family_name": family, **values})

    def student(self, ref: str, name: str = "Kari Eksempel", home: str | None = "1A", **values: Any) -> int:
        given, _, family = name.partition(" ")
        born = {"birth_date": date(2010, 3, 2), **values}
        person = self.person(given, family, ref=ref, **born)
        self._add(STUDENT, person_id=person, source="test")
        if home is not None:
            if home not in self.groups:
                self.groups[home] = self._row(
                    STUDENT_GROUP, school_id=self.school, ref=f"group-{home}", name=home, home=True, source="test"
                )
            self._add(MEMBERSHIP, group_id=self.groups[home], student_id=person, source="test")
        return person

    def guardian(self, name: str = "Ola Eksempel", *, of: int | None = None) -> int:
        given, _, family = name.partition(" ")
        person = self.person(given, family)
        if of is not None:
            self.guardianship(of, person)
        return person

    def guardianship(self, student: int, guardian: int) -> int:
        return self._row(
            GUARDIANSHIP,
            student_id=student,
            guardian_id=guardian,
            basis=Basis.CUSTODY,
            source="freg",
            student_agreed=False,
        )

    def block(self, guardian: int) -> int:
        return self._row(
            BLOCK,
            guardian_id=guardian,
            decision_ref="2026/113",
            valid_from=TODAY,
            recorded_by="clerk",
            recorded_at=CONFIRMED_AT,
        )

    def address(self, value: str, *, takes_messages: bool = True) -> int:
        if value not in self.addresses:
            channel = AddressChannel.EMAIL if "@" in value else AddressChannel.SMS
            self.addresses[value] = self._row(
                ADDRESS, channel=channel, value=value, takes_messages=takes_messages, failures=0
            )
        return self.addresses[value]

    def contact(self, guardian: int, value: str, *, verified: bool = True, takes_messages: bool = True) -> int:
        """A contact point; gives the id of its address."""
        address = self.address(value, takes_messages=takes_messages)
        stamp = {"verified_at": CONFIRMED_AT, "verified_by": VerifiedBy.CODE} if verified else {}
        self._row(
            CONTACT_POINT,
            person_id=guardian,
            address_id=address,
            source="test",
            confirmed_at=CONFIRMED_AT if verified else None,
            **stamp,
        )
        return address

    def alert(self, students: list[int], *, cursor: int | None = None, **values: Any) -> int:
        number = self._next()
        planned = cursor is None
        alert = self._row(
            ALERT,
            **{
                "number": f"A-2611-{number:04d}",
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
                "operator": "K. Leder",
                "request_id": f"request-{number}",
                "state": AlertState.OPEN if planned else AlertState.PLANNING,
                "cursor": len(students) if planned else cursor,
                "student_count": len(students),
                "created_at": after(-60),
                "expires_after_seconds": 7200,
                "confirmed_at": CONFIRMED_AT,
                "hold_until": CONFIRMED_AT,
                "expires_at": after(7200),
                "planned_at": after(2) if planned else None,
                **values,
            },
        )
        for position, student in enumerate(students, 1):
            self._add(ALERT_STUDENT, alert_id=alert, position=position, student_id=student)
        return alert

    def text(self, alert: int, language: str = "nb") -> None:
        self._add(
            ALERT_TEXT,
            alert_id=alert,
            language=language,
            sms="Eksempel vgs: Skolen er låst. Elevene er inne.",
            subject="Skolen er låst",
            email="Elevene er inne.",
            encoding="GSM-7",
            segments=1,
        )

    def decision(
        self,
        alert: int,
        student: int,
        guardian: int | None,
        verdict: Verdict = Verdict.ENTITLED,
        reason: str = "custody",
        *,
        unreachable: str | None = None,
        superseded: bool = False,
    ) -> int:
        return self._row(
            DECISION,
            alert_id=alert,
            student_id=student,
            guardian_id=guardian,
            verdict=verdict,
            reason=reason,
            unreachable=unreachable,
            decided_on=TODAY,
            inputs="{}",
            superseded=superseded,
        )

    def delivery(
        self,
        alert: int,
        state: DeliveryState,
        recipients: list[tuple[int, int]],
        *,
        address: int | None = None,
        channel: Channel = Channel.SMS,
        code: str | None = None,
        accepted_after: float | None = None,
        finished_after: float | None = None,
        claimed_after: float = 1.0,
        unlinked: bool = False,
        stale: bool = False,
        unverified: bool = False,
        attempts: tuple[AttemptOutcome, ...] = (),
        **values: Any,
    ) -> int:
        """One message with its recipients, attempts, events and progress, all times in seconds after confirmation."""
        if address is None:
            made = self._next()
            address = self.address(f"+47400{made:05d}" if channel is Channel.SMS else f"g{made}@example.no")
        sending = state is DeliveryState.SENDING
        delivery = self._row(
            DELIVERY,
            **{
                "alert_id": alert,
                "lane": Lane.ALERTS,
                "channel": channel,
                "address_id": address,
                "round": 1,
                "language": "nb",
                "segments": 1,
                "state": state,
                "attempt": len(attempts),
                "due_at": CONFIRMED_AT,
                "expires_at": after(7200),
                "claimed_at": after(claimed_after) if attempts else None,
                "lease_until": after(60) if sending else None,
                "lost_claims": 0,
                "deferrals": 0,
                "repeats": 0,
                "lookups": 0,
                "code": code,
                "contacts_revision": 1,
                "decided_on": TODAY,
                "accepted_at": None if accepted_after is None else after(accepted_after),
                "finished_at": None if finished_after is None else after(finished_after),
                **values,
            },
        )
        for student, guardian in recipients:
            self._add(
                RECIPIENT,
                delivery_id=delivery,
                student_id=student,
                guardian_id=guardian,
                stale=stale,
                unverified=unverified,
                unlinked_at=NOW if unlinked else None,
            )
        for number, outcome in enumerate(attempts, 1):
            self._add(
                ATTEMPT,
                delivery_id=delivery,
                number=number,
                provider="twilio" if channel is Channel.SMS else "smtp",
                began_at=after(claimed_after),
                outcome=outcome,
            )
        self.event(delivery, state)
        self.progress(alert, channel, DeliveryState.QUEUED, 1)
        if state is not DeliveryState.QUEUED:
            moved_after = accepted_after if accepted_after is not None else claimed_after
            self.progress(alert, channel, DeliveryState.QUEUED, -1, at=after(moved_after))
            self.progress(alert, channel, state, 1, at=after(moved_after))
        return delivery

    def mark(self, alert: int, student: int, guardian: int | None = None, *, taken_back: bool = False) -> int:
        """Staff have reached somebody by telephone, and perhaps taken it back."""
        back = {"taken_back_by": "M. Lærer", "taken_back_at": NOW} if taken_back else {}
        who = {"alert_id": alert, "student_id": student, "guardian_id": guardian}
        return self._row(MARK, **who, note="", marked_by="K. Leder", marked_at=NOW, **back)

    def event(self, delivery: int, state: DeliveryState, *, refused: bool = False) -> None:
        self._add(
            EVENT,
            delivery_id=delivery,
            attempt=1,
            to_state=state,
            at=CONFIRMED_AT,
            source=MoveSource.RECEIPT,
            refused=refused,
        )

    def progress(
        self, alert: int, channel: Channel, state: DeliveryState, delta: int, *, at: datetime = CONFIRMED_AT
    ) -> None:
        self._add(PROGRESS, alert_id=alert, channel=channel, state=state, delta=delta, at=at)

    def process(
        self,
        name: str,
        health: dict[str, str],
        *,
        seen_at: datetime = NOW,
        kind: str = "worker",
        lane: str | None = "alerts",
    ) -> None:
        self._add(PROCESS, id=name, kind=kind, lane=lane, started_at=CONFIRMED_AT, seen_at=seen_at, health=health)

    def act(self, alert: int, act: str, *, at: datetime = NOW, **details: Any) -> None:
        number = self.connection.execute(select(ALERT.c.number).where(ALERT.c.id == alert)).scalar_one()
        with bound_db_now(at):
            record_act(self.connection, operator="K. Leder", act=act, subject=f"alert {number}", details=details)

    def end(self, alert: int, state: AlertState) -> None:
        self.connection.execute(
            update(ALERT).where(ALERT.c.id == alert).values(state=state, ended_at=NOW, ended_by="K. Leder")
        )
