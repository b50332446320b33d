"""A database with the tables that it had before a migration."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from config import migrations
from config.database import Database
from tests.services.schema import all_tables


def tables_before(revision: str, url: str, place: Path, monkeypatch: pytest.MonkeyPatch) -> Database:
    """The database at `url`, brought up to the migration before `revision`; the scripts of that time lie in `place`."""
    scripts = place / "migrations"
    shutil.copytree(migrations.SCRIPTS, scripts)
    for file in (scripts / "versions").glob("[0-9]" * 4 + "_*.py"):
        if file.name >= revision:
            file.unlink()
    database = Database(url)
    with monkeypatch.context() as patch:
        patch.setattr(migrations, "SCRIPTS", scripts)
        migrations.upgrade(database, all_tables())
    return database
