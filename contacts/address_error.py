"""Why a phone number or e-mail address cannot be used, in words that never hold the address."""

from __future__ import annotations

from enum import StrEnum


class AddressFault(StrEnum):
    EMPTY = "empty"
    SEVERAL = "several"
    # phone numbers
    LETTERS = "letters"
    NOT_A_NUMBER = "not_a_number"
    NOT_IN_USE = "not_in_use"
    SERVICE_NUMBER = "service_number"
    # e-mail addresses
    CONTROL_CHARACTER = "control_character"
    SPACE = "space"
    DISPLAY_NAME = "display_name"
    NO_AT_SIGN = "no_at_sign"
    BAD_LOCAL_PART = "bad_local_part"
    BAD_DOMAIN = "bad_domain"
    NO_TOP_DOMAIN = "no_top_domain"
    TOO_LONG = "too_long"


_WORDS = {
    AddressFault.EMPTY: "the field is empty",
    AddressFault.SEVERAL: "the field holds more than one: give each its own field",
    AddressFault.LETTERS: "letters or an extension beside the phone number: only the number itself may stand there",
    AddressFault.NOT_A_NUMBER: "not a phone number: 8 digits, or + and a country code before it",
    AddressFault.NOT_IN_USE: "no such number series is in use: check the digits",
    AddressFault.SERVICE_NUMBER: "a service, toll-free or premium number, not a person's",
    AddressFault.CONTROL_CHARACTER: "a control character in the e-mail address",
    AddressFault.SPACE: "a space in the e-mail address",
    AddressFault.DISPLAY_NAME: "a name beside the e-mail address: only the address itself may stand there",
    AddressFault.NO_AT_SIGN: "not an e-mail address: the @ is missing",
    AddressFault.BAD_LOCAL_PART: "the part of the e-mail address before the @ cannot be right",
    AddressFault.BAD_DOMAIN: "the part of the e-mail address after the @ cannot be right",
    AddressFault.NO_TOP_DOMAIN: "the e-mail address has no ending such as .no",
    AddressFault.TOO_LONG: "the e-mail address is too long",
}


class AddressError(ValueError):
    """An address that cannot be used. `reason_code` is for tables, `words` for people."""

    def __init__(self, reason_code: AddressFault) -> None:
        super().__init__(_WORDS[reason_code])
        self.reason_code = reason_code

    @property
    def words(self) -> str:
        return _WORDS[self.reason_code]
