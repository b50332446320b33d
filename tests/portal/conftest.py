"""What the portal's tests share: a provider to log in at, a school, an alert that has gone wrong in part."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from config.database import Database
from tests.portal.crisis import Crisis
from tests.portal.town import Town
from tests.services.openid import Provider, openid_provider


@pytest.fixture(scope="session")
def running_provider() -> Iterator[Provider]:
    with openid_provider() as running:
        yield running


@pytest.fixture
def provider(running_provider: Provider) -> Provider:
    """As it is when nobody has asked it for anything wrong."""
    running_provider.audience = None
    running_provider.logs_out = True
    running_provider.left.clear()
    running_provider.client_key = None
    running_provider.proofs.clear()
    return running_provider


@pytest.fixture
def town(sqlite_database: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, provider: Provider) -> Town:
    return Town(sqlite_database, tmp_path, monkeypatch, provider)


@pytest.fixture
def crisis(sqlite_database: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Crisis:
    return Crisis(sqlite_database, tmp_path, monkeypatch)
