"""The tables of the contact store: who may be told about whom. Nothing here knows of alerts."""

from __future__ import annotations

from datetime import date, datetime
from typing import Final

from sqlalchemy import Boolean, CheckConstraint, Column, Index, UniqueConstraint, text
from sqlmodel import Field, SQLModel

from config.tables import BigInt, code_column, id_column, link, utc_column
from contacts.codes import Basis, ConsentPurpose, Protection

# Letters of where the evidence of a consent can be found.
LONGEST_EVIDENCE: Final = 512


class School(SQLModel, table=True):
    __tablename__ = "school"

    id: int | None = Field(default=None, sa_column=id_column())
    # The organisation number; of a school without one, its source and what that calls it.
    ref: str = Field(max_length=256, unique=True)
    name: str = Field(max_length=256)
    default_language: str | None = Field(default=None, max_length=2)
    source: str = Field(max_length=280)


class SchoolKey(SQLModel, table=True):
    """What a source calls a school. Ids of two sources never meet; organisation numbers are the same everywhere."""

    __tablename__ = "school_key"

    source: str = Field(max_length=280, primary_key=True)
    key: str = Field(max_length=256, primary_key=True)
    school_id: int = Field(sa_column=link("school.id"))


class Person(SQLModel, table=True):
    """A student, a guardian, or both (a teenage parent).

    `ref` is the school's own short id of a student (printed and typed by people); guardians go by G-<id>.
    `register_document_at`: when the population register's document about this person was last taken in; from then on
    the register decides name, birth date, protection and death.
    `protection_unknown`: whoever brought this student tells no protection, and the register has not told it yet.
    `protection_told`: some document of the register has told a grading of this person, `ugradert` too.
    `language_chosen_at`: when a guardian chose the language with us, which no import changes from then on.
    """

    __tablename__ = "person"

    id: int | None = Field(default=None, sa_column=id_column())
    ref: str | None = Field(default=None, max_length=256, unique=True)
    given_name: str = Field(default="", max_length=256)
    family_name: str = Field(default="", max_length=256)
    birth_date: date | None = None
    deceased: bool = False
    protection: Protection = Field(default=Protection.NONE, sa_column=code_column(Protection))
    language: str | None = Field(default=None, max_length=2)
    register_document_at: datetime | None = Field(default=None, sa_column=utc_column(nullable=True))
    source: str = Field(max_length=280)
    protection_unknown: bool = Field(
        default=False, sa_column=Column(Boolean, nullable=False, default=False, server_default=text("false"))
    )
    protection_told: bool = Field(
        default=False, sa_column=Column(Boolean, nullable=False, default=False, server_default=text("false"))
    )
    language_chosen_at: datetime | None = Field(default=None, sa_column=utc_column(nullable=True))


class PersonIdentifier(SQLModel, table=True):
    """What a source calls a person. `scheme` nin: the keyed hash of an identity number, with the number encrypted.

    Numbers change; ended ones stay, because guardians may be referred to by them. A person answers to all of them.
    """

    __tablename__ = "person_identifier"
    __table_args__ = (
        UniqueConstraint("scheme", "lookup"),
        CheckConstraint("(scheme = 'nin') = (ciphertext IS NOT NULL)", name="only_numbers_are_encrypted"),
    )

    id: int | None = Field(default=None, sa_column=id_column())
    person_id: int = Field(sa_column=link("person.id", index=True))
    scheme: str = Field(max_length=280)
    lookup: str = Field(max_length=280)
    ciphertext: str | None = Field(default=None, max_length=512)
    current: bool = True


class Student(SQLModel, table=True):
    """The role of a person who goes to a school; `left_on` is the first day on which they no longer do.

    `main_school_id`: of several schools the one that people said is the main one, whatever the sources say; it counts
    for as long as the student goes there.
    `consent_asked_at`: when the student was sent the question whether guardians may be told once they are 18.
    """

    __tablename__ = "student"

    person_id: int = Field(sa_column=link("person.id", primary_key=True))
    source: str = Field(max_length=280)
    left_on: date | None = None
    main_school_id: int | None = Field(default=None, sa_column=link("school.id", nullable=True))
    consent_asked_at: datetime | None = Field(default=None, sa_column=utc_column(nullable=True))


class Enrolment(SQLModel, table=True):
    """A student at a school, as one source tells it; `main` marks the school that speaks to the guardians."""

    __tablename__ = "enrolment"
    __table_args__ = (Index("ix_enrolment_school_id_grade", "school_id", "grade"),)

    student_id: int = Field(sa_column=link("student.person_id", primary_key=True))
    school_id: int = Field(sa_column=link("school.id", primary_key=True))
    source: str = Field(max_length=280, primary_key=True)
    main: bool = True
    grade: str | None = Field(default=None, max_length=64)
    ended_on: date | None = None


class StudentGroup(SQLModel, table=True):
    """A class or a teaching group of one school. `home`: the class a student is said to be in ("2B")."""

    __tablename__ = "student_group"

    id: int | None = Field(default=None, sa_column=id_column())
    school_id: int = Field(sa_column=link("school.id", index=True))
    ref: str = Field(max_length=280, unique=True)
    name: str = Field(max_length=256)
    grade: str | None = Field(default=None, max_length=64)
    home: bool = False
    source: str = Field(max_length=280)


class Membership(SQLModel, table=True):
    __tablename__ = "membership"

    group_id: int = Field(sa_column=link("student_group.id", primary_key=True))
    student_id: int = Field(sa_column=link("student.person_id", primary_key=True, index=True))
    source: str = Field(max_length=280)
    ended_on: date | None = None


class Guardianship(SQLModel, table=True):
    """The link student – guardian as one source tells it; kept per source, and ended rather than deleted.

    `valid_to` is the first day on which it no longer holds. `decision_ref`: the documented decision behind a contact
    person or appointment. `student_agreed`: the student asked for this contact person; it counts from 15 to 17.
    """

    __tablename__ = "guardianship"
    __table_args__ = (UniqueConstraint("student_id", "guardian_id", "basis", "source"),)

    id: int | None = Field(default=None, sa_column=id_column())
    student_id: int = Field(sa_column=link("person.id", index=True))
    guardian_id: int = Field(sa_column=link("person.id", index=True))
    basis: Basis = Field(sa_column=code_column(Basis))
    source: str = Field(max_length=280)
    valid_from: date | None = None
    valid_to: date | None = None
    decision_ref: str | None = Field(default=None, max_length=256)
    student_agreed: bool = False


class Consent(SQLModel, table=True):
    """An adult student's permission for one guardian and one purpose. In force from `given_on` until `withdrawn_on`."""

    __tablename__ = "consent"
    __table_args__ = (
        Index(
            "uq_consent_open",
            "student_id",
            "guardian_id",
            "purpose",
            unique=True,
            postgresql_where=text("withdrawn_on IS NULL"),
            sqlite_where=text("withdrawn_on IS NULL"),
        ),
    )

    id: int | None = Field(default=None, sa_column=id_column())
    student_id: int = Field(sa_column=link("person.id", index=True))
    guardian_id: int = Field(sa_column=link("person.id", index=True))
    purpose: ConsentPurpose = Field(sa_column=code_column(ConsentPurpose))
    given_on: date
    given_evidence: str = Field(max_length=LONGEST_EVIDENCE)
    given_by: str = Field(max_length=128)
    given_at: datetime = Field(sa_column=utc_column(default_now=True))
    withdrawn_on: date | None = None
    withdrawn_evidence: str | None = Field(default=None, max_length=LONGEST_EVIDENCE)
    withdrawn_by: str | None = Field(default=None, max_length=128)
    withdrawn_at: datetime | None = Field(default=None, sa_column=utc_column(nullable=True))


class Block(SQLModel, table=True):
    """A documented decision that a guardian shall not be contacted; about one student, or (none named) about all.

    `valid_to` is the first day on which it no longer holds.
    """

    __tablename__ = "block"

    id: int | None = Field(default=None, sa_column=id_column())
    guardian_id: int = Field(sa_column=link("person.id", index=True))
    student_id: int | None = Field(default=None, sa_column=link("person.id", nullable=True))
    decision_ref: str = Field(max_length=256)
    valid_from: date
    valid_to: date | None = None
    recorded_by: str = Field(max_length=128)
    recorded_at: datetime = Field(sa_column=utc_column(default_now=True))


class Release(SQLModel, table=True):
    """A recorded act that lets a protected student's guardians be told, to and with the day `until`."""

    __tablename__ = "release"

    id: int | None = Field(default=None, sa_column=id_column())
    student_id: int = Field(sa_column=link("person.id", index=True))
    reason: str = Field(max_length=512)
    until: date
    released_by: str = Field(max_length=128)
    released_at: datetime = Field(sa_column=utc_column(default_now=True))


class RegisterSync(SQLModel, table=True):
    """How a public register was asked last ("krr", "freg"), and how its events were read ("freg_events").

    `fault`: why the last try failed, in a sentence without personal data. `position`: the number of the next event to
    read; `etag`: what the register said of it when there was none yet.
    """

    __tablename__ = "register_sync"

    name: str = Field(primary_key=True, max_length=32)
    tried_at: datetime = Field(sa_column=utc_column())
    done_at: datetime | None = Field(default=None, sa_column=utc_column(nullable=True))
    fault: str | None = Field(default=None, max_length=512)
    position: int | None = Field(default=None, sa_column=Column(BigInt, nullable=True))
    etag: str | None = Field(default=None, max_length=256)


class ImportRun(SQLModel, table=True):
    """One import that was applied: what was read, by whom, and what it did. Holds counts, no personal data."""

    __tablename__ = "import_run"

    id: int | None = Field(default=None, sa_column=id_column())
    format: str = Field(max_length=32)
    source: str = Field(max_length=280)
    digest: str = Field(max_length=64)
    applied_at: datetime = Field(sa_column=utc_column(default_now=True))
    operator: str = Field(max_length=128)
    added: int
    changed: int
    ended: int
    refused: int
