"""The tool that writes migrations knows every table, and what it writes makes the tables that the models draw."""

from __future__ import annotations

import shutil
import sys
from pathlib import Path

import pytest

from config import migrations
from config.database import Database
from tests.services.processes import Processes
from tests.services.schema import all_tables
from tools import new_migration

ROOT = Path(__file__).parents[2]


@pytest.fixture
def empty_scripts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    copy = tmp_path / "migrations"
    (copy / "versions").mkdir(parents=True)
    for name in ("env.py", "script.py.mako"):
        shutil.copy(migrations.SCRIPTS / name, copy)
    monkeypatch.setattr(migrations, "SCRIPTS", copy)
    return copy


def test_it_knows_every_module_with_tables(processes: Processes) -> None:
    """In a process of its own: here other tests have loaded models already."""
    program = (
        "from dispatcher.metadata import complete_metadata; complete_metadata(); from sqlmodel import SQLModel\n"
        "print(*sorted({mapper.class_.__module__ for mapper in SQLModel._sa_registry.mappers}))"
    )
    known = processes.run("-c", program, command=sys.executable).out.split()
    rooms = ("config", "contacts", "dispatcher", "portal")
    files = [file for room in rooms for file in (ROOT / room).rglob("*.py") if "table=True" in file.read_text("utf-8")]
    assert known == sorted(".".join(file.relative_to(ROOT).with_suffix("").parts) for file in files)


def test_the_whole_schema_can_be_written_and_made(
    empty_scripts: Path, database_url: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert new_migration.main("Everything") == 0
    assert "0001_everything.py" in capsys.readouterr().out
    assert new_migration.main("Again") == 1
    assert "nothing to write" in capsys.readouterr().out
    database = Database(database_url)
    assert migrations.upgrade(database, all_tables()) == (None, "0001")
    assert migrations.differences(database, all_tables()) == []
    assert checks(database) == drawn_checks()
    database.dispose()


def checks(database: Database) -> set[tuple[str, str | None]]:
    from sqlalchemy import inspect

    with database.read() as connection:
        inspector = inspect(connection)
        tables = [name for name in inspector.get_table_names() if name != migrations.VERSION_TABLE]
        return {(table, check["name"]) for table in tables for check in inspector.get_check_constraints(table)}


def drawn_checks() -> set[tuple[str, str | None]]:
    """Check constraints, which Alembic does not compare; their names end up in the database as the models give them."""
    from sqlalchemy import CheckConstraint

    return {
        (table.name, f"ck_{table.name}_{str(constraint.name).removeprefix(f'ck_{table.name}_')}")
        for table in all_tables().tables.values()
        for constraint in table.constraints
        if isinstance(constraint, CheckConstraint)
    }
