"""Phone numbers of guardians: read strictly, typed, masked (pure).

Nothing is guessed: a field that could mean two numbers, an extension or another country is an error with its reason.
"""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass
from enum import StrEnum

from contacts.address_error import AddressError, AddressFault


class PhoneKind(StrEnum):
    """libphonenumber's types, so far as they decide what can be sent there."""

    MOBILE = "mobile"
    FIXED = "fixed"
    FIXED_OR_MOBILE = "fixed_or_mobile"  # countries whose numbers do not tell, such as the USA
    VOIP = "voip"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True, repr=False)
class PhoneNumber:
    """A valid number in E.164 form ("+4799999912"); `repr` and `str` mask it."""

    e164: str
    kind: PhoneKind
    foreign: bool  # not of country code 47

    @property
    def can_take_sms(self) -> bool:
        """False for a fixed line: Twilio refuses it (21614). Internet telephony in Norway takes no SMS either."""
        return self.kind in (PhoneKind.MOBILE, PhoneKind.FIXED_OR_MOBILE)

    def __repr__(self) -> str:
        return f"PhoneNumber({mask_phone(self.e164)}, {self.kind})"

    __str__ = __repr__


_SEVERAL = re.compile(r"[;,|\n]|\d\s*/\s*\+?\d.*|\+.*\+")
_ALLOWED = re.compile(r"\+?[\d ().\-]+")
_EIGHT_TWICE = re.compile(r"\D*(?:\d\D*){8}\D(?:\d\D*){8,}")
_SHORTEST, _LONGEST = 5, 15  # digits: the short business numbers of Norway, and the limit of E.164


def parse_phone(text: str, default_region: str = "NO") -> PhoneNumber:
    """Read one phone number. Without a country code (+ or 00 before it) it is one of `default_region`.

    Spaces, hyphens, dots, brackets, invisible characters and the digits of other scripts are understood. Series that
    libphonenumber's number plan does not know to be in use (in Norway 42, 43, 44, 49, 58, 59) are refused: nobody
    answers there, and a mistyped digit is likelier than a new series, which comes with an update of the library.

    Raises AddressError, whose words never hold the number.
    """
    # Loading the library takes 50 ms, which commands that read no number need not pay.
    import phonenumbers

    digits = _digits(text)
    try:
        number = phonenumbers.parse(digits, default_region)
    except phonenumbers.NumberParseException:
        raise AddressError(AddressFault.NOT_A_NUMBER) from None
    if not phonenumbers.is_valid_number(number):
        possible = phonenumbers.is_possible_number(number)
        raise AddressError(AddressFault.NOT_IN_USE if possible else AddressFault.NOT_A_NUMBER)
    kinds = {
        phonenumbers.PhoneNumberType.MOBILE: PhoneKind.MOBILE,
        phonenumbers.PhoneNumberType.FIXED_LINE: PhoneKind.FIXED,
        phonenumbers.PhoneNumberType.FIXED_LINE_OR_MOBILE: PhoneKind.FIXED_OR_MOBILE,
        phonenumbers.PhoneNumberType.VOIP: PhoneKind.VOIP,
        phonenumbers.PhoneNumberType.PERSONAL_NUMBER: PhoneKind.UNKNOWN,
        phonenumbers.PhoneNumberType.UNKNOWN: PhoneKind.UNKNOWN,
    }
    kind = kinds.get(phonenumbers.number_type(number))
    if kind is None:
        raise AddressError(AddressFault.SERVICE_NUMBER)
    e164 = phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)
    return PhoneNumber(e164, kind, foreign=number.country_code != 47)


def _digits(text: str) -> str:
    """The number as digits with perhaps a + before them, or AddressError."""
    plain = "".join(_plain(letter) for letter in text).strip().removeprefix("tel:")
    if not plain:
        raise AddressError(AddressFault.EMPTY)
    if any(letter.isalpha() or letter in "#*" for letter in plain):
        raise AddressError(AddressFault.LETTERS)
    if _SEVERAL.search(plain) or _EIGHT_TWICE.fullmatch(plain):
        raise AddressError(AddressFault.SEVERAL)
    if not _ALLOWED.fullmatch(plain):
        raise AddressError(AddressFault.NOT_A_NUMBER)
    digits = re.sub(r"[^\d+]", "", plain)
    if digits.startswith("00"):
        digits = f"+{digits[2:]}"
    if not _SHORTEST <= len(digits.lstrip("+")) <= _LONGEST:
        raise AddressError(AddressFault.NOT_A_NUMBER)
    return digits


def _plain(letter: str) -> str:
    """One ASCII character for a digit, space, hyphen or plus of any script; nothing for an invisible character."""
    if letter.isdecimal():
        return str(unicodedata.decimal(letter))
    category = unicodedata.category(letter)
    if category == "Cf":
        return ""
    if category == "Zs" or letter == "\t":
        return " "
    if category == "Pd" or letter == "\u2212":
        return "-"
    return "+" if letter == "\uff0b" else letter


# E.164 country codes of one and of two digits (ITU-T E.164 list); all others have three.
_TWO_DIGIT_CODE = re.compile("2[07]|3[0-469]|4[013-9]|5[1-8]|6[0-6]|8[1246]|9[0-58]")


def spaced_phone(e164: str) -> str:
    """The whole number as people dial it from paper, on one line: "+47 99 99 99 12"."""
    # As above: only what is printed for calling needs the library.
    import phonenumbers

    number = phonenumbers.parse(e164)
    spaced: str = phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.INTERNATIONAL)
    return spaced.replace(" ", "\u00a0")


def mask_phone(e164: str) -> str:
    """The number as people may see it: country code, first digit and last two ("+47 9xx xx x12").

    What is no E.164 number is masked whole.
    """
    if not re.fullmatch(r"\+[1-9][0-9]{6,14}", e164):
        return "(phone number)"
    digits = e164[1:]
    length = 1 if digits[0] in "17" else 2 if _TWO_DIGIT_CODE.match(digits) else 3
    code, number = digits[:length], digits[length:]
    if code == "47" and len(number) == 8:
        return f"+47 {number[0]}xx xx x{number[-2:]}"
    return f"+{code} {number[0]}{'x' * (len(number) - 3)}{number[-2:]}"
