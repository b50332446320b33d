from __future__ import annotations

from collections.abc import Iterator

import pytest

from config.database import Database
from tests.contacts.store import ContactStore


@pytest.fixture
def store(database: Database) -> Iterator[ContactStore]:
    """An empty contact store within one writing transaction, on each kind of database."""
    with database.write() as connection:
        yield ContactStore(connection)
