"""FINT's links between resources, and what they call a person or a thing (pure).

A resource has several addresses, one for each of its ids: `…/elev/elev/systemid/17`, `…/elev/elev/elevnummer/500001`.
Host, component and case differ between answers, so two links are the same when resource, id field and value are.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Final, TypeAlias
from urllib.parse import unquote

from contacts.imports.records import NIN, OTHER_NUMBER, Identifier
from contacts.national_id import NationalId

Entry: TypeAlias = Mapping[str, object]

PERSON: Final = "person"
_NUMBER_FIELD = "fodselsnummer"
_PLACEHOLDER = re.compile(r"\$\{(?:.*\.)?([^.}]+)\}")  # "${felles.person}": written before the host was known
_LONGEST_VALUE = 160  # of an id: with resource and field it fits into what the store keeps
_LONGEST_NAME = 48  # of a resource, and of an id field


@dataclass(frozen=True, slots=True)
class Link:
    """An address without host and component. Its repr hides the value, which may be an identity number."""

    resource: str
    name: str
    value: str = field(repr=False)

    @property
    def key(self) -> str:
        return f"{self.resource}/{self.name}/{self.value}"


def parse_link(href: object) -> Link | None:
    """The link in `href`; None when it does not end in resource, id field and value."""
    if not isinstance(href, str):
        return None
    parts = href.strip().partition("?")[0].rstrip("/").split("/")
    if len(parts) < 3:
        return None
    resource, name, value = (unquote(part).strip().casefold() for part in parts[-3:])
    if placeholder := _PLACEHOLDER.fullmatch(resource):
        resource = placeholder[1]
    usable = _usable(resource, _LONGEST_NAME) and _usable(name, _LONGEST_NAME) and _usable(value)
    return Link(resource, name, value) if usable else None


def _usable(part: str, longest: int = _LONGEST_VALUE) -> bool:
    return 0 < len(part) <= longest and part.isprintable()


def hrefs(entry: Entry, relation: str) -> list[object]:
    """The addresses that `entry` has under `relation`, as they are written."""
    links = entry.get("_links")
    if not isinstance(links, dict):
        return []
    found: list[object] = []
    for name, told in links.items():
        if name.casefold() == relation:
            found.extend(told if isinstance(told, list) else [told])
    return [each.get("href") if isinstance(each, dict) else each for each in found if each is not None]


def links(entry: Entry, relation: str) -> list[Link]:
    """The links of `entry` under `relation` that can be understood, each once."""
    return list(dict.fromkeys(link for href in hrefs(entry, relation) if (link := parse_link(href)) is not None))


def link(entry: Entry, relation: str) -> Link | None:
    """The first of them; None when there is none."""
    return next(iter(links(entry, relation)), None)


def own_links(entry: Entry, resource: str, fields: tuple[str, ...]) -> list[Link]:
    """Every address of the entry itself: one for each id field that it fills in, then those under `self`."""
    made = [
        Link(resource, name.casefold(), value.casefold())
        for name in fields
        if _usable(value := identifier_value(entry, name))
    ]
    return list(dict.fromkeys([*made, *(each for each in links(entry, "self") if each.resource == resource)]))


def identifier_value(entry: Entry, name: str) -> str:
    """The value of the Identifikator `name`; "" without one."""
    told = entry.get(name)
    return text(told, "identifikatorverdi") if isinstance(told, dict) else ""


def text(entry: Entry, name: str) -> str:
    """The text of a member, without what cannot be printed; "" for one that is absent or no text."""
    value = entry.get(name)
    if not isinstance(value, str):
        return ""
    return "".join(letter for letter in " ".join(value.split()) if letter.isprintable())


def person_identifier(person: Link) -> Identifier | None:
    """What the store calls the person of a link; None when the link is no person's number.

    A number that is no identity number (made up for somebody without one, or mistyped) serves to tell who is who, and
    is kept as a keyed hash alone.
    """
    if person.resource != PERSON or person.name != _NUMBER_FIELD:
        return None
    try:
        return Identifier(NIN, NationalId.parse(person.value).number)
    except ValueError:
        return Identifier(OTHER_NUMBER, person.value)


def person_identifiers(entry: Entry, relation: str) -> Iterator[Identifier | None]:
    """The persons under `relation`; None for an address that names nobody by number."""
    for href in hrefs(entry, relation):
        found = parse_link(href)
        yield None if found is None else person_identifier(found)
