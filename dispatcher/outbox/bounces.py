"""E-mails that came back: a bounce is believed when it quotes one of our messages and names the address it went to.

It moves its delivery as any receipt does, once, and only where the table of transitions lets it.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum

from sqlalchemy import Connection, select

from contacts.addresses import AddressError, parse_email
from contacts.tables import ADDRESS
from dispatcher.outbox.receipts import Arrived, take_receipts
from dispatcher.tables import DELIVERY
from providers.base import Channel, Receipt, ReceiptStatus
from providers.bounces import Bounce, read_bounce
from providers.mime import message_id

_PROVIDER = "smtp"
_LONGEST_REFERENCE = 128


class Told(StrEnum):
    """What became of a mail that may be a bounce."""

    BOUNCED = "bounced"  # the delivery has failed, as we know now
    KNOWN = "known"  # as we knew already
    DELAYED = "delayed"  # the server is still trying: nothing has changed
    FOREIGN = "foreign"  # it is about no message of ours, or about another address: nothing has changed
    NO_BOUNCE = "no_bounce"


def take_bounce(connection: Connection, data: bytes, domain: str) -> Told:
    """Read one mail, and record what it proves, in the caller's transaction. `domain`: that of our Message-IDs."""
    bounce = read_bounce(data)
    if bounce is None:
        return Told.NO_BOUNCE
    delivery_id = _delivery_of(connection, bounce, domain)
    if delivery_id is None:
        # Of a message that is only late, most servers do not quote enough to tell whose it is: it matters to nobody.
        return Told.FOREIGN if bounce.failed else Told.DELAYED
    receipt = Receipt(message_id(delivery_id, domain)[:_LONGEST_REFERENCE], ReceiptStatus.UNDELIVERED, bounce.code)
    new = take_receipts(connection, _PROVIDER, [Arrived(receipt, delivery_id)])
    return Told.BOUNCED if new else Told.KNOWN


def _delivery_of(connection: Connection, bounce: Bounce, domain: str) -> int | None:
    """The delivery that failed: the only one that is quoted, sent by e-mail to one of the addresses that failed."""
    ours = {delivery_id for delivery_id, named in bounce.delivery_ids if named == domain.lower()}
    if len(ours) != 1 or not bounce.failed:
        return None
    row = connection.execute(
        select(DELIVERY.c.id, ADDRESS.c.value)
        .join(ADDRESS, ADDRESS.c.id == DELIVERY.c.address_id)
        .where(DELIVERY.c.id.in_(ours), DELIVERY.c.channel == Channel.EMAIL, DELIVERY.c.attempt > 0)
    ).one_or_none()
    if row is None or row.value not in {_key(address) for address in bounce.failed}:
        return None
    found: int = row.id
    return found


def _key(address: str) -> str:
    """The address as it is stored; "" for what is none."""
    try:
        return parse_email(address).key
    except AddressError:
        return ""


def in_words(counts: Mapping[Told, int]) -> str:
    """How many mails there were, and what became of them: "3 mails: 2 bounced, 1 no bounce"."""
    total = sum(counts.values())
    parts = ", ".join(f"{counts[told]} {_WORDS[told]}" for told in Told if counts.get(told))
    return f"{total} mail{'' if total == 1 else 's'}{f': {parts}' if parts else ''}."


_WORDS = {
    Told.BOUNCED: "bounced",
    Told.KNOWN: "known already",
    Told.DELAYED: "only late",
    Told.FOREIGN: "about no message of ours",
    Told.NO_BOUNCE: "no bounce",
}
