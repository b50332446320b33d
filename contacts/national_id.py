"""Norwegian identity numbers: fødselsnummer and D-number, real and synthetic (pure).

Sources: the Tax Administration's description of the identity numbers from 2032 (the first check digit may leave the
remainder 0, 1, 2 or 3, and the individual digits carry no century), and its published test vectors. Hence no birth
date is offered here: it comes from the register's birth-date field alone.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from enum import StrEnum

# What is added to the month in the test series: NAV (Dolly) 40, the health network 65, the Tax Administration 80.
# H-numbers, which hospitals make for themselves with month + 40, are never in the registers read here.
_SYNTHETIC_MONTHS = (40, 65, 80)
_D_NUMBER_DAY = 40
_DAYS = (31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31)
_FIRST_WEIGHTS = (3, 7, 6, 1, 8, 9, 4, 5, 2, 1)
_SECOND_WEIGHTS = (5, 4, 3, 2, 7, 6, 5, 4, 3, 2, 1)
_FIRST_REMAINDERS = (0, 1, 2, 3)

_WRITTEN = re.compile(r"([0-9]{6})[ \u00a0]?([0-9]{5})")


class IdKind(StrEnum):
    FNR = "fnr"  # fødselsnummer
    DNR = "dnr"  # D-number, given to people without residence


class IdFault(StrEnum):
    NOT_ELEVEN_DIGITS = "not_eleven_digits"
    NO_SUCH_DAY = "no_such_day"
    CHECK_DIGITS = "check_digits"


_WORDS = {
    IdFault.NOT_ELEVEN_DIGITS: "an identity number has 11 digits (a spreadsheet may have dropped a leading 0)",
    IdFault.NO_SUCH_DAY: "the first six digits of the identity number are no day",
    IdFault.CHECK_DIGITS: "the check digits of the identity number are wrong: a digit is mistyped",
}


class NationalIdError(ValueError):
    """Not an identity number. The text never holds what was read."""

    def __init__(self, fault: IdFault) -> None:
        super().__init__(_WORDS[fault])
        self.fault = fault


@dataclass(frozen=True, slots=True, repr=False)
class NationalId:
    """A valid identity number of 11 digits; `repr` and `str` hide it.

    `synthetic` numbers belong to nobody: they are for tests and training.
    """

    number: str
    kind: IdKind = field(init=False)
    synthetic: bool = field(init=False)

    def __post_init__(self) -> None:
        kind, synthetic = _inspect(self.number)
        object.__setattr__(self, "kind", kind)
        object.__setattr__(self, "synthetic", synthetic)

    @classmethod
    def parse(cls, text: str) -> NationalId:
        """Read a number as people write it: space around it, and one space after the date.

        Raises NationalIdError (a ValueError).
        """
        written = _WRITTEN.fullmatch(text.strip())
        if written is None:
            raise NationalIdError(IdFault.NOT_ELEVEN_DIGITS)
        return cls(written[1] + written[2])

    def __repr__(self) -> str:
        return f"NationalId({self.kind}, {'synthetic' if self.synthetic else 'real'})"

    __str__ = __repr__


def is_national_id(text: str) -> bool:
    """Some systems put the identity number where another id belongs."""
    try:
        NationalId.parse(text)
    except NationalIdError:
        return False
    return True


def _inspect(number: str) -> tuple[IdKind, bool]:
    if not re.fullmatch("[0-9]{11}", number):
        raise NationalIdError(IdFault.NOT_ELEVEN_DIGITS)
    day, month, year = int(number[0:2]), int(number[2:4]), int(number[4:6])
    kind = IdKind.FNR
    if day > _D_NUMBER_DAY:
        kind, day = IdKind.DNR, day - _D_NUMBER_DAY
    series = next((added for added in _SYNTHETIC_MONTHS if added < month <= added + 12), 0)
    month -= series
    if not 1 <= month <= 12 or not 1 <= day <= _DAYS[month - 1] or (day == 29 and month == 2 and year % 4):
        # The century is unknown, so a year of two digits is a leap year when it can be one (00 is: 2000).
        raise NationalIdError(IdFault.NO_SUCH_DAY)
    digits = [int(digit) for digit in number]
    first = sum(weight * digit for weight, digit in zip(_FIRST_WEIGHTS, digits, strict=False)) % 11
    second = sum(weight * digit for weight, digit in zip(_SECOND_WEIGHTS, digits, strict=True)) % 11
    if first not in _FIRST_REMAINDERS or second != 0:
        raise NationalIdError(IdFault.CHECK_DIGITS)
    return kind, series > 0
