"""What the database itself refuses: to change or to delete an entry of the audit log."""

from __future__ import annotations

from sqlalchemy import Connection

_REFUSAL = "the audit log is append-only"
_POSTGRESQL = (
    "CREATE OR REPLACE FUNCTION audit_entry_append_only() RETURNS trigger LANGUAGE plpgsql AS "
    f"$$BEGIN RAISE EXCEPTION '{_REFUSAL}'; END$$",
    "CREATE TRIGGER audit_entry_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON audit_entry "
    "FOR EACH STATEMENT EXECUTE FUNCTION audit_entry_append_only()",
)
_SQLITE = (
    *(
        f"CREATE TRIGGER audit_entry_no_{act.lower()} BEFORE {act} ON audit_entry "
        f"BEGIN SELECT RAISE(ABORT, '{_REFUSAL}'); END"
        for act in ("UPDATE", "DELETE")
    ),
    # INSERT OR REPLACE deletes without a trigger.
    "CREATE TRIGGER audit_entry_no_replace BEFORE INSERT ON audit_entry "
    "WHEN EXISTS (SELECT 1 FROM audit_entry WHERE id = NEW.id) "
    "BEGIN SELECT RAISE(ABORT, 'the audit log is append-only'); END",
)


def make_append_only(connection: Connection) -> None:
    """Let the database refuse every UPDATE and DELETE of `audit_entry`, which has no triggers yet.

    Against mistakes, not against whoever owns the table: they can drop the triggers. A migration that copies the table
    (as SQLite needs for most changes) loses them, and calls this again.
    """
    for statement in _SQLITE if connection.dialect.name == "sqlite" else _POSTGRESQL:
        connection.exec_driver_sql(statement)
