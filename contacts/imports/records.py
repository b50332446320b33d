"""What every import format is read into: records that say what one source tells, before anything is compared.

A reader is a pure function from a file to a stream of these. It knows its format and nothing of the store; the plan
knows the store and no format.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date, datetime
from enum import IntEnum, StrEnum
from typing import Final, TypeAlias

from contacts.codes import AddressChannel, Basis, ConsentPurpose, Protection, RegisterStatus
from contacts.postal import PostalAddress

NIN: Final = "nin"  # an identity number; reaches the database only as a keyed hash and encrypted
OTHER_NUMBER: Final = "number"  # what stands for one and is none; reaches the database only as a keyed hash
REF: Final = "ref"  # Person.ref, the school's own short id of a student
STORE_REF: Final = "store_ref"  # "17" of the "S-17" that the store calls a student without a ref of the school's
ID: Final = "id"  # Person.id, from the "G-17" that people see


@dataclass(frozen=True, slots=True)
class Place:
    """Where a record stands: the file's name, and the line or the number of the record in it ("person 8412")."""

    file: str
    record: str


@dataclass(frozen=True, slots=True)
class Identifier:
    """What a source calls a person. Its repr hides the value, which may be an identity number."""

    scheme: str
    value: str = field(repr=False)
    current: bool = True


@dataclass(frozen=True, slots=True)
class ContactAddress:
    """`confirmed_at`: when it was last confirmed; `shared_in_register`: others have registered it there, too.

    Both from a source that tells such things (`Reading.contact_register`); None: it does not tell.
    """

    channel: AddressChannel
    value: str = field(repr=False)
    takes_messages: bool = True
    confirmed_at: datetime | None = None
    shared_in_register: bool | None = None


@dataclass(frozen=True, slots=True)
class RegisterEntry:
    """What the contact register says of a person, beside addresses and language. None: it does not tell."""

    status: RegisterStatus
    reserved: bool | None
    expired: bool | None


class Unknown(IntEnum):
    """What becomes of a person whom neither the store nor any link of the same import knows."""

    SKIP = 0  # a teacher, a former guardian: no business of ours
    REFUSE = 1  # told to the operator
    STUDENT = 2  # enters as a student without a school
    COUNT = 3  # left out, and counted


@dataclass(frozen=True, slots=True)
class PersonRecord:
    """One person as one source tells it. None and "" mean that the source says nothing about it.

    `contacts`: all addresses that the source has for this person; others from it have ended. None: it has no say.
    `contacts_spared`: the channels with an address that could not be read; what the store has there stays.
    `from_register`: the population register's word, which wins on name, birth date, protection and death.
    `register_document`: and this is its document about this person, from which custody is known.
    `all_guardians`: the links given with this record are all that the source knows; others from it have ended.
    `protection_unknown`: a student of a source that tells nobody's protection: held until the register has told it.
    `removed`: the source says that it no longer has this person.
    `register_entry`: what the contact register says of the person as such.
    `postal_address`: where the population register says that letters reach them; never a graded one.
    """

    place: Place
    identifiers: tuple[Identifier, ...]
    ref: str | None = None
    given_name: str = field(default="", repr=False)
    family_name: str = field(default="", repr=False)
    birth_date: date | None = None
    deceased: bool | None = None
    protection: Protection | None = None
    language: str | None = None
    contacts: tuple[ContactAddress, ...] | None = None
    contacts_spared: tuple[AddressChannel, ...] = ()
    from_register: bool = False
    register_document: bool = False
    all_guardians: bool = False
    unknown: Unknown = Unknown.SKIP
    protection_unknown: bool = False
    removed: bool = False
    register_entry: RegisterEntry | None = None
    postal_address: PostalAddress | None = None


class GroupKind(StrEnum):
    SCHOOL = "school"
    HOME = "home"  # the class a student is said to be in
    GROUP = "group"
    GRADE = "grade"  # its members are in this grade; no group of its own
    IGNORED = "ignored"  # a group that makes nobody a student: a parents' board, the owner of schools


@dataclass(frozen=True, slots=True)
class GroupRecord:
    """A school, or a part of one. `key` names it within its source; `ref` is what a school is called everywhere: its
    number. None: it is known by its key alone, and to no other source.

    `ended_on`: the first day on which it is no more. `parent`: the key of its school.
    """

    place: Place
    key: str
    kind: GroupKind
    name: str
    ref: str | None = None
    parent: str | None = None
    grade: str | None = None
    ended_on: date | None = None
    removed: bool = False


@dataclass(frozen=True, slots=True)
class MembershipRecord:
    """A student in a school, class or group.

    `ended_on`: the first day on which they no longer are; `active`: false when the source switched it off.
    """

    place: Place
    group: str
    student: Identifier
    active: bool = True
    begins: date | None = None
    ended_on: date | None = None
    main: bool = True


@dataclass(frozen=True, slots=True)
class GuardianshipRecord:
    """The link student – guardian. `valid_to`: the first day on which it does not hold.

    `creates_guardian`: a guardian nobody knows yet enters by this identifier alone.
    """

    place: Place
    student: Identifier
    guardian: Identifier
    basis: Basis
    valid_from: date | None = None
    valid_to: date | None = None
    decision_ref: str | None = None
    student_agreed: bool = False
    creates_guardian: bool = False


@dataclass(frozen=True, slots=True)
class GuardianRoleRecord:
    """What changes tell of a guardian's role at the school with the key `school`; `active`: false when it is over."""

    place: Place
    school: str
    guardian: Identifier
    active: bool


@dataclass(frozen=True, slots=True)
class ConsentRecord:
    place: Place
    student: Identifier
    guardian: Identifier
    purpose: ConsentPurpose
    given_on: date
    evidence: str


class Lost(IntEnum):
    """How much of a record does not enter. A part is only told when the rest does."""

    RECORD = 0
    FACT = 1
    ADDRESS = 2  # told when the person is one whose addresses are taken


@dataclass(frozen=True, slots=True)
class Refusal:
    """A record, or a part of one, that does not enter, and why. The reason holds no personal data.

    `about`: whom it was about, where that could be read. When their whole record is lost, what the store has of them
    is not ended by the same import.
    """

    place: Place
    reason: str
    about: tuple[Identifier, ...] = ()
    lost: Lost = Lost.RECORD


Record: TypeAlias = (
    PersonRecord | GroupRecord | MembershipRecord | GuardianshipRecord | GuardianRoleRecord | ConsentRecord | Refusal
)


@dataclass(frozen=True, slots=True)
class Unspoken:
    """What an import does not speak of, though it is full otherwise: what its source told before stays as it was.

    `groups`: how the keys of such groups begin; `bases`: of such guardianships; `grades`: the grades are not told.
    """

    groups: tuple[str, ...] = ()
    bases: tuple[Basis, ...] = ()
    grades: bool = False


@dataclass(frozen=True, slots=True)
class Reading:
    """One import as its reader offers it: who speaks, whether it is everything they have, and the records.

    `records` raises UsageError when a file turns out to be unusable half-way; `digest` is known once it is through.
    `contact_register`: the contact register speaks. It dates its addresses itself, decides the language, and yields to
    what a guardian has confirmed with us by a code.
    `one_basis`: a guardian is linked to a student by one basis at a time: the one that is told replaces another one.
    `notes`: sentences that belong before the eyes of whoever applies it.
    """

    format: str
    source: str
    full: bool
    records: Iterator[Record]
    files: tuple[str, ...]
    contact_register: bool = False
    one_basis: bool = False
    notes: tuple[str, ...] = ()
    unspoken: Unspoken = Unspoken()


def shown(number: int) -> str:
    """A count as people read it: 8 412."""
    return f"{number:,}".replace(",", " ")
