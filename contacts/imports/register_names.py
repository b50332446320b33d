"""Names as the population register writes them, in capitals, as people write them (pure)."""

from __future__ import annotations

import re

# Particles before a family name. In given names they are names: "Van", "Di".
_PARTICLES = {"af", "av", "da", "de", "del", "della", "den", "der", "di", "do", "dos", "du", "la", "le", "ten", "ter"}
_PARTICLES |= {"van", "von", "zu", "el", "al", "bin", "ibn"}
_WORD = re.compile(r"[^\W\d_]+")


def given_name(text: str) -> str:
    """ "ANNE-LISE MARI" → "Anne-Lise Mari". What is not all in capitals stays as it is."""
    return _capitalised(text)


def family_name(text: str) -> str:
    """ "VON DER LIPPE" → "von der Lippe", "ČÁHPPE-O'BRIEN" → "Čáhppe-O'Brien"."""
    if text != text.upper():
        return _tidy(text)
    words = _capitalised(text).split(" ")
    last = len(words) - 1
    return " ".join(
        word.lower() if place < last and word.lower() in _PARTICLES else word for place, word in enumerate(words)
    )


def _capitalised(text: str) -> str:
    tidy = _tidy(text)
    if tidy != tidy.upper():
        return tidy
    return _WORD.sub(lambda found: found[0][0] + found[0][1:].lower(), tidy)


def _tidy(text: str) -> str:
    return " ".join(text.split())
