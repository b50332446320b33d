"""PIFU-IMS 1.3 exports of school administrative systems, read as a stream: header, order of things, groups, members.

Source: Udir, PIFU-IMS specification and PIFU-IMS_SAS.xsd. Persons come first and memberships last, but nothing here
depends on it. Elements are known by their local names: exports differ in the version of the namespace.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path
from typing import Final
from xml.etree.ElementTree import Element

from config.errors import UsageError
from contacts.imports.pifu_person import Source, person_records
from contacts.imports.records import (
    GroupKind,
    GroupRecord,
    MembershipRecord,
    Place,
    Reading,
    Record,
    Refusal,
)
from contacts.imports.xml_stream import Position, local, stopped, stream

FORMAT: Final = "pifu"
_TYPES = {"full": True, "delta": False, "event": False, "melding": False}
_LEARNER = ("01", "1", "learner")
_DELETED = "3"
_LONGEST_KEY = 200  # of a group: StudentGroup.ref holds the source and a slash before it
_LONGEST_SOURCE = 75

_SCHOOL_SCHEME_KINDS = {"skole": GroupKind.SCHOOL}
_KINDS = {
    "basisgruppe": GroupKind.HOME,
    "trinn": GroupKind.GRADE,
    **dict.fromkeys(
        (
            "undervisningsgruppe",
            "kontaktlærergruppe",
            "utdanningsprogram",
            "programområde",
            "språkopplæring",
            "sammensattgruppe",
            "elevråd",
            "sfo",
            "eksamensgruppe",
        ),
        GroupKind.GROUP,
    ),
}


@dataclass(frozen=True, slots=True)
class Header:
    source: str
    full: bool
    datasource: str


def open_pifu(paths: tuple[Path, ...]) -> Reading:
    """The export in `paths`: one file, or several parts of one source and type.

    Raises UsageError when a file is no PIFU-IMS export, or the files do not belong together.
    """
    headers = [_header(path) for path in paths]
    if len(set(headers)) > 1:
        raise UsageError(
            "Import stopped: the files are not from one source, or some are full exports and some are not.",
            remedy="Import them one at a time.",
        )
    header = headers[0]
    return Reading(FORMAT, header.source, header.full, _records(paths, header), tuple(path.name for path in paths))


def _header(path: Path) -> Header:
    for event, element in stream(path, Position()):
        name = local(element.tag)
        if event == "start" and name not in ("enterprise", "comments", "properties") and not _within(name):
            break
        if event == "end" and name == "properties":
            return _read_header(path, element)
    raise stopped(
        path,
        "is no PIFU-IMS export: it does not begin with <enterprise> and its <properties>",
        "Give the PIFU-IMS file of the school administrative system.",
    )


def _within(name: str) -> bool:
    return name in ("datasource", "target", "type", "datetime", "extension") or name.startswith("pifu_")


def _read_header(path: Path, properties: Element) -> Header:
    told = {local(child.tag): (child.text or "").strip() for child in properties}
    datasource, kind = told.get("datasource", ""), told.get("type", "").lower()
    if not datasource or len(datasource) > _LONGEST_SOURCE:
        raise stopped(
            path,
            f"names no data source in <properties> (1 to {_LONGEST_SOURCE} characters)",
            "Let the administrative system name itself in <datasource>.",
        )
    if kind not in _TYPES:
        raise stopped(
            path, "does not say in <properties> whether it is full or a delta", "Export it with a <type>, as full."
        )
    return Header(f"{FORMAT}:{datasource}", _TYPES[kind], datasource)


def _records(paths: tuple[Path, ...], header: Header) -> Iterator[Record]:
    for path in paths:
        yield from _read_file(path, header)


def _read_file(path: Path, header: Header) -> Iterator[Record]:
    source = Source(header.source, header.datasource, header.full)
    inside = Position()
    numbers: dict[str, int] = {"person": 0, "group": 0, "membership": 0}
    depth = 0
    root: Element | None = None
    membership: Element | None = None
    for event, element in stream(path, inside):
        if event == "start":
            depth += 1
            if depth == 1:
                root = element
                if local(element.tag) != "enterprise":
                    raise stopped(path, "is no PIFU-IMS export", "Give the file of the administrative system.")
            elif depth == 2:
                name = local(element.tag)
                if name in numbers:
                    numbers[name] += 1
                    inside.name, inside.number = name, numbers[name]
                    membership = element if name == "membership" else None
            continue
        if depth == 3 and membership is not None and local(element.tag) == "member":
            yield from _member(path, element, membership, numbers["membership"], source)
            membership.remove(element)
        elif depth == 2:
            name = local(element.tag)
            place = Place(path.name, f"{name} {numbers.get(name, 0)}")
            if name == "person":
                yield from person_records(element, place, source)
            elif name == "group":
                yield _group(element, place, source)
            inside.name, membership = "", None
            assert root is not None
            root.clear()
        depth -= 1


def _group(element: Element, place: Place, source: Source) -> Record:
    parts = _parts(element)
    key = next((source.key(each) for each in parts.get("sourcedid", ()) if each.get("sourcedidtype") != "Old"), None)
    if not key:
        return Refusal(place, "it has no sourcedid")
    if len(key) > _LONGEST_KEY:
        return Refusal(place, f"its sourcedid is longer than {_LONGEST_KEY} characters")
    kind = _kind(parts.get("grouptype", []))
    short, name, ref, grade = _names(parts)
    if kind is not GroupKind.SCHOOL:
        name = short
    if not name and kind is not GroupKind.IGNORED:
        return Refusal(place, "it has no name")
    parent = next(
        (
            source.key(child)
            for relationship in parts.get("relationship", ())
            if relationship.get("relation", "1") == "1"
            for child in relationship
            if local(child.tag) == "sourcedid"
        ),
        None,
    )
    try:
        _, ended_on = _timeframe(parts.get("timeframe", []))
    except ValueError:
        return Refusal(place, "a date in its timeframe is not of the form 2026-08-17")
    return GroupRecord(
        place,
        key,
        kind,
        name[:256],
        ref=ref if kind is GroupKind.SCHOOL else None,
        parent=None if kind is GroupKind.SCHOOL else parent,
        grade=grade,
        ended_on=ended_on,
        removed=not source.full and element.get("recstatus") == _DELETED,
    )


def _parts(element: Element) -> dict[str, list[Element]]:
    parts: dict[str, list[Element]] = {}
    for child in element:
        parts.setdefault(local(child.tag), []).append(child)
    return parts


def _kind(grouptypes: list[Element]) -> GroupKind:
    for grouptype in grouptypes:
        told = {local(child.tag): (child.text or "").strip().lower() for child in grouptype}
        value = told.get("typevalue", "")
        kinds = _SCHOOL_SCHEME_KINDS if told.get("scheme", "").endswith("-org") else _KINDS
        if value in kinds:
            return kinds[value]
    return GroupKind.IGNORED


def _names(parts: dict[str, list[Element]]) -> tuple[str, str, str | None, str | None]:
    """Short description, the name (of a school), organisation number, grade."""
    short = next(
        (
            (child.text or "").strip()
            for description in parts.get("description", ())
            for child in description
            if local(child.tag) == "short"
        ),
        "",
    )
    names: dict[str, str] = {}
    ids: dict[str, str] = {}
    for extension in parts.get("extension", ()):
        for child in extension:
            tag = local(child.tag)
            if tag in ("pifu_id", "pifu_name"):
                value = next(((each.text or "").strip() for each in child if local(each.tag) == "pifu_value"), "")
                (ids if tag == "pifu_id" else names).setdefault(child.get("type", ""), value)
    number = "".join(digit for digit in ids.get("organizationNumber", "") if digit.isdigit())
    return (
        short,
        names.get("name") or short or names.get("legalName", ""),
        number if len(number) == 9 else None,
        ids.get("grepCodeGradeLevel") or None,
    )


def _timeframe(elements: list[Element]) -> tuple[date | None, date | None]:
    """The first day, and the first day after the last one. Raises ValueError."""
    begins, ended_on = None, None
    for timeframe in elements:
        for child in timeframe:
            text = (child.text or "").strip()
            if text and local(child.tag) == "begin":
                begins = date.fromisoformat(text)
            elif text and local(child.tag) == "end":
                ended_on = date.fromisoformat(text) + timedelta(days=1)
    return begins, ended_on


def _member(path: Path, member: Element, membership: Element, number: int, source: Source) -> Iterator[Record]:
    place = Place(path.name, f"membership {number}")
    group = next((source.key(child) for child in membership if local(child.tag) == "sourcedid"), None)
    parts = _parts(member)
    if any((each.text or "").strip() == "2" for each in parts.get("idtype", ())):
        return  # a group within a group
    learner = [role for role in parts.get("role", ()) if role.get("roletype", "").strip().lower() in _LEARNER]
    if not learner:
        return
    person = next((source.identifier(each) for each in parts.get("sourcedid", ())), None)
    if group is None or person is None:
        yield Refusal(place, "a membership without the sourcedid of its group or of its member")
        return
    for role in learner:
        told = _parts(role)
        try:
            begins, ended_on = _timeframe(told.get("timeframe", []))
        except ValueError:
            yield Refusal(place, "a date in its timeframe is not of the form 2026-08-17", (person,))
            continue
        inactive = any((each.text or "").strip() == "0" for each in told.get("status", ()))
        deleted = not source.full and role.get("recstatus") == _DELETED
        primary = [
            (child.text or "").strip()
            for extension in told.get("extension", ())
            for child in extension
            if local(child.tag) == "pifu_primaryRelation"
        ]
        yield MembershipRecord(
            place,
            group,
            person,
            active=not (inactive or deleted),
            begins=begins,
            ended_on=ended_on,
            main=primary[:1] != ["0"],
        )
