"""What people type after options: times (2h, 90m, 1h30m), placeholders (sted=hallen), channels (sms,email)."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import TYPE_CHECKING

from dispatcher.alerts.not_sent import NOTHING_SENT

if TYPE_CHECKING:
    from providers.base import Channel

_PARTS = re.compile(r"(?:(\d{1,3})\s*h)?\s*(?:(\d{1,4})\s*m(?:in)?)?\s*(?:(\d{1,5})\s*s)?", re.IGNORECASE)


def seconds_of(text: str) -> int:
    """The seconds of "2h", "90m", "1h30m" or "45m". Raises UsageError for what is none, 0, or over a week."""
    from config.errors import UsageError
    from dispatcher.alerts.requirements import LONGEST_SECONDS

    words = text.strip()
    # A bare number is asked about: 2 would be hours to one and minutes to another.
    found = None if words.isdecimal() else _PARTS.fullmatch(words)
    hours, minutes, seconds = (int(part or 0) for part in found.groups()) if found else (0, 0, 0)
    total = hours * 3600 + minutes * 60 + seconds
    if not 0 < total <= LONGEST_SECONDS:
        raise UsageError(
            "--expires takes a time with its unit, from a second to a week.",
            unchanged=NOTHING_SENT,
            remedy="Write it like 2h, 90m or 1h30m.",
        )
    return total


def placeholders(fill: Sequence[str]) -> dict[str, str]:
    """The words of each placeholder. Raises UsageError for what is no NAME=WORDS."""
    from config.errors import UsageError

    values = {}
    for one in fill:
        name, equals, words = one.partition("=")
        if not equals or not name.strip():
            raise UsageError(
                "--set takes a name and its words.", unchanged=NOTHING_SENT, remedy='Write it like --set sted="hallen".'
            )
        values[name.strip()] = words
    return values


def channels_of(names: str) -> frozenset[Channel]:
    """The channels named, at least one. Raises UsageError otherwise."""
    from config.errors import UsageError
    from providers.base import Channel

    try:
        channels = frozenset(Channel(name.strip().lower()) for name in names.split(",") if name.strip())
    except ValueError:
        channels = frozenset()
    # Calls follow by themselves, for those whom nothing else has reached.
    if not channels or Channel.VOICE in channels:
        raise UsageError(
            "--channels takes sms, email, or both.", unchanged=NOTHING_SENT, remedy="Write --channels sms,email."
        )
    return channels
