"""Streams a reader's records into the temporary tables, some thousands at a time: memory does not grow."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from typing import Any

from sqlalchemy import Connection, Table, insert

from config.keys import Keys
from contacts.codes import AddressChannel
from contacts.imports import staged
from contacts.imports.records import (
    NIN,
    ConsentRecord,
    GroupRecord,
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


class Loader:
    """Writes records into the staged tables of one connection."""

    def __init__(self, connection: Connection, keys: Keys) -> None:
        self._connection = connection
        self._keys = keys
        self._rows: dict[Table, list[dict[str, Any]]] = {}
        self._next = 0
        self.records = 0

    def load(self, reading: Reading, progress: Callable[[int], None]) -> None:
        """Take in all records. `progress` gets the number so far, now and then. Raises what the reader raises."""
        handlers: Mapping[type, Callable[[Any], None]] = {
            PersonRecord: self._person,
            GroupRecord: self._group,
            MembershipRecord: self._membership,
            GuardianshipRecord: self._guardianship,
            ConsentRecord: self._consent,
            Refusal: self._refusal,
        }
        record: Record
        for record in reading.records:
            handlers[type(record)](record)
            self.records += 1
            if self.records % _BATCH == 0:
                progress(self.records)
        for table in self._rows:
            self._write(table)
        progress(self.records)

    def _add(self, table: Table, row: dict[str, Any]) -> None:
        rows = self._rows.setdefault(table, [])
        rows.append(row)
        if len(rows) >= _BATCH:
            self._write(table)

    def _write(self, table: Table) -> None:
        rows = self._rows[table]
        if rows:
            self._connection.execute(insert(table), rows)
            rows.clear()

    def _number(self) -> int:
        self._next += 1
        return self._next

    def _lookup(self, identifier: Identifier) -> str:
        if identifier.scheme == NIN:
            return self._keys.lookup_hash(identifier.value, NIN)
        return identifier.value

    def _person(self, record: PersonRecord) -> None:
        n = self._number()
        self._add(
            staged.person,
            {
                "n": n,
                "file": record.place.file,
                "record": record.place.record,
                "digest": _digest(record),
                "ref": record.ref,
                "given_name": record.given_name,
                "family_name": record.family_name,
                "birth_date": record.birth_date,
                "deceased": record.deceased,
                "protection": None if record.protection is None else record.protection.value,
                "language": record.language,
                "from_register": record.from_register,
                "register_document": record.register_document,
                "all_guardians": record.all_guardians,
                "tells_contacts": record.contacts is not None,
                "spares_sms": AddressChannel.SMS in record.contacts_spared,
                "spares_email": AddressChannel.EMAIL in record.contacts_spared,
                "unknown": int(record.unknown),
                "removed": record.removed,
            },
        )
        for identifier in {(each.scheme, each.value): each for each in record.identifiers}.values():
            self._add(
                staged.identifier,
                {
                    "person_n": n,
                    "scheme": identifier.scheme,
                    "lookup": self._lookup(identifier),
                    "ciphertext": self._keys.encrypt(identifier.value) if identifier.scheme == NIN else None,
                    "current": identifier.current,
                },
            )
        for contact in record.contacts or ():
            self._add(
                staged.contact,
                {
                    "person_n": n,
                    "channel": contact.channel.value,
                    "value": contact.value,
                    "takes_messages": contact.takes_messages,
                },
            )

    def _group(self, record: GroupRecord) -> None:
        self._add(
            staged.group,
            {
                "n": self._number(),
                "file": record.place.file,
                "record": record.place.record,
                "digest": _digest(record),
                "key": record.key,
                "kind": record.kind.value,
                "name": record.name,
                "ref": record.ref,
                "parent": record.parent,
                "grade": record.grade,
                "ended_on": record.ended_on,
                "removed": record.removed,
            },
        )

    def _membership(self, record: MembershipRecord) -> None:
        self._add(
            staged.membership,
            {
                "n": self._number(),
                "file": record.place.file,
                "record": record.place.record,
                "group_key": record.group,
                "student_scheme": record.student.scheme,
                "student_lookup": self._lookup(record.student),
                "active": record.active,
                "begins": record.begins,
                "ended_on": record.ended_on,
                "main": record.main,
            },
        )

    def _guardianship(self, record: GuardianshipRecord) -> None:
        creates = record.creates_guardian
        self._add(
            staged.guardianship,
            {
                "n": self._number(),
                "file": record.place.file,
                "record": record.place.record,
                "student_scheme": record.student.scheme,
                "student_lookup": self._lookup(record.student),
                "guardian_scheme": record.guardian.scheme,
                "guardian_lookup": self._lookup(record.guardian),
                "guardian_ciphertext": self._keys.encrypt(record.guardian.value) if creates else None,
                "creates_guardian": creates,
                "basis": record.basis.value,
                "valid_from": record.valid_from,
                "valid_to": record.valid_to,
                "decision_ref": record.decision_ref,
                "student_agreed": record.student_agreed,
            },
        )

    def _consent(self, record: ConsentRecord) -> None:
        self._add(
            staged.consent,
            {
                "n": self._number(),
                "file": record.place.file,
                "record": record.place.record,
                "student_scheme": record.student.scheme,
                "student_lookup": self._lookup(record.student),
                "guardian_scheme": record.guardian.scheme,
                "guardian_lookup": self._lookup(record.guardian),
                "purpose": record.purpose.value,
                "given_on": record.given_on,
                "evidence": record.evidence,
            },
        )

    def _refusal(self, record: Refusal) -> None:
        first = record.about[0] if record.about else None
        self._add(
            staged.refusal,
            {
                "file": record.place.file,
                "record": record.place.record,
                "reason": record.reason,
                "lost": int(record.lost),
                "scheme": first.scheme if first else None,
                "lookup": self._lookup(first) if first else None,
            },
        )
        if record.lost is Lost.RECORD:
            for identifier in record.about:
                self._add(staged.about, {"scheme": identifier.scheme, "lookup": self._lookup(identifier)})


def _digest(record: PersonRecord | GroupRecord) -> str:
    """The same for two records that say the same in two places; the place itself is left out."""
    said: list[object] = []
    for name in record.__slots__:
        if name != "place":
            value = getattr(record, name)
            if name == "identifiers":
                value = sorted((each.scheme, each.value, each.current) for each in value)
            elif name == "contacts" and value is not None:
                value = sorted((each.channel, each.value) for each in value)
            said.append(value)
    return hashlib.blake2b(repr(said).encode(), digest_size=16).hexdigest()
