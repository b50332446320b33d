"""One mail as a connection sees it: the commands of its envelope, its text, and how it ended."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from typing import Protocol

from providers.base import Outcome


class Carrier(Protocol):
    """The connection that a mail is on."""

    def given_up(self) -> None:
        """The sender of a mail on this connection no longer waits for its outcome."""
        ...


@dataclass(slots=True, eq=False, repr=False)
class OutgoingMail:
    """A mail on its way through the pool. Holds an address, and so shows nothing of itself.

    `envelope`: MAIL, RCPT and DATA, a line each. `head` and `text`: what follows the server's 354, dots doubled, with
    the final dot. `reference`: its Message-ID. `smtputf8`: it needs a server that takes letters outside ASCII.
    `wait_until`: when it must have found a connection; `end_by`: when its outcome must be known (the loop's time).
    """

    envelope: bytes
    head: bytes
    text: bytes
    reference: str
    smtputf8: bool
    wait_until: float
    end_by: float
    ended: asyncio.Future[Outcome]
    carrier: Carrier | None = field(default=None)

    def settle(self, outcome: Outcome) -> None:
        """The first word counts: a refusal is not changed by what the server says afterwards."""
        if not self.ended.done():
            self.ended.set_result(outcome)

    @property
    def over(self) -> bool:
        """Its outcome is known, or nobody waits for it any more: its text must not leave."""
        return self.ended.done()
