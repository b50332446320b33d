"""What has arrived at the sandbox: every SMS and e-mail it took, in order, and the counts that prove "exactly once"."""

from __future__ import annotations

import hashlib
import re
from collections import Counter
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.utils import format_datetime
from typing import TypeAlias

Json: TypeAlias = "bool | int | float | str | list[Json] | dict[str, Json] | None"
_CALLBACK = re.compile(r"/callbacks/twilio/status/(\d+)/(\d+)")
_CALLED = re.compile(r"/callbacks/twilio_voice/status/(\d+)/(\d+)")
_GSM7 = frozenset(
    "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§¿"
    "abcdefghijklmnopqrstuvwxyzäöñüà"
)
_GSM7_ESCAPED = frozenset("^{}\\[~]|€\f")


def segment_count(text: str) -> int:
    """How many parts Twilio would bill for this text (3GPP 23.038: 160/153 septets or 70/67 UTF-16 units)."""
    if all(letter in _GSM7 or letter in _GSM7_ESCAPED for letter in text):
        units, single, part = sum(2 if letter in _GSM7_ESCAPED else 1 for letter in text), 160, 153
    else:
        units, single, part = len(text.encode("utf-16-le")) // 2, 70, 67
    return 1 if units <= single else -(-units // part)


def rfc2822(moment: datetime | None) -> str | None:
    return None if moment is None else format_datetime(moment)


@dataclass(slots=True)
class Sms:
    """One message that was taken, and how far it has come. `date_sent` stays None while it waits, as at Twilio."""

    sid: str
    account_sid: str
    sender: str
    to: str
    body: str
    created: datetime
    callback_url: str = ""
    validity_seconds: int | None = None
    status: str = "queued"
    date_sent: datetime | None = None
    error_code: int | None = None
    segments: int = 1
    callbacks_sent: int = 0

    def as_twilio(self) -> dict[str, Json]:
        """The message as the resource of Twilio's API."""
        uri = f"/2010-04-01/Accounts/{self.account_sid}/Messages/{self.sid}"
        return {
            "account_sid": self.account_sid,
            "api_version": "2010-04-01",
            "body": self.body,
            "date_created": rfc2822(self.created),
            "date_sent": rfc2822(self.date_sent),
            "date_updated": rfc2822(self.date_sent or self.created),
            "direction": "outbound-api",
            "error_code": self.error_code,
            "error_message": None,
            "from": self.sender,
            "messaging_service_sid": None,
            "num_media": "0",
            "num_segments": str(self.segments),
            "price": None,
            "price_unit": "USD",
            "sid": self.sid,
            "status": self.status,
            "subresource_uris": {"media": f"{uri}/Media.json"},
            "to": self.to,
            "uri": f"{uri}.json",
        }

    def as_seen(self) -> dict[str, Json]:
        """The message as the inspection shows it."""
        return {
            "sid": self.sid,
            "from": self.sender,
            "to": self.to,
            "body": self.body,
            "status": self.status,
            "error_code": self.error_code,
            "segments": self.segments,
            "created": self.created.isoformat(),
            "date_sent": self.date_sent.isoformat() if self.date_sent else None,
            "validity_seconds": self.validity_seconds,
            "callback_url": self.callback_url,
            "callbacks_sent": self.callbacks_sent,
        }


@dataclass(slots=True)
class PhoneCall:
    """One call that was taken, and how far it has come. `words`: what was said in it; `keys`: what was pressed."""

    sid: str
    account_sid: str
    caller: str
    to: str
    twiml: str
    created: datetime
    callback_url: str = ""
    detects_machines: bool = False
    status: str = "queued"
    answered_by: str | None = None
    words: list[str] = field(default_factory=list)
    languages: list[str] = field(default_factory=list)
    keys: str = ""
    callbacks_sent: int = 0

    def as_twilio(self) -> dict[str, Json]:
        """The call as the resource of Twilio's API."""
        return {
            "account_sid": self.account_sid,
            "answered_by": self.answered_by,
            "api_version": "2010-04-01",
            "date_created": rfc2822(self.created),
            "date_updated": rfc2822(self.created),
            "direction": "outbound-api",
            "from": self.caller,
            "sid": self.sid,
            "start_time": None,
            "status": self.status,
            "to": self.to,
            "uri": f"/2010-04-01/Accounts/{self.account_sid}/Calls/{self.sid}.json",
        }

    def as_seen(self) -> dict[str, Json]:
        """The call as the inspection shows it."""
        return {
            "sid": self.sid,
            "from": self.caller,
            "to": self.to,
            "status": self.status,
            "answered_by": self.answered_by,
            "words": list(self.words),
            "languages": list(self.languages),
            "keys": self.keys,
            "created": self.created.isoformat(),
            "callback_url": self.callback_url,
            "callbacks_sent": self.callbacks_sent,
        }


@dataclass(frozen=True, slots=True)
class Mail:
    """One e-mail that was taken."""

    sender: str
    recipients: tuple[str, ...]
    data: bytes
    message_id: str
    received: datetime
    over_tls: bool
    login: str

    def as_seen(self) -> dict[str, Json]:
        return {
            "from": self.sender,
            "to": list(self.recipients),
            "message_id": self.message_id,
            "received": self.received.isoformat(),
            "over_tls": self.over_tls,
            "login": self.login,
            "source": self.data.decode("utf-8", "replace"),
        }


def message_id_of(data: bytes) -> str:
    """The Message-ID header of a mail, "" when it has none."""
    head = data.partition(b"\r\n\r\n")[0]
    found = re.search(rb"(?im)^message-id:[ \t]*(\S+)", head)
    return found.group(1).decode("ascii", "replace") if found else ""


@dataclass(slots=True)
class ApiCall:
    """One request to the API. `what`: create, list or fetch. `to`: the number it is about, if it names one. `began`,
    `ended`: seconds of the machine's monotonic clock. `status`: of the answer; 0 while there is none."""

    what: str
    began: float
    to: str = ""
    ended: float | None = None
    status: int = 0

    def as_seen(self) -> dict[str, Json]:
        return {"what": self.what, "to": self.to, "began": self.began, "ended": self.ended, "status": self.status}


@dataclass(slots=True)
class Mailbox:
    """All that arrived since the start or the last reset, oldest first."""

    sms: dict[str, Sms] = field(default_factory=dict)
    by_number: dict[str, list[Sms]] = field(default_factory=dict)
    mails: list[Mail] = field(default_factory=list)
    phone_calls: dict[str, PhoneCall] = field(default_factory=dict)
    requests: int = 0
    calls: list[ApiCall] = field(default_factory=list)

    def add_sms(self, sms: Sms) -> None:
        self.sms[sms.sid] = sms
        self.by_number.setdefault(sms.to, []).append(sms)

    def clear(self) -> None:
        self.sms.clear()
        self.by_number.clear()
        self.mails.clear()
        self.phone_calls.clear()
        self.requests = 0
        self.calls.clear()

    def counts(self) -> dict[str, Json]:
        """How many were taken, in all and for each delivery.

        An SMS or a call belongs to the delivery in its callback URL; without one, to its number (and text). An e-mail
        belongs to its Message-ID and recipient. `doubled` holds what was taken more than once.
        """
        sms = Counter(_delivery_of(one) for one in self.sms.values())
        mail = Counter(f"{one.message_id} {recipient}" for one in self.mails for recipient in one.recipients)
        voice = Counter(_delivery_called(one) for one in self.phone_calls.values())
        every = sms + mail + voice
        doubled: dict[str, Json] = {name: count for name, count in every.items() if count > 1}
        by_status: dict[str, Json] = dict(Counter(one.status for one in self.sms.values()))
        return {
            "sms": len(self.sms),
            "email": len(self.mails),
            "voice": len(self.phone_calls),
            "api_requests": self.requests,
            "sms_by_status": by_status,
            "sms_by_delivery": dict(sms),
            "email_by_message_id": dict(mail),
            "voice_by_delivery": dict(voice),
            "doubled": doubled,
        }


def _delivery_of(sms: Sms) -> str:
    found = _CALLBACK.search(sms.callback_url)
    if found:
        return found.group(1)
    return f"{sms.to} {hashlib.sha256(sms.body.encode()).hexdigest()[:12]}"


def _delivery_called(call: PhoneCall) -> str:
    found = _CALLED.search(call.callback_url)
    return f"call {found.group(1) if found else call.to}"


def utc_now() -> datetime:
    """Now, to the second: Twilio's times have no fractions."""
    return datetime.now(UTC).replace(microsecond=0)
