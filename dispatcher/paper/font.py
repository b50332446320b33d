"""The font of PDF files: Roboto (Apache License 2.0). It has the letters of Norwegian and of the Sámi languages."""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path
from typing import Final

NAME: Final = "Roboto"
_FILE: Final = Path(__file__).with_name("fonts") / "Roboto-Regular.ttf"
_SPACES = re.compile(r"[^\S\u00a0]+")


@cache
def make_known() -> frozenset[int]:
    """Make the font known to reportlab, before it is used; gives the code points that it has."""
    from reportlab.pdfbase import pdfmetrics
    from reportlab.pdfbase.ttfonts import TTFont

    font = TTFont(NAME, str(_FILE))
    pdfmetrics.registerFont(font)
    return frozenset(font.face.charToGlyph)


def drawable(text: str) -> str:
    """The text on one line, with � for each letter that the font lacks. Spaces that hold words together stay."""
    known = make_known()
    return "".join(
        letter if ord(letter) in known or letter == " " else "�" for letter in _SPACES.sub(" ", text.strip())
    )
