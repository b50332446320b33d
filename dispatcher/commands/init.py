"""`beredskap init`: make the data directory, the key file and the database."""

from __future__ import annotations

from typing import TYPE_CHECKING

from config.roles import Right
from config.shell import JsonOption, command_errors

if TYPE_CHECKING:
    from config.initialise import Initialised


@command_errors(Right.RUN, interrupted="Stopped. Run beredskap init again: it keeps what was made.")
def init(as_json: JsonOption = False) -> None:
    """Make the data directory, the key file and the database, or bring the database up to this version.

    What is there already is kept: running it again is safe, and needed after every upgrade of Beredskap.

    Exit status: 0 done; 1 the database does not answer; 2 the settings, the key file or the database cannot be used.

    Examples:

      beredskap init

      BEREDSKAP_STORE__DATABASE_URL=postgresql+psycopg://beredskap@db.eksempel.no/beredskap beredskap init
    """
    from dataclasses import asdict

    from config.initialise import initialise
    from config.settings import load_settings
    from config.shell import print_json
    from dispatcher.metadata import complete_metadata

    done = initialise(load_settings(), complete_metadata())
    if as_json:
        print_json({**asdict(done), "database_made": done.database_made, "upgraded": done.upgraded})
    else:
        print("\n".join(_lines(done)))  # noqa: T201


def _lines(done: Initialised) -> list[str]:
    lines = [
        f"{_made(done.data_dir_made)}  data directory  {done.data_dir}",
        f"{_made(done.key_file_made)}  key file        {done.key_file}",
        f"{_database(done)}  database        {done.database}, tables of version {done.revision}",
    ]
    if done.exposed:
        lines += [
            "",
            "Other users of this machine may enter the data directory. Close it:",
            f"  chmod 700 '{done.data_dir}'",
        ]
    if done.key_file_made:
        lines += [
            "",
            "Back the key file up now, apart from the database: without it the stored",
            "identity numbers cannot be read, and no person can be found again.",
        ]
    if done.database_made:
        lines += [
            "",
            "Next:",
            "  beredskap doctor               what is still missing in the settings",
            "  beredskap import pifu FILE     students, classes and guardians",
            "  beredskap import freg PATH     parental responsibility from the register",
            "  beredskap alert send --help    the first drill",
            "",
            "Students who turn 18 are asked by message whether guardians may go on to be",
            "told once the settings say so: [coming_of_age] ask = true, before the import.",
        ]
    return lines


def _made(new: bool) -> str:
    return "made   " if new else "kept   "


def _database(done: Initialised) -> str:
    return "updated" if done.upgraded else _made(done.database_made)
