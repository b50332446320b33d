from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from config.database import Database
from config.keys import create_key_file, load_keys
from contacts.registers import calls
from tests.contacts.imports.importing import Importer
from tests.contacts.registers.asking import Asking
from tests.services.registers import PublicRegisters, served_registers


@pytest.fixture(autouse=True)
def no_long_waits(monkeypatch: pytest.MonkeyPatch) -> None:
    """Before a call is repeated; what a register asks for itself is waited for."""
    monkeypatch.setattr(calls, "_FIRST_WAIT", 0.01)


@pytest.fixture
def registers() -> Iterator[PublicRegisters]:
    """Public registers on loopback, empty."""
    with served_registers() as registers:
        yield registers


@pytest.fixture
def asking(database: Database, registers: PublicRegisters, tmp_path: Path) -> Asking:
    """A school, and rounds that ask these registers about it, on each kind of database."""
    create_key_file(tmp_path / "import.key")
    return Asking(Importer(database, load_keys(tmp_path / "import.key"), tmp_path), registers)


@pytest.fixture
def sqlite_asking(sqlite_database: Database, registers: PublicRegisters, tmp_path: Path) -> Asking:
    """The same on one kind of database, for what does not depend on it."""
    create_key_file(tmp_path / "import.key")
    return Asking(Importer(sqlite_database, load_keys(tmp_path / "import.key"), tmp_path), registers)
