"""Knowing the files of an import again: the audit log names what was imported by what it held."""

from __future__ import annotations

import hashlib
from pathlib import Path


def digest_of(paths: tuple[Path, ...]) -> str:
    """SHA-256 over the files, in their order; of a folder, over the .json and .csv files in it."""
    total = hashlib.sha256()
    for path in paths:
        inside = sorted(file for file in path.rglob("*") if _is_source(file)) if path.is_dir() else [path]
        for file in inside:
            with file.open("rb") as opened:
                total.update(hashlib.file_digest(opened, "sha256").digest())
    return total.hexdigest()


def _is_source(file: Path) -> bool:
    return file.suffix.lower() in (".json", ".csv") and file.is_file()
