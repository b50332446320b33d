"""A key that somebody pressed in a call: 2 confirms it, as 1 does in answer to an SMS; any other is answered with the
message once more.
"""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import Connection, select

from dispatcher.codes import AnswerKind
from dispatcher.outbox.messages import alert_words
from dispatcher.outbox.receipts import Arrived, take_receipts
from dispatcher.outbox.record import upsert
from dispatcher.tables import ANSWER, DELIVERY, AnyRow
from providers.base import Channel, Receipt, ReceiptStatus
from providers.spoken import CONFIRMS, spoken_language


@dataclass(frozen=True, slots=True)
class Pressed:
    """A key as the provider tells of it. `reference`: what it calls the call; the delivery is that of the address that
    was told."""

    reference: str
    delivery_id: int
    attempt: int
    key: str


@dataclass(frozen=True, slots=True)
class Said:
    """What the call goes on with. `text`: the message, to be said once more; None: it is confirmed."""

    language: str
    text: str | None


def take_key(connection: Connection, provider: str, pressed: Pressed) -> Said | None:
    """Do what the key asks for, in the caller's transaction, and say what follows. None: there is no such call.

    A confirmation counts for everybody whom that message was meant for, whatever the provider says of the call.
    """
    call = connection.execute(
        select(DELIVERY).where(
            DELIVERY.c.id == pressed.delivery_id,
            DELIVERY.c.channel == Channel.VOICE,
            DELIVERY.c.attempt >= pressed.attempt,
        )
    ).one_or_none()
    if call is None or call.alert_id is None:
        return None
    if pressed.key == CONFIRMS:
        _confirm(connection, provider, pressed, call)
        return Said(call.language, None)
    return Said(call.language, alert_words(connection, call.alert_id, spoken_language(call.language)).spoken)


def _confirm(connection: Connection, provider: str, pressed: Pressed, call: AnyRow) -> None:
    """Keep it once, however often the provider tells of it. It proves that the message has arrived, as a receipt does:
    also before our own record says that the provider has it."""
    statement = upsert(connection.dialect.name, ANSWER).on_conflict_do_nothing(index_elements=["provider", "reference"])
    connection.execute(
        statement,
        {
            "provider": provider,
            "reference": pressed.reference,
            "kind": AnswerKind.CONFIRMATION,
            "address_id": call.address_id,
            "alert_id": call.alert_id,
            "delivery_id": call.id,
            "text": "",
        },
    )
    receipt = Receipt(pressed.reference, ReceiptStatus.DELIVERED)
    take_receipts(connection, provider, [Arrived(receipt, pressed.delivery_id, pressed.attempt)])
