from __future__ import annotations

import pytest

from config.database import Database
from tests.dispatcher.world import World


@pytest.fixture
def world(database: Database) -> World:
    """A school on each kind of database."""
    return World(database)


@pytest.fixture
def pg_world(postgres_database: Database) -> World:
    """A school on PostgreSQL alone, for what several connections do at once."""
    return World(postgres_database)
