"""The temporary tables that an import is read into, so that comparing and applying are a few set-based statements.

They live on one connection and die with it. Identity numbers stand in them as they stand in the store: hashed and
encrypted.
"""

from __future__ import annotations

from typing import Final

from sqlalchemy import Boolean, Column, Connection, Date, Integer, MetaData, String, Table, text
from sqlalchemy.schema import SchemaItem

from config.clock import UtcDateTime
from config.tables import BigInt

metadata = MetaData()

# What a staged row comes to.
OPEN: Final = 0
ENTERS: Final = 1
REFUSED: Final = 2
DUPLICATE: Final = 3  # said again, word for word
NOT_NEEDED: Final = 4

# Instead of a student number that looks like an identity number, which is to be printed nowhere.
REF_LEFT_OUT: Final = ""


def _table(name: str, *columns: SchemaItem) -> Table:
    return Table(f"staged_{name}", metadata, *columns, prefixes=["TEMPORARY"])


def _number() -> Column[int]:
    return Column("n", Integer, primary_key=True, autoincrement=False)


def _place() -> tuple[SchemaItem, ...]:
    return (Column("file", String), Column("record", String), Column("state", Integer, nullable=False, default=OPEN))


def _reference(role: str) -> tuple[SchemaItem, ...]:
    return (Column(f"{role}_scheme", String), Column(f"{role}_lookup", String), Column(f"{role}_id", BigInt))


person = _table(
    "person",
    _number(),
    *_place(),
    Column("digest", String),
    Column("person_id", BigInt),  # negative while it is only a plan: a person who is not in the store yet
    Column("ref", String),
    Column("own_ref", String),  # `ref`, when it is a student's and no other's
    Column("given_name", String, nullable=False, default=""),
    Column("family_name", String, nullable=False, default=""),
    Column("birth_date", Date),
    Column("deceased", Boolean),
    Column("protection", String),
    Column("protection_unknown", Boolean, nullable=False, default=False),
    Column("language", String),
    Column("from_register", Boolean, nullable=False, default=False),
    Column("register_document", Boolean, nullable=False, default=False),
    Column("all_guardians", Boolean, nullable=False, default=False),
    Column("tells_contacts", Boolean, nullable=False, default=False),
    Column("spares_sms", Boolean, nullable=False, default=False),
    Column("spares_email", Boolean, nullable=False, default=False),
    Column("unknown", Integer, nullable=False, default=0),
    Column("removed", Boolean, nullable=False, default=False),
    Column("register_status", String),  # NULL: this is no word of the contact register
    Column("reserved", Boolean),
    Column("expired", Boolean),
    Column("postal_lines", String),  # NULL: the register tells of no address for letters
    Column("postal_code", String),
    Column("postal_place", String),
    Column("postal_country", String),
)
identifier = _table(
    "identifier",
    Column("person_n", Integer),
    Column("scheme", String),
    Column("lookup", String),
    Column("ciphertext", String),
    Column("current", Boolean),
)
contact = _table(
    "contact",
    Column("person_n", Integer),
    Column("channel", String),
    Column("value", String),
    Column("takes_messages", Boolean),
    Column("confirmed_at", UtcDateTime()),
    Column("shared_in_register", Boolean),
)
group = _table(
    "group",
    _number(),
    *_place(),
    Column("digest", String),
    Column("key", String),
    Column("kind", String),
    Column("name", String),
    Column("ref", String),
    Column("parent", String),
    Column("grade", String),
    Column("ended_on", Date),
    Column("removed", Boolean),
    Column("school_id", BigInt),
    Column("group_id", BigInt),
)
membership = _table(
    "membership",
    _number(),
    *_place(),
    Column("group_key", String),
    *_reference("student"),
    Column("active", Boolean),
    Column("begins", Date),
    Column("ended_on", Date),
    Column("main", Boolean),
    # Of its group, staged or in the store.
    Column("kind", String),
    Column("school_id", BigInt),
    Column("group_id", BigInt),
    Column("over_on", Date),  # its own last day or its group's, whichever comes first; the first day without it
    Column("live", Boolean, nullable=False, default=False),
)
guardianship = _table(
    "guardianship",
    _number(),
    *_place(),
    *_reference("student"),
    *_reference("guardian"),
    Column("guardian_ciphertext", String),
    Column("creates_guardian", Boolean),
    Column("basis", String),
    Column("valid_from", Date),
    Column("valid_to", Date),
    Column("decision_ref", String),
    Column("student_agreed", Boolean),
)
guardian_role = _table(
    "guardian_role",
    _number(),
    *_place(),
    Column("group_key", String),
    *_reference("guardian"),
    Column("active", Boolean),
    Column("school_id", BigInt),
)
consent = _table(
    "consent",
    _number(),
    *_place(),
    *_reference("student"),
    *_reference("guardian"),
    Column("purpose", String),
    Column("given_on", Date),
    Column("evidence", String),
)
refusal = _table(
    "refusal",
    Column("file", String),
    Column("record", String),
    Column("reason", String),
    Column("lost", Integer, nullable=False, default=0),
    Column("scheme", String),  # whom it is about
    Column("lookup", String),
    Column("told", Boolean, nullable=False, default=True),
    Column("found", Boolean, nullable=False, default=False),  # found by comparing, not by reading
)
about = _table("about", Column("scheme", String), Column("lookup", String))

# Found by comparing; filled anew by each comparison.
shared = _table(
    "shared",
    Column("scheme", String),
    Column("lookup", String),
    Column("keep", Integer),
    Column("contents", Integer),
)
match = _table("match", Column("n", Integer), Column("person_id", BigInt))
student = _table("student", Column("person_id", BigInt, primary_key=True, autoincrement=False))
enrolment = _table(
    "enrolment",
    Column("student_id", BigInt),
    Column("school_id", BigInt),
    Column("main", Boolean),
    Column("grade", String),
    Column("ended_on", Date),
)
place = _table(
    "place",
    Column("student_id", BigInt),
    Column("group_id", BigInt),
    Column("ended_on", Date),
)
spared = _table("spared", Column("person_id", BigInt, primary_key=True, autoincrement=False))
school_scope = _table("school_scope", Column("school_id", BigInt, primary_key=True, autoincrement=False))
student_scope = _table("student_scope", Column("person_id", BigInt, primary_key=True, autoincrement=False))
point = _table(
    "point",
    Column("person_id", BigInt),
    Column("channel", String),
    Column("value", String),
    Column("takes_messages", Boolean),
    Column("confirmed_at", UtcDateTime()),
    Column("shared_in_register", Boolean),
    Column("address_id", BigInt),
)

COMPARED = (shared, match, student, enrolment, place, spared, school_scope, student_scope, point)

_INDEXES = (
    "CREATE INDEX staged_identifier_value ON staged_identifier (lookup, scheme)",
    "CREATE INDEX staged_identifier_person ON staged_identifier (person_n)",
    "CREATE INDEX staged_person_id ON staged_person (person_id)",
    "CREATE INDEX staged_contact_person ON staged_contact (person_n)",
    "CREATE INDEX staged_group_key ON staged_group (key)",
    "CREATE INDEX staged_membership_student ON staged_membership (student_id, school_id)",
    "CREATE INDEX staged_guardianship_guardian ON staged_guardianship (guardian_id, student_id)",
    "CREATE INDEX staged_guardian_role_guardian ON staged_guardian_role (guardian_id, school_id)",
    "CREATE INDEX staged_match_n ON staged_match (n)",
    "CREATE INDEX staged_match_person ON staged_match (person_id)",
    "CREATE INDEX staged_enrolment_student ON staged_enrolment (student_id, school_id)",
    "CREATE INDEX staged_place_student ON staged_place (student_id, group_id)",
    "CREATE INDEX staged_point_person ON staged_point (person_id, address_id)",
)


def create(connection: Connection) -> None:
    metadata.create_all(connection, checkfirst=False)


def index(connection: Connection) -> None:
    """To be called when all records are in: filling tables that have no indexes takes half the time."""
    for statement in _INDEXES:
        connection.execute(text(statement))


def analyse(connection: Connection) -> None:
    """Let PostgreSQL know how many rows stand in the temporary tables; it plans for few of them otherwise."""
    if connection.dialect.name == "postgresql":
        for table in metadata.sorted_tables:
            connection.execute(text(f"ANALYZE {table.name}"))
