"""Who may do what: the roles of operators, the rights that commands ask for, and how far each reaches (pure).

The one place that decides. Roles keep mistakes and curiosity out, not somebody who has the database's password or the
key file: see docs/security.md.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from enum import IntEnum, StrEnum
from types import MappingProxyType
from typing import Final


class Role(StrEnum):
    """What the settings give to an operator; one operator may have several."""

    SCHOOL_LEADER = "school_leader"
    COUNTY_LEADER = "county_leader"
    CONTACT_CLERK = "contact_clerk"
    AUDITOR = "auditor"


class Standing(StrEnum):
    """What somebody is without being given it. KEEPER: owns the settings file, and so decides over roles anyway."""

    ANYBODY = "anybody"
    KEEPER = "keeper"


class Right(StrEnum):
    """What a command needs its operator to have, as it declares itself."""

    # What keeps the installation going, or tells whether it is well, and shows no person. The processes that send,
    # look up and take receipts are no operators: they carry out what an operator has confirmed.
    RUN = "run"
    SEND = "send"
    STEER = "steer"  # stop an alert, send again what failed, mark whom somebody has reached by telephone
    SEE_ALERTS = "see_alerts"
    SEE_CONTACTS = "see_contacts"
    RELEASE = "release"  # a protected student, and the taking back
    CHANGE_CONTACTS = "change_contacts"
    REMIND = "remind"  # guardians, of what is missing of them
    IMPORT = "import"
    SEE_LOG = "see_log"  # the audit log, and who the operators are
    HAND_OUT = "hand_out"  # operators' tokens


class Reach(IntEnum):
    """How far a role has a right; the later one includes the earlier."""

    NOTHING = 0
    THEIR_ALERTS = 1  # those that they sent themselves
    THEIR_SCHOOLS = 2
    EVERYTHING = 3


_NO, _SENT, _OWN, _ALL = Reach

# Whoever has sent an alert may see it through, whatever became of their role since, and if they broke the glass for it.
_ROWS: Final[Mapping[Role | Standing, tuple[Reach, ...]]] = {
    #                    RUN   SEND  STEER  SEE_ALERTS  SEE_CONTACTS  RELEASE  CHANGE  REMIND  IMPORT  SEE_LOG  HAND_OUT
    Standing.ANYBODY:   (_ALL, _NO,  _SENT, _SENT,      _NO,          _NO,     _NO,    _NO,    _NO,    _NO,     _NO),
    Standing.KEEPER:    (_ALL, _NO,  _SENT, _SENT,      _NO,          _NO,     _NO,    _NO,    _NO,    _ALL,    _ALL),
    Role.SCHOOL_LEADER: (_ALL, _OWN, _OWN,  _OWN,       _OWN,         _OWN,    _NO,    _OWN,   _NO,    _NO,     _NO),
    Role.COUNTY_LEADER: (_ALL, _ALL, _ALL,  _ALL,       _ALL,         _ALL,    _NO,    _ALL,   _NO,    _ALL,    _ALL),
    Role.CONTACT_CLERK: (_ALL, _NO,  _SENT, _SENT,      _ALL,         _ALL,    _ALL,   _ALL,   _ALL,   _NO,     _NO),
    Role.AUDITOR:       (_ALL, _NO,  _SENT, _ALL,       _ALL,         _NO,     _NO,    _NO,    _NO,    _ALL,    _NO),
}  # fmt: skip

TABLE: Final[Mapping[Role | Standing, Mapping[Right, Reach]]] = MappingProxyType(
    {who: MappingProxyType(dict(zip(Right, row, strict=True))) for who, row in _ROWS.items()}
)

# For the sentence in which it is refused.
WORDS: Final[Mapping[Right, str]] = MappingProxyType(
    {
        Right.RUN: "keep the installation running",
        Right.SEND: "send alerts",
        Right.STEER: "stop or repeat alerts, or mark who was reached",
        Right.SEE_ALERTS: "see alerts and their reports",
        Right.SEE_CONTACTS: "look people up",
        Right.RELEASE: "release or hold protected students",
        Right.CHANGE_CONTACTS: "change contacts, consents and blocks",
        Right.REMIND: "remind guardians",
        Right.IMPORT: "import",
        Right.SEE_LOG: "read the audit log",
        Right.HAND_OUT: "hand out or revoke tokens",
    }
)


def reach(roles: Iterable[Role], right: Right, *, keeper: bool = False) -> Reach:
    """How far an operator with these roles has a right: as far as the widest of them. No role is no more than
    anybody has. `keeper`: they own the settings file."""
    held = (Standing.ANYBODY, *((Standing.KEEPER,) if keeper else ()), *roles)
    return max(TABLE[one][right] for one in held)
