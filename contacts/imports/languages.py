"""Language codes of other systems, as the four languages that alerts are written in."""

from __future__ import annotations

_LANGUAGES = {
    # "no" says Norwegian without saying which; most who write it mean bokmål.
    **dict.fromkeys(("nb", "nob", "no", "nor"), "nb"),
    **dict.fromkeys(("nn", "nno"), "nn"),
    **dict.fromkeys(("se", "sme"), "se"),
    **dict.fromkeys(("en", "eng"), "en"),
}


def language(code: str | None) -> str | None:
    """nb, nn, se or en for an ISO 639 code ("nno", "en-GB"); None for any other: the school's default is used."""
    if not code:
        return None
    return _LANGUAGES.get(code.strip().lower().replace("_", "-").partition("-")[0])
