"""What the fuzzer does with each input, and what it takes for a finding."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

from config.database import Database
from config.errors import BeredskapError
from config.keys import create_key_file, load_keys
from config.migrations import upgrade
from tests.contacts.imports.importing import Importer
from tests.services.schema import all_tables
from tools.fuzz_seeds import TARGETS, unbundled


def judge_of(name: str, scratch: Path) -> Callable[[bytes], None]:
    """The judge of one importer's inputs, which raises for a finding. `scratch`: an empty folder for its store."""
    inputs = scratch / "input"
    inputs.mkdir()
    create_key_file(scratch / "fuzz.key")
    target, file = TARGETS[name], scratch / "store.db"
    database = Database(f"sqlite:///{file}")
    upgrade(database, all_tables())
    importer = Importer(database, load_keys(scratch / "fuzz.key"), inputs)

    def written(content: bytes, fixed: str | None) -> Path:
        for old in inputs.iterdir():
            old.unlink()
        if fixed or content.startswith(b"PK"):
            path = inputs / (fixed or "roster.zip")
            path.write_bytes(content)
            return path
        for part, text in unbundled(content).items():
            (inputs / part).write_bytes(text)
        return inputs

    basis, filling = target.basis
    importer.apply(basis, written(filling, TARGETS[basis].file))
    filled = importer.everything()
    database.engine.dispose()
    whole = shutil.copyfile(file, scratch / "filled.db")

    def judge(content: bytes) -> None:
        path = written(content, target.file)
        try:
            changes = importer.apply(name, path).changes
        except BeredskapError:
            changes = 0
        if changes:
            database.engine.dispose()
            shutil.copyfile(whole, file)
        elif importer.everything() != filled:
            raise AssertionError("The store is not what it was.")

    return judge
