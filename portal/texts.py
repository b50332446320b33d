"""The portal's words in four languages, by gettext: English in the code and the templates, the others in catalogues."""

from __future__ import annotations

import gettext
from collections.abc import Callable
from functools import cache
from io import BytesIO
from pathlib import Path
from typing import Final, NewType, get_args

from babel.core import Locale
from babel.dates import format_date, format_datetime
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po

from config.clock import OSLO
from config.sections import Language

LANGUAGES: Final[tuple[str, ...]] = get_args(Language)
DEFAULT: Final = "nb"
# What a language calls itself, for whoever looks for theirs.
NAMES: Final = {"nb": "Bokmål", "nn": "Nynorsk", "se": "Davvisámegiella", "en": "English"}
CATALOGUES: Final = Path(__file__).with_name("translations")

Text = NewType("Text", str)
_PREFERRED: Final = {"nb": "nb", "no": "nb", "nn": "nn", "se": "se", "smn": "se", "sms": "se", "en": "en"}


def marked(text: str) -> str:
    """A text that is translated where it is shown; so that it is found when the catalogues are made."""
    return text


@cache
def translations(language: str) -> gettext.NullTranslations:
    """The catalogue of one of LANGUAGES; read when it is first asked for, from the file that translators edit."""
    file = CATALOGUES / f"{language}.po"
    if not file.exists():  # English
        return gettext.NullTranslations()
    with file.open("rb") as opened:
        catalogue = read_po(opened, locale=language)
    compiled = BytesIO()
    write_mo(compiled, catalogue)
    compiled.seek(0)
    return gettext.GNUTranslations(compiled)


def translator(language: str) -> Callable[[str], str]:
    return translations(language).gettext


def preferred(accept_language: str) -> str:
    """The language for a browser that asks by this header, and has chosen none; the first it names that we have."""
    for part in accept_language.split(","):
        tag = part.partition(";")[0].strip().partition("-")[0].casefold()
        if tag in _PREFERRED:
            return _PREFERRED[tag]
    return DEFAULT


def day_words(day: object, language: str) -> str:
    """A day, or the day of a moment in Oslo, as people of the language write it: "23. november 2026"."""
    return format_date(day.astimezone(OSLO) if hasattr(day, "astimezone") else day, "long", locale=_locale(language))  # type: ignore[arg-type]


def moment_words(moment: object, language: str) -> str:
    """A moment in Oslo: "23. nov. 2026, 08:40"."""
    return format_datetime(moment.astimezone(OSLO), "d MMM y HH:mm", locale=_locale(language))  # type: ignore[attr-defined]


@cache
def _locale(language: str) -> Locale:
    return Locale.parse("en_GB" if language == "en" else language)
