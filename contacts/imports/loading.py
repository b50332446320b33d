"""Streams a reader's records into the temporary tables, some thousands at a time: memory does not grow."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from typing import Any, Final

from sqlalchemy import Connection, Table

from config.filling import fill
from config.keys import Keys
from contacts.codes import AddressChannel
from contacts.imports import staged
from contacts.imports.numbers_in_ids import holds_number, may_hold_number
from contacts.imports.records import (
    ID,
    NIN,
    OTHER_NUMBER,
    ConsentRecord,
    GroupRecord,
    GuardianRoleRecord,
    GuardianshipRecord,
    Identifier,
    Lost,
    MembershipRecord,
    PersonRecord,
    Reading,
    Record,
    Refusal,
)

_BATCH = 2000
_Row = tuple[object, ...]


class Loader:
    """Writes records into the staged tables of one connection."""

    def __init__(self, connection: Connection, keys: Keys) -> None:
        self._connection = connection
        self._keys = keys
        self._rows: dict[Table, list[_Row]] = {table: [] for table in _COLUMNS}
        self._next = 0
        self.records = 0

    def load(self, reading: Reading, progress: Callable[[int], None]) -> None:
        """Take in all records. `progress` gets the number so far, now and then. Raises what the reader raises."""
        handlers: Mapping[type, Callable[[Any], None]] = {
            PersonRecord: self._person,
            GroupRecord: self._group,
            MembershipRecord: self._membership,
            GuardianshipRecord: self._guardianship,
            GuardianRoleRecord: self._guardian_role,
            ConsentRecord: self._consent,
            Refusal: self._refusal,
        }
        record: Record
        for record in reading.records:
            handlers[type(record)](record)
            self.records += 1
            if self.records % _BATCH == 0:
                self._write(_BATCH)
                progress(self.records)
        self._write(1)
        progress(self.records)

    def _write(self, least: int) -> None:
        for table, rows in self._rows.items():
            if len(rows) >= least:
                fill(self._connection, table, _COLUMNS[table], rows)
                rows.clear()

    def _place(self, record: Record) -> _Row:
        self._next += 1
        return self._next, record.place.file, record.place.record, staged.OPEN

    def _lookup(self, identifier: Identifier) -> str:
        secret = identifier.scheme in (NIN, OTHER_NUMBER)
        # Some systems use the number as an id. Person.id is our own, and none.
        if secret or (identifier.scheme != ID and holds_number(identifier.value)):
            return self._keys.lookup_hash(identifier.value, identifier.scheme)
        return identifier.value

    def _reference(self, identifier: Identifier) -> _Row:
        return identifier.scheme, self._lookup(identifier)

    def _person(self, record: PersonRecord) -> None:
        entry, postal = record.register_entry, record.postal_address
        said: _Row = (
            _ref(record),
            record.given_name,
            record.family_name,
            record.birth_date,
            record.deceased,
            None if record.protection is None else record.protection.value,
            record.protection_unknown,
            record.language,
            record.from_register,
            record.register_document,
            record.all_guardians,
            record.contacts is not None,
            AddressChannel.SMS in record.contacts_spared,
            AddressChannel.EMAIL in record.contacts_spared,
            int(record.unknown),
            record.removed,
            None if entry is None else entry.status.value,
            None if entry is None else entry.reserved,
            None if entry is None else entry.expired,
        )
        # No part of what two records must agree about: of several documents of a person the first one's is taken.
        letters: _Row = (None,) * 4
        if postal is not None:
            letters = ("\n".join(postal.lines), postal.postal_code, postal.place, postal.country)
        ids = {(each.scheme, each.value): each.current for each in record.identifiers}
        contacts = [
            (each.channel.value, each.value, each.takes_messages, each.confirmed_at, each.shared_in_register)
            for each in record.contacts or ()
        ]
        place = self._place(record)
        self._rows[staged.person].append(
            (*place, _digest(said, sorted(ids.items()), sorted(contacts, key=repr)), *said, *letters)
        )
        n = place[0]
        for (scheme, value), current in ids.items():
            lookup = self._lookup(Identifier(scheme, value))
            ciphertext = self._keys.encrypt(value) if scheme == NIN else None
            self._rows[staged.identifier].append((n, scheme, lookup, ciphertext, current))
        if contacts:
            self._rows[staged.contact].extend((n, *contact) for contact in contacts)

    def _group(self, record: GroupRecord) -> None:
        said: _Row = (
            record.key,
            record.kind.value,
            record.name,
            record.ref,
            record.parent,
            record.grade,
            record.ended_on,
            record.removed,
        )
        self._rows[staged.group].append((*self._place(record), _digest(said), *said))

    def _membership(self, record: MembershipRecord) -> None:
        self._rows[staged.membership].append(
            (
                *self._place(record),
                record.group,
                *self._reference(record.student),
                record.active,
                record.begins,
                record.ended_on,
                record.main,
                False,
            )
        )

    def _guardianship(self, record: GuardianshipRecord) -> None:
        self._rows[staged.guardianship].append(
            (
                *self._place(record),
                *self._reference(record.student),
                *self._reference(record.guardian),
                self._keys.encrypt(record.guardian.value) if record.creates_guardian else None,
                record.creates_guardian,
                record.basis.value,
                record.valid_from,
                record.valid_to,
                record.decision_ref,
                record.student_agreed,
            )
        )

    def _guardian_role(self, record: GuardianRoleRecord) -> None:
        self._rows[staged.guardian_role].append(
            (*self._place(record), record.school, *self._reference(record.guardian), record.active)
        )

    def _consent(self, record: ConsentRecord) -> None:
        self._rows[staged.consent].append(
            (
                *self._place(record),
                *self._reference(record.student),
                *self._reference(record.guardian),
                record.purpose.value,
                record.given_on,
                record.evidence,
            )
        )

    def _refusal(self, record: Refusal) -> None:
        about = [self._reference(identifier) for identifier in record.about]
        first = about[0] if about else (None, None)
        self._rows[staged.refusal].append(
            (record.place.file, record.place.record, record.reason, int(record.lost), *first, True, False)
        )
        if record.lost is Lost.RECORD:
            self._rows[staged.about].extend(about)


# The columns that are read; the others are found by comparing.
_PLACE = ("n", "file", "record", "state")
_STUDENT = ("student_scheme", "student_lookup")
_GUARDIAN = ("guardian_scheme", "guardian_lookup")
_COLUMNS: Final[Mapping[Table, tuple[str, ...]]] = {
    staged.person: (
        *_PLACE,
        "digest",
        "ref",
        "given_name",
        "family_name",
        "birth_date",
        "deceased",
        "protection",
        "protection_unknown",
        "language",
        "from_register",
        "register_document",
        "all_guardians",
        "tells_contacts",
        "spares_sms",
        "spares_email",
        "unknown",
        "removed",
        "register_status",
        "reserved",
        "expired",
        "postal_lines",
        "postal_code",
        "postal_place",
        "postal_country",
    ),
    staged.identifier: ("person_n", "scheme", "lookup", "ciphertext", "current"),
    staged.contact: ("person_n", "channel", "value", "takes_messages", "confirmed_at", "shared_in_register"),
    staged.group: (*_PLACE, "digest", "key", "kind", "name", "ref", "parent", "grade", "ended_on", "removed"),
    staged.membership: (*_PLACE, "group_key", *_STUDENT, "active", "begins", "ended_on", "main", "live"),
    staged.guardianship: (
        *_PLACE,
        *_STUDENT,
        *_GUARDIAN,
        "guardian_ciphertext",
        "creates_guardian",
        "basis",
        "valid_from",
        "valid_to",
        "decision_ref",
        "student_agreed",
    ),
    staged.guardian_role: (*_PLACE, "group_key", *_GUARDIAN, "active"),
    staged.consent: (*_PLACE, *_STUDENT, *_GUARDIAN, "purpose", "given_on", "evidence"),
    staged.refusal: ("file", "record", "reason", "lost", "scheme", "lookup", "told", "found"),
    staged.about: ("scheme", "lookup"),
}


def _ref(record: PersonRecord) -> str | None:
    if not record.ref:
        return None
    return staged.REF_LEFT_OUT if may_hold_number(record.ref) else record.ref


def _digest(*said: object) -> str:
    """The same for two records that say the same, wherever they stand."""
    return hashlib.blake2b(repr(said).encode(), digest_size=16).hexdigest()
