"""OneRoster 1.1 and 1.2 in CSV, a folder or a zip: what manifest.csv decides, and the order in which files are read.

Source: 1EdTech (IMS Global), OneRoster 1.1 CSV Tables and OneRoster 1.2 CSV Binding. Users come in two passes: first
their roles are indexed, for no link and no enrollment can be judged without them; their records are made in the second.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from enum import StrEnum
from pathlib import Path
from typing import Final

from config.errors import UsageError
from contacts.imports.oneroster_roster import class_records, org_records, role_of, role_records
from contacts.imports.oneroster_users import index_users, user_records
from contacts.imports.records import Reading, Record
from contacts.imports.roster_files import (
    BASES,
    AgentsAs,
    Roster,
    agents_note,
    only_path,
    protection_note,
    read_sessions,
)
from contacts.imports.roster_index import roster_index
from contacts.imports.roster_package import Package, open_package
from contacts.imports.roster_people import birth_records, enrollment_records
from contacts.imports.roster_table import FieldError, rows
from contacts.imports.xml_stream import stopped

FORMAT: Final = "oneroster"
_MANIFEST: Final = "manifest.csv"
_VERSIONS = ("1.1", "1.2")
_LONGEST_SOURCE = 75
# Without one of these a roster does not tell all that it knows, and ends nothing by its silence.
_WHOLE = ("orgs", "users", "classes", "enrollments")
_READ = ("academicSessions", *_WHOLE, "roles", "demographics")


class _Mode(StrEnum):
    ABSENT = "absent"
    BULK = "bulk"
    DELTA = "delta"


def open_oneroster(paths: tuple[Path, ...], today: date, agents_as: AgentsAs = AgentsAs.CONTACT_PERSON) -> Reading:
    """The roster at the one path, a folder or a zip. `today`: the day in Oslo, on which roles hold or are over.

    Raises UsageError for a zip that may do harm, and when manifest.csv or a file that it names cannot be used.
    """
    path = only_path(paths)
    package = open_package(path)
    told = _manifest(package)
    version = next((each for each in _VERSIONS if told.get("oneroster.version", "").startswith(each)), None)
    if version is None:
        raise stopped(
            Path(_MANIFEST), "does not say oneroster.version 1.1 or 1.2", "Export the roster as OneRoster 1.1 or 1.2."
        )
    modes = _modes(package, told, version)
    name = told.get("source.systemcode") or told.get("source.systemname")
    if not name:
        raise stopped(
            Path(_MANIFEST),
            "does not say which system the roster is from, and the ids of two systems may mean different people",
            "Add a line source.systemCode with a short name of the system, and keep that name from then on.",
        )
    if len(name) > _LONGEST_SOURCE:
        raise stopped(
            Path(_MANIFEST),
            f"names its source in more than {_LONGEST_SOURCE} characters",
            "Let the system name itself shorter in source.systemCode.",
        )
    whole = (*_WHOLE, "roles") if version == "1.2" else _WHOLE
    roster = Roster(
        package=package,
        source=f"{FORMAT}:{name}",
        roles_apart=version == "1.2",
        full=all(modes[each] is _Mode.BULK for each in whole) and all(modes[each] is not _Mode.DELTA for each in _READ),
        bulk=frozenset(each for each, mode in modes.items() if mode is _Mode.BULK),
        delta=frozenset(each for each, mode in modes.items() if mode is _Mode.DELTA),
        agents=BASES[agents_as],
        today=today,
    )
    return Reading(
        FORMAT,
        roster.source,
        roster.full,
        _records(roster),
        (path.name,),
        one_basis=True,
        notes=(agents_note(agents_as, "OneRoster"), protection_note("OneRoster")),
    )


def _manifest(package: Package) -> dict[str, str]:
    """The properties, their names in lower case."""
    if _MANIFEST not in package.names:
        raise UsageError(
            f"Import stopped: the roster has no {_MANIFEST}.",
            remedy="It says which version this is, and whether the files are all or only changes. Export it again.",
        )
    told: dict[str, str] = {}
    for row in rows(package, _MANIFEST, ("propertyName", "value")):
        try:
            if isinstance(row, tuple):
                raise FieldError("value", row[1])
            name, value = row.word("propertyName"), row.text("value")
            if told.setdefault(name, value) != value:
                raise FieldError("propertyName", "the same name as in another line, with another value")
        except FieldError as fault:
            place = row[0] if isinstance(row, tuple) else row.place
            raise stopped(
                Path(_MANIFEST), f"cannot be understood: {place.record}, {fault}", "Export the roster again."
            ) from None
    return told


def _modes(package: Package, told: dict[str, str], version: str) -> dict[str, _Mode]:
    modes: dict[str, _Mode] = {}
    for name in _READ:
        text = told.get(f"file.{name.lower()}", "").lower() or _Mode.ABSENT
        if text not in tuple(_Mode):
            raise stopped(
                Path(_MANIFEST), f"says neither absent, bulk nor delta of {name}.csv", "Export the roster again."
            )
        modes[name] = _Mode(text)
        if modes[name] is not _Mode.ABSENT and f"{name}.csv".lower() not in package.names:
            raise stopped(
                Path(_MANIFEST),
                f"says that there is a {name}.csv, and there is none",
                "Check that the copy is complete, or export the roster again.",
            )
    if version == "1.1":
        modes["roles"] = _Mode.ABSENT
    elif modes["users"] is _Mode.BULK and modes["roles"] is _Mode.ABSENT:
        raise stopped(
            Path(_MANIFEST),
            "says that there is no roles.csv: nobody's role would be known",
            "Export the roster with its roles, as OneRoster 1.2 has them.",
        )
    if all(mode is _Mode.ABSENT for mode in modes.values()):
        raise stopped(Path(_MANIFEST), "names no file of people, schools or classes", "Export the roster again.")
    return modes


def _records(roster: Roster) -> Iterator[Record]:
    with roster_index() as index:
        yield from read_sessions(roster)
        yield from org_records(roster)
        yield from class_records(roster, index)
        index_users(roster, index)
        index.flush()
        yield from birth_records(roster, index, "sourcedId")
        yield from role_records(roster, index)
        index.flush()
        yield from enrollment_records(roster, index, role_of)
        index.flush()
        yield from user_records(roster, index)
