"""Which moves of a delivery are allowed: one table, which every UPDATE's WHERE clause is made from.

Pure. The table is the design's; anything that is not in it changes nothing and is counted as a refused event.
"""

from __future__ import annotations

from dataclasses import dataclass

from dispatcher.codes import AttemptOutcome, DeliveryState
from providers.base import Accepted, Deferred, Outcome, ReceiptStatus, Rejected

S = DeliveryState

# final: nothing can follow, whoever says it and however late
FINAL = frozenset({S.DELIVERED, S.UNDELIVERED, S.REJECTED, S.EXPIRED, S.CANCELLED})
# the provider once said that it had the message
PROVES_ACCEPTANCE = frozenset({S.ACCEPTED, S.DELIVERED, S.UNDELIVERED})
DUE = frozenset({S.QUEUED, S.DEFERRED})

_ALLOWED: dict[DeliveryState, frozenset[DeliveryState]] = {
    S.QUEUED: frozenset({S.SENDING, S.EXPIRED, S.CANCELLED, S.ACCEPTED, S.DELIVERED, S.UNDELIVERED}),
    S.DEFERRED: frozenset({S.SENDING, S.EXPIRED, S.CANCELLED, S.ACCEPTED, S.DELIVERED, S.UNDELIVERED}),
    S.SENDING: frozenset({S.ACCEPTED, S.REJECTED, S.DEFERRED, S.UNKNOWN, S.DELIVERED, S.UNDELIVERED}),
    S.UNKNOWN: frozenset({S.ACCEPTED, S.REJECTED, S.DELIVERED, S.UNDELIVERED}),
    S.ACCEPTED: frozenset({S.DELIVERED, S.UNDELIVERED}),
}

# Only by the owner of the claim, and only when nothing was handed over.
_BY_OWNER: dict[DeliveryState, frozenset[DeliveryState]] = {S.SENDING: frozenset({S.QUEUED, S.CANCELLED, S.EXPIRED})}

# Only after completed look-ups that found nothing (SMS), or for the one repeat that e-mail is allowed.
_AFTER_LOOKUP: dict[DeliveryState, frozenset[DeliveryState]] = {S.UNKNOWN: frozenset({S.QUEUED, S.EXPIRED})}


@dataclass(frozen=True, slots=True)
class Proof:
    """What the mover can prove beyond the move itself."""

    owner_never_sent: bool = False
    lookup_found_nothing: bool = False


NO_PROOF = Proof()


def allowed(before: DeliveryState, after: DeliveryState, proof: Proof = NO_PROOF) -> bool:
    """True when a delivery may move from `before` to `after`, given what the mover can prove."""
    return before in sources_of(after, proof)


def sources_of(after: DeliveryState, proof: Proof = NO_PROOF) -> frozenset[DeliveryState]:
    """The states from which `after` may follow; the WHERE clause of every move."""
    tables = [_ALLOWED]
    if proof.owner_never_sent:
        tables.append(_BY_OWNER)
    if proof.lookup_found_nothing:
        tables.append(_AFTER_LOOKUP)
    return frozenset(before for table in tables for before, following in table.items() if after in following)


def state_after(outcome: Outcome) -> DeliveryState:
    """The state in which an attempt's outcome leaves its delivery."""
    match outcome:
        case Accepted():
            return S.ACCEPTED
        case Rejected():
            return S.REJECTED
        case Deferred():
            return S.DEFERRED
        case _:
            return S.UNKNOWN


def attempt_outcome(outcome: Outcome) -> AttemptOutcome:
    """The same, as kept with the attempt."""
    return AttemptOutcome(state_after(outcome).value)


def state_after_receipt(status: ReceiptStatus) -> DeliveryState:
    """The state that a provider's word proves. PENDING proves that the provider has the message."""
    match status:
        case ReceiptStatus.DELIVERED:
            return S.DELIVERED
        case ReceiptStatus.UNDELIVERED:
            return S.UNDELIVERED
        case ReceiptStatus.PENDING:
            return S.ACCEPTED


def retry_delay(deferrals: int, retry_after: float | None, *, first: float, longest: float) -> float:
    """Seconds until a deferred delivery is due again: the provider's own word, else doubled from `first` each time.

    `deferrals` counts the earlier ones, from 0. Never longer than `longest`, never shorter than a second.
    """
    wait = retry_after if retry_after is not None else first * 2.0 ** min(deferrals, 30)
    return max(1.0, min(wait, longest))
