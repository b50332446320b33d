"""The settings file: which one is in force, and what stands in it."""

from __future__ import annotations

import os
import tomllib
from pathlib import Path
from typing import Any, Final

from config.errors import ExitStatus, UsageError

DEFAULT_SETTINGS_FILE: Final = "beredskap.toml"


def settings_file() -> Path | None:
    """The settings file in force: BEREDSKAP_CONFIG, else beredskap.toml in the working directory, else none."""
    named = os.environ.get("BEREDSKAP_CONFIG")
    if named:
        return Path(named)
    here = Path(DEFAULT_SETTINGS_FILE)
    return here if here.exists() else None


def read_settings_file(file: Path) -> dict[str, Any]:
    """Raises UsageError when it cannot be opened, or is no TOML."""
    try:
        return tomllib.loads(file.read_text(encoding="utf-8"))
    except OSError as error:
        reason = error.strerror or "it cannot be opened"
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        reason = str(error)
    raise UsageError(
        f"The settings file {file} cannot be read: {reason}.",
        remedy="Mend the file, or name another one in BEREDSKAP_CONFIG.",
        status=ExitStatus.UNUSABLE,
    )
