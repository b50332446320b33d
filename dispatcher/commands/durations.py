"""Times as people type them: 2h, 90m, 1h30m, 45 (minutes)."""

from __future__ import annotations

import re

_PARTS = re.compile(r"(?:(\d{1,3})\s*h)?\s*(?:(\d{1,4})\s*m(?:in)?)?\s*(?:(\d{1,5})\s*s)?", re.IGNORECASE)
LONGEST_SECONDS = 7 * 86_400


def seconds_of(text: str) -> int:
    """The seconds of "2h", "90m", "1h30m" or "45" (minutes). Raises UsageError for what is none, 0, or over a week."""
    from config.errors import UsageError

    words = text.strip()
    found = _PARTS.fullmatch(f"{words}m" if words.isdecimal() else words)
    hours, minutes, seconds = (int(part or 0) for part in found.groups()) if found else (0, 0, 0)
    total = hours * 3600 + minutes * 60 + seconds
    if not 0 < total <= LONGEST_SECONDS:
        raise UsageError(
            "--expires takes a time from a second to a week.",
            unchanged="Nothing was sent.",
            remedy="Write it like 2h, 90m or 1h30m.",
        )
    return total
