"""Write the next migration: what turns the tables of the newest one into those that the models draw now.

Usage: python tools/new_migration.py "what changes". Read what it wrote before you commit it: a renamed column looks to
it like one column gone and another one come, and rows that must be filled it does not know.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
from pathlib import Path

from config.database import Database
from config.migrations import differences, upgrade, write_revision
from dispatcher.metadata import complete_metadata


def main(message: str) -> int:
    metadata = complete_metadata()
    with tempfile.TemporaryDirectory() as directory:
        database = Database(f"sqlite:///{Path(directory) / 'drawing-board.db'}")
        upgrade(database, metadata)
        if not differences(database, metadata):
            sys.stdout.write("The models and the migrations agree: there is nothing to write.\n")
            return 1
        script = write_revision(database, metadata, message)
        database.dispose()
    _tidy(script)
    sys.stdout.write(f"{script}\n")
    return 0


def _tidy(script: Path) -> None:
    """The style of this project, as for every other file."""
    lines = script.read_text(encoding="utf-8").splitlines(keepends=True)
    script.write_text("".join(line for line in lines if not line.lstrip().startswith("# ###")), encoding="utf-8")
    ruff = [sys.executable, "-m", "ruff"]
    subprocess.run([*ruff, "check", "--quiet", "--select", "I", "--fix", str(script)], check=True)
    subprocess.run([*ruff, "format", "--quiet", str(script)], check=True)


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit('Usage: python tools/new_migration.py "what changes"')
    sys.exit(main(sys.argv[1]))
