"""Counting the figures of one alert's report: a handful of set-based queries, whatever the alert's size."""

from __future__ import annotations

from collections import Counter

from sqlalchemy import Connection, case, func, or_, select

from config.clock import db_now, plus_seconds
from contacts.entitlement import Verdict
from dispatcher.alerts.thread import neighbours
from dispatcher.answers.listing import confirmed_messages, unmatched_answers
from dispatcher.codes import AttemptOutcome, DeliveryState
from dispatcher.outbox.confirmed import in_force
from dispatcher.reports.acts import acts
from dispatcher.reports.classes import ClassCounts, class_counts
from dispatcher.reports.figures import (
    AlertHead,
    AttemptCount,
    DecisionCount,
    ReasonCount,
    Report,
    StateCount,
    Text,
    UnreachableCount,
)
from dispatcher.reports.id_range import Condition, deliveries_of
from dispatcher.reports.reduced import kept_figures
from dispatcher.reports.times import channel_times
from dispatcher.reports.words import delivery_reason, unreachable_reason
from dispatcher.tables import ALERT, ALERT_TEXT, ATTEMPT, DECISION, DELIVERY, EVENT, MARK, RECIPIENT
from providers.base import Channel

# From this age on an unknown outcome is said clearly: somebody may have been told, and nobody can say who.
LONG_UNKNOWN_SECONDS = 60


def report(connection: Connection, alert_id: int, classes: ClassCounts | None = None) -> Report:
    """Count everything about a confirmed alert. Every query is set-based: none of them runs once a delivery.

    `classes`: the students by class, where they were read in this transaction already. Of an alert that was reduced to
    figures it is what was counted then.
    """
    head = alert_head(connection, alert_id)
    kept = kept_figures(connection, alert_id)
    if kept is not None:
        texts = _texts(connection, alert_id, Counter(kept.languages))
        return kept.as_report(alert=head, texts=texts, acts=acts(connection, alert_id))
    groups = _delivery_groups(connection, alert_id)
    of_alert = deliveries_of(connection, alert_id, [(row.deliveries, row.first, row.last) for row in groups])
    states: Counter[tuple[Channel, DeliveryState]] = Counter()
    reasons: Counter[tuple[Channel, DeliveryState, str | None]] = Counter()
    languages: Counter[str] = Counter()
    for row in groups:
        states[row.channel, row.state] += row.deliveries
        languages[row.language] += row.deliveries
        if row.state in _NEEDS_A_REASON:
            reasons[row.channel, row.state, row.code] += row.deliveries
    unreachable, decisions = _decisions(connection, alert_id)
    stale, unverified = _doubtful(connection, of_alert)
    return Report(
        classes=classes or class_counts(connection, alert_id),
        alert=head,
        states=tuple(StateCount(*key, states[key]) for key in sorted(states, key=_channel_then_state)),
        times=channel_times(connection, alert_id, head.confirmed_at),
        reasons=tuple(
            ReasonCount(channel, state, code, delivery_reason(state, code), count)
            for (channel, state, code), count in sorted(
                reasons.items(), key=lambda item: (-item[1], item[0][0], item[0][1], item[0][2] or "")
            )
        ),
        unreachable=unreachable,
        decisions=decisions,
        unknown=sum(count for (_, state), count in states.items() if state is DeliveryState.UNKNOWN),
        long_unknown=long_unknown(connection, alert_id),
        email_repeats=sum(row.repeats for row in groups if row.channel is Channel.EMAIL),
        refused_moves=_refused_moves(connection, of_alert),
        attempts=_attempts(connection, of_alert),
        stale=stale,
        unverified=unverified,
        texts=_texts(connection, alert_id, languages),
        acts=acts(connection, alert_id),
        unmatched_answers=unmatched_answers(connection, alert_id),
        confirmed_by_answer=confirmed_messages(connection, alert_id),
        reached_by_telephone=_reached_by_telephone(connection, alert_id),
    )


def alert_head(connection: Connection, alert_id: int) -> AlertHead:
    """The facts of the alert's own row. The alert must have been confirmed: a preview has no report."""
    row = connection.execute(select(ALERT).where(ALERT.c.id == alert_id)).one()
    refers_to, followed_by = neighbours(connection, [row])[alert_id]
    return AlertHead(
        number=row.number,
        status=row.status,
        msg_type=row.msg_type,
        scenario=row.scenario,
        severity=row.severity,
        school_names=row.school_names,
        state=row.state,
        operator=row.operator,
        sms=row.sms,
        email=row.email,
        include_unverified=row.include_unverified,
        students=row.student_count,
        planned_students=min(row.cursor, row.student_count),
        created_at=row.created_at,
        confirmed_at=row.confirmed_at,
        hold_until=row.hold_until,
        planned_at=row.planned_at,
        expires_at=row.expires_at,
        ended_at=row.ended_at,
        ended_by=row.ended_by,
        response_type=row.response_type,
        refers_to=refers_to,
        followed_by=followed_by,
    )


def long_unknown(connection: Connection, alert_id: int) -> int:
    """Deliveries that are unknown, and whose attempt began more than a minute ago."""
    return connection.execute(
        select(func.count())
        .select_from(DELIVERY)
        .where(
            DELIVERY.c.alert_id == alert_id,
            DELIVERY.c.state == DeliveryState.UNKNOWN,
            func.coalesce(DELIVERY.c.claimed_at, DELIVERY.c.due_at) <= plus_seconds(db_now(), -LONG_UNKNOWN_SECONDS),
        )
    ).scalar_one()


_NEEDS_A_REASON = frozenset(
    {
        DeliveryState.DEFERRED,
        DeliveryState.UNKNOWN,
        DeliveryState.UNDELIVERED,
        DeliveryState.REJECTED,
        DeliveryState.EXPIRED,
        DeliveryState.CANCELLED,
    }
)
_CHANNELS = list(Channel)
_STATES = list(DeliveryState)


def _channel_then_state(key: tuple[Channel, DeliveryState]) -> tuple[int, int]:
    return _CHANNELS.index(key[0]), _STATES.index(key[1])


def _delivery_groups(connection: Connection, alert_id: int):  # type: ignore[no-untyped-def]
    """The one pass over the alert's deliveries; a few dozen groups, however many there are."""
    keys = (DELIVERY.c.channel, DELIVERY.c.state, DELIVERY.c.code, DELIVERY.c.language)
    return connection.execute(
        select(
            *keys,
            func.count().label("deliveries"),
            func.sum(DELIVERY.c.repeats).label("repeats"),
            func.min(DELIVERY.c.id).label("first"),
            func.max(DELIVERY.c.id).label("last"),
        )
        .where(DELIVERY.c.alert_id == alert_id)
        .group_by(*keys)
    ).all()


def _decisions(connection: Connection, alert_id: int) -> tuple[tuple[UnreachableCount, ...], tuple[DecisionCount, ...]]:
    of_alert = (DECISION.c.alert_id == alert_id, DECISION.c.superseded.is_(False))
    unreachable = connection.execute(
        select(DECISION.c.unreachable, func.count(DECISION.c.guardian_id.distinct()).label("guardians"))
        .where(*of_alert, DECISION.c.unreachable.is_not(None))
        .group_by(DECISION.c.unreachable)
    )
    keys = (DECISION.c.verdict, DECISION.c.reason)
    counts = connection.execute(select(*keys, func.count().label("decisions")).where(*of_alert).group_by(*keys)).all()
    return (
        tuple(
            sorted(
                (
                    UnreachableCount(row.unreachable, unreachable_reason(row.unreachable), row.guardians)
                    for row in unreachable
                ),
                key=lambda found: (-found.guardians, found.code),
            )
        ),
        tuple(
            DecisionCount(row.verdict, row.reason, row.decisions)
            for row in sorted(counts, key=lambda row: (list(Verdict).index(row.verdict), -row.decisions, row.reason))
        ),
    )


def _reached_by_telephone(connection: Connection, alert_id: int) -> int:
    statement = select(func.count(MARK.c.student_id.distinct())).where(in_force(alert_id))
    return connection.execute(statement).scalar_one()


def _refused_moves(connection: Connection, of_alert: Condition) -> int:
    statement = select(func.count()).select_from(EVENT).where(EVENT.c.refused, of_alert(EVENT.c.delivery_id))
    return connection.execute(statement).scalar_one()


def _attempts(connection: Connection, of_alert: Condition) -> tuple[AttemptCount, ...]:
    rows = connection.execute(
        select(ATTEMPT.c.outcome, func.count().label("attempts"))
        .where(of_alert(ATTEMPT.c.delivery_id))
        .group_by(ATTEMPT.c.outcome)
    )
    counts = {row.outcome: row.attempts for row in rows}
    return tuple(AttemptCount(outcome, counts[outcome]) for outcome in AttemptOutcome if outcome in counts)


def _doubtful(connection: Connection, of_alert: Condition) -> tuple[int, int]:
    """Deliveries that rest on a stale and on an unverified contact point of somebody they are still meant for."""
    either = (
        select(
            func.max(case((RECIPIENT.c.stale, 1), else_=0)).label("stale"),
            func.max(case((RECIPIENT.c.unverified, 1), else_=0)).label("unverified"),
        )
        .where(
            of_alert(RECIPIENT.c.delivery_id),
            or_(RECIPIENT.c.stale, RECIPIENT.c.unverified),
            RECIPIENT.c.unlinked_at.is_(None),
        )
        .group_by(RECIPIENT.c.delivery_id)
        .subquery("either")
    )
    stale, unverified = connection.execute(select(func.sum(either.c.stale), func.sum(either.c.unverified))).one()
    return stale or 0, unverified or 0


_LANGUAGES = ("nb", "nn", "se", "en")


def _texts(connection: Connection, alert_id: int, languages: Counter[str]) -> tuple[Text, ...]:
    rows = connection.execute(select(ALERT_TEXT).where(ALERT_TEXT.c.alert_id == alert_id))
    texts = [
        Text(row.language, row.sms, row.subject, row.email, row.encoding, row.segments, languages.get(row.language, 0))
        for row in rows
    ]
    return tuple(sorted(texts, key=lambda text: _LANGUAGES.index(text.language)))
