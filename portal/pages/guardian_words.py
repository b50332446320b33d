"""What the guardian's pages say of codes and outcomes; each is translated where it is shown."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from config.catalogue import MsgType
from contacts.addresses import AddressFault
from contacts.own_acts import Refused
from contacts.own_points import PointState, ToldBy
from contacts.verification import Dead, NoCode
from dispatcher.codes import AlertStatus
from dispatcher.reports.received import Arrival
from portal.texts import marked
from providers.base import Channel

STATUSES: Final[Mapping[AlertStatus, str]] = {
    AlertStatus.EXERCISE: marked("exercise"),
    AlertStatus.TEST: marked("test"),
}
KINDS: Final[Mapping[MsgType, str]] = {
    MsgType.UPDATE: marked("news about an earlier alert"),
    MsgType.CANCEL: marked("an earlier alert is withdrawn"),
}
CHANNELS: Final[Mapping[Channel, str]] = {
    Channel.SMS: marked("SMS"),
    Channel.EMAIL: marked("E-mail"),
    Channel.VOICE: marked("Call"),
}
ARRIVALS: Final[Mapping[Arrival, str]] = {
    Arrival.DELIVERED: marked("delivered"),
    Arrival.HANDED_OVER: marked("sent"),
    Arrival.UNCLEAR: marked("perhaps sent"),
    Arrival.FAILED: marked("not delivered"),
}
STATES: Final[Mapping[PointState, str]] = {
    PointState.USED: marked("Alerts are sent here."),
    PointState.STALE: marked("Not confirmed for a long time: used in real emergencies only. Confirm it again."),
    PointState.UNCONFIRMED: marked("Not confirmed yet, and not used. Confirm it with a code."),
    PointState.FAILING: marked("Messages to it fail, and it is not used. If it works, confirm it with a code."),
    PointState.STOPPED: marked(
        "You have answered STOP: no SMS is sent here. To get them again, send START to the number they came from."
    ),
    PointState.CALLS_ONLY: marked("A fixed line: it takes no SMS. The school may call it."),
    PointState.REPLACED: marked("Not used while what you have confirmed here yourself works."),
}
TOLD_BY: Final[Mapping[ToldBy, str]] = {
    ToldBy.YOU: marked("given by you"),
    ToldBy.CONTACT_REGISTER: marked("from the contact register"),
    ToldBy.SCHOOL: marked("from the school"),
}
FAULTS: Final[Mapping[AddressFault, str]] = {
    AddressFault.EMPTY: marked("Fill in the field."),
    AddressFault.SEVERAL: marked("Give one at a time."),
    AddressFault.LETTERS: marked("Write the number only, without letters."),
    AddressFault.NOT_A_NUMBER: marked("This is no phone number. Write 8 digits, or + and the country code before it."),
    AddressFault.NOT_IN_USE: marked("There is no such phone number. Check the digits."),
    AddressFault.SERVICE_NUMBER: marked("This is a service number, and no person's."),
    **dict.fromkeys(
        (
            AddressFault.CONTROL_CHARACTER,
            AddressFault.SPACE,
            AddressFault.DISPLAY_NAME,
            AddressFault.NO_AT_SIGN,
            AddressFault.BAD_LOCAL_PART,
            AddressFault.BAD_DOMAIN,
            AddressFault.NO_TOP_DOMAIN,
            AddressFault.TOO_LONG,
        ),
        marked("This is no e-mail address. Write it as kari@example.com."),
    ),
}
NO_CODES: Final[Mapping[NoCode, str]] = {
    NoCode.REMOVED: marked("It has been removed."),
    NoCode.FIXED_LINE: STATES[PointState.CALLS_ONLY],
    NoCode.STOPPED: STATES[PointState.STOPPED],
    NoCode.LIMIT_OF_POINT: marked("You have asked for too many codes. Wait an hour, and try again."),
    NoCode.LIMIT_OF_PERSON: marked("You have asked for too many codes. Wait an hour, and try again."),
}
DEAD: Final[Mapping[Dead, str]] = {
    Dead.NEVER_SENT: marked("No code has been sent here. Ask for one."),
    Dead.EXPIRED: marked("The code is too old. Ask for a new one."),
    Dead.TRIES_USED: marked("The code has been tried too often. Ask for a new one."),
    Dead.ALREADY_CONFIRMED: marked("The code has been used already."),
    Dead.REMOVED: NO_CODES[NoCode.REMOVED],
}
REFUSALS: Final[Mapping[Refused, str]] = {
    Refused.NOT_YOURS: marked("There is no such phone number or e-mail address of yours."),
    Refused.TOO_MANY: marked("You have given too many addresses lately. Ask the school."),
    Refused.LAST: marked("If you remove it, no alert reaches you until you confirm another one."),
    Refused.NOT_A_CODE: marked("A code has six digits."),
}
# What is said on the page that follows an act; the key stands in its address.
DONE: Final[Mapping[str, str]] = {
    "confirmed": marked("Confirmed. Alerts are sent here from now on."),
    "known": marked("You have it already, and it is confirmed."),
    "fixed-line": marked("Added. It takes no SMS, and can be called."),
    "removed": marked("Removed. Nothing is sent there any more."),
    "language": marked("Messages to you are in this language from now on."),
}
