"""The acts that change an alert's life: confirm, stop, and a second chance for what failed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import ColumnElement, Connection, or_, select, update

from config.audit import record_act
from config.clock import OSLO, db_now, plus_seconds
from config.counters import bump
from config.errors import BeredskapError, UsageError
from contacts.tables import ADDRESS
from dispatcher.alerts.draft import SAME_REQUEST_SECONDS
from dispatcher.alerts.stopping import held_back, hold_back
from dispatcher.alerts.thread import followers, kind_of_alert, take_over
from dispatcher.codes import AlertState, DeliveryState
from dispatcher.outbox.enqueue import enqueue_next_round
from dispatcher.outbox.transitions import DUE
from dispatcher.routine.county import BrokenGlass, tell_county
from dispatcher.tables import ALERT, DELIVERY, AnyRow
from providers.base import Channel

# The states of a delivery that `resend-failed` gives a second chance.
FAILED = (DeliveryState.UNDELIVERED, DeliveryState.REJECTED)
# By confirmation: a preview that was made earlier may be confirmed later.
_NEWEST_FIRST = (ALERT.c.confirmed_at.desc(), ALERT.c.id.desc())
_NO_SELF_TEST = ALERT.c.self_test_id.is_(None)


@dataclass(frozen=True, slots=True)
class Confirmed:
    """The alert that goes out. `earlier`: the same was confirmed minutes ago, and nothing more was sent now."""

    alert_id: int
    number: str
    earlier: bool


def same_request(connection: Connection, request_id: str) -> AnyRow | None:
    """The alert that the same request made within the last ten minutes, if any."""
    return connection.execute(
        select(ALERT)
        .where(
            ALERT.c.request_id == request_id,
            ALERT.c.state != AlertState.DRAFT,
            ALERT.c.confirmed_at > plus_seconds(db_now(), -SAME_REQUEST_SECONDS),
        )
        .order_by(ALERT.c.id.desc())
        .limit(1)
    ).first()


def confirm(
    connection: Connection,
    alert_id: int,
    *,
    hold_seconds: float,
    operator: str,
    again: bool = False,
    glass: BrokenGlass | None = None,
    in_portal: bool = False,
) -> Confirmed:
    """Let a draft go out, in the caller's transaction: from its commit on, it does so with nobody's help. A follow-up
    holds back, in the same transaction, what has not left of the alerts that it refers to.

    Raises BeredskapError when the draft is no longer there, or another follow-up came first; UsageError when what it
    refers to is over. `again`: even if the same went out minutes ago. `glass`: the operator has not the role for it;
    recorded, and told to the county, in the same transaction. `in_portal`: on record with the act.
    """
    now = connection.execute(select(db_now())).scalar_one()
    # Two confirmations wait for each other here, so that of two equal requests only one goes out.
    bump(connection, "alert_confirmations")
    draft = connection.execute(
        select(ALERT).where(ALERT.c.id == alert_id, ALERT.c.state == AlertState.DRAFT).with_for_update()
    ).first()
    if draft is None:
        raise BeredskapError(
            "The draft of this alert is no longer there: it was removed, or confirmed elsewhere.",
            unchanged="Nothing was sent by this command.",
            remedy="Look with beredskap alert list, and send again when it is not there.",
        )
    earlier = None if again else same_request(connection, draft.request_id)
    if earlier is not None:
        return Confirmed(earlier.id, earlier.number, earlier=True)
    replaced = take_over(connection, draft, operator) if draft.references_id is not None else []
    number = next_number(connection, now)
    connection.execute(
        update(ALERT)
        .where(ALERT.c.id == alert_id)
        .values(
            state=AlertState.PLANNING,
            number=number,
            confirmed_at=db_now(),
            hold_until=plus_seconds(db_now(), hold_seconds),
            expires_at=plus_seconds(db_now(), draft.expires_after_seconds),
            break_glass=glass and glass.reason,
        )
    )
    told = tell_county(connection, alert_id, glass, operator) if glass else False
    _record(connection, draft, number, replaced, operator, in_portal)
    if glass:
        record_act(
            connection,
            operator=operator,
            act="alert.break_glass",
            subject=f"alert {number}",
            details={
                "reason": glass.reason,
                "county": "is told by e-mail" if told else "is not told: no address can be used",
            },
        )
    return Confirmed(alert_id, number, earlier=False)


def _record(
    connection: Connection,
    draft: AnyRow,
    number: str,
    replaced: Sequence[tuple[str, int]],
    operator: str,
    in_portal: bool,
) -> None:
    """The act of whoever confirms, and in the report of each alert that was still going out, what became of it."""
    kind = kind_of_alert(draft)
    details = {"status": draft.status.value, "scenario": draft.scenario, "students": draft.student_count}
    if in_portal:
        details["confirmed_in"] = "portal"
    if kind is not None:
        refers_to = connection.execute(select(ALERT.c.number).where(ALERT.c.id == draft.references_id)).scalar_one()
        details = {"refers_to": refers_to} | details
    for earlier, count in replaced:
        record_act(
            connection,
            operator=operator,
            act="alert.replaced",
            subject=f"alert {earlier}",
            details={"by": number, "held_back": count},
        )
    record_act(
        connection,
        operator=operator,
        act="alert.send" if kind is None else f"alert.{kind.value}",
        subject=f"alert {number}",
        details=details,
    )


def next_number(connection: Connection, now: datetime) -> str:
    """The number of the next alert; another one that is being confirmed waits until this transaction ends."""
    return alert_number(bump(connection, f"alert_number_{_month(now)}"), now)


def alert_number(count: int, now: datetime) -> str:
    """The number that people say: A-2611-0042 is the 42nd of November 2026."""
    return f"A-{_month(now)}-{count:04d}"


def _month(now: datetime) -> str:
    return now.astimezone(OSLO).strftime("%y%m")


def find_alert(connection: Connection, number: str, among: ColumnElement[bool] | None = None) -> AnyRow:
    """The confirmed alert with this number, or the newest for "latest". Raises UsageError when there is none.

    `among`: of those alone for which it is true. A part of a self-test is found by its number alone.
    """
    statement = select(ALERT, db_now().label("now")).where(ALERT.c.state != AlertState.DRAFT, *_given(among))
    if number.casefold() == "latest":
        statement = statement.where(_NO_SELF_TEST).order_by(*_NEWEST_FIRST).limit(1)
    else:
        statement = statement.where(ALERT.c.number == number.strip().upper())
    row = connection.execute(statement).first()
    if row is None:
        raise UsageError(
            "There is no alert with that number.", remedy="beredskap alert list shows them all, the newest first."
        )
    return row


def list_alerts(connection: Connection, limit: int, among: ColumnElement[bool] | None = None) -> Sequence[AnyRow]:
    """The newest confirmed alerts, newest first, without self-tests; of those alone for which `among` is true."""
    statement = select(ALERT).where(ALERT.c.state != AlertState.DRAFT, _NO_SELF_TEST, *_given(among))
    return connection.execute(statement.order_by(*_NEWEST_FIRST).limit(limit)).all()


def _given(condition: ColumnElement[bool] | None) -> tuple[ColumnElement[bool], ...]:
    return () if condition is None else (condition,)


@dataclass(frozen=True, slots=True)
class Stopped:
    """`held_back`: messages that had not left when the stop came; `left`: those that had, or may have."""

    number: str
    held_back: int
    left: int


def stop(connection: Connection, number: str, operator: str) -> Stopped:
    """Hold back what has not left: from the commit on, no row is claimed. Raises UsageError when it has ended.

    Waits for claims that are being made, so that what it says was held back was.
    """
    alert = find_alert(connection, number)
    counts = hold_back(connection, alert.id, operator)
    if counts is None:
        raise UsageError(
            f"Alert {alert.number} cannot be stopped: it is {alert.state.value} already.",
            remedy=f"beredskap report {alert.number} shows who was told.",
        )
    record_act(
        connection,
        operator=operator,
        act="alert.stop",
        subject=f"alert {alert.number}",
        details={"held_back": held_back(counts)},
    )
    never = (*DUE, DeliveryState.REJECTED, DeliveryState.CANCELLED, DeliveryState.EXPIRED)
    left = sum(count for state, count in counts.items() if state not in never)
    return Stopped(alert.number, held_back(counts), left)


def resend_failed(connection: Connection, number: str, operator: str) -> tuple[str, int]:
    """Give what was undelivered or rejected another round; (number of the alert, messages made).

    Raises UsageError when the alert has expired or was stopped, or another has followed it. An address that answered
    STOP or fails stays out; and nobody is called again, which a person may do better.
    """
    found = find_alert(connection, number)
    # A double press waits here for the first, and so does the sweep that would close the alert meanwhile.
    alert = connection.execute(
        select(ALERT, db_now().label("now")).where(ALERT.c.id == found.id).with_for_update(key_share=True)
    ).one()
    followed = connection.execute(followers(alert.id)).first() is not None
    if followed or alert.state not in (AlertState.OPEN, AlertState.CLOSED) or alert.expires_at <= alert.now:
        why = "its time is over" if alert.expires_at <= alert.now else f"it is {alert.state.value}"
        why = "another has followed it" if followed else why
        raise UsageError(
            f"Nothing of alert {alert.number} can be sent again: {why}.",
            unchanged="Nothing was sent.",
            remedy="Call those who were not reached (beredskap report … --call-list), or send a new alert.",
        )
    later = DELIVERY.alias("later")
    newest = ~(
        select(later.c.id)
        .where(
            later.c.alert_id == DELIVERY.c.alert_id,
            later.c.channel == DELIVERY.c.channel,
            later.c.address_id == DELIVERY.c.address_id,
            later.c.round > DELIVERY.c.round,
        )
        .exists()
    )
    failed = connection.execute(
        select(DELIVERY)
        .join(ADDRESS, ADDRESS.c.id == DELIVERY.c.address_id)
        .where(DELIVERY.c.alert_id == alert.id, DELIVERY.c.state.in_(FAILED), newest)
        .where(or_(DELIVERY.c.channel != Channel.SMS, ADDRESS.c.opted_out_at.is_(None)))
        .where(ADDRESS.c.failing_since.is_(None), DELIVERY.c.channel != Channel.VOICE)
        .order_by(DELIVERY.c.id)
        .with_for_update(of=DELIVERY, key_share=True)
    ).all()
    made = enqueue_next_round(connection, failed) if failed else 0
    if made:
        connection.execute(
            update(ALERT)
            .where(ALERT.c.id == alert.id, ALERT.c.state == AlertState.CLOSED)
            .values(state=AlertState.OPEN, ended_at=None)
        )
        record_act(
            connection,
            operator=operator,
            act="alert.resend_failed",
            subject=f"alert {alert.number}",
            details={"messages": made},
        )
    return alert.number, made
