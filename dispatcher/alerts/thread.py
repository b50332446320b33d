"""An alert and its follow-ups, which stand in a row: each refers to the newest before it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Connection, Select, select

from config.clock import OSLO, db_now
from config.errors import BeredskapError, UsageError
from dispatcher.alerts.stopping import held_back, hold_back
from dispatcher.codes import AlertState
from dispatcher.outbox.following import Kind, kind_of
from dispatcher.tables import ALERT, AnyRow


def thread_of(connection: Connection, alert_id: int) -> Sequence[AnyRow]:
    """The alert with all that went before it and all confirmed ones that followed, the oldest first; with `now`."""
    ids = [*_walk(connection, alert_id, back=True), *_walk(connection, alert_id, back=False)]
    return connection.execute(
        select(ALERT, db_now().label("now")).where(ALERT.c.id.in_(ids)).order_by(ALERT.c.id)
    ).all()


def _walk(connection: Connection, alert_id: int, *, back: bool) -> list[int]:
    found: list[int] = []
    following: int | None = alert_id
    while following is not None:
        found.append(following)
        referred = select(ALERT.c.references_id).where(ALERT.c.id == following)
        statement: Select[Any] = referred if back else followers(following)
        following = connection.execute(statement).scalar()
    return found


def followers(alert_id: int) -> Select[Any]:
    """SQL for the id of the confirmed alert that follows this one, if there is one."""
    return select(ALERT.c.id).where(ALERT.c.references_id == alert_id, ALERT.c.state != AlertState.DRAFT)


def neighbours(connection: Connection, alerts: Sequence[AnyRow]) -> dict[int, tuple[str | None, str | None]]:
    """Of each of these alerts, by its id: the number of the one that it follows, and of the one that follows it."""
    ids = [row.id for row in alerts]
    before = {row.references_id for row in alerts if row.references_id is not None}
    numbers = select(ALERT.c.id, ALERT.c.number).where(ALERT.c.id.in_(before))
    earlier: dict[int, str] = {row.id: row.number for row in connection.execute(numbers)} if before else {}
    following = select(ALERT.c.references_id, ALERT.c.number).where(
        ALERT.c.references_id.in_(ids), ALERT.c.state != AlertState.DRAFT
    )
    later: dict[int, str] = {row.references_id: row.number for row in connection.execute(following)}
    return {row.id: (earlier.get(row.references_id), later.get(row.id)) for row in alerts}


def replaced_by(connection: Connection, alert: AnyRow) -> str | None:
    """The number of the alert whose messages this one has held back; None when it found none to hold back."""
    earlier = select(ALERT.c.number).where(ALERT.c.id == alert.references_id, ALERT.c.replaced_at.is_not(None))
    return connection.execute(earlier).scalar()


def kind_of_alert(alert: AnyRow) -> Kind | None:
    """What kind of follow-up an alert is; None for one that follows nothing."""
    return None if alert.references_id is None else kind_of(alert.msg_type, alert.response_type)


def refuse_what_is_over(thread: Sequence[AnyRow]) -> None:
    """Raises UsageError when nothing can follow this thread: its time is over, or it was taken back."""
    newest = thread[-1]
    ends = max(row.expires_at for row in thread)
    if ends <= newest.now:
        raise UsageError(
            f"Nothing can follow alert {newest.number}: it expired at {ends.astimezone(OSLO):%H:%M on %Y-%m-%d}.",
            unchanged="Nothing was sent.",
            remedy="Send an alert of its own with beredskap alert send, in words that stand alone.",
        )
    # One that was stopped, perhaps before anybody heard of it, must not stand in the way of a better word.
    if kind_of_alert(newest) is Kind.CANCEL and newest.state is not AlertState.STOPPED:
        raise UsageError(
            f"Nothing can follow alert {thread[0].number}: {newest.number} has taken it back.",
            unchanged="Nothing was sent.",
            remedy="Send a new alert with beredskap alert send.",
        )


def take_over(connection: Connection, draft: AnyRow, operator: str) -> list[tuple[str, int]]:
    """Hold back what has not left of all that a draft follows, in the transaction that confirms it; (number of each
    alert that was still going out, messages held back).

    Raises UsageError as `refuse_what_is_over`, and BeredskapError when another follow-up came first.
    """
    thread = thread_of(connection, draft.references_id)
    if thread[-1].id != draft.references_id:
        raise BeredskapError(
            f"Alert {thread[0].number} was followed up by {thread[-1].number} a moment ago.",
            unchanged="Nothing was sent by this command.",
            remedy=f"Look at it with beredskap alert show {thread[-1].number}, and follow it up if that is needed.",
        )
    # A second chance that is being given to what failed waits here, or has opened its alert again.
    ids = [row.id for row in thread]
    locked = select(ALERT.c.id).where(ALERT.c.id.in_(ids)).order_by(ALERT.c.id).with_for_update(key_share=True)
    connection.execute(locked)
    refuse_what_is_over(thread)
    replaced = []
    for row in thread:
        counts = hold_back(connection, row.id, operator, replaced=True)
        if counts is not None:
            replaced.append((row.number, held_back(counts)))
    return replaced
