from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from config.database import Database
from config.keys import Keys, create_key_file, load_keys
from tests.contacts.desk import Desk
from tests.contacts.store import ContactStore


@pytest.fixture
def store(database: Database) -> Iterator[ContactStore]:
    """An empty contact store within one writing transaction, on each kind of database."""
    with database.write() as connection:
        yield ContactStore(connection)


@pytest.fixture
def keys(tmp_path: Path) -> Keys:
    create_key_file(tmp_path / "desk.key")
    return load_keys(tmp_path / "desk.key")


@pytest.fixture
def desk(database: Database, keys: Keys) -> Desk:
    """An adult student's."""
    return Desk(database, keys)
