"""Making an installation ready: its directory, its keys, its database. What is there already is kept."""

from __future__ import annotations

import os
import stat
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import MetaData
from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import SQLAlchemyError

from config.database import Database, open_database
from config.errors import UsageError
from config.keys import create_key_file, load_keys
from config.migrations import current_revision, upgrade
from config.settings import Settings


@dataclass(frozen=True, slots=True)
class Initialised:
    """What was made, and what was there.

    `revision_before`: None for a new database. `exposed`: others than its owner may enter the data directory.
    """

    data_dir: Path
    data_dir_made: bool
    exposed: bool
    key_file: Path
    key_file_made: bool
    database: str
    revision_before: str | None
    revision: str | None

    @property
    def database_made(self) -> bool:
        return self.revision_before is None

    @property
    def upgraded(self) -> bool:
        """True when there was a database, and its tables were those of an older version."""
        return not self.database_made and self.revision_before != self.revision


def initialise(settings: Settings, metadata: MetaData) -> Initialised:
    """Make what is missing; running it again changes nothing.

    Raises UsageError when a directory or file cannot be made, when the key file is damaged or open to others, and when
    a database with tables has lost its key file: a new one could not read what is stored.
    """
    _check_address(settings)
    data_dir_made = _make_directory(settings.data_dir)
    database = open_database(settings)
    try:
        # Asked first: a database that is away, or has lost its keys, must not leave a new key file behind.
        before = None if _is_new_file(settings) else current_revision(database)
        key_file_made = _make_keys(settings.key_file, initialised=before is not None)
        _make_file(settings)
        before, revision = upgrade(database, metadata)
    finally:
        database.dispose()
    return Initialised(
        data_dir=settings.data_dir,
        data_dir_made=data_dir_made,
        exposed=bool(settings.data_dir.stat().st_mode & (stat.S_IRWXG | stat.S_IRWXO)),
        key_file=settings.key_file,
        key_file_made=key_file_made,
        database=place_of(make_url(settings.database_url)),
        revision_before=before,
        revision=revision,
    )


def place_of(url: URL) -> str:
    """The database as a person knows it; never with its user or password."""
    if url.get_backend_name() == "sqlite":
        return f"SQLite file {url.database}"
    return f"PostgreSQL database {url.database} at {url.host or 'the local socket'}:{url.port or 5432}"


def _check_address(settings: Settings) -> None:
    try:
        # Builds what would connect, and connects to nothing.
        Database(settings.database_url).dispose()
    except (SQLAlchemyError, ImportError, ValueError):
        raise UsageError(
            "The setting store.database_url is no address of a database that can be used.",
            remedy="Write it as postgresql+psycopg://user:password@host/database, or leave it empty.",
        ) from None


def _make_directory(directory: Path) -> bool:
    try:
        if directory.is_dir():
            return False
        directory.mkdir(parents=True, mode=0o700)
    except OSError as error:
        raise UsageError(
            f"The data directory {directory} cannot be made: {error.strerror}.",
            remedy="Choose another place in BEREDSKAP_STORE__DATA_DIR, or mend the rights of the directory above it.",
        ) from None
    return True


def _make_keys(file: Path, *, initialised: bool) -> bool:
    if file.exists():
        load_keys(file)
        return False
    if initialised:
        raise UsageError(
            f"The database is initialised, and its key file is not at {file}.",
            remedy="Put it there: from the backup, or from the machine on which the database was initialised. A new "
            "key file could not read the identity numbers that are stored.",
        )
    create_key_file(file)
    return True


def _sqlite_file(settings: Settings) -> Path | None:
    url = make_url(settings.database_url)
    return Path(url.database) if url.get_backend_name() == "sqlite" and url.database else None


def _is_new_file(settings: Settings) -> bool:
    file = _sqlite_file(settings)
    return file is not None and not file.exists()


def _make_file(settings: Settings) -> None:
    """An empty SQLite file that only its owner can read; SQLite gives its companions the same mode."""
    file = _sqlite_file(settings)
    if file is None or file.exists():
        return
    try:
        os.close(os.open(file, os.O_CREAT | os.O_WRONLY, 0o600))
    except OSError as error:
        raise UsageError(
            f"The database file {file} cannot be made: {error.strerror}.",
            unchanged="The key file was made; the database was not.",
            remedy="Mend the rights of its directory, or choose another place in BEREDSKAP_STORE__DATABASE_URL.",
        ) from None
