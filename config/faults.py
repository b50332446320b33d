"""Exceptions that no command foresaw, as sentences: the database or Redis is away, or Beredskap is at fault."""

from __future__ import annotations

import secrets
import sqlite3
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from config.errors import BeredskapError, UsageError

if TYPE_CHECKING:
    from sqlalchemy.exc import DBAPIError

FAULT_LOG = "faults.log"


def explain(error: Exception) -> BeredskapError:
    """What a person is told about `error`. Writes the details of a fault of Beredskap to its log."""
    # An exception of a library can only come out of it once it has been imported: nothing is loaded here to ask.
    if "sqlalchemy" in sys.modules:
        told = _storing(error) or _too_long(error)
        if told is not None:
            return told
    if "redis" in sys.modules:
        from redis.exceptions import ConnectionError as RedisConnectionError
        from redis.exceptions import TimeoutError as RedisTimeout

        if isinstance(error, (RedisConnectionError, RedisTimeout)):
            return _redis()
    if "dramatiq" in sys.modules:
        from dramatiq.errors import BrokerConnectionError

        if isinstance(error, BrokerConnectionError):
            return _redis()
    return _fault(error)


def what_ails(error: Exception) -> str:
    """The same in one sentence, for the log of a process that goes on trying; empty for what is no fault of the
    database. Writes nothing."""
    told = _storing(error)
    return "" if told is None else told.what


def _too_long(error: Exception) -> BeredskapError | None:
    """A reference or a reason for which its column has no room. Only PostgreSQL says so."""
    if getattr(getattr(error, "orig", None), "sqlstate", None) != "22001":
        return None
    return UsageError("Something that was given is longer than there is room for.", remedy="Say it in fewer letters.")


def _storing(error: Exception) -> BeredskapError | None:
    from sqlalchemy.exc import DBAPIError
    from sqlalchemy.exc import TimeoutError as PoolTimeout

    if isinstance(error, PoolTimeout):
        return BeredskapError(
            "All connections to the database are busy.",
            remedy="Try again; if it lasts, raise BEREDSKAP_STORE__POOL_SIZE.",
        )
    return _database(error) if isinstance(error, DBAPIError) else None


def _database(error: DBAPIError) -> BeredskapError | None:
    """None when the database was right to complain: the statement was wrong."""
    sqlstate = getattr(error.orig, "sqlstate", None)
    text = str(error.orig).lower()
    if "no such table" in text or sqlstate == "42P01":
        return UsageError("The database is not initialised.", remedy="Run beredskap init.")
    if "disk is full" in text or sqlstate == "53100":
        return BeredskapError(f"The disk of {_place()} is full.", remedy="Make room on it, then run the command again.")
    if "disk i/o error" in text:
        return BeredskapError(
            f"{_place(capital=True)} cannot be written or read: a quota or a limit is used up, or the disk fails.",
            remedy="See df, quota and the system's log, mend what they name, then run the command again.",
        )
    if sqlstate == "25P03":
        return BeredskapError(
            f"{_place(capital=True)} has ended a transaction in which this process stood still.",
            remedy="Run the command again.",
        )
    if "database is locked" in text or "database table is locked" in text:
        return BeredskapError(
            f"{_place(capital=True)} is locked: another program has been writing for more than 30 seconds.",
            remedy="End that program (a copy or a backup of the file, for instance), then run the command again.",
        )
    if "unable to open database file" in text or "readonly database" in text:
        return BeredskapError(
            f"{_place(capital=True)} cannot be opened for writing.",
            remedy="Mend the rights of the file and of its directory, or run the command as the user who owns them.",
        )
    if "not a database" in text or "malformed" in text:
        return BeredskapError(
            f"{_place(capital=True)} is damaged.",
            remedy="Keep a copy of it, and restore the last backup.",
        )
    if any(sign in text for sign in ("password authentication failed", "no password supplied", 'role "')):
        return BeredskapError(
            f"{_place(capital=True)} does not accept the user or the password.",
            remedy="Mend them in BEREDSKAP_STORE__DATABASE_URL.",
        )
    if sqlstate == "3D000" or ("database" in text and "does not exist" in text):
        return UsageError(
            f"{_place(capital=True)} has no database of the name in the settings.",
            remedy="Let its administrator create it, then run beredskap init.",
        )
    if sqlstate == "53300":
        return BeredskapError(
            f"{_place(capital=True)} takes no more connections.",
            remedy="Lower BEREDSKAP_STORE__POOL_SIZE, or raise max_connections of PostgreSQL.",
        )
    if sqlstate in ("40001", "40P01", "55P03", "57014"):
        return BeredskapError(
            f"{_place(capital=True)} is busy: other work on the same rows came first.", remedy="Run the command again."
        )
    if error.connection_invalidated or _connection_lost(error, sqlstate):
        return BeredskapError(
            f"{_place(capital=True)} does not answer.",
            unchanged="What was not confirmed was not stored.",
            remedy="Start it, or mend BEREDSKAP_STORE__DATABASE_URL; beredskap doctor tells when all is well.",
        )
    return None


def _connection_lost(error: DBAPIError, sqlstate: str | None) -> bool:
    """Whether PostgreSQL could not be reached, or ended the session; a server that answers gives a code."""
    from sqlalchemy.exc import InterfaceError, OperationalError

    if isinstance(error.orig, sqlite3.Error) or not isinstance(error, (OperationalError, InterfaceError)):
        return False
    return sqlstate is None or sqlstate.startswith(("08", "57P"))


def _place(*, capital: bool = False) -> str:
    """The database as a person knows it: host and port, or the file. Never the user or the password."""
    from sqlalchemy.engine import make_url

    from config.settings import load_settings

    try:
        url = make_url(load_settings().database_url)
    except Exception:  # noqa: BLE001 - the settings are being told about elsewhere; any name will do here
        return "The database" if capital else "the database"
    if url.get_backend_name() == "sqlite":
        return f"{'The' if capital else 'the'} database file {url.database}"
    return f"PostgreSQL at {url.host or 'the local socket'}:{url.port or 5432}"


def _redis() -> BeredskapError:
    from urllib.parse import urlsplit

    from config.settings import load_settings

    try:
        parts = urlsplit(load_settings().store.redis_url)
        place = f" at {parts.hostname}:{parts.port or 6379}" if parts.hostname else ""
    except (BeredskapError, ValueError):
        place = ""
    return BeredskapError(
        f"Redis does not answer{place}.",
        unchanged="The database is not touched by that, and alerts go out without Redis.",
        remedy="Start Redis, or mend BEREDSKAP_STORE__REDIS_URL; beredskap doctor tells when all is well.",
    )


def _fault(error: Exception) -> BeredskapError:
    reference = secrets.token_hex(4)
    file = _write_details(error, reference)
    where = f"The details are in {file}. " if file else ""
    return BeredskapError(
        f"This is a fault of Beredskap, reference {reference}.",
        unchanged="The step it happened in was not stored.",
        remedy=f"{where}Report it with the reference; BEREDSKAP_DEBUG=1 shows more.",
    )


def _write_details(error: Exception, reference: str) -> Path | None:
    from config.redaction import describe_exception
    from config.settings import load_settings

    moment = datetime.now(UTC).isoformat(timespec="seconds")
    try:
        directory = load_settings().data_dir
        directory.mkdir(parents=True, exist_ok=True, mode=0o700)
        file = directory / FAULT_LOG
        with file.open("a", encoding="utf-8") as log:
            log.write(f"{moment} {reference}\n{describe_exception(error)}\n\n")
    except (OSError, BeredskapError):
        return None
    return file
