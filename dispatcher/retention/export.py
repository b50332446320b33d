"""`contacts export`: everything that is held of one person, as a document for that person (GDPR art. 15)."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from datetime import date
from typing import Any

from sqlalchemy import Connection, String, cast, or_, select

from config.audit import AuditEntry
from config.keys import Keys
from config.tables import core_table
from contacts.forgetting import rows_about
from contacts.holdings import CONTACT_HOLDINGS, Holding
from contacts.people import FoundPerson, guardian_ref, person_subject, student_ref
from contacts.tables import CHALLENGE, CODE_TRY, CONTACT_POINT, IDENTIFIER, PERSON
from dispatcher.codes import DeliveryState
from dispatcher.outbox.messages import alert_words
from dispatcher.retention.showing import NOT_NAMED, Eyes
from dispatcher.tables import (
    ALERT,
    ALERT_STUDENT,
    ANSWER,
    ATTEMPT,
    CHAIN,
    DECISION,
    DELIVERY,
    EVENT,
    MARK,
    NOTICE,
    RECEIPT,
    RECIPIENT,
    AnyRow,
)
from providers.base import Channel
from providers.spoken import spoken_language

_AUDIT = core_table(AuditEntry)
# What the person has read, or may have.
_HANDED_OVER = (
    DeliveryState.ACCEPTED,
    DeliveryState.DELIVERED,
    DeliveryState.UNDELIVERED,
    DeliveryState.UNKNOWN,
)
PARTS = [one for one in CONTACT_HOLDINGS if one.persons]


def section(holding: Holding) -> str:
    """The name of a table's part of the export."""
    return holding.kind.replace(" ", "_")


def export(connection: Connection, keys: Keys, person: FoundPerson, today: date) -> dict[str, Any]:
    """The document. `connection` reads one snapshot. Raises BeredskapError when a number cannot be decrypted.

    `withheld`: how many alerts are left out, because the person may not know of whom they speak (art. 15(4)).
    """
    eyes = Eyes(connection, keys, person, today)
    document: dict[str, Any] = {"person": person.label, "on": today}
    for holding in PARTS:
        rows = connection.execute(select(holding.table).where(rows_about(holding, [person.id])))
        document[section(holding)] = [eyes.row(holding, row) for row in rows]
    codes = select(CHALLENGE).join(CONTACT_POINT, CONTACT_POINT.c.id == CHALLENGE.c.contact_point_id)
    document["verification_codes"] = [
        {
            "created_at": row.created_at,
            "expires_at": row.expires_at,
            "tries": row.tries,
            "confirmed_at": row.confirmed_at,
        }
        for row in connection.execute(codes.where(CONTACT_POINT.c.person_id == person.id))
    ]
    numbers = select(IDENTIFIER.c.lookup).where(
        IDENTIFIER.c.person_id == person.id, IDENTIFIER.c.ciphertext.is_not(None)
    )
    tries = connection.execute(select(CODE_TRY).where(CODE_TRY.c.lookup.in_(numbers)))
    document["tries_of_codes"] = [{"began_at": row.began_at, "tries": row.tries} for row in tries]
    document["alerts"], document["withheld"] = _alerts(eyes)
    document["routine_messages"] = _notices(eyes)
    document["answers"] = _answers(eyes)
    document["acts"] = _acts(connection, person)
    return document


def _alerts(eyes: Eyes) -> tuple[list[dict[str, Any]], int]:
    connection, me = eyes.connection, eyes.person.id
    decisions: dict[int, list[AnyRow]] = defaultdict(list)
    about_me = or_(DECISION.c.student_id == me, DECISION.c.guardian_id == me)
    for row in connection.execute(select(DECISION).where(about_me).order_by(DECISION.c.id)):
        decisions[row.alert_id].append(row)
    messages: dict[int, list[AnyRow]] = defaultdict(list)
    for row in _messages(connection, me):
        messages[row.alert_id].append(row)
    marks = _marks(connection, me)
    listed = connection.scalars(select(ALERT_STUDENT.c.alert_id).where(ALERT_STUDENT.c.student_id == me))
    shown: list[dict[str, Any]] = []
    withheld = 0
    for alert_id in sorted({*listed, *decisions, *messages, *marks}):
        alert = connection.execute(select(ALERT).where(ALERT.c.id == alert_id)).one()
        about = [*decisions[alert_id], *marks[alert_id]]
        may_see = [one for one in about if one.student_id in eyes.known]
        # Of a student who is not named, that there was an alert tells where they go to school.
        if about and not may_see:
            withheld += 1
            continue
        shown.append(
            {
                "number": alert.number,
                "status": alert.status,
                "scenario": alert.scenario,
                "schools": alert.school_names if len(may_see) == len(about) else NOT_NAMED,
                "sent_at": alert.confirmed_at,
                "decisions": [_decision(eyes, one) for one in decisions[alert_id] if one.student_id in eyes.known],
                "messages": _sent(eyes, [one for one in messages[alert_id] if one.student_id in eyes.known]),
                "marks": [_mark(eyes, one) for one in marks[alert_id] if one.student_id in eyes.known],
                **_chain(connection, alert_id, me),
            }
        )
    return shown, withheld


def _chain(connection: Connection, alert_id: int, me: int) -> dict[str, Any]:
    """How far the steps went for a guardian who was not known to have been told; nothing for an alert without any."""
    of = (CHAIN.c.alert_id == alert_id, CHAIN.c.guardian_id == me)
    row = connection.execute(select(CHAIN.c.taken, CHAIN.c.ended).where(*of)).first()
    return {} if row is None else {"fallback": {"taken": row.taken, "ended": row.ended}}


def _marks(connection: Connection, me: int) -> dict[int, list[AnyRow]]:
    found: dict[int, list[AnyRow]] = defaultdict(list)
    about_me = or_(MARK.c.student_id == me, MARK.c.guardian_id == me)
    for row in connection.execute(select(MARK).where(about_me).order_by(MARK.c.id)):
        found[row.alert_id].append(row)
    return found


def _mark(eyes: Eyes, row: AnyRow) -> dict[str, Any]:
    """Who was reached by telephone; not which of the staff did it. No words about somebody who is not named."""
    me = eyes.person.id
    of_somebody = row.guardian_id is None or row.guardian_id in eyes.known
    return {
        "about": "yourself" if row.student_id == me else eyes.name(row.student_id),
        "reached": "yourself" if row.guardian_id == me else row.guardian_id and eyes.name(row.guardian_id),
        "marked_at": row.marked_at,
        "note": row.note if of_somebody else None,
        "taken_back_at": row.taken_back_at,
    }


def _decision(eyes: Eyes, row: AnyRow) -> dict[str, Any]:
    me = eyes.person.id
    return {
        "student": "yourself" if row.student_id == me else eyes.name(row.student_id),
        "guardian": "yourself" if row.guardian_id == me else row.guardian_id and eyes.name(row.guardian_id),
        "verdict": row.verdict,
        "reason": row.reason,
        "unreachable": row.unreachable,
        "decided_on": row.decided_on,
        "superseded": row.superseded,
    }


def _messages(connection: Connection, me: int) -> Iterable[AnyRow]:
    meant = or_(RECIPIENT.c.student_id == me, RECIPIENT.c.guardian_id == me)
    links = (RECIPIENT.c.student_id, RECIPIENT.c.guardian_id, RECIPIENT.c.stale, RECIPIENT.c.unverified)
    return connection.execute(
        select(DELIVERY, *links, RECIPIENT.c.unlinked_at)
        .join(RECIPIENT, RECIPIENT.c.delivery_id == DELIVERY.c.id)
        .where(meant)
        .order_by(DELIVERY.c.id)
    ).all()


def _sent(eyes: Eyes, rows: Sequence[AnyRow]) -> list[dict[str, Any]]:
    sent = []
    for row in rows:
        mine = row.guardian_id == eyes.person.id
        sent.append(
            {
                "to": "yourself" if mine else eyes.name(row.guardian_id),
                "about": "yourself" if row.student_id == eyes.person.id else eyes.name(row.student_id),
                "no_longer_meant_since": row.unlinked_at,
                "not_confirmed_lately": row.stale,
                "not_verified": row.unverified,
                **_message(eyes, row, mine=mine),
            }
        )
    return sent


def _message(eyes: Eyes, row: AnyRow, *, mine: bool) -> dict[str, Any]:
    connection = eyes.connection
    of = {table: table.c.delivery_id == row.id for table in (ATTEMPT, EVENT, RECEIPT)}
    attempts = connection.execute(select(ATTEMPT).where(of[ATTEMPT]).order_by(ATTEMPT.c.number))
    moves = connection.execute(select(EVENT).where(of[EVENT]).order_by(EVENT.c.id))
    receipts = connection.execute(select(RECEIPT).where(of[RECEIPT]).order_by(RECEIPT.c.id))
    message: dict[str, Any] = {
        "channel": row.channel,
        "address": eyes.address(row.address_id) if mine else None,
        "language": row.language,
        "text": _text(connection, row),
        "state": row.state,
        "code": row.code,
        "accepted_at": row.accepted_at,
        "finished_at": row.finished_at,
        "attempts": [
            {
                "provider": one.provider,
                "reference": one.reference if mine else None,
                "began_at": one.began_at,
                "ended_at": one.ended_at,
                "outcome": one.outcome,
                "code": one.code,
            }
            for one in attempts
        ],
        "moves": [{"at": one.at, "to": one.to_state, "code": one.code, "refused": one.refused} for one in moves],
        "receipts": [{"at": one.received_at, "status": one.status, "code": one.code} for one in receipts],
    }
    return message


def _text(connection: Connection, row: AnyRow) -> str | None:
    if row.alert_id is None or row.state not in _HANDED_OVER:
        return None
    language = spoken_language(row.language) if row.channel is Channel.VOICE else row.language
    try:
        words = alert_words(connection, row.alert_id, language)
    except LookupError:
        return None
    return {Channel.SMS: words.sms, Channel.EMAIL: words.email, Channel.VOICE: words.spoken}[row.channel]


def _notices(eyes: Eyes) -> list[dict[str, Any]]:
    connection = eyes.connection
    shown = []
    for notice in connection.execute(select(NOTICE).where(NOTICE.c.person_id == eyes.person.id).order_by(NOTICE.c.id)):
        sent = connection.execute(select(DELIVERY).where(DELIVERY.c.notice_id == notice.id).order_by(DELIVERY.c.id))
        messages = [_message(eyes, row, mine=True) for row in sent]
        shown.append({"kind": notice.kind, "created_at": notice.created_at, "messages": messages})
    return shown


def _answers(eyes: Eyes) -> list[dict[str, Any]]:
    """What came in from the person's numbers. No words where somebody else has the number: they may be theirs."""
    connection = eyes.connection
    points = select(CONTACT_POINT.c.address_id).where(
        CONTACT_POINT.c.address_id.in_(eyes.own), CONTACT_POINT.c.person_id != eyes.person.id
    )
    shared = set(connection.scalars(points))
    rows = connection.execute(select(ANSWER).where(ANSWER.c.address_id.in_(eyes.own)).order_by(ANSWER.c.id))
    return [
        {
            "at": row.received_at,
            "from": eyes.address(row.address_id),
            "kind": row.kind,
            "text": None if row.address_id in shared else row.text,
            "provider": row.provider,
            "reference": row.reference,
        }
        for row in rows
    ]


def _acts(connection: Connection, person: FoundPerson) -> list[dict[str, Any]]:
    """What the audit log says of the person; not who of the staff it was, nor another person's ref."""
    # Whoever is both a student and a guardian goes by two refs, and whoever got a ref later than the store knew them.
    made = student_ref(person.id, None)
    refs = {person.label, guardian_ref(person.id)}
    subjects = [person_subject(person), f"guardian {guardian_ref(person.id)}"]
    if connection.execute(select(PERSON.c.id).where(PERSON.c.ref == made)).first() is None:
        refs.add(made)
        subjects.append(f"student {made}")
    details = cast(_AUDIT.c.details, String)
    mentioned = (details.contains(f'"{ref}"', autoescape=True) for ref in sorted(refs))
    entries = connection.execute(
        select(_AUDIT.c.at, _AUDIT.c.act, _AUDIT.c.details)
        .where(or_(_AUDIT.c.subject.in_(subjects), *mentioned))
        .order_by(_AUDIT.c.id)
    )
    return [
        {
            "at": row.at,
            "act": row.act,
            "details": {
                name: value
                for name, value in row.details.items()
                if name not in ("student", "guardian") or value in refs
            },
        }
        for row in entries
    ]
