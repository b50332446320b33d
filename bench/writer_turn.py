"""How long another writer of the embedded store waits while an import or the registers' answers are applied. By hand.

    python bench/writer_turn.py [--students 1000 10000] [--json FILE]

SQLite has one writer. A second process asks for the turn fifty times a second, as an alert that is confirmed would, and
keeps the longest wait. On a busy machine the processor time of the longest turn says more. The school or county is made
up; the registers are those of the tests, on loopback: all students and guardians have a document, all guardians a phone
and an e-mail address. The rounds are the program's own.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import shutil
import sqlite3
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from multiprocessing.synchronize import Event
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Engine, event

from config.database import Database
from config.keys import create_key_file, load_keys
from config.migrations import upgrade
from config.spare_sections import RegisterSettings
from contacts.imports.pifu import open_pifu
from contacts.imports.staged_import import stage
from contacts.registers.calls import LiveRegister
from contacts.registers.register import FREG, KRR, Register
from contacts.registers.sync import Result, Round, sync_freg, sync_krr
from dispatcher.metadata import complete_metadata
from tests.contacts.imports.freg_files import document
from tests.contacts.imports.krr_files import active, contacts
from tests.services.registers import SCOPES, PublicRegisters, served_registers

ROOT = Path(__file__).resolve().parent.parent
_EVERY_SECONDS = 0.02


@dataclass(frozen=True, slots=True)
class Waited:
    """`longest_wait`: seconds until the second process could write, at worst. `longest_turn`: of the writer, in seconds
    of processor time, from having the turn to the end of its transaction. `changed`: rows."""

    students: int
    what: str
    seconds: float
    longest_wait: float
    longest_turn: float
    changed: int


class Turns:
    """Keeps the longest turn at writing that this process has had since it was asked the last time."""

    def __init__(self, engine: Engine) -> None:
        self._began = 0.0
        self._longest = 0.0
        event.listen(engine, "begin", self._begin)
        for end in ("commit", "rollback"):
            event.listen(engine, end, self._end)

    def longest(self) -> float:
        longest, self._longest = self._longest, 0.0
        return longest

    def _begin(self, connection: Connection) -> None:
        writes = not connection.get_execution_options().get("reads_only", False)
        self._began = time.process_time() if writes else 0.0

    def _end(self, _connection: Connection) -> None:
        if self._began:
            self._longest = max(self._longest, time.process_time() - self._began)
            self._began = 0.0


def _ask_for_the_turn(file: str, over: Event, told: Any) -> None:
    store = sqlite3.connect(file, timeout=600.0, isolation_level=None)
    longest = 0.0
    while not over.wait(_EVERY_SECONDS):
        began = time.monotonic()
        store.execute("BEGIN IMMEDIATE")
        longest = max(longest, time.monotonic() - began)
        store.execute("COMMIT")
    told.send(longest)


def measured(students: int, what: str, file: Path, turns: Turns, work: Callable[[], int]) -> Waited:
    """`work` done beside a second writer; it returns how many rows it changed."""
    processes = multiprocessing.get_context("spawn")
    over, (ours, theirs) = processes.Event(), processes.Pipe()
    other = processes.Process(target=_ask_for_the_turn, args=(str(file), over, theirs))
    other.start()
    turns.longest()
    began = time.monotonic()
    try:
        changed = work()
    finally:
        over.set()
    seconds = time.monotonic() - began
    longest = ours.recv()
    other.join()
    return Waited(students, what, seconds, longest, turns.longest(), changed)


def rounds(folder: Path, students: int) -> list[Waited]:
    """A county of so many students: its roster, and two nights of the registers, the second without anything new."""
    make = [sys.executable, str(ROOT / "tools/make_school.py"), "--out", str(folder), "--students", str(students)]
    subprocess.run(make, check=True, stdout=subprocess.DEVNULL)
    file = folder / "beredskap.db"
    database = Database(f"sqlite:///{file}")
    upgrade(database, complete_metadata())
    create_key_file(folder / "bench.key")
    keys, turns = load_keys(folder / "bench.key"), Turns(database.engine)

    def import_roster() -> int:
        with stage(database, keys, open_pifu((folder / "roster.xml",)), trusted_sources=("pifu",)) as staged:
            return staged.apply(operator="bench").changes

    found = [measured(students, "import pifu", file, turns, import_roster)]
    with served_registers() as registers:
        _fill(registers, folder / "register.json")
        sections = registers.settings(registers.write_key(folder / "maskinporten.pem"))
        one = Round(database, keys, "bench", trusted_sources=("krr",))
        for night in ("first", "second"):
            for register, sync in ((FREG, sync_freg), (KRR, sync_krr)):
                work = _round(one, _live(register, sections[register.section]), sync)
                found.append(measured(students, f"{night} sync {register.section}", file, turns, work))
    database.dispose()
    return found


def _fill(registers: PublicRegisters, file: Path) -> None:
    for item in json.loads(file.read_text("utf-8"))["oppslag"]:
        registers.freg[item["foedselsEllerDNummer"]] = item["folkeregisterperson"]
    named = {
        each["ansvarlig"]
        for person in list(registers.freg.values())
        for each in person.get("foreldreansvar", ())
        if each.get("ansvarlig")
    }
    for number in sorted(named):
        registers.freg.setdefault(number, document(number, name=("FORESATT", "EKSEMPEL"), born="1975-07-14"))
        phone, mail = f"+479{int(number) % 10_000_000:07d}", f"f{number[:6]}{number[8:]}@example.com"
        registers.krr[number] = active(number, kontaktinformasjon=contacts(phone, mail))


def _live(register: Register, section: dict[str, str]) -> LiveRegister:
    values = {"scope": SCOPES[register.section], "timeout_seconds": 60.0, **section}
    return LiveRegister(register, RegisterSettings.model_validate(values))


def _round(one: Round, live: LiveRegister, sync: Callable[[Round, LiveRegister], Result]) -> Callable[[], int]:
    def work() -> int:
        result = sync(one, live)
        return result.plan.changes if result.applied else 0

    return work


def main() -> None:
    told = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    told.add_argument("--students", type=int, nargs="+", default=[1000, 10_000])
    told.add_argument("--json", type=Path)
    options = told.parse_args()
    found: list[Waited] = []
    for students in options.students:
        folder = Path(tempfile.mkdtemp(prefix="beredskap-writer-"))
        try:
            found += rounds(folder, students)
        finally:
            shutil.rmtree(folder, ignore_errors=True)
    for one in found:
        print(
            f"{one.students:>7,} students  {one.what:16} {one.seconds:7.1f} s  "
            f"longest wait {one.longest_wait:6.2f} s, turn {one.longest_turn:6.2f} s of processor  "
            f"{one.changed:>9,} rows changed"
        )
    if options.json:
        options.json.write_text(json.dumps([asdict(one) for one in found], indent=1), "utf-8")


if __name__ == "__main__":
    main()
