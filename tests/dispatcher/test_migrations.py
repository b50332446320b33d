"""The migrations make exactly the tables of the models: what Alembic compares, and what it does not look at."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import pytest
from sqlalchemy import CheckConstraint, Connection, inspect, text

from config import migrations
from config.database import Database
from dispatcher.metadata import complete_metadata
from tests.services.postgres import PostgresServer

# Everything that PostgreSQL knows of a schema, as it would write it itself.
POSTGRES = {
    "columns": (
        "SELECT table_name, ordinal_position, column_name, data_type, character_maximum_length, is_nullable, "
        "column_default, is_identity FROM information_schema.columns WHERE table_schema = 'public' ORDER BY 1, 2"
    ),
    "constraints": (
        "SELECT conrelid::regclass::text, conname, contype::text, pg_get_constraintdef(oid) FROM pg_constraint "
        "WHERE connamespace = 'public'::regnamespace ORDER BY 1, 2"
    ),
    "indexes": "SELECT tablename, indexname, indexdef FROM pg_indexes WHERE schemaname = 'public' ORDER BY 1, 2",
    "triggers": (
        "SELECT tgrelid::regclass::text, tgname, pg_get_triggerdef(oid), pg_get_functiondef(tgfoid) FROM pg_trigger "
        "WHERE NOT tgisinternal ORDER BY 1, 2"
    ),
}


def migrated(url: str) -> Database:
    database = Database(url)
    migrations.upgrade(database, complete_metadata())
    return database


def created(url: str) -> Database:
    database = Database(url)
    complete_metadata().create_all(database.engine)
    return database


def looked_at(database: Database, look: Callable[[Connection], Any]) -> Any:
    with database.read() as connection:
        found = look(connection)
    database.dispose()
    return found


def postgres_schema(connection: Connection) -> dict[str, list[tuple[Any, ...]]]:
    schema = {}
    for part, query in POSTGRES.items():
        rows = [tuple(row) for row in connection.execute(text(query))]
        schema[part] = [row for row in rows if row[0] != migrations.VERSION_TABLE]
    return schema


def sqlite_schema(connection: Connection) -> dict[str, Any]:
    """Each table's columns and constraints and each index, as statements without regard to order and white space."""
    statements: dict[str, Any] = {}
    for kind, name, sql in connection.execute(text("SELECT type, name, sql FROM sqlite_master WHERE sql IS NOT NULL")):
        if name == migrations.VERSION_TABLE:
            continue
        plain = " ".join(sql.replace('"', "").split())
        statements[name] = sorted(parts_of(plain)) if kind == "table" else plain
    return statements


def parts_of(statement: str) -> list[str]:
    """The columns and constraints of a CREATE TABLE."""
    inside = statement[statement.index("(") + 1 : statement.rindex(")")]
    parts, depth, start = [], 0, 0
    for position, letter in enumerate(inside):
        depth += (letter == "(") - (letter == ")")
        if letter == "," and depth == 0:
            parts.append(inside[start:position].strip())
            start = position + 1
    return [re.sub(r"\s*,\s*", ", ", part) for part in (*parts, inside[start:].strip())]


def test_postgresql_has_the_same_schema_both_ways(postgres_server: PostgresServer) -> None:
    names = [postgres_server.create_database() for _ in range(2)]
    one = looked_at(migrated(postgres_server.url(names[0])), postgres_schema)
    other = looked_at(created(postgres_server.url(names[1])), postgres_schema)
    for name in names:
        postgres_server.drop_database(name)
    assert one == other
    # The comparison sees what it is there for.
    assert any("WHERE" in row[2] for row in one["indexes"])
    assert any(row[2] == "c" and "queued" in row[3] for row in one["constraints"])
    assert [row[:2] for row in one["triggers"]] == [("audit_entry", "audit_entry_append_only")]


def test_sqlite_has_the_same_schema_both_ways(tmp_path_factory: pytest.TempPathFactory) -> None:
    directory = tmp_path_factory.mktemp("schemas")
    one = looked_at(migrated(f"sqlite:///{directory / 'one.db'}"), sqlite_schema)
    other = looked_at(created(f"sqlite:///{directory / 'other.db'}"), sqlite_schema)
    assert one == other
    assert "WHERE" in one["ix_delivery_due"]
    assert any("CHECK" in part and "queued" in part for part in one["delivery"])
    assert "BEFORE DELETE ON audit_entry" in one["audit_entry_no_delete"]


def test_alembic_finds_nothing_to_change(database_url: str) -> None:
    database = migrated(database_url)
    assert migrations.differences(database, complete_metadata()) == []
    database.dispose()


def test_every_check_of_the_models_is_in_the_database(database_url: str) -> None:
    database = migrated(database_url)
    with database.read() as connection:
        inspector = inspect(connection)
        made = {
            (table, check["name"])
            for table in inspector.get_table_names()
            for check in inspector.get_check_constraints(table)
        }
    database.dispose()
    drawn = {
        (table.name, f"ck_{table.name}_{str(constraint.name).removeprefix(f'ck_{table.name}_')}")
        for table in complete_metadata().tables.values()
        for constraint in table.constraints
        if isinstance(constraint, CheckConstraint)
    }
    assert len(drawn) > 20
    assert made == drawn
