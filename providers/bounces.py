"""What comes back by mail about an e-mail that a mail server took: read, not believed (pure).

Who failed is found by flufl.bounce, which knows the forms that mail servers use; which of our messages it is about, by
the Message-ID that is quoted; and why, by the delivery status (RFC 3464) or the words beside it.
"""

from __future__ import annotations

import email
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from email import policy
from email.message import Message
from typing import Final

from flufl.bounce import all_failures

from providers.errors import bounce_code
from providers.mime import MESSAGE_ID

# Beyond these a mail is no bounce of ours, or has the original far behind whatever else it carries.
_MOST_PARTS: Final = 50
_MOST_TEXT: Final = 100_000
_IN_WORDS: Final = re.compile(r"(?<![\d.])(?:(?P<basic>5\d\d)[ -])?#?(?P<status>5\.\d\.\d{1,3})(?![\d.]*\d)")


@dataclass(frozen=True, slots=True)
class Bounce:
    """A mail server gave up on one of our messages, or (`failed` empty) is still trying.

    `delivery_ids`: those that are quoted in the surest place that quotes any, with their domain. `failed`: the
    addresses, in small letters. `code`: as `providers.errors` reads it.
    """

    delivery_ids: frozenset[tuple[int, str]]
    failed: frozenset[str] = field(repr=False)
    code: str


def read_bounce(data: bytes) -> Bounce | None:
    """Read a mail; None when it is no bounce, but for instance somebody's answer or a notice of absence."""
    # The older policy is what flufl.bounce is made for, and it reads headers that are against every rule.
    message = email.message_from_bytes(data, policy=policy.compat32)
    try:
        delayed, failed = all_failures(message)
    except Exception:  # noqa: BLE001 (its detectors trip over some mails that are none; nothing can be concluded)
        return None
    if not delayed and not failed:
        return None
    addresses = frozenset(one.decode("ascii", "replace").strip().lower() for one in failed)
    return Bounce(_quoted(message), addresses, _code(message) if failed else "")


def _quoted(message: Message) -> frozenset[tuple[int, str]]:
    """Our Message-IDs: of the message that came back, else of what it refers to, else in the words."""
    for places in (_original_ids, _references, _texts):
        found = frozenset(
            (int(one["delivery"]), one["domain"].lower())
            for text in places(message)
            for one in MESSAGE_ID.finditer(text)
        )
        if found:
            return found
    return frozenset()


def _parts(message: Message) -> Iterator[Message]:
    for count, part in enumerate(message.walk()):
        if count >= _MOST_PARTS:
            return
        yield part


def _original_ids(message: Message) -> Iterator[str]:
    for part in _parts(message):
        if part is not message and part.get("Message-ID"):
            yield str(part["Message-ID"])
        elif part.get_content_type() == "text/rfc822-headers":
            yield str(email.message_from_string(_text(part), policy=policy.compat32).get("Message-ID", ""))


def _references(message: Message) -> Iterator[str]:
    for name in ("In-Reply-To", "References"):
        yield str(message.get(name, ""))


def _texts(message: Message) -> Iterator[str]:
    for part in _parts(message):
        if part.get_content_maintype() == "text":
            yield _text(part)


def _text(part: Message) -> str:
    payload = part.get_payload(decode=True)
    return payload[:_MOST_TEXT].decode("utf-8", "replace") if isinstance(payload, bytes) else ""


def _code(message: Message) -> str:
    for part in _parts(message):
        # The blocks of a delivery status are messages within it; only those of a recipient have an action.
        if str(part.get("Action", "")).strip().lower().startswith(("fail", "error")):
            return bounce_code(str(part.get("Status", "")), str(part.get("Diagnostic-Code", "")))
    for text in _texts(message):
        found = _IN_WORDS.search(text)
        if found:
            return bounce_code(found["status"], found["basic"] or "")
    return bounce_code("", "")
