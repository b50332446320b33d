"""Schools of before there were keys: each is still found by what its source calls it, and no longer by others' ids."""

from __future__ import annotations

from pathlib import Path

import pytest
from sqlalchemy import insert, select

from config import migrations
from config.database import Database
from contacts.imports import store
from tests.services.older_tables import tables_before
from tests.services.schema import all_tables


@pytest.fixture
def older(database_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Database:
    """A database with the tables that it had before."""
    return tables_before("0010", database_url, tmp_path, monkeypatch)


def test_schools_of_before_are_known_by_key(older: Database) -> None:
    before = [
        ("999888777", "oneroster:sas"),
        ("annen", "oneroster:sas"),
        ("skole|1", "pifu:sas"),
        ("x" * 253, "sds"),
        ("101", "fint"),
        ("NO1", "example"),
    ]
    with older.write() as connection:
        connection.execute(
            insert(store.school),
            [{"ref": ref, "name": "Eksempel vgs", "source": source} for ref, source in before],
        )
    migrations.upgrade(older, all_tables())
    with older.read() as connection:
        schools = {row.id: row.ref for row in connection.execute(select(store.school).order_by(store.school.c.id))}
        keys = {(row.source, row.key, schools[row.school_id]) for row in connection.execute(select(store.school_key))}
    assert list(schools.values()) == [
        "999888777",
        "oneroster:sas/annen",
        "pifu:sas/skole|1",
        "x" * 253,
        "101",
        "NO1",
    ]
    assert keys == {
        ("oneroster:sas", "annen", "oneroster:sas/annen"),
        ("pifu:sas", "skole|1", "pifu:sas/skole|1"),
        ("sds", "x" * 253, "x" * 253),
    }
