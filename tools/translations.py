"""Bring the portal's catalogues up to what its code and templates say, for a translator to fill in what is new.

Usage: python tools/translations.py. It keeps what is translated, drops what nothing says any more, and ends with 1 when
a text lacks a translation. The English text is the one in the code.
"""

from __future__ import annotations

import sys
from pathlib import Path

from babel.messages.catalog import Catalog
from babel.messages.extract import extract_from_dir
from babel.messages.pofile import read_po, write_po

from dispatcher.alerts.preview import REASON_WORDS

ROOT = Path(__file__).parents[1]
CATALOGUES = ROOT / "portal" / "translations"
LANGUAGES = ("nb", "nn", "se")
_METHODS = [("**.py", "python"), ("templates/**.html", "jinja2")]
_OPTIONS = {"templates/**.html": {"trimmed": "true", "silent": "false"}}
_KEYWORDS = {"marked": None, "_": None, "gettext": None, "ngettext": (1, 2)}


def said() -> Catalog:
    """Every text of the portal, as the code and the templates have it."""
    catalogue = Catalog(project="beredskap", charset="utf-8")
    found = extract_from_dir(str(ROOT / "portal"), _METHODS, _OPTIONS, _KEYWORDS)  # type: ignore[arg-type]
    for file, _line, message, comments, context in sorted(found, key=lambda one: (one[0], one[1])):
        catalogue.add(message, locations=[(file, None)], auto_comments=comments, context=context)  # type: ignore[list-item]
    # The commands say them, too: they stand with the preview that both show.
    for words in REASON_WORDS.values():
        catalogue.add(words, locations=[("../dispatcher/alerts/preview.py", None)])
    return catalogue


def read(language: str) -> Catalog:
    file = CATALOGUES / f"{language}.po"
    if not file.exists():
        return Catalog(locale=language, project="beredskap", charset="utf-8")
    with file.open("rb") as opened:
        return read_po(opened, locale=language)


def lacking(catalogue: Catalog) -> list[str]:
    """The texts that a catalogue has no translation of."""
    return [
        str(one.id)
        for one in catalogue
        if one.id and (one.fuzzy or not (all(one.string) if isinstance(one.string, tuple) else one.string))
    ]


def main() -> int:
    template = said()
    missing = 0
    for language in LANGUAGES:
        catalogue = read(language)
        catalogue.update(template, no_fuzzy_matching=True)
        catalogue.obsolete.clear()
        with (CATALOGUES / f"{language}.po").open("wb") as file:
            write_po(file, catalogue, width=100, omit_header=True, sort_output=True, include_lineno=False)
        for text in lacking(catalogue):
            missing += 1
            sys.stdout.write(f"{language}: {text}\n")
    return 1 if missing else 0


if __name__ == "__main__":
    raise SystemExit(main())
