"""What the recorded acts of people on the store have in common: who, what became of it, and the trace they leave."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from sqlalchemy import Connection

from config.audit import record_act
from config.counters import CONTACTS_REVISION, bump


@dataclass(frozen=True, slots=True)
class Act:
    """What became of an act. `changed`: false when what it asks for already held, and nothing was written."""

    changed: bool
    words: str


def entitlement_changed(
    connection: Connection, *, operator: str, act: str, subject: str, details: Mapping[str, object]
) -> None:
    """Record an act that can change who is entitled, and have messages that wait decided again before they leave."""
    bump(connection, CONTACTS_REVISION)
    record_act(connection, operator=operator, act=act, subject=subject, details=details)
