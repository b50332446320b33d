"""What a follow-up owes to what went before it: whom that has told, and what must be awaited (pure)."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum

from config.catalogue import MsgType, ResponseType
from dispatcher.codes import DeliveryState

S = DeliveryState

# Codes of cancelled messages: a follow-up took its place; nobody whom it was meant for had been told what it is about.
REPLACED = "replaced"
NEVER_TOLD = "never_told"
# From its last attempt on, an earlier message of unknown fate is waited for so long, and no longer: silence about the
# end of a danger is worse than two messages that may come in the wrong order.
UNKNOWN_SECONDS = 60.0

_LEFT = frozenset({S.SENDING, S.ACCEPTED, S.UNKNOWN, S.DELIVERED, S.UNDELIVERED})
_NOT_LEFT = frozenset({S.QUEUED, S.DEFERRED})


class Kind(StrEnum):
    """What a follow-up says of what it refers to: news, that it is over, or that it should not have been sent."""

    UPDATE = "update"
    ALL_CLEAR = "all_clear"
    CANCEL = "cancel"

    @property
    def msg_type(self) -> MsgType:
        return MsgType.CANCEL if self is Kind.CANCEL else MsgType.UPDATE

    @property
    def response_type(self) -> ResponseType | None:
        return ResponseType.ALL_CLEAR if self is Kind.ALL_CLEAR else None

    @property
    def ends_it(self) -> bool:
        """Whether it means something to those alone who were told: it goes to no other, and to all of them."""
        return self is not Kind.UPDATE


def kind_of(msg_type: MsgType, response_type: str | None) -> Kind:
    """The kind of an alert that refers to another."""
    if msg_type is MsgType.CANCEL:
        return Kind.CANCEL
    return Kind.ALL_CLEAR if response_type == ResponseType.ALL_CLEAR else Kind.UPDATE


def may_have_told(state: DeliveryState, repeats: int) -> bool:
    """Whether somebody may have read a message in this state. One that the provider had, and says was not delivered,
    may have been; so may an e-mail of unknown fate that was to be repeated (`repeats`), whatever became of that."""
    return state in _LEFT or repeats > 0


def gives_way(state: DeliveryState, code: str | None, *, replaced: bool) -> bool:
    """Whether a message has not left because a follow-up came: then an update goes to those whom it was meant for.

    `replaced`: a follow-up has stopped its alert; not so one that an operator stopped, who wanted nobody to get it.
    """
    return replaced and (state in _NOT_LEFT or (state is S.CANCELLED and code == REPLACED))


@dataclass(frozen=True, slots=True)
class Before:
    """An earlier message to somebody whom a follow-up is meant for. `age`: seconds since its last attempt began."""

    state: DeliveryState
    repeats: int
    age: float


class Step(StrEnum):
    """What becomes of a follow-up that is due, for one of those whom it is meant for."""

    GO = "go"
    WAIT = "wait"
    NEVER_TOLD = "never_told"


def next_step(before: Iterable[Before], kind: Kind) -> Step:
    """Whether a follow-up may leave, given all earlier messages to the same person.

    The alerts that it follows send no more: what is queued or deferred of them will be cancelled, and is not waited
    for. What is being sent ends within its lease, and what is unknown is waited for a minute at most.
    """
    known = list(before)
    if any(one.state is S.SENDING or (one.state is S.UNKNOWN and one.age < UNKNOWN_SECONDS) for one in known):
        return Step.WAIT
    if kind.ends_it and not any(may_have_told(one.state, one.repeats) for one in known):
        return Step.NEVER_TOLD
    return Step.GO
