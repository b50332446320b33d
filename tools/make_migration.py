"""Write the next migration script from the models: `python tools/make_migration.py "message"`.

Compares the models of every room with the tables that the scripts so far make, and writes the difference to
config/migrations/versions/. Read what it wrote before it is committed: Alembic does not see renamed tables or columns
(it drops and adds), nor changed check constraints (the codes of a code column among them), nor changed conditions of
partial indexes. tests/dispatcher/test_migrations.py fails for each of these until the script says them.

`--again` writes the newest script anew, under its number: for one that has not been released.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).parents[1]


def main() -> int:
    parser = argparse.ArgumentParser(description="Write the next migration script from the models.")
    parser.add_argument("message", help='what changes, in a few words: "first tables"')
    parser.add_argument("--again", action="store_true", help="write the newest script anew; only for an unreleased one")
    options = parser.parse_args()

    from config import migrations
    from config.database import Database
    from dispatcher.metadata import complete_metadata

    metadata = complete_metadata()
    newest = migrations.head_revision()
    if options.again and newest is not None:
        for script in (migrations.SCRIPTS / "versions").glob(f"{newest}_*.py"):
            script.unlink()
    (migrations.SCRIPTS / "versions").mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory() as directory:
        database = Database(f"sqlite:///{directory}/drawing-board.db")
        try:
            migrations.upgrade(database, metadata)
            if not migrations.differences(database, metadata):
                print("The scripts make the tables of the models already. Nothing was written.")  # noqa: T201
                return 0
            script = migrations.write_revision(database, metadata, options.message)
        finally:
            database.dispose()
    lines = script.read_text(encoding="utf-8").splitlines(keepends=True)
    script.write_text("".join(line for line in lines if "# ### " not in line), encoding="utf-8")
    for command in (["check", "--quiet", "--select", "I", "--fix"], ["format", "--quiet"]):
        subprocess.run([sys.executable, "-m", "ruff", *command, str(script)], check=True)
    print(f"Written: {script.relative_to(ROOT)}. Read it before it is committed.")  # noqa: T201
    return 0


if __name__ == "__main__":
    sys.exit(main())
