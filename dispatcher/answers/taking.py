"""An SMS that came in: kept once, and done at once what it asks for."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final

from sqlalchemy import ColumnElement, Connection, select

from config.clock import db_now, plus_seconds
from contacts.address_acts import start_answered, stop_answered
from contacts.addresses import mask_phone
from contacts.codes import AddressChannel
from contacts.tables import ADDRESS
from dispatcher.answers.words import read_answer
from dispatcher.codes import AnswerKind, DeliveryState, MoveSource
from dispatcher.outbox.addresses import note_ends
from dispatcher.outbox.move_statements import Move
from dispatcher.outbox.moves import apply_moves
from dispatcher.outbox.record import upsert
from dispatcher.outbox.transitions import DUE
from dispatcher.tables import ALERT, ANSWER, DELIVERY, AnyRow
from providers.base import Channel

# What comes in so long after an alert is not an answer to it any more.
ANSWERED_WITHIN_SECONDS: Final = 24 * 3600.0
# The code of a delivery that is known to have arrived because it was answered.
ANSWERED: Final = "answered"
# The messages that certainly did not reach anybody.
_NEVER_LEFT = (DeliveryState.REJECTED, DeliveryState.EXPIRED, DeliveryState.CANCELLED)


@dataclass(frozen=True, slots=True)
class Inbound:
    """An SMS as the provider tells of it. `number`: who sent it, in E.164 form; `opt_out_type`: see `read_answer`."""

    reference: str
    number: str = field(repr=False)
    body: str = field(repr=False)
    opt_out_type: str = ""


@dataclass(frozen=True, slots=True)
class Reply:
    """What to tell the sender. `phrase`: its name in the catalogue. `language`, `school`: of the last message that an
    alert sent there; None when there was none."""

    phrase: str
    language: str | None
    school: str | None


_PHRASES: Final = {AnswerKind.STOP: "answered_stop", AnswerKind.HELP: "answered_help"}


def take_answer(connection: Connection, provider: str, inbound: Inbound) -> Reply | None:
    """Keep the SMS and do what it asks for, in the caller's transaction; the reply, where one is due.

    STOP and START are recorded as acts of `provider`. A confirmation counts for the newest alert of the last day that
    asked for one, and for everybody whom that message was meant for. The same SMS told of again changes nothing, and
    neither it nor a number that nobody in the store has is replied to.
    """
    reading = read_answer(inbound.body, inbound.opt_out_type)
    kind = reading.kind
    address_id = connection.scalars(
        select(ADDRESS.c.id).where(ADDRESS.c.channel == AddressChannel.SMS, ADDRESS.c.value == inbound.number)
    ).one_or_none()
    last = None if address_id is None else _last_message(connection, address_id)
    answers = last if last is not None and last.lately else None
    if kind is AnswerKind.CONFIRMATION:
        asked = None if address_id is None else _last_message(connection, address_id, ALERT.c.ask_confirmation)
        if asked is not None and asked.lately:
            answers = asked
        else:
            kind = AnswerKind.OTHER
    statement = upsert(connection.dialect.name, ANSWER).on_conflict_do_nothing(index_elements=["provider", "reference"])
    kept = connection.execute(
        statement.returning(ANSWER.c.id),
        {
            "provider": provider,
            "reference": inbound.reference,
            "kind": kind,
            "address_id": address_id,
            "masked": mask_phone(inbound.number) if address_id is None else None,
            "alert_id": answers.alert_id if answers is not None else None,
            "delivery_id": answers.id if answers is not None else None,
            "text": "" if kind is AnswerKind.CONFIRMATION else reading.text,
        },
    ).first()
    if kept is None or address_id is None:
        return None
    if kind is AnswerKind.CONFIRMATION and answers is not None:
        _has_arrived(connection, answers)
    elif kind is AnswerKind.STOP:
        stop_answered(connection, address_id, operator=provider)
    elif kind is AnswerKind.START:
        start_answered(connection, address_id, operator=provider)
    if reading.provider_answers or kind not in _PHRASES:
        return None
    return Reply(_PHRASES[kind], last.language if last else None, last.school_names if last else None)


def _has_arrived(connection: Connection, message: AnyRow) -> None:
    """What was confirmed has arrived, also where we did not know whether it had left: it must not leave again."""
    if message.state in (DeliveryState.UNKNOWN, *DUE):
        move = Move(message.id, DeliveryState.DELIVERED, code=ANSWERED)
        moved = apply_moves(connection, [move], MoveSource.RECEIPT)
        note_ends(connection, moved, {})


def _last_message(connection: Connection, address_id: int, *more: ColumnElement[bool]) -> AnyRow | None:
    """The newest SMS of an alert that may have reached the number. `lately`: it can be what is answered."""
    lately = ALERT.c.confirmed_at > plus_seconds(db_now(), -ANSWERED_WITHIN_SECONDS)
    return connection.execute(
        select(
            DELIVERY.c.id,
            DELIVERY.c.alert_id,
            DELIVERY.c.language,
            DELIVERY.c.state,
            ALERT.c.school_names,
            lately.label("lately"),
        )
        .join(ALERT, ALERT.c.id == DELIVERY.c.alert_id)
        .where(
            DELIVERY.c.address_id == address_id,
            DELIVERY.c.channel == Channel.SMS,
            DELIVERY.c.attempt > 0,
            DELIVERY.c.state.not_in(_NEVER_LEFT),
            *more,
        )
        .order_by(ALERT.c.confirmed_at.desc(), DELIVERY.c.id.desc())
        .limit(1)
    ).first()
