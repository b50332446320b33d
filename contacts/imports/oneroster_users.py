"""The users of a roster: who they are, how guardians are reached, and whose agents they are.

`agentSourcedIds` has no direction in practice: some write the guardian's id at the student, some the student's at the
guardian, some both. The roles at both ends say who is the student; where they do not, nobody is anybody's guardian.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Final

from contacts.codes import Basis
from contacts.imports.oneroster_roster import role_of
from contacts.imports.records import GuardianshipRecord, Identifier, Lost, MembershipRecord, Record, Refusal
from contacts.imports.roster_files import Roster, enters, is_school, known_user
from contacts.imports.roster_index import IndexedUser, Role, RosterIndex
from contacts.imports.roster_people import ADULT, READ, check_person, person_records
from contacts.imports.roster_table import FieldError, Row
from contacts.imports.xml_stream import stopped

# Two lines that say the same in these are one.
_CONTENTS: Final = (*READ, "status", "role", "orgSourcedIds", "agentSourcedIds")


def index_users(roster: Roster, index: RosterIndex) -> None:
    """The first pass. What it cannot use is told by the second one."""
    for row in _rows(roster):
        if isinstance(row, Refusal):
            continue
        try:
            key = row.key("sourcedId")
        except FieldError:
            continue
        try:
            _, gone, roles = _told(row, roster)
            check_person(row)
        except FieldError:
            index.add_user(key, row.contents(*_CONTENTS), Role.NONE, gone=False, refused=True)
        else:
            index.add_user(key, row.contents(*_CONTENTS), roles, gone=gone)


def _rows(roster: Roster) -> Iterator[Row | Refusal]:
    roles = () if roster.roles_apart else ("role", "orgSourcedIds")
    return roster.rows("users", "sourcedId", "givenName", "familyName", "agentSourcedIds", *roles)


def _told(row: Row, roster: Roster) -> tuple[str, bool, Role]:
    return row.key("sourcedId"), row.gone(), Role.NONE if roster.roles_apart else role_of(row)


def user_records(roster: Roster, index: RosterIndex) -> Iterator[Record]:
    """The second pass: persons, the schools of students (1.1), links."""
    for row in _rows(roster):
        about: tuple[Identifier, ...] = ()
        if isinstance(row, Refusal):
            yield row
            continue
        try:
            about = (roster.person(row.key("sourcedId")),)
            key, gone, _ = _told(row, roster)
            user = index.user(key)
            if user is None:
                raise stopped(Path(row.place.file), "changed while it was read", "Import it again.")
            if user.twin:
                raise FieldError("sourcedId", "another line has the same one and says something else")
            yield from list(person_records(row, roster, index, key, user))
        except FieldError as fault:
            yield Refusal(row.place, str(fault), about)
            continue
        if not gone:
            schools = list(_schools(row, roster, about[0], user))
            yield from schools
            yield from _agents(row, roster, index, about[0], user)
            if roster.full and user.roles & Role.STUDENT and not user.placed and not schools:
                yield Refusal(row.place, "a student in no school and no class", about)


def _schools(row: Row, roster: Roster, student: Identifier, user: IndexedUser) -> Iterator[MembershipRecord | Refusal]:
    """Of a 1.1 student. An org that cannot be used is a part of the record when another one is their school."""
    if roster.roles_apart or not user.roles & Role.STUDENT:
        return
    try:
        orgs = row.keys("orgSourcedIds")
    except FieldError as fault:
        yield Refusal(row.place, str(fault), (student,))
        return
    schools, faults = [], []
    for org in orgs:
        try:
            if is_school(roster, org, "orgSourcedIds"):
                schools.append(org)
        except FieldError as fault:
            faults.append(str(fault))
    yield from (MembershipRecord(row.place, org, student) for org in schools)
    for why in dict.fromkeys(faults):
        if schools:
            yield Refusal(row.place, f"left out: {why}", (student,), Lost.FACT)
        else:
            yield Refusal(row.place, why, (student,))


def _agents(
    row: Row, roster: Roster, index: RosterIndex, identifier: Identifier, user: IndexedUser
) -> Iterator[Record]:
    if user.roles and not user.roles & (Role.STUDENT | ADULT):
        return
    try:
        agents = row.keys("agentSourcedIds")
    except FieldError as fault:
        yield Refusal(row.place, str(fault), (identifier,))
        return
    for agent in agents:
        # Whoever is named but cannot be judged is spared: the link that the store may have goes on.
        other = roster.person(agent)
        try:
            found = known_user(roster, index, agent, "agentSourcedIds")
            if found is None or not (found.roles and user.roles):
                if found and roster.tells_all_roles:
                    _check_role_lines(found, user)
                    continue
                raise FieldError("agentSourcedIds", "these changes do not tell the roles at both ends of the link")
            link = link_of(user.roles, found.roles, roster.agents) if enters(found) else None
        except FieldError as fault:
            yield Refusal(row.place, str(fault), (other,))
            continue
        if link is not None:
            student, guardian = (identifier, other) if link[0] else (other, identifier)
            yield GuardianshipRecord(row.place, student, guardian, link[1])


def _check_role_lines(*ends: IndexedUser) -> None:
    """The ends of a link, one of them without a role today. Raises FieldError unless that one's role is over."""
    without = [end for end in ends if not end.roles and enters(end)]
    if without and not any(end.over and not end.unread for end in without):
        raise FieldError("agentSourcedIds", "one end of the link has no role in roles.csv, or it was refused there")


def link_of(one: Role, other: Role, agents: Basis) -> tuple[bool, Basis] | None:
    """Whether `one` is the student of an undirected link, and by what the other is linked. None: it is no such link.

    Teachers and fellow students are nobody's guardians. A relative is a contact person, whatever `agents` says.
    Raises FieldError when each end may be the student of the other.
    """
    one_is_student = bool(one & Role.STUDENT and other & ADULT)
    other_is_student = bool(other & Role.STUDENT and one & ADULT)
    if one_is_student and other_is_student:
        raise FieldError("agentSourcedIds", "the roles at both ends do not say who is the student")
    if not (one_is_student or other_is_student):
        return None
    adult = other if one_is_student else one
    return one_is_student, agents if adult & Role.GUARDIAN else Basis.CONTACT_PERSON
