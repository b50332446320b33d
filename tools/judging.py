"""How the tests judge a mutant: in a process of its own, which loads the changed file and all that can know it.

All tests of the file judge, in their order. The files on disk are never changed.
"""

from __future__ import annotations

import functools
import importlib.abc
import importlib.util
import json
import os
import select
import signal
import sys
import tempfile
from collections.abc import Callable, Collection, Sequence
from pathlib import Path
from types import ModuleType
from typing import Any

import hypothesis
import pytest
from judges import JUDGES

ROOT = Path(__file__).parents[1]
# Seconds after which a mutant is taken to hang, whatever it waits for; and seconds of work, where we know no better.
PATIENCE = 300
_WORK = 60.0
OURS = {"cli", "config", "contacts", "dispatcher", "portal", "providers", "tests"}
# Where the tests keep their databases: in memory, where there is a place for that.
PLACES = Path("/dev/shm" if os.access("/dev/shm", os.W_OK) else tempfile.gettempdir())
NOT_JUDGED = ("timeout", "")

Verdict = tuple[str, str]


def judge_anew(file: str, source: str, database: str) -> Verdict:
    """What became of a file's changed text: (killed, survived or timeout; the test that noticed)."""
    first, *others = JUDGES[file]
    verdict: Verdict = ("survived", "")
    # Most are noticed by the first file of tests. The others, and all that they need, are not even loaded until then.
    for tests in ([first], others):
        if tests and verdict[0] == "survived":
            verdict = in_a_child(functools.partial(_load_and_judge, file, source, database, tests))
    return verdict


def _load_and_judge(file: str, source: str, database: str, tests: Sequence[str]) -> Verdict:
    sys.meta_path.insert(0, Changed(file, source))
    watch = Watch(database)
    with tempfile.TemporaryDirectory(dir=PLACES) as place:
        try:
            status = pytest.main([*options_in(place), *tests], plugins=[watch])
        except KeyboardInterrupt:
            status = pytest.ExitCode.INTERRUPTED
    if status in (pytest.ExitCode.OK, pytest.ExitCode.NO_TESTS_COLLECTED):
        return "survived", ""
    if status == pytest.ExitCode.INTERRUPTED and not watch.failed:
        return "timeout", watch.began
    return "killed", watch.failed or "the tests could not be loaded"


def options_in(place: str) -> list[str]:
    return ["-x", "-q", "--tb=no", "-p", "no:cacheprovider", f"--basetemp={place}/tests"]


def in_a_child(work: Callable[[], Verdict]) -> Verdict:
    """What `work` says in a process of its own, and silent; within our patience."""
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            signal.signal(signal.SIGALRM, signal.default_int_handler)
            signal.alarm(PATIENCE)
            end_after(_WORK)
            be_silent()
            with os.fdopen(writing, "w") as answer:
                json.dump(work(), answer)
        finally:
            os._exit(0)
    os.close(writing)
    end = signal.SIGTERM
    try:
        if not select.select([reading], [], [], PATIENCE + 30)[0]:
            end = signal.SIGKILL
            return NOT_JUDGED
        with os.fdopen(reading, closefd=False) as answer:
            return tuple(json.loads(answer.read() or "null") or NOT_JUDGED)
    finally:
        os.close(reading)
        os.kill(child, end)
        os.waitpid(child, 0)


def end_after(seconds: float) -> None:
    """End this process after so many seconds of work, even within a query that has no end."""
    signal.signal(signal.SIGPROF, signal.SIG_DFL)
    signal.setitimer(signal.ITIMER_PROF, seconds)


class Watch:
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


def is_ours(module: str, *, but: Collection[str] = ()) -> bool:
    """Whether a module is the program's or its tests', and not of one of these rooms."""
    return module.split(".")[0] in OURS and not any(module == one or module.startswith(one + ".") for one in but)


class Changed(importlib.abc.MetaPathFinder, importlib.abc.SourceLoader):
    """Loads one module from another text than the file's."""

    def __init__(self, file: str, source: str) -> None:
        self._file, self._source = str(ROOT / file), source
        self._module = module_name(file)

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


def module_name(file: str) -> str:
    return file.removesuffix(".py").replace("/", ".")


def be_silent() -> None:
    """Say nothing from here on, in this process and its children."""
    nowhere = os.open(os.devnull, os.O_RDWR)
    for stream in (0, 1, 2):
        os.dup2(nowhere, stream)
