"""What a provider's answer means: code → outcome of the attempt, and the operator's words for it.

The only place that knows error codes. A code is a short text that is stored with the attempt or the receipt:

* digits: Twilio's own (https://www.twilio.com/docs/api/errors), such as "21610" or "30005";
* "http_503": an HTTP status that came without a code of Twilio's;
* "550 5.1.1" or "450": an SMTP reply with its enhanced status (RFC 5321, RFC 3463); "sender " before it when the
  server refused our own address and not the recipient's, "greeting " when it refused the connection;
* a word: our own, for what the network or this program did, such as "connect_refused".
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import StrEnum
from typing import TypeAlias

from providers.base import Deferred, Rejected, Unknown

# An outcome that a code can stand for: every one but Accepted.
Failure: TypeAlias = Rejected | Deferred | Unknown


class Kind(StrEnum):
    """What became of the attempt that was answered with a code."""

    REJECTED = "rejected"  # this message to this address: never
    OPTED_OUT = "opted_out"  # rejected, because the owner of the address said STOP
    DEFERRED = "deferred"  # certainly not taken, and it may go well later, perhaps after a person mended something
    UNKNOWN = "unknown"  # it may have been taken


@dataclass(frozen=True, slots=True)
class Meaning:
    """One entry of the catalogue. `words`: a clause that fits after "SMS failed: ". `bad_address`: the address itself
    is at fault, today and tomorrow. `of_one`: it says nothing of other messages to the same provider."""

    kind: Kind
    words: str
    bad_address: bool = False
    of_one: bool = False


def _no(words: str) -> Meaning:
    return Meaning(Kind.REJECTED, words)


def _bad_address(words: str) -> Meaning:
    return Meaning(Kind.REJECTED, words, bad_address=True)


def _later(words: str, *, of_one: bool = False) -> Meaning:
    return Meaning(Kind.DEFERRED, words, of_one=of_one)


# Faults of the account, the sender or the settings strike every message alike and can be mended within an alert's
# life: they defer. Faults of the address or the text reject. The 30xxx come in receipts, after acceptance.
TWILIO: dict[str, Meaning] = {
    "20003": _later("Twilio does not accept the account SID or the auth token in the settings"),
    "20005": _later("the Twilio account is not active"),
    "20008": _later("the settings hold Twilio's test credentials, which cannot send"),
    "20404": _later("Twilio does not know the account in the settings"),
    "20429": _later("Twilio takes no more requests just now"),
    "20500": Meaning(Kind.UNKNOWN, "Twilio failed while it worked on the message"),
    "20503": Meaning(Kind.UNKNOWN, "Twilio was out of service while it worked on the message"),
    "21211": _bad_address("not a valid phone number"),
    "21212": _later("Twilio does not accept the sender in the settings"),
    "21217": _bad_address("not a valid phone number"),
    "21265": _bad_address("a short number cannot be told"),
    "21266": _no("the recipient's number is our own sender"),
    "21401": _later("Twilio does not accept the sender in the settings"),
    "21408": _no("the Twilio account may not send to this country (switch it on under Geo permissions)"),
    "21601": _later("the sender in the settings cannot send SMS"),
    "21602": _no("the message has no text"),
    "21603": _later("no sender is set"),
    "21604": _no("the message has no recipient"),
    "21606": _later("the sender in the settings cannot send SMS to this destination", of_one=True),
    "21608": _no("a Twilio trial account sends only to numbers verified at Twilio"),
    "21609": _later("Twilio does not accept the callback address in the settings", of_one=True),
    "21610": Meaning(Kind.OPTED_OUT, "the owner of the number answered STOP"),
    "21611": _later("the sender's queue at Twilio is full"),
    "21612": _no("Twilio cannot reach this number from this sender"),
    "21614": _bad_address("not a mobile number"),
    "21617": _no("the text is longer than Twilio takes (1,600 characters)"),
    "21624": _no("Twilio does not accept the message's validity period"),
    "21635": _bad_address("a fixed line, which cannot take SMS"),
    "21656": _no("the message is not valid"),
    "21657": _later("the sender in the settings is not accepted in the recipient's country", of_one=True),
    "21659": _later("the sender in the settings does not belong to the Twilio account"),
    "21660": _later("the sender in the settings belongs to another Twilio account"),
    "21661": _later("the sender in the settings cannot send SMS"),
    "21703": _later("the messaging service at Twilio has no sender"),
    "30001": _later("the sender's queue at Twilio is full"),
    "30002": _later("the Twilio account was suspended while the message waited"),
    "30003": _no("the phone could not be reached (switched off, or without coverage)"),
    "30004": _no("the recipient or the operator blocks the message"),
    "30005": _bad_address("the number is not in use"),
    "30006": _bad_address("a fixed line, or an operator that cannot be reached"),
    "30007": _no("the operator filtered the message out"),
    "30008": _no("the operator gave no reason"),
    "30009": _no("a part of the message got lost at the operator"),
    "30010": _no("the message costs more than the limit that was set"),
    "30017": _no("the operator's network was overloaded"),
    "30018": _no("the operator wants this sender to be registered in advance"),
    "30019": _no("the message is longer than the operator takes"),
    "30022": _no("the sender's daily limit at the operator is used up"),
    "30023": _no("the sender's daily limit at the operator is used up"),
    "30024": _no("the sender is not set up at the operator"),
    "30032": _no("the sender has not been verified"),
    "30034": _no("the sender is not registered in the recipient's country (United States)"),
    "30035": _no("the sender is wrongly set up at Twilio"),
    "30036": _no("the message outlived its validity in Twilio's queue"),
    "30041": _no("the sender must be registered in the recipient's country"),
    "30042": _no("the operator blocks this sender's name"),
    "30044": _no("the message is longer than a trial account may send"),
    "30045": _no("the message's validity period is outside Twilio's limits"),
    "30410": _no("the operator did not answer Twilio in time"),
    "30450": _no("Twilio blocked the message as suspected abuse"),
    "30500": _no("Twilio failed while it worked on the message"),
    "63038": _later("the Twilio account's daily limit is used up"),
    "90007": _no("Twilio does not accept the message's validity period"),
}

_OFF = frozenset({"30003"})

# Ours: what the network, the server's manner or this program did.
OWN: dict[str, Meaning] = {
    "connect_refused": _later("no connection to the provider"),
    "connect_timeout": _later("the provider did not answer the connection in time"),
    "name_not_found": _later("the provider's host name was not found"),
    "tls_failed": _later("no secure connection to the provider (certificate or TLS)"),
    "too_busy": _later("all connections to the provider were in use", of_one=True),
    "not_configured": _later("the settings for this channel are not filled in"),
    "login_failed": _later("the mail server does not accept the user name or password in the settings"),
    "account_not_active": _later("the Twilio account is suspended or closed"),
    "answered_late": _later("the mail server did not answer in time, before the message was sent"),
    "lost_before_sending": _later("the connection was lost before the message was sent"),
    "read_timeout": Meaning(Kind.UNKNOWN, "the provider did not answer in time"),
    "connection_lost": Meaning(Kind.UNKNOWN, "the connection was lost before the provider answered"),
    "bad_answer": Meaning(Kind.UNKNOWN, "the provider's answer could not be read"),
    "unexpected": Meaning(Kind.UNKNOWN, "an unexpected fault after the message was sent", of_one=True),
    "poison": _no("the message cannot be built or sent without a fault in the program"),
    "validity_expired": _no("the alert had ended before the message could leave"),
    "bad_address": _bad_address("the address cannot be used"),
    "smtputf8_missing": _bad_address("the mail server does not take letters such as æøå before the @"),
    "said_no": Meaning(Kind.UNKNOWN, "the service of last resort did not say that it took the message"),
    "no_look_up": Meaning(Kind.UNKNOWN, "this channel cannot be asked what became of a message"),
    "too_many_pages": Meaning(Kind.UNKNOWN, "the provider's list is too long to search"),
}

_HTTP_WORDS = {
    401: "the provider does not accept the account in the settings",
    403: "the provider forbids the account to send",
    404: "the provider does not know the address this program calls",
    408: "the provider did not get the request in time",
    429: "the provider takes no more requests just now",
}
# RFC 3463 subjects and details that say the mailbox or its domain does not exist or is closed for good.
_BAD_MAILBOX = {
    "5.1.1": "the mailbox does not exist",
    "5.1.2": "the mail domain does not exist",
    "5.1.3": "not a valid e-mail address",
    "5.1.6": "the mailbox has moved",
    "5.1.10": "the mail domain takes no mail",
    "5.2.1": "the mailbox is closed",
}
_SMTP_WORDS = {
    "4.2.2": "the mailbox is full",
    "5.2.2": "the mailbox is full",
    "5.2.3": "the message is longer than the mailbox takes",
    "5.3.4": "the message is longer than the server takes",
    "5.7.0": "the mail server refuses the message as a matter of policy",
    "5.7.1": "the mail server refuses the message as a matter of policy",
    "421": "the mail server takes no more just now",
    "450": "the mailbox cannot be reached just now",
    "451": "the mail server has a passing fault",
    "452": "the mail server has no room just now",
    "550": "the mail server refuses the mailbox",
    "551": "the mailbox is not at this server",
    "552": "the message or the mailbox is too full",
    "553": "not a valid e-mail address",
    "554": "the mail server refuses the message",
}
# RFC 4954: the log-in is missing, wrong, too weak or unencrypted. The settings can be mended.
_SMTP_LOGIN = frozenset({530, 534, 535, 538})
_SMTP_CODE = re.compile(
    r"(?P<prefix>sender |greeting )?(?P<basic>[2-5]\d\d)(?: (?P<enhanced>[245]\.\d{1,3}\.\d{1,3}))?"
)
_ENHANCED = re.compile(r"[245]\.\d{1,3}\.\d{1,3}(?=\s|$)")


def _outcome(code: str, kind: Kind, retry_after: float | None = None) -> Failure:
    if kind is Kind.DEFERRED:
        return Deferred(code, retry_after)
    if kind is Kind.UNKNOWN:
        return Unknown(code)
    return Rejected(code, opted_out=kind is Kind.OPTED_OUT)


def own_outcome(code: str) -> Failure:
    """The outcome that goes with one of our own codes. Raises KeyError for a word that is none."""
    return _outcome(code, OWN[code].kind)


def twilio_outcome(http_status: int, code: int | str | None, retry_after: float | None = None) -> Failure:
    """What an HTTP answer of Twilio to the creation of a message means; for answers outside 2xx.

    The status beats the code where it tells whether the request was processed at all: 429 never was, a 5xx may have
    been. `retry_after`: seconds from the Retry-After header.
    """
    text = "" if code is None or str(code) == str(http_status) else str(code)
    stored = text or f"http_{http_status}"
    if http_status == 429:
        return Deferred(stored, retry_after)
    if http_status >= 500 or http_status < 400 or http_status == 408:
        return Unknown(stored)
    known = TWILIO.get(text)
    if known is not None:
        return _outcome(stored, known.kind, retry_after)
    if http_status in (401, 403, 404):
        return Deferred(stored, retry_after)
    return Rejected(stored)


def smtp_code(reply: int, text: str, *, our_sender: bool = False) -> str:
    """The code to store for an SMTP reply: "550 5.1.1". Without the server's words, which may name the address."""
    enhanced = _ENHANCED.match(text)
    code = f"{reply} {enhanced.group()}" if enhanced else str(reply)
    return f"sender {code}" if our_sender else code


def smtp_outcome(reply: int, text: str = "", *, our_sender: bool = False) -> Failure:
    """What a negative SMTP reply means. A reply, at whatever stage, is certain: the server has not taken the message.

    `our_sender`: the reply was to MAIL FROM, and so is about our address and not the recipient's.
    """
    code = smtp_code(reply, text, our_sender=our_sender)
    if reply in _SMTP_LOGIN or (our_sender and 400 <= reply < 600):
        # The log-in and our own address are matters of the settings: an operator can mend them while the alert lasts.
        return Deferred(code)
    if 500 <= reply < 600:
        return Rejected(code)
    if 400 <= reply < 500:
        return Deferred(code)
    return Unknown(code)


def is_permanent_address_failure(code: str) -> bool:
    """True when the code says that the address itself is wrong and will stay so.

    A bare SMTP 550 is no proof: RFC 5321 uses it for policy as well.
    """
    known = TWILIO.get(code) or OWN.get(code)
    if known is not None:
        return known.bad_address
    parsed = _SMTP_CODE.fullmatch(code)
    if parsed is None or parsed["prefix"]:
        return False
    if parsed["enhanced"]:
        return parsed["basic"].startswith("5") and parsed["enhanced"] in _BAD_MAILBOX
    return parsed["basic"] in ("551", "553")


def counts_against_address(code: str) -> bool:
    """True when the code, told of several messages in a row, says that nobody is told anything at this address.

    That is what is wrong with it for good, and a phone that cannot be reached: one may be switched off, always the same
    one is probably no longer used.
    """
    return code in _OFF or is_permanent_address_failure(code)


def is_passing_address_failure(code: str) -> bool:
    """True when the code counts against the address, and may say something else tomorrow."""
    return code in _OFF


def is_fault_of_provider(code: str) -> bool:
    """True when the code of a deferred or unknown attempt strikes the provider, the way to it, or our account there.

    False when it is about one message or one address, so that others may well go the same way.
    """
    known = TWILIO.get(code) or OWN.get(code)
    if known is not None:
        return known.kind in (Kind.DEFERRED, Kind.UNKNOWN) and not known.of_one
    parsed = _SMTP_CODE.fullmatch(code)
    if parsed is not None:
        return bool(parsed["prefix"]) or parsed["basic"] == "421" or int(parsed["basic"]) in _SMTP_LOGIN
    return code.startswith("http_") or code.isdecimal()


def says_nothing_of_provider(code: str) -> bool:
    """True for our own words for what happened on this side: whether the provider is well they do not tell."""
    known = OWN.get(code)
    if known is not None:
        return known.of_one
    return (
        code not in TWILIO
        and _SMTP_CODE.fullmatch(code) is None
        and not code.startswith("http_")
        and (not code.isdecimal())
    )


def in_plain_words(code: str) -> str:
    """The reason as an operator says it; never holds the address. Any text is answered, known or not."""
    known = TWILIO.get(code) or OWN.get(code)
    if known is not None:
        return known.words
    if code.startswith("http_") and code[5:].isdecimal():
        status = int(code[5:])
        if status in _HTTP_WORDS:
            return _HTTP_WORDS[status]
        return "the provider failed" if status >= 500 else "the provider refused the request"
    parsed = _SMTP_CODE.fullmatch(code)
    if parsed is None:
        return "the provider gave a reason this program does not know" if code else "no reason was given"
    if int(parsed["basic"]) in _SMTP_LOGIN:
        return OWN["login_failed"].words
    if parsed["prefix"]:
        if parsed["prefix"] == "greeting ":
            return "the mail server does not let this program in just now"
        return "the mail server does not accept our own address as the sender"
    enhanced = parsed["enhanced"] or ""
    for words in (_BAD_MAILBOX.get(enhanced), _SMTP_WORDS.get(enhanced), _SMTP_WORDS.get(parsed["basic"])):
        if words:
            return words
    return "the mail server refuses it" if parsed["basic"].startswith("5") else "the mail server cannot take it yet"
