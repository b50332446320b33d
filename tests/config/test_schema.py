"""The migrations make exactly the tables that the models draw, on both databases."""

from __future__ import annotations

from config import migrations
from config.database import Database
from tests.services.schema import all_tables


def test_models_and_migrations_agree(database_url: str) -> None:
    database = Database(database_url)
    migrations.upgrade(database, all_tables())
    found = migrations.differences(database, all_tables())
    database.dispose()
    assert found == [], 'write the missing migration: python tools/new_migration.py "what changes"'


def test_every_index_constraint_and_key_has_a_name_of_ours() -> None:
    for table in all_tables().tables.values():
        for part in (*table.constraints, *table.indexes):
            assert part.name is not None
            assert str(part.name).split("_")[0] in ("pk", "fk", "uq", "ck", "ix")


def test_every_moment_is_stored_with_its_zone() -> None:
    """A plain DateTime would come back naive from SQLite and break on comparison."""
    from sqlalchemy import DateTime

    from config.clock import UtcDateTime

    for table in all_tables().tables.values():
        for column in table.columns:
            assert not isinstance(column.type, DateTime), f"{table.name}.{column.name}: use config.tables.utc_column"
            if column.name.endswith("_at"):
                assert isinstance(column.type, UtcDateTime), f"{table.name}.{column.name}"
