"""Migrations: they run on both databases, once at a time, and models and tables can be compared."""

from __future__ import annotations

import importlib
import shutil
import sys
import threading
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from sqlalchemy import Column, ForeignKey, Integer, MetaData, String, Table, insert, inspect, select
from sqlmodel.sql.sqltypes import AutoString

from config import migrations
from config.clock import UtcDateTime
from config.database import NAMING, Database
from config.errors import UsageError
from config.tables import BigInt

NOON = datetime(2026, 8, 20, 12, tzinfo=UTC)


def drawn(*, later: bool = False) -> MetaData:
    """A small set of tables; `later`: with a change of type, a new column and a new index on a table with children."""
    metadata = MetaData(naming_convention=NAMING)
    Table(
        "school",
        metadata,
        Column("id", BigInt, primary_key=True),
        Column("name", AutoString(length=100 if later else 50), nullable=False, unique=True),
        *([Column("closed_at", UtcDateTime(), index=True)] if later else []),
    )
    Table(
        "class",
        metadata,
        Column("id", Integer, primary_key=True),
        Column("school_id", ForeignKey("school.id", ondelete="CASCADE"), nullable=False),
        Column("name", String(20)),
        Column("at", UtcDateTime(), nullable=False),
    )
    return metadata


@pytest.fixture
def scripts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The machinery of the migrations, without the project's own scripts."""
    copy = tmp_path / "migrations"
    copy.mkdir()
    for name in ("env.py", "script.py.mako"):
        shutil.copy(migrations.SCRIPTS / name, copy)
    (copy / "versions").mkdir()
    monkeypatch.setattr(migrations, "SCRIPTS", copy)
    return copy


@pytest.fixture
def store(database_url: str) -> Iterator[Database]:
    database = Database(database_url)
    yield database
    database.dispose()


def written_with(scripts: Path, *stages: MetaData) -> None:
    """Write one script a stage, as a contributor does: against an SQLite database that is up to date."""
    database = Database(f"sqlite:///{scripts / 'drawing-board.db'}")
    for number, stage in enumerate(stages, start=1):
        migrations.upgrade(database, stage)
        script = migrations.write_revision(database, stage, f"stage {number}")
        assert script.name == f"{number:04d}_stage_{number}.py"
    database.dispose()


def test_a_database_is_brought_up_in_steps_and_keeps_its_rows(scripts: Path, store: Database) -> None:
    assert migrations.current_revision(store) is None
    assert not migrations.is_current(store)

    written_with(scripts, drawn())
    assert migrations.upgrade(store, drawn()) == (None, "0001")
    assert migrations.is_current(store)
    assert migrations.differences(store, drawn()) == []
    first = drawn()
    with store.write() as connection:
        connection.execute(insert(first.tables["school"]), {"name": "Eksempel vgs"})
        connection.execute(insert(first.tables["class"]), {"id": 1, "school_id": 1, "name": "2B", "at": NOON})

    assert migrations.differences(store, drawn(later=True)) != []
    (scripts / "drawing-board.db").unlink()
    shutil.rmtree(scripts / "versions")
    (scripts / "versions").mkdir()
    written_with(scripts, drawn(), drawn(later=True))
    assert not migrations.is_current(store)
    assert migrations.upgrade(store, drawn(later=True)) == ("0001", "0002")
    assert migrations.differences(store, drawn(later=True)) == []
    with store.read() as connection:
        # The parent table was changed; on SQLite that means copied. Its children are still there, and so is the rule.
        assert connection.execute(select(first.tables["class"].c.name)).scalars().all() == ["2B"]
        assert inspect(connection).get_foreign_keys("class")[0]["referred_table"] == "school"
    assert migrations.upgrade(store, drawn(later=True)) == ("0002", "0002")


def test_foreign_keys_are_enforced_again_after_a_migration(scripts: Path, sqlite_url: str) -> None:
    written_with(scripts, drawn())
    database = Database(sqlite_url)
    migrations.upgrade(database, drawn())
    with database.read() as connection:
        assert connection.exec_driver_sql("PRAGMA foreign_keys").scalar_one() == 1
    database.dispose()


def test_scripts_name_our_own_types_with_their_imports(scripts: Path) -> None:
    written_with(scripts, drawn())
    text = next((scripts / "versions").glob("0001_*.py")).read_text(encoding="utf-8")
    assert "from config.clock import UtcDateTime" in text
    assert "UtcDateTime()" in text
    assert "config.clock." not in text.replace("from config.clock import", "")
    assert "sa.String(length=50)" in text
    assert "sqlmodel" not in text
    assert "with_variant(sa.Integer(), 'sqlite')" in text


def test_a_failing_step_leaves_the_database_as_it_was(scripts: Path, store: Database) -> None:
    written_with(scripts, drawn())
    script = next((scripts / "versions").glob("0001_*.py"))
    with script.open("a", encoding="utf-8") as file:
        file.write("    raise ZeroDivisionError\n")
    with pytest.raises(ZeroDivisionError):
        migrations.upgrade(store, drawn())
    with store.read() as connection:
        assert inspect(connection).get_table_names() == []


def test_two_at_once_wait_for_each_other(scripts: Path, database_url: str) -> None:
    written_with(scripts, drawn())
    both = threading.Barrier(2)
    results: list[object] = []

    def upgrade() -> None:
        database = Database(database_url)
        try:
            both.wait(30)
            results.append(migrations.upgrade(database, drawn()))
        except BaseException as error:  # noqa: BLE001 - shown by the assertion below
            results.append(error)
        finally:
            database.dispose()

    threads = [threading.Thread(target=upgrade) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(results, key=str) == [("0001", "0001"), (None, "0001")]


def test_a_database_of_a_newer_version_is_left_alone(scripts: Path, store: Database) -> None:
    written_with(scripts, drawn(), drawn(later=True))
    migrations.upgrade(store, drawn(later=True))
    next((scripts / "versions").glob("0002_*.py")).unlink()
    with pytest.raises(UsageError, match="newer version"):
        migrations.upgrade(store, drawn())
    assert not migrations.is_current(store)
    assert migrations.current_revision(store) == "0002"


def test_the_newest_script_is_alembics_head() -> None:
    """Its number is read off the file names; Alembic reads the scripts. Both must mean the same."""
    from alembic.script import ScriptDirectory

    directory = ScriptDirectory(str(migrations.SCRIPTS))
    assert migrations.head_revision() == directory.get_current_head()


def test_knowing_the_revision_does_not_load_alembic() -> None:
    loaded = {name: sys.modules.pop(name) for name in list(sys.modules) if name.split(".")[0] == "alembic"}
    try:
        importlib.reload(migrations)
        migrations.head_revision()
        assert "alembic" not in sys.modules
    finally:
        sys.modules.update(loaded)
