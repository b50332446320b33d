"""Bringing the tables of a database up to the ones this version needs (Alembic), and telling whether they are.

The metadata of the models is handed in by the caller: this room knows no models. The scripts are numbered 0001, 0002
and so on, so that the newest is known without loading Alembic, which most commands never need. They lead upwards only:
the way back is the backup made before.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from sqlalchemy import Connection, MetaData, inspect, text

from config.database import Database
from config.errors import UsageError

if TYPE_CHECKING:
    from alembic.config import Config
    from alembic.runtime.migration import MigrationContext

SCRIPTS: Final = Path(__file__).parent
VERSION_TABLE: Final = "alembic_version"
# Any fixed number: who holds this lock on PostgreSQL is migrating.
_LOCK: Final = 0x6265726564


def head_revision() -> str | None:
    """The revision that this version of Beredskap needs; None while there are no scripts."""
    return max((file.name[:4] for file in (SCRIPTS / "versions").glob("[0-9]" * 4 + "_*.py")), default=None)


def current_revision(database: Database) -> str | None:
    """The revision of the tables in `database`; None when it was never initialised."""
    with database.read() as connection:
        return _revision(connection)


def is_current(database: Database) -> bool:
    """True when the tables are those that this version needs."""
    head = head_revision()
    return head is not None and current_revision(database) == head


def upgrade(database: Database, metadata: MetaData) -> tuple[str | None, str | None]:
    """Run the migrations that are missing, in one transaction; one process at a time. Returns (before, after).

    Raises UsageError when the database was made by a newer version of Beredskap.
    """
    with _migrating(database) as connection:
        before = _revision(connection)
        head = head_revision()
        if before is not None and (head is None or before > head):
            raise UsageError(
                "The database was made by a newer version of Beredskap than this one.",
                remedy="Run that version, or restore the backup that was made before the change.",
            )
        if before != head:
            from alembic import command

            command.upgrade(_config(connection, metadata), "head")
        return before, _revision(connection)


def differences(database: Database, metadata: MetaData) -> list[Any]:
    """What Alembic would change to make the tables agree with `metadata`; empty when they agree."""
    from alembic.autogenerate import compare_metadata

    with database.read() as connection:
        return list(compare_metadata(_context(connection), metadata))


def write_revision(database: Database, metadata: MetaData, message: str) -> Path:
    """Write the next script: what turns the tables of `database`, which is up to date, into `metadata`."""
    from alembic import command
    from alembic.script import Script

    number = f"{int(head_revision() or 0) + 1:04d}"
    with database.write() as connection:
        script = command.revision(_config(connection, metadata), message, autogenerate=True, rev_id=number)
    assert isinstance(script, Script)
    return Path(script.path)


def configure_options() -> dict[str, Any]:
    """How Alembic compares and writes, in migrations as in comparisons."""
    return {
        "version_table": VERSION_TABLE,
        "compare_type": True,
        "render_as_batch": True,
        "render_item": _render_item,
        "transactional_ddl": True,
    }


def _config(connection: Connection, metadata: MetaData) -> Config:
    from alembic.config import Config

    config = Config(attributes={"connection": connection, "metadata": metadata})
    config.set_main_option("script_location", str(SCRIPTS).replace("%", "%%"))
    config.set_main_option("file_template", "%%(rev)s_%%(slug)s")
    config.set_main_option("path_separator", "os")
    return config


def _context(connection: Connection) -> MigrationContext:
    from alembic.runtime.migration import MigrationContext

    return MigrationContext.configure(connection, opts=configure_options())


def _revision(connection: Connection) -> str | None:
    if not inspect(connection).has_table(VERSION_TABLE):
        return None
    return connection.execute(text(f"SELECT version_num FROM {VERSION_TABLE}")).scalar_one_or_none()  # noqa: S608


@contextmanager
def _migrating(database: Database) -> Iterator[Connection]:
    """The one transaction of a migration: nobody else migrates meanwhile."""
    if not database.sqlite:
        with database.write() as connection:
            connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _LOCK})
            yield connection
        return
    with database.engine.connect() as connection:
        # SQLite changes a table by copying it; with foreign keys enforced, dropping the old one would empty its
        # children. The switch does nothing inside a transaction, so it is thrown before BEGIN.
        driver = connection.connection.driver_connection
        assert driver is not None
        driver.execute("PRAGMA foreign_keys=OFF")
        try:
            with connection.begin():
                yield connection
                broken = connection.exec_driver_sql("PRAGMA foreign_key_check").first()
                if broken is not None:
                    raise RuntimeError(f"a migration left rows of {broken[0]} without their {broken[2]}")
        finally:
            driver.execute("PRAGMA foreign_keys=ON")


def _render_item(kind: str, item: Any, context: Any) -> str | bool:
    """How our own types are written in a script."""
    if kind != "type":
        return False
    if type(item).__name__ == "UtcDateTime":
        context.imports.add("from config.clock import UtcDateTime")
        return "UtcDateTime()"
    if type(item).__name__ == "AutoString":  # SQLModel's name for a string
        return f"sa.String(length={item.length})" if item.length else "sa.String()"
    return False
