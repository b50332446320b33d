"""Imports in tests: files written from text, applied through the real plan, and the store read back as people."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, date, datetime
from pathlib import Path
from tempfile import mkdtemp
from typing import Any

from sqlalchemy import Row, select

from config.audit import AuditEntry
from config.clock import bound_db_now, oslo_date
from config.database import Database
from config.keys import Keys
from config.tables import core_table, metadata
from contacts import tables
from contacts.imports import store
from contacts.imports.fint import open_fint
from contacts.imports.freg import open_freg
from contacts.imports.guardians_csv import open_guardians
from contacts.imports.krr import open_krr
from contacts.imports.oneroster import open_oneroster
from contacts.imports.pifu import open_pifu
from contacts.imports.plan import Plan
from contacts.imports.records import Reading
from contacts.imports.roster_files import AgentsAs
from contacts.imports.sds import open_sds
from contacts.imports.staged_import import StagedImport, stage

NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)
TODAY = date(2026, 11, 23)
_OPENERS: dict[str, Callable[[tuple[Path, ...], date], Reading]] = {
    "pifu": lambda paths, _today: open_pifu(paths),
    "freg": open_freg,
    "guardians": open_guardians,
    "krr": open_krr,
    "oneroster": open_oneroster,
    "oneroster custody": lambda paths, today: open_oneroster(paths, today, AgentsAs.CUSTODY),
    "fint": open_fint,
    "sds": open_sds,
    "sds custody": lambda paths, today: open_sds(paths, today, AgentsAs.CUSTODY),
}


class Importer:
    def __init__(self, database: Database, keys: Keys, directory: Path) -> None:
        self.database = database
        self.keys = keys
        self.directory = directory
        self.now = NOW
        self.own_addresses = False  # those of students
        self.postal_addresses = False  # those of guardians

    def file(self, name: str, content: str | bytes | object) -> Path:
        path = self.directory / name
        if isinstance(content, bytes):
            path.write_bytes(content)
        else:
            path.write_text(content if isinstance(content, str) else json.dumps(content), encoding="utf-8")
        return path

    @contextmanager
    def staged(self, kind: str, *paths: Path, trusted: tuple[str, ...] = ()) -> Iterator[StagedImport]:
        with bound_db_now(self.now):
            reading = _OPENERS[kind](paths, oslo_date(self.now))
            with stage(
                self.database,
                self.keys,
                reading,
                trusted_sources=trusted,
                own_addresses=self.own_addresses,
                postal_addresses=self.postal_addresses,
            ) as staged:
                yield staged

    def apply(self, kind: str, *paths: Path, allow_ending: int | None = None, trusted: tuple[str, ...] = ()) -> Plan:
        """Preview, then apply what was previewed: the two must agree, or the apply raises."""
        with self.staged(kind, *paths, trusted=trusted) as staged:
            plan = staged.preview()
            return staged.apply(operator="tester", allow_ending=allow_ending, expected=plan)

    def pifu(self, text: str, **options: Any) -> Plan:
        return self.apply("pifu", self.file("elever.xml", text), **options)

    def freg(self, *documents: object, **options: Any) -> Plan:
        return self.apply("freg", self.file("register.json", list(documents)), **options)

    def krr(self, *persons: object, trusted: tuple[str, ...] = ("krr",), **options: Any) -> Plan:
        return self.apply("krr", self.file("personer.json", {"personer": list(persons)}), trusted=trusted, **options)

    def guardians(self, text: str, **options: Any) -> Plan:
        return self.apply("guardians", self.file("foresatte.csv", text), **options)

    def fint(self, *, allow_ending: int | None = None, **resources: object) -> Plan:
        return self.apply("fint", self.folder("fint", **resources), allow_ending=allow_ending)

    def folder(self, name: str, **resources: object) -> Path:
        """A new folder with one file for each resource."""
        folder = Path(mkdtemp(prefix=f"{name}-", dir=self.directory))
        for resource, content in resources.items():
            (folder / f"{resource}.json").write_text(json.dumps(content), encoding="utf-8")
        return folder

    # What is in the store

    def rows(self, table: Any, *where: Any) -> list[Row[Any]]:
        with self.database.read() as connection:
            return list(connection.execute(select(table).where(*where)))

    def everything(self) -> dict[str, list[tuple[Any, ...]]]:
        """Every row of every table, ids and times included."""
        with self.database.read() as connection:
            return {
                table.name: sorted((tuple(row) for row in connection.execute(select(table))), key=repr)
                for table in metadata.sorted_tables
            }

    def people(self) -> dict[int, str]:
        """Each person's id and a name that tests can speak of."""
        return {
            row.id: " ".join(filter(None, (row.given_name, row.family_name))) or f"?{self._number(row.id)}"
            for row in self.rows(tables.PERSON)
        }

    def _number(self, person_id: int) -> str:
        found = self.rows(store.identifier, store.identifier.c.person_id == person_id)
        return ",".join(sorted(self.keys.decrypt(row.ciphertext) for row in found if row.ciphertext))

    def numbers(self, name: str) -> dict[str, bool]:
        """A person's identity numbers, and which of them are current."""
        ids = [person_id for person_id, each in self.people().items() if each == name]
        found = self.rows(store.identifier, store.identifier.c.person_id.in_(ids))
        return {self.keys.decrypt(row.ciphertext): row.current for row in found if row.ciphertext}

    def person(self, name: str) -> Row[Any]:
        (found,) = (row for row in self.rows(tables.PERSON) if self.people()[row.id] == name)
        return found

    def students(self, *, left: bool = False) -> set[str]:
        people = self.people()
        return {people[row.person_id] for row in self.rows(tables.STUDENT) if (row.left_on is not None) == left}

    def links(self, *, ended: bool = False) -> set[tuple[str, str, str]]:
        """(student, guardian, basis) of the guardianships in force, or of those that are over."""
        people = self.people()
        return {
            (people[row.student_id], people[row.guardian_id], row.basis)
            for row in self.rows(tables.GUARDIANSHIP)
            if (row.valid_to is not None and row.valid_to <= oslo_date(self.now)) == ended
        }

    def points(self, *, ended: bool = False) -> set[tuple[str, str]]:
        people = self.people()
        addresses = {row.id: row.value for row in self.rows(tables.ADDRESS)}
        return {
            (people[row.person_id], addresses[row.address_id])
            for row in self.rows(tables.CONTACT_POINT)
            if (row.ended_at is not None) == ended
        }

    def schools(self) -> set[tuple[str, str]]:
        """(student, school) of today."""
        people = self.people()
        names = {row.id: row.name for row in self.rows(tables.SCHOOL)}
        return {
            (people[row.student_id], names[row.school_id])
            for row in self.rows(tables.ENROLMENT)
            if row.ended_on is None or row.ended_on > oslo_date(self.now)
        }

    def groups(self) -> set[tuple[str, str]]:
        people = self.people()
        names = {row.id: row.name for row in self.rows(tables.STUDENT_GROUP)}
        return {
            (people[row.student_id], names[row.group_id])
            for row in self.rows(tables.MEMBERSHIP)
            if row.ended_on is None or row.ended_on > oslo_date(self.now)
        }

    def without_ids(self) -> dict[str, object]:
        """The store as facts, whatever the order in which its rows were made."""
        return {
            "people": sorted(
                (row.ref or "", self.people()[row.id], row.birth_date, row.deceased, row.protection, row.language or "")
                for row in self.rows(tables.PERSON)
            ),
            "students": self.students(),
            "links": self.links(),
            "over": self.links(ended=True),
            "points": self.points(),
            "schools": self.schools(),
            "groups": self.groups(),
        }

    def acts(self) -> int:
        return len(self.rows(core_table(AuditEntry)))
