"""What a provider's answer means: code → outcome of the attempt, and the operator's words for it.

With `error_codes.py` the only place that knows error codes. A code is a short text that is stored with the attempt or
the receipt:

* digits: Twilio's own (https://www.twilio.com/docs/api/errors), such as "21610" or "30005";
* "http_503": an HTTP status that came without a code of Twilio's;
* "550 5.1.1" or "450": an SMTP reply with its enhanced status (RFC 5321, RFC 3463); "sender " before it when the
  server refused our own address and not the recipient's, "greeting " when it refused the connection;
* a word: our own, for what the network or this program did, such as "connect_refused".
"""

from __future__ import annotations

import re
from typing import TypeAlias

from providers.base import Deferred, Rejected, Unknown
from providers.error_codes import OWN, TWILIO, Kind

# An outcome that a code can stand for: every one but Accepted.
Failure: TypeAlias = Rejected | Deferred | Unknown

# A phone that cannot be reached.
_OFF = frozenset({"30003"})
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
    "5.4.4": "the mail domain does not exist",
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
_STATUS = re.compile(r"[45]\.\d{1,3}\.\d{1,3}")
_REPLY = re.compile(r"(?:^|;)\s*(?P<reply>[45]\d\d)\b")
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


def bounce_code(status: str, diagnostic: str) -> str:
    """The code to store for a bounce: "550 5.1.1", of its status and its diagnostic code (RFC 3464).

    Where it quotes no SMTP reply, the reply is the general one of that class. Without the server's words, as above.
    """
    enhanced = _STATUS.match(status.strip())
    reply = _REPLY.search(diagnostic)
    if enhanced is None:
        return reply["reply"] if reply else "554"
    of_class = reply is not None and reply["reply"][0] == enhanced.group()[0]
    basic = reply["reply"] if reply is not None and of_class else {"4": "450", "5": "554"}[enhanced.group()[0]]
    return f"{basic} {enhanced.group()}"


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
