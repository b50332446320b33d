"""The catalogue of error codes: Twilio's and our own, each with what became of the attempt and the operator's words.

What is concluded from a code, and how SMTP replies are read, stands in `providers.errors`.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


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
    "13223": _bad_address("not a valid phone number"),
    "13224": _bad_address("not a valid phone number"),
    "13227": _no("the Twilio account may not call this country (switch it on under Geo permissions)"),
    "21205": _later("Twilio does not accept the callback address in the settings", of_one=True),
    "21210": _later("the caller in the settings is no number that the Twilio account may call from"),
    "21211": _bad_address("not a valid phone number"),
    "21212": _later("Twilio does not accept the sender in the settings"),
    "21214": _no("the number cannot be called"),
    "21215": _no("the Twilio account may not call this country (switch it on under Geo permissions)"),
    "21216": _later("the Twilio account may not make calls"),
    "21217": _bad_address("not a valid phone number"),
    "21219": _no("a Twilio trial account calls only numbers verified at Twilio"),
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
    "call_busy": _no("the line was busy"),
    "call_no_answer": _no("nobody answered the call"),
    "call_failed": _no("the call could not be connected"),
    "call_canceled": _no("the call was cancelled at the provider"),
    "call_machine": _no("an answering machine took the call"),
    "call_not_confirmed": _no("the call was answered, and nobody confirmed it"),
    "too_many_pages": Meaning(Kind.UNKNOWN, "the provider's list is too long to search"),
}
