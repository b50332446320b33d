"""Schools, classes, roles and enrollments of a roster: who is a student, and where."""

from __future__ import annotations

from collections.abc import Iterator

from contacts.imports.records import (
    GroupKind,
    GroupRecord,
    GuardianRoleRecord,
    Identifier,
    MembershipRecord,
    Record,
    Refusal,
)
from contacts.imports.roster_files import (
    Roster,
    check_number,
    class_key,
    days_of,
    enters,
    is_school,
    known_user,
)
from contacts.imports.roster_index import Role, RosterIndex
from contacts.imports.roster_people import ADULT
from contacts.imports.roster_table import FieldError, Row

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


def role_of(row: Row) -> Role:
    """Raises FieldError: a role that is misspelt would lose a student without a word."""
    word = row.word("role")
    if word in _ROLES:
        return _ROLES[word]
    if word.startswith("ext:"):
        return Role.OTHER
    raise FieldError("role", "no role of OneRoster" if word else "empty")


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
                ref=digits if school and len(digits) == 9 and digits.isdecimal() else None,
                removed=gone,
            )
        except FieldError as fault:
            yield Refusal(row.place, str(fault))
        check_number(row, len(roster.schools))


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
    if not title:
        raise FieldError("title", "empty")
    if kind is None:
        raise FieldError("classType", "neither homeroom nor scheduled")
    school = row.key("schoolSourcedId")
    if "orgs" in roster.bulk and not roster.schools.get(school):
        raise FieldError("schoolSourcedId", "no school of orgs.csv")
    begins, ended_on = days_of(roster, row.keys("termSourcedIds"), "termSourcedIds")
    grades, gone = row.keys("grades"), row.gone()
    index.add_class(key, begins)
    return GroupRecord(
        row.place,
        class_key(key),
        kind,
        title[:256],
        parent=school,
        grade=grades[0][:64] if len(grades) == 1 else None,
        ended_on=ended_on,
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
            begins, ended_on = row.day("beginDate"), roster.ended_on(row, "endDate")
            gone, kind = row.gone(), row.word("roleType")
            if kind not in ("", "primary", "secondary"):
                raise FieldError("roleType", "neither primary nor secondary")
            at_school = role is Role.STUDENT and is_school(roster, org, "orgSourcedId")
            if not gone and roster.holds(begins, ended_on):
                index.add_role(key, role, placed=at_school)
            else:
                index.mark_over(key)
            is_over = gone or (ended_on is not None and ended_on <= roster.today)
            if role & ADULT and enters(user) and not roster.tells_all_roles:
                yield GuardianRoleRecord(row.place, org, about[0], active=not is_over)
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
            for each in about:
                index.mark_unread(each.value)
            yield Refusal(row.place, str(fault), about)
