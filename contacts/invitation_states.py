"""The life of an invitation (pure): which event leads from which state to which, and nothing else does.

made     → entered    somebody logged in, and entered the code
made     → revoked    the student took it back
made     → expired    nobody entered it in time
entered  → confirmed  the student, or the school on paper, says that it is the right one
entered  → refused    the student says that it is not
entered  → revoked    the student took it back, without having looked
entered  → expired    nobody answered in time
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from enum import StrEnum
from types import MappingProxyType
from typing import Final

from contacts.codes import InvitationState


class Event(StrEnum):
    """What can happen to an invitation."""

    ENTER = "enter"
    CONFIRM = "confirm"
    REFUSE = "refuse"
    REVOKE = "revoke"
    EXPIRE = "expire"


MOVES: Final[Mapping[tuple[InvitationState, Event], InvitationState]] = MappingProxyType(
    {
        (InvitationState.MADE, Event.ENTER): InvitationState.ENTERED,
        (InvitationState.MADE, Event.REVOKE): InvitationState.REVOKED,
        (InvitationState.MADE, Event.EXPIRE): InvitationState.EXPIRED,
        (InvitationState.ENTERED, Event.CONFIRM): InvitationState.CONFIRMED,
        (InvitationState.ENTERED, Event.REFUSE): InvitationState.REFUSED,
        (InvitationState.ENTERED, Event.REVOKE): InvitationState.REVOKED,
        (InvitationState.ENTERED, Event.EXPIRE): InvitationState.EXPIRED,
    }
)
# What still waits for somebody.
OPEN: Final = frozenset(state for state, _event in MOVES)


def possible_from(event: Event) -> tuple[InvitationState, ...]:
    """The states in which the event does something: for the WHERE of the update that makes the move."""
    return tuple(state for state, one in MOVES if one is event)


def leads_to(event: Event) -> InvitationState:
    """The one state to which the event leads, wherever it happens."""
    (state,) = {to for (_from, one), to in MOVES.items() if one is event}
    return state


def standing_at(state: InvitationState, expires_at: datetime, now: datetime) -> InvitationState:
    """The state as it counts: an open invitation whose time is over has expired, written down or not."""
    return InvitationState.EXPIRED if state in OPEN and expires_at <= now else state
