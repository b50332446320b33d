"""One message on its way out, the four ways an attempt to send it can end, and what every provider can do."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Protocol, TypeAlias


class Channel(StrEnum):
    SMS = "sms"
    EMAIL = "email"
    VOICE = "voice"  # a call that reads the message aloud


# What ends a header, or a text in C: in an address or a subject it could forge more of them.
_FORGING = frozenset("\r\n\0")


@dataclass(frozen=True, slots=True)
class Message:
    """One message to one address on one channel. Knows no student and no guardian.

    `delivery_id` and `attempt` come back in the receipt (the callback URL carries them) and make the Message-ID of an
    e-mail: a repeat of the same delivery carries the same Message-ID. `validity_seconds` is how long the provider may
    go on trying: the alert's own remaining life.
    """

    delivery_id: int
    attempt: int
    channel: Channel
    to: str
    body: str
    subject: str = ""
    language: str = "nb"
    validity_seconds: int = 3600
    urgent: bool = True

    def __post_init__(self) -> None:
        if self.channel is Channel.EMAIL and not self.subject:
            raise ValueError("an e-mail needs a subject")
        if not self.body:
            raise ValueError("a message needs a text")
        if not _FORGING.isdisjoint(self.to + self.subject):
            raise ValueError("a line break in an address or subject would forge headers")

    def __repr__(self) -> str:
        # The generated one would put the address and the text into logs and tracebacks.
        return f"Message(delivery_id={self.delivery_id}, attempt={self.attempt}, channel={self.channel.value})"


@dataclass(frozen=True, slots=True)
class Accepted:
    """The provider has the message. `reference` is its own id of it; None: it gives none, and tells no more of it."""

    reference: str | None


@dataclass(frozen=True, slots=True)
class Rejected:
    """The provider will never take it: do not try again. `opted_out`: the owner of the address answered STOP."""

    code: str
    opted_out: bool = False


@dataclass(frozen=True, slots=True)
class Deferred:
    """Certainly not taken: safe to try again, after `retry_after` seconds when the provider named a time."""

    code: str
    retry_after: float | None = None


@dataclass(frozen=True, slots=True)
class Unknown:
    """Sent, and no answer: it may have been taken. Must be looked up before anything is sent again."""

    code: str


Outcome: TypeAlias = Accepted | Rejected | Deferred | Unknown


class ReceiptStatus(StrEnum):
    """What a provider may say later about an accepted message."""

    PENDING = "pending"  # the provider has it, and has not ended with it
    DELIVERED = "delivered"
    UNDELIVERED = "undelivered"


@dataclass(frozen=True, slots=True)
class Receipt:
    """A provider's later word on the message it calls `reference`. `code`: its error code, "" when there is none."""

    reference: str
    status: ReceiptStatus
    code: str = ""


@dataclass(frozen=True, slots=True)
class LookupQuery:
    """One attempt whose fate is unknown: what was sent to whom, and when it began (our clock, not the provider's)."""

    delivery_id: int
    attempt: int
    to: str
    body: str
    began_at: datetime

    def __repr__(self) -> str:
        return f"LookupQuery(delivery_id={self.delivery_id}, attempt={self.attempt})"


class LookupFailed(Exception):  # noqa: N818 (an outcome that the caller must expect, not a fault of the program)
    """The provider could not answer a look-up or a poll: nothing is known. `retry_after`: seconds, when named."""

    def __init__(self, code: str, retry_after: float | None = None) -> None:
        super().__init__(code)
        self.code = code
        self.retry_after = retry_after


class Provider(Protocol):
    """How messages of one channel leave. Used inside one event loop; `close` gives the connections back.

    `send` never raises for what a provider or a network can do: it answers with an Outcome. An exception out of
    `send` is a fault of the program or of the message. It ends within `call_seconds`, short retries included.
    """

    name: str
    channel: Channel
    call_seconds: float
    can_look_up: bool

    async def send(self, message: Message) -> Outcome: ...

    async def look_up(self, queries: list[LookupQuery], taken: frozenset[str]) -> dict[tuple[int, int], Receipt]:
        """What the provider has for these attempts, by (delivery_id, attempt); absent: it has nothing.

        `taken`: references that other attempts hold; they match nothing. Raises LookupFailed when it cannot answer,
        and then nothing may be concluded. Only called when `can_look_up`.
        """
        ...

    async def receipts(self, references: list[str]) -> list[Receipt]:
        """The present status of accepted messages, for receipts that did not come. Raises LookupFailed."""
        ...

    async def check(self) -> None:
        """Prove that the provider answers and knows us, without sending. Raises LookupFailed with the reason."""
        ...

    async def close(self) -> None: ...
