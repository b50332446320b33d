"""What must be known of FINT's answers before their records can be made: whose pupil record, which school, all of it?

FINT spreads one student over resources that name each other by any of their addresses: person, elev (the pupil),
elevforhold (a pupil at a school), klassemedlemskap. The files are therefore read twice. This first reading keeps a few
short texts for each pupil and each elevforhold: of addresses those that stand at the pupil, and no name.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from functools import cached_property
from pathlib import Path
from typing import Final

from config.clock import oslo_date
from contacts.imports.fint_contacts import Written, written_contacts
from contacts.imports.fint_links import (
    PERSON,
    Entry,
    Link,
    hrefs,
    identifier_value,
    link,
    own_links,
    person_identifier,
    person_identifiers,
    text,
)
from contacts.imports.hal_json import Page, hal_entries
from contacts.imports.records import GroupKind, Identifier, shown

FORMAT: Final = "fint"
SOURCE: Final = "fint"
GROUPS: Final = {
    "klasse": GroupKind.HOME,
    "basisgruppe": GroupKind.HOME,  # what a klasse is called in version 3
    "undervisningsgruppe": GroupKind.GROUP,
    "kontaktlarergruppe": GroupKind.GROUP,
}
MEMBERSHIPS: Final = {f"{group}medlemskap": group for group in GROUPS}
ID_FIELDS: Final = {
    PERSON: ("fodselsnummer",),
    "elev": ("systemId", "elevnummer", "feidenavn", "brukernavn"),
    "elevforhold": ("systemId",),
    "skole": ("systemId", "organisasjonsnummer", "skolenummer"),
    "arstrinn": ("systemId",),
    "kontaktperson": ("systemId",),
    **dict.fromkeys((*GROUPS, *MEMBERSHIPS), ("systemId",)),
}
# Without one of these an answer is not all that FINT has.
_NEEDED = (PERSON, "elev", "elevforhold", "skole")
# Without one of these it is, but says nothing of what they tell.
_OPTIONAL = (*(name for name, kind in GROUPS.items() if kind is not GroupKind.HOME), "arstrinn", "kontaktperson")
_FIRST_YEAR = 1900  # "0001-01-01": a field that nobody filled in
_LAST_YEAR = 2200  # "9999-12-31": no end


@dataclass(frozen=True, slots=True)
class Period:
    """Days from `begins` on; `ended_on`, the first day on which it is over, is no longer among them."""

    begins: date | None = None
    ended_on: date | None = None

    def over(self, today: date) -> bool:
        return self.ended_on is not None and self.ended_on <= today

    def within(self, other: Period) -> Period:
        """The days that both have."""
        begins = max((each for each in (self.begins, other.begins) if each), default=None)
        return Period(begins, min((each for each in (self.ended_on, other.ended_on) if each), default=None))


@dataclass(frozen=True, slots=True)
class Pupil:
    """One elev: what the store calls them, the number that people type for them, and how the school reaches them."""

    person: Identifier | None
    own: Identifier | None
    number: str
    contacts: Written | None = field(default=None, repr=False, compare=False)

    @property
    def identifier(self) -> Identifier | None:
        return self.person or self.own


@dataclass(frozen=True, slots=True)
class Placement:
    """One elevforhold: the addresses of pupil and school, and its days. None: a date in it cannot be read."""

    pupil: Link | None
    period: Period | None


@dataclass(frozen=True, slots=True)
class Contact:
    """One kontaktperson: itself, and whom it names. Which of them is the student, the version of FINT decides."""

    own: Identifier
    of: tuple[Identifier, ...]
    named: tuple[Identifier, ...]


@dataclass(slots=True)
class Resource:
    """How much of one resource the files hold. `totals`: what they say of its size; None where one says nothing."""

    ids: set[str] = field(default_factory=set)
    totals: set[int | None] = field(default_factory=set)


@dataclass
class Index:
    """The first reading. Keys are addresses without host and component."""

    resources: dict[str, Resource] = field(default_factory=dict)
    pupils: dict[str, Pupil | None] = field(default_factory=dict)  # None: two pupils have this address
    by_person: dict[Identifier, list[Pupil]] = field(default_factory=dict)
    placed: set[str] = field(default_factory=set)  # addresses of the pupils who have an elevforhold that is not over
    placements: dict[str, Placement] = field(default_factory=dict)
    schools: dict[str, str] = field(default_factory=dict)
    grades: dict[str, str] = field(default_factory=dict)
    contacts: dict[str, Contact] = field(default_factory=dict)
    persons: set[Identifier] = field(default_factory=set)
    direct: set[str] = field(default_factory=set)  # groups whose members are told without a membership of its own

    @property
    def complete(self) -> bool:
        return not self.lacks

    def pupil(self, address: Link | None) -> Identifier | None:
        """What the store calls the pupil at `address`; None when nobody can tell who that is."""
        if address is None or address.resource != "elev":
            return None
        if address.key in self.pupils:
            found = self.pupils[address.key]
            return None if found is None else found.identifier
        return Identifier(SOURCE, address.key) if address.name == "systemid" else None

    def sides(self, contact: Contact) -> tuple[tuple[Identifier, ...], tuple[Identifier, ...]]:
        """The students of a kontaktperson, and the persons who are to be contacted.

        Version 3 names the student under `person`. Version 4 has `kontaktperson` alone, which is written both ways:
        whoever of them is a pupil is the student.
        """
        if contact.of:
            return contact.of, contact.named or (contact.own,)
        others = tuple(each for each in contact.named if each not in self.by_person)
        return tuple(each for each in contact.named if each in self.by_person), others or (contact.own,)

    @property
    def unspoken(self) -> list[str]:
        """The optional resources that are not among the files. To be asked when they have been read."""
        return [name for name in _OPTIONAL if name not in self.resources]

    @cached_property
    def lacks(self) -> list[str]:
        """Why the files are not all that FINT has; empty when they are. To be asked when they have been read."""
        found = [f"{name} is missing" for name in _NEEDED if name not in self.resources]
        if not any(name in self.resources for name, kind in GROUPS.items() if kind is GroupKind.HOME):
            found.append("klasse is missing")
        found.extend(
            f"{membership} is missing"
            for membership, group in MEMBERSHIPS.items()
            if group in self.resources and membership not in self.resources and group not in self.direct
        )
        for name, resource in self.resources.items():
            totals = {total for total in resource.totals if total is not None}
            if len(totals) > 1:
                found.append(f"the files of {name} say unlike total_items")
            elif not totals or None in resource.totals:
                found.append(f"{name} does not say its total_items")
            elif (total := totals.pop()) != len(resource.ids):
                found.append(f"{name}: {shown(len(resource.ids))} of {shown(total)}")
        return found


def resource_of(entry: Entry, named: str | None) -> str | None:
    """What `entry` is: by its own address, else by the name of its file. None when neither says it."""
    own = link(entry, "self")
    return own.resource if own else named


def named_resource(path: Path) -> str | None:
    """The resource that a file's name speaks of ("elevforhold-2.json", "personresource.json")."""
    words = [word.removesuffix("resource") for word in re.findall("[a-z]+", path.stem.casefold())]
    return next((word for word in reversed(words) if word in ID_FIELDS), None)


def build_index(paths: list[Path], today: date) -> Index:
    """Read the files for the first time. Raises UsageError when one cannot be used."""
    index = Index()
    for path in paths:
        named, page = named_resource(path), Page()
        met: set[str] = set()
        for entry in hal_entries(path, page):
            resource = resource_of(entry, named) if isinstance(entry, dict) else None
            if resource in ID_FIELDS and isinstance(entry, dict):
                met.add(resource)
                _take(index, resource, entry, today)
        if not met and named:
            met.add(named)
        for name in met:
            index.resources.setdefault(name, Resource()).totals.add(page.total_items)
    return index


def _take(index: Index, resource: str, entry: Entry, today: date) -> None:
    own = own_links(entry, resource, ID_FIELDS[resource])
    count = index.resources.setdefault(resource, Resource())
    # Without any address it is one more that nobody can tell from the others.
    count.ids.add(own[0].key if own else f"/{len(count.ids)}")
    if not own:
        return
    if resource == PERSON:
        index.persons.update(each for each in map(person_identifier, own) if each)
    elif resource == "elev":
        _take_pupil(index, entry, own)
    elif resource == "elevforhold":
        _take_placement(index, entry, own, today)
    elif resource == "skole":
        index.schools.update((each.key, own[0].key) for each in own)
    elif resource == "arstrinn":
        index.grades.update((each.key, text(entry, "navn")) for each in own)
    elif resource == "kontaktperson":
        contact = Contact(Identifier(SOURCE, own[0].key), _persons(entry, PERSON), _persons(entry, "kontaktperson"))
        index.contacts.update((each.key, contact) for each in own)
    elif resource in GROUPS and hrefs(entry, "elevforhold"):
        index.direct.add(resource)


def _take_pupil(index: Index, entry: Entry, own: list[Link]) -> None:
    person = next((each for each in person_identifiers(entry, PERSON) if each), None)
    system = next((each for each in own if each.name == "systemid"), None)
    number = identifier_value(entry, "elevnummer") or identifier_value(entry, "systemId")
    own_id = Identifier(SOURCE, system.key) if system else None
    pupil = Pupil(person, own_id, number[:256], written_contacts(entry))
    for each in own:
        index.pupils[each.key] = pupil if index.pupils.get(each.key, pupil) == pupil else None
    if person and pupil not in (others := index.by_person.setdefault(person, [])):
        others.append(pupil)


def _take_placement(index: Index, entry: Entry, own: list[Link], today: date) -> None:
    pupil = link(entry, "elev")
    try:
        period: Period | None = placement_period(entry)
    except ValueError:
        period = None
    if pupil and (period is None or not period.over(today)):
        index.placed.add(pupil.key)
    index.placements.update((each.key, Placement(pupil, period)) for each in own)
    index.direct.update(name for name in GROUPS if hrefs(entry, name))


def _persons(entry: Entry, relation: str) -> tuple[Identifier, ...]:
    return tuple(dict.fromkeys(each for each in person_identifiers(entry, relation) if each))


def placement_period(entry: Entry) -> Period:
    """The days of an elevforhold, to and with the day on which it was broken off. Raises ValueError."""
    broken_off = day(entry.get("avbruddsdato"))
    return period(entry).within(Period(None, None if broken_off is None else broken_off + timedelta(days=1)))


def period(entry: Entry) -> Period:
    """The days of its gyldighetsperiode, the last one among them. Raises ValueError."""
    told = entry.get("gyldighetsperiode")
    if told is None:
        return Period()
    if not isinstance(told, dict):
        raise ValueError("no period")
    last = day(told.get("slutt"))
    return Period(day(told.get("start")), None if last is None else last + timedelta(days=1))


def day(value: object) -> date | None:
    """The day in Oslo of a date or a moment; None for none, and for one without end. Raises ValueError.

    A system that writes a day as the moment at which it begins in Oslo writes 2 March as 1 March, 23:00 UTC.
    """
    if value is None or value == "":
        return None
    if not isinstance(value, str) or not re.match(r"[0-9]{4}-[0-9]{2}-[0-9]{2}(T|$)", value.strip()):
        raise ValueError("no day")
    moment = datetime.fromisoformat(value.strip())
    if moment.year < _FIRST_YEAR:
        raise ValueError("no year of ours")
    if moment.year >= _LAST_YEAR:
        return None
    # The offset of another place means the day that is written there; universal time means none.
    return oslo_date(moment) if moment.tzinfo and not moment.utcoffset() else moment.date()


def each_entry(path: Path) -> Iterator[tuple[int, str | None, object]]:
    """Number, resource and contents of each entry, for the second reading. Raises UsageError."""
    named = named_resource(path)
    for number, entry in enumerate(hal_entries(path, Page()), 1):
        yield number, resource_of(entry, named) if isinstance(entry, dict) else None, entry
