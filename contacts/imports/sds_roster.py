"""Schools, classes, roles and enrollments of School Data Sync: who is a student, and where."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from contacts.imports.records import (
    GroupKind,
    GroupRecord,
    Identifier,
    MembershipRecord,
    Place,
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
from contacts.imports.roster_table import FieldError, Row

# Where students go. The other types of orgs are owners of schools, or parts of them.
_SCHOOLS: Final = frozenset({"school", "college", "university", "campus", "adulteducation"})
_ORGS: Final = _SCHOOLS | {
    "academictrust",
    "department",
    "departmentofeducation",
    "district",
    "division",
    "local",
    "localauthority",
    "ministryofeducation",
    "municipality",
    "national",
    "program",
    "province",
    "region",
    "researchcenter",
    "state",
}
_OTHERS: Final = frozenset(
    {
        "adjunct",
        "administrator",
        "advisor",
        "affiliate",
        "alumni",
        "assistant",
        "chair",
        "coach",
        "faculty",
        "instructor",
        "itadmin",
        "lecturer",
        "nurse",
        "occupationaltherapist",
        "officestaff",
        "other",
        "paraprofessional",
        "physicaltherapist",
        "principal",
        "proctor",
        "professor",
        "researcher",
        "specialservices",
        "speechtherapist",
        "staff",
        "substitute",
        "teacher",
        "teacherassistant",
        "visiontherapist",
    }
)
_LONGEST_GRADE: Final = 64


def role_of(row: Row) -> Role:
    """Raises FieldError: a role that is misspelt would lose a student without a word."""
    word = row.word("role")
    if word == "student":
        return Role.STUDENT
    if word in _OTHERS:
        return Role.OTHER
    raise FieldError("role", "no role of School Data Sync" if word else "empty")


def org_records(roster: Roster) -> Iterator[Record]:
    for row in roster.rows("orgs", "sourcedId", "name", "type"):
        if isinstance(row, Refusal):
            yield row
            continue
        try:
            key, kind, name = row.key("sourcedId"), row.word("type"), row.text("name")
            if kind not in _ORGS:
                raise FieldError("type", "no type of School Data Sync")
            school = kind in _SCHOOLS
            if school and not name:
                raise FieldError("name", "empty")
            roster.schools[key] = school
            yield GroupRecord(
                row.place,
                key,
                GroupKind.SCHOOL if school else GroupKind.IGNORED,
                name[:256],
            )
        except FieldError as fault:
            yield Refusal(row.place, str(fault))
        check_number(row, len(roster.schools))


def class_records(roster: Roster, index: RosterIndex) -> Iterator[Record]:
    """School Data Sync does not say which class is a student's own: all are groups."""
    for row in roster.rows("classes", "sourcedId", "orgSourcedId", "title"):
        if isinstance(row, Refusal):
            yield row
            continue
        try:
            key, title, school = row.key("sourcedId"), row.text("title"), row.key("orgSourcedId")
            if not title:
                raise FieldError("title", "empty")
            if not roster.schools.get(school):
                raise FieldError("orgSourcedId", "no school of orgs.csv")
            begins, ended_on = days_of(roster, row.keys("sessionSourcedIds"), "sessionSourcedIds")
            index.add_class(key, begins)
            yield GroupRecord(row.place, class_key(key), GroupKind.GROUP, title[:256], parent=school, ended_on=ended_on)
        except FieldError as fault:
            yield Refusal(row.place, str(fault))


def role_records(roster: Roster, index: RosterIndex) -> Iterator[Record]:
    """Each role of a user at an org. Roles of today are indexed; those of students are memberships of schools."""
    grades: set[str] = set()
    for row in roster.rows("roles", "userSourcedId", "orgSourcedId", "role"):
        about: tuple[Identifier, ...] = ()
        if isinstance(row, Refusal):
            yield row
            continue
        try:
            key = row.key("userSourcedId")
            about = (roster.person(key),)
            user = known_user(roster, index, key, "userSourcedId")
            role, org = role_of(row), row.key("orgSourcedId")
            session = row.keys("sessionSourcedId")
            begins, ended_on = days_of(roster, session, "sessionSourcedId")
            begins = row.day("roleStartDate") or begins
            ended_on = roster.ended_on(row, "roleEndDate") or ended_on
            main, grade = _is_main(row), row.text("grade")[:_LONGEST_GRADE]
            at_school = role is Role.STUDENT and is_school(roster, org, "orgSourcedId")
            if roster.holds(begins, ended_on):
                index.add_role(key, role, placed=at_school)
            else:
                index.mark_over(key)
            if at_school and enters(user):
                yield MembershipRecord(row.place, org, about[0], begins=begins, ended_on=ended_on, main=main)
                if grade:
                    group = _grade(row.place, org, grade)
                    if group.key not in grades:
                        grades.add(group.key)
                        check_number(row, len(grades))
                        yield group
                    yield MembershipRecord(row.place, group.key, about[0], begins=begins, ended_on=ended_on, main=main)
        except FieldError as fault:
            for each in about:
                index.mark_unread(each.value)
            yield Refusal(row.place, str(fault), about)


def _grade(place: Place, school: str, grade: str) -> GroupRecord:
    """No group of its own; its members are in this grade."""
    return GroupRecord(place, f"grade:{grade}:{school}", GroupKind.GRADE, grade, parent=school)


def _is_main(row: Row) -> bool:
    word = row.word("isPrimary")
    if word not in ("", "true", "false"):
        raise FieldError("isPrimary", "neither true nor false")
    return word != "false"
