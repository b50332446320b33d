"""The one database of an installation: an engine made for it, and transactions that read or write."""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Engine, MetaData, Table, create_engine, event, select, text
from sqlalchemy.engine import make_url

from config.clock import db_now
from config.settings import Settings

# Names of constraints and indexes, so that migrations on SQLite and PostgreSQL speak of the same ones.
NAMING = {
    "ix": "ix_%(table_name)s_%(column_0_N_name)s",
    "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    "ck": "ck_%(table_name)s_%(constraint_name)s",
    "fk": "fk_%(table_name)s_%(column_0_N_name)s",
    "pk": "pk_%(table_name)s",
}


def name_constraints(metadata: MetaData) -> None:
    """Give SQLModel's metadata the naming of this project; called before the first table is defined."""
    metadata.naming_convention = NAMING


# What a PostgreSQL session begins with. No just-in-time compiler: for the many short statements here it costs more than
# it saves, up to three times the whole. The others are seconds and milliseconds after which the server takes a machine
# that says nothing to be gone, and lets its locks go; by itself it waits two hours.
_SESSION = {
    "jit": "off",
    "tcp_keepalives_idle": 10,
    "tcp_keepalives_interval": 5,
    "tcp_keepalives_count": 2,
    "tcp_user_timeout": 20_000,
}
# The same from here, where somebody waits for the answer: a server that says nothing counts as away.
_POSTGRESQL = {
    "connect_timeout": 5,
    "keepalives_idle": 5,
    "keepalives_interval": 5,
    "keepalives_count": 1,
    "tcp_user_timeout": 10_000,
}
# The name of sessions with a limit for idle transactions, among others of the same database.
_UNATTENDED = "beredskap at work"
_END_FROZEN_COPIES = text(
    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() "
    "AND usename = current_user AND application_name = :name AND state = 'active' AND wait_event = 'ClientRead' "
    "AND query_start < statement_timestamp() - make_interval(secs => :seconds)"
)


class Database:
    """An engine and its two kinds of transaction.

    On SQLite each writing transaction begins with BEGIN IMMEDIATE: a transaction that reads first and writes later
    would lose updates silently. Reading ones begin deferred and never wait for a writer (WAL).
    """

    def __init__(self, url: str, *, pool_size: int = 10) -> None:
        self.sqlite = make_url(url).get_backend_name() == "sqlite"
        options: dict[str, Any] = {"hide_parameters": True}
        if self.sqlite:
            options["connect_args"] = {"isolation_level": None, "timeout": 30.0, "check_same_thread": False}
        else:
            options.update(
                pool_size=pool_size,
                max_overflow=pool_size,
                pool_pre_ping=True,
                connect_args={**_POSTGRESQL, "options": _options(_SESSION)},
            )
        self.engine: Engine = create_engine(url, **options)
        # SQLite has one writer at a time, and lets those who wait sleep and try again in no order, up to a tenth of a
        # second at a time. Threads of one process take turns here instead.
        self._turn: AbstractContextManager[object] = threading.Lock() if self.sqlite else nullcontext()
        # One snapshot for all that a report reads. SQLite's deferred transactions are that by themselves.
        snapshot = {} if self.sqlite else {"isolation_level": "REPEATABLE READ"}
        self._reader = self.engine.execution_options(reads_only=True, **snapshot)
        if self.sqlite:
            event.listen(self.engine, "connect", _prepare_sqlite)
            event.listen(self.engine, "begin", _begin_sqlite)

    @contextmanager
    def write(self) -> Iterator[Connection]:
        """One transaction that may write; committed at the end, rolled back when an exception passes."""
        with self._turn, self.engine.begin() as connection:
            yield connection

    @contextmanager
    def read(self) -> Iterator[Connection]:
        """One transaction that only reads: a single snapshot, which no writer waits for."""
        with self._reader.begin() as connection:
            yield connection

    def now(self) -> Any:
        """The database's clock, read once."""
        with self.read() as connection:
            return connection.execute(select(db_now())).scalar_one()

    def refresh_statistics(self, tables: Sequence[Table]) -> None:
        """Let PostgreSQL look at tables that have grown much, instead of up to a minute later.

        Until then it plans as if they were small, and a join of two large ones may take minutes. Nothing on SQLite,
        which plans by the indexes alone.
        """
        if not self.sqlite:
            with self.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
                names = ", ".join(table.name for table in tables)
                # Who is looking at a table already does it for us, too.
                connection.exec_driver_sql(f"ANALYZE (SKIP_LOCKED) {names}")

    def overwrite_deleted(self) -> bool:
        """Let nothing of what was deleted stand in the file of an SQLite database any more; false when somebody else
        was at it, or the disk has no room for it. True on PostgreSQL, where its own VACUUM does it in time.

        Writes the whole file anew, and keeps others from writing meanwhile: not while an alert is under way.
        """
        if not self.sqlite:
            return True
        with self._turn:
            connection = self.engine.raw_connection()
            try:
                cursor = connection.cursor()
                cursor.execute("VACUUM")
                cursor.execute("PRAGMA wal_checkpoint(TRUNCATE)")
                return cursor.fetchone() == (0, 0, 0)  # nobody was in the way, and nothing is left of the log
            except sqlite3.OperationalError as error:
                if _is_busy(error) or error.sqlite_errorcode & 0xFF == sqlite3.SQLITE_FULL:
                    return False
                raise
            finally:
                connection.close()

    def limit_idle_transactions(self, seconds: float) -> None:
        """From now on a transaction in which this process stands still for so long is ended by PostgreSQL.

        For processes that work unattended: one that is frozen in the middle of a transaction (SIGSTOP, a paused virtual
        machine) would keep its locks until it wakes up. Then its next statement raises a `DBAPIError` with
        `connection_invalidated`. Nothing on SQLite, where nobody but the process itself can end a transaction.
        """
        if self.sqlite:
            return

        def ask(_dialect: Any, _record: Any, _arguments: Any, options: dict[str, Any]) -> None:
            limit = {"idle_in_transaction_session_timeout": round(seconds * 1000)}
            options.update(application_name=_UNATTENDED, options=_options(_SESSION | limit))

        event.listen(self.engine, "do_connect", ask)
        self.engine.dispose()  # sessions that began without it

    def end_frozen_copies(self, seconds: float) -> int:
        """End the sessions of unattended processes that have stood still in a COPY for so long; how many there were.

        PostgreSQL waits for the rows of a COPY without any limit: to it, that is a statement under way.
        """
        if self.sqlite:
            return 0
        with self.write() as connection:
            return len(connection.execute(_END_FROZEN_COPIES, {"name": _UNATTENDED, "seconds": seconds}).all())

    def dispose(self) -> None:
        self.engine.dispose()


def _options(session: Mapping[str, object]) -> str:
    return " ".join(f"-c {name}={value}" for name, value in session.items())


def open_database(settings: Settings) -> Database:
    """The database that the settings name. Makes no connection yet; makes the data directory of an embedded store."""
    if settings.embedded:
        file = make_url(settings.database_url).database
        if file:
            Path(file).parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    return Database(settings.database_url, pool_size=settings.store.pool_size)


_WAL = "PRAGMA journal_mode=WAL"


def _prepare_sqlite(connection: Any, _record: Any) -> None:
    cursor = connection.cursor()
    try:
        cursor.execute(_WAL)
    except sqlite3.OperationalError as error:
        if not _is_busy(error):
            raise
        _insist_on_wal(cursor)
    for pragma in (
        "synchronous=FULL",
        "foreign_keys=ON",
        "busy_timeout=30000",
        "cache_size=-32768",
    ):
        cursor.execute(f"PRAGMA {pragma}")
    cursor.close()


def _is_busy(error: BaseException) -> bool:
    """Somebody else has the file for a moment; whatever else SQLite says of it does not pass by waiting."""
    return isinstance(error, sqlite3.OperationalError) and error.sqlite_errorcode & 0xFF == sqlite3.SQLITE_BUSY


def _insist_on_wal(cursor: sqlite3.Cursor) -> None:
    """Of two that make the file at the same time, SQLite refuses one at once instead of letting it wait."""
    from tenacity import Retrying, retry_if_exception, stop_after_delay, wait_random  # a tenth of a second

    busy = retry_if_exception(_is_busy)
    Retrying(retry=busy, stop=stop_after_delay(30), wait=wait_random(0.01, 0.1), reraise=True)(cursor.execute, _WAL)


def _begin_sqlite(connection: Connection) -> None:
    reads_only = connection.get_execution_options().get("reads_only", False)
    connection.exec_driver_sql("BEGIN DEFERRED" if reads_only else "BEGIN IMMEDIATE")
