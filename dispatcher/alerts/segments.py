"""How an SMS is cut into parts and priced: GSM-7 or UCS-2, units, segments; and plain letters for a text.

Source of the sizes and alphabets: 3GPP TS 23.038 (GSM 03.38), section 6.2.1, and TS 23.040, section 9.2.3.24
(the six bytes of a concatenation header). æ ø å Æ Ø Å é è à ò ù ì ö ä ü ñ ß are in GSM-7; the Sámi letters
á č đ ŋ š ŧ ž are not, nor are « » – ’ … and the no-break space: one of them makes the whole text UCS-2.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum

GSM_BASIC = frozenset(
    "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?"
    "¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§¿abcdefghijklmnopqrstuvwxyzäöñüà"
)
GSM_EXTENSION = frozenset("\f^{}\\[~]|€")

_GSM_SINGLE, _GSM_PART = 160, 153
_UCS2_SINGLE, _UCS2_PART = 70, 67


class Encoding(StrEnum):
    GSM7 = "GSM-7"
    UCS2 = "UCS-2"


@dataclass(frozen=True, slots=True)
class SmsSize:
    """What a text costs: `units` are septets in GSM-7 and 16-bit units in UCS-2; `segments` is what is paid for."""

    encoding: Encoding
    units: int
    segments: int


def measure(text: str) -> SmsSize:
    """The size of a text as it stands. An empty text has no segment."""
    if all(letter in GSM_BASIC or letter in GSM_EXTENSION for letter in text):
        widths = [2 if letter in GSM_EXTENSION else 1 for letter in text]
        return _size(Encoding.GSM7, widths, _GSM_SINGLE, _GSM_PART)
    widths = [2 if ord(letter) > 0xFFFF else 1 for letter in text]
    return _size(Encoding.UCS2, widths, _UCS2_SINGLE, _UCS2_PART)


def outside_gsm7(text: str) -> str:
    """The letters that make a text UCS-2, each once, in the order they come."""
    return "".join(dict.fromkeys(one for one in text if one not in GSM_BASIC and one not in GSM_EXTENSION))


def _size(encoding: Encoding, widths: Iterable[int], single: int, part: int) -> SmsSize:
    widths = list(widths)
    units = sum(widths)
    if units <= single:
        return SmsSize(encoding, units, 1 if units else 0)
    segments, room = 1, part
    for width in widths:
        # An extension character or a surrogate pair is never cut in two: it moves to the next part whole.
        if width > room:
            segments, room = segments + 1, part
        room -= width
    return SmsSize(encoding, units, segments)


# What word processors and web pages put in place of plain signs. Sámi letters are no accident and are kept.
_PLAIN = str.maketrans(
    {
        **dict.fromkeys("“”„‟«»″", '"'),
        **dict.fromkeys("‘’‚‛‹›′´`", "'"),
        **dict.fromkeys("‐‑‒–—―−•", "-"),
        "…": "...",
    }
)
_LINE_END = re.compile("\r\n?|[\v\f\x85\u2028\u2029]")
_AROUND_LINE_END = re.compile(r"[^\S\n]*\n[^\S\n]*")
_EMOJI_JOINER = re.compile(
    "(?<=[\u2600-\u27bf\ufe0f\U0001f000-\U0001faff])\u200d(?=[\u2600-\u27bf\U0001f000-\U0001faff])"
)
_JOINED = "\ue000"  # stands for an emoji joiner while the invisible characters are taken out


def clean(text: str) -> str:
    """The same text without what nobody sees: control and zero-width characters; one kind of line end; NFC.

    Quotes and dashes stay as typed (for e-mail). Raises ValueError for bytes that are no text (lone surrogates).
    """
    if any(unicodedata.category(letter) == "Cs" for letter in text):
        raise ValueError("the text holds bytes that are not UTF-8")
    text = _LINE_END.sub("\n", text).replace(_JOINED, "")
    text = _EMOJI_JOINER.sub(_JOINED, text)
    letters = []
    for letter in text:
        category = unicodedata.category(letter)
        if letter == "\n" or category not in ("Cc", "Cf", "Zs"):
            letters.append(letter)
        elif letter == "\t" or category == "Zs":
            letters.append(" ")
    text = "".join(letters).replace(_JOINED, "\u200d")
    return unicodedata.normalize("NFC", _AROUND_LINE_END.sub("\n", text)).strip()


def tidy(text: str) -> str:
    """A clean text in plain signs, for SMS: word-processor quotes, dashes, ellipsis and spaces are replaced.

    Sámi and all other letters are kept. Idempotent. Raises ValueError as `clean` does.
    """
    return clean(clean(text).translate(_PLAIN))
