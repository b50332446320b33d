"""What the import of a large OneRoster zip takes: its peak memory, and rows a second. By hand.

    python bench/large_roster.py [--rows 1000000] [--json FILE]

The zip is made up: schools whose students have two guardians, a class, a group and a birth date, so that a student is
six rows. The import is a real command into a fresh embedded store. Rows a second of the clock tell what somebody waits;
rows a second of processor time can be compared with those of another hour. The memory is the operating system's figure
for the command at its largest.
"""

from __future__ import annotations

import argparse
import io
import json
import os
import resource
import shutil
import subprocess
import sys
import tempfile
import time
import zipfile
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

GOAL_MB = 400
ROWS_A_STUDENT = 6
STUDENTS_A_SCHOOL, STUDENTS_A_CLASS = 800, 25
# A number that is none of anybody's: the file is never sent to.
FIRST_PHONE = 90_000_000


@dataclass(frozen=True, slots=True)
class Figures:
    rows: int
    zip_mb: float
    seconds: float
    processor_seconds: float
    peak_mb: float
    guardianships: int


def write_zip(path: Path, rows: int) -> int:
    """A roster of at least `rows` rows; how many there are. Written as a stream."""
    students = -(-rows // ROWS_A_STUDENT)
    schools, classes = -(-students // STUDENTS_A_SCHOOL), -(-students // STUDENTS_A_CLASS)
    files: dict[str, tuple[str, Iterable[str]]] = {
        "academicSessions.csv": (
            "sourcedId,title,type,startDate,endDate,schoolYear",
            ["t1,2026/27,schoolYear,2020-08-17,2099-06-19,2027"],
        ),
        "orgs.csv": ("sourcedId,name,type,identifier", (f"s{n},Skole {n},school," for n in range(schools))),
        "classes.csv": (
            "sourcedId,title,grades,classType,schoolSourcedId,termSourcedIds",
            _classes(classes),
        ),
        "users.csv": (
            "sourcedId,enabledUser,orgSourcedIds,role,username,userIds,givenName,familyName,identifier,email,sms,phone,"
            "agentSourcedIds",
            _users(students),
        ),
        "enrollments.csv": ("sourcedId,classSourcedId,schoolSourcedId,userSourcedId,role", _enrollments(students)),
        "demographics.csv": (
            "sourcedId,birthDate,sex",
            (f"e{n},{2008 + n % 3}-{1 + n % 12:02}-{1 + n % 28:02}," for n in range(students)),
        ),
    }
    written = 0
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        bulk = "".join(f"file.{name.removesuffix('.csv')},bulk\n" for name in files)
        archive.writestr(
            "manifest.csv",
            f"propertyName,value\nmanifest.version,1.0\noneroster.version,1.1\nsource.systemCode,bench\n{bulk}",
        )
        for name, (header, lines) in files.items():
            with archive.open(name, "w") as member, io.TextIOWrapper(member, "utf-8") as text:
                text.write(f"{header}\n")
                for line in lines:
                    text.write(f"{line}\n")
                    written += 1
    return written


def _classes(classes: int) -> Iterator[str]:
    for n in range(classes):
        school = n * STUDENTS_A_CLASS // STUDENTS_A_SCHOOL
        yield f"k{n},Klasse {n},12,homeroom,s{school},t1"
        yield f"f{n},Fag {n},,scheduled,s{school},t1"


def _users(students: int) -> Iterator[str]:
    for n in range(students):
        school = n // STUDENTS_A_SCHOOL
        yield f'e{n},true,s{school},student,e{n},,Elev,Nummer{n},E-{n},,,,"m{n},p{n}"'
        for side, kind in (("m", 0), ("p", 1)):
            phone = FIRST_PHONE + (2 * n + kind) % 9_999_999
            yield f"{side}{n},true,s{school},guardian,{side}{n},,Foresatt,Nummer{n},,{side}{n}@example.com,{phone},,"


def _enrollments(students: int) -> Iterator[str]:
    for n in range(students):
        group, school = n // STUDENTS_A_CLASS, n // STUDENTS_A_SCHOOL
        yield f"a{n},k{group},s{school},e{n},student"
        yield f"b{n},f{group},s{school},e{n},student"


def measure(folder: Path, rows: int) -> Figures:
    roster = folder / "roster.zip"
    written = write_zip(roster, rows)
    (folder / "beredskap.toml").write_text(f'[store]\ndata_dir = "{(folder / "data").as_posix()}"\n', "utf-8")
    _run(folder, "init")
    before, began = resource.getrusage(resource.RUSAGE_CHILDREN), time.monotonic()
    told = json.loads(_run(folder, "import", "oneroster", roster.name, "--apply", "--json"))
    seconds, after = time.monotonic() - began, resource.getrusage(resource.RUSAGE_CHILDREN)
    if told["refused"]:
        raise SystemExit(f"{told['refused']} records of the made-up roster were refused: {told['refusals'][0]}")
    return Figures(
        rows=written,
        zip_mb=roster.stat().st_size / 1e6,
        seconds=seconds,
        processor_seconds=after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime,
        # Of the largest of both commands.
        peak_mb=after.ru_maxrss / 1024,
        guardianships=told["counts"]["guardianships"]["added"],
    )


def _run(folder: Path, *arguments: str) -> str:
    environment = {name: value for name, value in os.environ.items() if not name.startswith("BEREDSKAP_")}
    ended = subprocess.run(
        [sys.executable, "-m", "cli", *arguments],
        cwd=folder,
        env=environment,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )
    if ended.returncode:
        raise SystemExit(f"beredskap {' '.join(arguments)} ended with {ended.returncode}:\n{ended.stderr}")
    return ended.stdout


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--json", type=Path, help="write the figures here, too")
    given = parser.parse_args()
    folder = Path(tempfile.mkdtemp(prefix="beredskap-bench-"))
    try:
        figures = measure(folder, given.rows)
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    met = "met" if figures.peak_mb < GOAL_MB else "MISSED"
    clock, processor = figures.rows / figures.seconds, figures.rows / figures.processor_seconds
    print(f"{figures.rows:,} rows, zip of {figures.zip_mb:.0f} MB, {figures.guardianships:,} guardianships")
    print(f"peak memory     {figures.peak_mb:8.0f} MB   goal < {GOAL_MB} MB   {met}")
    print(f"by the clock    {figures.seconds:8.0f} s    {clock:,.0f} rows a second")
    print(f"processor time  {figures.processor_seconds:8.0f} s    {processor:,.0f} rows a second")
    if given.json:
        given.json.write_text(json.dumps(asdict(figures), indent=1), "utf-8")


if __name__ == "__main__":
    main()
