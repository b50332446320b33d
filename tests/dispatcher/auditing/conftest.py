from __future__ import annotations

import pytest

from config.database import Database
from tests.dispatcher.world import World


@pytest.fixture
def world(database: Database) -> World:
    """A school on each kind of database. Its books need not balance: these tests falsify them."""
    return World(database)
