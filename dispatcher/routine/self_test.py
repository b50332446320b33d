"""A self-test: messages to staff the way of an alert, through each provider that can be asked, to their receipts.

Each provider has a part of its own: an alert of status `test` about no student, which only that provider may carry. It
is planned as it is made, and from then on it is an alert like others: claimed in the lane of alerts, behind every
actual one (docs/decisions/0051).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

from sqlalchemy import Connection, exists, insert, literal, select, update

from config.audit import record_act
from config.catalogue import MsgType, Severity, load_catalogue
from config.clock import UtcDateTime, db_now, oslo_date
from config.counters import CONTACTS_REVISION, bump, read_counter
from config.database import Database
from config.errors import BeredskapError
from config.set_aside import usable
from config.settings import Settings
from contacts.contact_points import address_id_of, mask
from contacts.tables import ADDRESS
from dispatcher.alerts.lifecycle import next_number
from dispatcher.alerts.segments import measure
from dispatcher.alerts.status_words import marked, marked_email
from dispatcher.alerts.text import ComposedText, compose_notice
from dispatcher.codes import AlertState, AlertStatus, DeliveryState, SelfTestResult
from dispatcher.outbox.claim import ALIVE
from dispatcher.outbox.enqueue import Basis, enqueue
from dispatcher.routine.self_test_rules import StaffMessage, judge
from dispatcher.routine.self_test_staff import Part, parts_of
from dispatcher.tables import ALERT, ALERT_TEXT, ATTEMPT, DELIVERY, SELF_TEST, AnyRow
from providers.base import Channel

# What stands in the column of the scenario, and names the text.
SELF_TEST_TEXT = "self_test"


@dataclass(frozen=True, slots=True)
class SelfTestNow:
    """A self-test as it stands. `result`: as it was written down, or as it would be now; None while it goes on."""

    id: int
    operator: str
    begun_at: datetime
    until: datetime
    written_down: bool
    result: SelfTestResult | None
    messages: tuple[StaffMessage, ...]
    now: datetime

    @property
    def failed(self) -> tuple[StaffMessage, ...]:
        """The messages that have not arrived; of one that goes on, those that never will."""
        return tuple(one for one in self.messages if not one.arrived and (self.result is not None or one.settled))


@dataclass(frozen=True, slots=True)
class _Message:
    """A message as the outbox wants it: meant for no guardian."""

    channel: Channel
    address_id: int
    language: str
    recipients: tuple[()] = ()


def begin(database: Database, settings: Settings, *, operator: str) -> int:
    """Queue the messages of a self-test; its id.

    Raises UsageError when the settings name nobody to tell, or nothing to tell them by; BeredskapError while an actual
    alert or another self-test is under way.
    """
    parts = parts_of(settings)
    text = _text(settings)
    with database.write() as connection:
        addresses = {one: address_id_of(connection, one) for one in dict.fromkeys(a for p in parts for a in p.staff)}
    with database.write() as connection:
        # Of two that begin at the same time the second waits here, and then finds the first.
        bump(connection, "self_tests")
        now: datetime = connection.execute(select(db_now())).scalar_one()
        _refuse_beside_others(connection, now)
        until = now + timedelta(seconds=usable(settings.self_test).wait_seconds)
        test_id = int(
            connection.execute(
                insert(SELF_TEST).values(operator=operator, begun_at=now, until=until).returning(SELF_TEST.c.id)
            ).scalar_one()
        )
        for part in parts:
            alert_id = _make_alert(connection, test_id, part, settings, text, operator, now, until)
            basis = Basis(alert_id, until, read_counter(connection, CONTACTS_REVISION), oslo_date(now))
            wanted = [_Message(part.channel, addresses[one], text.language) for one in part.staff]
            enqueue(connection, basis, wanted, {text.language: text.size.segments})
        record_act(
            connection,
            operator=operator,
            act="self_test.begin",
            subject=f"self-test {test_id}",
            details={part.provider: len(part.staff) for part in parts},
        )
    return test_id


def read(connection: Connection, test_id: int) -> SelfTestNow:
    """The self-test with this id."""
    row = connection.execute(select(SELF_TEST, db_now().label("now")).where(SELF_TEST.c.id == test_id)).one()
    messages = _messages(connection, test_id)
    actual = _actual(connection, row.begun_at, row.until)
    result = row.result or judge(messages, over=row.now >= row.until, actual=actual)
    return SelfTestNow(row.id, row.operator, row.begun_at, row.until, row.result is not None, result, messages, row.now)


def latest(connection: Connection) -> SelfTestNow | None:
    """The newest self-test that no actual alert has interrupted."""
    ids = connection.execute(select(SELF_TEST.c.id).order_by(SELF_TEST.c.id.desc()).limit(20)).scalars().all()
    for test_id in ids:
        found = read(connection, test_id)
        if found.result is not SelfTestResult.INTERRUPTED:
            return found
    return None


def unended(connection: Connection) -> Sequence[int]:
    """The self-tests of which nobody has written down how they ended, the oldest first."""
    statement = select(SELF_TEST.c.id).where(SELF_TEST.c.result.is_(None)).order_by(SELF_TEST.c.id)
    return connection.execute(statement).scalars().all()


def end(connection: Connection, test: SelfTestNow) -> bool:
    """Write down how it ended, in the caller's transaction; false when it goes on, or somebody else was quicker."""
    if test.result is None:
        return False
    ended = connection.execute(
        update(SELF_TEST)
        .where(SELF_TEST.c.id == test.id, SELF_TEST.c.result.is_(None))
        .values(result=test.result, ended_at=db_now())
    )
    if ended.rowcount:
        record_act(
            connection,
            operator=test.operator,
            act="self_test.end",
            subject=f"self-test {test.id}",
            details={"result": test.result.value, "messages": len(test.messages), "failed": len(test.failed)},
        )
    return ended.rowcount == 1


def actual_alert(connection: Connection) -> str | None:
    """The number of an actual alert that is under way."""
    statement = select(ALERT.c.number).where(ALERT.c.state.in_(ALIVE), ALERT.c.status == AlertStatus.ACTUAL)
    return connection.scalars(statement.limit(1)).first()


def _refuse_beside_others(connection: Connection, now: datetime) -> None:
    alert = actual_alert(connection)
    if alert is not None:
        raise BeredskapError(
            f"No self-test beside an actual alert: {alert} is under way.",
            unchanged="Nothing was sent.",
            remedy="Run it again when that has ended.",
        )
    others = select(SELF_TEST.c.id).where(SELF_TEST.c.result.is_(None), SELF_TEST.c.until > now)
    if any(read(connection, other).result is None for other in connection.execute(others).scalars().all()):
        raise BeredskapError(
            "Another self-test is going on.",
            unchanged="Nothing was sent.",
            remedy="Run it again in some minutes; beredskap doctor tells how the other one ended.",
        )


def _text(settings: Settings) -> ComposedText:
    """What is said: the notice's text, with the word of the status as every test has it."""
    organisation = settings.organisation
    catalogue = load_catalogue(Path(organisation.messages_dir) if organisation.messages_dir else None)
    language, status = organisation.default_language, AlertStatus.TEST
    plain = compose_notice(catalogue, SELF_TEST_TEXT, language, school=organisation.name or "Beredskap", values={})
    sms = marked(plain.sms, status, language)
    subject, email = marked(plain.subject, status, language), marked_email(plain.email, status, language)
    return ComposedText(language, sms, subject, email, measure(sms), sms)


def _make_alert(
    connection: Connection,
    test_id: int,
    part: Part,
    settings: Settings,
    text: ComposedText,
    operator: str,
    now: datetime,
    until: datetime,
) -> int:
    """The part's alert, planned for nobody: its messages are made with it."""
    alert_id = int(
        connection.execute(
            insert(ALERT)
            .values(
                number=next_number(connection, now),
                status=AlertStatus.TEST,
                msg_type=MsgType.ALERT,
                scenario=SELF_TEST_TEXT,
                severity=Severity.MINOR.value,
                audience={},
                school_names=f"staff, by {part.provider}",
                sms=part.channel is Channel.SMS,
                email=part.channel is Channel.EMAIL,
                include_unverified=False,
                default_language=settings.organisation.default_language,
                operator=operator,
                request_id=f"self-test {test_id} {part.provider}",
                state=AlertState.OPEN,
                cursor=0,
                student_count=0,
                created_at=now,
                expires_after_seconds=max(1, int((until - now).total_seconds())),
                confirmed_at=now,
                hold_until=now,
                expires_at=until,
                planned_at=now,
                self_test_id=test_id,
                only_provider=part.provider,
            )
            .returning(ALERT.c.id)
        ).scalar_one()
    )
    connection.execute(
        insert(ALERT_TEXT).values(
            alert_id=alert_id,
            language=text.language,
            sms=text.sms,
            subject=text.subject,
            email=text.email,
            encoding=text.size.encoding.value,
            segments=text.size.segments,
        )
    )
    return alert_id


def _messages(connection: Connection, test_id: int) -> tuple[StaffMessage, ...]:
    tried = (
        select(ATTEMPT.c.code)
        .where(ATTEMPT.c.delivery_id == DELIVERY.c.id)
        .order_by(ATTEMPT.c.number.desc())
        .limit(1)
        .scalar_subquery()
    )
    rows = connection.execute(
        select(
            ALERT.c.only_provider,
            ALERT.c.number,
            DELIVERY.c.channel,
            DELIVERY.c.state,
            DELIVERY.c.code,
            tried.label("tried"),
            ADDRESS.c.channel.label("of"),
            ADDRESS.c.value,
        )
        .select_from(ALERT)
        .join(DELIVERY, DELIVERY.c.alert_id == ALERT.c.id)
        .join(ADDRESS, ADDRESS.c.id == DELIVERY.c.address_id)
        .where(ALERT.c.self_test_id == test_id)
        .order_by(ALERT.c.id, DELIVERY.c.round, DELIVERY.c.id)
    )
    # The last round of each message counts.
    newest = {(row.number, row.value): _message(row) for row in rows}
    return tuple(newest.values())


def _message(row: AnyRow) -> StaffMessage:
    # What expired tells nothing of why it could not leave before.
    code = row.tried if row.state is DeliveryState.EXPIRED else row.code
    return StaffMessage(row.only_provider, row.channel, mask(row.of, row.value), row.number, row.state, code)


def _actual(connection: Connection, since: datetime, until: datetime) -> bool:
    """Whether an actual alert was confirmed in that time."""
    meanwhile = (
        ALERT.c.confirmed_at >= literal(since, UtcDateTime()),
        ALERT.c.confirmed_at < literal(until, UtcDateTime()),
    )
    return bool(connection.execute(select(exists().where(ALERT.c.status == AlertStatus.ACTUAL, *meanwhile))).scalar())
