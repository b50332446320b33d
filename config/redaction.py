"""Keeping persons out of logs: a last resort behind the rule that no log line is written about a person at all."""

from __future__ import annotations

import re
import traceback
from typing import Final

# In the order in which they are looked for; "%2B" and "%40" are + and @ inside a URL.
_PATTERNS: Final = (
    (re.compile(r"[\w.%+'-]+(?:@|%40)[\w-]+(?:\.[\w-]+)*", re.IGNORECASE), "[e-mail]"),
    (re.compile(r"(?:\+|%2B|(?<!\w)00)[1-9](?:[ ().-]{0,2}\d){6,14}(?!\d)", re.IGNORECASE), "[phone]"),
    (re.compile(r"(?<![\w.])\d{6} ?\d{5}(?!\w)"), "[number]"),
    (re.compile(r"(?<![\w.])(?:\d{3} \d{2} \d{3}|\d{2} \d{2} \d{2} \d{2})(?!\w)"), "[phone]"),
    # Not part of a word (a provider's reference, a UUID) and not the decimals of a number.
    (re.compile(r"(?<![\w.])\d{8,}(?!\w)"), "[number]"),
)


def redact(text: str) -> str:
    """`text` without anything that looks like an e-mail address, a phone number or an identity number."""
    for pattern, instead in _PATTERNS:
        text = pattern.sub(instead, text)
    return text


def describe_exception(error: BaseException) -> str:
    """Where `error` and what caused it came from: types, places and codes.

    Never the text of an exception: it may hold a name, which no pattern can find.
    """
    blocks: list[str] = []
    seen: set[int] = set()
    cause: BaseException | None = error
    while cause is not None and id(cause) not in seen:
        seen.add(id(cause))
        codes = [f" {name}={getattr(cause, name)}" for name in ("errno", "sqlstate") if getattr(cause, name, None)]
        frames = [f"  {f.filename}:{f.lineno} in {f.name}\n" for f in traceback.extract_tb(cause.__traceback__)]
        blocks.append("".join(frames) + f"{type(cause).__module__}.{type(cause).__qualname__}{''.join(codes)}\n")
        cause = cause.__cause__ or (None if cause.__suppress_context__ else cause.__context__)
    return "after:\n".join(blocks).rstrip()
