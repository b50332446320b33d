"""Schools, classes, roles and enrollments of a roster: who is a student, and where."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import Final

from contacts.codes import Basis
from contacts.imports.oneroster_index import IndexedUser, Role, RosterIndex
from contacts.imports.oneroster_package import Package
from contacts.imports.oneroster_table import FieldError, Row, rows
from contacts.imports.records import (
    GroupKind,
    GroupRecord,
    Identifier,
    MembershipRecord,
    Record,
    Refusal,
)
from contacts.imports.xml_stream import stopped

# Of orgs and of sessions, which are held in memory: a country has fewer.
MOST_HELD: Final = 100_000
_LONGEST_CLASS_KEY = 190  # StudentGroup.ref holds the source before it
_SCHOOL = "school"
_ROLES = {
    "student": Role.STUDENT,
    **dict.fromkeys(("guardian", "parent"), Role.GUARDIAN),
    "relative": Role.RELATIVE,
    **dict.fromkeys(
        (
            "administrator",
            "aide",
            "counselor",
            "districtadministrator",
            "principal",
            "proctor",
            "siteadministrator",
            "systemadministrator",
            "teacher",
        ),
        Role.OTHER,
    ),
}
_KINDS = {"homeroom": GroupKind.HOME, "scheduled": GroupKind.GROUP}


@dataclass(frozen=True, slots=True)
class Roster:
    """What is decided before the first row. `roles_apart`: 1.2, where roles have a file of their own.

    `bulk`, `delta`: the files of either mode, without ".csv"; of the others nothing is said. `agents`: what a parent
    or guardian is linked by. `schools`: of each org, whether it is a school; filled by reading, as `sessions` is.
    """

    package: Package
    source: str
    roles_apart: bool
    full: bool
    bulk: frozenset[str]
    delta: frozenset[str]
    agents: Basis
    today: date
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


def role_of(row: Row) -> Role:
    """Raises FieldError: a role that is misspelt would lose a student without a word."""
    word = row.word("role")
    if word in _ROLES:
        return _ROLES[word]
    if word.startswith("ext:"):
        return Role.OTHER
    raise FieldError("role", "no role of OneRoster" if word else "empty")


def read_sessions(roster: Roster) -> Iterator[Refusal]:
    """Terms and years, which say when a class begins and is over. `endDate` is the first day after."""
    for row in roster.rows("academicSessions", "sourcedId", "startDate", "endDate"):
        if isinstance(row, Refusal):
            yield row
            continue
        try:
            key = row.key("sourcedId")
            told = row.day("startDate"), row.day("endDate")
            if roster.sessions.setdefault(key, told) != told:
                raise FieldError("sourcedId", "another line has the same one and says something else")
        except FieldError as fault:
            yield Refusal(row.place, str(fault))
        _check_number(row, len(roster.sessions))


def org_records(roster: Roster) -> Iterator[Record]:
    for row in roster.rows("orgs", "sourcedId", "name", "type"):
        if isinstance(row, Refusal):
            yield row
            continue
        try:
            key, school = row.key("sourcedId"), row.word("type") == _SCHOOL
            name, gone = row.text("name"), row.gone()
            if school and not name:
                raise FieldError("name", "empty")
            digits = row.text("identifier").replace(" ", "")
            roster.schools[key] = school
            yield GroupRecord(
                row.place,
                key,
                GroupKind.SCHOOL if school else GroupKind.IGNORED,
                name[:256],
                # An organisation number is what a school is called everywhere.
                ref=(digits if len(digits) == 9 and digits.isdecimal() else key) if school else None,
                removed=gone,
            )
        except FieldError as fault:
            yield Refusal(row.place, str(fault))
        _check_number(row, len(roster.schools))


def _check_number(row: Row, held: int) -> None:
    if held > MOST_HELD:
        raise stopped(Path(row.place.file), f"has more than {MOST_HELD} rows", "Check that this is the roster's file.")


def class_key(key: str) -> str:
    """A class and an org may have the same id."""
    return f"class:{key}"


def class_records(roster: Roster, index: RosterIndex) -> Iterator[Record]:
    for row in roster.rows("classes", "sourcedId", "title", "classType", "schoolSourcedId"):
        if isinstance(row, Refusal):
            yield row
            continue
        try:
            yield _class(row, roster, index)
        except FieldError as fault:
            yield Refusal(row.place, str(fault))


def _class(row: Row, roster: Roster, index: RosterIndex) -> GroupRecord:
    key, title, kind = row.key("sourcedId"), row.text("title"), _KINDS.get(row.word("classType"))
    if len(key) > _LONGEST_CLASS_KEY:
        raise FieldError("sourcedId", f"longer than {_LONGEST_CLASS_KEY} characters")
    if not title:
        raise FieldError("title", "empty")
    if kind is None:
        raise FieldError("classType", "neither homeroom nor scheduled")
    school = row.key("schoolSourcedId")
    if "orgs" in roster.bulk and not roster.schools.get(school):
        raise FieldError("schoolSourcedId", "no school of orgs.csv")
    terms = row.keys("termSourcedIds")
    if "academicSessions" in roster.bulk and any(term not in roster.sessions for term in terms):
        raise FieldError("termSourcedIds", "not in academicSessions.csv")
    told = [roster.sessions.get(term, (None, None)) for term in terms]
    begins = [begin for begin, _ in told if begin]
    ends = [end for _, end in told if end]
    grades, gone = row.keys("grades"), row.gone()
    # One term without dates, and nobody knows when the class begins or is over.
    all_begin, all_end = len(begins) == len(terms), len(ends) == len(terms)
    index.add_class(key, min(begins) if begins and all_begin else None)
    return GroupRecord(
        row.place,
        class_key(key),
        kind,
        title[:256],
        parent=school,
        grade=grades[0][:64] if len(grades) == 1 else None,
        ended_on=max(ends) if ends and all_end else None,
        removed=gone,
    )


def role_records(roster: Roster, index: RosterIndex) -> Iterator[Record]:
    """1.2: each role of a user at an org. Roles of today are indexed; those of students are memberships of schools."""
    required = ("userSourcedId", "role", "roleType", "orgSourcedId")
    for row in roster.rows("roles", *required):
        about: tuple[Identifier, ...] = ()
        if isinstance(row, Refusal):
            yield row
            continue
        try:
            key = row.key("userSourcedId")
            about = (roster.person(key),)
            user = known_user(roster, index, key, "userSourcedId")
            role, org = role_of(row), row.key("orgSourcedId")
            begins, ended_on = row.day("beginDate"), row.day("endDate")
            gone, kind = row.gone(), row.word("roleType")
            if kind not in ("", "primary", "secondary"):
                raise FieldError("roleType", "neither primary nor secondary")
            holds = (
                not gone and (begins is None or begins <= roster.today) and not (ended_on and ended_on <= roster.today)
            )
            at_school = role is Role.STUDENT and is_school(roster, org, "orgSourcedId")
            if holds:
                index.add_role(key, role, placed=at_school)
            if at_school and enters(user):
                yield MembershipRecord(
                    row.place,
                    org,
                    about[0],
                    active=not gone,
                    begins=begins,
                    ended_on=ended_on,
                    main=kind != "secondary",
                )
        except FieldError as fault:
            yield Refusal(row.place, str(fault), about)


def enrollment_records(roster: Roster, index: RosterIndex) -> Iterator[Record]:
    """Students in classes; the enrollments of teachers are no business of ours."""
    for row in roster.rows("enrollments", "classSourcedId", "userSourcedId", "role"):
        about: tuple[Identifier, ...] = ()
        if isinstance(row, Refusal):
            yield row
            continue
        try:
            key = row.key("userSourcedId")
            about = (roster.person(key),)
            user = known_user(roster, index, key, "userSourcedId")
            if role_of(row) is not Role.STUDENT or not enters(user):
                continue
            if user is not None and user.roles and not user.roles & Role.STUDENT:
                raise FieldError("role", "student, of a user who has another role")
            class_id = row.key("classSourcedId")
            found = index.school_class(class_id)
            if found is None and "classes" in roster.bulk:
                raise FieldError("classSourcedId", "not in classes.csv, or refused there")
            active = not row.gone()
            begins = row.day("beginDate") or (found.begins if found else None)
            yield MembershipRecord(
                row.place, class_key(class_id), about[0], active=active, begins=begins, ended_on=row.day("endDate")
            )
            if active:
                index.add_role(key, Role.NONE, placed=True)
        except FieldError as fault:
            yield Refusal(row.place, str(fault), about)


def known_user(roster: Roster, index: RosterIndex, key: str, column: str) -> IndexedUser | None:
    """The user of an id; None when users.csv tells only of changes. Raises FieldError for an id that leads nowhere."""
    user = index.user(key)
    if user is None and "users" in roster.bulk:
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
