"""Microsoft School Data Sync 2.1 in CSV, a folder or a zip: which files there must be, and the order of reading them.

Source: Microsoft, SDS V2.1 CSV File Format, and Default List of Values. There is no manifest and no delta: the same
set of files is handed over each time, and what is no longer in it is no longer active. Why the missing is ended here,
too, and what an end date means: docs/decisions/0034-what-school-data-sync-does-not-say.md.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import Final

from config.errors import UsageError
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
from contacts.imports.roster_package import open_package
from contacts.imports.roster_people import birth_records, enrollment_records
from contacts.imports.sds_people import index_users, relationship_records, user_records
from contacts.imports.sds_roster import class_records, org_records, role_of, role_records

FORMAT: Final = "sds"
_REQUIRED: Final = ("orgs", "users", "roles")
_OPTIONAL: Final = ("classes", "enrollments", "relationships", "demographics", "academicSessions")


def open_sds(paths: tuple[Path, ...], today: date, agents_as: AgentsAs = AgentsAs.CONTACT_PERSON) -> Reading:
    """The roster at the one path, a folder or a zip. `today`: the day in Oslo, on which roles hold or are over.

    Raises UsageError for a zip that may do harm, and when a file is missing or cannot be used.
    """
    path = only_path(paths)
    package = open_package(path)
    there = {name for name in (*_REQUIRED, *_OPTIONAL) if f"{name}.csv".lower() in package.names}
    for name in _REQUIRED:
        if name not in there:
            raise UsageError(
                f"Import stopped: there is no {name}.csv.",
                remedy="School Data Sync 2.1 has orgs.csv, users.csv and roles.csv. Check that the copy is complete.",
            )
    if ("classes" in there) != ("enrollments" in there):
        raise UsageError(
            "Import stopped: of classes.csv and enrollments.csv there is only one.",
            remedy="One cannot be understood without the other. Check that the copy is complete.",
        )
    roster = Roster(
        package=package,
        source=FORMAT,
        roles_apart=True,
        full=True,
        bulk=frozenset(there),
        delta=frozenset(),
        agents=BASES[agents_as],
        today=today,
        last_day_counts=True,
    )
    missing = [f"{name}.csv" for name in _OPTIONAL if name not in there]
    left_out = f"Without {', '.join(missing)}: what earlier imports of this source had from there ends."
    return Reading(
        FORMAT,
        roster.source,
        roster.full,
        _records(roster),
        (path.name,),
        one_basis=True,
        notes=(
            agents_note(agents_as, "School Data Sync"),
            *([left_out] if missing else []),
            protection_note("School Data Sync"),
        ),
    )


def _records(roster: Roster) -> Iterator[Record]:
    with roster_index() as index:
        yield from read_sessions(roster)
        yield from org_records(roster)
        yield from class_records(roster, index)
        index_users(roster, index)
        index.flush()
        yield from birth_records(roster, index, "userSourcedId")
        yield from role_records(roster, index)
        index.flush()
        yield from enrollment_records(roster, index, role_of)
        yield from relationship_records(roster, index)
        index.flush()
        yield from user_records(roster, index)
