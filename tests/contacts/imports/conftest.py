from __future__ import annotations

from pathlib import Path

import pytest

from config.database import Database
from config.keys import create_key_file, load_keys
from tests.contacts.imports.importing import Importer
from tests.contacts.imports.pifu_files import small_school


@pytest.fixture
def importer(database: Database, tmp_path: Path) -> Importer:
    """Imports files into an empty store, on each kind of database."""
    create_key_file(tmp_path / "import.key")
    return Importer(database, load_keys(tmp_path / "import.key"), tmp_path)


@pytest.fixture
def sqlite_importer(sqlite_database: Database, tmp_path: Path) -> Importer:
    create_key_file(tmp_path / "import.key")
    return Importer(sqlite_database, load_keys(tmp_path / "import.key"), tmp_path)


@pytest.fixture
def school(importer: Importer) -> Importer:
    """A school's PIFU export, imported already."""
    importer.pifu(small_school())
    return importer


@pytest.fixture
def sqlite_school(sqlite_importer: Importer) -> Importer:
    """The same on one kind of database, for what the reader alone decides."""
    sqlite_importer.pifu(small_school())
    return sqlite_importer
