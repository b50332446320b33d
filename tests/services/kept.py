"""Databases that many tests use one after the other: emptied between two of them instead of made anew.

A new database costs more than most tests: the copy, a connection that knows no table yet, and an engine that has to
write down every statement again.
"""

from __future__ import annotations

import shutil
from pathlib import Path

import psycopg

from config.database import Database
from tests.services.postgres import PostgresServer

# Without triggers: those of foreign keys, and the guard of the audit log. What has grown large is truncated, because
# deleted rows would stay in the way of all that is read after them.
_EMPTY = """
DO $$
DECLARE
    one record;
    filled boolean;
BEGIN
    SET LOCAL session_replication_role = replica;
    SET LOCAL lock_timeout = '2s';
    FOR one IN
        SELECT oid, oid::regclass AS name FROM pg_class
        WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace
    LOOP
        EXECUTE format('SELECT EXISTS (SELECT FROM %s)', one.name) INTO filled;
        CONTINUE WHEN NOT filled;
        IF pg_relation_size(one.oid) > 200000 THEN
            EXECUTE format('TRUNCATE %s CASCADE', one.name);
        ELSE
            EXECUTE format('DELETE FROM %s', one.name);
        END IF;
    END LOOP;
    PERFORM setval(format('%I.%I', schemaname, sequencename)::regclass, start_value, false)
        FROM pg_sequences WHERE last_value IS NOT NULL;
END $$
"""
_SCHEMA = """
SELECT (SELECT count(*) || ' ' || max(oid) FROM pg_class WHERE relnamespace = 'public'::regnamespace),
       (SELECT count(*) || ' ' || max(attrelid) FROM pg_attribute WHERE NOT attisdropped),
       (SELECT string_agg(oid || ' ' || tgenabled::text, ' ' ORDER BY oid) FROM pg_trigger),
       (SELECT count(*) FROM pg_constraint), (SELECT count(*) FROM pg_proc)
"""


def _checked_out(database: Database) -> int:
    """Connections that somebody has at this moment."""
    count: int = database.engine.pool.checkedout()  # type: ignore[attr-defined]
    return count


class KeptPostgres:
    """One PostgreSQL database after the template, with no rows at the beginning of each test."""

    def __init__(self, server: PostgresServer, template: str) -> None:
        self._server, self._template = server, template
        self._name = ""
        self._database: Database | None = None
        self._schema: object = None

    def take(self) -> Database:
        if self._database is None:
            if not self._server.running:
                self._server.start()
            self._name = self._server.create_database(self._template)
            self._database = Database(self._server.url(self._name))
            with self._connected() as connection:
                self._schema = connection.execute(_SCHEMA).fetchone()
        return self._database

    def give_back(self) -> None:
        """Empty it; one that cannot be emptied, or whose tables have changed, is not used again."""
        assert self._database is not None
        if not self._server.running:
            self._server.start()
        # Somebody still has a connection, with whatever it is about to do.
        clean = not _checked_out(self._database)
        try:
            with self._connected() as connection:
                connection.execute(_EMPTY)
                clean = clean and connection.execute(_SCHEMA).fetchone() == self._schema
        except psycopg.Error:
            clean = False
        if not clean:
            self.discard()

    def discard(self) -> None:
        if self._database is not None:
            self._database.dispose()
            self._database = None
            self._server.drop_database(self._name)

    def _connected(self) -> psycopg.Connection:
        url = self._server.url(self._name).replace("+psycopg", "")
        return psycopg.connect(url, autocommit=True, connect_timeout=5)


class KeptSqlite:
    """One SQLite file after the template, copied anew for each test; the engine stays."""

    def __init__(self, template: Path, file: Path) -> None:
        self._template, self._file = template, file
        self._database = Database(f"sqlite:///{file}")

    def take(self) -> Database:
        shutil.copyfile(self._template, self._file)
        return self._database

    def give_back(self) -> None:
        """One with which somebody is still at work is theirs, and not used again."""
        if _checked_out(self._database):
            self._database = Database(str(self._database.engine.url))
        else:
            self._database.dispose()
        # Not written over: whoever still has it open keeps what is theirs.
        for file in self._file.parent.glob(f"{self._file.name}*"):
            file.unlink()
