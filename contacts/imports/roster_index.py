"""What must be known of a roster across its files, kept on disk while it is read: memory does not grow.

It holds hashed ids, roles and days, and no name, address or number; the file dies with the import.
"""

from __future__ import annotations

import hashlib
import secrets
import sqlite3
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date
from enum import IntFlag
from pathlib import Path
from typing import Any, Final

_BATCH: Final = 5000


class Role(IntFlag):
    NONE = 0
    STUDENT = 1
    GUARDIAN = 2  # guardian or parent: OneRoster does not say what they differ in
    RELATIVE = 4
    OTHER = 8


@dataclass(frozen=True, slots=True)
class IndexedUser:
    """`twin`: two lines with this id say different things. `refused`: their line cannot be used. `placed`: a student of
    some school or class.

    `over`: there is a role that does not hold today. `unread`: a line about their roles could not be read, so that
    `roles` may not be all of them.
    """

    roles: Role
    gone: bool
    twin: bool
    refused: bool
    placed: bool
    over: bool
    unread: bool


@dataclass(frozen=True, slots=True)
class IndexedClass:
    begins: date | None


@dataclass(frozen=True, slots=True)
class IndexedBirth:
    day: date | None
    twin: bool


_SCHEMA = """
PRAGMA journal_mode = OFF;
PRAGMA synchronous = OFF;
PRAGMA cache_size = -32768;
CREATE TABLE user (
    id BLOB PRIMARY KEY, contents BLOB, roles INTEGER NOT NULL DEFAULT 0, gone INTEGER NOT NULL DEFAULT 0,
    twin INTEGER NOT NULL DEFAULT 0, refused INTEGER NOT NULL, placed INTEGER NOT NULL DEFAULT 0,
    over INTEGER NOT NULL DEFAULT 0, unread INTEGER NOT NULL DEFAULT 0
) WITHOUT ROWID;
CREATE TABLE class (id BLOB PRIMARY KEY, begins TEXT) WITHOUT ROWID;
CREATE TABLE birth (id BLOB PRIMARY KEY, day TEXT, twin INTEGER NOT NULL DEFAULT 0) WITHOUT ROWID;
"""
_ADD_USER = """
INSERT INTO user (id, contents, roles, gone, refused) VALUES (?, ?, ?, ?, ?)
ON CONFLICT (id) DO UPDATE SET twin = twin OR contents IS NOT excluded.contents
"""
_ADD_CLASS = "INSERT OR IGNORE INTO class (id, begins) VALUES (?, ?)"
_ADD_BIRTH = """
INSERT INTO birth (id, day) VALUES (?, ?)
ON CONFLICT (id) DO UPDATE SET twin = twin OR day IS NOT excluded.day
"""
_ADD_ROLE = "UPDATE user SET roles = roles | ?, placed = placed | ? WHERE id = ?"
_MARK_OVER = "UPDATE user SET over = 1 WHERE id = ?"
_MARK_UNREAD = "UPDATE user SET unread = 1 WHERE id = ?"


class RosterIndex:
    """Written to in any order of files, read once what is asked for has been written. Made by `roster_index`."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection
        self._salt = secrets.token_bytes(16)
        self._waiting: dict[str, list[tuple[object, ...]]] = {}

    def add_user(self, key: str, contents: bytes, roles: Role, *, gone: bool, refused: bool = False) -> None:
        self._write(_ADD_USER, (self._hash(key), self._digest(contents), int(roles), gone, refused))

    def add_role(self, key: str, roles: Role, *, placed: bool) -> None:
        """Another role of a user who has been added."""
        self._write(_ADD_ROLE, (int(roles), placed, self._hash(key)))

    def mark_over(self, key: str) -> None:
        """A role of a user who has been added does not hold today."""
        self._write(_MARK_OVER, (self._hash(key),))

    def mark_unread(self, key: str) -> None:
        """A line about the roles of a user could not be read. Of a user who has not been added it says nothing."""
        self._write(_MARK_UNREAD, (self._hash(key),))

    def add_class(self, key: str, begins: date | None) -> None:
        self._write(_ADD_CLASS, (self._hash(key), None if begins is None else begins.isoformat()))

    def add_birth(self, key: str, day: date | None) -> None:
        self._write(_ADD_BIRTH, (self._hash(key), None if day is None else day.isoformat()))

    def user(self, key: str) -> IndexedUser | None:
        found = self._one("SELECT roles, gone, twin, refused, placed, over, unread FROM user WHERE id = ?", key)
        return None if found is None else IndexedUser(Role(found[0]), *(bool(each) for each in found[1:]))

    def school_class(self, key: str) -> IndexedClass | None:
        found = self._one("SELECT begins FROM class WHERE id = ?", key)
        return None if found is None else IndexedClass(_day(found[0]))

    def birth(self, key: str) -> IndexedBirth | None:
        found = self._one("SELECT day, twin FROM birth WHERE id = ?", key)
        return None if found is None else IndexedBirth(_day(found[0]), bool(found[1]))

    def flush(self) -> None:
        """Write what waits; to be called between writing and reading."""
        for statement, waiting in self._waiting.items():
            self._connection.executemany(statement, waiting)
            waiting.clear()

    def _write(self, statement: str, row: tuple[object, ...]) -> None:
        waiting = self._waiting.setdefault(statement, [])
        waiting.append(row)
        if len(waiting) >= _BATCH:
            self._connection.executemany(statement, waiting)
            waiting.clear()

    def _one(self, statement: str, key: str) -> tuple[Any, ...] | None:
        found: tuple[Any, ...] | None = self._connection.execute(statement, (self._hash(key),)).fetchone()
        return found

    def _hash(self, key: str) -> bytes:
        return self._digest(key.encode())

    def _digest(self, contents: bytes) -> bytes:
        # Some systems use identity numbers as ids: a key of this import alone keeps them from being found in the file.
        return hashlib.blake2b(contents, digest_size=16, key=self._salt).digest()


def _day(text: str | None) -> date | None:
    return None if text is None else date.fromisoformat(text)


@contextmanager
def roster_index() -> Iterator[RosterIndex]:
    with tempfile.TemporaryDirectory(prefix="beredskap-roster-") as directory:
        connection = sqlite3.connect(Path(directory) / "index", isolation_level=None)
        try:
            connection.executescript(_SCHEMA)
            connection.execute("BEGIN")
            yield RosterIndex(connection)
        finally:
            connection.close()
