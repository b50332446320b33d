"""What is decided of a roster before its first row, and what any of its files may ask of the others."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date, timedelta
from enum import StrEnum
from pathlib import Path
from typing import Final

from config.errors import UsageError
from contacts.codes import Basis
from contacts.imports.records import Identifier, Refusal
from contacts.imports.roster_index import IndexedUser, RosterIndex
from contacts.imports.roster_package import Package
from contacts.imports.roster_table import FieldError, Row, rows
from contacts.imports.xml_stream import stopped

# Of orgs and of sessions, which are held in memory: a country has fewer.
MOST_HELD: Final = 100_000


class AgentsAs(StrEnum):
    """What the parents and guardians of a roster are taken for: no roster says who has custody."""

    CUSTODY = "custody"
    CONTACT_PERSON = "contact_person"


# Why a roster's word is no custody: docs/decisions/0027-a-roster-knows-no-custody.md.
BASES: Final = {AgentsAs.CUSTODY: Basis.SCHOOL_REGISTER, AgentsAs.CONTACT_PERSON: Basis.CONTACT_PERSON}
_NOTES = {
    AgentsAs.CUSTODY: (
        "Parents and guardians count as having custody, because you say so (--agents-as custody); {name} does not. "
        "They enter as school_register and are told about students under 18, until a document of the population "
        "register says who has custody."
    ),
    AgentsAs.CONTACT_PERSON: (
        "Parents and guardians enter as contact persons: {name} does not say who has custody. They are told nothing "
        "without a documented decision or the student's consent (--agents-as custody takes them for custodians)."
    ),
}


def agents_note(agents_as: AgentsAs, name: str) -> str:
    """The sentence of the preview about what was chosen. `name`: what people call the format."""
    return _NOTES[agents_as].format(name=name)


def protection_note(name: str) -> str:
    """The sentence of the preview about what no roster tells: docs/decisions/0030-protection-not-told-is-held.md."""
    return (
        f"{name} tells nobody's address protection, and its students are not held for that, as FINT's are: who is "
        "protected is known when FREG's documents are imported."
    )


def only_path(paths: tuple[Path, ...]) -> Path:
    """Raises UsageError when there are several: ids of two rosters may mean different people."""
    if len(paths) != 1:
        raise UsageError("Import stopped: a roster is one folder or one zip.", remedy="Import them one at a time.")
    return paths[0]


@dataclass(frozen=True, slots=True)
class Roster:
    """What is decided before the first row. `roles_apart`: roles have a file of their own.

    `bulk`, `delta`: the files of either mode, without ".csv"; of the others nothing is said. `agents`: what a parent
    or guardian is linked by. `last_day_counts`: an end is the last day that counts, and not the first that does not.
    `schools`: of each org, whether it is a school; filled by reading, as `sessions` is.
    """

    package: Package
    source: str
    roles_apart: bool
    full: bool
    bulk: frozenset[str]
    delta: frozenset[str]
    agents: Basis
    today: date
    last_day_counts: bool = False
    schools: dict[str, bool] = field(default_factory=dict)
    sessions: dict[str, tuple[date | None, date | None]] = field(default_factory=dict)

    @property
    def tells_all_roles(self) -> bool:
        return "users" in self.bulk and (not self.roles_apart or "roles" in self.bulk)

    def person(self, key: str) -> Identifier:
        return Identifier(self.source, key)

    def rows(self, name: str, *required: str) -> Iterator[Row | Refusal]:
        """The rows of a file, none when it is absent. Raises UsageError."""
        if name in self.delta:
            required = (*required, "status")
        if name in self.delta or name in self.bulk:
            for row in rows(self.package, f"{name}.csv", required):
                yield row if isinstance(row, Row) else Refusal(*row)

    def ended_on(self, row: Row, column: str) -> date | None:
        """The first day that no longer counts. Raises FieldError."""
        day = row.day(column)
        return day + timedelta(days=1) if day and self.last_day_counts else day

    def holds(self, begins: date | None, ended_on: date | None) -> bool:
        """Today is among these days."""
        return (begins is None or begins <= self.today) and (ended_on is None or ended_on > self.today)


def read_sessions(roster: Roster) -> Iterator[Refusal]:
    """Terms and years, which say when a class begins and is over."""
    for row in roster.rows("academicSessions", "sourcedId", "startDate", "endDate"):
        if isinstance(row, Refusal):
            yield row
            continue
        try:
            key = row.key("sourcedId")
            told = row.day("startDate"), roster.ended_on(row, "endDate")
            if roster.sessions.setdefault(key, told) != told:
                raise FieldError("sourcedId", "another line has the same one and says something else")
        except FieldError as fault:
            yield Refusal(row.place, str(fault))
        check_number(row, len(roster.sessions))


def check_number(row: Row, held: int) -> None:
    """Raises UsageError when more is held in memory than any roster has."""
    if held > MOST_HELD:
        raise stopped(Path(row.place.file), f"has more than {MOST_HELD} rows", "Check that this is the roster's file.")


def days_of(roster: Roster, sessions: tuple[str, ...], column: str) -> tuple[date | None, date | None]:
    """When the first of these sessions begins, and the first day after the last of them. Raises FieldError.

    One session without dates, and nobody knows.
    """
    if "academicSessions" in roster.bulk and any(each not in roster.sessions for each in sessions):
        raise FieldError(column, "not in academicSessions.csv")
    told = [roster.sessions.get(each, (None, None)) for each in sessions]
    begins = [begin for begin, _ in told if begin]
    ends = [end for _, end in told if end]
    return (
        min(begins) if begins and len(begins) == len(told) else None,
        max(ends) if ends and len(ends) == len(told) else None,
    )


def class_key(key: str) -> str:
    """A class and an org may have the same id."""
    return f"class:{key}"


def known_user(roster: Roster, index: RosterIndex, key: str, column: str) -> IndexedUser | None:
    """The user of an id; None when users.csv tells only of changes.

    Raises FieldError for an id that leads nowhere, or to a line that is refused: half a person would enter.
    """
    user = index.user(key)
    useless = "users" in roster.bulk if user is None else user.refused
    if useless:
        raise FieldError(column, "not in users.csv, or refused there")
    return user


def enters(user: IndexedUser | None) -> bool:
    """What is told of a user counts unless the user is deleted, or is two people."""
    return user is None or not (user.gone or user.twin)


def is_school(roster: Roster, org: str, column: str) -> bool:
    """An org of which this roster does not tell may be a school of the store. Raises FieldError."""
    school = roster.schools.get(org)
    if school is None and "orgs" in roster.bulk:
        raise FieldError(column, "not in orgs.csv, or refused there")
    return school is not False
