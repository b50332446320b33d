from __future__ import annotations

from collections.abc import Iterator

import pytest

from config.database import Database
from tests.dispatcher.world import World, check_books


@pytest.fixture
def world(database: Database) -> Iterator[World]:
    """A school on each kind of database; at the end of each test its books balance."""
    yield World(database)
    check_books(database)


@pytest.fixture
def pg_world(postgres_database: Database) -> Iterator[World]:
    """A school on PostgreSQL alone, for what several connections do at once."""
    yield World(postgres_database)
    check_books(postgres_database)
