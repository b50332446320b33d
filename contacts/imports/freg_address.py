"""Where a letter reaches a person, by the population register's document about them (pure).

What the person has asked post to be sent to comes first, then where they live, then where they stay. An address that is
graded is never read, whichever grade, and of a person who is graded none is: see `document_records`.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Callable, Iterator, Mapping
from typing import Final

from contacts.postal import NORWAY, PostalAddress

_Element = Mapping[str, object]
_LONGEST_LINE: Final = 100
_MOST_LINES: Final = 6
_PARTS: Final = ("postadresse", "bostedsadresse", "oppholdsadresse", "postadresseIUtlandet")


def postal_address(current: Callable[[str], list[dict[str, object]]]) -> PostalAddress | None:
    """The address for letters; None where the register has none that a letter can be sent to.

    `current`: the elements in force of a part of the document, by its name.
    """
    for part in _PARTS:
        for element in current(part):
            if _graded(element):
                continue
            for read in _READERS:
                found = read(element)
                if found is not None:
                    return found
    return None


def _graded(element: _Element) -> bool:
    return _text(element, "adressegradering").casefold() not in ("", "ugradert")


def _free(element: _Element) -> PostalAddress | None:
    free = _element(element, "postadresseIFrittFormat")
    lines = free.get("adresselinje")
    return _norwegian(free, *(_clean(line) for line in (lines if isinstance(lines, list) else [lines])))


def _box(element: _Element) -> PostalAddress | None:
    box = _element(element, "postboksadresse")
    number = _text(box, "postboks")
    if number and not number.casefold().startswith("postboks"):
        number = f"Postboks {number}"
    return _norwegian(box, _text(box, "postbokseier"), number) if number else None


def _road(element: _Element) -> PostalAddress | None:
    road = _element(element, "vegadresse")
    number = _element(road, "adressenummer")
    house = _text(number, "husnummer") + _text(number, "husbokstav")
    name = " ".join(part for part in (_text(road, "adressenavn"), house) if part)
    return _norwegian(road, _care_of(road), _text(road, "adressetilleggsnavn"), name) if name else None


def _land(element: _Element) -> PostalAddress | None:
    # A farm without a road's name goes by its own; without one a letter finds it nowhere.
    land = _element(element, "matrikkeladresse")
    name = _text(land, "adressetilleggsnavn")
    return _norwegian(land, _care_of(land), name) if name else None


def _abroad(element: _Element) -> PostalAddress | None:
    there = _element(element, "utenlandskAdresse")
    box = _text(there, "postboks")
    rest = (_text(there, name) for name in ("adressenavn", "bygning", "etasjenummer", "boenhet"))
    return _foreign(there, _care_of(there), *rest, box, after=(_text(there, "distriktsnavn"), _text(there, "region")))


def _abroad_free(element: _Element) -> PostalAddress | None:
    there = _element(element, "utenlandskAdresseIFrittFormat")
    lines = there.get("adresselinje")
    return _foreign(there, *(_clean(line) for line in (lines if isinstance(lines, list) else [lines])))


_READERS: Final = (_free, _box, _road, _land, _abroad, _abroad_free)


def _norwegian(part: _Element, *lines: str) -> PostalAddress | None:
    place = _element(part, "poststed")
    code, name = _text(place, "postnummer"), _text(place, "poststedsnavn")
    told = tuple(_filled(lines))[:_MOST_LINES]
    if not told or not (len(code) == 4 and code.isascii() and code.isdigit()) or not name:
        return None
    return PostalAddress(told, code, name)


def _foreign(part: _Element, *lines: str, after: tuple[str, ...] = ()) -> PostalAddress | None:
    country = _text(part, "landkode").upper()
    town = _text(part, "byEllerStedsnavn")
    told = tuple(_filled((*lines, *after)))[:_MOST_LINES]
    if len(country) != 2 or not country.isascii() or not country.isalpha() or country == NORWAY or not (told and town):
        return None
    return PostalAddress(told, _text(part, "postkode"), town, country)


def _care_of(part: _Element) -> str:
    name = _text(part, "coAdressenavn")
    return name if not name or name.casefold().startswith("c/o") else f"c/o {name}"


def _filled(lines: tuple[str, ...]) -> Iterator[str]:
    return (line for line in lines if line)


def _element(part: _Element, name: str) -> _Element:
    value = part.get(name)
    return value if isinstance(value, dict) else {}


def _text(part: _Element, name: str) -> str:
    return _clean(part.get(name))


def _clean(value: object) -> str:
    """One line without what no letter and no database takes: control characters, halves of surrogate pairs."""
    if not isinstance(value, str):
        return ""
    plain = "".join(" " if unicodedata.category(letter) in ("Cc", "Cs", "Zl", "Zp") else letter for letter in value)
    return " ".join(plain.split())[:_LONGEST_LINE]
