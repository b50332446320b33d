"""The mutation check: change the program in one small place, and see whether a test notices. Run by hand.

    make mutation                                                            # everything; about two hours
    .venv-mutation/bin/python tools/mutate.py dispatcher/outbox/claim.py     # one file
    .venv-mutation/bin/python tools/mutate.py --survivors FILE               # those once more, and on PostgreSQL
    .venv-mutation/bin/python tools/mutate.py --report                       # what was found so far

mutmut's own runner is not used: it leaves out decorated functions and tables at the top of a module, and here these
are the SQL of the outbox and the moves that are allowed. Each mutant lives in a process of its own, forked from one
that has loaded all that cannot know the file; the files on disk are never changed. SQLite judges first, and PostgreSQL
those that survived. Results stand in `.mutation/`, and a run that was ended is gone on with.
"""

from __future__ import annotations

import argparse
import contextlib
import hashlib
import importlib
import importlib.abc
import importlib.machinery
import importlib.util
import json
import os
import select
import shutil
import signal
import sys
import time
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from types import ModuleType
from typing import Any

import hypothesis
import pytest
from judges import BELOW, JUDGES, PURE
from mutants import Mutant, mutants_of

ROOT = Path(__file__).parents[1]
RESULTS = ROOT / ".mutation"
# Seconds after which a mutant is taken to hang. The longest list of tests takes a fifth of it on two busy cores.
PATIENCE = 300


def main() -> None:
    options = _options()
    RESULTS.mkdir(exist_ok=True)
    # The tests are read by each process anew; compiled once, whatever the surroundings say, that takes half the time.
    sys.dont_write_bytecode, sys.pycache_prefix = False, str(RESULTS / "compiled")
    (RESULTS / "places").mkdir(exist_ok=True)
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    files = options.files or list(JUDGES)
    if not options.report:
        os.chdir(ROOT)
        sys.path.insert(0, str(ROOT))
        for file in files:
            try_file(file, options.every, options.survivors, options.lines)
    _print_report(files, options.changes)


def try_file(file: str, every: int, survivors_only: bool, lines: set[int]) -> None:
    """Try every `every`th mutant of a file that was not tried before, or once more those that survived.

    `lines`: only changes that begin there; empty: wherever.
    """
    _load_what_lies_below(file)
    digest = _digest(file)
    unchanged = Mutant(0, "", (ROOT / file).read_text(encoding="utf-8"))
    if (verdict := _try(file, unchanged, survivors_only)) != ("survived", ""):
        sys.exit(f"{file}: the tests do not even pass unchanged: {verdict}. Nothing was tried.")
    known = _results(file)
    mutants = mutants_of(ROOT / file)[::every]
    with _results_file(file).open("a", encoding="utf-8") as results:
        for place, mutant in enumerate(mutants, 1):
            before = known.get((mutant.line, mutant.change))
            tried_enough = (before is None) == survivors_only or (before and before["fate"] == "killed")
            if tried_enough or (lines and mutant.line not in lines):
                continue
            began = time.monotonic()
            fate, judge = _try(file, mutant, survivors_only)
            one = {
                "digest": digest,
                "line": mutant.line,
                "change": mutant.change,
                "fate": fate,
                "by": judge,
                "seconds": round(time.monotonic() - began, 1),
            }
            print(json.dumps(one), file=results, flush=True)
            print(f"{file} {place}/{len(mutants)}: {fate} {judge}", flush=True)


def _try(file: str, mutant: Mutant, on_both: bool) -> tuple[str, str]:
    """What became of a mutant: (killed, survived or timeout; the test that noticed)."""
    fate, judge = "survived", ""
    for database in ("sqlite", "postgresql") if on_both and file not in PURE else ("sqlite",):
        if fate == "survived":
            fate, judge = _in_a_child(file, mutant, database)
    return fate, judge


def _in_a_child(file: str, mutant: Mutant, database: str) -> tuple[str, str]:
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            os.write(writing, json.dumps(_judge(file, mutant, database)).encode())
        finally:
            os._exit(0)
    os.close(writing)
    end = signal.SIGTERM  # when we are told to end: its servers end with it
    try:
        if not select.select([reading], [], [], PATIENCE + 30)[0]:
            end = signal.SIGKILL
            return "timeout", ""
        fate, judge = json.loads(os.read(reading, 10_000) or '["timeout", ""]')
        return fate, judge
    finally:
        os.close(reading)
        os.kill(child, end)
        os.waitpid(child, 0)
        shutil.rmtree(_place(child), ignore_errors=True)


def _judge(file: str, mutant: Mutant, database: str) -> tuple[str, str]:
    signal.signal(signal.SIGALRM, signal.default_int_handler)
    signal.alarm(PATIENCE)
    _be_silent()
    sys.meta_path.insert(0, _Changed(file, mutant.source))
    watch = _Watch(database)
    options = ["-x", "-q", "--tb=no", "-p", "no:cacheprovider", f"--basetemp={_place(os.getpid())}"]
    try:
        status = pytest.main([*options, *JUDGES[file]], plugins=[watch])
    except KeyboardInterrupt:
        status = pytest.ExitCode.INTERRUPTED
    if status in (pytest.ExitCode.OK, pytest.ExitCode.NO_TESTS_COLLECTED):
        return "survived", ""
    if status == pytest.ExitCode.INTERRUPTED and not watch.failed:
        return "timeout", watch.began
    return "killed", watch.failed or "the tests could not be loaded"


def _place(process: int) -> Path:
    """Where a process keeps its databases."""
    return RESULTS / "places" / str(process)


class _Watch:
    """Leaves the tests of one kind of database, makes hypothesis repeat itself, and remembers what noticed."""

    def __init__(self, database: str) -> None:
        self._database = database
        self.began = ""
        self.failed = ""

    def pytest_sessionstart(self) -> None:
        hypothesis.settings.register_profile(
            "mutation", deadline=None, database=None, derandomize=True, max_examples=50
        )
        hypothesis.settings.load_profile("mutation")

    def pytest_collection_modifyitems(self, items: list[pytest.Item]) -> None:
        items[:] = [item for item in items if ("postgres" in _needs(item)) == (self._database == "postgresql")]

    def pytest_runtest_logstart(self, nodeid: str) -> None:
        self.began = nodeid

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        if report.failed:
            self.failed = self.failed or report.nodeid

    def pytest_collectreport(self, report: pytest.CollectReport) -> None:
        if report.failed:
            self.failed = self.failed or report.nodeid


def _needs(item: pytest.Item) -> str:
    return " ".join((item.name, *getattr(item, "fixturenames", ())))


class _Changed(importlib.abc.MetaPathFinder, importlib.abc.SourceLoader):
    """Loads one module from the mutant's text."""

    def __init__(self, file: str, source: str) -> None:
        self._file, self._source = str(ROOT / file), source
        self._module = _module_name(file)

    def find_spec(self, fullname: str, path: Any, target: ModuleType | None = None) -> Any:
        if fullname != self._module:
            return None
        return importlib.util.spec_from_file_location(fullname, self._file, loader=self)

    def get_filename(self, fullname: str) -> str:
        return self._file

    def get_data(self, path: Any) -> bytes:
        if str(path).endswith(".pyc"):
            raise OSError("nothing of a mutant is kept")
        return self._source.encode()


def _load_what_lies_below(file: str) -> None:
    """Load the libraries and the rooms that the file's tests use and that cannot know the file."""
    names = _names_loaded_by(JUDGES[file])
    below = BELOW[file.split("/")[0]]
    ours = {"cli", "config", "contacts", "dispatcher", "portal", "providers", "tests"}
    for name in names:
        room = name.split(".")[0]
        if room not in ours or any(name == each or name.startswith(each + ".") for each in below):
            with contextlib.suppress(ImportError):
                importlib.import_module(name)
    assert _module_name(file) not in sys.modules, f"{file} was loaded before it could be changed"


def _be_silent() -> None:
    nowhere = os.open(os.devnull, os.O_RDWR)
    for stream in (0, 1, 2):
        os.dup2(nowhere, stream)


def _names_loaded_by(tests: Sequence[str]) -> list[str]:
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(reading)
        _be_silent()
        pytest.main(["-q", "--collect-only", "-p", "no:cacheprovider", *tests])
        with os.fdopen(writing, "w") as names:
            names.write("\n".join(name for name in sys.modules if not name.startswith(("_pytest", "pytest", "__"))))
        os._exit(0)
    os.close(writing)
    with os.fdopen(reading) as names:
        loaded = names.read().split("\n")
    os.waitpid(child, 0)
    return loaded


def _module_name(file: str) -> str:
    return file.removesuffix(".py").replace("/", ".")


def _results_file(file: str) -> Path:
    return RESULTS / f"{_module_name(file)}.jsonl"


def _digest(file: str) -> str:
    return hashlib.sha256((ROOT / file).read_bytes()).hexdigest()


def _results(file: str) -> dict[tuple[int, str], dict[str, Any]]:
    """The last word on each mutant of a file as it stands now, by its line and its change."""
    if not _results_file(file).exists():
        return {}
    lines = _results_file(file).read_text(encoding="utf-8").splitlines()
    found = [one for one in map(json.loads, lines) if one["digest"] == _digest(file)]
    return {(one["line"], one["change"]): one for one in found}


def _print_report(files: Sequence[str], changes: bool) -> None:
    print(f"{'file':36} mutants  killed  ended  survived  minutes")
    for file in files:
        found = sorted(_results(file).values(), key=lambda one: one["line"])
        fates = Counter(one["fate"] for one in found)
        minutes = sum(one["seconds"] for one in found) / 60
        print(f"{file:36} {len(found):7} {fates['killed']:7} {fates['timeout']:6} {fates['survived']:9} {minutes:8.0f}")
        for one in found if changes else ():
            if one["fate"] != "killed":
                print(f"\n  {file}:{one['line']} ({one['fate']})")
                print("    " + one["change"].replace("\n", "\n    "))


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Change the program in small places, and see whether tests notice.")
    parser.add_argument("files", nargs="*", metavar="FILE", help="files to change; without any: all of them")
    parser.add_argument("--every", type=int, default=1, metavar="N", help="try only every Nth change")
    parser.add_argument("--survivors", action="store_true", help="try those once more that survived")
    parser.add_argument(
        "--lines",
        type=lambda text: set(map(int, text.split(","))),
        default=set(),
        metavar="N,N",
        help="try only changes of these lines",
    )
    parser.add_argument("--report", action="store_true", help="try nothing; show what was found so far")
    parser.add_argument("--changes", action="store_true", help="show each change that no test noticed, too")
    return parser.parse_args()


if __name__ == "__main__":
    try:
        main()
    except KeyboardInterrupt:
        sys.exit(130)
