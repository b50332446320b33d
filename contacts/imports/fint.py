"""The roster of FINT (Novari): HAL JSON answers of elev, elevforhold, skole, klasse and person, in a folder.

Source: FINT information model, versions 3 and 4 (utdanning, felles). Which file holds what is told by the addresses of
its entries, else by its name.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import Final

from contacts.codes import Basis
from contacts.imports.fint_index import (
    FORMAT,
    GROUPS,
    ID_FIELDS,
    MEMBERSHIPS,
    SOURCE,
    Index,
    Period,
    build_index,
    each_entry,
    period,
    placement_period,
)
from contacts.imports.fint_links import PERSON, Entry, Link, identifier_value, link, links, own_links, text
from contacts.imports.fint_person import contact_records, person_records, pupil_records
from contacts.imports.json_answers import json_files
from contacts.imports.records import (
    GroupKind,
    GroupRecord,
    MembershipRecord,
    Place,
    Reading,
    Record,
    Refusal,
    Unspoken,
)
from contacts.imports.xml_stream import stopped

_WANTED: Final = "FINT's JSON answers: elev, elevforhold, skole, klasse, person"
_NO_PERIOD = "a date of its gyldighetsperiode cannot be read"


def open_fint(paths: tuple[Path, ...], today: date) -> Reading:
    """The answers in `paths`, each a file or a folder of .json files; they belong together. `today`: the day in Oslo.

    All of them are read through once before the first record. Raises UsageError when one cannot be used, for a roster
    with a hole is none.
    """
    files = [file for file, _ in json_files(paths, _WANTED)]
    index = build_index(files, today)
    if not index.resources:
        raise stopped(files[0], "holds no resource of FINT that is used here", f"Give the folder of {_WANTED}.")
    lacks = index.lacks
    unspoken = index.unspoken
    if lacks:
        note = f"Adds and changes, ends nothing, for this is not all that FINT has: {'; '.join(lacks)}."
    else:
        note = "This is all that FINT has (total_items): what is absent ends."
        if unspoken:
            note += f" Not among the files, so that what came by it stays as it is: {', '.join(unspoken)}."
    held = "FINT tells nobody's address protection: new students are held until FREG's documents are imported."
    return Reading(
        FORMAT,
        SOURCE,
        not lacks,
        _records(files, index, today),
        tuple(file.name for file in files),
        notes=(note, held),
        unspoken=Unspoken(
            groups=tuple(f"{name}/" for name in unspoken if name in GROUPS),
            bases=(Basis.CONTACT_PERSON,) if "kontaktperson" in unspoken else (),
            grades="arstrinn" in unspoken,
        ),
    )


def _records(files: list[Path], index: Index, today: date) -> Iterator[Record]:
    for file in files:
        for number, resource, entry in each_entry(file):
            place = Place(file.name, f"entry {number}")
            if not isinstance(entry, dict) or resource is None:
                yield Refusal(place, "neither its own address nor the name of the file says what it is")
            elif resource in ID_FIELDS:
                yield from _entry_records(entry, resource, place, index, today)


def _entry_records(entry: Entry, resource: str, place: Place, index: Index, today: date) -> Iterator[Record]:
    own = own_links(entry, resource, ID_FIELDS[resource])
    if resource == PERSON:
        yield from person_records(entry, place, own, index, today)
    elif resource == "elev":
        yield from pupil_records(entry, place, own, index)
    elif resource == "kontaktperson":
        yield from contact_records(entry, place, own, index)
    elif resource == "skole":
        yield _school(entry, place, own)
    elif resource == "elevforhold":
        yield from _placement(entry, place, index, today)
    elif resource in GROUPS:
        yield _group(entry, place, own, resource, index)
        if own:
            for address in links(entry, "elevforhold"):
                yield from _member(place, own[0].key, address, Period(), index, today)
    elif resource in MEMBERSHIPS:
        yield from _membership(entry, place, MEMBERSHIPS[resource], index, today)


def _school(entry: Entry, place: Place, own: list[Link]) -> Record:
    name = text(entry, "navn") or text(entry, "organisasjonsnavn") or text(entry, "juridiskNavn")
    if not own or not name:
        return Refusal(place, "a school without name or id")
    number = "".join(digit for digit in identifier_value(entry, "organisasjonsnummer") if digit in "0123456789")
    ref = number if len(number) == 9 else identifier_value(entry, "skolenummer")
    return GroupRecord(place, own[0].key, GroupKind.SCHOOL, name[:256], ref=ref[:256] or None)


def _group(entry: Entry, place: Place, own: list[Link], resource: str, index: Index) -> Record:
    name = text(entry, "navn") or text(entry, "beskrivelse")
    if not own or not name:
        return Refusal(place, "a group without name or systemId")
    school, grade = link(entry, "skole"), link(entry, "trinn")
    return GroupRecord(
        place,
        own[0].key,
        GROUPS[resource],
        name[:256],
        parent=index.schools.get(school.key) if school else None,
        grade=(index.grades.get(grade.key, "")[:64] or None) if grade else None,
    )


def _placement(entry: Entry, place: Place, index: Index, today: date) -> Iterator[Record]:
    """A pupil at a school. One that is over and whose pupil is not among the files is nobody's business any more."""
    pupil, school = index.pupil(link(entry, "elev")), link(entry, "skole")
    about = () if pupil is None else (pupil,)
    try:
        days = placement_period(entry)
    except ValueError:
        yield Refusal(place, _NO_PERIOD, about)
        return
    if pupil is None:
        if not days.over(today):
            yield Refusal(place, "its elev is not among the files, or is two")
        return
    if school is None or school.key not in index.schools:
        yield Refusal(place, "its skole is not among the files", about)
        return
    yield MembershipRecord(
        place,
        index.schools[school.key],
        pupil,
        begins=days.begins,
        ended_on=days.ended_on,
        main=entry.get("hovedskole") is not False,
    )
    for group in GROUPS:
        for address in links(entry, group):
            yield MembershipRecord(place, address.key, pupil, begins=days.begins, ended_on=days.ended_on)


def _membership(entry: Entry, place: Place, group: str, index: Index, today: date) -> Iterator[Record]:
    of, placement = link(entry, group), link(entry, "elevforhold")
    if of is None or placement is None:
        yield Refusal(place, f"it names no {group}, or no elevforhold")
        return
    try:
        days = period(entry)
    except ValueError:
        known = index.placements.get(placement.key)
        pupil = index.pupil(known.pupil) if known else None
        yield Refusal(place, _NO_PERIOD, () if pupil is None else (pupil,))
        return
    yield from _member(place, of.key, placement, days, index, today)


def _member(place: Place, group: str, placement: Link, days: Period, index: Index, today: date) -> Iterator[Record]:
    """A pupil in a group, for the days that membership and elevforhold have in common."""
    known = index.placements.get(placement.key)
    pupil = index.pupil(known.pupil) if known else None
    if known is not None and known.period is None:
        return  # refused where it stands
    if known is None or known.period is None or pupil is None:
        if not days.over(today) and (known is None or known.period is None or not known.period.over(today)):
            yield Refusal(place, "its elevforhold, or the elev of that, is not among the files")
        return
    common = days.within(known.period)
    yield MembershipRecord(place, group, pupil, begins=common.begins, ended_on=common.ended_on)
