"""What becomes of each table of the contact store when a person is forgotten. The list that purge, erase, export and
their tests go by: a table that is not on it fails a test.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from sqlalchemy import Column, Table

from config.tables import core_table
from contacts import models
from contacts.tables import (
    ADDRESS,
    BLOCK,
    CHALLENGE,
    CODE_TRY,
    CONSENT,
    CONTACT_POINT,
    ENROLMENT,
    GUARDIANSHIP,
    IDENTIFIER,
    INVITATION,
    LOG_IN,
    MEMBERSHIP,
    PERSON,
    POSTAL_ADDRESS,
    REGISTER_ENTRY,
    RELEASE,
    REMINDER,
    REMINDER_ROUND,
    SCHOOL,
    SCHOOL_KEY,
    STUDENT,
    STUDENT_GROUP,
    VISIT,
)


class Fate(StrEnum):
    """What becomes of a table's rows about somebody who is forgotten."""

    DELETED = "deleted"
    EMPTIED = "emptied"  # the row stays, with nothing in it
    RENAMED = "renamed"  # the row stays, and speaks of a pseudonym
    KEPT = "kept"  # the row stays as it is
    NOBODY = "about nobody"


@dataclass(frozen=True, slots=True)
class Holding:
    """One table. A row is about every person that one of `persons` names; about those of a row of `through` where that
    is given. `kind`: the rows in the words of a preview.
    """

    table: Table
    fate: Fate
    kind: str
    persons: tuple[Column[Any], ...] = ()
    through: Table | None = None


def _of(table: Table, kind: str, *persons: str, fate: Fate = Fate.DELETED) -> Holding:
    return Holding(table, fate, kind, tuple(table.c[name] for name in persons))


# In an order in which rows can be deleted: nothing points at those of a later line.
CONTACT_HOLDINGS = (
    Holding(CHALLENGE, Fate.DELETED, "verification codes", through=CONTACT_POINT),
    _of(CONTACT_POINT, "contact points", "person_id"),
    # An address goes with the last contact point that names it: see `contacts.forgetting`.
    Holding(ADDRESS, Fate.DELETED, "addresses", through=CONTACT_POINT),
    _of(REGISTER_ENTRY, "contact register entries", "person_id"),
    _of(POSTAL_ADDRESS, "postal addresses", "person_id"),
    _of(REMINDER, "reminders", "guardian_id"),
    # Of somebody who has entered a code: see `contacts.forgetting`.
    Holding(CODE_TRY, Fate.DELETED, "tries of codes", through=IDENTIFIER),
    _of(INVITATION, "invitations", "student_id", "guardian_id"),
    _of(VISIT, "visits to the portal", "person_id"),
    _of(IDENTIFIER, "identifiers", "person_id"),
    _of(MEMBERSHIP, "memberships", "student_id"),
    _of(ENROLMENT, "enrolments", "student_id"),
    _of(RELEASE, "releases", "student_id"),
    _of(BLOCK, "blocks", "guardian_id", "student_id"),
    _of(CONSENT, "consents", "student_id", "guardian_id"),
    _of(GUARDIANSHIP, "guardianships", "student_id", "guardian_id"),
    _of(STUDENT, "student roles", "person_id"),
    _of(PERSON, "persons", "id", fate=Fate.EMPTIED),
    Holding(SCHOOL_KEY, Fate.NOBODY, "what sources call schools"),
    Holding(SCHOOL, Fate.NOBODY, "schools"),
    Holding(STUDENT_GROUP, Fate.NOBODY, "groups"),
    Holding(REMINDER_ROUND, Fate.NOBODY, "rounds of reminders"),
    Holding(LOG_IN, Fate.NOBODY, "log-ins under way"),
    Holding(core_table(models.ImportRun), Fate.NOBODY, "imports"),
    Holding(core_table(models.RegisterSync), Fate.NOBODY, "how registers were asked"),
)
